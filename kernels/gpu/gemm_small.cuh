// Products of packed weights with 4 to 64 rows of activations, on mma.sync.
//
//   v[n, m] = scale[n] · Σ_k act[n, k]·W[m, k]
//   ADD:   out[n, m] += v          STORE: out[n, m] = v
//   PAIR:  out[n, m] = silu(v of W0)·(v of W1)      GATED: out[n, m] = silu(out[n, m])·v
//
// Up to 3 matrices of one type share a launch, their rows one after the other; PAIR takes two of one shape. act is what rows.cu
// writes (act.cuh), W packed (layout.cuh).
//
// Work. A unit is a row block of R = 16·WR·RT rows times one tile of 256 columns. Units are numbered row block by row block
// and each of the grid's blocks takes an equal, contiguous range of them. A range that covers a part of a row block's
// columns leaves float32 sums in `partial`; the last of those that share the row block adds them in order of columns. How
// sums are cut depends on the matrix and the number of multiprocessors, never on n: a row's result is the same in any company.
//
// Block. 16 warps (8 for NT = 8) = 4 quarters of a tile's columns (64: one swizzled block of act.cuh) times WR row groups of RT
// tiles of 16 rows. A warp dequantises its A fragments in registers and uses each for the NT tiles of 8 rows of activations, whose B
// fragments ldmatrix brings. Stages of weights [R, 256] and activations [8·NT, 256] come in by cp.async; those of weights
// start before griddep_wait.
//
// Cost for Q4_K, per tile of 16 x 256 (2368 bytes, 509 clocks of one of the 528 schedulers of an H200 at 4.3 TB/s and
// 1.75 GHz), in issue slots: codes to pairs 64·(5/4 lop3 and shifts, 2 arithmetic) = 208, scales 64, loads 20, loop 20, mma 16·NT,
// ldmatrix 4·NT: 332, 352, 392 for NT = 1, 2, 4, under the memory's time; NT = 8 takes 472 slots, but its 128 mma
// about 820 clocks (6.4 each on sm_90): there the tensor cores bound it, at 1.6 times the memory's time.
// Shared memory moves, a unit of 128 rows: 2·19 kB of weights and 16·2·NT kB of B: 300 + 128·NT clocks of 1018 (NT = 4: 812).
#pragma once
#include "act.cuh"
#include "layout.cuh"

enum GemmSmallMode { SMALL_STORE, SMALL_ADD, SMALL_PAIR, SMALL_GATED };

struct GemmSmallArgs {
	uint64_t w[3];         // packed matrices of one type
	uint64_t act, scale;   // [⌈K/64⌉ to 4][padded][64] 16 bits, [padded] f32
	uint64_t out;          // [*, ld] f32
	uint64_t partial;      // [2·blocks][8·NT][R] f32
	uint64_t counters;     // [row blocks] u32, 0
	int32_t rows[3];       // of each matrix; 0: none
	int32_t end[3];        // row tiles of the matrices up to and with each
	int32_t column[3];     // of out where its rows go
	int32_t across;        // tiles along K
	int32_t padded, n0, n; // rows of act; first row and rows of this launch
	int32_t ld, mode;
	int32_t units, stages;
	float gain[3];         // Scale of each matrix, and of types with scales 1/64 (RawQuarter)
};

// A lane's part of one row of a quarter of a tile: 16 columns, 64h+16e.. of its groups, of row g+8r. q is the quarter 2h+e.
struct RawQuarter {
	uint32_t w[4], high; // codes
	uint32_t s;          // 64·S twice in f16, or 64·S and 64·M, or 64·S and the zero point: 64 so that scales stay normal numbers
};

