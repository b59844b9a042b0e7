package gpu

import (
	"fmt"
	"strings"

	"orchrt/kernels"
)

// Geometry of gemm_small.cuh.
const (
	smallMost  = 64 // rows of a step that these kernels are for
	smallScale = 64 // factor of the scales in a fragment
)

// smallMode is what becomes of sums (GemmSmallMode in gemm_small.cuh).
type smallMode int32

const (
	smallStore smallMode = iota
	smallAdd
	smallPair
	smallGated
)

// smallArgs mirrors GemmSmallArgs.
type smallArgs struct {
	w                 [3]uint64
	act, scale        uint64
	out               uint64
	partial, counters uint64
	rows, end, column [3]int32
	across            int32
	padded, n0, n     int32
	ld, mode          int32
	units, stages     int32
	gain              [3]float32
}

// smallShape is GemmSmallShape: the row tiles of a unit, and the bytes of the weights of a stage.
func smallShape(f family) (tiles, weights int) {
	tiles = 8
	if f.isFloat() {
		tiles = 4
	}
	return tiles, tiles * f.tileBytes()
}

// smallThreads is GemmSmallShape's.
func smallThreads(nt int) int {
	if nt == 8 {
		return 256
	}
	return 512
}

// smallShared is the shared memory of a block with columns for 8·nt rows of activations: the stages, the sums, a word, a
// barrier for each stage.
func smallShared(f family, nt, stages int) int {
	tiles, weights := smallShape(f)
	return stages*(weights+4096*nt) + 4*8*nt*(16*tiles+4) + 16 + 8*4
}

// smallStages is how deep the ring is: as shared memory allows, up to 4; 0 where that is no ring.
func (d *Device) smallStages(f family, nt int) int {
	for stages := 4; stages > 1; stages-- {
		if smallShared(f, nt, stages) <= d.info.SharedPerBlock {
			return stages
		}
	}
	return 0
}

// gemmSmall computes products of 4 rows and more that share x, norm and want. Of productSiLU the matrices have one type.
func (d *Device) gemmSmall(products ...product) {
	act := activations{d: d}
	for _, mixed := range products {
		for _, p := range mixed.byType(func(_, _ kernels.Type) bool { return false }) {
			if f, _ := familyOf(p.w[0].Type); d.smallStages(f, 2) == 0 { // float32, where a block has less than 145 KB of shared memory
				for _, s := range gemmSteps(p) {
					d.gemmF32(s)
				}
				continue
			}
			d.gemmSmallLaunch(p, act.of(p, p.w[0].Type))
		}
	}
	if p := products[0]; p.mode == productHeads {
		warps := p.n * p.stride / p.headDim
		launch(d, "finish_heads", Grid{X: (warps + 3) / 4, Threads: 128, Overlap: true},
			finishArgs{qkv: addr(p.y), head: p.head, n: int32(p.n)})
	}
}

// gemmSmallLaunch queues one product; several launches where shared memory does not hold all rows.
func (d *Device) gemmSmallLaunch(p product, act narrowRows) {
	t := p.w[0].Type
	f, _ := familyOf(t)
	tiles, _ := smallShape(f)
	_, across := tilesOf(1, p.w[0].In)
	args := smallArgs{act: addr(act.blocks), scale: addr(act.scale), out: addr(p.y), across: int32(across),
		padded: int32(act.padded), ld: int32(p.stride), mode: int32(smallModeOf(p.mode))}
	down := 0
	for i := range args.w {
		if i < len(p.w) {
			w := p.w[i]
			args.w[i], args.rows[i], args.column[i], args.gain[i] = addr(w.Buf), int32(w.Out), int32(p.first[i]), w.Scale
			if !f.isFloat() {
				args.gain[i] /= smallScale
			}
			n, _ := tilesOf(w.Out, w.In)
			down += n
		}
		args.end[i] = int32(down)
	}
	rowBlocks := (down + tiles - 1) / tiles
	if p.mode == productSiLU { // half of a row block each
		rowBlocks = (down/2 + tiles/2 - 1) / (tiles / 2)
	}
	blocks := shareOut(rowBlocks*across, d.info.SMs)
	args.units = int32(rowBlocks * across)
	args.partial = addr(d.working("partial sums", int64(2*blocks)*int64(16*tiles)*smallMost*4))
	args.counters = addr(d.working("counters of partial sums", int64(4*rowBlocks)))
	for n0 := 0; n0 < p.n; {
		nt := d.smallColumns(t, f, p.n-n0)
		args.n0, args.n = int32(n0), int32(min(8*nt, p.n-n0))
		args.stages = int32(d.smallStages(f, nt))
		launch(d, fmt.Sprintf("gemm_small_%s_%d", smallName(t), nt), Grid{X: blocks, Threads: smallThreads(nt),
			Shared: smallShared(f, nt, int(args.stages)), Overlap: true}, args)
		n0 += 8 * nt
	}
}

// shareOut is the number of blocks for so many units: no more than multiprocessors, and no more than it takes for the
// same largest share.
func shareOut(units, sms int) int {
	most := (units + sms - 1) / sms
	return (units + most - 1) / most
}

// smallColumns is the number of columns of mma (of 8 rows each) that a launch for n rows computes: the least of the
// kernels for t that suffices, or the greatest that shared memory allows.
func (d *Device) smallColumns(t kernels.Type, f family, n int) int {
	widths := []int{1, 2, 4, 8}
	switch t {
	case kernels.F32, kernels.Q4_1, kernels.Q5_1, kernels.Q2_K, kernels.IQ2XXS, kernels.IQ2XS, kernels.IQ2S,
		kernels.IQ3XXS, kernels.IQ3S, kernels.IQ1S, kernels.IQ1M, kernels.Int8:
		widths = []int{2, 8} // rare: fewer kernels
	}
	best := widths[0]
	for _, nt := range widths[1:] {
		if 8*best < n && d.smallStages(f, nt) > 0 {
			best = nt
		}
	}
	return best
}

// smallName is the type in the names of kernels.
func smallName(t kernels.Type) string {
	if t == kernels.IQ2S {
		t = kernels.IQ2XS // packed alike
	}
	return strings.ToLower(t.String())
}

// smallModeOf is what the kernels do for a product.
func smallModeOf(m productMode) smallMode {
	switch m {
	case productAdd:
		return smallAdd
	case productSiLU:
		return smallPair
	case productGated:
		return smallGated
	}
	return smallStore
}
