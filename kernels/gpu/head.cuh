// What follows the projections of q, k and v: the norm of each head, RoPE, and the append to the paged cache. One warp does
// one head, as the end of a matrix kernel or in finish_heads (rows.cu).
//
//   q' = rope(rmsnorm(q)·qNorm, pos), k' = rope(rmsnorm(k)·kNorm, pos), v' = v
//
// RoPE turns the pair (x[i], x[i + dim/2]) by the angle of table row pos: cos, sin.
// A line of the cache is one token of one head: line ((page·heads + head)·64 + offset), slot = page·64 + offset.
#pragma once
#include "ptx.cuh"

// kernels.CacheType. Q8: int8 with one f32 scale a line, the greatest magnitude over 127. FP8: E4M3, saturating at 448.
enum CacheType { CACHE_F16, CACHE_F32, CACHE_Q8, CACHE_FP8 };

// kernels.Cache; cacheArgs in attend.go.
struct CacheArgs {
	uint64_t k, v;           // [pages][heads][64][dim] of the type
	uint64_t kScale, vScale; // [pages][heads][64] f32, Q8 only
	int32_t type, pages, heads, dim;
};

// headArgs in rows.go. head dim is even, at most 256.
struct HeadArgs {
	uint64_t q;            // [n, heads*dim] f32, written
	uint64_t qNorm, kNorm; // [dim] f32
	uint64_t rope;         // [positions, dim/2, 2] f32
	uint64_t pos, slot;    // [n] i32
	CacheArgs kv;
	float eps;
	int32_t heads; // query heads
};

ORT_DEV float warp_sum(float v) {
	for (int m = 16; m; m >>= 1) v += shfl_xor(v, m);
	return v;
}
ORT_DEV float warp_max(float v) {
	for (int m = 16; m; m >>= 1) v = fmaxf(v, shfl_xor(v, m));
	return v;
}

// One head over a warp: columns i and i + dim/2 for i = lane + 32j < dim/2.
struct HeadPairs { float lo[4], hi[4]; };

ORT_DEV HeadPairs load_head(const float *x, int half, int lane) {
	HeadPairs v;
#pragma unroll
	for (int j = 0; j < 4; j++) {
		int i = lane + 32 * j;
		v.lo[j] = i < half ? ld_cg(x + i) : 0.f;
		v.hi[j] = i < half ? ld_cg(x + i + half) : 0.f;
	}
	return v;
}

// RMS norm with gains w, then RoPE with row `table` of the table, [half, 2].
ORT_DEV void norm_rope(HeadPairs &v, const float *w, const float *table, float eps, int half, int lane) {
	float sum = 0.f;
#pragma unroll
	for (int j = 0; j < 4; j++) sum = fmaf(v.lo[j], v.lo[j], fmaf(v.hi[j], v.hi[j], sum));
	float r = rsqrt_exact(warp_sum(sum) / (float)(2 * half) + eps);
#pragma unroll
	for (int j = 0; j < 4; j++) {
		int i = lane + 32 * j;
		if (i >= half) break;
		float2 turn = ((const float2 *)table)[i];
		float a = v.lo[j] * r * w[i], b = v.hi[j] * r * w[i + half];
		v.lo[j] = a * turn.x - b * turn.y;
		v.hi[j] = a * turn.y + b * turn.x;
	}
}

// Stores a line of K (values = kv.k, scales = kv.kScale) or V.
ORT_DEV void store_line(const HeadPairs &v, const CacheArgs &kv, uint64_t values, uint64_t scales, uint64_t line, int lane) {
	int half = kv.dim / 2;
	float inv = 1.f;
	if (kv.type == CACHE_Q8) {
		float most = 0.f;
#pragma unroll
		for (int j = 0; j < 4; j++) most = fmaxf(most, fmaxf(fabsf(v.lo[j]), fabsf(v.hi[j])));
		most = warp_max(most);
		inv = most > 0.f ? 127.f / most : 0.f;
		if (lane == 0) ((float *)scales)[line] = most / 127.f;
	}
#pragma unroll
	for (int j = 0; j < 4; j++) {
		int i = lane + 32 * j;
		if (i >= half) break;
		uint64_t at = line * (uint64_t)kv.dim + (uint64_t)i;
		if (kv.type == CACHE_F16) {
			((uint16_t *)values)[at] = f32_to_f16(v.lo[j]);
			((uint16_t *)values)[at + half] = f32_to_f16(v.hi[j]);
		} else if (kv.type == CACHE_F32) {
			((float *)values)[at] = v.lo[j];
			((float *)values)[at + half] = v.hi[j];
		} else if (kv.type == CACHE_Q8) {
			((int8_t *)values)[at] = (int8_t)max(-127, min(127, round_int(v.lo[j] * inv)));
			((int8_t *)values)[at + half] = (int8_t)max(-127, min(127, round_int(v.hi[j] * inv)));
		} else {
			uint16_t both = f32x2_to_e4m3x2(v.lo[j], v.hi[j]);
			((uint8_t *)values)[at] = (uint8_t)both;
			((uint8_t *)values)[at + half] = (uint8_t)(both >> 8);
		}
	}
}

// Finishes head `head` of row `row` (q heads, then k heads, then v heads), whose dim projected values are at x, which
// other blocks of the launch may have written. All lanes of one warp call it, after griddep_wait().
ORT_DEV void finish_head(const float *x, const HeadArgs &a, int row, int head) {
	int lane = (int)(threadIdx.x % 32), dim = a.kv.dim, half = dim / 2;
	HeadPairs v = load_head(x, half, lane);
	const float *table = (const float *)a.rope + (uint64_t)((const int32_t *)a.pos)[row] * (uint64_t)dim;
	if (head < a.heads) {
		norm_rope(v, (const float *)a.qNorm, table, a.eps, half, lane);
		float *q = (float *)a.q + ((uint64_t)row * (uint64_t)a.heads + (uint64_t)head) * (uint64_t)dim;
#pragma unroll
		for (int j = 0; j < 4; j++) {
			int i = lane + 32 * j;
			if (i >= half) break;
			q[i] = v.lo[j];
			q[i + half] = v.hi[j];
		}
		return;
	}
	int slot = ((const int32_t *)a.slot)[row], h = head - a.heads;
	bool key = h < a.kv.heads;
	if (!key) h -= a.kv.heads;
	uint64_t line = ((uint64_t)(slot / 64) * (uint64_t)a.kv.heads + (uint64_t)h) * 64 + (uint64_t)(slot % 64);
	if (key) norm_rope(v, (const float *)a.kNorm, table, a.eps, half, lane);
	store_line(v, a.kv, key ? a.kv.k : a.kv.v, key ? a.kv.kScale : a.kv.vScale, line, lane);
}
