package gpu

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sync"
	"unsafe"

	"orchrt/kernels"
)

const (
	packBytes   = 8 << 20 // about how much of a matrix is read and packed at a time
	packReaders = 4       // spans of it that are read side by side
)

// packArgs are the arguments of pack (pack.cu).
type packArgs struct {
	dst, src, book, most uint64
	rows, in, typ        uint32
	tiles                uint32
}

// rescaleArgs are the arguments of rescale (pack.cu).
type rescaleArgs struct {
	w                      uint64
	tiles, tile, at, count uint32
	floats                 uint32
	by                     float32
}

// packMost is pack_most of pack.cu.
const packMost = 1023

// Pack implements kernels.Device. in must be a multiple of 32 and of the
// format's block. Blocks go to the device as they are and are packed there
// while the next ones are read, several spans at a time: src must allow concurrent ReadAt, as
// files and mappings do. Where weights may be too large for f16, Scale of the result is a
// power of two that takes care of it.
func (d *Device) Pack(t kernels.Type, out, in int, src io.ReaderAt) (kernels.Weight, error) {
	f, ok := t.Format()
	if !ok {
		return kernels.Weight{}, fmt.Errorf("gpu: weights of %v are not supported", t)
	}
	if out <= 0 || in <= 0 || in%32 != 0 || in%f.Values != 0 {
		panic(fmt.Sprintf("gpu: Pack: [%d, %d] in %v: columns must be a multiple of 32 and of the block", out, in, t))
	}
	buf, err := d.Alloc(packedBytes(t, out, in))
	if err != nil {
		return kernels.Weight{}, err
	}
	scale, err := d.packRows(t, buf, out, in, src)
	if err != nil {
		d.Free(buf)
		return kernels.Weight{}, err
	}
	return kernels.Weight{Buf: buf, Type: t, Out: out, In: in, Scale: scale}, nil
}

// packRows reads and packs all rows, some tiles at a time: while one span is
// uploaded and packed, the next is read. It returns Weight.Scale.
func (d *Device) packRows(t kernels.Type, buf kernels.Buf, out, in int, src io.ReaderAt) (scale float32, err error) {
	rowBytes := t.RowBytes(in)
	step := min(max(int(packBytes/rowBytes)/tileRows, 1)*tileRows, (out+tileRows-1)/tileRows*tileRows)
	stage := d.working("packing", int64(step)*rowBytes)
	book := d.codebook(t)
	most := d.working("the largest weight", 8)
	d.Write(most, make([]byte, 8))
	if d.err != nil {
		return 0, d.err
	}
	var spans [2][]byte
	for i := range spans {
		spans[i] = make([]byte, int64(min(step, out))*rowBytes)
	}
	read := func(row, i int) chan error {
		done := make(chan error, 1)
		go func() {
			n := min(step, out-row)
			err := readSpan(src, spans[i][:int64(n)*rowBytes], int64(row)*rowBytes)
			if err != nil {
				err = fmt.Errorf("gpu: reading rows %d to %d of a [%d, %d] matrix in %v: %w", row, row+n, out, in, t, err)
			}
			done <- err
		}()
		return done
	}
	done := read(0, 0)
	for row, i := 0, 0; row < out; row, i = row+step, 1-i {
		if err := <-done; err != nil {
			return 0, err
		}
		if row+step < out {
			done = read(row+step, 1-i)
		}
		d.packSpan(t, buf, stage, most, book, row, min(step, out-row), in, spans[i])
	}
	scale = d.tame(t, buf, out, in, d.settle(most))
	return scale, d.err
}

// settle waits for all launches and returns what pack put into most: others read weights before they wait for the
// launches before them (see griddep_wait).
func (d *Device) settle(most kernels.Buf) float32 {
	b := make([]byte, 8)
	if err := d.Read(b, most); err != nil {
		return 0
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b))
}

// tame divides a packed matrix by a power of two where its weights, none larger than most, need it, and
// returns Weight.Scale. Infinite weights are left alone.
func (d *Device) tame(t kernels.Type, buf kernels.Buf, out, in int, most float32) float32 {
	f, _ := familyOf(t)
	if d.err != nil || most <= packMost || math.IsInf(float64(most), 0) {
		return f.unit()
	}
	_, exp := math.Frexp(float64(most) / packMost)
	at, count := f.scalesSpan()
	down, across := tilesOf(out, in)
	args := rescaleArgs{w: addr(buf), tiles: uint32(down * across), tile: uint32(f.tileBytes()), at: uint32(at), count: uint32(count),
		by: float32(math.Ldexp(1, -exp))}
	if f.isFloat() {
		args.floats = 1
	}
	launch(d, "rescale", Grid{X: (down*across + 7) / 8, Threads: 256}, args)
	if d.err == nil {
		d.fail(d.drv.Read(make([]byte, 1), addr(buf)))
	}
	return f.unit() * float32(math.Ldexp(1, exp))
}

// packSpan queues packing n rows from row on, whose blocks are at the start of raw.
func (d *Device) packSpan(t kernels.Type, buf, stage, most kernels.Buf, book uint64, row, n, in int, raw []byte) {
	d.Write(stage, raw[:int64(n)*t.RowBytes(in)])
	down, across := tilesOf(n, in)
	launch(d, "pack", Grid{X: (down*across + 7) / 8, Threads: 256}, packArgs{
		dst: addr(buf) + uint64(packedBytes(t, row, in)), src: addr(stage), book: book, most: addr(most),
		rows: uint32(n), in: uint32(in), typ: uint32(t), tiles: uint32(down * across),
	})
}

// readSpan fills dst from src at off, in a few parts side by side.
func readSpan(src io.ReaderAt, dst []byte, off int64) error {
	part := (len(dst)/packReaders + 4096) &^ 4095
	var wg sync.WaitGroup
	var errs [packReaders]error
	for i := range errs {
		lo, hi := min(i*part, len(dst)), min((i+1)*part, len(dst))
		if lo == hi {
			break
		}
		wg.Go(func() {
			got, err := src.ReadAt(dst[lo:hi], off+int64(lo))
			if got == hi-lo {
				err = nil
			} else if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			errs[i] = err
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// codebook returns the address of the codebook that packing t looks points up in; 0:
// it needs none.
func (d *Device) codebook(t kernels.Type) uint64 {
	points, dim := kernels.Codebook(t)
	if dim <= 1 {
		return 0
	}
	b := d.working("codebook of "+t.String(), int64(len(points)))
	d.Write(b, unsafe.Slice((*byte)(unsafe.Pointer(&points[0])), len(points)))
	return addr(b)
}
