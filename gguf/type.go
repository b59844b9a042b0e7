package gguf

import "fmt"

// Type is the storage format of a tensor's values, numbered as in ggml's
// ggml_type enumeration.
type Type uint32

// The types that a file may hold. Q8_1 and Q8_K are ggml's run-time formats of
// activations: they have a size, but no model stores weights in them.
const (
	F32    Type = 0
	F16    Type = 1
	Q4_0   Type = 2
	Q4_1   Type = 3
	Q5_0   Type = 6
	Q5_1   Type = 7
	Q8_0   Type = 8
	Q8_1   Type = 9
	Q2_K   Type = 10
	Q3_K   Type = 11
	Q4_K   Type = 12
	Q5_K   Type = 13
	Q6_K   Type = 14
	Q8_K   Type = 15
	IQ2XXS Type = 16
	IQ2XS  Type = 17
	IQ3XXS Type = 18
	IQ1S   Type = 19
	IQ4NL  Type = 20
	IQ3S   Type = 21
	IQ2S   Type = 22
	IQ4XS  Type = 23
	I8     Type = 24
	I16    Type = 25
	I32    Type = 26
	I64    Type = 27
	F64    Type = 28
	IQ1M   Type = 29
	BF16   Type = 30
	TQ1_0  Type = 34
	TQ2_0  Type = 35
	MXFP4  Type = 39
	NVFP4  Type = 40
	Q1_0   Type = 41
	Q2_0   Type = 42
)

// block is the layout of a type: values in a block, bytes of a block.
type block struct {
	name          string
	values, bytes int64
}

// blocks is indexed by Type. An entry of no values is a type that ggml removed:
// its number stays taken. Source: ggml's ggml.h and ggml-common.h.
var blocks = [...]block{
	F32: {"F32", 1, 4}, F16: {"F16", 1, 2}, BF16: {"BF16", 1, 2}, F64: {"F64", 1, 8},
	I8: {"I8", 1, 1}, I16: {"I16", 1, 2}, I32: {"I32", 1, 4}, I64: {"I64", 1, 8},

	Q4_0: {"Q4_0", 32, 18}, Q4_1: {"Q4_1", 32, 20}, Q5_0: {"Q5_0", 32, 22}, Q5_1: {"Q5_1", 32, 24},
	Q8_0: {"Q8_0", 32, 34}, Q8_1: {"Q8_1", 32, 36}, Q1_0: {"Q1_0", 128, 18}, Q2_0: {"Q2_0", 64, 18},

	Q2_K: {"Q2_K", 256, 84}, Q3_K: {"Q3_K", 256, 110}, Q4_K: {"Q4_K", 256, 144},
	Q5_K: {"Q5_K", 256, 176}, Q6_K: {"Q6_K", 256, 210}, Q8_K: {"Q8_K", 256, 292},

	IQ1S: {"IQ1_S", 256, 50}, IQ1M: {"IQ1_M", 256, 56}, IQ2XXS: {"IQ2_XXS", 256, 66},
	IQ2XS: {"IQ2_XS", 256, 74}, IQ2S: {"IQ2_S", 256, 82}, IQ3XXS: {"IQ3_XXS", 256, 98},
	IQ3S: {"IQ3_S", 256, 110}, IQ4NL: {"IQ4_NL", 32, 18}, IQ4XS: {"IQ4_XS", 256, 136},

	TQ1_0: {"TQ1_0", 256, 54}, TQ2_0: {"TQ2_0", 256, 66},
	MXFP4: {"MXFP4", 32, 17}, NVFP4: {"NVFP4", 64, 36},

	4: {name: "Q4_2"}, 5: {name: "Q4_3"},
	31: {name: "Q4_0_4_4"}, 32: {name: "Q4_0_4_8"}, 33: {name: "Q4_0_8_8"},
	36: {name: "IQ4_NL_4_4"}, 37: {name: "IQ4_NL_4_8"}, 38: {name: "IQ4_NL_8_8"},
}

// Block returns how many values one block of t holds and in how many bytes.
// ok is false where t is unknown or was removed from the format.
func (t Type) Block() (values, bytes int64, ok bool) {
	if int64(t) >= int64(len(blocks)) || blocks[t].values == 0 {
		return 0, 0, false
	}
	return blocks[t].values, blocks[t].bytes, true
}

// Removed reports whether t is a number that a former format had.
func (t Type) Removed() bool {
	return int64(t) < int64(len(blocks)) && blocks[t].values == 0
}

// String is the type's usual name, such as "Q4_K"; removed types have theirs.
func (t Type) String() string {
	if int64(t) < int64(len(blocks)) {
		return blocks[t].name
	}
	return fmt.Sprintf("type %d", uint32(t))
}
