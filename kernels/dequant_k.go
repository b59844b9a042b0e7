package kernels

// The K formats: blocks of 256 values with scales of their own for every 16 or
// 32. Values narrower than a nibble lie in planes: of the 32 bytes that serve
// a run of values, the lowest bits hold the first 32 values, and so on.

// plane2 is the 2-bit value i of 256 in 64 bytes: two halves of 128 values,
// each of 32 bytes with four planes.
func plane2(b []byte, i int) byte {
	return b[i>>7<<5|i&31] >> (i >> 5 & 3 << 1) & 3
}

// plane1 is bit i of 256 in 32 bytes with eight planes.
func plane1(b []byte, i int) byte {
	return b[i&31] >> (i >> 5) & 1
}

// plane4 is the 4-bit value i of 256 in 128 bytes: four runs of 64 values,
// each of 32 bytes with two planes.
func plane4(b []byte, i int) byte {
	return b[i>>6<<5|i&31] >> (i >> 5 & 1 << 2) & 15
}

// blockQ2K: scales u8 [16] (low half scale, high half minimum), 64 bytes of
// 2 bits, d, dmin f16; d·scale·q - dmin·minimum.
func blockQ2K(dst []float32, b []byte) {
	scales, qs, d, dmin := b[:16], b[16:80], half(b[80:]), half(b[82:])
	for i := range dst {
		s := scales[i/16]
		scale, least := d*float32(s&15), dmin*float32(s>>4)
		dst[i] = float32(scale*float32(plane2(qs, i))) - float32(least)
	}
}

// blockQ3K: 32 bytes of third bits, 64 bytes of 2 bits, scales 6 bits [16] in
// 12 bytes, d f16; d·(scale-32)·(q-4).
func blockQ3K(dst []float32, b []byte) {
	high, qs, scales, d := b[:32], b[32:96], b[96:108], half(b[108:])
	for i := range dst {
		scale := d * float32(scaleQ3K(scales, i/16)-32)
		q := int(plane2(qs, i)) | int(plane1(high, i))<<2
		dst[i] = scale * float32(q-4)
	}
}

// scaleQ3K is scale j of 16: four bits from the first 8 bytes, two from the rest.
func scaleQ3K(b []byte, j int) int {
	low := nibble(b[:8], j)
	high := b[8+j&3] >> (j >> 2 << 1) & 3
	return int(low | high<<4)
}

// blockQ4K: d, dmin f16, scales and minima 6 bits [8] in 12 bytes, 128 bytes of
// nibbles; d·scale·q - dmin·minimum.
func blockQ4K(dst []float32, b []byte) {
	d, dmin, scales, qs := half(b), half(b[2:]), b[4:16], b[16:144]
	for i := range dst {
		s, m := scaleQ4K(scales, i/32)
		scale, least := d*float32(s), dmin*float32(m)
		dst[i] = float32(scale*float32(plane4(qs, i))) - float32(least)
	}
}

// scaleQ4K is scale and minimum j of 8: the first four of each are whole, the
// others are split between the last four bytes and the top bits of the first eight.
func scaleQ4K(b []byte, j int) (scale, least byte) {
	if j < 4 {
		return b[j] & 63, b[j+4] & 63
	}
	return b[j+4]&15 | b[j-4]>>6<<4, b[j+4]>>4 | b[j]>>6<<4
}

// blockQ5K: as Q4_K with 32 bytes of fifth bits before the nibbles.
func blockQ5K(dst []float32, b []byte) {
	d, dmin, scales, high, qs := half(b), half(b[2:]), b[4:16], b[16:48], b[48:176]
	for i := range dst {
		s, m := scaleQ4K(scales, i/32)
		scale, least := d*float32(s), dmin*float32(m)
		q := plane4(qs, i) | plane1(high, i)<<4
		dst[i] = float32(scale*float32(q)) - float32(least)
	}
}

// blockQ6K: 128 bytes of nibbles, 64 bytes of 2 high bits, scales int8 [16],
// d f16; d·scale·(q-32). The nibbles come in halves of 128 values, each of
// 64 bytes with two planes.
func blockQ6K(dst []float32, b []byte) {
	low, high, scales, d := b[:128], b[128:192], b[192:208], half(b[208:])
	for i := range dst {
		q := int(nibble(low[i>>7<<6:][:64], i&127)) | int(plane2(high, i))<<4
		scale := d * float32(int8(scales[i/16]))
		dst[i] = scale * float32(q-32)
	}
}
