package runtime

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"orchrt/gguf"
	"orchrt/kernels"
	"orchrt/kernels/cpu"
	"orchrt/kernels/kerneltest"
	"orchrt/runtime/checkpoint"
	"orchrt/runtime/internal/tiny"
)

// geometries are shapes of heads and head ties, all of which must work.
func geometries() map[string]tiny.Model {
	shape := func(change func(*tiny.Model)) tiny.Model {
		m := tiny.Small()
		change(&m)
		return m
	}
	return map[string]tiny.Model{
		"untied":           shape(func(m *tiny.Model) {}),
		"tied":             shape(func(m *tiny.Model) { m.Tied = true }),
		"one KV head":      shape(func(m *tiny.Model) { m.KVHeads = 1 }),
		"no grouping":      shape(func(m *tiny.Model) { m.KVHeads = 4 }),
		"wide attention":   shape(func(m *tiny.Model) { m.HeadDim = 32 }), // heads*headDim > hidden
		"narrow attention": shape(func(m *tiny.Model) { m.Hidden, m.FFN = 96, 32 }),
		"one layer, half":  shape(func(m *tiny.Model) { m.Layers, m.Half = 1, true }),
	}
}

// TestGreedyFollowsLogits: what the engine generates, in pages and steps, is
// the highest of the logits of one straight run over the same tokens.
func TestGreedyFollowsLogits(t *testing.T) {
	for name, shape := range geometries() {
		t.Run(name, func(t *testing.T) {
			dev := kerneltest.NewOracle()
			t.Cleanup(func() { dev.Close() })
			m := loadTiny(t, dev, shape)
			if m.Config.Tied != shape.Tied {
				t.Errorf("tied: %v", m.Config.Tied)
			}
			prompt := ramp(3, 70)
			e, err := NewEngine(m, EngineOptions{Cache: kernels.CacheF32, Chunk: 50})
			if err != nil {
				t.Fatal(err)
			}
			ids := mustGenerate(t, e, greedy(prompt, 12))
			stopEngine(t, e)
			all := slices.Concat(prompt, ids)
			next := 0
			err = m.Logits(all[:len(all)-1], func(pos int, row []float32) error {
				if pos != next {
					t.Errorf("position %d after %d others", pos, next)
				}
				next++
				if pos < len(prompt)-1 {
					return nil
				}
				row = row[:m.tokens-shape.Unused]
				best := int32(slices.Index(row, slices.Max(row)))
				if want := all[pos+1]; best != want {
					t.Errorf("position %d: the engine drew %d, the highest logit is %d's", pos, want, best)
				}
				return nil
			})
			if err != nil || next != len(all)-1 {
				t.Errorf("%d rows of logits, want %d: %v", next, len(all)-1, err)
			}
		})
	}
}

// TestScale: the scale that a file keeps beside a matrix in NVFP4 reaches the device.
func TestScale(t *testing.T) {
	shape := tiny.Small()
	shape.Hidden = 64
	shape.Kinds = map[string]gguf.Type{"blk.0.ffn_gate.weight": gguf.NVFP4}
	shape.Extra = []string{"blk.0.ffn_gate.scale"}
	shape.Shapes = map[string][]int64{"blk.0.ffn_gate.scale": {1}}
	shape.Fill = func(string, int) float32 { return 0.25 }
	dev := kerneltest.NewOracle()
	t.Cleanup(func() { dev.Close() })
	ffn := loadTiny(t, dev, shape).layers[0].ffn
	if ffn.Gate.Type != kernels.NVFP4 || ffn.Gate.Scale != 0.25 || ffn.Up.Scale != 1 {
		t.Errorf("gate in %v has the scale %v, up %v; want NVFP4, 0.25, 1", ffn.Gate.Type, ffn.Gate.Scale, ffn.Up.Scale)
	}
}

