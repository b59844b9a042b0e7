package gpu_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/x448/float16"

	"orchrt/kernels"
	"orchrt/kernels/gpu"
	"orchrt/kernels/gpu/emu"
	"orchrt/kernels/kerneltest"
)

// attendCase is a shape of Attend.
type attendCase struct {
	cache          kernels.CacheType
	dim            int
	heads, kvHeads int
	seqs           [][2]int // first position and rows of each sequence
	sms            int      // multiprocessors, on which the division of work depends
	bound          float64
}

func (c attendCase) String() string {
	return fmt.Sprintf("cache %d, %d heads over %d of %d, rows %v, %d SMs", c.cache, c.heads, c.kvHeads, c.dim, c.seqs, c.sms)
}

// pages is the number of pages of each sequence, one after the other.
func (c attendCase) pages(i int) int { return (c.seqs[i][0]+c.seqs[i][1]-1)/kernels.PageTokens + 1 }

// attend runs the case on dev with contents drawn from seed and returns y. Keys and values beyond each sequence are NaNs
// where the type has them.
func (c attendCase) attend(t testing.TB, dev kernels.Device, seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 1))
	put := func(data any) kernels.Buf { return upload(t, dev, data) }
	pages, widest := 1, 0 // page 0 belongs to nobody
	for i := range c.seqs {
		pages += c.pages(i)
		widest = max(widest, c.pages(i))
	}
	table, next := make([]int32, len(c.seqs)*widest), int32(pages-1)
	kv := kernels.Cache{Type: c.cache, Pages: pages, Heads: c.kvHeads, HeadDim: c.dim}
	lines := make([]bool, pages*c.kvHeads*kernels.PageTokens) // that hold a token
	var pos, slot, seq []int32
	for i, s := range c.seqs {
		for p := range c.pages(i) {
			table[i*widest+p] = next
			for h := range c.kvHeads {
				for o := range kernels.PageTokens {
					lines[(int(next)*c.kvHeads+h)*kernels.PageTokens+o] = p*kernels.PageTokens+o < s[0]+s[1]
				}
			}
			next--
		}
		for p := s[0]; p < s[0]+s[1]; p++ {
			pos, seq = append(pos, int32(p)), append(seq, int32(i))
			slot = append(slot, table[i*widest+p/kernels.PageTokens]*kernels.PageTokens+int32(p%kernels.PageTokens))
		}
	}
	kv.K, kv.KScale = c.lines(random, lines, put)
	kv.V, kv.VScale = c.lines(random, lines, put)
	n := len(pos)
	q := make([]float32, n*c.heads*c.dim)
	for i := range q {
		q[i] = float32(random.NormFloat64())
	}
	mat := func(b kernels.Buf) kernels.Mat { return kernels.Mat{Buf: b, Rows: n, Cols: c.heads * c.dim} }
	y := mat(put(make([]float32, len(q))))
	dev.Attend(y, mat(put(q)), kv, kernels.Rows{N: n, Seqs: len(c.seqs), Pages: widest,
		Pos: put(pos), Slot: put(slot), Seq: put(seq), Table: put(table)})
	raw := make([]byte, 4*len(q))
	if err := dev.Read(raw, y.Buf); err != nil {
		t.Fatalf("%v: %v", c, err)
	}
	out := make([]float32, len(q))
	if _, err := binary.Decode(raw, binary.NativeEndian, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// lines makes K or V with its scales: random values in the lines that hold a token.
func (c attendCase) lines(random *rand.Rand, used []bool, put func(any) kernels.Buf) (values, scales kernels.Buf) {
	n := len(used) * c.dim
	at := func(i int) float32 {
		if used[i/c.dim] {
			return float32(random.NormFloat64())
		}
		return float32(math.NaN())
	}
	switch c.cache {
	case kernels.CacheF32:
		x := make([]float32, n)
		for i := range x {
			x[i] = at(i)
		}
		return put(x), kernels.Buf{}
	case kernels.CacheF16:
		x := make([]uint16, n)
		for i := range x {
			x[i] = float16.Fromfloat32(at(i)).Bits()
		}
		return put(x), kernels.Buf{}
	case kernels.CacheFP8:
		x := bytes.Repeat([]byte{0x7f}, n)
		for i := range x {
			if used[i/c.dim] {
				x[i] = uint8(random.IntN(2))<<7 | uint8(random.IntN(0x48)) // below 4
			}
		}
		return put(x), kernels.Buf{}
	}
	x, s := make([]int8, n), make([]float32, len(used))
	for i := range x {
		x[i] = int8(random.IntN(255) - 127)
	}
	for i := range s {
		s[i] = float32(math.NaN())
		if used[i] {
			s[i] = float32(math.Exp2(-6 + 2*random.NormFloat64()))
		}
	}
	return put(x), put(s)
}

// wide says whether the case has rows for attend_sm90.
func (c attendCase) wide() bool {
	return c.cache == kernels.CacheF16 && (c.dim == 64 || c.dim == 128) && slices.ContainsFunc(c.seqs, func(s [2]int) bool { return s[1] >= 16 })
}

// check compares the case with the oracle, on both kernels for many rows where there are two, and returns y.
func (c attendCase) check(t *testing.T) []float32 {
	t.Helper()
	want := c.attend(t, kerneltest.NewOracle(), 7)
	compare := func(what string, got []float32) {
		var sum, errSum float64
		for i, w := range want {
			d := float64(got[i]) - float64(w)
			sum, errSum = sum+float64(w)*float64(w), errSum+d*d
		}
		if e := math.Sqrt(errSum / sum); !(e <= c.bound) {
			t.Errorf("%v%s: relative error %.2g, bound %.2g", c, what, e, c.bound)
		}
	}
	run := func(large gpu.LargeKernels, wide bool) []float32 {
		drv := emulated(t, emu.Options{SMs: c.sms})
		d, err := gpu.New(drv)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		d.UseLarge(large)
		got := c.attend(t, d, 7)
		compare(fmt.Sprintf(", kernels %d", large), got)
		if launched := launches(drv, "attend_sm90_") > 0; launched != wide {
			t.Errorf("%v, kernels %d: attend_sm90 launched: %v, want %v", c, large, launched, wide)
		}
		return got
	}
	if c.wide() {
		run(gpu.LargeWarps, false)
	}
	return run(gpu.LargeWarpGroups, c.wide())
}

// launches counts those of the kernels whose names begin with prefix.
func launches(drv *emu.Driver, prefix string) (n int) {
	for _, k := range drv.Kernels() {
		if strings.HasPrefix(k.Name, prefix) {
			n += k.Launches
		}
	}
	return n
}

// few is the error of rows that share a sequence with few others, many that of the others.
const few, many = 3e-6, 6e-4

// TestAttendShapes: sizes of heads and groups that the shared suite does not have.
func TestAttendShapes(t *testing.T) {
	one, some, tile := [][2]int{{129, 1}}, [][2]int{{62, 5}, {0, 1}, {190, 2}}, [][2]int{{50, 33}}
	for _, c := range []attendCase{
		{kernels.CacheF16, 16, 2, 1, some, 0, few}, {kernels.CacheF16, 80, 4, 1, one, 0, few}, {kernels.CacheQ8, 96, 6, 2, some, 0, few},
		{kernels.CacheFP8, 256, 3, 1, some, 0, few}, {kernels.CacheF32, 256, 2, 1, some, 0, few}, {kernels.CacheF16, 192, 1, 1, some, 0, few},
		{kernels.CacheQ8, 64, 16, 1, some, 0, few}, {kernels.CacheF16, 128, 12, 1, one, 0, few}, {kernels.CacheFP8, 128, 19, 1, some, 0, few},
		{kernels.CacheF16, 80, 4, 1, tile, 0, many}, {kernels.CacheQ8, 256, 2, 1, tile, 0, many}, {kernels.CacheF32, 48, 12, 1, tile, 0, many},
		{kernels.CacheFP8, 64, 128, 1, [][2]int{{3, 16}}, 0, many},
	} {
		c.check(t)
	}
}

// TestAttendWide: what attend_sm90 has of its own, over keys whose last page is whole, or not, or has one key: groups of all sizes, those
// whose queries do not fill a warp group or leave one without any, rings that wrap, more pages than a warp's lanes.
func TestAttendWide(t *testing.T) {
	for _, c := range []attendCase{
		{kernels.CacheF16, 128, 1, 1, [][2]int{{0, 16}}, 0, many}, {kernels.CacheF16, 64, 2, 1, [][2]int{{47, 17}}, 0, many},
		{kernels.CacheF16, 128, 3, 1, [][2]int{{0, 64}}, 0, many}, {kernels.CacheF16, 128, 4, 1, [][2]int{{48, 17}, {3, 30}}, 0, many},
		{kernels.CacheF16, 64, 5, 1, [][2]int{{100, 28}, {0, 3}, {40, 40}}, 0, many}, {kernels.CacheF16, 128, 6, 1, [][2]int{{60, 21}}, 0, many},
		{kernels.CacheF16, 128, 7, 1, [][2]int{{600, 18}}, 0, many}, {kernels.CacheF16, 64, 8, 1, [][2]int{{257, 40}}, 0, many},
		{kernels.CacheF16, 128, 14, 2, [][2]int{{319, 16}}, 0, many}, {kernels.CacheF16, 128, 128, 1, [][2]int{{5, 16}}, 0, many},
		{kernels.CacheF16, 64, 1, 1, [][2]int{{0, 200}}, 0, many}, {kernels.CacheF16, 128, 3, 3, [][2]int{{2200, 20}}, 1, many},
		{kernels.CacheF16, 64, 1, 1, [][2]int{{62, 16}}, 0, many}, {kernels.CacheF16, 128, 1, 1, [][2]int{{126, 66}}, 0, many},
	} {
		c.check(t)
	}
}

// TestAttendSplits: however the work is divided, few rows get the same bits, and results are right over leaves
// of several pages, groups of leaves, and tiles that share their pages.
func TestAttendSplits(t *testing.T) {
	for _, c := range []attendCase{
		{kernels.CacheF16, 64, 4, 1, [][2]int{{2047, 1}, {2048, 1}, {4500, 2}}, 0, few},
		{kernels.CacheQ8, 128, 2, 1, [][2]int{{700, 3}, {512, 1}}, 0, few},
		{kernels.CacheFP8, 64, 2, 2, [][2]int{{1100, 1}}, 0, few},
	} {
		c.sms = 1 << 20
		apart := c.check(t)
		c.sms = 1
		if together := c.check(t); fmt.Sprint(apart) != fmt.Sprint(together) {
			t.Errorf("%v: other bits than with one block for each leaf", c)
		}
	}
	for _, c := range []attendCase{
		{kernels.CacheF16, 64, 4, 1, [][2]int{{1500, 40}}, 0, many},
		{kernels.CacheF16, 128, 4, 1, [][2]int{{5, 1}, {1030, 20}, {200, 17}, {900, 2}}, 0, many},
		{kernels.CacheQ8, 64, 4, 2, [][2]int{{1024, 64}}, 0, 4 * many}, // whose scores are large
	} {
		for _, c.sms = range []int{1, 40, 1 << 20} {
			c.check(t)
		}
	}
}

// TestAttendWithoutWarpGroups runs the suite's cases of an f16 cache as GPUs below compute capability 9.0 run them.
func TestAttendWithoutWarpGroups(t *testing.T) {
	kerneltest.RunAttend(t, func(t *testing.T) kernels.Device {
		d, err := gpu.New(emulated(t, emu.Options{Major: 8}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	}, kerneltest.Options{Attend: conformance().Attend, Caches: []kernels.CacheType{kernels.CacheF16}})
}

// mapless is a driver that makes no tensor maps.
type mapless struct{ gpu.Driver }

var errMapless = errors.New("no tensor map today")

func (mapless) TensorMap(gpu.TensorMatrix) (gpu.TensorMap, error) { return gpu.TensorMap{}, errMapless }

// TestAttendWithoutTensorMap: where the driver refuses, nothing runs and the error is the device's.
func TestAttendWithoutTensorMap(t *testing.T) {
	drv := emulated(t, emu.Options{})
	d, err := gpu.New(mapless{drv})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	const n, dim = 16, 64
	kv := kernels.Cache{Type: kernels.CacheF16, Pages: 1, Heads: 1, HeadDim: dim}
	kv.K, kv.V = upload(t, d, make([]uint16, 64*dim)), upload(t, d, make([]uint16, 64*dim))
	zeros := upload(t, d, make([]int32, n))
	q := kernels.Mat{Buf: upload(t, d, make([]float32, n*dim)), Rows: n, Cols: dim}
	d.Attend(q, q, kv, kernels.Rows{N: n, Seqs: 1, Pages: 1, Pos: zeros, Slot: zeros, Seq: zeros, Table: zeros})
	if err := d.Read(nil, q.Buf); !errors.Is(err, errMapless) {
		t.Errorf("got %v, want %v", err, errMapless)
	}
	if n := launches(drv, "attend_"); n != 0 {
		t.Errorf("%d launches", n)
	}
}
