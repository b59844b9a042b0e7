package runtime

import (
	"fmt"

	"orchrt/kernels"
	"orchrt/runtime/checkpoint"
)

// Model is a decoder on a device: weights and the RoPE table, nothing that
// changes. It is used by one goroutine at a time, as its device is.
type Model struct {
	Config  checkpoint.Config
	Context int // positions in the RoPE table: no sequence is longer

	dev      kernels.Device
	embed    kernels.Weight // [vocab, hidden]
	layers   []layer
	head     kernels.Head // its weight is embed where tied
	rope     kernels.Buf  // [Context, headDim/2, 2] f32
	owned    []kernels.Buf
	tokens   int     // ids below it may have a token
	eos      []int32 // ids that end a generation
	suppress []int32 // ids below tokens that stand for no token
}

// layer is one decoder layer.
type layer struct {
	attn kernels.Attention
	out  kernels.Weight // [hidden, heads*headDim]
	ffn  kernels.FFN
	down kernels.Weight // [hidden, ffn]
}

// LoadOptions are the choices made when a model is loaded.
type LoadOptions struct {
	// Context is the number of positions; 0 is the model's own. More than the
	// model's own is an error.
	Context int
	// Progress, if set, is called after every tensor with the bytes of weights
	// read so far and those of all.
	Progress func(done, total int64)
	// Stop, if set, is asked before every tensor: an error ends the loading and
	// comes back from LoadModel. A context's Err is one.
	Stop func() error
}

// LoadModel puts the weights of ck on dev. Each tensor's file mapping is
// released once the device has it, so that memory never holds much more than
// the weights once. ck may be closed afterwards.
func LoadModel(ck *checkpoint.Checkpoint, dev kernels.Device, opt LoadOptions) (*Model, error) {
	if opt.Context == 0 {
		opt.Context = ck.Config.Context
	}
	if opt.Context < 0 || opt.Context > ck.Config.Context {
		return nil, fmt.Errorf("%s: a context of %d is not possible: the model was made for 1 to %d tokens", ck.Path(), opt.Context, ck.Config.Context)
	}
	m := &Model{
		Config: ck.Config, Context: opt.Context, dev: dev,
		tokens: len(ck.Vocab.Tokens), eos: ck.EOS, suppress: ck.Suppress,
	}
	l := &loader{ck: ck, dev: dev, model: m, total: ck.WeightBytes(), progress: opt.Progress, stop: opt.Stop}
	l.load()
	if l.err != nil {
		m.Close()
		return nil, l.err
	}
	return m, nil
}

// Device is the device that the model lives on.
func (m *Model) Device() kernels.Device { return m.dev }

// Close frees the weights. The engine on top must be closed before.
func (m *Model) Close() {
	for _, b := range m.owned {
		m.dev.Free(b)
	}
	m.owned = nil
}
