package kernels

import "fmt"

// Type is the storage format of a weight, numbered as in GGUF
// (ggml's ggml_type enumeration) where GGUF has it.
type Type uint32

// The block formats that a Device takes.
const (
	F32    Type = 0
	F16    Type = 1
	Q4_0   Type = 2
	Q4_1   Type = 3
	Q5_0   Type = 6
	Q5_1   Type = 7
	Q8_0   Type = 8
	Q2_K   Type = 10
	Q3_K   Type = 11
	Q4_K   Type = 12
	Q5_K   Type = 13
	Q6_K   Type = 14
	IQ2XXS Type = 16
	IQ2XS  Type = 17
	IQ3XXS Type = 18
	IQ1S   Type = 19
	IQ4NL  Type = 20
	IQ3S   Type = 21
	IQ2S   Type = 22
	IQ4XS  Type = 23
	IQ1M   Type = 29
	BF16   Type = 30
	NVFP4  Type = 40
)

// Groups of integers under one scale, as checkpoints of compressed-tensors
// (pack-quantized) and AutoAWQ have them. Their files keep codes, scales and zero
// points apart; whoever reads such a file puts them together in blocks of 32:
//
//	Int4  d f16, zero u8, 16 bytes: codes 2i and 2i+1 in the low and the high half of byte i
//	Int8  d f16, zero u8, 32 bytes of codes
//
// and a value is d·(code - zero), exactly; bits 4 to 7 of Int4's zero do not count.
// These two serve all such files:
//
//   - Groups of 64 or 128 are as many blocks of 32 with the same scale, rows of one
//     scale as many as there are. What that costs is 0.4 bits a weight of those
//     files, where a scale for each 128 would do; what it saves are kernels for every size.
//   - Symmetric files have the zero point 8, or 128.
//   - Files whose columns are not in order of their groups (weight_g_idx) have no such blocks.
//   - Scales in f16 are stored as they are. Those in bfloat16 or float32 are divided by the power of two
//     that brings the largest of the tensor into [1, 2), and Weight.Scale is multiplied by it: those of bfloat16
//     down to 2⁻¹⁷ of the largest are exact so, and smaller ones to 2⁻²⁵ of it.
const (
	Int4 Type = 200
	Int8 Type = 201
)

// Format is the size of a format's blocks.
type Format struct {
	Name   string
	Values int // weights in a block
	Bytes  int // bytes of a block
}

// Format returns the block size of t; ok is false where t is not one of the
// formats above.
func (t Type) Format() (f Format, ok bool) {
	switch t {
	case F32:
		return Format{"F32", 1, 4}, true
	case F16:
		return Format{"F16", 1, 2}, true
	case BF16:
		return Format{"BF16", 1, 2}, true
	case Q4_0:
		return Format{"Q4_0", 32, 18}, true
	case Q4_1:
		return Format{"Q4_1", 32, 20}, true
	case Q5_0:
		return Format{"Q5_0", 32, 22}, true
	case Q5_1:
		return Format{"Q5_1", 32, 24}, true
	case Q8_0:
		return Format{"Q8_0", 32, 34}, true
	case Q2_K:
		return Format{"Q2_K", 256, 84}, true
	case Q3_K:
		return Format{"Q3_K", 256, 110}, true
	case Q4_K:
		return Format{"Q4_K", 256, 144}, true
	case Q5_K:
		return Format{"Q5_K", 256, 176}, true
	case Q6_K:
		return Format{"Q6_K", 256, 210}, true
	case IQ2XXS:
		return Format{"IQ2_XXS", 256, 66}, true
	case IQ2XS:
		return Format{"IQ2_XS", 256, 74}, true
	case IQ2S:
		return Format{"IQ2_S", 256, 82}, true
	case IQ3XXS:
		return Format{"IQ3_XXS", 256, 98}, true
	case IQ3S:
		return Format{"IQ3_S", 256, 110}, true
	case IQ1S:
		return Format{"IQ1_S", 256, 50}, true
	case IQ1M:
		return Format{"IQ1_M", 256, 56}, true
	case IQ4NL:
		return Format{"IQ4_NL", 32, 18}, true
	case IQ4XS:
		return Format{"IQ4_XS", 256, 136}, true
	case NVFP4:
		return Format{"NVFP4", 64, 36}, true
	case Int4:
		return Format{"INT4", 32, 19}, true
	case Int8:
		return Format{"INT8", 32, 35}, true
	}
	return Format{}, false
}

// String is the format's usual name, such as "Q4_K".
func (t Type) String() string {
	if f, ok := t.Format(); ok {
		return f.Name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// RowBytes is the size of a row of n values. It panics where n is not a
// multiple of the block.
func (t Type) RowBytes(n int) int64 {
	f, ok := t.Format()
	if !ok || n < 0 || n%f.Values != 0 {
		panic(fmt.Sprintf("kernels: a row of %d values in %v", n, t))
	}
	return int64(n/f.Values) * int64(f.Bytes)
}
