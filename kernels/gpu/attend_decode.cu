// Attention of few rows a sequence: y = softmax(q·Kᵀ/√dim)·V over the pages of each row's sequence, keys 0..pos.
//
// q, y [n, heads*dim] f32, K, V [pages][kvHeads][64][dim] f16, f32, int8 (with scales) or E4M3; dim a multiple of 16 up to 256.
//
// Work. A block of 4 warps takes one KV head, at most 8 of its query heads, a pack of rows of one sequence (consecutive, in the
// same aligned group of `pack` positions; at most 4·tiles queries in all), and a range of pages. K and V go from memory to
// registers once, coalesced, without shared memory: the loads of the next page are under way while this one is computed. Of a page
// warp w takes keys 16w.. for S = q·Kᵀ (mma, M = 8 queries in two halves, see below) and columns dim/4·w.. for Oᵀ = Vᵀ·Pᵀ
// (mma, N = 4 queries twice); S crosses shared memory once, one barrier a page.
//
// Numbers. Everything that is rounded to 16 bits is kept with its remainder in the rows or columns of the mma that a group of few
// queries leaves empty: q = hi + lo (rows g and g+8), P = hi + lo (columns 0-3 and 4-7). f16, int8 and E4M3 are exact in
// f16, f32 is split likewise. The relative error is some 1e-6. Int8: K's scale multiplies S, V's P; to stay in f16's range P carries a power
// of two that follows the page's largest scale.
//
// Order. A leaf is `span` pages, 1 up to 32 pages of the row's own position, then doubling: never more than 32 leaves. Leaves are
// folded in order into groups of 8, groups in order into the result. A block takes one leaf (few rows: all SMs
// busy) or one group (many rows: few partial results), with the same arithmetic: a row's result depends on its position and
// cache alone. The last block to arrive folds what the others left.
//
// Overlap. Keys of earlier steps are loaded before griddep_wait(), while the projections still run; only q and the step's
// own keys wait for them.
//
// Bytes: 4 KB a token and layer in f16 for Qwen3-8B (8 KV heads of 128), 2 KB in 8 bits. Floor on an H200 at 4.3 TB/s:
// 1 row at 1k 4.2 MB, 1 µs; at 32k 134 MB, 31 µs; 64 rows at 1k 268 MB, 62 µs (8 bits 31 µs).
// A warp has 8 KB of f16 (4 KB of 8 bits) under way from page to page and at most 168 registers, so that 12 warps an SM keep 96 KB
// (48 KB) in flight, where 29 KB hide the latency; sm_90a runs some 480 instructions a page and warp, 27 % of the issue slots at the
// memory's full speed in f16. Expected: 1 row at 1k 3 µs after the projections (q 0.5, S and softmax 0.6, P·V and results 0.7, the last
// block's fence and merge 1.2; K and V have come before), at 32k 36 µs, 64 rows at 1k 75 µs.
#include "attend.cuh"

// A partial result of a query: maximum (log2), sum of weights, and `vals` columns of the sum of weighted values.
template <int vals> struct State { float m, l, o[vals]; };

template <int vals> ORT_DEV void clear(State<vals> &s) {
	s.m = no_max, s.l = 0.f;
#pragma unroll
	for (int i = 0; i < vals; i++) s.o[i] = 0.f;
}
// s = s followed by p. The same operations in the same order wherever it stands.
template <int vals> ORT_DEV void fold(State<vals> &s, const State<vals> &p) {
	float m = fmaxf(s.m, p.m), a = exp2_approx(s.m - m), b = exp2_approx(p.m - m);
	s.m = m;
	s.l = fmaf(p.l, b, s.l * a);
#pragma unroll
	for (int i = 0; i < vals; i++) s.o[i] = fmaf(p.o[i], b, s.o[i] * a);
}

// What a block works on.
struct DecodeJob {
	int row, rows, head;    // first row and their number, KV head
	int query, group;       // first query head, and how many of the KV head's this block takes
	int queries;            // rows·group
	int pos;                // of the first row
	int first, last, end;   // pages [first, end) of this block, last page of the row
	int span, blocks;       // pages of a leaf; blocks that share the row
	int old;                // keys below it were stored by earlier steps
	const int32_t *table;   // pages of the sequence
};

