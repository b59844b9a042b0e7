// Attention of many rows a sequence on the wgmma and the tensor maps of sm_90a, for an f16 cache and heads of 64 or 128 values;
// attend_prefill.cu has the formula and the other caches, GPUs and sizes.
//
// Work. Tiles, pieces and splits are attend_prefill's: 128 queries of a KV head a block. Two warp groups take 64 queries each; one
// warp of a third brings pages. K and V of a page are [64][dim] in the cache, without gaps: a tensor map of all its lines brings
// boxes of 64 columns, swizzled as wgmma reads them, 8 KB each, to rings of 4 pages of K and of V. S = q·Kᵀ is m64n64k16 with
// q in registers and K as it lies (K-major); O += P·V is m64n<dim>k16 with P from the registers of S, whose fragment is that of A, and V
// as it lies (N-major). The product of q with the next page is under way with that of P and V, and its softmax runs while the latter does,
// and the groups hide each other's. Lines of V beyond what the piece sees may hold anything, also NaNs, which
// weights of 0 do not hide: the bringing warp clears them in the last page. Those of K only reach scores that are masked.
//
// Numbers. As attend_prefill: q and P rounded to f16, the order of sums differs.
//
// One page and 128 queries, dim 128, cycles of a multiprocessor:
//   tensor cores     2 * 128*64*128 / 2048                                                         1024
//   exponentials     128*64 / 16                                                                    512, beside the products
//   shared memory    K and V read by two groups, 64 KB, written 32 KB                               768  (mma.sync: 2300)
//   L2               32 KB at 24 to 28 bytes a cycle                                        1170 to 1370
// Registers: q 32, O 64, S 32, P 16 of 232. Shared memory: 129 KB (dim 64: 65).
// L2 is the bound: 2048 rows of Qwen3-8B from position 0 are 8448 pages of a head, 64 for each of 132 multiprocessors, 43 to 50 us a layer at
// 1.755 GHz. Prediction for an H200, not measured: 65 us a layer, where mma.sync is predicted to take 115 (attend_prefill.cu): 1.8 of
// the 51 ms that 2048 tokens take (gemm_sm90.cuh), and more with the context: at 32k tokens attention is two fifths of all operations.
//
// What shows that it is right: the suite on the emulator, which takes descriptors, swizzle and boxes by the PTX ISA, does products when they are
// waited for, and wants fences of the proxies. Registers, what a driver's map holds and the time are a GPU's to show; Device.UseLarge
// compares this with mma.sync there.
#include "attend_tile.cuh"
#include "ring.cuh"

#ifdef ORT_WGMMA

// attendSm90Args in attend.go.
struct AttendSm90Args {
	TensorMap k, v; // of the cache's lines, [pages*kvHeads*64, dim] f16, in boxes of a page
	AttendArgs at;
	uint64_t spare[4]; // up to a multiple of 64 bytes
};

template <int dim_> struct Wide {
	static constexpr int dim = dim_, mtiles = 1, threads = 256, warps = threads / 32; // of those that compute
	static constexpr int stages = 4;
	static constexpr int box = page_tokens * 128, tile = dim / 64 * box; // bytes of 64 columns, of K or V of a page
	static constexpr int at_v = stages * tile, at_bars = 2 * at_v, at_flag = at_bars + 8 * (4 * stages + 1); // and 8 bytes
};

// The barriers of the rings: a stage is full when its page is there, empty when all warps have given it back. raw: the page
// of V that is still to be cleared is there.
struct PageBars {
	uint64_t *full_k, *empty_k, *full_v, *empty_v, *raw;
};

template <class F> ORT_DEV PageBars page_bars(uint8_t *shared) {
	uint64_t *first = (uint64_t *)(shared + F::at_bars);
	PageBars bars = {first, first + F::stages, first + 2 * F::stages, first + 3 * F::stages, first + 4 * F::stages};
	if (threadIdx.x == 0) {
		for (int i = 0; i < F::stages; i++) {
			mbar_init(bars.full_k + i, 1), mbar_init(bars.empty_k + i, F::warps);
			mbar_init(bars.full_v + i, 1), mbar_init(bars.empty_v + i, F::warps);
		}
		mbar_init(bars.raw, 1);
		mbar_fence_init();
	}
	block_sync();
	return bars;
}

// Brings K or V of the page at a line of the cache. One thread calls it.
template <class F> ORT_DEV void bring_page(const TensorMap &map, uint8_t *to, uint32_t line, uint64_t *full) {
	mbar_arrive_expect(full, F::tile);
#pragma unroll
	for (int i = 0; i < F::dim / 64; i++) tensor_load(to + i * F::box, &map, 64 * i, (int)line, full);
}

// Clears the lines of V from `keys` on, for products to come. All lanes of the warp call it.
template <class F> ORT_DEV void clear_lines(uint8_t *v, int keys) {
	for (int i = 8 * keys + (int)threadIdx.x % 32; i < 8 * page_tokens; i += 32)
#pragma unroll
		for (int b = 0; b < F::dim / 64; b++) *(uint4 *)(v + b * F::box + 16 * i) = make_uint4(0, 0, 0, 0);
	async_fence_shared();
	warp_sync();
}

