package runtime

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"orchrt/kernels"
	"orchrt/runtime/internal/tiny"
)

// chooserDevice is a hashDevice that chooses among logits and repeats recorded
// steps, with the buffers that it recorded.
type chooserDevice struct {
	*hashDevice
	top      int // MaxTop
	recorded map[kernels.StepKey]func()
	repeated int
	chosen   int         // rows
	drawn    int         // rows
	wrong    func() bool // draw another token than asked for, if set
}

var (
	_ kernels.Recorder = (*chooserDevice)(nil)
	_ kernels.Drawer   = (*chooserDevice)(nil)
)

func (d *chooserDevice) Free(b kernels.Buf) {
	clear(d.recorded)
	d.hashDevice.Free(b)
}

func (d *chooserDevice) Step(key kernels.StepKey, ops func()) {
	if f, ok := d.recorded[key]; ok {
		d.repeated++
		f()
		return
	}
	d.recorded[key] = ops
	ops()
}

func (d *chooserDevice) MaxTop(int) int { return d.top }

func (d *chooserDevice) Top(y kernels.Buf, logits kernels.Mat, c *kernels.Choice) {
	kernels.CheckTop(y, logits, c, d.top)
	words := (c.Vocab + 63) / 64
	out := d.words(y)
	clear(out)
	each := (kernels.TopHeadBytes + c.K*kernels.TopTokenBytes) / 4
	for i := range c.N {
		d.chosen++
		row := slices.Clone(d.row(logits, int(d.words(c.Row)[i])))
		for e := d.words(c.First)[i]; e < d.words(c.First)[i+1]; e++ {
			edit(row, d.words(c.Edits)[4*e:][:4])
		}
		var mask []uint32
		if m := int32(d.words(c.Mask)[i]); m >= 0 {
			mask = d.words(c.Masks)[2*words*int(m):][:2*words]
		}
		best(out[each*i:][:each], row[:c.Vocab], mask, c.K)
	}
}

func (d *chooserDevice) Draw(ids, top kernels.Buf, k int, draws kernels.Buf) {
	kernels.CheckDraw(ids, top, k, draws)
	each := (kernels.TopHeadBytes + k*kernels.TopTokenBytes) / 4
	for i := range int(draws.Size / kernels.DrawParamsBytes) {
		d.drawn++
		p := d.words(draws)[10*i:][:10]
		f := func(j int) float64 { return math.Float64frombits(uint64(p[2*j]) | uint64(p[2*j+1])<<32) }
		row := d.words(top)[each*int(p[8]):][:each]
		id := drawOne(row, int(p[9]), f(0), f(1), f(2), f(3))
		if d.wrong != nil && d.wrong() {
			id = (id + 1) % int32(d.vocab)
		}
		row[3] = uint32(id)
		d.words(ids)[i] = uint32(id)
	}
}

// drawOne draws as DrawParams says, in the plainest way.
func drawOne(row []uint32, k int, temperature, topP, minP, u float64) int32 {
	type token struct {
		id     int32
		logit  float32
		weight float64
	}
	var list []token
	for j := range int(int32(row[0])) {
		list = append(list, token{id: int32(row[4+2*j]), logit: math.Float32frombits(row[5+2*j])})
	}
	if len(list) == 0 {
		return 0
	}
	slices.SortFunc(list, func(a, b token) int { return cmp.Or(cmp.Compare(b.logit, a.logit), cmp.Compare(a.id, b.id)) })
	if temperature == 0 {
		return list[0].id
	}
	list = list[:min(k, len(list))]
	mass, kept := 0.0, 0.0
	for i := range list {
		list[i].weight = math.Exp((float64(list[i].logit) - float64(list[0].logit)) / temperature)
		mass += list[i].weight
	}
	for i, t := range list {
		if i > 0 && topP < 1 && kept >= topP*mass || t.weight < minP {
			list = list[:i]
			break
		}
		kept += t.weight
	}
	slices.SortFunc(list, func(a, b token) int { return cmp.Compare(a.id, b.id) })
	left := u * kept
	for _, t := range list {
		if left -= t.weight; left < 0 {
			return t.id
		}
	}
	return list[len(list)-1].id
}

func (d *chooserDevice) Later(b kernels.Buf) func([]byte) error {
	snapshot := make([]byte, b.Size)
	err := d.Read(snapshot, b)
	return func(dst []byte) error {
		copy(dst, snapshot)
		return err
	}
}

// edit applies a LogitEdit to a row.
func edit(row, e []uint32) {
	f := math.Float32frombits
	x := f(row[e[0]]) + f(e[1])
	if x > 0 {
		x /= f(e[2])
	} else {
		x *= f(e[2])
	}
	row[e[0]] = math.Float32bits(x - f(e[3]))
}

// best writes the k best of row to out, the worst first: any order must do.
func best(out, row, mask []uint32, k int) {
	var ids []int
	for i, bits := range row {
		x := math.Float32frombits(bits)
		if mask != nil && mask[i/32]>>(i%32)&1 == 0 || math.IsInf(float64(x), -1) {
			continue
		}
		if x-x != 0 {
			out[0], out[1], out[2] = math.MaxUint32, uint32(i), bits
			return
		}
		ids = append(ids, i)
	}
	at := func(i int) float32 { return math.Float32frombits(row[i]) }
	slices.SortStableFunc(ids, func(a, b int) int { return cmp.Compare(at(b), at(a)) })
	ids = ids[:min(k, len(ids))]
	slices.Reverse(ids)
	out[0] = uint32(len(ids))
	for j, i := range ids {
		out[4+2*j], out[5+2*j] = uint32(i), row[i]
	}
}

