// Matrix times vector for 1 to 3 rows of activations, for every packed type; see gemv.cu. This file holds the stream of tiles
// and the loop over them; gemv_dot.cuh the products of one tile, gemv_act.cuh the activations.
#pragma once
#include "gemv_act.cuh"
#include "gemv_dot.cuh"
#include "head.cuh"

enum { gemv_most_stages = 8 };

enum GemvMode {
	GEMV_STORE, // y = x·wᵀ
	GEMV_ADD,   // y += x·wᵀ
	GEMV_SILU,  // y = silu(x·w[0]ᵀ)·(x·w[1]ᵀ)
	GEMV_GATED, // y = silu(y)·(x·wᵀ)
	GEMV_HEADS, // y = x·[w[0] w[1] w[2]]ᵀ; the last block at a head finishes it (head.cuh)
};

// gemvArgs in gemv.go.
struct GemvArgs {
	uint64_t x, norm, want; // [*, in] f32; [in] f32 or none; [rows] i32 rows of x, or none
	uint64_t w[3];          // packed [out, in]
	uint64_t y;             // [rows, stride] f32
	uint64_t counters;      // GEMV_HEADS: [heads + 2·kv heads] u32, zero between launches
	uint64_t next[2];       // the packed matrices that the next such kernel starts with, or none
	HeadArgs head;          // GEMV_HEADS
	uint32_t out[3], first[3]; // rows of each matrix, and the column of y where they go; out is 0 for none
	uint32_t in, stride;
	float eps, gain[3], spare;   // gain: Scale of each matrix
	uint32_t mode, stages, bulk; // stages: tiles in each warp's ring; bulk is read by the emulator only
	uint32_t ahead[2];           // bytes of next to fetch into the second-level cache, multiples of 16
};

// Whether tiles come by bulk copies (sm_90 on) or by cp.async.
ORT_DEV bool gemv_bulk(const GemvArgs &a) {
#ifdef ORT_EMULATOR
	return a.bulk != 0;
#elif __CUDA_ARCH__ >= 900
	return true;
#else
	return false;
#endif
}

// The shared memory of a block (gemvShape in gemv.go): barriers, sums, parts of row tiles, activations, then the warps' rings.
template <int rows> struct GemvShared {
	static constexpr int sums = 512, parts = sums + 128, act = parts + 1024 * rows;
};

// Row tile i of this block: of which matrix, and which. With GEMV_SILU a block takes gate and up of the same rows in turn.
struct RowTile { uint32_t matrix, at; };
ORT_DEV RowTile row_tile(const GemvArgs &a, uint32_t i) {
	if (a.mode == GEMV_SILU) return {i & 1, blockIdx.x + (i >> 1) * gridDim.x};
	uint32_t at = blockIdx.x + i * gridDim.x, q = (a.out[0] + 15) / 16, k = q + (a.out[1] + 15) / 16;
	if (at < q) return {0, at};
	if (at < k) return {1, at - q};
	return {2, at - k};
}
ORT_DEV uint32_t row_tiles(const GemvArgs &a) {
	uint32_t all = (a.out[0] + 15) / 16;
	if (a.mode != GEMV_SILU) all += (a.out[1] + 15) / 16 + (a.out[2] + 15) / 16;
	uint32_t mine = (all - blockIdx.x + gridDim.x - 1) / gridDim.x;
	return a.mode == GEMV_SILU ? 2 * mine : mine;
}