// Finds the block's job; false: there is none.
ORT_DEV bool find_decode_job(const AttendArgs &a, DecodeJob &j) {
	const int32_t *pos = (const int32_t *)a.pos, *seq = (const int32_t *)a.seq;
	int i = (int)blockIdx.z, split = (int)blockIdx.x;
	int all = a.heads / a.kv.heads, part = (int)blockIdx.y % a.parts * a.part;
	j.row = i, j.rows = 1, j.head = (int)blockIdx.y / a.parts;
	j.query = j.head * all + part;
	j.group = min(a.part, all - part);
	j.pos = pos[i];
	int s = seq[i], pages = j.pos / page_tokens + 1;
	j.span = 1;
	while (pages > 32 * j.span) j.span *= 2;
	int leaves = (pages + j.span - 1) / j.span;
	j.blocks = (leaves + a.per - 1) / a.per;
	if (split >= j.blocks) return false;
	if (a.pack > 1) {
		if (j.pos % a.pack != 0 && i > 0 && seq[i - 1] == s) return false;
		while (j.rows < a.pack - j.pos % a.pack && i + j.rows < a.n && seq[i + j.rows] == s) j.rows++;
	}
	if (a.few && in_long_segment(a, i)) return false;
	j.queries = j.rows * j.group;
	j.first = split * a.per * j.span;
	j.last = pages - 1;
	j.end = min(pages, j.first + a.per * j.span);
	j.old = (j.pos - i) & ~7; // the rows before i may be of this sequence; whole sectors of scales
	j.table = (const int32_t *)a.table + (uint64_t)s * (uint64_t)a.pages;
	return true;
}

// Index of a query of the pack in [n, heads].
ORT_DEV uint64_t query_index(const AttendArgs &a, const DecodeJob &j, int query) {
	return (uint64_t)(j.row + query / j.group) * (uint64_t)a.heads + (uint64_t)(j.query + query % j.group);
}

// Sizes of a kernel: cache type, head dim (exact, or 256 for any up to that), tiles of 4 queries. Exact kernels hold a page ahead in
// registers; the others load what they need as they need it.
template <CacheType type_, int dim_, int tiles_, bool exact_> struct Decode {
	static constexpr CacheType type = type_;
	static constexpr int dim = dim_, tiles = tiles_, bytes = value_bytes<type_>();
	static constexpr bool exact = exact_;
	static constexpr int blocks8 = (tiles + 1) / 2; // blocks of 8 queries
	static constexpr int steps = dim / 16;          // mma along dim
	static constexpr int loads = dim * bytes / 64;  // of 16 bytes, a key and lane
	static constexpr int batch = type == CACHE_F32 ? 2 : loads;
	static constexpr int per_load = 16 / bytes;     // values of a load
	static constexpr int mtiles = dim / 64;         // of 16 columns of V a warp
	static constexpr int vals = 2 * mtiles;         // columns of V a lane
	static constexpr int vbytes = vals * bytes, vwords = (vbytes + 3) / 4;
	// Shared memory: q as fragments, S twice, V's scales twice, a flag.
	static constexpr int pitch = 80; // of S, floats: rows 16 banks apart
	static constexpr int at_s = blocks8 * steps * 512, s_bytes = 4 * tiles * pitch * 4;
	static constexpr int at_scale = at_s + 2 * s_bytes, at_flag = at_scale + 512, shared = at_flag + 16;
};
// Bytes of a line of K or V.
template <class D> ORT_DEV int row_bytes(const CacheArgs &kv) { return (D::exact ? D::dim : kv.dim) * D::bytes; }

// A page of one KV head: where its line 0 lies, and the keys [lo, lo + count) to load.
struct Span {
	uint64_t line;
	uint32_t lo, count;
};

