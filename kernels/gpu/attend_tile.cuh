// What attend_prefill.cu (mma.sync) and attend_sm90.cu (wgmma) share: tiles of rows by a KV head, their pieces, softmax and results.
//
// A block takes a KV head and `pack` rows, a tile; with the query heads of the KV head they are 128 queries or fewer (64 for the
// largest heads). A piece is the
// rows of one sequence among them. Warp w has the queries from 16*F::mtiles*w on, as mma has its fragments: lane (g, t) the rows g and g+8
// of each 16.
#pragma once
#include "attend.cuh"

// Rows of one sequence in a tile, and the pages that this block does for them.
struct Piece {
	int row, rows, head, group; // group: query heads of the KV head
	int pos;                    // of the first row
	int first, end, splits;
	int table; // index of its pages
};

// Finds the next piece from row `row` of the tile that ends at `end`. All lanes of a warp call it.
ORT_DEV Piece find_piece(const AttendArgs &a, int row, int end) {
	const int32_t *pos = (const int32_t *)a.pos, *seq = (const int32_t *)a.seq;
	Piece p;
	int s = seq[row], lane = (int)threadIdx.x % 32;
	p.row = row, p.rows = 0, p.head = (int)blockIdx.y, p.group = a.heads / a.kv.heads;
	for (bool all = true; all;) {
		int i = row + p.rows + lane;
		uint32_t same = warp_ballot(i < end && seq[min(i, end - 1)] == s);
		p.rows += popcount(same & ~(same + 1)); // those before the first that differs
		all = same == 0xffffffffu;
	}
	p.pos = pos[row];
	p.table = s * a.pages;
	int pages = (p.pos + p.rows - 1) / page_tokens + 1;
	p.splits = max(1, min(a.splits, pages / 8));
	int per = (pages + p.splits - 1) / p.splits;
	p.splits = (pages + per - 1) / per;
	p.first = per * (int)blockIdx.z;
	p.end = min(pages, p.first + per);
	return p;
}

// Whether tiles take the rows of a piece from `row` on. All lanes of a warp call it.
ORT_DEV bool in_tiles(const AttendArgs &a, int row) { return !a.few || in_long_segment(a, row); }

// The line of the cache at which the block's head of a page begins; there are fewer than 2^32.
ORT_DEV uint32_t page_line(const AttendArgs &a, int page) { return ((uint32_t)page * (uint32_t)a.kv.heads + blockIdx.y) * page_tokens; }

// A warp's running result: of m-tile i, rows g and g+8 of 16 queries.
template <class F> struct Running {
	float m[F::mtiles][2], l[F::mtiles][2], o[F::mtiles][F::dim / 8][4];
};

template <class F> ORT_DEV void start(Running<F> &r) {
#pragma unroll
	for (int m = 0; m < F::mtiles; m++)
#pragma unroll
		for (int h = 0; h < 2; h++) {
			r.m[m][h] = no_max, r.l[m][h] = 0.f;
#pragma unroll
			for (int n = 0; n < F::dim / 8; n++) r.o[m][n][2 * h] = r.o[m][n][2 * h + 1] = 0.f;
		}
}

// Hides the keys of a page from `keys` on from row g (h: 0) or g+8 (1). keys is less the lane's 2t.
ORT_DEV void mask_row(float s[8][4], int h, int keys) {
#pragma unroll
	for (int n = 0; n < 8; n++) {
		if (8 * n >= keys) s[n][2 * h] = bits_f32(0xff800000u);
		if (8 * n + 1 >= keys) s[n][2 * h + 1] = bits_f32(0xff800000u);
	}
}

// Turns a row's scores of a page into weights, takes them into its maximum m and sum l, and returns what its sums of values are to be
// multiplied by.
ORT_DEV float softmax_row(float s[8][4], int h, float &m, float &l) {
	float most = no_max, sum = 0.f;
#pragma unroll
	for (int n = 0; n < 8; n++) most = fmaxf(most, fmaxf(s[n][2 * h], s[n][2 * h + 1]));
	most = fmaxf(most, shfl_xor(most, 1));
	most = fmaxf(most, shfl_xor(most, 2));
	most = fmaxf(most, m);
	float by = exp2_approx(m - most);
	m = most;
#pragma unroll
	for (int n = 0; n < 8; n++) {
		s[n][2 * h] = exp2_approx(s[n][2 * h] - most), s[n][2 * h + 1] = exp2_approx(s[n][2 * h + 1] - most);
		sum += s[n][2 * h] + s[n][2 * h + 1];
	}
	l = fmaf(l, by, sum);
	return by;
}

