// gemm_sm90_<type>_<height>: products of more than 64 rows on the wgmma of sm_90a (gemm.cuh says what they compute).
//
// budget gemm_sm90_*: 168 registers
#include "gemm.cuh"

#define SM90_WARPS 8 // that multiply
#define SM90_THREADS (32 * SM90_WARPS + 128)
#define SM90_BLOCK 16384 // bytes of 64 columns of GEMM_N rows of activations
#define SM90_SHARED 232448
#define SM90_MAX_BLOCKS 13

template <int type, int MT> struct Sm90 {
	using P = Packed<type>;
	static constexpr bool is_float = P::is_float;
	static constexpr int tiles = SM90_WARPS * MT;
	static constexpr int w_slots = 2, w_slot = is_float ? 0 : (tiles * P::tile + 127) / 128 * 128;
	static constexpr int fixed = SM90_WARPS * GEMM_STAGE + 16 * (SM90_MAX_BLOCKS + w_slots);
	static constexpr int room = (SM90_SHARED - fixed - w_slots * w_slot) / SM90_BLOCK;
	static constexpr int b_slots = room < SM90_MAX_BLOCKS ? room : SM90_MAX_BLOCKS;
	static_assert(b_slots >= 4, "a tile of 256 columns");
	static constexpr int at_w = b_slots * SM90_BLOCK, at_stage = at_w + w_slots * w_slot, at_bars = at_stage + SM90_WARPS * GEMM_STAGE;
};

// A place in a ring and the parity of its turn.
template <int slots> struct Ring {
	int at = 0;
	uint32_t parity = 0;
	ORT_METHOD void next() {
		if (++at == slots) at = 0, parity ^= 1;
	}
};

struct Sm90Bars {
	uint64_t *full_b, *empty_b, *full_w, *empty_w;
};

template <int type, int MT> ORT_DEV void sm90_produce(const gemm_args &a, uint8_t *shared, const Sm90Bars &bars) {
	using L = Sm90<type, MT>;
	const int lane = threadIdx.x & 31;
	Ring<L::b_slots> b;
	Ring<L::w_slots> w;
	bool waited = false;
	for (int i = blockIdx.x; i < gemm_tiles(a); i += gridDim.x) {
		GemmTile t = gemm_tile(a, i);
		const uint8_t *rows = gemm_rows<SM90_WARPS, MT>(a, t, lane % L::tiles / MT, lane % MT, L::P::tile);
		const uint8_t *act = (const uint8_t *)a.act + (int64_t)t.n0 * 128;
		for (int k = 0; k < a.k_tiles; k++, rows += L::P::tile) {
			if (L::is_float) {
				if (lane < L::tiles) bulk_prefetch_l2(rows, L::P::tile);
			} else {
				mbar_wait(bars.empty_w + w.at, w.parity ^ 1);
				if (lane == 0) mbar_arrive_expect(bars.full_w + w.at, L::tiles * L::P::tile);
				warp_sync();
				if (lane < L::tiles) bulk_load(shared + L::at_w + w.at * L::w_slot + lane * L::P::tile, rows, L::P::tile, bars.full_w + w.at);
				w.next();
			}
			if (!waited) griddep_wait();
			waited = true;
			for (int j = 0; j < 4; j++, act += (int64_t)a.act_rows * 128) {
				mbar_wait(bars.empty_b + b.at, b.parity ^ 1);
				if (lane == 0) {
					mbar_arrive_expect(bars.full_b + b.at, SM90_BLOCK);
					bulk_load(shared + b.at * SM90_BLOCK, act, SM90_BLOCK, bars.full_b + b.at);
				}
				warp_sync();
				b.next();
			}
		}
	}
}

// What a consumer warp keeps between units.
template <int type, int MT> struct Sm90Consumer {
	using L = Sm90<type, MT>;
	Ring<L::b_slots> b; // the block in use
	Ring<L::w_slots> w;
};

// Gives the block before b back, once its products have been waited for.
template <int type, int MT> ORT_DEV void sm90_release(const Sm90Bars &bars, int at) {
	warp_sync();
	if ((threadIdx.x & 31) == 0) mbar_arrive(bars.empty_b + at);
}

template <int type> ORT_DEV void sm90_multiply(float d[64], const uint32_t a[4], uint64_t b, bool add) {
	if (type == 30) wgmma_bf16(d, a, b, add);
	else wgmma_f16(d, a, b, add);
}

template <int type, int MT> ORT_DEV void sm90_products(const gemm_args &a, const GemmTile &t, uint8_t *shared, const Sm90Bars &bars,
                                                       Sm90Consumer<type, MT> &c, float acc[MT][64]) {
	using L = Sm90<type, MT>;
	const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
	int before = -1;
	uint32_t frag[2][MT][2][4];
#pragma unroll 1
	for (int kh = 0; kh < 2 * a.k_tiles; kh++) {
		const int h = kh & 1;
		if (h == 0) mbar_wait(bars.full_w + c.w.at, c.w.parity);
		const uint8_t *tile = shared + L::at_w + c.w.at * L::w_slot + warp * MT * L::P::tile;
		HalfTile<type> v[MT];
#pragma unroll
		for (int m = 0; m < MT; m++) load_half<type>(v[m], tile + m * L::P::tile, lane, h);
#pragma unroll
		for (int i = 0; i < 4; i++) {
#pragma unroll
			for (int m = 0; m < MT; m++) unit_fragments<type>(v[m], i, frag[i & 1][m]);
			if ((i & 1) == 0) mbar_wait(bars.full_b + c.b.at, c.b.parity);
			uint64_t desc = wgmma_desc(shared + c.b.at * SM90_BLOCK) + (i & 1) * 4;
			wgmma_fence();
#pragma unroll
			for (int p = 0; p < 2; p++)
#pragma unroll
				for (int m = 0; m < MT; m++) sm90_multiply<type>(acc[m], frag[i & 1][m][p], desc + 2 * p, kh > 0 || i > 0 || p > 0);
			wgmma_commit();
			wgmma_wait<1>();
			if ((i & 1) == 0 && (i > 0 || kh > 0)) sm90_release<type, MT>(bars, before);
			if (i & 1) {
				before = c.b.at;
				c.b.next();
			}
		}
		if (h == 1) {
			warp_sync();
			if (lane == 0) mbar_arrive(bars.empty_w + c.w.at);
			c.w.next();
		}
	}
	wgmma_wait<0>();
	sm90_release<type, MT>(bars, before);
}

