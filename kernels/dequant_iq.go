package kernels

import "encoding/binary"

// The IQ formats: blocks of 256 values whose indices choose points of a
// codebook (see Codebook), with signs and scales beside them.

// put8 sets dst [8] to scale·level, negated where the bit of signs is set, for
// a point of 8 values with three levels.
func put8(dst []float32, scale float32, levels *[4]int8, point uint16, signs uint8) {
	for j := range 8 {
		dst[j] = signed(scale*float32(levels[point>>(2*j)&3]), signs>>j)
	}
}

// put4 is put8 for a point of 4 values with eight levels.
func put4(dst []float32, scale float32, levels *[8]int8, point uint16, signs uint8) {
	for j := range 4 {
		dst[j] = signed(scale*float32(levels[point>>(3*j)&7]), signs>>j)
	}
}

// signed is -v where the lowest bit of sign is set, else v.
func signed(v float32, sign uint8) float32 {
	if sign&1 != 0 {
		return -v
	}
	return v
}

// blockIQ2XXS: d f16, then for each 32 values 4 point indices u8 and one u32 of
// four 7-bit sign indices and a 4-bit scale; d·(scale+½)/4·level.
func blockIQ2XXS(dst []float32, b []byte) {
	d := half(b)
	for g := range 8 {
		q := b[2+8*g:][:8]
		word := binary.LittleEndian.Uint32(q[4:])
		scale := d * (0.5 + float32(word>>28)) * 0.25
		for l := range 4 {
			put8(dst[32*g+8*l:], scale, &iq2Levels, iq2xxsPoints[q[l]], signMask(word>>(7*l)))
		}
	}
}

// blockIQ2XS: d f16, u16 [32] of a 9-bit point index and a 7-bit sign index,
// scales 4 bits [16]; d·(scale+½)/4·level.
func blockIQ2XS(dst []float32, b []byte) {
	d, qs, scales := half(b), b[2:66], b[66:74]
	for i := range 32 {
		q := binary.LittleEndian.Uint16(qs[2*i:])
		scale := d * (0.5 + float32(pair(scales, i/2))) * 0.25
		put8(dst[8*i:], scale, &iq2Levels, iq2xsPoints[q&511], signMask(uint32(q>>9)))
	}
}

// blockIQ2S: d f16, low index bytes [32], sign masks u8 [32], high index bits
// 2 [32], scales 4 bits [16]; d·(scale+½)/4·level.
func blockIQ2S(dst []float32, b []byte) {
	d, qs, signs, qh, scales := half(b), b[2:34], b[34:66], b[66:74], b[74:82]
	for i := range 32 {
		at := int(qs[i]) | int(qh[i/4]>>(i%4*2)&3)<<8
		scale := d * (0.5 + float32(pair(scales, i/2))) * 0.25
		put8(dst[8*i:], scale, &iq2Levels, iq2sPoints[at], signs[i])
	}
}

// blockIQ3XXS: d f16, point indices u8 [64], then for each 32 values one u32 of
// four 7-bit sign indices and a 4-bit scale; d·(scale+½)/2·level.
func blockIQ3XXS(dst []float32, b []byte) {
	d, qs := half(b), b[2:66]
	for g := range 8 {
		word := binary.LittleEndian.Uint32(b[66+4*g:])
		scale := d * (0.5 + float32(word>>28)) * 0.5
		for l := range 8 {
			signs := signMask(word>>(l/2*7)) >> (l % 2 * 4)
			put4(dst[32*g+4*l:], scale, &iq3xxsLevels, iq3xxsPoints[qs[8*g+l]], signs)
		}
	}
}

// blockIQ3S: d f16, low index bytes [64], ninth index bits [64], sign masks
// u8 [32], scales 4 bits [8]; d·(2·scale+1)·level.
func blockIQ3S(dst []float32, b []byte) {
	d, qs, qh, signs, scales := half(b), b[2:66], b[66:74], b[74:106], b[106:110]
	for i := range 64 {
		at := int(qs[i]) | int(qh[i/8]>>(i%8)&1)<<8
		scale := d * float32(1+2*int(pair(scales, i/8)))
		put4(dst[4*i:], scale, &iq3sLevels, iq3sPoints[at], signs[i/2]>>(i%2*4))
	}
}

// put1 sets dst [8] to scale·(level+delta) for a point of IQ1.
func put1(dst []float32, scale float32, point uint16, negative bool) {
	delta := float32(0.125)
	if negative {
		delta = -delta
	}
	for j := range 8 {
		dst[j] = scale * (float32(iq1Levels[point>>(2*j)&3]) + delta)
	}
}

// blockIQ1S: d f16, low index bytes [32], then for each 32 values one u16 of
// four times 3 high index bits, a 3-bit scale and the sign of the offset;
// d·(2·scale+1)·(level±⅛).
func blockIQ1S(dst []float32, b []byte) {
	d, qs := half(b), b[2:34]
	for g := range 8 {
		word := binary.LittleEndian.Uint16(b[34+2*g:])
		scale := d * float32(2*(word>>12&7)+1)
		for l := range 4 {
			at := int(qs[4*g+l]) | int(word>>(3*l)&7)<<8
			put1(dst[32*g+8*l:], scale, iq1sPoints[at], word&0x8000 != 0)
		}
	}
}

// blockIQ1M: low index bytes [32], then 4 bits [32] of 3 high index bits and
// the sign of the offset, then u16 [4] of four 3-bit scales each, whose top
// nibbles together are d f16; d·(2·scale+1)·(level±⅛).
func blockIQ1M(dst []float32, b []byte) {
	qs, qh, words := b[:32], b[32:48], b[48:56]
	d := half([]byte{words[1]>>4 | words[3]&0xf0, words[5]>>4 | words[7]&0xf0})
	for i := range 32 {
		word := binary.LittleEndian.Uint16(words[i/8*2:])
		scale := d * float32(2*(word>>(i/2%4*3)&7)+1)
		h := pair(qh, i)
		at := int(qs[i]) | int(h&7)<<8
		put1(dst[8*i:], scale, iq1sPoints[at], h&8 != 0)
	}
}

// blockIQ4XS: d f16, high scale bits 2 [8], low scale bits 4 [8], 128 bytes of
// nibbles, 16 for each 32 values, that index iq4Levels; d·(scale-32)·level.
func blockIQ4XS(dst []float32, b []byte) {
	d, high, low, qs := half(b), binary.LittleEndian.Uint16(b[2:]), b[4:8], b[8:136]
	for i := range dst {
		g := i / 32
		s := int(pair(low, g)) | int(high>>(2*g)&3)<<4
		scale := d * float32(s-32)
		dst[i] = scale * float32(iq4Levels[nibble(qs[16*g:][:16], i%32)])
	}
}
