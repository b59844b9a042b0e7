package gpu

import (
	"fmt"

	"orchrt/kernels"
)

// The packed layout of weights, which layout.cuh describes in full: tiles of 16
// rows by 256 columns, each a few planes that a warp reads with contiguous loads
// of 16 bytes a lane.

const (
	tileRows    = 16
	tileColumns = 256
)

// scaleKind is how the scales of a tile are stored (enum Scales).
type scaleKind int

const (
	scalesNone scaleKind = iota // float types
	scalesD                     // f16 d for each 32 columns
	scalesDM                    // f16 d and m
	scalesK32                   // 8-bit scale and minimum for each 32, f16 d and dmin a row
	scalesK16                   // 4-bit scale and minimum for each 16, f16 d and dmin a row
	scalesS32                   // int8 scale for each 32, f16 d a row
	scalesS16                   // int8 scale for each 16, f16 d a row
	scalesDZ                    // f16 d for each 32 columns, and a zero point
	scalesE16                   // E4M3 scale for each 16, 2⁸ times too small
)

// tableKind is the levels that codes stand for (enum Table).
type tableKind int

const (
	tableNone tableKind = iota
	tableIQ4
	tableIQ3XXS
	tableIQ3S
	tableIQ2
	tableIQ1
	tableE2M1
)

// family is how a type is packed (struct Family).
type family struct {
	codes  int // bits of the first plane of codes; 16 and 32: floats
	extra  int // bits of the second plane
	group  int // columns under one scale
	scales scaleKind
	offset int // what is subtracted from a code
	table  tableKind
	mul    float32 // factor of the scale
}

// familyOf returns the family of t; ok is false for types that kernels does not know.
func familyOf(t kernels.Type) (f family, ok bool) {
	switch t {
	case kernels.F32:
		return family{32, 0, 32, scalesNone, 0, tableNone, 1}, true
	case kernels.F16, kernels.BF16:
		return family{16, 0, 32, scalesNone, 0, tableNone, 1}, true
	case kernels.Q4_0:
		return family{4, 0, 32, scalesD, 8, tableNone, 1}, true
	case kernels.Q4_1:
		return family{4, 0, 32, scalesDM, 0, tableNone, 1}, true
	case kernels.Q5_0:
		return family{4, 1, 32, scalesD, 16, tableNone, 1}, true
	case kernels.Q5_1:
		return family{4, 1, 32, scalesDM, 0, tableNone, 1}, true
	case kernels.Q8_0:
		return family{8, 0, 32, scalesD, 0, tableNone, 1}, true
	case kernels.Q2_K:
		return family{2, 0, 16, scalesK16, 0, tableNone, 1}, true
	case kernels.Q3_K:
		return family{2, 1, 16, scalesS16, 4, tableNone, 1}, true
	case kernels.Q4_K:
		return family{4, 0, 32, scalesK32, 0, tableNone, 1}, true
	case kernels.Q5_K:
		return family{4, 1, 32, scalesK32, 0, tableNone, 1}, true
	case kernels.Q6_K:
		return family{4, 2, 16, scalesS16, 32, tableNone, 1}, true
	case kernels.IQ2XXS:
		return family{2, 1, 32, scalesS32, 0, tableIQ2, 1. / 8}, true
	case kernels.IQ2XS, kernels.IQ2S:
		return family{2, 1, 16, scalesS16, 0, tableIQ2, 1. / 8}, true
	case kernels.IQ3XXS:
		return family{4, 0, 32, scalesS32, 0, tableIQ3XXS, 1. / 4}, true
	case kernels.IQ3S:
		return family{4, 0, 32, scalesS32, 0, tableIQ3S, 1}, true
	case kernels.IQ1S:
		return family{2, 1, 32, scalesS32, 0, tableIQ1, 1. / 8}, true
	case kernels.IQ1M:
		return family{2, 1, 16, scalesS16, 0, tableIQ1, 1. / 8}, true
	case kernels.IQ4NL:
		return family{4, 0, 32, scalesD, 0, tableIQ4, 1}, true
	case kernels.IQ4XS:
		return family{4, 0, 32, scalesS32, 0, tableIQ4, 1}, true
	case kernels.NVFP4:
		return family{4, 0, 16, scalesE16, 0, tableE2M1, 1}, true
	case kernels.Int4:
		return family{4, 0, 32, scalesDZ, 0, tableNone, 1}, true
	case kernels.Int8:
		return family{8, 0, 32, scalesDZ, 0, tableNone, 1}, true
	}
	return family{}, false
}

// isFloat says whether values are stored as they are.
func (f family) isFloat() bool { return f.codes >= 16 }

// laneScales and rowScales are the bytes of a tile's scales for each lane, and
// for each row.
func (f family) laneScales() int { return [...]int{0, 8, 16, 8, 8, 4, 8, 8, 8}[f.scales] }
func (f family) rowScales() int  { return [...]int{0, 0, 0, 4, 4, 2, 2, 0, 0}[f.scales] }

// extraAt, scalesAt, rowsAt and zerosAt are where the planes of a tile start; the plane of
// codes starts at 0.
func (f family) extraAt() int  { return 512 * f.codes }
func (f family) scalesAt() int { return f.extraAt() + 512*f.extra }
func (f family) rowsAt() int   { return f.scalesAt() + 32*f.laneScales() }
func (f family) zerosAt() int  { return f.rowsAt() + tileRows*f.rowScales() }

// tileBytes is the size of a tile.
func (f family) tileBytes() int {
	if f.scales == scalesDZ {
		return f.zerosAt() + 16*f.codes
	}
	return f.zerosAt()
}

// unit is kernels.Weight.Scale of a packed matrix as its blocks are: a table of twice E2M1's
// levels under scales 2⁸ times too small.
func (f family) unit() float32 {
	if f.scales == scalesE16 {
		return 128
	}
	return 1
}

// scalesSpan is where a tile has the numbers to which its weights are proportional: count of f16 from byte `at`
// on, of f32 for float types.
func (f family) scalesSpan() (at, count int) {
	switch {
	case f.codes == 32:
		return 0, tileRows * tileColumns
	case f.rowScales() > 0:
		return f.rowsAt(), tileRows * f.rowScales() / 2
	case f.scales == scalesDM:
		return f.scalesAt(), 32 * f.laneScales() / 2
	}
	return f.scalesAt(), 32 * 8 / 2
}

// tilesOf returns the numbers of tiles of a matrix [out, in] down and across.
func tilesOf(out, in int) (down, across int) {
	return (out + tileRows - 1) / tileRows, (in + tileColumns - 1) / tileColumns
}

// packedBytes is the size of a packed matrix [out, in] of t.
func packedBytes(t kernels.Type, out, in int) int64 {
	f, ok := familyOf(t)
	if !ok {
		panic(fmt.Sprintf("gpu: %v is not a weight format", t))
	}
	down, across := tilesOf(out, in)
	return int64(down) * int64(across) * int64(f.tileBytes())
}
