package runtime

import (
	"cmp"
	"encoding/binary"
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
	chosen   int // rows
}

var (
	_ kernels.Recorder = (*chooserDevice)(nil)
	_ kernels.Chooser  = (*chooserDevice)(nil)
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
	repeated, chosen := 0, 0
	for round := range 40 {
		random := rand.New(rand.NewPCG(uint64(round), 77))
		requests := randomRequests(random, 1+random.IntN(8), want.Context, want.tokens)
		for i := range requests {
			if random.IntN(4) == 0 {
				requests[i].Params.Logprobs = 2 // needs all logits
			}
		}
		dev := &chooserDevice{hashDevice: &hashDevice{vocab: small.Vocab}, recorded: map[kernels.StepKey]func(){}, top: []int{1, 20, 64}[random.IntN(3)]}
		e, err := NewEngine(loadTiny(t, dev, small), EngineOptions{Parallel: 1 + random.IntN(4), Chunk: 1 + random.IntN(200), Cache: kernels.CacheF32})
		if err != nil {
			t.Fatal(err)
		}
		schedule(t, e, random, requests, alone(t, want, kernels.CacheF32, requests))
		stopEngine(t, e)
		repeated += dev.repeated
		chosen += dev.chosen
	}
	if repeated < 1000 || chosen < 1000 {
		t.Errorf("%d steps were repeated, %d rows chosen: the test does not test them", repeated, chosen)
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
