// gemm_<type>: products of more than 64 rows on the mma.sync of every GPU from sm_80 on; gemm.cuh says what they compute.
//
// Work. A block of 4 warps, two blocks a multiprocessor, makes 128 rows of weights (of a pair 64 of each matrix) by 128 rows of
// activations. A warp has two row tiles of 16 and all 128 columns, so that weights are dequantised once per block, straight from
// memory into A fragments: 128 sums a thread, at most 255 registers, no spills on any GPU (ptxas). Activations pass through a
// ring of three blocks of 64 columns in shared memory, 48 KB, by cp.async, and become B fragments by ldmatrix without conflicts
// (act.cuh swizzles). Codes of the next 128 columns are loaded while the second half of these is multiplied.
//
// Accuracy: f16 activations scaled by rows (rows.cu), f16 weights (frag.cuh), sums in float32 over K in one order: relative
// error about 3e-4 (conformance: 1e-3); BF16 weights meet bf16 activations: 2e-3 (4e-3).
//
// Bytes and time. Weights are read once from memory, ceil(n/128) times from L2; activations ceil(m/128) times from L2: for a K of
// 64, 128x128 products take 4.6 KB (Q4_K; BF16 16 KB) and 16 KB. On an A100 that is 512 cycles of its tensor cores with two
// blocks a multiprocessor, and 20 bytes a cycle and multiprocessor. Of a warp's 256 columns 512 HMMA are 4096 cycles of its
// scheduler's tensor core, against which 1480 instructions (Q4_K, sm_80; BF16 2276, half of them moves into fragments) are
// issued, twice for two blocks: 72 % of the slots at most on an A100, less on GPUs with slower tensor cores. Reads of shared memory:
// 4 KB a step and warp, half of the bandwidth on an A100. Expected 60-70 % of the dense peak: 190-210 TFLOP/s on an
// A100; on an H200 mma.sync reaches about 60 % of wgmma's rate: 350-400 TFLOP/s. Not measured.
#pragma once

#include "gemm.cuh"

#define GEMM_WARPS 4
#define GEMM_BLOCK 16384 // bytes of 64 columns of GEMM_N rows of activations
#define GEMM_BLOCKS 3

// Starts the copy of block b (64 columns) of the tile's activations to its place in the ring.
ORT_DEV void gemm_fetch(const gemm_args &a, uint8_t *ring, int n0, int b) {
	uint8_t *to = ring + b % GEMM_BLOCKS * GEMM_BLOCK;
	const uint8_t *from = (const uint8_t *)a.act + ((int64_t)b * a.act_rows + n0) * 128;
#pragma unroll
	for (int i = 0; i < GEMM_BLOCK / 16; i += 32 * GEMM_WARPS) cp_async16(to + 16 * (i + threadIdx.x), from + 16 * (i + threadIdx.x));
}

// acc[m] += A of step s of a block times the activations there; frag[m] are the fragments of the step.
template <int type, int MT> ORT_DEV void gemm_step(const uint8_t *block, int s, const uint32_t (*frag)[4], int stride, float acc[MT][64]) {
	const int lane = threadIdx.x & 31;
	// Lane l gives row l%8 of n-block j + l/16, chunk 2s + l/8%2.
	const uint8_t *row = block + ((lane >> 4) * 8 + (lane & 7)) * 128 + (((2 * s + (lane >> 3 & 1)) ^ (lane & 7)) << 4);
#pragma unroll
	for (int j = 0; j < 16; j += 2) {
		uint32_t b[4];
		ldmatrix4(b, row + j * 1024);
#pragma unroll
		for (int e = 0; e < 2; e++)
#pragma unroll
			for (int m = 0; m < MT; m++) {
				if (type == 30) mma_bf16(acc[m] + 4 * (j + e), frag[m * stride], b + 2 * e);
				else mma_f16(acc[m] + 4 * (j + e), frag[m * stride], b + 2 * e);
			}
	}
}

// Waits for block b of the ring, lets all warps see it, and starts the copy of the one after the next.
ORT_DEV const uint8_t *gemm_next(const gemm_args &a, uint8_t *ring, int n0, int b) {
	cp_async_wait<GEMM_BLOCKS - 2>();
	block_sync();
	if (b + GEMM_BLOCKS - 1 < 4 * a.k_tiles) gemm_fetch(a, ring, n0, b + GEMM_BLOCKS - 1);
	cp_async_commit();
	return ring + b % GEMM_BLOCKS * GEMM_BLOCK;
}