// K of keys 16w + 8j + g, columns as mma step by step, a batch of loads from the one numbered first.
template <class D> ORT_DEV void load_k(uint32_t (*k)[4], const CacheArgs &kv, const Span &s, int j, int first) {
	int lane = (int)threadIdx.x % 32, w = (int)threadIdx.x / 32, t = lane % 4, row = row_bytes<D>(kv);
	uint32_t key = 16 * (uint32_t)w + (uint32_t)lane / 4;
	const uint8_t *at = (const uint8_t *)kv.k + (s.line + key) * (uint64_t)row + 16 * t + 8 * j * row;
#pragma unroll
	for (int l = first; l < first + D::batch; l++)
		ld_cg_below<16>(k[l - first], at + 64 * l, key + 8 * j - s.lo, D::exact || 64 * l + 16 * t < row ? s.count : 0);
}
// K's scales of keys 16w + 8j + 2t, +1.
ORT_DEV void load_k_scales(float scale[2], const CacheArgs &kv, const Span &s, int j) {
	uint32_t key = threadIdx.x / 32 * 16 + 8 * (uint32_t)j + threadIdx.x % 4 * 2;
	const float *at = (const float *)kv.kScale + s.line + key;
	uint32_t v[2] = {f32_bits(scale[0]), f32_bits(scale[1])};
	ld_cg_below<4>(v, at, key - s.lo, s.count);
	ld_cg_below<4>(v + 1, at + 1, key + 1 - s.lo, s.count);
	scale[0] = bits_f32(v[0]), scale[1] = bits_f32(v[1]);
}
// V of keys 16c + 4t + k, columns dim/4·w + vals·g... What is not loaded stays as it is: finite, and multiplied by 0.
template <class D> ORT_DEV void load_v(uint32_t (*v)[D::vwords], const CacheArgs &kv, const Span &s, int c) {
	uint32_t lane = threadIdx.x % 32, key = lane % 4 * 4;
	int row = row_bytes<D>(kv), at = (int)(D::dim / 4 * (threadIdx.x / 32) + D::vals * (lane / 4)) * D::bytes;
	const uint8_t *base = (const uint8_t *)kv.v + (s.line + key) * (uint64_t)row + at;
	uint32_t count = D::exact || at < row ? s.count : 0;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		const uint8_t *from = base + (16 * c + i) * row;
		uint32_t k = key + 16 * (uint32_t)c + (uint32_t)i - s.lo;
		ld_cg_below<(D::vbytes < 16 ? D::vbytes : 16)>(v[i], from, k, count);
		if (D::vbytes > 16) ld_cg_below<16>(v[i] + (D::vwords > 4 ? 4 : 0), from + 16, k, count);
	}
}
// V's scale of key 16w + lane.
ORT_DEV void load_v_scale(uint32_t &scale, const CacheArgs &kv, const Span &s) {
	uint32_t key = threadIdx.x / 32 * 16 + threadIdx.x % 32;
	ld_cg_below<4>(&scale, (const float *)kv.vScale + s.line + key, key - s.lo, threadIdx.x % 32 < 16 ? s.count : 0);
}

// A page on its way, in an exact kernel.
template <class D> struct Page {
	uint32_t k[2][D::exact ? D::loads : 1][4], v[4][4][D::exact ? D::vwords : 1];
	float kscale[2][2];
	uint32_t vscale;
	Span at;
};
template <class D> ORT_DEV void clear(Page<D> &p) {
#pragma unroll
	for (int j = 0; j < 2; j++)
#pragma unroll
		for (int l = 0; l < (D::exact ? D::loads : 1); l++) p.k[j][l][0] = p.k[j][l][1] = p.k[j][l][2] = p.k[j][l][3] = 0;
#pragma unroll
	for (int i = 0; i < 16; i++)
#pragma unroll
		for (int c = 0; c < (D::exact ? D::vwords : 1); c++) p.v[i / 4][i % 4][c] = 0;
	p.kscale[0][0] = p.kscale[0][1] = p.kscale[1][0] = p.kscale[1][1] = 0.f, p.vscale = 0;
}
template <class D> ORT_DEV void fetch_k(Page<D> &p, const CacheArgs &kv) {
	if constexpr (D::exact) {
#pragma unroll
		for (int j = 0; j < 2; j++) {
			load_k<D>(p.k[j], kv, p.at, j, 0);
			if (D::type == CACHE_Q8) load_k_scales(p.kscale[j], kv, p.at, j);
		}
	}
}
template <class D> ORT_DEV void fetch_v(Page<D> &p, const CacheArgs &kv) {
	if constexpr (D::exact) {
#pragma unroll
		for (int c = 0; c < 4; c++) load_v<D>(p.v[c], kv, p.at, c);
		if (D::type == CACHE_Q8) load_v_scale(p.vscale, kv, p.at);
	}
}