// A row's weights as pairs of f16: those of 16 keys are a fragment of A.
ORT_DEV void narrow_row(const float s[8][4], int h, uint32_t p[8][2]) {
#pragma unroll
	for (int n = 0; n < 8; n++) p[n][h] = f32x2_to_f16x2(s[n][2 * h], s[n][2 * h + 1]);
}

// Multiplies a row's sums of values. All lanes of a warp call it.
template <int n> ORT_DEV void scale_row(float o[n][4], int h, float by) {
	if (warp_ballot(by != 1.f) == 0) return;
#pragma unroll
	for (int i = 0; i < n; i++) o[i][2 * h] *= by, o[i][2 * h + 1] *= by;
}

// Writes y, or the result of this split.
template <class F> ORT_DEV void store_piece(const AttendArgs &a, const Piece &p, Running<F> &r) {
	int lane = (int)threadIdx.x % 32, w = (int)threadIdx.x / 32, g = lane / 4, t = lane % 4;
#pragma unroll
	for (int m = 0; m < F::mtiles; m++)
#pragma unroll
		for (int h = 0; h < 2; h++) {
			float l = r.l[m][h];
			l += shfl_xor(l, 1);
			l += shfl_xor(l, 2);
			int query = 16 * (F::mtiles * w + m) + 8 * h + g;
			if (query >= p.rows * p.group) continue;
			uint64_t at = (uint64_t)(p.row + query / p.group) * (uint64_t)a.heads + (uint64_t)(p.head * p.group + query % p.group);
			float *y = (float *)a.y + at * (uint64_t)a.kv.dim, by = 1.f / l;
			if (p.splits > 1) {
				at = at * (uint64_t)a.splits + blockIdx.z;
				y = (float *)a.partial + at * (uint64_t)a.kv.dim, by = 1.f;
				if (t == 0) ((float2 *)a.stats)[at] = make_float2(r.m[m][h], l);
			}
#pragma unroll
			for (int n = 0; n < F::dim / 8; n++)
				if (8 * n < a.kv.dim) *(float2 *)(y + 8 * n + 2 * t) = make_float2(r.o[m][n][2 * h] * by, r.o[m][n][2 * h + 1] * by);
		}
}

// Folds the results of the splits of a piece: each of `threads` threads takes 4 columns of a query.
template <int threads> ORT_DEV void merge_piece(const AttendArgs &a, const Piece &p) {
	int quads = a.kv.dim / 4;
	for (int i = (int)threadIdx.x; i < p.rows * p.group * quads; i += threads) {
		int query = i / quads, col = 4 * (i % quads);
		uint64_t at = (uint64_t)(p.row + query / p.group) * (uint64_t)a.heads + (uint64_t)(p.head * p.group + query % p.group);
		const float *o = (const float *)a.partial + at * (uint64_t)a.splits * (uint64_t)a.kv.dim + col;
		const float *stats = (const float *)a.stats + 2 * at * (uint64_t)a.splits;
		float m = no_max, l = 0.f, sum[4] = {0.f, 0.f, 0.f, 0.f};
		for (int b = 0; b < p.splits; b++) m = fmaxf(m, ld_cg(stats + 2 * b));
#pragma unroll 4
		for (int b = 0; b < p.splits; b++) {
			float4 v = ld_cg4(o + (uint64_t)b * (uint64_t)a.kv.dim);
			float by = exp2_approx(ld_cg(stats + 2 * b) - m);
			l = fmaf(ld_cg(stats + 2 * b + 1), by, l);
			sum[0] = fmaf(v.x, by, sum[0]), sum[1] = fmaf(v.y, by, sum[1]), sum[2] = fmaf(v.z, by, sum[2]), sum[3] = fmaf(v.w, by, sum[3]);
		}
		float by = 1.f / l;
		*(float4 *)((float *)a.y + at * (uint64_t)a.kv.dim + col) = make_float4(sum[0] * by, sum[1] * by, sum[2] * by, sum[3] * by);
	}
}

// The same for all pieces of a tile.
template <int threads> ORT_DEV void merge_tile(const AttendArgs &a, int first, int end) {
	for (int row = first; row < end;) {
		Piece p = find_piece(a, row, end);
		row += p.rows;
		if (p.splits > 1 && in_tiles(a, p.row)) merge_piece<threads>(a, p);
	}
}
