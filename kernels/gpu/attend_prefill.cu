// Attention of many rows a sequence: y = softmax(q·Kᵀ/√dim)·V over the pages of each row's sequence, keys 0..pos.
//
// q, y [n, heads*dim] f32, K, V [pages][kvHeads][64][dim] f16, f32, int8 (with scales) or E4M3; dim a multiple of 16 up to 256. On sm_90a an
// f16 cache with dim 64 or 128 is attend_sm90.cu's.
//
// Work. A block takes a KV head and a tile of rows: with the query heads of the KV head they are 128 queries (64 where dim > 128).
// A warp has 16 of them (32 where dim is 64; nvcc spills for more). The rows of a tile may be of several sequences: the block does
// one after the other and leaves out those with few rows (attend_decode.cu). Pages come through shared memory as f16: with cp.async into
// two stages where the cache is f16 and dim <= 128; other types are converted on the way. S = q·Kᵀ and O = P·V by mma.m16n8k16, P
// from the registers of S, softmax in f32 with a running maximum. Where tiles are few, the pages of a tile are split over several
// blocks; the last to arrive folds their results.
//
// Numbers. q and P are rounded to f16 (2^-11): the relative error is some 3e-4, times the size of the scores where they are large. Int8 values
// times their scale are rounded to f16 too. The number of splits depends on the number of rows in the step; otherwise a row's
// result depends on its position and cache alone.
//
// Operations: 4·dim a query, head and visible key: 2048 rows from position 0 of Qwen3-8B 34 GFLOP a layer. Of a page and 128 queries
// the 1024 mma take some 1700 cycles of an SM's tensor cores by mma.sync, their fragments (288 KB) 2300 cycles of its shared memory, which
// is the bound: 0.43 PFLOP/s on an H200, 80 µs; 0.3 PFLOP/s, 115 µs a layer, expected with one block of 8 warps an SM.
#include "attend_tile.cuh"

template <CacheType type_, int dim_> struct Prefill {
	static constexpr CacheType type = type_;
	static constexpr int dim = dim_;
	static constexpr int mtiles = dim == 64 ? 2 : 1; // of 16 queries a warp
	static constexpr int threads = dim == 128 ? 256 : 128;
	static constexpr int queries = threads / 2 * mtiles;
	static constexpr int stages = type == CACHE_F16 && dim <= 128 ? 2 : 1;
	static constexpr int tile = page_tokens * dim * 2; // K or V of a page
	static constexpr int at_kv = queries * dim * 2, at_seen = at_kv + 2 * stages * tile, at_flag = at_seen + 4 * queries, shared = at_flag + 16;
};

// Offset of the chunk of 16 bytes c of row r in a tile of 16-bit values in shared memory: free of conflicts for 8 rows at a time.
// chunk(r, c + 2i) is chunk(r, c) ^ 32i for even c, and chunk(r + 8i, c) is 16·dim·i further on.
template <int dim> ORT_DEV int chunk(int r, int c) { return r * dim * 2 + ((c ^ (r & 7)) << 4); }

// q of the piece, scaled, as f16 to shared memory, and the number of keys that each query sees.
template <class F> ORT_DEV void load_queries(const AttendArgs &a, const Piece &p, uint8_t *q) {
	for (int i = (int)threadIdx.x; i < F::queries; i += F::threads) ((int32_t *)(q + F::at_seen))[i] = p.pos + i / p.group + 1;
	for (int i = (int)threadIdx.x; i < F::queries * F::dim / 8; i += F::threads) {
		int query = i / (F::dim / 8), c = i % (F::dim / 8);
		float4 x = make_float4(0.f, 0.f, 0.f, 0.f), y = x;
		if (query < p.rows * p.group && 8 * c < a.kv.dim) {
			uint64_t at = (uint64_t)(p.row + query / p.group) * (uint64_t)a.heads + (uint64_t)(p.head * p.group + query % p.group);
			const float4 *from = (const float4 *)((const float *)a.q + at * (uint64_t)a.kv.dim + 8 * c);
			x = from[0], y = from[1];
		}
		*(uint4 *)(q + chunk<F::dim>(query, c)) = make_uint4(
		    f32x2_to_f16x2(x.x * a.scale, x.y * a.scale), f32x2_to_f16x2(x.z * a.scale, x.w * a.scale),
		    f32x2_to_f16x2(y.x * a.scale, y.y * a.scale), f32x2_to_f16x2(y.z * a.scale, y.w * a.scale));
	}
}