// q of the pack, scaled, to fragments in shared memory: [block of 8][step][lane][hi d0 d1, lo d0 d1, hi d2 d3, lo d2 d3], where
// d0..d3 are the columns that the lane's K has in that step.
template <class D> ORT_DEV void load_q(const AttendArgs &a, const DecodeJob &j, uint8_t *shared) {
#pragma unroll
	for (int n = 0; n < D::blocks8 * D::steps / 4; n++) {
		int i = 128 * n + (int)threadIdx.x, lane = i % 32, step = i / 32 % D::steps, query = i / 32 / D::steps * 8 + lane / 4;
		int in = step % (D::per_load / 4);
		int col = 4 * D::per_load * (step / (D::per_load / 4)) + D::per_load * (lane % 4) + 4 * in;
		float4 v = make_float4(0.f, 0.f, 0.f, 0.f);
		if (query < j.queries && col < a.kv.dim) {
			v = *(const float4 *)((const float *)a.q + query_index(a, j, query) * (uint64_t)a.kv.dim + col);
		}
		uint4 f;
		if (D::type == CACHE_Q8) { // whose bytes come in pairs 0,2 and 1,3
			split_f16(v.x * a.scale, v.z * a.scale, f.x, f.y);
			split_f16(v.y * a.scale, v.w * a.scale, f.z, f.w);
		} else {
			split_f16(v.x * a.scale, v.y * a.scale, f.x, f.y);
			split_f16(v.z * a.scale, v.w * a.scale, f.z, f.w);
		}
		((uint4 *)shared)[i] = f;
	}
}

// Adds to d the products of 8 queries (fragment a) and the lane's key at one step.
template <class D> ORT_DEV void mma_qk(float d[4], const uint32_t a[4], const uint32_t (*k)[4], int step) {
	uint32_t b[2];
	if (D::type == CACHE_F16) {
		b[0] = k[step / 2][step % 2 * 2], b[1] = k[step / 2][step % 2 * 2 + 1];
	} else if (D::type == CACHE_Q8) {
		uint32_t w = k[step / 4][step % 4] ^ 0x80808080u;
		b[0] = biased_bytes_to_f16x2(w), b[1] = biased_bytes_to_f16x2(w >> 8);
	} else if (D::type == CACHE_FP8) {
		uint32_t w = k[step / 4][step % 4];
		b[0] = e4m3x2_to_f16x2((uint16_t)w), b[1] = e4m3x2_to_f16x2((uint16_t)(w >> 16));
	} else {
		uint32_t rest[2];
		split_f16(bits_f32(k[step][0]), bits_f32(k[step][1]), b[0], rest[0]);
		split_f16(bits_f32(k[step][2]), bits_f32(k[step][3]), b[1], rest[1]);
		mma_f16(d, a, rest);
	}
	mma_f16(d, a, b);
}

// S of the warp's 16 keys to shared memory, [query][key].
template <class D> ORT_DEV void scores(Page<D> &p, const CacheArgs &kv, const uint8_t *q, float *s) {
	int lane = (int)threadIdx.x % 32, w = (int)threadIdx.x / 32, g = lane / 4, t = lane % 4;
#pragma unroll
	for (int j = 0; j < 2; j++) {
		if (!D::exact && D::type == CACHE_Q8) load_k_scales(p.kscale[j], kv, p.at, j);
		float d[D::blocks8][2][4] = {};
#pragma unroll
		for (int l = 0; l < D::loads; l += D::batch) {
			uint32_t late[D::batch][4] = {};
			if constexpr (!D::exact) load_k<D>(late, kv, p.at, j, l);
#pragma unroll
			for (int step = l * D::per_load / 4; step < (l + D::batch) * D::per_load / 4; step++)
#pragma unroll
				for (int m = 0; m < D::blocks8; m++) {
					uint4 f = ((const uint4 *)q)[(m * D::steps + step) * 32 + lane];
					uint32_t a[4] = {f.x, f.y, f.z, f.w};
					mma_qk<D>(d[m][step % 2], a, D::exact ? p.k[j] : late, step - (D::exact ? 0 : l * D::per_load / 4));
				}
		}
#pragma unroll
		for (int m = 0; m < D::blocks8; m++) {
			if (8 * m + g >= 4 * D::tiles) continue;
			float2 v;
			v.x = d[m][0][0] + d[m][1][0] + (d[m][0][2] + d[m][1][2]), v.y = d[m][0][1] + d[m][1][1] + (d[m][0][3] + d[m][1][3]);
			if (D::type == CACHE_Q8) v.x *= p.kscale[j][0], v.y *= p.kscale[j][1];
			*(float2 *)(s + (8 * m + g) * D::pitch + 16 * w + 8 * j + 2 * t) = v;
		}
	}
}