// A warp's tiles on their way through its ring: of each row tile of the block, columns of tiles warp, warp + 8 ...
// The third matrix may be of another type than the others.
template <int type, int third> struct Stream {
	using T = GemvTile<type>;
	using U = GemvTile<third>;
	static_assert(type == third || T::units == 1 && U::units == 1, "floats do not mix");
	static constexpr int room = T::unit > U::unit ? T::unit : U::unit; // of a stage
	static constexpr int async_stages = T::async_stages < U::async_stages ? T::async_stages : U::async_stages;
	const uint8_t *src;               // what is loaded next
	uint32_t tile;                    // the bytes of its tile
	uint32_t i, left, count, of_tile; // its row tile, loads left in that; row tiles in all, loads in each
	uint8_t *ring, *at;               // the first stage, and the one that is read next
	uint64_t *full;                   // its barrier; those of the stages stand in a row
	uint32_t stages, stage, parity;

	// Turns to row tile i.
	ORT_METHOD void start(const GemvArgs &a) {
		RowTile r = row_tile(a, i);
		uint32_t across = (a.in + 255) / 256;
		tile = type != third && r.matrix == 2 ? U::tile : T::tile;
		src = (const uint8_t *)a.w[r.matrix] + ((uint64_t)r.at * across + threadIdx.x / 32) * tile;
		left = of_tile;
	}
	// Loads the next unit into the stage that is read next.
	ORT_METHOD void load(const GemvArgs &a) {
		uint32_t lane = threadIdx.x % 32;
		if (i < count) {
			uint32_t unit = type == third ? T::unit : tile;
			if (!gemv_bulk(a)) {
				for (uint32_t b = 16 * lane; b < unit; b += 512) cp_async16(at + b, src + b);
			} else if (lane == 0) {
				mbar_arrive_expect(full, unit);
				bulk_load(at, src, unit, full);
			}
			if (--left > 0) src += T::units > 1 && left % T::units ? T::unit : gemv_warps * tile - (T::units - 1) * T::unit;
			else if (++i < count) start(a);
		}
		if (!gemv_bulk(a)) cp_async_commit();
	}
	// Moves on to the next stage.
	ORT_METHOD void step() {
		at += room, full++;
		if (++stage < stages) return;
		at = ring, full -= stages, stage = 0, parity ^= 1;
	}
	ORT_METHOD void open(const GemvArgs &a, uint8_t *base, uint8_t *rings) {
		uint32_t warp = threadIdx.x / 32, across = (a.in + 255) / 256;
		stages = gemv_bulk(a) ? a.stages : (uint32_t)async_stages;
		at = ring = rings + warp * stages * room;
		full = (uint64_t *)base + warp * gemv_most_stages;
		i = stage = parity = 0;
		of_tile = (across + gemv_warps - 1 - warp) / gemv_warps * T::units;
		count = of_tile ? row_tiles(a) : 0;
		start(a);
		if (gemv_bulk(a)) {
			if (threadIdx.x % 32 < stages) mbar_init(full + threadIdx.x % 32, 1);
			mbar_fence_init();
			warp_sync();
		}
#pragma unroll 1
		for (uint32_t s = 0; s < stages; s++) load(a), step();
		parity = 0;
	}
	// The next unit, when it is there.
	ORT_METHOD const uint8_t *wait(const GemvArgs &a) {
		if (gemv_bulk(a)) mbar_wait(full, parity);
		else cp_async_wait<async_stages - 1>(), warp_sync();
		return at;
	}
	// Gives it back, and loads another in its place.
	ORT_METHOD void next(const GemvArgs &a) {
		warp_sync();
		bool more = i < count;
		load(a);
		step();
		if (more) launch_next();
	}
	// Once all is on its way, the next kernel may load. After griddep_wait.
	ORT_METHOD void launch_next() {
		if (i >= count) griddep_launch();
	}
};

// What the threads that finish a row tile keep: thread l of 32 has value l, l + 32 of [rows][16].
template <int rows> struct Finish { float keep[(16 * rows + 31) / 32]; };

// Where value `at` of a row tile goes in y; null beyond the matrix.
ORT_DEV float *gemv_target(const GemvArgs &a, RowTile r, uint32_t at) {
	uint32_t column = r.at * 16 + at % 16;
	if (column >= a.out[r.matrix]) return nullptr;
	return (float *)a.y + (uint64_t)(at / 16) * a.stride + a.first[a.mode == GEMV_SILU ? 0 : r.matrix] + column;
}

// Fetches what a row tile's sums are added to, ahead of their need.
template <int rows> ORT_DEV void finish_early(const GemvArgs &a, RowTile r, Finish<rows> &f) {
	if (a.mode != GEMV_ADD && a.mode != GEMV_GATED) return;
	for (uint32_t j = 0, at = threadIdx.x % 32; at < 16 * rows; j++, at += 32) {
		const float *y = gemv_target(a, r, at);
		f.keep[j] = y ? ld_cg(y) : 0.f;
	}
}

// Adds the warps' parts [8][rows][16] of a row tile in order, and does what the mode wants. One warp calls it.
template <int rows> ORT_DEV void finish(const GemvArgs &a, RowTile r, const float *parts, Finish<rows> &f) {
	for (uint32_t j = 0, at = threadIdx.x % 32; at < 16 * rows; j++, at += 32) {
		float v = parts[at];
		for (int w = 1; w < gemv_warps; w++) v += parts[16 * rows * w + at];
		v *= a.gain[r.matrix];
		if (a.mode == GEMV_SILU && r.matrix == 0) {
			f.keep[j] = v;
			continue;
		}
		if (a.mode == GEMV_ADD) v += f.keep[j];
		if (a.mode == GEMV_SILU || a.mode == GEMV_GATED) v *= f.keep[j] * rcp_approx(1.f + exp2_approx(-1.44269504f * f.keep[j]));
		float *y = gemv_target(a, r, at);
		if (y) *y = v;
	}
	if (a.mode != GEMV_HEADS) return;
	uint32_t dim = a.head.kv.dim, head = (a.first[r.matrix] + r.at * 16) / dim;
	warp_sync();
	int last = threadIdx.x % 32 == 0 && arrive_last((uint32_t *)a.counters + head, dim / 16);
	if (!shfl(last, 0)) return;
	warp_sync(); // what lane 0 acquired holds for the others
	for (int i = 0; i < rows; i++) finish_head((const float *)a.y + (uint64_t)i * a.stride + head * dim, a.head, i, head);
}

