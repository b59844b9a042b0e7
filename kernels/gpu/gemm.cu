// gemm_<type>: products of more than 64 rows on the mma.sync of every GPU from sm_80 on (gemm.cuh says what they compute).
//
// budget gemm_*: 255 registers
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
	const uint8_t *rows[MT];
	HalfTile<type> v[2][MT];
#pragma unroll
	for (int m = 0; m < MT; m++) {
		rows[m] = gemm_rows<GEMM_WARPS, MT>(a, t, warp, m, P::tile);
		load_half<type>(v[0][m], rows[m], lane, 0);
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
						load_half<type>(v[1 - h][m], rows[m], lane, 1 - h);
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
	uint32_t frag[4][MT][2][4]; // units, three ahead
#pragma unroll
	for (int u = 0; u < 3; u++)
#pragma unroll
		for (int m = 0; m < MT; m++) float_fragments(rows[m], lane, u >> 2, u & 3, frag[u][m]);
#pragma unroll 1
	for (int k = 0; k < a.k_tiles; k++) {
		const int ahead = k + 1 < a.k_tiles ? P::tile : 0;
		const uint8_t *block = ring;
#pragma unroll
		for (int u = 0; u < 8; u++) {
			if ((u & 1) == 0) block = gemm_next(a, ring, t.n0, 4 * k + u / 2);
			const int next = u + 3;
#pragma unroll
			for (int m = 0; m < MT; m++)
				float_fragments(rows[m] + (next > 7 ? ahead : 0), lane, next >> 2 & 1, next & 3, frag[next & 3][m]);
#pragma unroll
			for (int p = 0; p < 2; p++) gemm_step<type, MT>(block, 2 * (u & 1) + p, &frag[u & 3][0][p], 2, acc);
		}
#pragma unroll
		for (int m = 0; m < MT; m++) rows[m] += ahead;
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
GEMM_TYPES(GEMM)
