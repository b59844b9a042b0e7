package kernels

// Groups of values that checkpoints other than llama.cpp's brought: 4-bit floats
// (NVFP4) and integers with a zero point (Int4, Int8).

// ue4m3 is half of the scale in a byte of NVFP4: 4 bits of exponent with bias 7, 3
// of mantissa. The top bit does not count; 0x7f, a NaN of E4M3, is 0 (but 0xff is not).
func ue4m3(b byte) float32 {
	if b == 0x7f {
		return 0
	}
	m := float32(b & 7)
	if e := int(b >> 3 & 15); e > 0 {
		return (8 + m) / 16 * float32(uint32(1)<<e) / 128
	}
	return m / 1024
}

// blockNVFP4: scales [4], then for each 16 values 8 bytes of nibbles (low halves
// first) that index e2m1Levels; scale/2·level.
func blockNVFP4(dst []float32, b []byte) {
	for g := range 4 {
		d, qs := ue4m3(b[g]), b[4+8*g:][:8]
		for i := range 16 {
			dst[16*g+i] = d * float32(e2m1Levels[nibble(qs, i)])
		}
	}
}

// blockInt4: d f16, zero u8, 16 bytes of nibbles; d·(q - zero).
func blockInt4(dst []float32, b []byte) {
	d, zero, qs := half(b), int(b[2]&15), b[3:19]
	for i := range dst {
		dst[i] = d * float32(int(pair(qs, i))-zero)
	}
}

// blockInt8: d f16, zero u8, 32 bytes; d·(q - zero).
func blockInt8(dst []float32, b []byte) {
	d, zero, qs := half(b), int(b[2]), b[3:35]
	for i := range dst {
		dst[i] = d * float32(int(qs[i])-zero)
	}
}