// 8 values of the cache, in so many words, as f16.
template <CacheType type, int words> ORT_DEV uint4 to_halves(const uint32_t *w, float scale) {
	constexpr int last = words - 1;
	uint32_t o[4];
#pragma unroll
	for (int k = 0; k < 4; k++) {
		uint32_t two = w[(k / 2) & last] >> (16 * (k & 1)); // of 8 bits
		if (type == CACHE_F16) o[k] = w[k & last];
		else if (type == CACHE_F32) o[k] = f32x2_to_f16x2(bits_f32(w[2 * k & last]), bits_f32(w[(2 * k + 1) & last]));
		else if (type == CACHE_Q8) o[k] = f32x2_to_f16x2((float)(int8_t)two * scale, (float)(int8_t)(two >> 8) * scale);
		else o[k] = e4m3x2_to_f16x2((uint16_t)two);
	}
	return make_uint4(o[0], o[1], o[2], o[3]);
}

// The part of a page that a thread brings: chunk c of the lines first, first + rows...
template <class F> struct Part {
	static constexpr int chunks = F::dim / 8, rows = F::threads / chunks, lines = page_tokens / rows;
	static constexpr int words = 2 * value_bytes<F::type>(); // of a chunk in the cache
	static constexpr int batch = 16 / words < lines ? 16 / words : lines;
};

// Brings `keys` keys of a page of f16, whose line 0 is `line`, to shared memory, K and V after it; zeros beyond keys and dim.
template <class F> ORT_DEV void copy_page(const CacheArgs &kv, uint32_t line, int keys, uint8_t *to) {
	using P = Part<F>;
	int c = (int)threadIdx.x % P::chunks, first = (int)threadIdx.x / P::chunks;
	uint64_t from = (uint64_t)(line + (uint32_t)first) * (uint64_t)kv.dim + 8 * (uint64_t)c;
	if (8 * c >= kv.dim) keys = 0;
#pragma unroll 4
	for (int i = 0; i < P::lines; i++, from += (uint64_t)(P::rows * kv.dim)) {
		int key = first + P::rows * i;
		uint8_t *k = to + chunk<F::dim>(key, c);
		bool ok = key < keys;
		cp_async16_or_zero(k, (const void *)(kv.k + (ok ? 2 * from : 0)), ok);
		cp_async16_or_zero(k + F::tile, (const void *)(kv.v + (ok ? 2 * from : 0)), ok);
	}
	cp_async_commit();
}

// The same of any type: a batch of loads, then their conversion.
template <class F> ORT_DEV void convert_page(const CacheArgs &kv, uint32_t line, int keys, uint8_t *to) {
	using P = Part<F>;
	int c = (int)threadIdx.x % P::chunks, first = (int)threadIdx.x / P::chunks;
	if (8 * c >= kv.dim) keys = 0;
#pragma unroll 1
	for (int i = 0; i < P::lines; i += P::batch) {
		uint32_t k[P::batch][P::words] = {}, v[P::batch][P::words] = {}, scale[P::batch][2] = {};
#pragma unroll
		for (int u = 0; u < P::batch; u++) {
			uint32_t key = (uint32_t)(first + P::rows * (i + u)), at = line + key;
			uint64_t from = ((uint64_t)at * (uint64_t)kv.dim + 8 * (uint64_t)c) * (P::words / 2);
#pragma unroll
			for (int w = 0; w < P::words; w += 4) {
				ld_cg_below<P::words < 4 ? 8 : 16>(k[u] + w, (const void *)(kv.k + from + 4 * w), key, (uint32_t)max(keys, 0));
				ld_cg_below<P::words < 4 ? 8 : 16>(v[u] + w, (const void *)(kv.v + from + 4 * w), key, (uint32_t)max(keys, 0));
			}
			if (F::type == CACHE_Q8) {
				ld_cg_below<4>(&scale[u][0], (const float *)kv.kScale + at, key, (uint32_t)max(keys, 0));
				ld_cg_below<4>(&scale[u][1], (const float *)kv.vScale + at, key, (uint32_t)max(keys, 0));
			}
		}
#pragma unroll
		for (int u = 0; u < P::batch; u++) {
			uint8_t *at = to + chunk<F::dim>(first + P::rows * (i + u), c);
			*(uint4 *)at = to_halves<F::type, P::words>(k[u], bits_f32(scale[u][0]));
			*(uint4 *)(at + F::tile) = to_halves<F::type, P::words>(v[u], bits_f32(scale[u][1]));
		}
	}
}