template <int type, int MT> ORT_DEV void gemm_products(const gemm_args &a, const GemmTile &t, uint8_t *ring, float acc[MT][64]) {
	using P = Packed<type>;
	const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
	// Q5_K: rows point to where the lane's codes lie in each plane, so that loads differ by constants; with CUDA 12.9 it spilled
	// on sm_90a. Others take a few instructions more for it.
	const uint32_t own = type == 13 ? 16 * (uint32_t)lane : 0;
	const uint8_t *rows[MT];
	HalfTile<type> v[2][MT];
#pragma unroll
	for (int m = 0; m < MT; m++) {
		rows[m] = gemm_rows<GEMM_WARPS, MT>(a, t, warp, m, P::tile) + own;
		load_half<type>(v[0][m], rows[m] - own, lane, 0);
	}
#pragma unroll 1
	for (int k = 0; k < a.k_tiles; k++) {
#pragma unroll
		for (int h = 0; h < 2; h++) {
#pragma unroll
			for (int i = 0; i < 4; i += 2) {
				const uint8_t *block = gemm_next(a, ring, t.n0, 4 * k + 2 * h + i / 2);
				if (i == 2) { // the next half of the rows, before it is needed and when half of this one is done with
#pragma unroll
					for (int m = 0; m < MT; m++) {
						if (h == 1 && k + 1 < a.k_tiles) rows[m] += P::tile;
						load_half<type>(v[1 - h][m], rows[m] - own, lane, 1 - h);
					}
				}
#pragma unroll
				for (int u = 0; u < 2; u++) {
					uint32_t frag[MT][2][4];
#pragma unroll
					for (int m = 0; m < MT; m++) unit_fragments<type>(v[h][m], i + u, frag[m]);
#pragma unroll
					for (int p = 0; p < 2; p++) gemm_step<type, MT>(block, 2 * u + p, &frag[0][p], 2, acc);
				}
			}
		}
	}
}

template <int type, int MT> ORT_DEV void gemm_products_float(const gemm_args &a, const GemmTile &t, uint8_t *ring, float acc[MT][64]) {
	using P = Packed<type>;
	const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
	const uint8_t *rows[MT];
#pragma unroll
	for (int m = 0; m < MT; m++) rows[m] = gemm_rows<GEMM_WARPS, MT>(a, t, warp, m, P::tile);
	uint4 raw[4][MT][2]; // units, three of them ahead
#pragma unroll
	for (int u = 0; u < 3; u++)
#pragma unroll
		for (int m = 0; m < MT; m++)
#pragma unroll
			for (int r = 0; r < 2; r++) raw[u][m][r] = float_unit(rows[m], lane, u >> 2, u & 3, r);
#pragma unroll 1
	for (int k = 0; k < a.k_tiles; k++) {
		const int further = k + 1 < a.k_tiles ? P::tile : 0;
		const uint8_t *block = ring;
#pragma unroll
		for (int u = 0; u < 8; u++) {
			if ((u & 1) == 0) block = gemm_next(a, ring, t.n0, 4 * k + u / 2);
			const int next = u + 3;
			uint32_t frag[MT][2][4];
#pragma unroll
			for (int m = 0; m < MT; m++) {
				float_fragments(raw[u & 3][m][0], raw[u & 3][m][1], frag[m]);
#pragma unroll
				for (int r = 0; r < 2; r++)
					raw[next & 3][m][r] = float_unit(rows[m] + (next > 7 ? further : 0), lane, next >> 2 & 1, next & 3, r);
			}
#pragma unroll
			for (int p = 0; p < 2; p++) gemm_step<type, MT>(block, 2 * (u & 1) + p, &frag[0][p], 2, acc);
		}
#pragma unroll
		for (int m = 0; m < MT; m++) rows[m] += further;
	}
}

template <int type, int MT> ORT_DEV void gemm(const gemm_args &a) {
	uint8_t *ring = ort_shared();
	const int warp = threadIdx.x >> 5;
	GemmTile t = gemm_tile(a, blockIdx.x);
	griddep_wait();
	griddep_launch();
#pragma unroll
	for (int b = 0; b < GEMM_BLOCKS - 1; b++) {
		if (b < 4 * a.k_tiles) gemm_fetch(a, ring, t.n0, b);
		cp_async_commit();
	}
	float acc[MT][64];
#pragma unroll
	for (int m = 0; m < MT; m++)
#pragma unroll
		for (int i = 0; i < 64; i++) acc[m][i] = 0;
	if constexpr (Packed<type>::is_float) gemm_products_float<type, MT>(a, t, ring, acc);
	else gemm_products<type, MT>(a, t, ring, acc);
	cp_async_wait<0>();
	block_sync(); // the ring is free
	gemm_result<type, GEMM_WARPS, MT>(a, t, warp, (float *)(ring + warp * GEMM_STAGE), acc);
}

#define GEMM(name, type) \
	ORT_KERNEL_MIN(gemm_##name, gemm_args, 32 * GEMM_WARPS, 2) { gemm<type, 2>(a); }