// The warp that brings the pages of all pieces of the tile, as stages become empty.
template <class F> ORT_DEV void bring_pages(const AttendSm90Args &args, uint8_t *shared, const PageBars &bars, int first, int last) {
	const AttendArgs &a = args.at;
	const int lane = (int)threadIdx.x % 32;
	Ring<F::stages> ring; // of both K and V
	uint32_t raw = 0;     // parity of the barrier
	for (int row = first; row < last;) {
		Piece p = find_piece(a, row, last);
		const int32_t *table = (const int32_t *)a.table + p.table;
		int page = 0, end = in_tiles(a, row) ? p.end : p.first;
		for (int c = p.first; c < end; c++, ring.next()) {
			int i = (c - p.first) % 32, keys = p.pos + p.rows - page_tokens * c; // that any row sees of this page
			if (i == 0) page = table[min(c + lane, p.end - 1)];
			uint32_t line = page_line(a, shfl(page, i));
			uint8_t *k = shared + ring.at * F::tile, *v = k + F::at_v;
			uint64_t *full_v = bars.full_v + ring.at;
			mbar_wait(bars.empty_k + ring.at, ring.parity ^ 1);
			if (lane == 0) bring_page<F>(args.k, k, line, bars.full_k + ring.at);
			mbar_wait(bars.empty_v + ring.at, ring.parity ^ 1);
			if (lane == 0) bring_page<F>(args.v, v, line, keys < page_tokens ? bars.raw : full_v);
			warp_sync();
			if (keys >= page_tokens) continue;
			mbar_wait(bars.raw, raw);
			raw ^= 1;
			clear_lines<F>(v, keys);
			if (lane == 0) mbar_arrive(full_v);
		}
		row += p.rows;
	}
}

// Gives a stage back. All lanes of a warp that has waited for its products call it.
ORT_DEV void give_back(uint64_t *empty) {
	warp_sync();
	if (threadIdx.x % 32 == 0) mbar_arrive(empty);
}

// The warp's 16 queries of the piece as fragments of A, scaled; zeros beyond the piece.
template <class F> ORT_DEV void query_fragments(const AttendArgs &a, const Piece &p, uint32_t q[F::dim / 16][4]) {
	const int lane = (int)threadIdx.x % 32, w = (int)threadIdx.x / 32;
#pragma unroll
	for (int h = 0; h < 2; h++) {
		int query = 16 * w + 8 * h + lane / 4;
		bool ok = query < p.rows * p.group;
		if (!ok) query = 0;
		uint64_t at = (uint64_t)(p.row + query / p.group) * (uint64_t)a.heads + (uint64_t)(p.head * p.group + query % p.group);
		const float *from = (const float *)a.q + at * F::dim + 2 * (lane % 4);
		float by = ok ? a.scale : 0.f;
#pragma unroll
		for (int i = 0; i < F::dim / 16; i++)
#pragma unroll
			for (int half = 0; half < 2; half++) {
				float2 x = *(const float2 *)(from + 16 * i + 8 * half);
				q[i][2 * half + h] = f32x2_to_f16x2(x.x * by, x.y * by);
			}
	}
}

// Starts S = q·Kᵀ of the warp group's 64 queries and a page: one group to wait for.
template <class F> ORT_DEV void start_qk(float s[8][4], const uint32_t q[F::dim / 16][4], const uint8_t *k) {
#pragma unroll
	for (int i = 0; i < F::dim / 16; i++) wgmma_f16<64>(&s[0][0], q[i], wgmma_desc(k + i / 4 * F::box) + 2 * (i % 4), i > 0);
	wgmma_commit();
}

// Starts O += P·V. The pairs of keys 16i.. of P are a fragment of A.
template <class F> ORT_DEV void start_pv(float o[F::dim / 8][4], const uint32_t p[8][2], const uint8_t *v) {
#pragma unroll
	for (int i = 0; i < 4; i++) wgmma_f16<F::dim, true>(&o[0][0], p[2 * i], wgmma_desc_across(v + 2048 * i, F::box), true);
	wgmma_commit();
}

// The places of the next pages of K and V.
template <class F> struct Pages {
	Ring<F::stages> k, v;
};

