package runtime

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"orchrt/kernels"
	"orchrt/runtime/checkpoint"
)

// loader reads a model's tensors one by one; after the first error it does
// nothing more.
type loader struct {
	ck          *checkpoint.Checkpoint
	dev         kernels.Device
	model       *Model
	done, total int64 // bytes of weights
	progress    func(done, total int64)
	stop        func() error
	err         error
}

// load fills the model: the names of the tensors, and where each goes.
func (l *loader) load() {
	m, c := l.model, &l.model.Config
	l.checkMemory()
	l.table()
	m.embed = l.matrix(checkpoint.Embedding)
	m.layers = make([]layer, c.Layers)
	for i := range m.layers {
		part := func(name string) string { return checkpoint.Layer(i, name) }
		m.layers[i] = layer{
			attn: kernels.Attention{
				Norm:  l.vector(part("attn_norm")),
				Q:     l.matrix(part("attn_q")),
				K:     l.matrix(part("attn_k")),
				V:     l.matrix(part("attn_v")),
				QNorm: l.vector(part("attn_q_norm")),
				KNorm: l.vector(part("attn_k_norm")),
				Rope:  m.rope,
				Eps:   c.Eps, Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim,
			},
			out: l.matrix(part("attn_output")),
			ffn: kernels.FFN{
				Norm: l.vector(part("ffn_norm")),
				Gate: l.matrix(part("ffn_gate")),
				Up:   l.matrix(part("ffn_up")),
				Eps:  c.Eps,
			},
			down: l.matrix(part("ffn_down")),
		}
	}
	m.head = kernels.Head{Norm: l.vector(checkpoint.OutputNorm), Out: m.embed, Eps: c.Eps}
	if !c.Tied {
		m.head.Out = l.matrix(checkpoint.Output)
	}
}

// checkMemory refuses a model that does not fit before any of it is read.
func (l *loader) checkMemory() {
	free, total := l.dev.Memory()
	if total > 0 && l.total > free {
		l.err = fmt.Errorf("%s: the weights take %s, but %s has %s of %s free: use a smaller model or a format of fewer bits",
			l.ck.Path(), size(l.total), l.dev.Name(), size(free), size(total))
	}
}

// size writes a number of bytes in GiB, or in MiB below one.
func size(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
}

// table makes the RoPE table.
func (l *loader) table() {
	if l.err == nil {
		l.model.rope = l.put("rope table", ropeTable(&l.model.Config, l.model.Context))
	}
}

// goesOn reports that nothing has failed and nobody wants to stop before the
// tensor of that name.
func (l *loader) goesOn(name string) bool {
	if l.err == nil && l.stop != nil {
		if err := l.stop(); err != nil {
			l.fail(name, err)
		}
	}
	return l.err == nil
}

// matrix packs a tensor [out, in] for the device.
func (l *loader) matrix(name string) kernels.Weight {
	if !l.goesOn(name) {
		return kernels.Weight{}
	}
	t, shape, data, _ := l.ck.Tensor(name)
	w, err := l.dev.Pack(t, shape[0], shape[1], data)
	if err != nil {
		l.fail(name, err)
		return kernels.Weight{}
	}
	w.Scale *= l.ck.Scale(name)
	l.model.owned = append(l.model.owned, w.Buf)
	l.finish(name)
	return w
}

// vector reads a tensor [n] as f32.
func (l *loader) vector(name string) kernels.Buf {
	if !l.goesOn(name) {
		return kernels.Buf{}
	}
	t, shape, data, _ := l.ck.Tensor(name)
	raw := make([]byte, t.RowBytes(shape[0]))
	if _, err := data.ReadAt(raw, 0); err != nil && err != io.EOF {
		l.fail(name, err)
		return kernels.Buf{}
	}
	values := make([]float32, shape[0])
	if err := kernels.Dequantize(values, t, raw); err != nil {
		l.fail(name, err)
		return kernels.Buf{}
	}
	plain := make([]byte, 0, 4*len(values))
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			l.fail(name, fmt.Errorf("value %d is %v: the file is damaged", i, v))
			return kernels.Buf{}
		}
		plain = binary.LittleEndian.AppendUint32(plain, math.Float32bits(v))
	}
	buf := l.put(name, plain)
	l.finish(name)
	return buf
}

// put copies bytes to new memory of the device.
func (l *loader) put(name string, b []byte) kernels.Buf {
	buf, err := l.dev.Alloc(int64(len(b)))
	if err != nil {
		l.fail(name, err)
		return kernels.Buf{}
	}
	l.model.owned = append(l.model.owned, buf)
	l.dev.Write(buf, b)
	return buf
}

func (l *loader) fail(name string, err error) {
	if l.err == nil {
		l.err = fmt.Errorf("%s: loading %s: %w", l.ck.Path(), name, err)
	}
}

// finish counts a tensor and lets its pages of the file go.
func (l *loader) finish(name string) {
	l.ck.Release(name)
	l.done += l.ck.Bytes(name)
	if l.progress != nil {
		l.progress(l.done, l.total)
	}
}