template <int type> struct Quarter {
	using P = Packed<type>;
	static constexpr bool scaled = !P::is_float;

	static __device__ __forceinline__ RawQuarter load(const uint8_t *tile, int lane, int q, int r) {
		RawQuarter v;
		int h = q >> 1, e = q & 1, c = 2 * h + r;
		if (P::codes == 8) {
			uint4 w = load16(tile + 1024 * c + 512 * e + 16 * lane);
			v.w[0] = w.x, v.w[1] = w.y, v.w[2] = w.z, v.w[3] = w.w;
		} else if (P::codes == 4) {
			uint2 w = *(const uint2 *)(tile + 512 * c + 16 * lane + 8 * e);
			v.w[0] = w.x, v.w[1] = w.y;
		} else if (P::codes == 2) {
			v.w[0] = *(const uint32_t *)(tile + 512 * h + 16 * lane + 8 * r + 4 * e);
		}
		if (P::extra == 1) v.high = *(const uint32_t *)(tile + P::at_extra + 16 * lane + 4 * c) >> (P::table == TABLE_NONE ? 4 * e : 2 * e);
		if (P::extra == 2) v.high = *(const uint32_t *)(tile + P::at_extra + 512 * h + 16 * lane + 8 * r + 4 * e);
		if (scaled) scales(tile, lane, h, e, r, v);
		return v;
	}

	static __device__ __forceinline__ void scales(const uint8_t *tile, int lane, int h, int e, int r, RawQuarter &v) {
		int c = 2 * h + r;
		const uint8_t *at = tile + P::at_scales + P::lane_scales * lane;
		const uint8_t *row = tile + P::at_rows + P::row_scales * ((lane >> 2) + 8 * r);
		if (P::scales == SCALES_D || P::scales == SCALES_DZ) {
			uint32_t d = ((const uint16_t *)at)[c];
			v.s = h2_mul(d * 0x10001u, 0x54005400u);
			if (P::has_zero) v.s = byte_perm(v.s, group_zero<type>(tile, lane, c), 0x5410);
		} else if (P::scales == SCALES_E16) {
			v.s = h2_mul((uint32_t)at[2 * c + e] * 0x800080u, 0x54005400u);
		} else if (P::scales == SCALES_DM) {
			v.s = h2_mul(((const uint32_t *)at)[c], 0x54005400u);
		} else if (P::scales == SCALES_K32 || P::scales == SCALES_K16) {
			uint32_t d = h2_mul(*(const uint32_t *)row, 0xd4005400u), sn; // 64 d, -64 dmin
			if (P::scales == SCALES_K32) sn = at[c] | (uint32_t)at[4 + c] << 16;
			else sn = (at[2 * c + e] & 15) | (uint32_t)(at[2 * c + e] >> 4) << 16;
			v.s = h2_mul(d, h2_sub(sn | 0x64006400u, 0x64006400u));
		} else {
			constexpr uint32_t times = P::mul == 0.125f ? 0x48004800u : P::mul == 0.25f ? 0x4c004c00u : 0x54005400u; // 64·mul
			static_assert(P::mul == 0.125f || P::mul == 0.25f || P::mul == 1.0f, "a factor that times knows");
			uint32_t d = *(const uint16_t *)row, b = P::group == 16 ? at[2 * c + e] : at[c];
			v.s = h2_mul(h2_mul(d * 0x10001u, times), h2_sub((b ^ 0x80) * 0x10001u | 0x64006400u, 0x64806480u));
		}
	}

	// Bytes (unsigned) minus zero (in both halves), as pairs of bytes 0, 2 and 1, 3.
	static __device__ __forceinline__ void from_bytes(uint32_t zero, uint32_t b, uint32_t p[2]) {
		uint32_t magic = 0x64006400u + zero;
		p[0] = h2_sub(and_or(b, 0x00ff00ffu, 0x64006400u), magic);
		p[1] = h2_sub(and_or(b >> 8, 0x00ff00ffu, 0x64006400u), magic);
	}

	// The 8 nibbles of a word, minus zero.
	static __device__ __forceinline__ void from_nibbles(uint32_t zero, uint32_t w, uint32_t p[4]) {
		uint32_t low = 0x64006400u + zero;       // 1024 + zero
		uint32_t high = 0x54005400u + 16 * zero; // 64 + zero: bits 4 to 7 count 1 there
		uint32_t u = w >> 8;
		p[0] = h2_sub(and_or(w, 0x000f000fu, 0x64006400u), low);
		p[1] = h2_sub(and_or(u, 0x000f000fu, 0x64006400u), low);
		p[2] = h2_sub(and_or(w, 0x00f000f0u, 0x54005400u), high);
		p[3] = h2_sub(and_or(u, 0x00f000f0u, 0x54005400u), high);
	}

	// Codes minus their offset, or levels, exact, of 8 of the columns.
	template <int half> static __device__ __forceinline__ void codes(const RawQuarter &v, uint32_t p[4]) {
		const uint32_t zero = P::has_zero ? byte_perm(v.s, v.s, 0x3232) : (P::is_signed ? 128u : (uint32_t)P::offset) * 0x10001u;
		if (P::codes == 8) {
			from_bytes(zero, v.w[2 * half] ^ 0x80808080u, p);
			from_bytes(zero, v.w[2 * half + 1] ^ 0x80808080u, p + 2);
		} else if (P::codes == 4 && P::table != TABLE_NONE) {
			uint32_t low3 = v.w[half] & 0x77777777u, high = and_or(v.w[half] >> 1, 0x44444444u, 0x32103210u);
			from_bytes(zero, look_up16<P::table>(low3, high) ^ 0x80808080u, p);
			from_bytes(zero, look_up16<P::table>(low3 >> 16, high >> 16) ^ 0x80808080u, p + 2);
		} else if (P::codes == 4 && P::extra == 0) {
			from_nibbles(zero, v.w[half], p);
		} else if (P::codes == 4) {
			uint32_t low = v.w[half] & 0x0f0f0f0fu, top = v.w[half] >> 4 & 0x0f0f0f0fu;
			from_bytes(zero, low | (P::extra == 1 ? field1(v.high, 2 * half, 4) : field2(v.high, 2 * half, 4)), p);
			from_bytes(zero, top | (P::extra == 1 ? field1(v.high, 2 * half + 1, 4) : field2(v.high, 2 * half + 1, 4)), p + 2);
		} else if (P::table != TABLE_NONE) { // field `half` of the low bits, bit `half` of the high ones
			uint32_t codes = and_or(v.w[0] >> (2 * half), 0x33333333u, v.high << (2 - half) & 0x44444444u);
			from_bytes(zero, look_up8<P::table>(codes) ^ 0x80808080u, p);
			from_bytes(zero, look_up8<P::table>(codes >> 16) ^ 0x80808080u, p + 2);
		} else if (P::extra == 1) {
			from_bytes(zero, field2(v.w[0], 2 * half, 0) | field1(v.high, 2 * half, 2), p);
			from_bytes(zero, field2(v.w[0], 2 * half + 1, 0) | field1(v.high, 2 * half + 1, 2), p + 2);
		} else { // 2 bits at bit 2j of the mantissa, which counts in units of 1 at the exponent of 1024 >> 2j
			constexpr uint32_t one = half ? 0x54005400u : 0x64006400u, two = half ? 0x4c004c00u : 0x5c005c00u;
			constexpr uint32_t mask = half ? 0x00300030u : 0x00030003u;
			p[0] = h2_sub(and_or(v.w[0], mask, one), one);
			p[1] = h2_sub(and_or(v.w[0] >> 8, mask, one), one);
			p[2] = h2_sub(and_or(v.w[0], mask << 2, two), two);
			p[3] = h2_sub(and_or(v.w[0] >> 8, mask << 2, two), two);
		}
	}

	// Pairs of f16 (bf16 for BF16), 64 times the weights where scaled: p[2j], p[2j+1] are a[r], a[2+r] of step 2·half+j of the quarter.
	template <int half> static __device__ __forceinline__ void pairs(const uint8_t *tile, int lane, int q, int r, const RawQuarter &v, uint32_t p[4]) {
		if (P::codes == 16) {
			uint4 x = load16(tile + 2048 * (2 * (q >> 1) + r) + 1024 * (q & 1) + 512 * half + 16 * lane);
			p[0] = x.x, p[1] = x.y, p[2] = x.z, p[3] = x.w;
		} else if (P::codes == 32) {
#pragma unroll
			for (int j = 0; j < 2; j++) {
				float4 x = *(const float4 *)(tile + 4096 * (2 * (q >> 1) + r) + 2048 * (q & 1) + 1024 * half + 512 * j + 16 * lane);
				p[2 * j] = f32x2_to_f16x2(x.x, x.z), p[2 * j + 1] = f32x2_to_f16x2(x.y, x.w);
			}
		} else {
			codes<half>(v, p);
			const uint32_t s = P::has_min || P::has_zero ? byte_perm(v.s, v.s, 0x1010) : v.s;
#pragma unroll
			for (int i = 0; i < 4; i++) p[i] = P::has_min ? h2_fma(p[i], s, byte_perm(v.s, v.s, 0x3232)) : h2_mul(p[i], s);
		}
	}
};

