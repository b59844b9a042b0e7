package gpu

import (
	"fmt"
	"math"

	"orchrt/kernels"
)

// cacheArgs is CacheArgs of head.cuh.
type cacheArgs struct {
	k, v, kScale, vScale     uint64
	typ, pages, heads, width int32
}

// cacheArgsOf is kv as kernels take it.
func cacheArgsOf(kv kernels.Cache) cacheArgs {
	return cacheArgs{k: addr(kv.K), v: addr(kv.V), kScale: addr(kv.KScale), vScale: addr(kv.VScale),
		typ: int32(kv.Type), pages: int32(kv.Pages), heads: int32(kv.Heads), width: int32(kv.HeadDim)}
}

// attendArgs is AttendArgs of attend.cuh.
type attendArgs struct {
	y, q                    uint64
	pos, seq, table         uint64
	partial, stats, arrived uint64
	kv                      cacheArgs
	n, heads, pages         int32
	per, splits             int32
	pack                    int32
	part, parts             int32
	few                     int32
	scale                   float32
	_                       int32
}

// attendSm90Args is AttendSm90Args of attend_sm90.cu.
type attendSm90Args struct {
	k, v TensorMap
	at   attendArgs
	_    [4]uint64
}

const (
	attendFew     = 16 // rows of a sequence in a step from which on they are tiles (attend.cuh)
	decodeLeaves  = 32 // most leaves of a row
	decodeGroup   = 8  // leaves that are folded together first
	decodeQueries = 8  // most queries of a block
	prefillSplits = 16 // most blocks that share a tile
	prefillPages  = 8  // fewest pages of one of them
)

// cacheNames are the names of cache types in those of kernels.
var cacheNames = map[kernels.CacheType]string{kernels.CacheF16: "f16", kernels.CacheF32: "f32", kernels.CacheQ8: "q8",
	kernels.CacheFP8: "fp8"}

// CheckCache implements kernels.CacheChecker.
func (d *Device) CheckCache(t kernels.CacheType) error {
	if t == kernels.CacheFP8 && 10*d.info.Major+d.info.Minor < 89 {
		return fmt.Errorf("gpu: an fp8 cache needs compute capability 8.9, %s has %d.%d; q8 takes about the same memory",
			d.info.Name, d.info.Major, d.info.Minor)
	}
	if _, ok := cacheNames[t]; !ok {
		return fmt.Errorf("gpu: cache type %d is not supported", t)
	}
	return nil
}

// Attend implements kernels.Device.
func (d *Device) Attend(y, q kernels.Mat, kv kernels.Cache, at kernels.Rows) {
	kernels.CheckAttend(y, q, kv, at)
	checkHeadDim(kv.HeadDim)
	if err := d.CheckCache(kv.Type); err != nil {
		panic(err.Error())
	}
	if !d.ready(at.N) {
		return
	}
	a := attendArgs{y: addr(y.Buf), q: addr(q.Buf), pos: addr(at.Pos), seq: addr(at.Seq), table: addr(at.Table), kv: cacheArgsOf(kv),
		n: int32(at.N), heads: int32(q.Cols / kv.HeadDim), pages: int32(at.Pages),
		scale: float32(math.Log2E / math.Sqrt(float64(kv.HeadDim)))}
	tile := prefillTile(int(a.heads/a.kv.heads), kv.HeadDim)
	long := at.N-max(at.Seqs, 1)+1 >= attendFew && tile > 0 // some sequence may have so many rows
	if long && at.Seqs > 1 {
		a.few = 1
	}
	if long {
		d.attendPrefill(a, at, tile)
	}
	if !long || at.Seqs > 1 {
		d.attendDecode(a, at)
	}
}

// checkHeadDim panics where the kernels for heads do not take heads of n values.
func checkHeadDim(n int) {
	if n%16 != 0 || n > maxHeadDim {
		panic(fmt.Sprintf("gpu: heads of %d values; the kernels take multiples of 16 up to %d", n, maxHeadDim))
	}
}

// prefillTile is the number of rows in a tile of attendPrefill; 0: heads share
// their KV head with more others than a tile holds.
func prefillTile(group, dim int) int {
	if dim > 128 {
		return 64 / group
	}
	return 128 / group
}

