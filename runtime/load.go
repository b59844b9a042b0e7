package runtime

import (
	"encoding/binary"
	"errors"
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
	matrices    []unpacked
}

// unpacked is a tensor to pack and where it goes.
type unpacked struct {
	name string
	to   *kernels.Weight
}

// load fills the model: the names of the tensors, and where each goes.
func (l *loader) load() {
	m, c := l.model, &l.model.Config
	l.checkMemory()
	l.table()
	l.matrix(&m.embed, checkpoint.Embedding)
	m.layers = make([]layer, c.Layers)
	for i := range m.layers {
		l.layer(&m.layers[i], func(name string) string { return checkpoint.Layer(i, name) })
	}
	m.head = kernels.Head{Norm: l.vector(checkpoint.OutputNorm), Eps: c.Eps}
	if !c.Tied {
		l.matrix(&m.head.Out, checkpoint.Output)
	}
	l.pack()
	if c.Tied {
		m.head.Out = m.embed
	}
}

// layer loads the parts of a decoder layer.
func (l *loader) layer(to *layer, part func(name string) string) {
	c := &l.model.Config
	to.attn = kernels.Attention{
		Norm: l.vector(part("attn_norm")), QNorm: l.vector(part("attn_q_norm")), KNorm: l.vector(part("attn_k_norm")),
		Rope: l.model.rope, Eps: c.Eps, Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim,
	}
	to.ffn = kernels.FFN{Norm: l.vector(part("ffn_norm")), Eps: c.Eps}
	l.matrix(&to.attn.Q, part("attn_q"))
	l.matrix(&to.attn.K, part("attn_k"))
	l.matrix(&to.attn.V, part("attn_v"))
	l.matrix(&to.out, part("attn_output"))
	l.matrix(&to.ffn.Gate, part("ffn_gate"))
	l.matrix(&to.ffn.Up, part("ffn_up"))
	l.matrix(&to.down, part("ffn_down"))
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

// matrix notes a tensor [out, in] that pack is to load.
func (l *loader) matrix(to *kernels.Weight, name string) {
	l.matrices = append(l.matrices, unpacked{name, to})
}

// pack packs what matrix noted, in the order of the notes.
func (l *loader) pack() {
	if dev, ok := l.dev.(kernels.Packer); ok && l.err == nil {
		l.packAll(dev)
		return
	}
	for _, m := range l.matrices {
		if !l.goesOn(m.name) {
			return
		}
		t, shape, data, _ := l.ck.Tensor(m.name)
		w, err := l.dev.Pack(t, shape[0], shape[1], data)
		if err != nil {
			l.fail(m.name, err)
			return
		}
		l.own(m, w)
		l.finish(m.name)
	}
}

// packAll packs with one call.
func (l *loader) packAll(dev kernels.Packer) {
	all := make([]kernels.Matrix, len(l.matrices))
	for i, m := range l.matrices {
		t, shape, data, _ := l.ck.Tensor(m.name)
		all[i] = kernels.Matrix{Type: t, Out: shape[0], In: shape[1], Src: data}
	}
	weights, err := dev.PackAll(all, func(bytes int64) error {
		l.count(bytes)
		if l.stop == nil {
			return nil
		}
		return l.stop()
	})
	if e := (*kernels.PackError)(nil); errors.As(err, &e) {
		l.fail(l.matrices[e.Index].name, e.Err)
		return
	} else if err != nil {
		l.fail("the weights", err)
		return
	}
	for i, m := range l.matrices {
		l.own(m, weights[i])
		l.ck.Release(m.name)
	}
}

// own takes a packed tensor over.
func (l *loader) own(m unpacked, w kernels.Weight) {
	w.Scale *= l.ck.Scale(m.name)
	l.model.owned = append(l.model.owned, w.Buf)
	*m.to = w
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
	l.count(l.ck.Bytes(name))
}

// count counts bytes that the device has.
func (l *loader) count(bytes int64) {
	l.done += bytes
	if l.progress != nil {
		l.progress(l.done, l.total)
	}
}