// With all its own weights under way and the launch before still to wait for, a small matrix's kernel fetches what comes after:
// attention leaves the memory idle.
ORT_DEV void fetch_ahead(const GemvArgs &a) {
	constexpr uint32_t piece = 16384;
	if (threadIdx.x % 32 != 0) return;
#pragma unroll 1
	for (int i = 0; i < 2; i++)
#pragma unroll 1
		for (uint32_t at = (blockIdx.x * gemv_warps + threadIdx.x / 32) * piece; at < a.ahead[i]; at += gridDim.x * gemv_warps * piece)
			bulk_prefetch_l2((const uint8_t *)a.next[i] + at, min(piece, a.ahead[i] - at));
}

// This warp's share of a row tile.
template <int type, int third, int rows> ORT_DEV void gemv_tiles(const GemvArgs &a, Stream<type, third> &stream, const uint8_t *act, bool other, float acc[rows][2]) {
	using T = GemvTile<type>;
	uint32_t across = (a.in + 255) / 256;
	int lane = threadIdx.x % 32;
#pragma unroll 1
	for (uint32_t kt = threadIdx.x / 32; kt < across; kt += gemv_warps) {
#pragma unroll
		for (int u = 0; u < T::units; u++) {
			const uint8_t *unit = stream.wait(a);
			if (type != third && other) dot_unit<third, rows>(unit, u, act + kt * T::act, across * T::act, lane, acc);
			else dot_unit<type, rows>(unit, u, act + kt * T::act, across * T::act, lane, acc);
			stream.next(a);
		}
	}
}

template <int type, int third, int rows> ORT_DEV void gemv(const GemvArgs &a) {
	using T = GemvTile<type>;
	using S = GemvShared<rows>;
	uint8_t *shared = ort_shared();
	uint32_t warp = threadIdx.x / 32, count = row_tiles(a);
	int lane = threadIdx.x % 32;
	Stream<type, third> stream;
	stream.open(a, shared, shared + S::act + rows * ((a.in + 255) / 256) * T::act);
	if (stream.i >= stream.count) fetch_ahead(a);
	GemvRows<Packed<type>::is_float, rows>::load(a.x, a.norm, a.want, a.in, a.eps, shared + S::act, (float *)(shared + S::sums));
	stream.launch_next();
	block_sync();
	Finish<rows> keep;
#pragma unroll 1
	for (uint32_t i = 0; i < count; i++) {
		RowTile r = row_tile(a, i);
		bool finisher = warp == (a.mode == GEMV_SILU ? i >> 1 : i) % gemv_warps;
		if (finisher) finish_early<rows>(a, r, keep);
		float acc[rows][2] = {};
		gemv_tiles<type, third, rows>(a, stream, shared + S::act, r.matrix == 2, acc);
		float *parts = (float *)(shared + S::parts) + (i & 1) * (gemv_warps * rows * 16);
#pragma unroll
		for (int n = 0; n < rows; n++)
#pragma unroll
			for (int half = 0; half < 2; half++) {
				float v = acc[n][half];
				v += shfl_xor(v, 1);
				v += shfl_xor(v, 2);
				if (lane % 4 == 0) parts[(warp * rows + n) * 16 + lane / 4 + 8 * half] = v;
			}
		block_sync();
		if (finisher) finish<rows>(a, r, parts, keep);
	}
}

// The kernels for a type, or for two, the second that of the third matrix.
#define ORT_GEMV2(name, type, third) \
	ORT_KERNEL_MIN(gemv_##name##_1, GemvArgs, gemv_threads, 2) { gemv<type, third, 1>(a); } \
	ORT_KERNEL_MIN(gemv_##name##_2, GemvArgs, gemv_threads, 2) { gemv<type, third, 2>(a); } \
	ORT_KERNEL_MIN(gemv_##name##_3, GemvArgs, gemv_threads, 2) { gemv<type, third, 3>(a); }
#define ORT_GEMV(name, type) ORT_GEMV2(name, type, type)