// Computes the queries of the warp group in a piece.
template <class F> ORT_DEV void compute_piece(const AttendArgs &a, const Piece &p, uint8_t *shared, const PageBars &bars, Pages<F> &at) {
	const int lane = (int)threadIdx.x % 32, w = (int)threadIdx.x / 32;
	const int least = p.pos + w / 4 * 64 / p.group + 1; // keys that the group's first query sees
	int seen[2];                                        // keys that the lane's two queries see, less 2t
#pragma unroll
	for (int h = 0; h < 2; h++) seen[h] = p.pos + (16 * w + 8 * h + lane / 4) / p.group + 1 - 2 * (lane % 4);
	uint32_t q[F::dim / 16][4], weights[8][2];
	float s[8][4], by[2];
	Running<F> r;
	query_fragments<F>(a, p, q);
	start(r);
	auto weigh = [&](int c) { // turns the scores of page c into weights
#pragma unroll
		for (int h = 0; h < 2; h++) {
			if (page_tokens * (c + 1) > least) mask_row(s, h, seen[h] - page_tokens * c);
			by[h] = softmax_row(s, h, r.m[0][h], r.l[0][h]);
		}
	};
	auto narrow = [&] {
#pragma unroll
		for (int h = 0; h < 2; h++) narrow_row(s, h, weights);
	};
	mbar_wait(bars.full_k + at.k.at, at.k.parity);
	wgmma_fence();
	start_qk<F>(s, q, shared + at.k.at * F::tile);
	wgmma_wait<0>();
	wgmma_hold<32>(&s[0][0]);
	give_back(bars.empty_k + at.k.at);
	at.k.next();
	weigh(p.first); // O is 0 as yet
	narrow();
#pragma unroll 1
	for (int c = p.first + 1; c < p.end; c++) {
		mbar_wait(bars.full_k + at.k.at, at.k.parity);
		wgmma_fence();
		start_qk<F>(s, q, shared + at.k.at * F::tile);
		mbar_wait(bars.full_v + at.v.at, at.v.parity);
		wgmma_fence();
		start_pv<F>(r.o[0], weights, shared + F::at_v + at.v.at * F::tile);
		wgmma_wait<1>();
		wgmma_hold<32>(&s[0][0]);
		give_back(bars.empty_k + at.k.at);
		at.k.next();
		weigh(c);
		wgmma_wait<0>();
		wgmma_hold<F::dim / 2>(&r.o[0][0][0]);
		wgmma_hold<16>(&weights[0][0]);
		give_back(bars.empty_v + at.v.at);
		at.v.next();
#pragma unroll
		for (int h = 0; h < 2; h++) scale_row<F::dim / 8>(r.o[0], h, by[h]);
		narrow();
	}
	mbar_wait(bars.full_v + at.v.at, at.v.parity);
	wgmma_fence();
	start_pv<F>(r.o[0], weights, shared + F::at_v + at.v.at * F::tile);
	wgmma_wait<0>();
	wgmma_hold<F::dim / 2>(&r.o[0][0][0]);
	give_back(bars.empty_v + at.v.at);
	at.v.next();
	store_piece<F>(a, p, r);
}

// Passes the pages of a piece that has no queries for the warp group: the other group has.
template <class F> ORT_DEV void pass_piece(const Piece &p, const PageBars &bars, Pages<F> &at) {
	for (int c = p.first; c < p.end; c++, at.k.next(), at.v.next()) {
		mbar_wait(bars.full_k + at.k.at, at.k.parity);
		give_back(bars.empty_k + at.k.at);
		mbar_wait(bars.full_v + at.v.at, at.v.parity);
		give_back(bars.empty_v + at.v.at);
	}
}

template <class F> ORT_DEV void compute_tile(const AttendArgs &a, uint8_t *shared, const PageBars &bars, int tile, int first, int last) {
	Pages<F> at;
	for (int row = first; row < last;) {
		Piece p = find_piece(a, row, last);
		row += p.rows;
		if (!in_tiles(a, p.row) || p.first >= p.end) continue;
		if (64 * ((int)threadIdx.x / 128) < p.rows * p.group) compute_piece<F>(a, p, shared, bars, at);
		else pass_piece<F>(p, bars, at);
	}
	if (a.splits == 1) return;
	uint32_t *flag = (uint32_t *)(shared + F::at_flag);
	named_sync(1, F::threads);
	if (threadIdx.x == 0) *flag = arrive_last((uint32_t *)a.arrived + (uint64_t)tile * gridDim.y + blockIdx.y, (uint32_t)a.splits);
	named_sync(1, F::threads);
	if (*flag) merge_tile<F::threads>(a, first, last);
}

template <class F> ORT_DEV void attend_sm90(const AttendSm90Args &args) {
	const AttendArgs &a = args.at;
	uint8_t *shared = ort_shared();
	const int tile = (int)(gridDim.x - 1 - blockIdx.x); // long ones first
	const int first = tile * a.pack, last = min(a.n, first + a.pack), warp = (int)threadIdx.x / 32;
	if (threadIdx.x == F::threads) tensor_prefetch(&args.k), tensor_prefetch(&args.v);
	const PageBars bars = page_bars<F>(shared);
	griddep_wait();
	griddep_launch();
	if (warp < F::warps) {
		more_registers<232>();
		compute_tile<F>(a, shared, bars, tile, first, last);
	} else {
		fewer_registers<40>();
		if (warp == F::warps) bring_pages<F>(args, shared, bars, first, last);
	}
}

// budget attend_sm90_*: 168 registers
#define ATTEND_SM90(dim) \
	ORT_KERNEL_MIN(attend_sm90_##dim, AttendSm90Args, 384, 1) { attend_sm90<Wide<dim>>(a); }
ATTEND_SM90(64)
ATTEND_SM90(128)
#endif