// TestDeviceThatChooses runs the random requests of TestSchedulesDoNotMatter on a
// device that records steps and chooses tokens: they get what they got where the host
// reads all logits.
func TestDeviceThatChooses(t *testing.T) {
	small := tiny.Small()
	want := loadTiny(t, &hashDevice{vocab: small.Vocab}, small)
	repeated, chosen, drawn := 0, 0, 0
	var ahead, wrong uint64
	for round := range 60 {
		random := rand.New(rand.NewPCG(uint64(round), 77))
		requests := randomRequests(random, 1+random.IntN(8), want.Context, want.tokens)
		for i := range requests {
			if random.IntN(4) == 0 {
				requests[i].Params.Logprobs = 2 // needs all logits
			}
		}
		dev := &chooserDevice{hashDevice: &hashDevice{vocab: small.Vocab}, recorded: map[kernels.StepKey]func(){}, top: []int{1, 20, 64}[random.IntN(3)]}
		if round%3 == 0 {
			errs := rand.New(rand.NewPCG(uint64(round), 5))
			dev.wrong = func() bool { return errs.IntN(10) == 0 }
		}
		e, err := NewEngine(loadTiny(t, dev, small), EngineOptions{Parallel: 1 + random.IntN(4), Chunk: 1 + random.IntN(200), Cache: kernels.CacheF32})
		if err != nil {
			t.Fatal(err)
		}
		schedule(t, e, random, requests, alone(t, want, kernels.CacheF32, requests))
		stopEngine(t, e)
		repeated += dev.repeated
		chosen += dev.chosen
		drawn += dev.drawn
		stats := e.Stats()
		ahead, wrong = ahead+stats.Ahead, wrong+stats.Misdrawn
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	t.Logf("%d steps repeated, %d rows chosen, %d drawn; %d steps queued ahead, %d rows of them for wrong tokens", repeated, chosen, drawn, ahead, wrong)
	if repeated < 1000 || chosen < 1000 || drawn < 1000 || ahead < 1000 || wrong < 50 {
		t.Error("the test does not test what it should")
	}
}

// Broken logits end the request with the same error as where the host finds them.
func TestChooserFindsBrokenLogits(t *testing.T) {
	small := tiny.Small()
	var errs [2]error
	for i, top := range []int{0, 8} {
		dev := &chooserDevice{hashDevice: &hashDevice{vocab: small.Vocab}, recorded: map[kernels.StepKey]func(){}, top: top}
		dev.logit = func(row []uint32) { row[7] = math.Float32bits(float32(math.NaN())) }
		e, err := NewEngine(loadTiny(t, dev, small), EngineOptions{Cache: kernels.CacheF32})
		if err != nil {
			t.Fatal(err)
		}
		r := randomRequests(rand.New(rand.NewPCG(1, 1)), 1, 64, small.Vocab)[0]
		r.Mask = nil
		for _, err := range e.Generate(t.Context(), r) {
			errs[i] = err
		}
		stopEngine(t, e)
	}
	if errs[0] == nil || errs[1] == nil || errs[0].Error() != errs[1].Error() {
		t.Errorf("host: %v; device: %v", errs[0], errs[1])
	}
}

func TestTableWidth(t *testing.T) {
	for n := 1; n < 5000; n++ {
		if w := tableWidth(n); w < n || w > n+n/4 && w > n+3 {
			t.Errorf("tables for %d pages are %d wide", n, w)
		}
	}
	if binary.Size(kernels.TopHead{}) != kernels.TopHeadBytes || binary.Size(kernels.TopToken{}) != kernels.TopTokenBytes || binary.Size(kernels.LogitEdit{}) != kernels.LogitEditBytes {
		t.Error("the sizes of Top's structures are not what the seam says")
	}
}

// Failures of the device while a step is queued ahead end requests with the device's
// error, and what the others get is right.
func TestAheadSurvivesFailures(t *testing.T) {
	small := tiny.Small()
	want := loadTiny(t, &hashDevice{vocab: small.Vocab}, small)
	failed, whole := 0, 0
	for round := range 20 {
		random := rand.New(rand.NewPCG(uint64(round), 78))
		requests := randomRequests(random, 6, want.Context, want.tokens)
		right := alone(t, want, kernels.CacheF32, requests)
		dev := &chooserDevice{hashDevice: &hashDevice{vocab: small.Vocab}, recorded: map[kernels.StepKey]func(){}, top: 64}
		faults := rand.New(rand.NewPCG(uint64(round), 6))
		dev.fail = func() error {
			if faults.IntN(60) == 0 {
				return errors.New("the device fell over")
			}
			return nil
		}
		e, err := NewEngine(loadTiny(t, dev, small), EngineOptions{Parallel: 3, Cache: kernels.CacheF32})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range requests {
			var got []int32
			var fault error
			for tok, err := range e.Generate(t.Context(), again(r)) {
				if fault = err; err == nil {
					got = append(got, tok.ID)
				}
			}
			if fault != nil {
				failed++
				if e := (*DeviceError)(nil); !errors.As(fault, &e) {
					t.Errorf("request %d: %v, want a *DeviceError", i, fault)
				}
			} else {
				whole++
			}
			if len(got) > len(right[i]) || !slices.Equal(got, right[i][:len(got)]) || fault == nil && len(got) < len(right[i]) {
				t.Errorf("round %d, request %d: got %v (%v), want %v", round, i, got, fault, right[i])
			}
		}
		stopEngine(t, e)
	}
	if failed < 10 || whole < 10 {
		t.Errorf("%d requests failed, %d did not", failed, whole)
	}
}