// A block: 16 warps; 8 with twice the rows each where there are many sums. A unit has R = 128 rows, or 64 where tiles are large.
template <int type, int NT> struct GemmSmallShape {
	static constexpr int WR = NT == 8 ? 2 : 4, threads = 128 * WR;
	static constexpr int tiles = Packed<type>::is_float ? 4 : 8, RT = tiles / WR, R = 16 * tiles;
	static constexpr int weights = tiles * Packed<type>::tile; // bytes of a stage
};

// The row block and the tile of columns that a unit is.
ORT_DEV int gemm_row_block(const GemmSmallArgs &a, int unit) { return (int)((uint32_t)unit / (uint32_t)a.across); }
ORT_DEV int gemm_column(const GemmSmallArgs &a, int unit) { return (int)((uint32_t)unit % (uint32_t)a.across); }

// The row tile numbered t over all matrices of a launch: its matrix, and its number there. false: beyond them.
struct GemmTile { int matrix, tile; };
template <int tiles> ORT_DEV bool gemm_find(const GemmSmallArgs &a, int t, GemmTile &found) {
	if (a.mode == SMALL_PAIR) { // halves of a row block belong to the two matrices
		uint32_t j = (uint32_t)t % tiles;
		found.matrix = j >= tiles / 2;
		found.tile = (int)((uint32_t)t / tiles * (tiles / 2) + j % (tiles / 2));
		return found.tile < a.end[0];
	}
	found.matrix = t < a.end[0] ? 0 : t < a.end[1] ? 1 : 2;
	found.tile = t - (t < a.end[0] ? 0 : t < a.end[1] ? a.end[0] : a.end[1]);
	return t < a.end[2];
}