// Fragments of Vᵀ for one mma step (16 keys) and all tiles of 16 columns: hi, and for f32 what that leaves.
template <class D> ORT_DEV void value_fragments(const uint32_t (*v)[D::vwords], uint32_t hi[D::mtiles][4], uint32_t lo[D::mtiles][4]) {
#pragma unroll
	for (int half = 0; half < 2; half++) { // keys 4t, 4t+1 and 4t+2, 4t+3
		const uint32_t *x = v[2 * half], *y = v[2 * half + 1];
#pragma unroll
		for (int c = 0; c < D::vals; c++) { // columns 2m and 2m+1 are rows g and g+8 of tile m
			uint32_t &to = hi[c / 2][2 * half + c % 2];
			if (D::type == CACHE_F16) {
				to = byte_perm(x[c / 2], y[c / 2], c % 2 ? 0x7632 : 0x5410);
			} else if (D::type == CACHE_Q8) {
				to = biased_bytes_to_f16x2(byte_perm(x[c / 4], y[c / 4], 0x0400 + 0x0101 * (c % 4)) ^ 0x00800080u);
			} else if (D::type == CACHE_FP8) {
				to = e4m3x2_to_f16x2((uint16_t)byte_perm(x[c / 4], y[c / 4], 0x40 + 0x11 * (c % 4)));
			} else {
				split_f16(bits_f32(x[c]), bits_f32(y[c]), to, lo[c / 2][2 * half + c % 2]);
			}
		}
	}
}

// Running state of a leaf: of query 4i + g%4 the maximum and this lane's share of the sum; Oᵀ as the mma has it.
template <class D> struct Leaf {
	float m[D::tiles], l[D::tiles];
	float o[D::tiles][D::mtiles][4];
	float power[D::tiles]; // Q8: o is to be multiplied by it
};

template <class D> ORT_DEV void clear(Leaf<D> &f) {
#pragma unroll
	for (int i = 0; i < D::tiles; i++) {
		f.m[i] = no_max, f.l[i] = 0.f, f.power[i] = 0x1p-60f;
#pragma unroll
		for (int m = 0; m < D::mtiles; m++) f.o[i][m][0] = f.o[i][m][1] = f.o[i][m][2] = f.o[i][m][3] = 0.f;
	}
}

// Rescales the leaf's sums by what is each lane's factor for query 4i + g%4.
template <class D> ORT_DEV void rescale(Leaf<D> &f, int i, float by) {
	int t = (int)threadIdx.x % 4;
	float even = shfl(by, 8 * (t & 1)), odd = shfl(by, 8 * (t & 1) + 4);
#pragma unroll
	for (int m = 0; m < D::mtiles; m++) f.o[i][m][0] *= even, f.o[i][m][1] *= odd, f.o[i][m][2] *= even, f.o[i][m][3] *= odd;
}

// Multiplies a query's weights by V's scales over a power of two, which becomes that of the largest scale of `keys` keys where
// that is greater than `power`, and returns the old power over the new one.
ORT_DEV float scale_weights(float x[16], float &power, const float *scale, int keys) {
	int t = (int)threadIdx.x % 4;
	float most = 0.f;
#pragma unroll
	for (int c = 0; c < 4; c++) {
		float4 v = *(const float4 *)(scale + 16 * c + 4 * t);
		if (keys < page_tokens) {
			int k = 16 * c + 4 * t;
			v.x = k < keys ? v.x : 0.f, v.y = k + 1 < keys ? v.y : 0.f, v.z = k + 2 < keys ? v.z : 0.f, v.w = k + 3 < keys ? v.w : 0.f;
		}
		x[4 * c] *= v.x, x[4 * c + 1] *= v.y, x[4 * c + 2] *= v.z, x[4 * c + 3] *= v.w;
		most = fmaxf(most, fmaxf(fmaxf(v.x, v.y), fmaxf(v.z, v.w)));
	}
	most = fmaxf(most, shfl_xor(most, 1));
	most = fmaxf(most, shfl_xor(most, 2));
	float to = fmaxf(power, bits_f32(f32_bits(most) & 0x7f800000u)), by = power / to; // 2^e <= most
	power = to;
	to = 1.f / to;
#pragma unroll
	for (int k = 0; k < 16; k++) x[k] *= to;
	return by;
}

