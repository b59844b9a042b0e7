// What the two kernels for steps of more than 64 rows share (gemm.cu: mma.sync, gemm_sm90.cu: wgmma):
// arguments, the order of tiles and the way results leave.
//
//	out[n, m] = sum_k act[n, k] * w[m, k]        act: act.cuh, w: layout.cuh, out: f32
//
// A tile is GEMM_N rows of activations by a panel of weight rows. Up to three matrices of one type that share
// their activations (Q, K, V) are segments of one launch: their panels are numbered on.
#pragma once

#include "act.cuh"
#include "frag.cuh"

#define GEMM_N 128 // rows of activations of a tile; divides ORT_ACT_ROWS
#define GEMM_GROUP 16 // tiles side by side along N that are worked on before the next panel

enum GemmMode {
	GEMM_STORE,    // out = v
	GEMM_ADD,      // out += v
	GEMM_SILU_MUL, // out = silu(out) * v: out holds the gate
	GEMM_PAIR,     // out[0] = silu(v of w[0]) * v of w[1]; one segment, both matrices [m[0], k]
};

struct gemm_args {
	uint64_t w[3];     // packed weights of each segment
	uint64_t out[3];   // [n, m] f32, rows `stride` apart
	uint64_t act;      // [k_tiles*4][act_rows][64] f16 or bf16
	uint64_t scale;    // [act_rows] f32
	int32_t m[3];      // rows of w, columns of out; 0: no segment
	int32_t panels[3]; // panels up to and with this segment
	int32_t n;         // rows of activations, at most act_rows
	int32_t act_rows;
	int32_t k_tiles;   // ceil(k/256)
	int32_t mode, stride;
	int32_t cluster;   // blocks that share activations, and panels are multiples of (gemm_sm90.cuh); else 1
	float gain[3], spare; // gain: Scale of each of w
};

// One tile of the launch.
struct GemmTile {
	int segment, panel; // panel within the segment
	int n0;             // first row of activations
};

// The types that tensor cores multiply, with their numbers (layout.cuh), in four parts that are compiled side by side.
// IQ2_S is packed as IQ2_XS.
#define GEMM_TYPES_32(X) X(f16, 1) X(bf16, 30) X(q4_0, 2) X(q4_1, 3) X(q5_0, 6) X(q5_1, 7) X(q8_0, 8)
#define GEMM_TYPES_K(X) X(q2_k, 10) X(q3_k, 11) X(q4_k, 12) X(q5_k, 13) X(q6_k, 14)
#define GEMM_TYPES_IQ(X) \
	X(iq2_xxs, 16) X(iq2_xs, 17) X(iq3_xxs, 18) X(iq1_s, 19) X(iq4_nl, 20) X(iq3_s, 21) X(iq4_xs, 23) X(iq1_m, 29)
#define GEMM_TYPES_GROUP(X) X(nvfp4, 40) X(int4, 200) X(int8, 201)

ORT_DEV int gemm_tiles(const gemm_args &a) { return a.panels[2] * ((a.n + GEMM_N - 1) / GEMM_N); }

// Tile i in the order of work: along N within GEMM_GROUP tiles first. The blocks that run at one time so share few
// panels of weights, each read from memory once, and activations that stay in L2 (2048 rows of 4096 are 16 MB).
ORT_DEV GemmTile gemm_tile(const gemm_args &a, int i) {
	int across = (a.n + GEMM_N - 1) / GEMM_N, group = i / (GEMM_GROUP * a.panels[2]) * GEMM_GROUP;
	int width = min(GEMM_GROUP, across - group), in_group = i - group * a.panels[2];
	int panel = in_group / width;
	GemmTile t;
	t.n0 = (group + in_group % width) * GEMM_N;
	t.segment = panel < a.panels[0] ? 0 : panel < a.panels[1] ? 1 : 2;
	t.panel = t.segment == 0 ? panel : panel - a.panels[t.segment - 1];
	return t;
}

ORT_DEV float silu(float x) { return x * rcp_approx(1.0f + exp2_approx(x * -1.442695041f)); }

// Four columns of a row of out from column m; those from end on are left alone.
ORT_DEV float4 gemm_load4(const float *row, int m, int end, bool whole) {
	if (whole) return *(const float4 *)(row + m);
	float4 v = make_float4(0, 0, 0, 0);
	if (m < end) v.x = row[m];
	if (m + 1 < end) v.y = row[m + 1];
	if (m + 2 < end) v.z = row[m + 2];
	if (m + 3 < end) v.w = row[m + 3];
	return v;
}
ORT_DEV void gemm_store4(float *row, int m, int end, bool whole, float4 v) {
	if (whole) {
		*(float4 *)(row + m) = v;
		return;
	}
	if (m < end) row[m] = v.x;
	if (m + 1 < end) row[m + 1] = v.y;
	if (m + 2 < end) row[m + 2] = v.z;
	if (m + 3 < end) row[m + 3] = v.w;
}