// What a thread copies of each unit: of weights, chunks of 16 bytes of one tile of the row block, which a few warps share; of
// activations, chunks of one or more blocks of 64 columns.
template <int type, int NT> struct GemmLoader {
	using S = GemmSmallShape<type, NT>;
	static constexpr int chunks = Packed<type>::tile / 16, sharing = S::threads / S::tiles, span = 64 * NT; // chunks of 64 columns
	uint64_t weights; // next to be read
	uint32_t rows;    // the same, from a.act
	int left;         // tiles of columns of this row block from here on
	bool some;        // the tile of weights exists

	__device__ __forceinline__ void start(const GemmSmallArgs &a, int unit) {
		const uint32_t tid = threadIdx.x;
		const int kt = gemm_column(a, unit);
		left = a.across - kt;
		rows = 128 * ((4 * (uint32_t)kt + tid / span) * (uint32_t)a.padded + (uint32_t)a.n0) + 16 * (tid % span);
		find(a, unit);
	}
	__device__ __forceinline__ void find(const GemmSmallArgs &a, int unit) {
		GemmTile f = {0, 0};
		some = gemm_find<S::tiles>(a, gemm_row_block(a, unit) * S::tiles + (int)(threadIdx.x / sharing), f);
		weights = (f.matrix == 0 ? a.w[0] : f.matrix == 1 ? a.w[1] : a.w[2]) + 16 * (uint64_t)(threadIdx.x % sharing) +
			((uint64_t)f.tile * (uint64_t)a.across + (uint64_t)gemm_column(a, unit)) * Packed<type>::tile;
	}
	// Copies the weights of a unit to a stage.
	__device__ __forceinline__ void load_weights(const GemmSmallArgs &a, uint8_t *stage, int unit) {
		int first = (int)(threadIdx.x % sharing);
		uint8_t *to = stage + (int)(threadIdx.x / sharing) * Packed<type>::tile + 16 * first;
		if (some) {
#pragma unroll
			for (int i = 0; i < (chunks + sharing - 1) / sharing; i++)
				if ((i + 1) * sharing <= chunks || first + i * sharing < chunks) cp_async16(to + 16 * i * sharing, (const void *)(weights + 16 * i * sharing));
		}
		weights += Packed<type>::tile;
		if (--left == 0) {
			left = a.across;
			find(a, unit + 1);
		}
	}
	// Copies the activations to a stage. wraps: the next unit starts at column 0 again.
	__device__ __forceinline__ void load_rows(const GemmSmallArgs &a, uint8_t *stage, bool wraps) {
		uint8_t *to = stage + 16 * (int)threadIdx.x;
		uint32_t step = 128 * (uint32_t)a.padded;
		if (S::threads <= 4 * span || (int)threadIdx.x < 4 * span) {
#pragma unroll
			for (int i = 0; i < 4 * span; i += S::threads) cp_async16(to + 16 * i, (const void *)(a.act + (rows + step * (uint32_t)(i / span) + 16 * (uint32_t)(i % span))));
		}
		rows += wraps ? 4 * step * (uint32_t)(1 - a.across) : 4 * step;
	}
};

