// gemm_f32: products of more than 64 rows with float32 weights, in float32; and of 4 to 64 rows where shared memory is too small for the
// ring of gemm_small.cuh (99 KB a block: sm_86, 89 and 120).
//
//   y[n, m] (=, += or silu(y)·) sum_k h[n, k]·w[m, k],   h[i] = x[row] or rmsnorm(x[row])·norm, row = i or want[i]
//
// x [*, in] f32, norm [in] f32 or none, want [n] i32 or none, w packed (layout.cuh), y [n, m] f32 with rows `stride` apart. in is a
// multiple of 32. A block makes 128 columns of y for 64 rows in registers of 256 threads, 8 by 4 each, from 32 columns of K at a time
// in shared memory. All sums are fused multiply-adds in one order, whatever n is: relative error about 1e-6.
// Operations: 2·n·m·in at 67 TFLOP/s on an H200; a slot of K costs a thread 32 of them and 3 loads of 16 bytes from
// shared memory, 12 wavefronts a warp: shared memory bounds it to about half of that. No model of speed is stored so.
//
// budget gemm_f32: 128 registers
#include "gemm.cuh"

#define F32_M 128
#define F32_N 64
#define F32_K 32
#define F32_W_STRIDE 136 // lanes t of a store 8 banks apart
#define F32_X_STRIDE 72

struct gemm_f32_args {
	uint64_t x, norm, want, w, y;
	int32_t n, m, in, stride, mode;
	float eps, gain, spare; // gain: Scale of w
};

// The row of x behind row i of the result, and 1 over its root mean square (1 without a norm), by the four threads of a row.
ORT_DEV const float *f32_row(const gemm_f32_args &a, int i, float &by) {
	int row = i < a.n ? i : 0;
	if (a.want && i < a.n) row = ((const int32_t *)a.want)[i];
	const float *x = (const float *)a.x + (int64_t)row * a.in;
	by = 1;
	if (a.norm) {
		float sum = 0;
		for (int k = 4 * (threadIdx.x & 3); k < a.in; k += 16) {
			float4 v = *(const float4 *)(x + k);
			sum = fmaf(v.x, v.x, fmaf(v.y, v.y, fmaf(v.z, v.z, fmaf(v.w, v.w, sum))));
		}
		sum += shfl_xor(sum, 1);
		sum += shfl_xor(sum, 2);
		by = rsqrt_exact(sum / (float)a.in + a.eps);
	}
	return x;
}

ORT_DEV float4 f32_gained(const gemm_f32_args &a, const float *x, int k, float by) {
	float4 v = k < a.in ? *(const float4 *)(x + k) : make_float4(0, 0, 0, 0);
	if (!a.norm) return v;
	float4 g = k < a.in ? *(const float4 *)((const float *)a.norm + k) : make_float4(0, 0, 0, 0);
	return make_float4(v.x * by * g.x, v.y * by * g.y, v.z * by * g.z, v.w * by * g.w);
}

ORT_DEV void f32_put(float *to, int stride, float4 v) {
	to[0] = v.x, to[4 * stride] = v.y, to[8 * stride] = v.z, to[12 * stride] = v.w;
}

// acc += 32 columns of K; w [32][136] and x [32][72] in shared memory.
ORT_DEV void f32_multiply(const float *w, const float *x, float acc[8][4]) {
#pragma unroll 4
	for (int k = 0; k < F32_K; k++) {
		float4 lo = *(const float4 *)(w + k * F32_W_STRIDE), hi = *(const float4 *)(w + k * F32_W_STRIDE + 64);
		float4 b = *(const float4 *)(x + k * F32_X_STRIDE);
		float m[8] = {lo.x, lo.y, lo.z, lo.w, hi.x, hi.y, hi.z, hi.w}, n[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
		for (int i = 0; i < 8; i++)
#pragma unroll
			for (int j = 0; j < 4; j++) acc[i][j] = fmaf(m[i], n[j], acc[i][j]);
	}
}

ORT_DEV void f32_write(const gemm_f32_args &a, int n, int m, float v) {
	if (n >= a.n || m >= a.m) return;
	float *y = (float *)a.y + (int64_t)n * a.stride + m;
	v *= a.gain;
	*y = a.mode == GEMM_ADD ? *y + v : a.mode == GEMM_SILU_MUL ? silu(*y) * v : v;
}

ORT_KERNEL(gemm_f32, gemm_f32_args, 256) {
	float *w = (float *)ort_shared(), *x = w + F32_K * F32_W_STRIDE;
	const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, g = lane >> 2, t = lane & 3;
	const int across = (a.n + F32_N - 1) / F32_N, n0 = (int)(blockIdx.x % across) * F32_N, m0 = (int)(blockIdx.x / across) * F32_M;
	const int k_tiles = (a.in + 255) / 256, row = threadIdx.x >> 2;
	const uint8_t *rows = (const uint8_t *)a.w + (int64_t)min(m0 / 16 + warp, (a.m + 15) / 16 - 1) * k_tiles * Packed<0>::tile;
	griddep_wait();
	griddep_launch();
	float by;
	const float *in = f32_row(a, n0 + row, by);
	float acc[8][4] = {};
	// Slot 4(4q+e)+t of a step holds column e of quad q of group t: 8 columns of each of four groups.
	for (int step = 0; step < 8 * k_tiles; step++) {
		const int h = step >> 2 & 1, quad = 2 * (step & 3);
		const uint8_t *tile = rows + (int64_t)(step >> 3) * Packed<0>::tile;
		float4 from_w[2][2], from_x[2];
#pragma unroll
		for (int q = 0; q < 2; q++) {
#pragma unroll
			for (int r = 0; r < 2; r++) from_w[r][q] = *(const float4 *)(tile + 4096 * (2 * h + r) + 512 * (quad + q) + 16 * lane);
			from_x[q] = f32_gained(a, in, 256 * (step >> 3) + 32 * (t + 4 * h) + 4 * (quad + q), by);
		}
		block_sync();
#pragma unroll
		for (int q = 0; q < 2; q++) {
#pragma unroll
			for (int r = 0; r < 2; r++) f32_put(w + (16 * q + t) * F32_W_STRIDE + 16 * warp + 8 * r + g, F32_W_STRIDE, from_w[r][q]);
			f32_put(x + (16 * q + t) * F32_X_STRIDE + row, F32_X_STRIDE, from_x[q]);
		}
		block_sync();
		f32_multiply(w + 4 * (threadIdx.x & 15), x + 4 * (threadIdx.x >> 4), acc);
	}
	for (int i = 0; i < 8; i++)
		for (int j = 0; j < 4; j++)
			f32_write(a, n0 + 4 * (int)(threadIdx.x >> 4) + j, m0 + 4 * (int)(threadIdx.x & 15) + (i & 3) + 16 * (i & 4), acc[i][j]);
}
