package kernels

import "io"

// PageTokens is the number of tokens that one page of the KV cache holds.
const PageTokens = 64

// Buf is a span of a device's memory. Addr is an address in the device's own
// space; Size is in bytes. The zero Buf is no memory.
type Buf struct {
	Addr uintptr
	Size int64
}

// Slice returns the n bytes of b from offset off. It panics out of range.
func (b Buf) Slice(off, n int64) Buf {
	if off < 0 || n < 0 || off > b.Size || n > b.Size-off {
		panic("kernels: Buf.Slice out of range")
	}
	return Buf{Addr: b.Addr + uintptr(off), Size: n}
}

// Mat is a row-major float32 matrix in device memory.
type Mat struct {
	Buf  Buf // [Rows, Cols] f32
	Rows int
	Cols int
}

// Weight is a matrix in a device's own layout, made by Device.Pack.
// It multiplies activations as x·wᵀ: Out rows of In values.
//
// Its values are Scale times what Buf holds. Pack sets Scale to what its layout
// needs, a power of two; whoever has a scale of the whole tensor beside the blocks, as
// NVFP4 files do, multiplies Scale by it.
type Weight struct {
	Buf   Buf // [Out, In], device layout
	Type  Type
	Out   int
	In    int
	Scale float32
}

// Attention holds what NormQKV needs of one layer.
type Attention struct {
	Norm         Buf    // [hidden] f32, RMS norm before the projections
	Q            Weight // [heads*headDim, hidden]
	K, V         Weight // [kvHeads*headDim, hidden]
	QNorm, KNorm Buf    // [headDim] f32, RMS norm of each head before RoPE
	Rope         Buf    // [positions, headDim/2, 2] f32: cos, sin; rotates halves (NEOX)
	Eps          float32
	Heads        int
	KVHeads      int
	HeadDim      int
}

// FFN holds what NormGateUp needs of one layer.
type FFN struct {
	Norm     Buf    // [hidden] f32
	Gate, Up Weight // [ffn, hidden]
	Eps      float32
}

// Head holds the final norm and the output projection.
type Head struct {
	Norm Buf    // [hidden] f32
	Out  Weight // [vocab, hidden]
	Eps  float32
}

// Rows describes the rows of one step. Rows of one sequence are consecutive
// and in order of position, each position one above the one before.
type Rows struct {
	N     int // rows in this step
	Seqs  int // sequences in this step
	Pages int // width of Table: pages per sequence

	Pos   Buf // [N] i32: position in the sequence, from 0
	Slot  Buf // [N] i32: where the row's K and V go: page*PageTokens + offset
	Seq   Buf // [N] i32: row of Table
	Table Buf // [Seqs, Pages] i32: page numbers in order of position
}

// CacheType is the storage type of the KV cache.
type CacheType int

// The storage types of the KV cache. CacheQ8 holds int8 values with one
// float32 scale for each head and token: value = scale*q. CacheFP8 holds E4M3
// (sign, 4 bits of exponent with bias 7, 3 of mantissa; no infinities; OCP 8-bit
// Floating Point), rounded to nearest even, ±448 where the magnitude is greater.
const (
	CacheF16 CacheType = iota
	CacheF32
	CacheQ8
	CacheFP8
)

// CacheChecker is a Device that does not take every type of cache.
type CacheChecker interface {
	Device
	// CheckCache returns an error that says why the device has no caches of type
	// t and which to take instead; nil where it has them.
	CheckCache(t CacheType) error
}

// Cache is the paged KV cache of one layer, laid out
// [page][kv head][PageTokens][head dim], so that a page of one head is one
// contiguous span. Scales, for CacheQ8 only, are [page][kv head][PageTokens] f32.
type Cache struct {
	Type           CacheType
	K, V           Buf
	KScale, VScale Buf
	Pages          int
	Heads          int
	HeadDim        int
}

// Device runs the operations of a decoder on one piece of hardware.
// The package's documentation says what holds for all of them.
type Device interface {
	// Name is the device in words, such as "cpu (avx512-vnni, 2 threads)".
	Name() string
	// Memory returns the free and the total bytes of the device's memory.
	Memory() (free, total int64)

	// Alloc returns n bytes, zeroed and aligned to 64 bytes.
	Alloc(n int64) (Buf, error)
	// Free gives back what Alloc or Pack returned.
	Free(b Buf)
	// Write copies src to the start of dst.
	Write(dst Buf, src []byte)
	// Read waits for all work before it, copies len(dst) bytes from the start
	// of src, and returns the first failure of the device so far, if any.
	Read(dst []byte, src Buf) error

	// Pack reads a matrix [out, in] of block format t from src, where its rows
	// lie one after the other, and lays it out for this device; Scale of the
	// result is for the values of the blocks as they are. An error of
	// src is returned as it is and does not stick.
	Pack(t Type, out, in int, src io.ReaderAt) (Weight, error)

	// Embed sets row i of y [n, hidden] to row ids[i] of table [vocab, hidden].
	// ids is [n] i32.
	Embed(y Mat, table Weight, ids Buf)
	// NormQKV computes h = rmsnorm(x)·Norm, then q, k, v = h·Qᵀ, h·Kᵀ, h·Vᵀ;
	// applies the per-head norm and RoPE to q and k; stores q [n, heads*headDim]
	// and appends k and v to the cache at Slot. x is [n, hidden] and stays.
	NormQKV(q Mat, kv Cache, x Mat, w *Attention, at Rows)
	// Attend sets y [n, heads*headDim] to softmax(q·kᵀ/√headDim)·v over the
	// positions 0..Pos[i] of each row's own sequence. Query head h reads KV head
	// h / (heads/kvHeads).
	Attend(y, q Mat, kv Cache, at Rows)
	// MulAdd adds y·wᵀ to x: x [n, out], y [n, in].
	MulAdd(x, y Mat, w Weight)
	// NormGateUp sets h [n, ffn] to silu(r·Gateᵀ)·(r·Upᵀ), r = rmsnorm(x)·Norm.
	NormGateUp(h, x Mat, w *FFN)
	// NormLogits sets row i of y [m, vocab] to rmsnorm(x[want[i]])·Norm·Outᵀ.
	// want is [m] i32.
	NormLogits(y, x Mat, w *Head, want Buf)

	// Close frees everything.
	Close() error
}
