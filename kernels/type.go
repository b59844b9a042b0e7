package kernels

import "fmt"

// Type is the storage format of a weight, numbered as in GGUF
// (ggml's ggml_type enumeration).
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