// Half of a quarter, two steps of mma: acc[i][nt] += A·B. b is this lane's row of the block of activations.
template <int type, int NT, int RT, int half>
ORT_DEV void gemm_half(const uint8_t *weights, const uint8_t *b, int quarter, const RawQuarter raw[RT][2], float acc[RT][NT][4]) {
	int lane = (int)threadIdx.x % 32;
	uint32_t p[RT][2][4];
#pragma unroll
	for (int i = 0; i < RT; i++)
#pragma unroll
		for (int r = 0; r < 2; r++) Quarter<type>::template pairs<half>(weights + i * Packed<type>::tile, lane, quarter, r, raw[i][r], p[i][r]);
	const uint8_t *chunk = b + (((4 * half + lane / 8) ^ (lane & 7)) << 4);
#pragma unroll
	for (int nt = 0; nt < NT; nt++) {
		uint32_t v[4];
		ldmatrix4(v, chunk + 1024 * nt);
#pragma unroll
		for (int i = 0; i < RT; i++)
#pragma unroll
			for (int j = 0; j < 2; j++) {
				uint32_t f[4] = {p[i][0][2 * j], p[i][1][2 * j], p[i][0][2 * j + 1], p[i][1][2 * j + 1]};
				if (type == 30) mma_bf16(acc[i][nt], f, v + 2 * j);
				else mma_f16(acc[i][nt], f, v + 2 * j);
			}
	}
}

template <int NT, int RT> ORT_DEV void gemm_clear(float acc[RT][NT][4]) {
#pragma unroll
	for (int i = 0; i < RT; i++)
#pragma unroll
		for (int nt = 0; nt < NT; nt++)
#pragma unroll
			for (int k = 0; k < 4; k++) acc[i][nt][k] = 0.f;
}