// S of the warp's queries and the 64 keys of a page.
template <class F> ORT_DEV void product_qk(float s[F::mtiles][8][4], uint8_t *q, uint8_t *k) {
	int lane = (int)threadIdx.x % 32, w = (int)threadIdx.x / 32;
	int at_q = chunk<F::dim>(16 * F::mtiles * w + lane % 16, lane / 16), at_k = chunk<F::dim>(lane % 8 + lane / 16 * 8, lane / 8 % 2);
#pragma unroll
	for (int m = 0; m < F::mtiles; m++)
#pragma unroll
		for (int n = 0; n < 8; n++) s[m][n][0] = s[m][n][1] = s[m][n][2] = s[m][n][3] = 0.f;
#pragma unroll
	for (int step = 0; step < F::dim / 16; step++) {
		uint32_t a[F::mtiles][4];
#pragma unroll
		for (int m = 0; m < F::mtiles; m++)
			ldmatrix4(a[m], q + (at_q ^ 32 * step) + 32 * F::dim * m);
#pragma unroll
		for (int n = 0; n < 4; n++) {
			uint32_t b[4];
			ldmatrix4(b, k + (at_k ^ 32 * step) + 32 * F::dim * n);
#pragma unroll
			for (int m = 0; m < F::mtiles; m++) {
				mma_f16(s[m][2 * n], a[m], b);
				mma_f16(s[m][2 * n + 1], a[m], b + 2);
			}
		}
	}
}

// Masks the keys from `first` on that a query does not see.
template <class F> ORT_DEV void mask(const int32_t *seen, float s[F::mtiles][8][4], int first) {
	int lane = (int)threadIdx.x % 32, w = (int)threadIdx.x / 32;
#pragma unroll
	for (int m = 0; m < F::mtiles; m++)
#pragma unroll
		for (int h = 0; h < 2; h++) mask_row(s[m], h, seen[16 * (F::mtiles * w + m) + 8 * h + lane / 4] - first - 2 * (lane % 4));
}

template <class F> ORT_DEV void product_pv(Running<F> &r, const uint32_t p[F::mtiles][8][2], uint8_t *v) {
	int lane = (int)threadIdx.x % 32, at = chunk<F::dim>(lane % 16, lane / 16);
#pragma unroll
	for (int j = 0; j < 4; j++)
#pragma unroll
		for (int n = 0; n < F::dim / 16; n++) {
			uint32_t b[4];
			ldmatrix4_trans(b, v + (at ^ 32 * n) + 32 * F::dim * j);
#pragma unroll
			for (int m = 0; m < F::mtiles; m++) {
				uint32_t a[4] = {p[m][2 * j][0], p[m][2 * j][1], p[m][2 * j + 1][0], p[m][2 * j + 1][1]};
				mma_f16(r.o[m][2 * n], a, b);
				mma_f16(r.o[m][2 * n + 1], a, b + 2);
			}
		}
}