// attendPrefill launches attend_sm90, where it can, or attend_prefill for the rows of sequences with many rows.
func (d *Device) attendPrefill(a attendArgs, at kernels.Rows, tile int) {
	tiles := (at.N + tile - 1) / tile
	a.pack = int32(tile)
	a.splits = int32(max(1, min(prefillSplits, 2*d.info.SMs/(tiles*int(a.kv.heads)), at.Pages/prefillPages)))
	d.attendResults(&a, at, tiles*int(a.kv.heads))
	g := Grid{X: tiles, Y: int(a.kv.heads), Z: int(a.splits), Overlap: true}
	t, dim := kernels.CacheType(a.kv.typ), 64
	for dim < int(a.kv.width) || t == kernels.CacheF32 && dim < 128 {
		dim *= 2
	}
	if t == kernels.CacheF16 && dim <= 128 && dim == int(a.kv.width) && d.warpGroups() {
		d.attendSm90(a, g)
		return
	}
	page, queries, stages := 2*64*dim*2, 128, 1
	g.Threads = 128
	switch {
	case dim > 128:
		queries = 64
	case dim > 64:
		g.Threads = 256
	}
	if dim <= 128 && t == kernels.CacheF16 {
		stages = 2
	}
	g.Shared = queries*(dim*2+4) + stages*page + 16
	launch(d, fmt.Sprintf("attend_prefill_%s_%d", cacheNames[t], dim), g, a)
}

// attendSm90 launches attend_sm90, which takes the same grid as attend_prefill.
func (d *Device) attendSm90(a attendArgs, g Grid) {
	const stages = 4
	lines := TensorMatrix{Rows: int64(a.kv.pages) * int64(a.kv.heads) * kernels.PageTokens, Cols: int64(a.kv.width), BoxRows: kernels.PageTokens}
	args := attendSm90Args{at: a}
	var err error
	if lines.Addr = a.kv.k; d.err == nil {
		args.k, err = d.drv.TensorMap(lines)
		d.fail(err)
	}
	if lines.Addr = a.kv.v; d.err == nil {
		args.v, err = d.drv.TensorMap(lines)
		d.fail(err)
	}
	g.Threads, g.Shared = 384, 2*stages*64*int(a.kv.width)*2+8*(4*stages+1)+8
	launch(d, fmt.Sprintf("attend_sm90_%d", a.kv.width), g, args)
}

// attendResults gives a working memory for the results of a.splits blocks a
// row, and counters for `counters` rows and heads.
func (d *Device) attendResults(a *attendArgs, at kernels.Rows, counters int) {
	if a.splits == 1 {
		return
	}
	results := int64(at.N) * int64(a.heads) * int64(a.splits)
	a.partial = addr(d.working("partial sums of attention", results*int64(a.kv.width)*4))
	a.stats = addr(d.working("statistics of attention", results*8))
	a.arrived = addr(d.working("counters of attention", int64(counters)*4))
}

// attendDecode launches attend_decode for the rows of sequences with few rows.
func (d *Device) attendDecode(a attendArgs, at kernels.Rows) {
	group, most := int(a.heads/a.kv.heads), decodeQueries
	if kernels.CacheType(a.kv.typ) == kernels.CacheF32 {
		most = 4 // for which registers suffice
	}
	parts := (group + most - 1) / most
	part := (group + parts - 1) / parts
	a.part, a.parts = int32(part), int32(parts)
	a.pack = 1
	if at.N > at.Seqs {
		for int(2*a.pack)*part <= most {
			a.pack *= 2
		}
	}
	blocks := at.N * int(a.kv.heads) * parts
	a.per, a.splits = 1, int32(min(decodeLeaves, at.Pages))
	if blocks >= d.info.SMs {
		a.per = decodeGroup
		a.splits = (a.splits + decodeGroup - 1) / decodeGroup
	}
	d.attendResults(&a, at, blocks)
	tiles := 1
	if int(a.pack)*part > 4 {
		tiles = 2
	}
	name, shared := decodeKernel(kernels.CacheType(a.kv.typ), int(a.kv.width), tiles)
	launch(d, name, Grid{X: int(a.splits), Y: int(a.kv.heads) * parts, Z: at.N, Threads: 128, Shared: shared, Overlap: true}, a)
}

// decodeKernel is the kernel for a cache type, head size and number of tiles
// of 4 queries, and its shared memory in bytes.
func decodeKernel(t kernels.CacheType, dim, tiles int) (name string, shared int) {
	name = "attend_decode_" + cacheNames[t]
	if (dim == 64 || dim == 128) && t != kernels.CacheF32 {
		name = fmt.Sprintf("%s_%d_%d", name, dim, tiles)
	} else {
		name, dim = name+"_any", maxHeadDim
		if t != kernels.CacheF32 {
			tiles = 2
		}
	}
	return name, (tiles+1)/2*dim/16*512 + 2*4*tiles*80*4 + 512 + 16
}