// Adds a page to the leaf: S and V's scales from shared memory. The pack's first row sees `limit` keys, each further row one more.
template <class D> ORT_DEV void add_page(Leaf<D> &f, const DecodeJob &j, Page<D> &p, const CacheArgs &kv, const float *s, const float *scale, int limit) {
	int lane = (int)threadIdx.x % 32, g = lane / 4, t = lane % 4;
	uint32_t b[D::tiles][8];
#pragma unroll
	for (int i = 0; i < D::tiles; i++) {
		int query = 4 * i + (g & 3), keys = limit + query / j.group; // that the query sees
		float x[16], most = no_max, sum = 0.f;
#pragma unroll
		for (int c = 0; c < 4; c++) {
			float4 v = *(const float4 *)(s + query * D::pitch + 16 * c + 4 * t);
			x[4 * c] = v.x, x[4 * c + 1] = v.y, x[4 * c + 2] = v.z, x[4 * c + 3] = v.w;
		}
		if (limit < page_tokens) {
#pragma unroll
			for (int k = 0; k < 16; k++)
				if (16 * (k / 4) + 4 * t + k % 4 >= keys) x[k] = bits_f32(0xff800000u);
		}
#pragma unroll
		for (int k = 0; k < 16; k++) most = fmaxf(most, x[k]);
		most = fmaxf(most, shfl_xor(most, 1));
		most = fmaxf(most, shfl_xor(most, 2));
		most = fmaxf(most, f.m[i]);
		float by = exp2_approx(f.m[i] - most);
		f.m[i] = most;
#pragma unroll
		for (int k = 0; k < 16; k++) {
			x[k] = exp2_approx(x[k] - most);
			sum += x[k];
		}
		f.l[i] = fmaf(f.l[i], by, sum);
		if (D::type == CACHE_Q8) by *= scale_weights(x, f.power[i], scale, limit < page_tokens ? keys : page_tokens);
		rescale(f, i, by);
#pragma unroll
		for (int k = 0; k < 8; k++) { // columns 0-3 of B: hi of the four queries, 4-7: lo
			uint32_t hi, lo;
			split_f16(x[2 * k], x[2 * k + 1], hi, lo);
			b[i][k] = g < 4 ? hi : lo;
		}
	}
#pragma unroll
	for (int c = 0; c < 4; c++) {
		uint32_t v[D::mtiles][4], rest[D::mtiles][4];
		if constexpr (D::exact) {
			value_fragments<D>(p.v[c], v, rest);
		} else {
			uint32_t late[4][D::vwords];
#pragma unroll
			for (int i = 0; i < 4 * D::vwords; i++) late[i / D::vwords][i % D::vwords] = 0;
			load_v<D>(late, kv, p.at, c);
			value_fragments<D>(late, v, rest);
		}
#pragma unroll
		for (int m = 0; m < D::mtiles; m++)
#pragma unroll
			for (int i = 0; i < D::tiles; i++) {
				if (D::type == CACHE_F32) mma_f16(f.o[i][m], rest[m], b[i] + 2 * c);
				mma_f16(f.o[i][m], v[m], b[i] + 2 * c);
			}
	}
}

// The query of tile i whose results a lane keeps: 2(t%2) + t/2. Of it the lane has columns dim/4·w + vals·g...
ORT_DEV int own_query() { return 2 * ((int)threadIdx.x & 1) + ((int)threadIdx.x >> 1 & 1); }

