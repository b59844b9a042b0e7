// Products of one tile of weights with 1 to 3 rows of activations, for a warp: what lane 4g+t has of rows g and g+8 is added to acc.
#pragma once
#include "gemv_act.cuh"

// A group's activations: 8 words of high bytes and 8 of low ones, and what GemvGroup says.
struct GemvX { uint32_t hi[8], lo[8]; GemvGroup g; };

ORT_DEV void unpack4(uint32_t *w, uint4 v) { w[0] = v.x, w[1] = v.y, w[2] = v.z, w[3] = v.w; }

ORT_DEV GemvX load_x(const uint8_t *act, int lane, int h) {
	GemvX x;
	const uint8_t *p = act + (h * 4 + lane % 4) * 16;
	unpack4(x.hi, load16(p)), unpack4(x.hi + 4, load16(p + 128));
	unpack4(x.lo, load16(p + 256)), unpack4(x.lo + 4, load16(p + 384));
	uint4 g = load16(p + 512);
	x.g = {bits_f32(g.x), bits_f32(g.y), (int)g.z, (int)g.w};
	return x;
}

template <int type> ORT_DEV int dot4(uint32_t w, uint32_t x, int c) { return Packed<type>::is_signed ? dot4_ss(w, x, c) : dot4_us(w, x, c); }

// Σ value·(256·hi + lo) over 32 columns, or over each 16; 16 times as much where high nibbles are used in place.
template <int type> ORT_DEV void dot_group(const RawGroup &g, const uint32_t q[8], const GemvX &x, int sum[2]) {
	using P = Packed<type>;
	if constexpr (GemvTile<type>::in_place) {
		int a = 0, b = 0, c = 0, d = 0;
#pragma unroll
		for (int w = 0; w < 4; w++) {
			uint32_t low = g.w[w] & 0x0f0f0f0fu, high = g.w[w] & 0xf0f0f0f0u;
			a = dot4_us(low, x.hi[2 * w], a), b = dot4_us(low, x.lo[2 * w], b);
			c = dot4_us(high, x.hi[2 * w + 1], c), d = dot4_us(high, x.lo[2 * w + 1], d);
		}
		sum[0] = (a * 16 + c) * 256 + (b * 16 + d) - 16 * P::offset * (x.g.first + x.g.second);
	} else {
#pragma unroll
		for (int half = 0; half < 2; half++) {
			int a = 0, b = 0;
#pragma unroll
			for (int i = 4 * half; i < 4 * half + 4; i++) a = dot4<type>(q[i], x.hi[i], a), b = dot4<type>(q[i], x.lo[i], b);
			sum[half] = a * 256 + b;
			if (P::group == 16) sum[half] -= P::offset * (half ? x.g.second : x.g.first);
		}
		if (P::group == 32) sum[0] += sum[1] - P::offset * (x.g.first + x.g.second);
	}
}

// Bytes as numbers: cut out by one instruction, as shifts and masks are two.
ORT_DEV float cut_u(uint32_t w, int i) { return (float)(int)byte_perm(w, 0, 0x4440 + i); }
ORT_DEV float cut_s(uint32_t w, int i) { return (float)(int)byte_perm(w, 0, 0x8880 + 0x1111 * i); }

// The scales of a lane, and of its two rows, in a tile; w[2] has the zeros.
template <int type> struct LaneScales {
	using P = Packed<type>;
	uint32_t w[4], row[2];
	ORT_METHOD void load(const uint8_t *tile, int lane) {
		const uint8_t *at = tile + P::at_scales + P::lane_scales * lane;
		if (P::lane_scales == 16) unpack4(w, load16(at));
		if (P::lane_scales == 8) { uint2 v = *(const uint2 *)at; w[0] = v.x, w[1] = v.y; }
		if (P::lane_scales == 4) w[0] = *(const uint32_t *)at;
		if (P::has_zero) w[2] = P::codes == 4 ? ((const uint16_t *)(tile + P::at_zeros))[lane] : ((const uint32_t *)(tile + P::at_zeros))[lane];
#pragma unroll
		for (int i = 0; i < 2; i++) {
			const uint8_t *r = tile + P::at_rows + P::row_scales * ((lane >> 2) + 8 * i);
			if (P::row_scales == 4) row[i] = *(const uint32_t *)r;
			if (P::row_scales == 2) row[i] = *(const uint16_t *)r;
		}
	}
};

