package kerneltest

import (
	"bytes"
	"errors"
	"io"

	"orchrt/kernels"
)

// checkMemory: Alloc, Free, Write, Read, Memory.
func checkMemory(r *rig) {
	free, total := r.dev.Memory()
	if free < 0 || total <= 0 || free > total {
		r.failf("Memory says %d free of %d", free, total)
	}
	if _, err := r.dev.Alloc(1 << 56); err == nil {
		r.failf("Alloc of 2^56 bytes gave no error")
	}
	type span struct {
		b    kernels.Buf
		data []byte
	}
	var live []span
	for round := range 3 { // later rounds get memory that was used before
		for _, n := range []int64{1, 3, 4, 63, 64, 65, 1000, 1 << 16, 3 << 20} {
			b, err := r.dev.Alloc(n)
			r.must(err)
			if b.Size != n || b.Addr%64 != 0 {
				r.failf("Alloc(%d) gave %d bytes at %#x", n, b.Size, b.Addr)
			}
			got := make([]byte, n)
			r.must(r.dev.Read(got, b))
			if bytes.Count(got, []byte{0}) != len(got) {
				r.failf("Alloc(%d) in round %d is not zeroed", n, round)
			}
			for i := range got {
				got[i] = byte(r.random.Uint32())
			}
			r.dev.Write(b, got)
			live = append(live, span{b, got})
		}
		for i, s := range live {
			readBack(r, s.b, s.data)
			if i%2 == round%2 {
				r.dev.Free(s.b)
			}
		}
		var kept []span
		for i, s := range live {
			if i%2 != round%2 {
				kept = append(kept, s)
			}
		}
		live = kept
	}
	for _, s := range live {
		r.dev.Free(s.b)
	}
}

// readBack checks b as a whole and parts of it, and a Write to a part.
func readBack(r *rig, b kernels.Buf, data []byte) {
	read := func(b kernels.Buf, want []byte) {
		got := make([]byte, len(want))
		r.must(r.dev.Read(got, b))
		if !bytes.Equal(got, want) {
			r.failf("%d bytes read back differ from those written", len(want))
		}
	}
	read(b, data)
	from := len(data) / 3
	read(b.Slice(int64(from), b.Size-int64(from)), data[from:])
	read(b, data[:from]) // less than the buffer
	patch := []byte("patch")
	if from+len(patch) <= len(data) {
		r.dev.Write(b.Slice(int64(from), int64(len(patch))), patch)
		copy(data[from:], patch)
		read(b, data)
	}
	r.dev.Write(b, nil)
	r.must(r.dev.Read(nil, b))
}

// errReader is what failing readers of the Pack case return.
var errReader = errors.New("the reader failed on purpose")

// source reads data; from offset `fails` on it gives errReader, and the read
// that takes the last byte gives io.EOF along with it where eof is set.
type source struct {
	data  []byte
	fails int64
	eof   bool
}

func (s source) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > s.fails {
		n := max(min(s.fails-off, int64(len(p))), 0)
		return copy(p[:n], s.data[off:]), errReader
	}
	n := copy(p, s.data[off:])
	if n < len(p) || s.eof && off+int64(n) == int64(len(s.data)) {
		return n, io.EOF
	}
	return n, nil
}

// checkPack: errors of the source come out of Pack and do not stick; a source
// that says io.EOF with its last byte is whole.
func checkPack(r *rig) {
	for _, t := range r.opt.Types {
		const out = 35
		in := columns(t)[0]
		rows := randomRows(r.random, t, out, in, 1)
		size := int64(len(rows))
		for _, fails := range []int64{0, 1, size / 2, size - 1} {
			if _, err := r.dev.Pack(t, out, in, source{rows, fails, false}); !errors.Is(err, errReader) {
				r.failf("%v: Pack from a source that fails at %d of %d bytes: %v", t, fails, size, err)
			}
		}
		if _, err := r.dev.Pack(t, out, in, bytes.NewReader(rows[:size-1])); err == nil {
			r.failf("%v: Pack from a source that is a byte short: no error", t)
		}
		w, err := r.dev.Pack(t, out, in, source{rows, size, true})
		if err != nil {
			r.failf("%v: Pack from a source that ends with io.EOF: %v", t, err)
			continue
		}
		r.dev.Free(w.Buf)
		// The device goes on: nothing of the failures sticks.
		mulAdd(r, r.pack(t, out, in, rows), r.normal(2*in), 2)
		r.release()
	}
	if _, err := packs(r, 9999); err == nil {
		r.failf("Pack of type 9999 gave no error")
	}
}

// packs calls Pack for a type that there is not; a panic counts as an error.
func packs(r *rig, t kernels.Type) (w kernels.Weight, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("panic")
		}
	}()
	return r.dev.Pack(t, 1, 256, bytes.NewReader(make([]byte, 1<<16)))
}

// checkZeroRows: operations on no rows do nothing.
func checkZeroRows(r *rig) {
	l := newLayer(r, layerShape{heads: 2, kvHeads: 1, dim: r.opt.HeadDims[0], hidden: 256, cache: r.opt.Caches[0], pages: 1, positions: 1})
	t := r.opt.Types[0]
	w := r.weight(t, 256, 256)
	some := r.junk("rows", 256)
	ids := r.i32("ids", []int32{1 << 30})
	r.both(func(s side) {
		none := func(cols int) kernels.Mat { return s.mat(some, 0, cols) }
		at := kernels.Rows{Pos: s.buf(ids), Slot: s.buf(ids), Seq: s.buf(ids), Table: s.buf(ids)}
		width := 2 * r.opt.HeadDims[0]
		s.Embed(none(256), s.weight(w), s.buf(ids))
		s.NormQKV(none(width), l.cacheOn(s), none(256), l.on(s), at)
		s.Attend(none(width), none(width), l.cacheOn(s), at)
		s.MulAdd(none(256), none(256), s.weight(w))
		s.NormGateUp(none(256), none(256), &kernels.FFN{Norm: s.buf(l.norm), Gate: s.weight(w), Up: s.weight(w), Eps: 1e-6})
		s.NormLogits(none(256), s.mat(some, 1, 256), &kernels.Head{Norm: s.buf(l.norm), Out: s.weight(w), Eps: 1e-6}, s.buf(ids))
	})
	r.settle("zero rows")
}