// Bytes of shared memory in which one warp turns its results: [8][36] f32.
#define GEMM_STAGE 1152

// Writes W (16 or 32) columns from m0 of rows n0..n0+127 of a segment's out: value(j, e, q) is, for the lane (g, t), the sum
// for row n0 + 8j + 2t + e and column m0 + 8q + g. Eight rows at a time pass through `stage`, so that each row
// is read and written in whole sectors, 4*W bytes; four such blocks of reads are under way at once.
template <int W, class Value> ORT_DEV void gemm_write(const gemm_args &a, int segment, float *stage, int n0, int m0, float factor, Value value) {
	constexpr int lanes = W / 4, passes = W / 16, stride = W + 4; // lanes of a row; stride: no two lanes on one bank
	const int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
	const int m = m0 + 4 * (lane % lanes), end = a.m[segment];
	float *out = (float *)a.out[segment];
	const float *scale = (const float *)a.scale;
	const bool whole = ((end | a.stride) & 3) == 0 && (a.out[segment] & 15) == 0 && m < end;
#pragma unroll
	for (int four = 0; four < 16; four += 4) {
		float4 old[4][passes];
		float by[4][passes];
#pragma unroll
		for (int j = 0; j < 4; j++)
#pragma unroll
			for (int p = 0; p < passes; p++) {
				int n = n0 + 8 * (four + j) + lane / lanes + 4 * p;
				by[j][p] = n < a.n ? scale[n] * factor : 0;
				if (n < a.n && (a.mode == GEMM_ADD || a.mode == GEMM_SILU_MUL))
					old[j][p] = gemm_load4(out + (int64_t)n * a.stride, m, end, whole);
				else
					old[j][p] = make_float4(0, 0, 0, 0);
			}
#pragma unroll
		for (int j = 0; j < 4; j++) {
			warp_sync();
#pragma unroll
			for (int e = 0; e < 2; e++)
#pragma unroll
				for (int q = 0; q < W / 8; q++) stage[(2 * t + e) * stride + 8 * q + g] = value(four + j, e, q);
			warp_sync();
#pragma unroll
			for (int p = 0; p < passes; p++) {
				int row = lane / lanes + 4 * p, n = n0 + 8 * (four + j) + row;
				float4 v = *(const float4 *)(stage + row * stride + 4 * (lane % lanes)), o = old[j][p];
				float s = by[j][p];
				v = make_float4(v.x * s, v.y * s, v.z * s, v.w * s);
				if (a.mode == GEMM_SILU_MUL) v = make_float4(silu(o.x) * v.x, silu(o.y) * v.y, silu(o.z) * v.z, silu(o.w) * v.w);
				else v = make_float4(o.x + v.x, o.y + v.y, o.z + v.z, o.w + v.w);
				if (n < a.n) gemm_store4(out + (int64_t)n * a.stride, m, end, whole, v);
			}
		}
	}
}

// Row tile m of warp `warp` in tile t of the launch: a panel is `warps` times MT row tiles, each warp's side by side; of a pair
// both matrices have one. Beyond the matrix its last row tile stands in, and its products are not written.
template <int warps, int MT> ORT_DEV const uint8_t *gemm_rows(const gemm_args &a, const GemmTile &t, int warp, int m, int tile_bytes) {
	bool pair = a.mode == GEMM_PAIR;
	int last = (a.m[t.segment] + 15) / 16 - 1;
	int tile = pair ? t.panel * warps + warp : (t.panel * warps + warp) * MT + m;
	return (const uint8_t *)a.w[pair ? m : t.segment] + (int64_t)min(tile, last) * a.k_tiles * tile_bytes;
}

// Writes what a warp has of tile t: acc[m][4j + 2r + e] is row n0 + 8j + 2t + e of activations times row 16m + 8r + g of the
// warp's weights.
template <int type, int warps, int MT> ORT_DEV void gemm_result(const gemm_args &a, const GemmTile &t, int warp, float *stage, const float acc[MT][64]) {
	constexpr float factor = Packed<type>::is_float ? 1.0f : 1.0f / FRAG_SCALE;
	const int unit = t.panel * warps + warp;
	if (MT == 2 && a.mode == GEMM_PAIR) {
		const float *scale = (const float *)a.scale + t.n0 + 2 * (threadIdx.x & 3);
		gemm_write<16>(a, 0, stage, t.n0, unit * 16, factor * a.gain[1], [&](int j, int e, int q) {
			float gate = acc[0][4 * j + 2 * q + e] * (scale[8 * j + e] * (factor * a.gain[0]));
			return silu(gate) * acc[MT - 1][4 * j + 2 * q + e];
		});
		return;
	}
	gemm_write<16 * MT>(a, t.segment, stage, t.n0, unit * 16 * MT, factor * a.gain[t.segment],
	                    [&](int j, int e, int q) { return acc[MT == 1 ? 0 : q >> 1][4 * j + 2 * (q & 1) + e]; });
}