// What the leaf has of the lane's own query of tile i.
template <class D> ORT_DEV State<D::vals> finish(const Leaf<D> &f, int i) {
	int t = (int)threadIdx.x % 4;
	State<D::vals> r;
	float l = f.l[i];
	l += shfl_xor(l, 1);
	l += shfl_xor(l, 2);
	r.l = shfl(l, 4 * own_query());
	r.m = shfl(f.m[i], 4 * own_query());
#pragma unroll
	for (int m = 0; m < D::mtiles; m++) {
		float v[4];
#pragma unroll
		for (int k = 0; k < 4; k++) {
			v[k] = f.o[i][m][k] + shfl_xor(f.o[i][m][k], 2); // hi + lo
		}
		r.o[2 * m] = t < 2 ? v[0] : v[1], r.o[2 * m + 1] = t < 2 ? v[2] : v[3];
	}
	if (D::type == CACHE_Q8) {
		float power = shfl(f.power[i], 4 * own_query());
#pragma unroll
		for (int c = 0; c < D::vals; c++) r.o[c] *= power;
	}
	return r;
}

template <int vals> ORT_DEV void store_vals(float *to, const float *o, float by) {
	if (vals == 2) *(float2 *)to = make_float2(o[0] * by, o[1] * by);
#pragma unroll
	for (int i = 0; i + 4 <= vals; i += 4) *(float4 *)(to + i) = make_float4(o[i] * by, o[i + 1] * by, o[i + 2] * by, o[i + 3] * by);
}

// Writes the block's result: y where it is the only one of its rows, a partial one otherwise.
template <class D> ORT_DEV void store_result(const AttendArgs &a, const DecodeJob &j, const State<D::vals> total[D::tiles]) {
	int lane = (int)threadIdx.x % 32, w = (int)threadIdx.x / 32, col = D::dim / 4 * w + D::vals * (lane / 4);
#pragma unroll
	for (int i = 0; i < D::tiles; i++) {
		int query = 4 * i + own_query();
		if (query >= j.queries || col >= a.kv.dim) continue;
		uint64_t at = query_index(a, j, query);
		if (j.blocks == 1) {
			store_vals<D::vals>((float *)a.y + at * (uint64_t)a.kv.dim + col, total[i].o, 1.f / total[i].l);
			continue;
		}
		at = at * (uint64_t)a.splits + blockIdx.x;
		store_vals<D::vals>((float *)a.partial + at * (uint64_t)a.kv.dim + col, total[i].o, 1.f);
		if (col == 0) ((float2 *)a.stats)[at] = make_float2(total[i].m, total[i].l);
	}
}

// The last block of a row and KV head folds the partial results, `batch` (8 or 16) on their way at a time: a thread takes 4 columns of
// a query.
template <int batch> ORT_DEV void merge(const AttendArgs &a, const DecodeJob &j) {
	int quads = a.kv.dim / 4, in_group = a.per == 1 ? 8 : 1;
	for (int i = (int)threadIdx.x; i < j.queries * quads; i += 128) {
		uint64_t at = query_index(a, j, i / quads), part = at * (uint64_t)a.splits;
		const float *o = (const float *)a.partial + part * (uint64_t)a.kv.dim + 4 * (i % quads);
		const float *stats = (const float *)a.stats + 2 * part;
		State<4> all, group;
		clear(all);
		clear(group);
		for (int first = 0; first < j.blocks; first += batch) {
			uint32_t v[batch][4], ml[batch][2];
#pragma unroll
			for (int b = 0; b < batch; b++) {
				int from = min(first + b, j.blocks - 1);
				ld_cg_below<16>(v[b], o + (uint64_t)from * (uint64_t)a.kv.dim, 0, 1);
				ld_cg_below<8>(ml[b], stats + 2 * from, 0, 1);
			}
#pragma unroll
			for (int b = 0; b < batch; b++) {
				if (first + b < j.blocks) {
					State<4> p = {bits_f32(ml[b][0]), bits_f32(ml[b][1]), {bits_f32(v[b][0]), bits_f32(v[b][1]), bits_f32(v[b][2]), bits_f32(v[b][3])}};
					fold(group, p);
				}
				if ((b + 1) % in_group == 0 && first + b + 1 - in_group < j.blocks) {
					fold(all, group);
					clear(group);
				}
			}
		}
		store_vals<4>((float *)a.y + at * (uint64_t)a.kv.dim + 4 * (i % quads), all.o, 1.f / all.l);
	}
}

