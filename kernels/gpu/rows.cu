// Rows of activations before and after matrix products of more than a few rows.
#include "act.cuh"
#include "head.cuh"

// rows_f16, rows_bf16: activations for tensor cores, in the layout of act.cuh.
//
//   h[i] = x[row], or rmsnorm(x[row])·norm,  row = i or want[i]
//   f16:  out[i] = h[i] / scale[i], scale[i] a power of two that puts the greatest magnitude into [2^13, 2^14)
//   bf16: out[i] = h[i], scale[i] = 1
//
// x [*, cols] f32, norm [cols] f32 or none, want [n] i32 or none; out [⌈cols/256⌉·4][rows][64] 16 bits, scale [rows] f32 after it.
// A block takes a row, in two passes of which the second reads from the first cache; a thread takes a step of act.cuh: 4 by
// 4 columns, 32 apart. It moves 6 bytes a column: 64 rows of 4096, 1.6 MB, 0.4 µs on an H200; the time is latency, about 2 µs.
struct RowsArgs {
	uint64_t x, norm, want, out;
	int32_t cols, rows; // rows: the padded number
	float eps;
	int32_t spare;
};

enum { rows_threads = 256 };

// Columns k..k+3 of a row; 0 beyond it.
ORT_DEV float4 load_quad(const float *x, int k, int cols) {
	if (cols % 4 == 0) return k < cols ? *(const float4 *)(x + k) : make_float4(0.f, 0.f, 0.f, 0.f);
	return make_float4(k < cols ? x[k] : 0.f, k + 1 < cols ? x[k + 1] : 0.f, k + 2 < cols ? x[k + 2] : 0.f, k + 3 < cols ? x[k + 3] : 0.f);
}

// The same of x·norm; norm may be null.
ORT_DEV float4 load_gained(const float *x, const float *norm, int k, int cols) {
	float4 v = load_quad(x, k, cols);
	if (!norm) return v;
	float4 w = load_quad(norm, k, cols);
	return make_float4(v.x * w.x, v.y * w.y, v.z * w.z, v.w * w.w);
}

// The sum and the maximum over the block, in every thread.
ORT_DEV void block_sum_max(float &sum, float &most) {
	float *part = (float *)ort_shared(); // [2][warps]
	int warp = (int)threadIdx.x / 32, warps = rows_threads / 32;
	sum = warp_sum(sum);
	most = warp_max(most);
	if (threadIdx.x % 32 == 0) part[warp] = sum, part[warps + warp] = most;
	block_sync();
	sum = most = 0.f;
	for (int i = 0; i < warps; i++) sum += part[i], most = fmaxf(most, part[warps + i]);
}

template <bool bf16> ORT_DEV void convert_row(const RowsArgs &a) {
	int i = (int)blockIdx.x;
	const float *norm = (const float *)a.norm;
	griddep_wait();
	griddep_launch();
	int row = a.want ? ((const int32_t *)a.want)[i] : i;
	const float *x = (const float *)a.x + (uint64_t)row * (uint64_t)a.cols;
	float sum = 0.f, most = 0.f;
	for (int k = 4 * (int)threadIdx.x; k < a.cols; k += 4 * rows_threads) {
		float4 v = load_quad(x, k, a.cols), h = load_gained(x, norm, k, a.cols);
		sum = fmaf(v.x, v.x, fmaf(v.y, v.y, fmaf(v.z, v.z, fmaf(v.w, v.w, sum))));
		most = fmaxf(most, fmaxf(fmaxf(fabsf(h.x), fabsf(h.y)), fmaxf(fabsf(h.z), fabsf(h.w))));
	}
	block_sum_max(sum, most);
	float r = norm ? rsqrt_exact(sum / (float)a.cols + a.eps) : 1.f;
	int steps = (a.cols + 255) / 256 * 16, e = 0;
	if (!bf16 && most > 0.f) { // most·r is in [2^e, 2^(e+1))
		e = max(-100, min(110, (int)(f32_bits(most * r) >> 23) - 127)) - 13;
		r *= bits_f32((uint32_t)(127 - e) << 23);
	}
	if (threadIdx.x == 0) ((float *)(a.out + (uint64_t)steps / 4 * (uint64_t)a.rows * 128))[i] = bits_f32((uint32_t)(127 + e) << 23);
	for (int step = (int)threadIdx.x; step < steps; step += rows_threads) {
		uint32_t even[4], odd[4];
#pragma unroll
		for (int t = 0; t < 4; t++) {
			float4 v = load_gained(x, norm, step / 8 * 128 + step % 8 * 4 + 32 * t, a.cols);
			even[t] = bf16 ? f32x2_to_bf16x2(v.x * r, v.z * r) : f32x2_to_f16x2(v.x * r, v.z * r);
			odd[t] = bf16 ? f32x2_to_bf16x2(v.y * r, v.w * r) : f32x2_to_f16x2(v.y * r, v.w * r);
		}
		uint32_t b = (uint32_t)step / 4, s = (uint32_t)step % 4;
		*(uint4 *)(a.out + act_chunk(b, (uint32_t)a.rows, (uint32_t)i, s, 0)) = make_uint4(even[0], even[1], even[2], even[3]);
		*(uint4 *)(a.out + act_chunk(b, (uint32_t)a.rows, (uint32_t)i, s, 1)) = make_uint4(odd[0], odd[1], odd[2], odd[3]);
	}
}

// budget rows_*: 40 registers
ORT_KERNEL(rows_f16, RowsArgs, 256) { convert_row<false>(a); }
ORT_KERNEL(rows_bf16, RowsArgs, 256) { convert_row<true>(a); }

// finish_heads: finish_head (head.cuh) for every head of n rows of qkv [n, (heads + 2·kvHeads)·dim] f32, one warp each.
// It reads 4 bytes a value and writes 4 for q, the cache's type for k and v: 64 rows of Qwen3-8B 2.9 MB, 0.7 µs on an H200.
struct FinishArgs {
	uint64_t qkv;
	HeadArgs head;
	int32_t n, spare;
};

// budget finish_heads: 40 registers
ORT_KERNEL(finish_heads, FinishArgs, 128) {
	int all = a.head.heads + 2 * a.head.kv.heads;
	int i = (int)(blockIdx.x * 4 + threadIdx.x / 32);
	griddep_wait();
	griddep_launch();
	if (i >= a.n * all) return;
	finish_head((const float *)a.qkv + (uint64_t)i * (uint64_t)a.head.kv.dim, a.head, i / all, i % all);
}
