// gemm_sm90_<type>_<height>: products of more than 64 rows on the wgmma of sm_90a; gemm.cuh says what they compute.
//
// Work. A persistent block, one a multiprocessor, makes height*128 rows of weights (a panel; of a pair 128 of each matrix) by 128
// rows of activations (a tile). Two warp groups multiply, m64n128k16 with A from registers: the packed layout's lanes are
// A fragments, so that weights are dequantised from shared memory into registers and nothing is written back. One warp of a third
// group brings activations (a ring of 5 to 13 blocks of 64 columns, as rows.cu swizzled them: one bulk copy a block, B by
// descriptor) and packed weights (two slots of 256 columns, one bulk copy a row tile). 16-bit weights come from memory as
// fragments, three units of 32 columns before their products, their lines asked for ahead by that warp. While the products of
// one unit run, the next one is dequantised: one group of wgmma is always under way.
// Registers: 232 for the 256 threads that multiply (128 sums, 32 of fragments), 40 for the others; ptxas: 168 at launch, no
// spills, no serialised wgmma. Shared memory: 227 KB.
//
// A tile's 64 columns (height 2), cycles of one multiprocessor:
//   tensor cores      256*128*64 / 2048                                                                 1024
//   instructions      Q4_K 428 a warp and 128 columns, two warps a scheduler: 428 (BF16 118) of 1024 slots
//   shared memory     B is read by 4 products of 64 rows: 64 KB; written 16 KB; Q4_K weights 9.25 KB, twice: 770 (BF16 640)
//   L2                Q4_K 25.3 KB, 25 bytes a cycle; BF16 48 KB, 47 bytes a cycle
// L2 delivers 24-28 bytes a cycle to each multiprocessor: Q4_K can run at full rate, BF16 at 55-60 % of it. Blocks in
// clusters of two (gemm_args.cluster), which take neighbouring panels and bring half of the activations each to both by multicast,
// lower BF16 to 40 KB, 65-70 %.
// Beside that a tile costs about 5000 cycles to write (all sums turned through shared memory, whole sectors) and to begin anew.
//
// Prediction for an H200 at 1.755 GHz, where main loops run at 75 % of the tensor cores' peak (BF16 57 %); not measured:
//   Qwen3-8B, Q4_K_M    Q, K         V        O        gate, up     down         a layer   all 36     tok/s with 0.2 ms a layer of all else
//   n = 512             53 us (h 2)  27 (1)   27 (1)   158 (pair)   77 (1)       0.34 ms   12.3 ms    33000
//   n = 2048            133 us (1)   27 (1)   105 (2)  631 (pair)   304 (2)      1.20 ms   43.2 ms    40000  (660 TFLOP/s)
//   n = 2048, BF16      as much times 1.27                                        1.52 ms   54.9 ms    33000, with clusters 38000
// 30000 tok/s in Q4_K_M need a main loop at 54 % of the peak.
//
// What shows that it is right: the suite on the emulator, which decodes descriptors and swizzle by the PTX ISA and does products only
// when they are waited for. It has no clusters, no asynchronous proxy and no register file: only a GPU proves the rest.
// Device.UseLarge compares this with mma.sync there.
#pragma once

#include "gemm.cuh"
#include "ring.cuh"

#define SM90_WARPS 8 // that multiply
#define SM90_THREADS (32 * SM90_WARPS + 128)
#define SM90_BLOCK 16384 // bytes of 64 columns of GEMM_N rows of activations
#define SM90_SHARED 232448
#define SM90_MAX_BLOCKS 13

// Shared memory: the ring of blocks of activations, the ring of weights (codes only; a slot is 256 columns of the panel), what
// warps turn their results in, and the barriers of both rings.
template <int type, int MT> struct Sm90 {
	using P = Packed<type>;
	static constexpr int tiles = SM90_WARPS * MT; // row tiles of a panel
	static constexpr int w_slots = 2, w_slot = P::is_float ? 0 : (tiles * P::tile + 127) / 128 * 128;
	static constexpr int fixed = SM90_WARPS * GEMM_STAGE + 16 * (SM90_MAX_BLOCKS + w_slots);
	static constexpr int room = (SM90_SHARED - fixed - w_slots * w_slot) / SM90_BLOCK;
	static constexpr int b_slots = room < SM90_MAX_BLOCKS ? room : SM90_MAX_BLOCKS;
	static_assert(b_slots >= 4, "256 columns of activations");
	static constexpr int at_w = b_slots * SM90_BLOCK, at_stage = at_w + w_slots * w_slot, at_bars = at_stage + SM90_WARPS * GEMM_STAGE;
};

// The barriers of the two rings: a slot is full when its bytes are there, empty when all warps that multiply have given it back
// (of activations those of both blocks of a cluster).
struct Sm90Bars {
	uint64_t *full_b, *empty_b, *full_w, *empty_w;
};

