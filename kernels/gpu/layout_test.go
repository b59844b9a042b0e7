package gpu

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"

	"orchrt/kernels"
)

// levels are the tables of layout.cuh, by kind.
var levels = [...][16]int{
	tableIQ4:    {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113},
	tableIQ3XXS: {4, 12, 20, 28, 36, 44, 52, 62, -4, -12, -20, -28, -36, -44, -52, -62},
	tableIQ3S:   {1, 3, 5, 7, 9, 11, 13, 15, -1, -3, -5, -7, -9, -11, -13, -15},
	tableIQ2:    {8, 25, 43, 0, -8, -25, -43},
	tableIQ1:    {-7, 1, 9, 0, -9, -1, 7},
	tableE2M1:   {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12},
}

// Unpack is the reference of the layout: the values of a packed matrix [out,
// in] of t, as layout.cuh defines them, computed as kernels.Dequantize does.
func Unpack(t kernels.Type, packed []byte, out, in int) []float32 {
	f, _ := familyOf(t)
	_, across := tilesOf(out, in)
	values := make([]float32, out*in)
	for row := range out {
		for col := range in {
			tile := packed[(row/tileRows*across+col/tileColumns)*f.tileBytes():][:f.tileBytes()]
			values[row*in+col] = f.value(t, tile, row%tileRows, col%tileColumns)
		}
	}
	return values
}

// value is that of row r, column k of a tile.
func (f family) value(t kernels.Type, tile []byte, r, k int) float32 {
	group := k / 32
	lane, c := 4*(r%8)+group%4, 2*(group/4)+r/8
	k %= 32
	switch f.codes {
	case 32:
		return math.Float32frombits(binary.LittleEndian.Uint32(tile[4096*c+512*(k/4)+16*lane+4*(k%4):]))
	case 16:
		at := [4]int{0, 2, 1, 3}[k%4] + k&4
		v := binary.LittleEndian.Uint16(tile[2048*c+512*(k/8)+16*lane+2*at:])
		if t == kernels.BF16 {
			return math.Float32frombits(uint32(v) << 16)
		}
		return float16.Frombits(v).Float32()
	}
	level := f.code(tile, lane, c, k) - f.offset
	if f.table != tableNone {
		level = levels[f.table][level]
	}
	if f.scales == scalesDZ {
		level -= f.zero(tile, lane, c)
	}
	scale, least := f.scale(tile, lane, c, k/16)
	return float32(scale*float32(level)) + least
}

// zero is the zero point of group c of a lane, as codes are.
func (f family) zero(tile []byte, lane, c int) int {
	zeros := tile[f.zerosAt():]
	if f.codes == 4 {
		return int(binary.LittleEndian.Uint16(zeros[2*lane:]) >> (4 * c) & 15)
	}
	return int(zeros[4*lane+c]) - 128
}

// code is that of column k of group c of a lane; for 8 bits, the int8 itself.
func (f family) code(tile []byte, lane, c, k int) int {
	code := 0
	pair := func(plane []byte) int { // 2 bits
		w := binary.LittleEndian.Uint32(plane[512*(c/2)+16*lane+8*(c%2)+4*(k/16):])
		if f.table != tableNone {
			return int(w >> (k%8*4 + k/8%2*2) & 3)
		}
		return int(w >> (k%4*8 + k/4%4*2) & 3)
	}
	switch f.codes {
	case 8:
		return int(int8(tile[1024*c+512*(k/16)+16*lane+k%16]))
	case 4:
		w := binary.LittleEndian.Uint32(tile[512*c+16*lane+4*(k/8):])
		if f.table != tableNone {
			code = int(w >> (k % 8 * 4) & 15)
		} else {
			code = int(w >> (k%4*8 + k/4%2*4) & 15)
		}
	case 2:
		code = pair(tile)
	}
	switch f.extra {
	case 2:
		code |= pair(tile[f.extraAt():]) << f.codes
	case 1:
		w := binary.LittleEndian.Uint32(tile[f.extraAt()+16*lane+4*c:])
		shift := k%4*8 + k/4
		if f.table != tableNone {
			shift = k%8*4 + k/8
		}
		code |= int(w>>shift&1) << f.codes
	}
	return code
}

// scale is S and M of half i of group c of a lane.
func (f family) scale(tile []byte, lane, c, i int) (scale, least float32) {
	half := func(b []byte) float32 { return float16.Frombits(binary.LittleEndian.Uint16(b)).Float32() }
	at := tile[f.scalesAt()+f.laneScales()*lane:]
	row := tile[f.rowsAt()+f.rowScales()*(lane/4+8*(c%2)):]
	switch f.scales {
	case scalesE16:
		return float16.Frombits(uint16(at[2*c+i]) << 7).Float32(), 0
	case scalesD, scalesDZ:
		return half(at[2*c:]), 0
	case scalesDM:
		return half(at[4*c:]), half(at[4*c+2:])
	case scalesK32:
		return half(row) * float32(at[c]), -float32(half(row[2:]) * float32(at[4+c]))
	case scalesK16:
		b := at[2*c+i]
		return half(row) * float32(b&15), -float32(half(row[2:]) * float32(b>>4))
	case scalesS32:
		return half(row) * f.mul * float32(int8(at[c])), 0
	}
	return half(row) * f.mul * float32(int8(at[2*c+i])), 0
}