template <class D, int batch> ORT_DEV void attend_decode(const AttendArgs &a) {
	DecodeJob j;
	bool work = find_decode_job(a, j);
	Page<D> p;
	uint64_t lines = (uint64_t)page_tokens * (uint64_t)a.kv.heads, head = (uint64_t)page_tokens * (uint64_t)j.head;
	int next = 0, old = 0;
	if (work) {
		clear(p);
		next = j.table[min(j.first + 1, j.last)];
		old = max(0, min(page_tokens, j.old - page_tokens * j.first));
		p.at = {(uint64_t)j.table[j.first] * lines + head, 0, (uint32_t)old};
		fetch_k(p, a.kv);
		fetch_v(p, a.kv);
	}
	griddep_wait();
	griddep_launch();
	if (!work) return;
	uint8_t *shared = ort_shared();
	load_q<D>(a, j, shared);
	int seen = j.pos - page_tokens * j.first + 1; // keys of the page that the pack's first row sees, if all are of one page
	p.at.lo = (uint32_t)old, p.at.count = (uint32_t)(min(page_tokens, seen + j.rows - 1) - old);
	fetch_k(p, a.kv);
	fetch_v(p, a.kv);
	p.at.count += p.at.lo, p.at.lo = 0;
	block_sync();
	State<D::vals> total[D::tiles];
	Leaf<D> leaf;
	clear(leaf);
#pragma unroll
	for (int i = 0; i < D::tiles; i++) clear(total[i]);
	for (int c = j.first; c < j.end; c++, seen -= page_tokens) {
		float *s = (float *)(shared + D::at_s + (c & 1) * D::s_bytes), *scale = (float *)(shared + D::at_scale + (c & 1) * 256);
		Span now = p.at, then = {(uint64_t)next * lines + head, 0, 0};
		bool more = c + 1 < j.end;
		if (more) then.count = (uint32_t)min(page_tokens, seen + j.rows - 1 - page_tokens);
		next = j.table[min(c + 2, j.last)];
		if (!D::exact && D::type == CACHE_Q8) p.vscale = 0, load_v_scale(p.vscale, a.kv, now);
		scores<D>(p, a.kv, shared, s);
		if (D::type == CACHE_Q8 && threadIdx.x % 32 < 16) scale[threadIdx.x / 32 * 16 + threadIdx.x % 32] = bits_f32(p.vscale);
		p.at = then;
		fetch_k(p, a.kv);
		block_sync();
		if (!D::exact) p.at = now;
		add_page<D>(leaf, j, p, a.kv, s, scale, seen);
		p.at = then;
		fetch_v(p, a.kv);
		if ((c + 1) % j.span == 0 || !more) {
#pragma unroll
			for (int i = 0; i < D::tiles; i++) fold(total[i], finish<D>(leaf, i));
			clear(leaf);
		}
	}
	find_decode_job(a, j); // again, rather than in registers all the while
	store_result<D>(a, j, total);
	if (j.blocks == 1) return;
	uint32_t *flag = (uint32_t *)(shared + D::at_flag);
	block_sync();
	if (threadIdx.x == 0) *flag = arrive_last((uint32_t *)a.arrived + (uint64_t)j.row * gridDim.y + blockIdx.y, (uint32_t)j.blocks);
	block_sync();
	if (*flag) merge<batch>(a, j);
}

// budget attend_decode_*_64_[12]: 168 registers
// budget attend_decode_*_128_[12]: 168 registers
// budget attend_decode_fp8_128_2: 255 registers
// budget attend_decode_*_any: 255 registers
#define DECODE(name, type, dim, tiles, exact, blocks) \
	ORT_KERNEL_MIN(attend_decode_##name, AttendArgs, 128, blocks) { attend_decode<Decode<type, dim, tiles, exact>, dim == 128 || !exact ? 16 : 8>(a); }
#define DECODES(name, type, least, most) \
	DECODE(name##_64_1, type, 64, 1, true, 3) \
	DECODE(name##_64_2, type, 64, 2, true, 3) \
	DECODE(name##_128_1, type, 128, 1, true, most) \
	DECODE(name##_128_2, type, 128, 2, true, least) \
	DECODE(name##_any, type, 256, 2, false, 2)
DECODES(f16, CACHE_F16, 3, 3)
DECODES(q8, CACHE_Q8, 3, 3)
DECODES(fp8, CACHE_FP8, 2, 3)
DECODE(f32_any, CACHE_F32, 256, 1, false, 1)