template <int type, int MT> ORT_DEV Sm90Bars sm90_bars(uint8_t *shared, int cluster) {
	using L = Sm90<type, MT>;
	Sm90Bars bars;
	bars.full_b = (uint64_t *)(shared + L::at_bars);
	bars.empty_b = bars.full_b + L::b_slots;
	bars.full_w = bars.empty_b + L::b_slots;
	bars.empty_w = bars.full_w + L::w_slots;
	if (threadIdx.x == 0) {
		for (int i = 0; i < L::b_slots; i++) mbar_init(bars.full_b + i, 1), mbar_init(bars.empty_b + i, SM90_WARPS * cluster);
		for (int i = 0; i < L::w_slots && !L::P::is_float; i++) mbar_init(bars.full_w + i, 1), mbar_init(bars.empty_w + i, SM90_WARPS);
		mbar_fence_init();
	}
	block_sync();
	if (cluster > 1) cluster_sync();
	return bars;
}

// Tile `i` of this block; panels are numbered in units of a cluster, whose blocks take neighbours.
ORT_DEV GemmTile sm90_tile(const gemm_args &a, int i) {
	GemmTile t = gemm_tile(a, i);
	if (a.cluster > 1) t.panel = t.panel * a.cluster + cluster_rank();
	return t;
}

// Brings one block of activations. The two blocks of a cluster bring half each to both.
ORT_DEV void sm90_load_block(const gemm_args &a, uint8_t *to, const uint8_t *from, uint64_t *full) {
	mbar_arrive_expect(full, SM90_BLOCK);
	if (a.cluster == 1) {
		bulk_load(to, from, SM90_BLOCK, full);
	} else {
		int half = cluster_rank() * (SM90_BLOCK / 2);
		bulk_load_cluster(to + half, from + half, SM90_BLOCK / 2, full, 3);
	}
}

// The warp that brings weights and activations of all tiles of this block, as slots become empty. Of 16-bit weights, which
// the other warps load themselves, it asks for the lines ahead of them.
template <int type, int MT> ORT_DEV void sm90_produce(const gemm_args &a, uint8_t *shared, const Sm90Bars &bars) {
	using L = Sm90<type, MT>;
	const int lane = threadIdx.x & 31;
	Ring<L::b_slots> b;
	Ring<L::w_slots> w;
	bool waited = false;
	for (int i = blockIdx.x / a.cluster; i < gemm_tiles(a); i += gridDim.x / a.cluster) {
		GemmTile t = sm90_tile(a, i);
		const uint8_t *rows = gemm_rows<SM90_WARPS, MT>(a, t, lane % L::tiles / MT, lane % MT, L::P::tile);
		const uint8_t *act = (const uint8_t *)a.act + (int64_t)t.n0 * 128;
		for (int k = 0; k < a.k_tiles; k++, rows += L::P::tile) {
			if (L::P::is_float) {
				if (lane < L::tiles) bulk_prefetch_l2(rows, L::P::tile);
			} else {
				mbar_wait(bars.empty_w + w.at, w.parity ^ 1);
				if (lane == 0) mbar_arrive_expect(bars.full_w + w.at, L::tiles * L::P::tile);
				warp_sync();
				if (lane < L::tiles) bulk_load(shared + L::at_w + w.at * L::w_slot + lane * L::P::tile, rows, L::P::tile, bars.full_w + w.at);
				w.next();
			}
			if (!waited) griddep_wait(); // weights do not depend on the launch before
			waited = true;
			for (int j = 0; j < 4; j++, act += (int64_t)a.act_rows * 128) {
				mbar_wait(bars.empty_b + b.at, b.parity ^ 1);
				if (lane == 0) sm90_load_block(a, shared + b.at * SM90_BLOCK, act, bars.full_b + b.at);
				warp_sync();
				b.next();
			}
		}
	}
}

// What a warp that multiplies keeps between tiles: the places of the next block and slot of weights.
template <int type, int MT> struct Sm90Consumer {
	Ring<Sm90<type, MT>::b_slots> b;
	Ring<Sm90<type, MT>::w_slots> w;
};

// Gives a block of activations back to the producers once its products are done.
ORT_DEV void sm90_release(const gemm_args &a, uint64_t *empty) {
	const int lane = threadIdx.x & 31;
	warp_sync();
	if (a.cluster == 1) {
		if (lane == 0) mbar_arrive(empty);
	} else if (lane < a.cluster) {
		mbar_arrive_cluster(empty, lane);
	}
}

// Starts the products of a unit (32 columns, the first or second half of a block): one group to wait for.
template <int type, int MT> ORT_DEV void sm90_multiply(float acc[MT][64], uint32_t (*frag)[2][4], const uint8_t *block, int half, bool add) {
	uint64_t desc = wgmma_desc(block) + 4 * half;
	wgmma_fence();
#pragma unroll
	for (int p = 0; p < 2; p++)
#pragma unroll
		for (int m = 0; m < MT; m++) {
			if (type == 30) wgmma_bf16(acc[m], frag[m][p], desc + 2 * p, add || p > 0);
			else wgmma_f16(acc[m], frag[m][p], desc + 2 * p, add || p > 0);
		}
	wgmma_commit();
}