template <int type, int MT> ORT_DEV void sm90_products_float(const gemm_args &a, const GemmTile &t, uint8_t *shared, const Sm90Bars &bars,
                                                             Sm90Consumer<type, MT> &c, float acc[MT][64]) {
	using L = Sm90<type, MT>;
	const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
	const uint8_t *rows[MT];
#pragma unroll
	for (int m = 0; m < MT; m++) rows[m] = gemm_rows<SM90_WARPS, MT>(a, t, warp, m, L::P::tile);
	uint32_t frag[4][MT][2][4];
#pragma unroll
	for (int u = 0; u < 3; u++)
#pragma unroll
		for (int m = 0; m < MT; m++) float_fragments(rows[m], lane, u >> 2, u & 3, frag[u][m]);
	int before = -1;
#pragma unroll 1
	for (int k = 0; k < a.k_tiles; k++) {
		int ahead = k + 1 < a.k_tiles ? L::P::tile : 0;
#pragma unroll
		for (int u = 0; u < 8; u++) {
			if ((u & 1) == 0) mbar_wait(bars.full_b + c.b.at, c.b.parity);
			uint64_t desc = wgmma_desc(shared + c.b.at * SM90_BLOCK) + (u & 1) * 4;
			wgmma_fence();
#pragma unroll
			for (int p = 0; p < 2; p++)
#pragma unroll
				for (int m = 0; m < MT; m++) sm90_multiply<type>(acc[m], frag[u & 3][m][p], desc + 2 * p, k > 0 || u > 0 || p > 0);
			wgmma_commit();
			wgmma_wait<1>();
			const int next = u + 3;
#pragma unroll
			for (int m = 0; m < MT; m++)
				float_fragments(rows[m] + (next > 7 ? ahead : 0), lane, next >> 2 & 1, next & 3, frag[next & 3][m]);
			if ((u & 1) == 0 && (u > 0 || k > 0)) sm90_release<type, MT>(bars, before);
			if (u & 1) {
				before = c.b.at;
				c.b.next();
			}
		}
#pragma unroll
		for (int m = 0; m < MT; m++) rows[m] += ahead;
	}
	wgmma_wait<0>();
	sm90_release<type, MT>(bars, before);
}

template <int type, int MT> ORT_DEV void gemm_sm90(const gemm_args &a) {
	using L = Sm90<type, MT>;
	uint8_t *shared = ort_shared();
	Sm90Bars bars;
	bars.full_b = (uint64_t *)(shared + L::at_bars);
	bars.empty_b = bars.full_b + L::b_slots;
	bars.full_w = bars.empty_b + L::b_slots;
	bars.empty_w = bars.full_w + L::w_slots;
	if (threadIdx.x == 0) {
		for (int i = 0; i < L::b_slots; i++) mbar_init(bars.full_b + i, 1), mbar_init(bars.empty_b + i, SM90_WARPS);
		for (int i = 0; i < L::w_slots; i++) mbar_init(bars.full_w + i, 1), mbar_init(bars.empty_w + i, SM90_WARPS);
		mbar_fence_init();
	}
	block_sync();
	const int warp = threadIdx.x >> 5;
	if (warp >= SM90_WARPS) {
		fewer_registers<24>();
		if (warp == SM90_WARPS) sm90_produce<type, MT>(a, shared, bars);
		return;
	}
	more_registers<240>();
	griddep_wait();
	griddep_launch();
	Sm90Consumer<type, MT> c;
	float *stage = (float *)(shared + L::at_stage + warp * GEMM_STAGE);
	for (int i = blockIdx.x; i < gemm_tiles(a); i += gridDim.x) {
		GemmTile t = gemm_tile(a, i);
		float acc[MT][64];
		if constexpr (L::is_float) sm90_products_float<type, MT>(a, t, shared, bars, c, acc);
		else sm90_products<type, MT>(a, t, shared, bars, c, acc);
		gemm_result<type, SM90_WARPS, MT>(a, t, warp, stage, acc);
	}
}

#ifdef ORT_WGMMA
#define GEMM_SM90(name, type)                                                                           \
	ORT_KERNEL_MIN(gemm_sm90_##name##_1, gemm_args, SM90_THREADS, 1) { gemm_sm90<type, 1>(a); } \
	ORT_KERNEL_MIN(gemm_sm90_##name##_2, gemm_args, SM90_THREADS, 1) { gemm_sm90<type, 2>(a); }
GEMM_TYPES(GEMM_SM90)
#endif
