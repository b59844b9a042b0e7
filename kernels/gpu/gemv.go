package gpu

import (
	"fmt"
	"strings"

	"orchrt/kernels"
)

// Geometry of gemv.cu.
const (
	gemvRows      = 3 // most rows of a launch
	gemvWarps     = 8
	gemvThreads   = 32 * gemvWarps
	gemvMaxStages = 8
)

// gemvArgs mirrors GemvArgs of gemv.cuh.
type gemvArgs struct {
	x, norm, want      uint64
	w                  [3]uint64
	y, counters        uint64
	next               [2]uint64
	head               headArgs
	out, first         [3]uint32
	in, stride         uint32
	eps                float32
	gain               [3]float32
	_                  float32
	mode, stages, bulk uint32
	ahead              [2]uint32
}

// gemvShape is how gemv goes through a matrix (GemvTile in gemv_act.cuh).
type gemvShape struct {
	unit   int // bytes that are loaded at a time
	act    int // bytes of a row's activations beside a tile
	across int // tiles of a row
	stages int // of a warp's ring; 0: as many as fit
}

// gemvShapeOf is the shape of matrices with rows of `in` values on this GPU; t and third are the types of the first two and of the third.
func (d *Device) gemvShapeOf(t, third kernels.Type, in int) gemvShape {
	f, _ := familyOf(t)
	last, _ := familyOf(third)
	s := gemvShape{unit: max(f.tileBytes(), last.tileBytes()), act: 640}
	if f.isFloat() {
		s.unit, s.act = s.unit/4, 1024
	}
	_, s.across = tilesOf(1, in)
	if !d.bulk() {
		s.stages = min(max(73728/(gemvWarps*s.unit), 2), 4)
	}
	return s
}

// fixed is the shared memory before the rings (GemvShared).
func (s gemvShape) fixed(rows int) int { return 512 + 128 + 1024*rows + rows*s.across*s.act }

// fit returns how many of `rows` rows a launch can take, and the stages of its rings. Where two
// kernels fit on a multiprocessor at a time, the second fetches weights while the first ends.
func (s gemvShape) fit(rows, perBlock, perSM int) (fits, stages int) {
	for fits = min(rows, gemvRows); fits > 0; fits-- {
		for _, room := range []int{min(perBlock, perSM/2-1024), perBlock} {
			n := (room - s.fixed(fits)) / (gemvWarps * s.unit)
			if s.stages > 0 && n >= s.stages {
				return fits, s.stages
			}
			if s.stages == 0 && n >= 2 {
				return fits, min(n, gemvMaxStages)
			}
		}
	}
	return 0, 0
}

// bulk says whether the GPU has bulk copies.
func (d *Device) bulk() bool { return d.info.Major >= 9 }

// gemvFits says whether the rows of p fit the shared memory of this GPU one by one.
func (d *Device) gemvFits(p product) bool {
	rows, _ := d.gemvShapeOf(p.w[0].Type, p.w[len(p.w)-1].Type, p.w[0].In).fit(1, d.info.SharedPerBlock, d.info.SharedPerSM)
	return rows > 0
}

// gemvMixes says whether there is a kernel for two matrices of t and a third of another type: what the usual mixtures of K
// formats give V.
func gemvMixes(t, third kernels.Type) bool {
	return t == kernels.Q4_K && (third == kernels.Q5_K || third == kernels.Q6_K) || t == kernels.Q5_K && third == kernels.Q6_K
}

// gemvName is the kernel for types and a number of rows. Types that are packed alike share one.
func gemvName(t, third kernels.Type, rows int) string {
	if t == kernels.IQ2S {
		t, third = kernels.IQ2XS, kernels.IQ2XS
	}
	if t != third {
		return strings.ToLower(fmt.Sprintf("gemv_%v_%v_%d", t, third, rows))
	}
	return strings.ToLower(fmt.Sprintf("gemv_%v_%d", t, rows))
}

// gemv computes a product of any number of rows, at most three a launch. A row's result does not depend on the
// others, nor on how they are shared out.
func (d *Device) gemv(p product) {
	t, third := p.w[0].Type, p.w[len(p.w)-1].Type
	shape := d.gemvShapeOf(t, third, p.w[0].In)
	tiles := 0
	args := gemvArgs{norm: addr(p.norm), eps: p.eps, in: uint32(p.w[0].In), stride: uint32(p.stride), mode: uint32(p.mode)}
	for i, w := range p.w {
		args.w[i], args.out[i], args.first[i], args.gain[i] = addr(w.Buf), uint32(w.Out), uint32(p.first[i]), w.Scale
		tiles += (w.Out + tileRows - 1) / tileRows
	}
	if p.mode == productSiLU {
		tiles /= 2
	}
	if p.mode == productHeads {
		args.head, args.counters = p.head, addr(d.working("heads arrived", int64(p.stride/p.headDim)*4))
	}
	if d.bulk() {
		args.bulk = 1
	}
	for i, s := range p.next {
		args.next[i], args.ahead[i] = s.at, s.bytes&^15
	}
	for at := 0; at < p.n; {
		rows, stages := shape.fit(p.n-at, d.info.SharedPerBlock, d.info.SharedPerSM)
		if rows == 0 {
			d.fail(fmt.Errorf("gpu: rows of %d values of %v do not fit the shared memory of %s", p.w[0].In, t, d.info.Name))
			return
		}
		args.stages = uint32(stages)
		args.x, args.want = addr(p.x.Buf)+uint64(at*p.x.Cols*4), 0
		if p.want.Size > 0 {
			args.x, args.want = addr(p.x.Buf), addr(p.want)+uint64(4*at)
		}
		args.y = addr(p.y) + uint64(at*p.stride*4)
		if p.mode == productHeads {
			args.head = p.head.from(at)
		}
		launch(d, gemvName(t, third, rows), Grid{X: min(tiles, d.info.SMs), Threads: gemvThreads,
			Shared: shape.fixed(rows) + gemvWarps*stages*shape.unit, Overlap: true}, args)
		at += rows
	}
}

// from are the arguments for the rows from n on.
func (h headArgs) from(n int) headArgs {
	h.q += uint64(n) * uint64(h.heads) * uint64(h.kv.width) * 4
	h.pos += uint64(4 * n)
	h.slot += uint64(4 * n)
	return h
}