// TestTied: a tied head gives the logits of a head of its own with the same
// weights, to the last bit.
func TestTied(t *testing.T) {
	shape := tiny.Small()
	shape.Half = true
	shape.Fill = func(name string, i int) float32 {
		h := mix(uint32(i), 1)
		for _, c := range strings.Replace(name, "output.weight", "token_embd.weight", 1) {
			h = mix(h, uint32(c))
		}
		return float32(h%2000)/1000 - 1
	}
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	var out [2][]float32
	for i := range out {
		shape.Tied = i == 1
		m := loadTiny(t, dev, shape)
		err := m.Logits(ramp(0, 100), func(_ int, row []float32) error {
			out[i] = append(out[i], row...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(out[0], out[1]) || len(out[0]) != 100*shape.Vocab {
		t.Error("the tied head's logits differ")
	}
	var pieces []float32
	err = loadTiny(t, dev, shape).LogitsBy(ramp(0, 100), 7, kernels.CacheF32, func(_ int, row []float32) error {
		pieces = append(pieces, row...)
		return nil
	})
	if err != nil || !slices.Equal(pieces, out[1]) {
		t.Errorf("seven tokens at a time the logits differ; %v", err)
	}
}

func TestLogitsLimits(t *testing.T) {
	dev := &hashDevice{}
	m := loadTiny(t, dev, tiny.Small())
	before := dev.live
	none := func(int, []float32) error { return nil }
	var limit *LimitError
	if err := m.Logits(ramp(0, 513), none); !errors.As(err, &limit) || limit.Limit != 512 {
		t.Errorf("too long: %v", err)
	}
	if err := m.Logits([]int32{288}, none); !errors.As(err, &limit) || limit.Value != 288 {
		t.Errorf("no token: %v", err)
	}
	if err := m.Logits(nil, none); err != nil {
		t.Errorf("nothing: %v", err)
	}
	if err := m.Logits(ramp(0, 512), none); err != nil {
		t.Errorf("a whole context: %v", err)
	}
	enough := errors.New("enough")
	if err := m.Logits(ramp(0, 99), func(int, []float32) error { return enough }); err != enough {
		t.Errorf("the callback's error came back as %v", err)
	}
	broken := errors.New("broken")
	dev.fail = func() error { return broken }
	if err := m.Logits(ramp(0, 99), none); !errors.Is(err, broken) {
		t.Errorf("the device's error came back as %v", err)
	}
	if dev.live != before {
		t.Errorf("%d buffers were not freed", dev.live-before)
	}
}

func TestLoadModel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := tiny.Small().WriteFile(path); err != nil {
		t.Fatal(err)
	}
	open := func() *checkpoint.Checkpoint {
		ck, err := checkpoint.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ck.Close() })
		return ck
	}
	ck := open()
	dev := &hashDevice{}
	last, calls := int64(0), 0
	m, err := LoadModel(ck, dev, LoadOptions{Progress: func(done, total int64) {
		if done <= last || done > total || total != ck.WeightBytes() {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
		calls++
	}})
	if err != nil {
		t.Fatal(err)
	}
	if last != ck.WeightBytes() || calls != len(ck.Tensors()) {
		t.Errorf("progress ended at %d of %d after %d calls", last, ck.WeightBytes(), calls)
	}
	if m.Context != 512 {
		t.Errorf("context %d, want the model's", m.Context)
	}
	m.Close()
	if dev.live != 0 {
		t.Errorf("%d buffers left after Close", dev.live)
	}
	for _, context := range []int{-1, 513, 1 << 30} {
		if _, err := LoadModel(ck, dev, LoadOptions{Context: context}); err == nil || !strings.Contains(err.Error(), "context") {
			t.Errorf("context %d: %v", context, err)
		}
	}
	left, enough := 5, errors.New("enough")
	stop := func() error {
		if left--; left < 0 {
			return enough
		}
		return nil
	}
	if _, err := LoadModel(ck, dev, LoadOptions{Stop: stop}); !errors.Is(err, enough) || left != -1 {
		t.Errorf("stopped before the sixth tensor: %v with %d left", err, left)
	}
	dev.total = 1000
	if _, err := LoadModel(ck, dev, LoadOptions{}); err == nil || !strings.Contains(err.Error(), "free") {
		t.Errorf("no memory: %v", err)
	}
	if dev.live != 0 {
		t.Errorf("%d buffers left after failures", dev.live)
	}
}

// TestLoadRefusesBrokenNorms: NaN in a norm would make every row NaN.
func TestLoadRefusesBrokenNorms(t *testing.T) {
	broken := tiny.Small()
	broken.Fill = func(name string, i int) float32 {
		if name == "blk.1.attn_k_norm.weight" && i == 3 {
			return float32(math.NaN())
		}
		return 1
	}
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := broken.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	ck, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	dev := &hashDevice{}
	if _, err := LoadModel(ck, dev, LoadOptions{}); err == nil || !strings.Contains(err.Error(), "blk.1.attn_k_norm.weight") {
		t.Errorf("got %v, want an error that names the tensor", err)
	}
	if dev.live != 0 {
		t.Errorf("%d buffers left", dev.live)
	}
}

func TestEngineOptions(t *testing.T) {
	dev := &hashDevice{}
	m := loadTiny(t, dev, tiny.Small())
	before := dev.live
	for name, opt := range map[string]EngineOptions{
		"context":    {Context: 513},
		"no context": {Context: 1},
		"negative":   {Context: -1},
		"parallel":   {Parallel: -1},
		"chunk":      {Chunk: -1},
		"pages":      {CachePages: 7},
		"many pages": {CachePages: 1 << 30},
		"queue":      {Queue: 1 << 30},
	} {
		if _, err := NewEngine(m, opt); err == nil {
			t.Errorf("%s: %+v was taken", name, opt)
		}
	}
	dev.total = 10000
	if _, err := NewEngine(m, EngineOptions{}); err == nil || !strings.Contains(err.Error(), "KV cache") {
		t.Errorf("no memory: %v", err)
	}
	dev.total = 0
	e, err := NewEngine(m, EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if o := e.Options(); o.Parallel != 4 || o.Context != 512 || o.Chunk != 512 || o.CachePages != 11 || o.Queue != 256 {
		t.Errorf("defaults %+v", o)
	}
	stopEngine(t, e)
	if dev.live != before {
		t.Errorf("%d buffers were not freed", dev.live-before)
	}
}

// TestRopeTable compares with the formula, position by position.
func TestRopeTable(t *testing.T) {
	c := &checkpoint.Config{HeadDim: 16, RopeBase: 1e4, RopeScaling: checkpoint.RopeScaling{Kind: checkpoint.RopeNone}}
	table := ropeTable(c, 1000)
	if len(table) != 1000*8*2*4 {
		t.Fatalf("%d bytes", len(table))
	}
	at := func(pos, pair, which int) float64 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(table[((pos*8+pair)*2+which)*4:])))
	}
	for _, pos := range []int{0, 1, 7, 999} {
		for pair := range 8 {
			angle := float64(pos) / math.Pow(1e4, float64(pair)/8)
			if math.Abs(at(pos, pair, 0)-math.Cos(angle)) > 1e-7 || math.Abs(at(pos, pair, 1)-math.Sin(angle)) > 1e-7 {
				t.Errorf("position %d, pair %d: %v, %v", pos, pair, at(pos, pair, 0), at(pos, pair, 1))
			}
		}
	}
}

