package kernels

import "encoding/binary"

// Blocks of 32 values. A product is converted to float32 before it is added
// to, so that no processor fuses the two operations into one rounding.

// blockQ4_0: d f16, 16 bytes of nibbles; d·(q-8).
func blockQ4_0(dst []float32, b []byte) {
	d, qs := half(b), b[2:18]
	for i := range dst {
		dst[i] = d * float32(int(nibble(qs, i))-8)
	}
}

// blockQ4_1: d, m f16, 16 bytes of nibbles; d·q + m.
func blockQ4_1(dst []float32, b []byte) {
	d, m, qs := half(b), half(b[2:]), b[4:20]
	for i := range dst {
		dst[i] = float32(d*float32(nibble(qs, i))) + m
	}
}

// blockQ5_0: d f16, fifth bits u32, 16 bytes of nibbles; d·(q-16).
func blockQ5_0(dst []float32, b []byte) {
	d, high, qs := half(b), binary.LittleEndian.Uint32(b[2:]), b[6:22]
	for i := range dst {
		q := int(nibble(qs, i)) | int(high>>i&1)<<4
		dst[i] = d * float32(q-16)
	}
}

// blockQ5_1: d, m f16, fifth bits u32, 16 bytes of nibbles; d·q + m.
func blockQ5_1(dst []float32, b []byte) {
	d, m, high, qs := half(b), half(b[2:]), binary.LittleEndian.Uint32(b[4:]), b[8:24]
	for i := range dst {
		q := int(nibble(qs, i)) | int(high>>i&1)<<4
		dst[i] = float32(d*float32(q)) + m
	}
}

// blockQ8_0: d f16, 32 int8; d·q.
func blockQ8_0(dst []float32, b []byte) {
	d, qs := half(b), b[2:34]
	for i := range dst {
		dst[i] = d * float32(int8(qs[i]))
	}
}

// blockIQ4NL: d f16, 16 bytes of nibbles that index iq4Levels; d·level.
func blockIQ4NL(dst []float32, b []byte) {
	d, qs := half(b), b[2:18]
	for i := range dst {
		dst[i] = d * float32(iq4Levels[nibble(qs, i)])
	}
}
