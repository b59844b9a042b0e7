package cpu

/*
#include "ops.h"
*/
import "C"

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"unsafe"

	"orchrt/kernels"
)

// packBytes is about how much of a matrix is read at a time.
const packBytes = 1 << 20

// Pack implements kernels.Device. in must be a multiple of 32 and of the
// format's block. Threads read and repack different rows at the same time, so
// src must allow concurrent ReadAt, as files and mappings do.
func (d *Device) Pack(t kernels.Type, out, in int, src io.ReaderAt) (kernels.Weight, error) {
	f, ok := t.Format()
	if !ok {
		return kernels.Weight{}, fmt.Errorf("cpu: weights of %v are not supported", t)
	}
	if out <= 0 || in <= 0 || in%32 != 0 || in%f.Values != 0 {
		panic(fmt.Sprintf("cpu: Pack: [%d, %d] in %v: columns must be a multiple of 32 and of the block", out, in, t))
	}
	buf, err := d.Alloc(int64(C.ort_packed_bytes(C.int(t), C.int64_t(out), C.int64_t(in))))
	if err != nil {
		return kernels.Weight{}, err
	}
	if err := d.packRows(t, buf, out, in, src); err != nil {
		d.Free(buf)
		return kernels.Weight{}, err
	}
	a := d.bufs[buf.Addr]
	a.packed = true
	d.bufs[buf.Addr] = a
	return kernels.Weight{Buf: buf, Type: t, Out: out, In: in, Scale: 1}, nil
}

// packRows reads and packs all rows, in parallel, some panels at a time.
func (d *Device) packRows(t kernels.Type, buf kernels.Buf, out, in int, src io.ReaderAt) error {
	rowBytes := t.RowBytes(in)
	step := max(int(packBytes/rowBytes)/16*16, 16)
	book := d.codebook(t)
	var next atomic.Int64
	var wg sync.WaitGroup
	workers := min(d.Threads(), (out+step-1)/step)
	errs := make([]error, workers)
	for i := range workers {
		wg.Go(func() { errs[i] = packSome(t, buf, out, in, step, src, book, &next) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// packSome takes steps of rows from next until there are no more.
func packSome(t kernels.Type, buf kernels.Buf, out, in, step int, src io.ReaderAt, book []int8, next *atomic.Int64) error {
	rowBytes := t.RowBytes(in)
	stage := make([]byte, int64(step)*rowBytes)
	var cbook *C.int8_t
	if len(book) > 0 {
		cbook = (*C.int8_t)(unsafe.Pointer(&book[0]))
	}
	for {
		row := int(next.Add(int64(step))) - step
		if row >= out {
			return nil
		}
		n := min(step, out-row)
		b := stage[:int64(n)*rowBytes]
		if got, err := src.ReadAt(b, int64(row)*rowBytes); got < len(b) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("cpu: reading rows %d to %d of a [%d, %d] matrix in %v: %w", row, row+n, out, in, t, err)
		}
		C.ort_pack_rows(C.int(t), addr(buf), C.int64_t(in), C.int64_t(row), (*C.uint8_t)(unsafe.Pointer(&b[0])), C.int64_t(n), cbook)
	}
}

// codebook returns the codebook of t, expanded once.
func (d *Device) codebook(t kernels.Type) []int8 {
	if b, ok := d.books[t]; ok {
		return b
	}
	b, _ := kernels.Codebook(t)
	d.books[t] = b
	return b
}
