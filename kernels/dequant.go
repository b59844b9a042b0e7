package kernels

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"
)

// Dequantize sets dst to the values of src, whole blocks of format t in the
// layout of a GGUF file (Int4 and Int8: see there). It is the reference for
// every device: the float32 operations and their order are those of the gguf
// Python package, so that the two agree to the last bit.
//
// Every pattern of bits is a valid block. Scales that are infinite or NaN give
// what IEEE arithmetic gives (0·Inf is NaN), with unspecified NaN payloads.
// The error is non-nil, and dst untouched, only where t is not one of the
// formats of this package or len(src) is not the size of len(dst) values.
func Dequantize(dst []float32, t Type, src []byte) error {
	f, ok := t.Format()
	if !ok {
		return fmt.Errorf("kernels: %v is not a weight format", t)
	}
	if len(dst)%f.Values != 0 {
		return fmt.Errorf("kernels: %d values are not whole blocks of %s, %d values each", len(dst), f.Name, f.Values)
	}
	if want := len(dst) / f.Values * f.Bytes; len(src) != want {
		return fmt.Errorf("kernels: %d bytes of %s for %d values, which take %d", len(src), f.Name, len(dst), want)
	}
	switch t {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = half(src[2*i:])
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	default:
		block := blockFunc(t)
		for n := range len(dst) / f.Values {
			block(dst[n*f.Values:][:f.Values], src[n*f.Bytes:][:f.Bytes])
		}
	}
	return nil
}

// blockFunc returns the function that sets dst to the values of one block b.
func blockFunc(t Type) func(dst []float32, b []byte) {
	switch t {
	case Q4_0:
		return blockQ4_0
	case Q4_1:
		return blockQ4_1
	case Q5_0:
		return blockQ5_0
	case Q5_1:
		return blockQ5_1
	case Q8_0:
		return blockQ8_0
	case Q2_K:
		return blockQ2K
	case Q3_K:
		return blockQ3K
	case Q4_K:
		return blockQ4K
	case Q5_K:
		return blockQ5K
	case Q6_K:
		return blockQ6K
	case IQ2XXS:
		return blockIQ2XXS
	case IQ2XS:
		return blockIQ2XS
	case IQ2S:
		return blockIQ2S
	case IQ3XXS:
		return blockIQ3XXS
	case IQ3S:
		return blockIQ3S
	case IQ1S:
		return blockIQ1S
	case IQ1M:
		return blockIQ1M
	case IQ4NL:
		return blockIQ4NL
	case IQ4XS:
		return blockIQ4XS
	case NVFP4:
		return blockNVFP4
	case Int4:
		return blockInt4
	case Int8:
		return blockInt8
	}
	panic("kernels: no blocks of " + t.String())
}

// half is the float16 at the start of b.
func half(b []byte) float32 {
	return float16.Frombits(binary.LittleEndian.Uint16(b)).Float32()
}

// nibble is value i of 2n packed in n bytes: the low halves hold the first n
// values, the high halves the rest.
func nibble(b []byte, i int) byte {
	if i < len(b) {
		return b[i] & 15
	}
	return b[i-len(b)] >> 4
}

// pair is the 4-bit number i of a run with the even ones in the low halves.
func pair(b []byte, i int) byte {
	return b[i/2] >> (4 * (i & 1)) & 15
}
