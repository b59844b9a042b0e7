package gpu

import (
	"math"
	"unsafe"

	"orchrt/kernels"
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
	return f.unit() * float32(math.Ldexp(1, exp))
}

// codebook returns the address of the codebook that packing t looks points up in; 0:
// it needs none.
func (d *Device) codebook(t kernels.Type) uint64 {
	points, dim := kernels.Codebook(t)
	if dim <= 1 {
		return 0
	}
	purpose := "codebook of " + t.String()
	if b, ok := d.work[purpose]; ok {
		return addr(b)
	}
	b := d.working(purpose, int64(len(points)))
	d.Write(b, unsafe.Slice((*byte)(unsafe.Pointer(&points[0])), len(points)))
	return addr(b)
}