// One unit: acc += the warp's quarter of its tiles.
template <int type, int NT, int RT>
ORT_DEV void gemm_unit(const uint8_t *weights, const uint8_t *rows, int quarter, int group, float acc[RT][NT][4]) {
	int lane = (int)threadIdx.x % 32;
	weights += group * RT * Packed<type>::tile;
	RawQuarter raw[RT][2];
#pragma unroll
	for (int i = 0; i < RT; i++)
#pragma unroll
		for (int r = 0; r < 2; r++) raw[i][r] = Quarter<type>::load(weights + i * Packed<type>::tile, lane, quarter, r);
	const uint8_t *b = rows + quarter * (1024 * NT) + 128 * (lane & 7);
	gemm_half<type, NT, RT, 0>(weights, b, quarter, raw, acc);
	gemm_half<type, NT, RT, 1>(weights, b, quarter, raw, acc);
}

// Adds up the four quarters in sum [8·NT][R+4], in order.
template <int NT, int RT, int R> ORT_DEV void gemm_reduce(float *sum, int quarter, int group, float acc[RT][NT][4]) {
	int lane = (int)threadIdx.x % 32, g = lane / 4, t = lane % 4;
	float *mine = sum + 2 * t * (R + 4) + 16 * group * RT + g; // all else is constant: CUDA 12 keeps no addresses beside the sums
#pragma unroll 1
	for (int q = 0; q < 4; q++) {
		block_sync();
		if (q != quarter) continue;
#pragma unroll
		for (int i = 0; i < RT; i++)
#pragma unroll
			for (int nt = 0; nt < NT; nt++)
#pragma unroll
				for (int k = 0; k < 4; k++) {
					float *at = mine + (8 * nt + (k & 1)) * (R + 4) + 16 * i + 8 * (k >> 1);
					*at = q == 0 ? acc[i][nt][k] : *at + acc[i][nt][k];
				}
	}
	block_sync();
}

// The block whose range holds a unit, and where a block's range starts.
ORT_DEV int gemm_block_of(const GemmSmallArgs &a, int unit) { return (int)(((uint32_t)(unit + 1) * gridDim.x - 1) / (uint32_t)a.units); }
ORT_DEV int gemm_first(const GemmSmallArgs &a, int block) { return (int)((uint32_t)block * (uint32_t)a.units / gridDim.x); }

// Shares the sums of a part of a row block with the blocks that have its other parts, and returns whether this was the
// last of them, which holds all sums then.
template <int NT, int R, int threads> ORT_DEV bool gemm_share(const GemmSmallArgs &a, float *sum, int row_block) {
	int first = gemm_block_of(a, row_block * a.across), last = gemm_block_of(a, (row_block + 1) * a.across - 1);
	if (first == last) return true;
	constexpr int size = 8 * NT * R;
	float *partial = (float *)a.partial;
	const int second = gemm_first(a, first) < row_block * a.across; // of the first block, which began in another row block; the others begin in this one
	auto slot = [&](int block) { return partial + (uint64_t)(2 * block + (block == first ? second : 0)) * size; };
	constexpr int pass = 4 * threads < size ? 4 * threads : size; // sums that the threads move at a time: whole rows
	static_assert(size % pass == 0 && pass % R == 0, "all threads move as many, each in its own columns");
	const int place = 4 * (int)threadIdx.x;
	const bool moves = pass == 4 * threads || place < pass;
	float *own = sum + (uint32_t)place / R * (R + 4) + (uint32_t)place % R;
	float *mine = slot((int)blockIdx.x) + place;
	if (moves) {
#pragma unroll
		for (int i = 0; i < size / pass; i++) *(float4 *)(mine + i * pass) = *(const float4 *)(own + i * (pass / R * (R + 4)));
	}
	block_sync();
	int *is_last = (int *)(sum + 8 * NT * (R + 4));
	if (threadIdx.x == 0) *is_last = arrive_last((uint32_t *)a.counters + row_block, (uint32_t)(last - first + 1));
	block_sync();
	if (!*is_last) return false;
#pragma unroll 1
	for (int i = 0; moves && i < size / pass; i++) {
		float4 v = make_float4(0.f, 0.f, 0.f, 0.f);
		for (int b = first; b <= last; b++) {
			float4 p = ld_cg4(slot(b) + place + i * pass);
			v = make_float4(v.x + p.x, v.y + p.y, v.z + p.z, v.w + p.w);
		}
		*(float4 *)(own + i * (pass / R * (R + 4))) = v;
	}
	block_sync();
	return true;
}

