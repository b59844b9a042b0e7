// Weights as A fragments of mma.m16n8k16 and wgmma, 32 columns of each lane's
// four-lane group at a time: what gemm.cu and gemm_sm90.cu share.
//
// A unit (h, i), h < 2, i < 4, of a packed tile (layout.cuh) is two steps of 16 columns, p < 2: lane (g, t)
// holds of rows g and g+8 the eight columns 32(t+4h) + 8i .. +7. In the fragment a of step p
//	a[0], a[1] = columns 4p+0, 4p+2 of rows g, g+8;   a[2], a[3] = columns 4p+1, 4p+3
// which is the order of K that act.cuh gives activations.
//
// Accuracy. Codes are exact in f16; the scale and the minimum of a group are rounded to f16 once and
// value = S·code + M once more, so a weight is off by at most 2^-11 of itself (and, with a minimum, 2^-11 of that):
// 3e-4 of a product in the mean, as much as the activations' rounding to f16 adds. Scales carry
// a factor FRAG_SCALE, so that those of small weights stay normal numbers of f16; the epilogue divides by it.
// Weights up to 4000 in size are representable; pack.cu keeps them below.
#pragma once

#include "layout.cuh"

#define FRAG_SCALE 16.0f

// The codes and scales of one half (128 columns) of a tile that one lane owns.
template <int type> struct HalfTile {
	RawGroup g[2];          // rows g, g+8
	uint32_t s[2][2], m[2][2]; // f16 pairs: [row][first, second 16 columns of the group]; s has the zero point in its high half where there is one
};

// tile lies in shared or global memory.
template <int type> ORT_DEV void load_half(HalfTile<type> &v, const uint8_t *tile, int lane, int h) {
	using P = Packed<type>;
#pragma unroll
	for (int r = 0; r < 2; r++) {
		v.g[r] = load_group<type>(tile, lane, 2 * h + r);
		GroupScales f = group_scales<type>(tile, lane, 2 * h + r);
#pragma unroll
		for (int k = 0; k < (P::group == 16 ? 2 : 1); k++) {
			float s = f.s[k] * FRAG_SCALE, m = f.m[k] * FRAG_SCALE;
			v.s[r][k] = f32x2_to_f16x2(s, s);
			if (P::has_zero) v.s[r][k] = byte_perm(v.s[r][k], group_zero<type>(tile, lane, 2 * h + r), 0x5410);
			if (P::has_min) v.m[r][k] = f32x2_to_f16x2(m, m);
		}
	}
}

// Columns 4j..4j+3 of a group as bytes: codes, or int8 levels of a table with 128 added. j is a constant once unrolled.
template <int type> ORT_DEV uint32_t unpack_quad(const RawGroup &g, int j) {
	using P = Packed<type>;
	if (P::codes == 8) return g.w[j] ^ 0x80808080u;
	if (P::table != TABLE_NONE && P::codes == 4) {
		uint32_t w = j & 1 ? g.w[j >> 1] >> 16 : g.w[j >> 1];
		return look_up16<P::table>(w & 0x7777u, and_or(w >> 1, 0x4444u, 0x3210u)) ^ 0x80808080u;
	}
	if (P::table != TABLE_NONE) {
		int w = j >> 1;
		uint32_t low = w & 1 ? g.bits2[w >> 1] >> 2 : g.bits2[w >> 1];
		uint32_t sign = w < 3 ? g.bit1 << (2 - w) : g.bit1 >> 1;
		uint32_t codes = and_or(low, 0x33333333u, sign & 0x44444444u);
		return look_up8<P::table>(j & 1 ? codes >> 16 : codes) ^ 0x80808080u;
	}
	uint32_t v = P::codes == 2 ? field2(g.bits2[j >> 2], j & 3, 0) : (j & 1 ? g.w[j >> 1] >> 4 : g.w[j >> 1]) & 0x0f0f0f0fu;
	if (P::extra == 1) v |= field1(g.bit1, j, P::codes);
	if (P::extra == 2) v |= field2(g.bits2[j >> 2], j & 3, 4);
	return v;
}

// The four pairs of unit i of one row: columns 0,2  1,3  4,6  5,7.
template <int type> ORT_DEV void unit_pairs(const HalfTile<type> &v, int r, int i, uint32_t pair[4]) {
	using P = Packed<type>;
	// The code that stands for 0.
	const uint32_t zero = P::has_zero ? byte_perm(v.s[r][0], 0, 0x3232) : (P::is_signed ? 128u : (uint32_t)P::offset) * 0x10001u;
	const uint32_t magic = 0x64006400u + zero;
	if (P::codes == 4 && P::extra == 0 && P::table == TABLE_NONE) {
		const uint32_t sixteenth = 0x2c002c00u, minus = 0xd400d400u + 16 * zero; // 1/16, -(64 + zero)
		uint32_t w = v.g[r].w[i], odd = w >> 8;
		pair[0] = h2_sub(and_or(w, 0x000f000fu, 0x64006400u), magic);
		pair[1] = h2_sub(and_or(odd, 0x000f000fu, 0x64006400u), magic);
		pair[2] = h2_fma(and_or(w, 0x00f000f0u, 0x64006400u), sixteenth, minus);
		pair[3] = h2_fma(and_or(odd, 0x00f000f0u, 0x64006400u), sixteenth, minus);
	} else {
#pragma unroll
		for (int p = 0; p < 2; p++) {
			uint32_t b = unpack_quad<type>(v.g[r], 2 * i + p);
			pair[2 * p] = h2_sub(byte_perm(b, 0x64646464u, 0x4240), magic);
			pair[2 * p + 1] = h2_sub(byte_perm(b, 0x64646464u, 0x4341), magic);
		}
	}
	const int k = P::group == 16 ? i >> 1 : 0;
	const uint32_t s = P::has_zero ? byte_perm(v.s[r][k], 0, 0x1010) : v.s[r][k];
#pragma unroll
	for (int j = 0; j < 4; j++) pair[j] = P::has_min ? h2_fma(pair[j], s, v.m[r][k]) : h2_mul(pair[j], s);
}

// The fragments of both steps of unit i.
template <int type> ORT_DEV void unit_fragments(const HalfTile<type> &v, int i, uint32_t a[2][4]) {
#pragma unroll
	for (int r = 0; r < 2; r++) {
		uint32_t pair[4];
		unit_pairs<type>(v, r, i, pair);
		a[0][r] = pair[0], a[0][2 + r] = pair[1];
		a[1][r] = pair[2], a[1][2 + r] = pair[3];
	}
}

// Unit (h, i) of one row, g + 8r, of a tile of 16-bit floats in global memory: both steps' pairs.
ORT_DEV uint4 float_unit(const uint8_t *tile, int lane, int h, int i, int r) {
	return ld_stream16(tile + 2048 * (2 * h + r) + 512 * i + 16 * lane);
}

// The fragments of both steps of a unit of 16-bit floats, from what float_unit gives for r = 0 and 1.
ORT_DEV void float_fragments(uint4 v, uint4 w, uint32_t a[2][4]) {
	a[0][0] = v.x, a[0][1] = w.x, a[0][2] = v.y, a[0][3] = w.y;
	a[1][0] = v.z, a[1][1] = w.z, a[1][2] = v.w, a[1][3] = w.w;
}
