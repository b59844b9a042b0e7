package runtime

import (
	"encoding/binary"
	"io"
	"math"

	"orchrt/kernels"
)

// hashDevice is a device whose rows are hashes: every value that a real decoder
// would read goes into the hash of a row (its token and position, and all keys
// and values of its sequence, through the page table), and nothing else. A wrong
// page, slot, position or order changes all tokens that follow. It is exact and
// fast, so that thousands of schedules can be tried.
type hashDevice struct {
	mem    [][]uint32 // by the upper half of an address
	gone   []int      // freed
	layers uint32     // Q weights packed so far
	vocab  int

	fail    func() error       // called by Read, if set
	forward func(at []int32)   // called by each step's first operation, if set
	layer   func()             // called at the end of each layer, if set
	logit   func(row []uint32) // changes a row of logits, if set
	live    int                // buffers
	total   int64              // Memory
}

var _ kernels.Device = (*hashDevice)(nil)

func (d *hashDevice) Name() string                { return "hash" }
func (d *hashDevice) Memory() (free, total int64) { return d.total, d.total }
func (d *hashDevice) Close() error                { return nil }

func (d *hashDevice) Alloc(n int64) (kernels.Buf, error) {
	id := len(d.mem)
	if len(d.gone) > 0 {
		id, d.gone = d.gone[len(d.gone)-1], d.gone[:len(d.gone)-1]
	} else {
		d.mem = append(d.mem, nil)
	}
	d.mem[id] = make([]uint32, n/4)
	d.live++
	return kernels.Buf{Addr: uintptr(id) << 32, Size: n}, nil
}

func (d *hashDevice) Free(b kernels.Buf) {
	id := int(b.Addr >> 32)
	if d.mem[id] == nil {
		panic("freed twice")
	}
	d.mem[id] = nil
	d.gone = append(d.gone, id)
	d.live--
}

// words is the memory of b.
func (d *hashDevice) words(b kernels.Buf) []uint32 {
	off := int64(b.Addr & (1<<32 - 1))
	return d.mem[b.Addr>>32][off/4 : (off+b.Size)/4]
}

func (d *hashDevice) Write(dst kernels.Buf, src []byte) {
	w := d.words(dst)
	for i := range len(src) / 4 {
		w[i] = binary.LittleEndian.Uint32(src[4*i:])
	}
}

func (d *hashDevice) Read(dst []byte, src kernels.Buf) error {
	if d.fail != nil {
		if err := d.fail(); err != nil {
			return err
		}
	}
	for i, w := range d.words(src)[:len(dst)/4] {
		binary.LittleEndian.PutUint32(dst[4*i:], w)
	}
	return nil
}

func (d *hashDevice) Pack(t kernels.Type, out, in int, src io.ReaderAt) (kernels.Weight, error) {
	d.layers++
	b, err := d.Alloc(64)
	if err == nil {
		d.words(b)[0] = d.layers
	}
	return kernels.Weight{Buf: b, Type: t, Out: out, In: in, Scale: 1}, err
}

func mix(h uint32, values ...uint32) uint32 {
	for _, v := range values {
		h = (h ^ v) * 0x9E3779B1
		h ^= h >> 15
	}
	return h
}

func (d *hashDevice) row(m kernels.Mat, i int) []uint32 {
	return d.words(m.Buf)[i*m.Cols:][:m.Cols]
}

func (d *hashDevice) Embed(y kernels.Mat, table kernels.Weight, ids kernels.Buf) {
	kernels.CheckEmbed(y, table, ids)
	words := d.words(ids)
	if d.forward != nil {
		at := make([]int32, len(words))
		for i, w := range words {
			at[i] = int32(w)
		}
		d.forward(at)
	}
	for i := range y.Rows {
		d.row(y, i)[0] = mix(1, words[i])
	}
}

// place is the index of a token's values in a cache of float32.
func place(kv kernels.Cache, slot int) int {
	page, off := slot/kernels.PageTokens, slot%kernels.PageTokens
	return (page*kv.Heads*kernels.PageTokens + off) * kv.HeadDim
}

func (d *hashDevice) NormQKV(q kernels.Mat, kv kernels.Cache, x kernels.Mat, w *kernels.Attention, at kernels.Rows) {
	kernels.CheckNormQKV(q, kv, x, w, at)
	layer := d.words(w.Q.Buf)[0]
	for i := range at.N {
		h := d.row(x, i)[0]
		pos, slot := d.words(at.Pos)[i], int(d.words(at.Slot)[i])
		d.row(q, i)[0] = mix(h, 2)
		d.words(kv.K)[place(kv, slot)] = mix(h, 3, layer, pos)
		d.words(kv.V)[place(kv, slot)] = mix(h, 4, layer, pos)
	}
}

func (d *hashDevice) Attend(y, q kernels.Mat, kv kernels.Cache, at kernels.Rows) {
	kernels.CheckAttend(y, q, kv, at)
	k, v, table := d.words(kv.K), d.words(kv.V), d.words(at.Table)
	for i := range at.N {
		pages := table[int(d.words(at.Seq)[i])*at.Pages:][:at.Pages]
		h := d.row(q, i)[0]
		for p := range int(d.words(at.Pos)[i]) + 1 {
			slot := int(pages[p/kernels.PageTokens])*kernels.PageTokens + p%kernels.PageTokens
			h = mix(h, k[place(kv, slot)], v[place(kv, slot)])
		}
		d.row(y, i)[0] = h
	}
}

func (d *hashDevice) MulAdd(x, y kernels.Mat, w kernels.Weight) {
	kernels.CheckMulAdd(x, y, w)
	for i := range x.Rows {
		d.row(x, i)[0] = mix(d.row(x, i)[0], d.row(y, i)[0])
	}
}

func (d *hashDevice) NormGateUp(h, x kernels.Mat, w *kernels.FFN) {
	kernels.CheckNormGateUp(h, x, w)
	if d.layer != nil {
		d.layer()
	}
	for i := range x.Rows {
		d.row(h, i)[0] = mix(d.row(x, i)[0], 5)
	}
}

// NormLogits spreads the logits over 0 to 8.
func (d *hashDevice) NormLogits(y, x kernels.Mat, w *kernels.Head, want kernels.Buf) {
	kernels.CheckNormLogits(y, x, w, want)
	for j := range y.Rows {
		h, row := d.row(x, int(d.words(want)[j]))[0], d.row(y, j)
		for v := range row {
			row[v] = math.Float32bits(float32(mix(h, uint32(v))>>8) / (1 << 21))
		}
		if d.logit != nil {
			d.logit(row)
		}
	}
}