// acc = the products of a tile, weights from codes: while the products of one unit run, the next unit's
// fragments are made.
template <int type, int MT> ORT_DEV void sm90_products(const gemm_args &a, uint8_t *shared, const Sm90Bars &bars, Sm90Consumer<type, MT> &c,
                                                       float acc[MT][64]) {
	using L = Sm90<type, MT>;
	const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
	int before = 0; // the block of the unit before
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
			sm90_multiply<type, MT>(acc, frag[i & 1], shared + c.b.at * SM90_BLOCK, i & 1, kh > 0 || i > 0);
			wgmma_wait<1>(); // the unit before is done: its fragments, and its block where it ended one, are free
			if ((i & 1) == 0 && (i > 0 || kh > 0)) sm90_release(a, bars.empty_b + before);
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
	sm90_release(a, bars.empty_b + before);
}

// The same with weights of 16 bits, which come from global memory as fragments, `ahead` units before their products.
template <int type, int MT> ORT_DEV void sm90_products_float(const gemm_args &a, const GemmTile &t, uint8_t *shared, const Sm90Bars &bars,
                                                             Sm90Consumer<type, MT> &c, float acc[MT][64]) {
	constexpr int units = 4, ahead = units - 1, bytes = Packed<type>::tile;
	const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
	const uint8_t *rows[MT];
#pragma unroll
	for (int m = 0; m < MT; m++) rows[m] = gemm_rows<SM90_WARPS, MT>(a, t, warp, m, bytes);
	uint32_t frag[units][MT][2][4];
#pragma unroll
	for (int u = 0; u < ahead; u++)
#pragma unroll
		for (int m = 0; m < MT; m++) float_fragments(float_unit(rows[m], lane, u >> 2, u & 3, 0), float_unit(rows[m], lane, u >> 2, u & 3, 1), frag[u][m]);
	int before = 0;
#pragma unroll 1
	for (int k = 0; k < a.k_tiles; k++) {
		const int further = k + 1 < a.k_tiles ? bytes : 0;
#pragma unroll
		for (int u = 0; u < 8; u++) {
			if ((u & 1) == 0) mbar_wait(bars.full_b + c.b.at, c.b.parity);
			sm90_multiply<type, MT>(acc, frag[u % units], shared + c.b.at * SM90_BLOCK, u & 1, k > 0 || u > 0);
			wgmma_wait<1>();
			const int next = u + ahead;
#pragma unroll
			for (int m = 0; m < MT; m++) {
				const uint8_t *tile = rows[m] + (next > 7 ? further : 0);
				float_fragments(float_unit(tile, lane, next >> 2 & 1, next & 3, 0), float_unit(tile, lane, next >> 2 & 1, next & 3, 1), frag[next % units][m]);
			}
			if ((u & 1) == 0 && (u > 0 || k > 0)) sm90_release(a, bars.empty_b + before);
			if (u & 1) {
				before = c.b.at;
				c.b.next();
			}
		}
#pragma unroll
		for (int m = 0; m < MT; m++) rows[m] += further;
	}
	wgmma_wait<0>();
	sm90_release(a, bars.empty_b + before);
}

template <int type, int MT> ORT_DEV void sm90_consume(const gemm_args &a, uint8_t *shared, const Sm90Bars &bars) {
	const int warp = threadIdx.x >> 5;
	float *stage = (float *)(shared + Sm90<type, MT>::at_stage + warp * GEMM_STAGE);
	Sm90Consumer<type, MT> c;
	griddep_wait();
	griddep_launch();
	for (int i = blockIdx.x / a.cluster; i < gemm_tiles(a); i += gridDim.x / a.cluster) {
		GemmTile t = sm90_tile(a, i);
		float acc[MT][64];
		if constexpr (Packed<type>::is_float) sm90_products_float<type, MT>(a, t, shared, bars, c, acc);
		else sm90_products<type, MT>(a, shared, bars, c, acc);
		gemm_result<type, SM90_WARPS, MT>(a, t, warp, stage, acc);
	}
}

template <int type, int MT> ORT_DEV void gemm_sm90(const gemm_args &a) {
	uint8_t *shared = ort_shared();
	const Sm90Bars bars = sm90_bars<type, MT>(shared, a.cluster);
	const int warp = threadIdx.x >> 5;
	if (warp < SM90_WARPS) {
		more_registers<232>();
		sm90_consume<type, MT>(a, shared, bars);
	} else {
		fewer_registers<40>();
		if (warp == SM90_WARPS) sm90_produce<type, MT>(a, shared, bars);
	}
	if (a.cluster > 1) cluster_sync(); // until then the other block may arrive here
}

#define GEMM_SM90(name, type)                                                                           \
	ORT_KERNEL_MIN(gemm_sm90_##name##_1, gemm_args, SM90_THREADS, 1) { gemm_sm90<type, 1>(a); } \
	ORT_KERNEL_MIN(gemm_sm90_##name##_2, gemm_args, SM90_THREADS, 1) { gemm_sm90<type, 2>(a); }