// Adds page c, which lies in shared memory, to the warp's result. The first row of the piece sees `least` keys.
template <class F> ORT_DEV void add_page(Running<F> &r, int least, uint8_t *q, uint8_t *k, int c) {
	float s[F::mtiles][8][4];
	uint32_t p[F::mtiles][8][2];
	product_qk<F>(s, q, k);
	if (page_tokens * (c + 1) > least) mask<F>((const int32_t *)(q + F::at_seen), s, page_tokens * c);
#pragma unroll
	for (int m = 0; m < F::mtiles; m++)
#pragma unroll
		for (int h = 0; h < 2; h++) {
			float by = softmax_row(s[m], h, r.m[m][h], r.l[m][h]);
			narrow_row(s[m], h, p[m]);
			scale_row<F::dim / 8>(r.o[m], h, by);
		}
	product_pv<F>(r, p, k + F::tile);
}

// Does the pages of the piece at `row` of the tile that ends at `last`.
template <class F> ORT_DEV void do_piece(const AttendArgs &a, int row, int last) {
	Piece p = find_piece(a, row, last);
	if (p.first >= p.end) return;
	uint8_t *shared = ort_shared(), *kv = shared + F::at_kv;
	const int32_t *table = (const int32_t *)a.table + p.table;
	int w = (int)threadIdx.x / 32;
	int keys = p.pos + p.rows; // that any row sees
	bool busy = 16 * F::mtiles * w < p.rows * p.group;
	block_sync(); // the piece before this one has been read
	load_queries<F>(a, p, shared);
	if (F::stages == 2) copy_page<F>(a.kv, page_line(a, table[p.first]), keys - page_tokens * p.first, kv + p.first % 2 * 2 * F::tile);
	Running<F> r;
	start(r);
	for (int c = p.first; c < p.end; c++) {
		uint8_t *now = kv + (F::stages == 2 ? c % 2 * 2 * F::tile : 0), *next = kv + (c + 1) % 2 * 2 * F::tile;
		if (F::stages == 2) {
			cp_async_wait<0>();
			block_sync();
			if (c + 1 < p.end) copy_page<F>(a.kv, page_line(a, table[c + 1]), keys - page_tokens * (c + 1), next);
		} else {
			block_sync();
			convert_page<F>(a.kv, page_line(a, table[c]), keys - page_tokens * c, now);
			block_sync();
		}
		if (busy) add_page<F>(r, p.pos + 1, shared, now, c);
	}
	if (busy) store_piece<F>(a, find_piece(a, row, last), r); // found again rather than kept in registers
}

template <class F> ORT_DEV void attend_prefill(const AttendArgs &a) {
	int tile = (int)(gridDim.x - 1 - blockIdx.x); // long ones first
	int first = tile * a.pack, end = min(a.n, first + a.pack);
	griddep_wait();
	griddep_launch();
	for (int row = first; row < end;) {
		int next = row + find_piece(a, row, end).rows;
		if (in_tiles(a, row)) do_piece<F>(a, row, end);
		row = next;
	}
	if (a.splits == 1) return;
	uint32_t *flag = (uint32_t *)(ort_shared() + F::at_flag);
	block_sync();
	if (threadIdx.x == 0) *flag = arrive_last((uint32_t *)a.arrived + (uint64_t)tile * gridDim.y + blockIdx.y, (uint32_t)a.splits);
	block_sync();
	if (*flag) merge_tile<F::threads>(a, first, end);
}

// budget attend_prefill_*_64: 255 registers
// budget attend_prefill_*_128: 255 registers
// budget attend_prefill_*_256: 255 registers
#define PREFILL(name, type, dim, threads) \
	ORT_KERNEL(attend_prefill_##name##_##dim, AttendArgs, threads) { attend_prefill<Prefill<type, dim>>(a); }
PREFILL(f16, CACHE_F16, 64, 128)
PREFILL(f16, CACHE_F16, 128, 256)
PREFILL(f16, CACHE_F16, 256, 128)
PREFILL(q8, CACHE_Q8, 64, 128)
PREFILL(q8, CACHE_Q8, 128, 256)
PREFILL(q8, CACHE_Q8, 256, 128)
PREFILL(fp8, CACHE_FP8, 64, 128)
PREFILL(fp8, CACHE_FP8, 128, 256)
PREFILL(fp8, CACHE_FP8, 256, 128)
PREFILL(f32, CACHE_F32, 128, 256)
PREFILL(f32, CACHE_F32, 256, 128)
