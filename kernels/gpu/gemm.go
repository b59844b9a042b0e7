package gpu

import (
	"fmt"
	"strings"

	"orchrt/kernels"
)

// Geometry of gemm.cuh, gemm.cu, gemm_sm90.cu and gemm_f32.cu.
const (
	gemmLeast  = 65  // fewest rows of a step that these kernels are for
	gemmN      = 128 // rows of activations of a tile
	gemmWarps  = 4
	gemmShared = 3 * 16384

	sm90Warps   = 8
	sm90Threads = 32*sm90Warps + 128
	sm90Shared  = 232448

	f32M, f32N = 128, 64
	f32Shared  = 4 * 32 * (136 + 72)
)

// gemmMode is what becomes of sums (GemmMode in gemm.cuh).
type gemmMode int32

const (
	gemmStore gemmMode = iota
	gemmAdd
	gemmSiLUMul // y = silu(y)·v
	gemmPair    // y = silu(v of w[0])·(v of w[1])
)

// gemmArgs mirrors gemm_args.
type gemmArgs struct {
	w, out                                    [3]uint64
	act, scale                                uint64
	m, panels                                 [3]int32
	n, actRows, kTiles, mode, stride, cluster int32
	gain                                      [3]float32
	_                                         float32
}

// gemmF32Args mirrors gemm_f32_args.
type gemmF32Args struct {
	x, norm, want, w, y    uint64
	n, m, in, stride, mode int32
	eps, gain              float32
	_                      float32
}

// gemm computes products of many rows (gemmLeast and more) that share x, norm and want. productHeads only
// stores: finishHeads is the caller's.
func (d *Device) gemm(products ...product) {
	act := activations{d: d}
	for _, p := range products {
		for _, s := range gemmSteps(p) {
			if s.w[0].Type == kernels.F32 {
				d.gemmF32(s)
				continue
			}
			d.gemmTensor(act.of(p, s.w[0].Type), s)
		}
	}
}

// gemmStep is one launch: matrices of one type.
type gemmStep struct {
	product
	mode gemmMode
}

// gemmSteps are the launches of a product.
func gemmSteps(p product) []gemmStep {
	switch {
	case p.mode == productAdd:
		return []gemmStep{{p, gemmAdd}}
	case p.mode == productGated:
		return []gemmStep{{p, gemmSiLUMul}}
	case p.mode != productSiLU:
		return []gemmStep{{p, gemmStore}}
	case p.w[0].Type != kernels.F32:
		return []gemmStep{{p, gemmPair}}
	}
	gate, up := p, p
	gate.w, up.w = p.w[:1], p.w[1:]
	return []gemmStep{{gate, gemmStore}, {up, gemmSiLUMul}}
}

// gemmTensor queues a step on tensor cores.
func (d *Device) gemmTensor(act narrowRows, s gemmStep) {
	t := s.w[0].Type
	if t == kernels.IQ2S {
		t = kernels.IQ2XS // packed alike
	}
	name := strings.ToLower(t.String())
	_, across := tilesOf(1, s.w[0].In)
	args := gemmArgs{act: addr(act.blocks), scale: addr(act.scale), n: int32(s.n), actRows: int32(act.padded),
		kTiles: int32(across), mode: int32(s.mode), stride: int32(s.stride), cluster: 1}
	for i, w := range s.w {
		args.w[i] = addr(w.Buf)
		args.out[i] = addr(s.y) + 4*uint64(s.first[i])
		args.m[i] = int32(w.Out)
		args.gain[i] = w.Scale
	}
	columns := (s.n + gemmN - 1) / gemmN
	if !d.warpGroups() {
		tiles := columns * args.setPanels(s, 32*gemmWarps)
		launch(d, "gemm_"+name, Grid{X: tiles, Threads: 32 * gemmWarps, Shared: gemmShared, Overlap: true}, args)
		return
	}
	height, g := d.sm90Height(s, columns), Grid{Threads: sm90Threads, Shared: sm90Shared, Overlap: true}
	rows := 16 * sm90Warps * height
	if f, _ := familyOf(t); f.isFloat() && d.clusters() {
		args.cluster, g.Cluster = 2, 2
	}
	tiles := columns * args.setPanels(s, rows*int(args.cluster))
	g.X = min(tiles, d.info.SMs/int(args.cluster)) * int(args.cluster)
	launch(d, fmt.Sprintf("gemm_sm90_%s_%d", name, height), g, args)
}

// setPanels numbers the panels of rows of weights, each `rows` high (of a pair half of one matrix and half of the other), and
// returns how many there are.
func (a *gemmArgs) setPanels(s gemmStep, rows int) int {
	if s.mode == gemmPair {
		n := (s.w[0].Out + rows/2 - 1) / (rows / 2)
		a.panels = [3]int32{int32(n), int32(n), int32(n)}
		return n
	}
	n := 0
	for i := range a.panels {
		if i < len(s.w) {
			n += (s.w[i].Out + rows - 1) / rows
		}
		a.panels[i] = int32(n)
	}
	return n
}

// sm90Height chooses between panels of 2·128 and of 128 rows: larger tiles read activations half as often,
// smaller ones leave fewer multiprocessors without work at the end.
func (d *Device) sm90Height(s gemmStep, columns int) int {
	if s.mode == gemmPair {
		return 2
	}
	rounds := func(height int) int {
		var a gemmArgs
		return (columns*a.setPanels(s, 16*sm90Warps*height) + d.info.SMs - 1) / d.info.SMs
	}
	if 0.55*float64(rounds(1)) < float64(rounds(2)) {
		return 1
	}
	return 2
}

// warpGroups says whether the GPU multiplies with wgmma.
func (d *Device) warpGroups() bool {
	return d.large != LargeWarps && d.info.Major == 9 && d.info.Minor == 0 && d.info.SharedPerBlock >= sm90Shared
}

// clusters says whether two blocks share the activations that they read.
func (d *Device) clusters() bool { return d.large == LargeClusters && !d.info.Emulated }

// LargeKernels are kernels for products of more than 64 rows, and for the attention of 16 rows of a sequence and more. Their results
// differ by the rounding of sums.
type LargeKernels int

const (
	// LargeWarpGroups multiply with wgmma on GPUs of compute capability 9.0 (attention where the cache is f16 and heads have 64 or
	// 128 values), with mma.sync on others.
	LargeWarpGroups LargeKernels = iota
	// LargeClusters are the same; where weights are of 16 bits two blocks read activations together (multicast), a
	// sixth less to read from L2. Nothing but a GPU can show that they work: the emulator has no clusters.
	LargeClusters
	// LargeWarps multiply with mma.sync everywhere.
	LargeWarps
)

// UseLarge chooses the kernels for large steps. A new Device uses LargeWarpGroups.
func (d *Device) UseLarge(k LargeKernels) { d.large = k }

// gemmF32 queues a step with float32 weights.
func (d *Device) gemmF32(s gemmStep) {
	for i, w := range s.w {
		blocks := (s.n + f32N - 1) / f32N * ((w.Out + f32M - 1) / f32M)
		launch(d, "gemm_f32", Grid{X: blocks, Threads: 256, Shared: f32Shared, Overlap: true}, gemmF32Args{
			x: addr(s.x.Buf), norm: addr(s.norm), want: addr(s.want), w: addr(w.Buf), y: addr(s.y) + 4*uint64(s.first[i]),
			n: int32(s.n), m: int32(w.Out), in: int32(w.In), stride: int32(s.stride), mode: int32(s.mode), eps: s.eps, gain: w.Scale})
	}
}