// x / (1 + e^-x)
ORT_DEV float gemm_silu(float x) { return x * rcp_approx(1.f + exp2_approx(x * -1.44269504f)); }

// Writes the results of a row block: a thread those of one row of weights.
template <int type, int NT, int R> ORT_DEV void gemm_finish(const GemmSmallArgs &a, const float *sum, int row_block) {
	using S = GemmSmallShape<type, NT>;
	int rows = a.mode == SMALL_PAIR ? R / 2 : R, r = (int)(threadIdx.x % (uint32_t)rows);
	GemmTile f;
	if (!gemm_find<S::tiles>(a, row_block * S::tiles + r / 16, f)) return;
	int row = 16 * f.tile + r % 16, m = f.matrix;
	if (row >= (m == 0 ? a.rows[0] : m == 1 ? a.rows[1] : a.rows[2])) return;
	float *out = (float *)a.out + (uint64_t)a.n0 * (uint64_t)a.ld + (uint64_t)((m == 0 ? a.column[0] : m == 1 ? a.column[1] : a.column[2]) + row);
	const float *scale = (const float *)a.scale + a.n0;
	const float gain = m == 0 ? a.gain[0] : m == 1 ? a.gain[1] : a.gain[2];
	for (int n = (int)(threadIdx.x / (uint32_t)rows); n < a.n; n += S::threads / rows) {
		float s = scale[n] * gain, v = sum[n * (R + 4) + r] * s, *y = out + (uint64_t)n * (uint64_t)a.ld;
		if (a.mode == SMALL_ADD) v += *y;
		if (a.mode == SMALL_PAIR) v = gemm_silu(v) * (sum[n * (R + 4) + R / 2 + r] * (scale[n] * a.gain[1]));
		if (a.mode == SMALL_GATED) v = gemm_silu(*y) * v;
		*y = v;
	}
}

// Bulk copies (compute capability 9.0 on): lanes of warp 0 copy a tile of weights or a block of activations each. weights comes
// first for a stage and announces the bytes of both.
template <int type, int NT> ORT_DEV void gemm_bulk(const GemmSmallArgs &a, uint8_t *stage, uint64_t *bar, int unit, bool weights, bool rows) {
	using S = GemmSmallShape<type, NT>;
	constexpr int tile = Packed<type>::tile;
	int lane = (int)(threadIdx.x % 32), block = gemm_row_block(a, unit), kt = gemm_column(a, unit);
	if (weights) {
		GemmTile f;
		bool some = lane < S::tiles && gemm_find<S::tiles>(a, block * S::tiles + lane, f);
		uint32_t tiles = warp_ballot(some);
		if (lane == 0) mbar_arrive_expect(bar, 4096 * NT + tile * (uint32_t)popcount(tiles));
		if (some) {
			uint64_t from = f.matrix == 0 ? a.w[0] : f.matrix == 1 ? a.w[1] : a.w[2];
			bulk_load(stage + lane * tile, (const void *)(from + ((uint64_t)f.tile * (uint64_t)a.across + (uint64_t)kt) * tile), tile, bar);
		}
	}
	if (rows && lane < 4)
		bulk_load(stage + S::weights + lane * 1024 * NT, (const void *)(a.act + 128 * ((uint64_t)(4 * kt + lane) * (uint64_t)a.padded + (uint64_t)a.n0)), 1024 * NT, bar);
}