// Adds group c's share to the sums of its row: s those that a scale of the row multiplies, m those of its minimum.
template <int type> ORT_DEV void scale_sums(const LaneScales<type> &l, int c, const int sum[2], const GemvGroup &g, float &s, float &m) {
	using P = Packed<type>;
	uint32_t pair = l.w[c >> 1];
	int total = sum[0];
	if (P::has_zero) {
		int zero = P::codes == 4 ? (int)(l.w[2] >> (4 * c) & 15) : (int)byte_perm(l.w[2], 0, 0x4440 + c) - 128;
		total -= zero * (GemvTile<type>::in_place ? 16 : 1) * (g.first + g.second);
	}
	float v = (float)total * (GemvTile<type>::in_place ? g.scale * 0.0625f : g.scale);
	if (P::scales == SCALES_D || P::scales == SCALES_DZ) {
		s = fmaf(c & 1 ? half_hi(pair) : half_lo(pair), v, s);
	} else if (P::scales == SCALES_DM) {
		s = fmaf(half_lo(l.w[c]), v, s), m = fmaf(half_hi(l.w[c]), g.sum, m);
	} else if (P::scales == SCALES_K32) {
		s = fmaf(cut_u(l.w[0], c), v, s), m = fmaf(cut_u(l.w[1], c), g.sum, m);
	} else if (P::scales == SCALES_S32) {
		s = fmaf(cut_s(l.w[0], c), v, s);
	} else if (P::scales == SCALES_S16) {
		int b = 2 * (c & 1);
		s = fmaf(fmaf(cut_s(pair, b), (float)sum[0], cut_s(pair, b + 1) * (float)sum[1]), g.scale, s);
	} else if (P::scales == SCALES_E16) {
		uint32_t b = byte_perm(pair, 0, c & 1 ? 0x4342 : 0x4140) << 7;
		s = fmaf(fmaf(half_lo(b), (float)sum[0], half_hi(b) * (float)sum[1]), g.scale, s);
	} else { // SCALES_K16
		uint32_t b = pair >> (16 * (c & 1));
		s = fmaf(g.scale, (float)((int)(b & 15) * sum[0] + (int)(b >> 8 & 15) * sum[1]), s);
		m = fmaf(g.scale, (float)((int)(b >> 4 & 15) * g.first + (int)(b >> 12 & 15) * g.second), m);
	}
}

// The same sums times the scales of row half r.
template <int type> ORT_DEV float scale_row(const LaneScales<type> &l, int r, float s, float m) {
	using P = Packed<type>;
	if (P::row_scales == 4) return fmaf(half_lo(l.row[r]), s, -half_hi(l.row[r]) * m);
	if (P::row_scales == 2) return half_lo(l.row[r]) * P::mul * s;
	return s + m;
}

// A tile of quantised weights. act is the first row's activations beside it, and `stride` the bytes from row to row.
template <int type, int rows> ORT_DEV void dot_quants(const uint8_t *tile, const uint8_t *act, uint32_t stride, int lane, float acc[rows][2]) {
	LaneScales<type> scales;
	scales.load(tile, lane);
	float s[rows][2] = {}, m[rows][2] = {};
#pragma unroll
	for (int h = 0; h < 2; h++) {
		GemvX x[rows];
#pragma unroll
		for (int n = 0; n < rows; n++) x[n] = load_x(act + n * stride, lane, h);
#pragma unroll
		for (int r = 0; r < 2; r++) {
			RawGroup g = load_group<type>(tile, lane, 2 * h + r);
			uint32_t q[8];
			if (!GemvTile<type>::in_place) unpack_group<type>(g, q);
#pragma unroll
			for (int n = 0; n < rows; n++) {
				int sum[2];
				dot_group<type>(g, q, x[n], sum);
				scale_sums<type>(scales, 2 * h + r, sum, x[n].g, s[n][r], m[n][r]);
			}
		}
	}
#pragma unroll
	for (int n = 0; n < rows; n++)
#pragma unroll
		for (int r = 0; r < 2; r++) acc[n][r] += scale_row<type>(scales, r, s[n][r], m[n][r]);
}

// Group c of a tile of floats: 32 columns of one row a lane, in four chains.
template <int type, int rows> ORT_DEV void dot_floats(const uint8_t *group, int c, const uint8_t *act, uint32_t stride, int lane, float acc[rows][2]) {
	float4 sum[rows];
#pragma unroll
	for (int n = 0; n < rows; n++) sum[n] = make_float4(0.f, 0.f, 0.f, 0.f);
#pragma unroll(Packed<type>::codes == 32 ? 4 : 8) // of 32 bits: fewer registers
	for (int quad = 0; quad < 8; quad++) {
		float w[4];
		if (Packed<type>::codes == 32) {
			uint4 v = load16(group + 512 * quad + 16 * lane);
			w[0] = bits_f32(v.x), w[1] = bits_f32(v.y), w[2] = bits_f32(v.z), w[3] = bits_f32(v.w);
		} else { // columns 0,2 and 1,3
			uint4 v = load16(group + 512 * (quad >> 1) + 16 * lane);
			uint32_t even = quad & 1 ? v.z : v.x, odd = quad & 1 ? v.w : v.y;
			w[0] = type == 30 ? bits_f32(even << 16) : half_lo(even), w[2] = type == 30 ? bits_f32(even & 0xffff0000u) : half_hi(even);
			w[1] = type == 30 ? bits_f32(odd << 16) : half_lo(odd), w[3] = type == 30 ? bits_f32(odd & 0xffff0000u) : half_hi(odd);
		}
#pragma unroll
		for (int n = 0; n < rows; n++) {
			float4 x = *(const float4 *)(act + n * stride + ((quad * 2 + (c >> 1)) * 4 + lane % 4) * 16);
			sum[n].x = fmaf(w[0], x.x, sum[n].x), sum[n].y = fmaf(w[1], x.y, sum[n].y);
			sum[n].z = fmaf(w[2], x.z, sum[n].z), sum[n].w = fmaf(w[3], x.w, sum[n].w);
		}
	}
#pragma unroll
	for (int n = 0; n < rows; n++) acc[n][c & 1] += (sum[n].x + sum[n].y) + (sum[n].z + sum[n].w);
}

// Unit u of a tile.
template <int type, int rows>
ORT_DEV void dot_unit(const uint8_t *unit, int u, const uint8_t *act, uint32_t stride, int lane, float acc[rows][2]) {
	if constexpr (Packed<type>::is_float) dot_floats<type, rows>(unit, u, act, stride, lane, acc);
	else dot_quants<type, rows>(unit, act, stride, lane, acc);
}
