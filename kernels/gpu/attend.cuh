// What the attention kernels share.
#pragma once
#include "head.cuh"

// attendArgs in attend.go: kernels.Device.Attend.
struct AttendArgs {
	uint64_t y, q;            // [n, heads*dim] f32
	uint64_t pos, seq, table; // kernels.Rows
	uint64_t partial;         // [n, heads, splits, dim] f32: unnormalised sums of splits
	uint64_t stats;           // [n, heads, splits, 2] f32: their maxima (log2) and sums of weights
	uint64_t arrived;         // [n, kvHeads*parts] u32, 0
	CacheArgs kv;
	int32_t n, heads, pages; // rows, query heads, width of table
	int32_t per, splits;     // decode: leaves a block takes; blocks a row (or tile) and KV head may take
	int32_t pack;            // rows that share a block; decode: a power of two
	int32_t part, parts;     // decode: query heads of a KV head that a block takes, blocks that it takes for all
	int32_t few;             // whether segments of attend_few rows and more are the other kernel's
	float scale;             // log2(e)/√dim
	int32_t spare;
};

// Segments (rows of one sequence in one step) of fewer rows run in attend_decode.cu, others in attend_prefill.cu or attend_sm90.cu.
enum { page_tokens = 64, attend_few = 16 };

// The maximum of no values: finite, so that differences are.
constexpr float no_max = -1e30f;

// Whether row i lies in a segment of attend_few rows or more. All lanes of a warp call it.
ORT_DEV bool in_long_segment(const AttendArgs &a, int i) {
	const int32_t *seq = (const int32_t *)a.seq;
	int k = i - (attend_few - 1) + (int)(threadIdx.x % 32);
	bool same = k >= 0 && k < a.n && seq[max(0, min(a.n - 1, k))] == seq[i];
	return popcount(warp_ballot(same)) >= attend_few;
}

template <CacheType type> constexpr int value_bytes() { return type == CACHE_F32 ? 4 : type == CACHE_F16 ? 2 : 1; }

// Two f16 from the bytes 0 and 2 of w, int8 plus 128 (what the other bytes hold does not matter).
ORT_DEV uint32_t biased_bytes_to_f16x2(uint32_t w) {
	return h2_sub(and_or(w, 0x00ff00ffu, 0x64006400u), 0x64806480u); // 1024 + 128 + value
}
// x and y as the nearest f16 (low half: x), and what those leave.
ORT_DEV void split_f16(float x, float y, uint32_t &hi, uint32_t &lo) {
	hi = f32x2_to_f16x2(x, y);
	lo = f32x2_to_f16x2(x - f16_to_f32((uint16_t)hi), y - f16_to_f32((uint16_t)(hi >> 16)));
}
