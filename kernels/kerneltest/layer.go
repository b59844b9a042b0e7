package kerneltest

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/x448/float16"

	"orchrt/kernels"
)

// layerShape is the shape of an attention layer and its cache.
type layerShape struct {
	heads, kvHeads, dim, hidden int
	cache                       kernels.CacheType
	pages                       int // of the cache
	positions                   int // rows of the rope table
}

// layer is an attention layer with its cache on both devices. The weights take
// types of the options at random.
type layer struct {
	layerShape
	q, k, v            weight
	norm, qNorm, kNorm *array
	rope               *array
	keys, values       *array // the cache
	kScale, vScale     *array
	exact              kernels.Cache // on the oracle, float32: what the cache would hold without rounding
}

// newLayer makes a layer; the cache holds NaNs.
func newLayer(r *rig, shape layerShape) *layer {
	l := &layer{layerShape: shape}
	pick := func(out int) weight {
		return r.weight(r.opt.Types[r.random.IntN(len(r.opt.Types))], out, shape.hidden)
	}
	l.q, l.k, l.v = pick(shape.heads*shape.dim), pick(shape.kvHeads*shape.dim), pick(shape.kvHeads*shape.dim)
	l.norm, l.qNorm, l.kNorm = r.f32("norm", r.gains(shape.hidden)), r.f32("q norm", r.gains(shape.dim)), r.f32("k norm", r.gains(shape.dim))
	l.rope = r.f32("rope", ropeTable(shape.positions, shape.dim))
	kv := kernels.Cache{Type: shape.cache, Pages: shape.pages, Heads: shape.kvHeads, HeadDim: shape.dim}
	values, scales := kv.Sizes()
	nan := func(name string, n int64) *array { return r.bytes(name, bytes.Repeat([]byte{guardByte}, int(n))) }
	l.keys, l.values = nan("K", values), nan("V", values)
	l.kScale, l.vScale = nan("K scales", scales), nan("V scales", scales)
	l.exact = kv
	l.exact.Type = kernels.CacheF32
	values, _ = l.exact.Sizes()
	var err error
	l.exact.K, err = r.ref.Alloc(values)
	r.must(err)
	l.exact.V, err = r.ref.Alloc(values)
	r.must(err)
	r.scratch = append(r.scratch, l.exact.K, l.exact.V)
	return l
}

// ropeTable is cos, sin of pos/10000^(2i/dim), [positions, dim/2, 2].
func ropeTable(positions, dim int) []float32 {
	table := make([]float32, 0, positions*dim)
	for p := range positions {
		for i := range dim / 2 {
			sin, cos := math.Sincos(float64(p) * math.Pow(10000, -2*float64(i)/float64(dim)))
			table = append(table, float32(cos), float32(sin))
		}
	}
	return table
}

// on is the layer as the operation on s takes it.
func (l *layer) on(s side) *kernels.Attention {
	return &kernels.Attention{Norm: s.buf(l.norm), Q: s.weight(l.q), K: s.weight(l.k), V: s.weight(l.v),
		QNorm: s.buf(l.qNorm), KNorm: s.buf(l.kNorm), Rope: s.buf(l.rope), Eps: 1e-6,
		Heads: l.heads, KVHeads: l.kvHeads, HeadDim: l.dim}
}

// cacheOn is the cache of the layer's own type on s.
func (l *layer) cacheOn(s side) kernels.Cache {
	return kernels.Cache{Type: l.cache, K: s.buf(l.keys), V: s.buf(l.values), KScale: s.buf(l.kScale), VScale: s.buf(l.vScale),
		Pages: l.pages, Heads: l.kvHeads, HeadDim: l.dim}
}

// precise is the cache on s, in float32 on the oracle.
func (l *layer) precise(s side) kernels.Cache {
	if s.i == 0 {
		return l.cacheOn(s)
	}
	return l.exact
}

// cacheArrays are the four arrays of the cache.
func (l *layer) cacheArrays() []*array { return []*array{l.keys, l.values, l.kScale, l.vScale} }

// width is the number of columns of q.
func (l *layer) width() int { return l.heads * l.dim }

// line is the index of a token of one head in the cache, in heads' rows.
func (l *layer) line(slot, head int) int {
	return (slot/kernels.PageTokens*l.kvHeads+head)*kernels.PageTokens + slot%kernels.PageTokens
}

