package kernels

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/x448/float16"
)

// groupFile is a case of testdata/groups.golden: a matrix as a checkpoint holds it.
type groupFile struct {
	Method  string
	Shape   [2]int
	Bits    int
	Group   int // columns under one scale; 0: all
	Tensors map[string][]byte
	Values  []byte // [out, in] f32
}

// field is the n bits of b from bit `at` on, the lowest first.
func field(b []byte, at, n int) byte {
	return b[at/8] >> (at % 8) & (1<<n - 1)
}

// group is the index of the scale of row, column in an array [out, groups].
func (f *groupFile) group(row, column int) int {
	if f.Group == 0 {
		return row
	}
	return row*(f.Shape[1]/f.Group) + column/f.Group
}

// code, zero and scale are those of row, column.
func (f *groupFile) code(row, column int) byte {
	if f.Method == "awq" { // [in, out/8] of words, 8 rows in an order of their own
		return field(f.Tensors["qweight"], (column*f.Shape[0]+row&^7)*4+awqOrder[row&7], 4)
	}
	return field(f.Tensors["weight_packed"], (row*f.Shape[1]+column)*f.Bits, f.Bits)
}

func (f *groupFile) zero(row, column int) byte {
	if f.Method == "awq" {
		return field(f.Tensors["qzeros"], (column/f.Group*f.Shape[0]+row&^7)*4+awqOrder[row&7], 4)
	}
	zeros, ok := f.Tensors["weight_zero_point"]
	if !ok {
		return 1 << (f.Bits - 1)
	}
	groups := f.Shape[1] / f.Group // [out·bits/32, groups] of words, packed down the rows
	per := 32 / f.Bits
	return field(zeros, (row/per*groups+column/f.Group)*32+row%per*f.Bits, f.Bits)
}

// awqOrder is the first bit of each row of 8 in a word of AutoAWQ.
var awqOrder = [8]int{0, 16, 4, 20, 8, 24, 12, 28}

func (f *groupFile) scale(row, column int) float32 {
	if f.Method == "awq" {
		return half(f.Tensors["scales"][2*(column/f.Group*f.Shape[0]+row):])
	}
	b := f.Tensors["weight_scale"][2*f.group(row, column):]
	if f.Method == "pack-quantized bfloat16" {
		return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
	}
	return half(b)
}

// integers are the blocks of f, and Weight.Scale, as type.go says.
func (f *groupFile) integers(t Type) (blocks []byte, unit float32) {
	unit = 1
	if f.Method == "pack-quantized bfloat16" {
		var most float32
		for row := range f.Shape[0] {
			for column := 0; column < f.Shape[1]; column += 32 {
				most = max(most, f.scale(row, column))
			}
		}
		_, exp := math.Frexp(float64(most))
		unit = float32(math.Ldexp(1, exp-1))
	}
	for row := range f.Shape[0] {
		for column := 0; column < f.Shape[1]; column += 32 {
			d := float16.Fromfloat32(f.scale(row, column) / unit)
			blocks = binary.LittleEndian.AppendUint16(blocks, d.Bits())
			blocks = append(blocks, f.zero(row, column))
			for k := column; k < column+32; k++ {
				if t == Int8 {
					blocks = append(blocks, f.code(row, k))
				} else if k%2 == 0 {
					blocks = append(blocks, f.code(row, k)|f.code(row, k+1)<<4)
				}
			}
		}
	}
	return blocks, unit
}

// floats are the blocks of f in NVFP4, and Weight.Scale.
func (f *groupFile) floats() (blocks []byte, scale float32) {
	codes, scales := f.Tensors["weight_packed"], f.Tensors["weight_scale"]
	for at := 0; at < len(scales); at += 4 {
		blocks = append(blocks, scales[at:at+4]...)
		for g := range 4 {
			for i := range 8 { // values 0 to 7 in the low halves
				first := (16*(at+g) + i) * 4
				blocks = append(blocks, field(codes, first, 4)|field(codes, first+32, 4)<<4)
			}
		}
	}
	return blocks, 1 / math.Float32frombits(binary.LittleEndian.Uint32(f.Tensors["weight_global_scale"]))
}

// TestGroupsOfCheckpoints: matrices of every kind of checkpoint, put into blocks as the types' documentation says, have
// the values that another program reads from them: exactly, and to the rounding of the tensor's scale in NVFP4.
func TestGroupsOfCheckpoints(t *testing.T) {
	file, err := os.ReadFile("testdata/groups.golden")
	if err != nil {
		t.Fatal(err)
	}
	var files []groupFile
	if err := json.Unmarshal(file, &files); err != nil {
		t.Fatal(err)
	}
	methods := map[string]bool{}
	for _, f := range files {
		methods[f.Method] = true
		typ, blocks, scale := NVFP4, []byte(nil), float32(0)
		tol := 0.0
		if f.Method == "nvfp4-pack-quantized" {
			blocks, scale = f.floats()
			tol = 1. / (1 << 22)
		} else {
			typ = map[int]Type{4: Int4, 8: Int8}[f.Bits]
			blocks, scale = f.integers(typ)
		}
		got := make([]float32, f.Shape[0]*f.Shape[1])
		if err := Dequantize(got, typ, blocks); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			want := float64(math.Float32frombits(binary.LittleEndian.Uint32(f.Values[4*i:])))
			if d := math.Abs(float64(v*scale) - want); !(d <= tol*math.Abs(want)) {
				t.Errorf("%s, %d bits, groups of %d: value [%d, %d] is %v, want %v", f.Method, f.Bits, f.Group, i/f.Shape[1], i%f.Shape[1], v*scale, want)
				break
			}
		}
	}
	if len(methods) != 4 {
		t.Errorf("the golden file has %d kinds of checkpoints, want 4", len(methods))
	}
}