// nullDevice does nothing, so that only the host's part of a step costs time.
type nullDevice struct{ hashDevice }

func (d *nullDevice) Read(dst []byte, src kernels.Buf) error                          { return nil }
func (d *nullDevice) Embed(kernels.Mat, kernels.Weight, kernels.Buf)                  {}
func (d *nullDevice) Attend(y, q kernels.Mat, kv kernels.Cache, at kernels.Rows)      {}
func (d *nullDevice) MulAdd(x, y kernels.Mat, w kernels.Weight)                       {}
func (d *nullDevice) NormGateUp(h, x kernels.Mat, w *kernels.FFN)                     {}
func (d *nullDevice) NormLogits(kernels.Mat, kernels.Mat, *kernels.Head, kernels.Buf) {}
func (d *nullDevice) NormQKV(kernels.Mat, kernels.Cache, kernels.Mat, *kernels.Attention, kernels.Rows) {
}

// BenchmarkStep is a decode step of 36 layers without device and with next to
// nothing to sample from: what the engine itself costs per token.
func BenchmarkStep(b *testing.B) {
	for _, parallel := range []int{1, 16} {
		b.Run(map[int]string{1: "sequences=1", 16: "sequences=16"}[parallel], func(b *testing.B) {
			shape := tiny.Small()
			shape.Layers, shape.Context = 36, 40960
			m := loadTiny(b, &nullDevice{}, shape)
			e, err := NewEngine(m, EngineOptions{Parallel: parallel, Context: 40960, CachePages: parallel * 640, Cache: kernels.CacheQ8})
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close(context.Background())
			var streams []*Stream
			for i := range parallel {
				prompt := make([]int32, 4000)
				prompt[0] = int32(i)
				s, err := e.Submit(context.Background(), greedy(prompt, 0))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Recv(); err != nil {
					b.Fatal(err)
				}
				streams = append(streams, s)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				if _, err := streams[i%parallel].Recv(); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			for _, s := range streams {
				s.Close()
			}
		})
	}
}