// span is the bytes of one line of a, which has n lines in all.
func (l *layer) span(a *array, line int) []byte {
	size := len(a.data) / (l.pages * l.kvHeads * kernels.PageTokens)
	return a.data[line*size:][:size]
}

// decode is the values of a line as the cache's bytes and scale give them.
func (l *layer) decode(values, scales *array, line int) []float32 {
	raw := l.span(values, line)
	switch l.cache {
	case kernels.CacheF32:
		return decode(raw)
	case kernels.CacheF16:
		x := make([]float32, l.dim)
		for i := range x {
			x[i] = float16.Frombits(binary.NativeEndian.Uint16(raw[2*i:])).Float32()
		}
		return x
	case kernels.CacheFP8:
		x := make([]float32, l.dim)
		for i, b := range raw {
			x[i] = float32(fromE4M3(b))
		}
		return x
	}
	scale := decode(l.span(scales, line))[0]
	x := make([]float32, l.dim)
	for i, b := range raw {
		x[i] = scale * float32(int8(b))
	}
	return x
}

// encode puts values into a line of the arrays' data (not yet on the devices).
func (l *layer) encode(values, scales *array, line int, x []float32) {
	raw := l.span(values, line)
	switch l.cache {
	case kernels.CacheF32:
		copy(raw, encode(x))
	case kernels.CacheF16:
		for i, v := range x {
			binary.NativeEndian.PutUint16(raw[2*i:], float16.Fromfloat32(v).Bits())
		}
	case kernels.CacheFP8:
		for i, v := range x {
			raw[i] = toE4M3(float64(v))
		}
	case kernels.CacheQ8:
		q := make([]int8, len(x))
		copy(l.span(scales, line), encode([]float32{quantize8(q, widen(x))}))
		for i, v := range q {
			raw[i] = byte(v)
		}
	}
}

// sequence is a run of rows of one sequence in a step.
type sequence struct {
	pages        []int32 // in order of position
	start, count int
}

// slot is where position pos goes.
func (s sequence) slot(pos int) int {
	return int(s.pages[pos/kernels.PageTokens])*kernels.PageTokens + pos%kernels.PageTokens
}

// takePages gives each sequence pages for all its positions, out of order and
// all different, and returns the number of pages of the cache that holds them.
// The last page belongs to nobody.
func (r *rig) takePages(seqs []sequence) (pages int) {
	for _, s := range seqs {
		pages += (s.start+s.count-1)/kernels.PageTokens + 1
	}
	order := r.random.Perm(pages)
	for i := range seqs {
		n := (seqs[i].start+seqs[i].count-1)/kernels.PageTokens + 1
		seqs[i].pages = nil
		for _, p := range order[:n] {
			seqs[i].pages = append(seqs[i].pages, int32(p))
		}
		order = order[n:]
	}
	return pages + 1
}

// step is the arrays of kernels.Rows.
type step struct {
	n, seqs, pages        int
	pos, slot, seq, table *array
	positions, slots      []int32
}

// step lays out the rows of seqs; entries of the table beyond a sequence's
// pages name the page `spare`.
func (r *rig) step(spare int, seqs ...sequence) step {
	st := step{seqs: len(seqs), pages: 1}
	for _, s := range seqs {
		st.pages = max(st.pages, len(s.pages))
	}
	var seq, table []int32
	for i, s := range seqs {
		for p := s.start; p < s.start+s.count; p++ {
			st.positions = append(st.positions, int32(p))
			st.slots = append(st.slots, int32(s.slot(p)))
			seq = append(seq, int32(i))
		}
		for p := range st.pages {
			if p < len(s.pages) {
				table = append(table, s.pages[p])
			} else {
				table = append(table, int32(spare))
			}
		}
	}
	st.n = len(seq)
	st.pos, st.slot = r.i32("Pos", st.positions), r.i32("Slot", st.slots)
	st.seq, st.table = r.i32("Seq", seq), r.i32("Table", table)
	return st
}

// on is the step as the operations on s take it.
func (st step) on(s side) kernels.Rows {
	return kernels.Rows{N: st.n, Seqs: st.seqs, Pages: st.pages,
		Pos: s.buf(st.pos), Slot: s.buf(st.slot), Seq: s.buf(st.seq), Table: s.buf(st.table)}
}