template <int type, int NT> ORT_DEV void gemm_small(const GemmSmallArgs &a) {
	using S = GemmSmallShape<type, NT>;
	constexpr int size = S::weights + 4096 * NT; // of a stage
	uint8_t *shared = ort_shared();
	float *sum = (float *)(shared + a.stages * size);
	uint64_t *bars = (uint64_t *)(sum + 8 * NT * (S::R + 4) + 4);
	int warp = (int)(threadIdx.x / 32), quarter = (int)(threadIdx.x / (32 * S::WR)), group = (int)(threadIdx.x / 32 % S::WR);
	int unit = gemm_first(a, (int)blockIdx.x), end = gemm_first(a, (int)blockIdx.x + 1), ahead = a.stages - 1;
	GemmLoader<type, NT> loader;
	if (has_bulk()) {
		if (threadIdx.x == 0) {
			for (int i = 0; i < a.stages; i++) mbar_init(bars + i, 1);
			mbar_fence_init();
		}
		block_sync();
		if (warp == 0) {
#pragma unroll 1
			for (int i = 0; i < ahead && unit + i < end; i++) gemm_bulk<type, NT>(a, shared + i * size, bars + i, unit + i, true, false);
		}
	} else {
		loader.start(a, unit);
#pragma unroll 1
		for (int i = 0; i < ahead && unit + i < end; i++) loader.load_weights(a, shared + i * size, unit + i);
	}
	griddep_wait();
	griddep_launch();
#pragma unroll 1
	for (int i = 0; i < ahead; i++) {
		if (unit + i < end) {
			if (!has_bulk()) loader.load_rows(a, shared + i * size + S::weights, gemm_column(a, unit + i + 1) == 0);
			else if (warp == 0) gemm_bulk<type, NT>(a, shared + i * size, bars + i, unit + i, false, true);
		}
		if (!has_bulk()) cp_async_commit();
	}
	float acc[S::RT][NT][4];
	gemm_clear<NT, S::RT>(acc);
	int part = min(end, (gemm_row_block(a, unit) + 1) * a.across); // end of this row block's units
	for (int stage = 0, round = 0; unit < end; unit++) {
		if (has_bulk()) mbar_wait(bars + stage, (uint32_t)round);
		else if (ahead == 1) cp_async_wait<0>();
		else if (ahead == 2) cp_async_wait<1>();
		else cp_async_wait<2>();
		block_sync(); // the stage is here for all, and the one before it has been read
		int free = stage == 0 ? ahead : stage - 1;
		if (unit + ahead < end) {
			if (!has_bulk()) {
				loader.load_weights(a, shared + free * size, unit + ahead);
				loader.load_rows(a, shared + free * size + S::weights, loader.left == a.across);
			} else if (warp == 0) {
				gemm_bulk<type, NT>(a, shared + free * size, bars + free, unit + ahead, true, true);
			}
		}
		if (!has_bulk()) cp_async_commit();
		gemm_unit<type, NT, S::RT>(shared + stage * size, shared + stage * size + S::weights, quarter, group, acc);
		if (stage == ahead) round ^= 1;
		stage = stage == ahead ? 0 : stage + 1;
		if (unit + 1 == part) {
			gemm_reduce<NT, S::RT, S::R>(sum, quarter, group, acc);
			if (gemm_share<NT, S::R, S::threads>(a, sum, gemm_row_block(a, unit))) gemm_finish<type, NT, S::R>(a, sum, gemm_row_block(a, unit));
			part = min(end, part + a.across);
			gemm_clear<NT, S::RT>(acc);
		}
	}
}

#define GEMM_SMALL_FEW(type, name)                                                             \
	ORT_KERNEL_MIN(gemm_small_##name##_2, GemmSmallArgs, 512, 1) { gemm_small<type, 2>(a); } \
	ORT_KERNEL_MIN(gemm_small_##name##_8, GemmSmallArgs, 256, 1) { gemm_small<type, 8>(a); }
#define GEMM_SMALL(type, name)                                                                 \
	ORT_KERNEL_MIN(gemm_small_##name##_1, GemmSmallArgs, 512, 1) { gemm_small<type, 1>(a); } \
	ORT_KERNEL_MIN(gemm_small_##name##_4, GemmSmallArgs, 512, 1) { gemm_small<type, 4>(a); } \
	GEMM_SMALL_FEW(type, name)
