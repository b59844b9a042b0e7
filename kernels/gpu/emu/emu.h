// The emulator's half of ptx.cuh: the same names on the host. A kernel is a function of
// its arguments that every thread of a block runs as a fiber (core.cc).
//
// It is stricter than hardware where hardware is undefined: copies that are under way become visible
// only to who waits for them, shared memory holds rubbish at first, a warp whose lanes part ways
// at a shuffle or a barrier is an error.
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__F16C__)
#include <immintrin.h>
#endif

// ---- what nvcc knows of itself

#define __device__
#define __host__
#define __global__
#define __forceinline__ inline
#define __align__(n) __attribute__((aligned(n)))
#define ORT_DEV static inline __attribute__((unused))
#define ORT_METHOD inline

struct alignas(8) uint2 { uint32_t x, y; };
struct alignas(8) int2 { int32_t x, y; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) uint4 { uint32_t x, y, z, w; };
struct alignas(16) int4 { int32_t x, y, z, w; };
struct alignas(16) float4 { float x, y, z, w; };
ORT_DEV uint2 make_uint2(uint32_t x, uint32_t y) { return {x, y}; }
ORT_DEV int2 make_int2(int32_t x, int32_t y) { return {x, y}; }
ORT_DEV float2 make_float2(float x, float y) { return {x, y}; }
ORT_DEV uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) { return {x, y, z, w}; }
ORT_DEV int4 make_int4(int32_t x, int32_t y, int32_t z, int32_t w) { return {x, y, z, w}; }
ORT_DEV float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
template <class T> ORT_DEV T min(T a, T b) { return b < a ? b : a; }
template <class T> ORT_DEV T max(T a, T b) { return a < b ? b : a; }
ORT_DEV float min(float a, float b) { return fminf(a, b); }
ORT_DEV float max(float a, float b) { return fmaxf(a, b); }

// ---- the core

struct ort_dim { uint32_t x, y, z; };

// What a kernel sees of itself; the running fiber's.
struct ort_thread {
	ort_dim thread, block, threads, blocks;
	uint8_t *shared;
	int major; // compute capability
};

// A kernel as the core finds it, in a section of its own.
struct ort_kernel {
	const char *name;
	void (*run)(const void *args);
	uint32_t args, threads, blocks; // bytes of its arguments, most threads of a block, blocks an SM asked for
};

enum ort_op : int {
	ORT_SYNC = 1, ORT_SHFL, ORT_SHFL_XOR, ORT_BALLOT, ORT_MMA_F16, ORT_MMA_BF16, ORT_MMA_S8, ORT_LDMATRIX4, ORT_LDMATRIX4_TRANS, ORT_LDMATRIX2,
	ORT_WGMMA_F16, ORT_WGMMA_BF16, ORT_WGMMA_COMMIT, ORT_WGMMA_WAIT,
};

// One lane's part of a warp's operation.
struct ort_lane {
	uint32_t in[8];
	uint32_t out[4];
	const void *row;
	float *sums; // of a product that is done later
};

extern "C" {
extern __thread ort_thread *ort_self __attribute__((tls_model("initial-exec")));
void ort_block_sync(int id, int threads); // threads 0: all
void ort_warp(ort_op op, ort_lane *l);
void ort_cp_async(void *shared, const void *global, int bytes);
void ort_cp_commit();
void ort_cp_wait(int pending);
void ort_mbar_init(uint64_t *bar, int arrivals);
void ort_mbar_arrive(uint64_t *bar, uint32_t bytes);
void ort_mbar_wait(uint64_t *bar, uint32_t parity);
void ort_bulk_load(void *shared, const void *global, uint32_t bytes, uint64_t *bar);
void ort_tensor_load(void *shared, const void *map, int col, int row, uint64_t *bar);
void ort_async_fence();
void ort_griddep_wait();
void ort_griddep_launch();
bool ort_arrive_last(uint32_t *counter, uint32_t count);
uint32_t ort_atomic_add(uint32_t *p, uint32_t v);
void ort_atomic_max(uint64_t *p, uint64_t v);
void ort_atomic_max32(uint32_t *p, uint32_t v);
}

#define threadIdx (ort_self->thread)
#define blockIdx (ort_self->block)
#define blockDim (ort_self->threads)
#define gridDim (ort_self->blocks)

#define ORT_KERNEL_MIN(name, Args, most, least)                                                    \
	extern "C" void name(const Args &a);                                                           \
	extern const ort_kernel name##_entry;                                                          \
	__attribute__((used, section("ort_kernels"))) const ort_kernel name##_entry = {                \
	    #name, (void (*)(const void *))name, sizeof(Args), most, least};                           \
	extern "C" void name(const Args &a)
#define ORT_KERNEL(name, Args, most) ORT_KERNEL_MIN(name, Args, most, 1)

ORT_DEV uint8_t *ort_shared() { return ort_self->shared; }

// ---- the block and the warp

ORT_DEV uint32_t f32_bits(float f) { uint32_t u; memcpy(&u, &f, 4); return u; }
ORT_DEV float bits_f32(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }

ORT_DEV void block_sync() { ort_block_sync(0, 0); }
ORT_DEV void named_sync(int id, int threads) { ort_block_sync(id, threads); }
ORT_DEV void warp_sync() { ort_lane l; ort_warp(ORT_SYNC, &l); }
ORT_DEV uint32_t shfl_xor(uint32_t v, int mask) { ort_lane l; l.in[0] = v; l.in[1] = (uint32_t)mask; ort_warp(ORT_SHFL_XOR, &l); return l.out[0]; }
ORT_DEV int shfl_xor(int v, int mask) { return (int)shfl_xor((uint32_t)v, mask); }
ORT_DEV float shfl_xor(float v, int mask) { return bits_f32(shfl_xor(f32_bits(v), mask)); }
ORT_DEV uint32_t shfl(uint32_t v, int lane) { ort_lane l; l.in[0] = v; l.in[1] = (uint32_t)lane; ort_warp(ORT_SHFL, &l); return l.out[0]; }
ORT_DEV int shfl(int v, int lane) { return (int)shfl((uint32_t)v, lane); }
ORT_DEV float shfl(float v, int lane) { return bits_f32(shfl(f32_bits(v), lane)); }
ORT_DEV uint32_t warp_ballot(bool p) { ort_lane l; l.in[0] = p; ort_warp(ORT_BALLOT, &l); return l.out[0]; }

// ---- memory

ORT_DEV uint4 ld_stream16(const void *p) { return *(const uint4 *)p; }
ORT_DEV float ld_cg(const float *p) { return *p; }
ORT_DEV float4 ld_cg4(const void *p) { return *(const float4 *)p; }
template <int bytes> ORT_DEV void ld_cg_below(uint32_t *r, const void *p, uint32_t i, uint32_t n) {
	if (i >= n) return;
	if (bytes == 16) { uint4 v = *(const uint4 *)p; r[0] = v.x, r[1] = v.y, r[2] = v.z, r[3] = v.w; }
	else if (bytes == 8) { uint2 v = *(const uint2 *)p; r[0] = v.x, r[1] = v.y; }
	else if (bytes == 4) r[0] = *(const uint32_t *)p;
	else r[0] = *(const uint16_t *)p;
}
ORT_DEV void prefetch_l2(const void *) {}

ORT_DEV void cp_async16(void *shared, const void *global) { ort_cp_async(shared, global, 16); }
ORT_DEV void cp_async16_or_zero(void *shared, const void *global, bool ok) { ort_cp_async(shared, global, ok ? 16 : 0); }
ORT_DEV void cp_async_commit() { ort_cp_commit(); }
template <int pending> ORT_DEV void cp_async_wait() { ort_cp_wait(pending); }

ORT_DEV bool arrive_last(uint32_t *counter, uint32_t count) { return ort_arrive_last(counter, count); }
ORT_DEV uint32_t atomic_add(uint32_t *p, uint32_t v) { return ort_atomic_add(p, v); }
ORT_DEV void atomic_max(uint64_t *p, uint64_t v) { ort_atomic_max(p, v); }
ORT_DEV void atomic_max_shared(uint32_t *p, uint32_t v) { ort_atomic_max32(p, v); }
ORT_DEV void atomic_add_shared(uint32_t *p, uint32_t v) { ort_atomic_add(p, v); }

ORT_DEV void griddep_wait() { ort_griddep_wait(); }
ORT_DEV void griddep_launch() { ort_griddep_launch(); }

// ---- numbers

ORT_DEV float ort_f16_to_f32(uint16_t h) {
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 0x3ff;
	if (e == 31) return bits_f32(sign | 0x7f800000 | m << 13 | (m ? 0x400000 : 0));
	if (e == 0) return bits_f32(sign | f32_bits((float)m * 0x1p-24f));
	return bits_f32(sign | (e + 112) << 23 | m << 13);
}
ORT_DEV uint16_t ort_f32_to_f16(float f) {
	uint32_t u = f32_bits(f), sign = u >> 16 & 0x8000, x = u & 0x7fffffff;
	if (x > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (x >> 13 & 0x3ff));
	if (x >= 0x477ff000) return (uint16_t)(sign | 0x7c00); // rounds beyond 65504
	if (x < 0x38800000) return (uint16_t)(sign | (uint32_t)rintf(bits_f32(x) * 0x1p24f));
	return (uint16_t)(sign | (((x + 0xfff + (x >> 13 & 1)) >> 13) - 0x1c000));
}
#if defined(__F16C__)
ORT_DEV float f16_to_f32(uint16_t h) { return _cvtsh_ss(h); }
ORT_DEV uint16_t f32_to_f16(float f) { return _cvtss_sh(f, 0); }
#else
ORT_DEV float f16_to_f32(uint16_t h) { return ort_f16_to_f32(h); }
ORT_DEV uint16_t f32_to_f16(float f) { return ort_f32_to_f16(f); }
#endif
ORT_DEV float bf16_to_f32(uint16_t h) { return bits_f32((uint32_t)h << 16); }
ORT_DEV uint16_t f32_to_bf16(float f) {
	uint32_t u = f32_bits(f);
	if ((u & 0x7fffffff) > 0x7f800000) return 0x7fff; // as cvt does
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
ORT_DEV uint32_t f32x2_to_f16x2(float lo, float hi) { return f32_to_f16(lo) | (uint32_t)f32_to_f16(hi) << 16; }
ORT_DEV uint32_t f32x2_to_bf16x2(float lo, float hi) { return f32_to_bf16(lo) | (uint32_t)f32_to_bf16(hi) << 16; }
// x rounded once: to odd first, so that the second rounding sees on which side of a tie it lies. (A
// product of halves plus a half is exact in float64 wherever that decides.)
ORT_DEV uint16_t ort_f16_round(double x) {
	float f = (float)x;
	if ((double)f != x) {
		uint32_t u = f32_bits(f) - (fabs((double)f) > fabs(x));
		f = bits_f32(u | 1);
	}
	return f32_to_f16(f);
}
ORT_DEV uint16_t ort_h_fma(uint16_t a, uint16_t b, uint16_t c) { return ort_f16_round((double)f16_to_f32(a) * f16_to_f32(b) + f16_to_f32(c)); }
ORT_DEV uint32_t h2_fma(uint32_t a, uint32_t b, uint32_t c) {
	return ort_h_fma((uint16_t)a, (uint16_t)b, (uint16_t)c) | (uint32_t)ort_h_fma((uint16_t)(a >> 16), (uint16_t)(b >> 16), (uint16_t)(c >> 16)) << 16;
}
ORT_DEV uint32_t h2_mul(uint32_t a, uint32_t b) {
	return f32x2_to_f16x2(f16_to_f32((uint16_t)a) * f16_to_f32((uint16_t)b), f16_to_f32((uint16_t)(a >> 16)) * f16_to_f32((uint16_t)(b >> 16)));
}
ORT_DEV uint32_t h2_sub(uint32_t a, uint32_t b) {
	return f32x2_to_f16x2(f16_to_f32((uint16_t)a) - f16_to_f32((uint16_t)b), f16_to_f32((uint16_t)(a >> 16)) - f16_to_f32((uint16_t)(b >> 16)));
}
ORT_DEV uint8_t ort_f32_to_e4m3(float f) {
	uint32_t u = f32_bits(f);
	uint8_t sign = (uint8_t)(u >> 24 & 0x80);
	float x = bits_f32(u & 0x7fffffff);
	if (x != x) return 0x7f;
	if (x >= 448.f) return (uint8_t)(sign | 0x7e);
	if (x < 0x1p-6f) return (uint8_t)(sign | (uint8_t)rintf(x * 0x1p9f)); // 8 is the least normal
	u = f32_bits(x);
	return (uint8_t)(sign | (((u + 0x7ffff + (u >> 20 & 1)) >> 20) - (120 << 3)));
}
ORT_DEV float ort_e4m3_to_f32(uint8_t v) {
	uint32_t sign = (uint32_t)(v & 0x80) << 24, e = v >> 3 & 15, m = v & 7;
	if ((v & 0x7f) == 0x7f) return bits_f32(0x7fc00000);
	if (e == 0) return bits_f32(sign | f32_bits((float)m * 0x1p-9f));
	return bits_f32(sign | (e + 120) << 23 | m << 20);
}
ORT_DEV uint16_t f32x2_to_e4m3x2(float lo, float hi) { return (uint16_t)(ort_f32_to_e4m3(lo) | ort_f32_to_e4m3(hi) << 8); }
ORT_DEV uint32_t e4m3x2_to_f16x2(uint16_t v) { return f32x2_to_f16x2(ort_e4m3_to_f32((uint8_t)v), ort_e4m3_to_f32((uint8_t)(v >> 8))); }
ORT_DEV float ort_ftz(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0.f, x) : x; }
ORT_DEV double exp_f64(double x) { return exp(x); }
ORT_DEV float exp2_approx(float x) { return ort_ftz(exp2f(ort_ftz(x))); }
ORT_DEV float rcp_approx(float x) { return ort_ftz(1.f / ort_ftz(x)); }
ORT_DEV float rsqrt_exact(float x) { return 1.f / sqrtf(x); }
// Rounded each for itself (the emulator fuses nothing by itself).
ORT_DEV float add_rn(float x, float y) { return x + y; }
ORT_DEV float mul_rn(float x, float y) { return x * y; }
ORT_DEV float div_rn(float x, float y) { return x / y; }
ORT_DEV int round_int(float x) { return x != x ? 0 : x >= 0x1p31f ? INT32_MAX : x < -0x1p31f ? INT32_MIN : (int)rintf(x); }

// ---- integer products

ORT_DEV int dot4_ss(uint32_t a, uint32_t b, int c) {
	for (int i = 0; i < 4; i++) c += (int8_t)(a >> 8 * i) * (int8_t)(b >> 8 * i);
	return c;
}
ORT_DEV int dot4_us(uint32_t a, uint32_t b, int c) {
	for (int i = 0; i < 4; i++) c += (uint8_t)(a >> 8 * i) * (int8_t)(b >> 8 * i);
	return c;
}
template <int lut> ORT_DEV uint32_t lop3(uint32_t a, uint32_t b, uint32_t c) {
	uint32_t d = 0;
	for (int i = 0; i < 8; i++)
		if (lut >> i & 1) d |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
	return d;
}
ORT_DEV uint32_t and_or(uint32_t x, uint32_t mask, uint32_t bits) { return (x & mask) | bits; }
ORT_DEV int popcount(uint32_t v) { return __builtin_popcount(v); }
ORT_DEV uint32_t byte_perm(uint32_t a, uint32_t b, uint32_t selector) {
	uint64_t all = (uint64_t)b << 32 | a;
	uint32_t d = 0;
	for (int i = 0; i < 4; i++) {
		uint32_t s = selector >> 4 * i & 15, v = (uint32_t)(all >> 8 * (s & 7)) & 0xff;
		if (s & 8) v = v & 0x80 ? 0xff : 0; // the sign, repeated
		d |= v << 8 * i;
	}
	return d;
}

// ---- tensor cores

ORT_DEV void ort_mma(ort_op op, void *d, const uint32_t a[4], const uint32_t b[2]) {
	ort_lane l;
	memcpy(l.in, a, 16);
	memcpy(l.in + 4, b, 8);
	memcpy(l.out, d, 16);
	ort_warp(op, &l);
	memcpy(d, l.out, 16);
}
ORT_DEV void mma_f16(float d[4], const uint32_t a[4], const uint32_t b[2]) { ort_mma(ORT_MMA_F16, d, a, b); }
ORT_DEV void mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2]) { ort_mma(ORT_MMA_BF16, d, a, b); }
ORT_DEV void mma_s8(int d[4], const uint32_t a[4], const uint32_t b[2]) { ort_mma(ORT_MMA_S8, d, a, b); }
ORT_DEV void ldmatrix4(uint32_t r[4], const void *row) { ort_lane l; l.row = row; ort_warp(ORT_LDMATRIX4, &l); memcpy(r, l.out, 16); }
ORT_DEV void ldmatrix4_trans(uint32_t r[4], const void *row) { ort_lane l; l.row = row; ort_warp(ORT_LDMATRIX4_TRANS, &l); memcpy(r, l.out, 16); }
ORT_DEV void ldmatrix2(uint32_t r[2], const void *row) { ort_lane l; l.row = row; ort_warp(ORT_LDMATRIX2, &l); memcpy(r, l.out, 8); }

// ---- bulk copies

ORT_DEV bool has_bulk() { return ort_self->major >= 9; }
ORT_DEV void mbar_init(uint64_t *bar, int arrivals) { ort_mbar_init(bar, arrivals); }
ORT_DEV void mbar_fence_init() {}
ORT_DEV void mbar_arrive(uint64_t *bar) { ort_mbar_arrive(bar, 0); }
ORT_DEV void mbar_arrive_expect(uint64_t *bar, uint32_t bytes) { ort_mbar_arrive(bar, bytes); }
ORT_DEV void mbar_wait(uint64_t *bar, uint32_t parity) { ort_mbar_wait(bar, parity); }
ORT_DEV void bulk_load(void *shared, const void *global, uint32_t bytes, uint64_t *bar) { ort_bulk_load(shared, global, bytes, bar); }
ORT_DEV void async_fence_shared() { ort_async_fence(); }

struct alignas(64) TensorMap { uint64_t opaque[16]; };
ORT_DEV void tensor_prefetch(const TensorMap *) {}
ORT_DEV void tensor_load(void *shared, const TensorMap *map, int col, int row, uint64_t *bar) { ort_tensor_load(shared, map, col, row, bar); }

// ---- warpgroup products: done when they are waited for, from what registers and shared memory hold then

#define ORT_WGMMA 1

ORT_DEV uint64_t wgmma_desc(const void *p) {
	uint64_t address = (uint64_t)((const uint8_t *)p - ort_self->shared);
	return (address & 0x3ffff) >> 4 | 1ull << 16 | (uint64_t)(1024 >> 4) << 32 | 1ull << 62;
}
ORT_DEV uint64_t wgmma_desc_across(const void *p, uint32_t next) {
	uint64_t address = (uint64_t)((const uint8_t *)p - ort_self->shared);
	return (address & 0x3ffff) >> 4 | (uint64_t)(next >> 4) << 16 | (uint64_t)(1024 >> 4) << 32 | 1ull << 62;
}
ORT_DEV void ort_wgmma(ort_op op, int n, bool across, float *d, const uint32_t *a, uint64_t b, bool add) {
	ort_lane l;
	l.in[0] = (uint32_t)b, l.in[1] = (uint32_t)(b >> 32), l.in[2] = add, l.in[3] = (uint32_t)n, l.in[4] = across;
	l.row = a, l.sums = d;
	ort_warp(op, &l);
}
template <int n = 128, bool across = false> ORT_DEV void wgmma_f16(float *d, const uint32_t *a, uint64_t b, bool add) { ort_wgmma(ORT_WGMMA_F16, n, across, d, a, b, add); }
ORT_DEV void wgmma_bf16(float *d, const uint32_t *a, uint64_t b, bool add) { ort_wgmma(ORT_WGMMA_BF16, 128, false, d, a, b, add); }
template <int n, class T> ORT_DEV void wgmma_hold(T *) {}
ORT_DEV void wgmma_fence() { warp_sync(); }
ORT_DEV void wgmma_commit() { ort_lane l; ort_warp(ORT_WGMMA_COMMIT, &l); }
template <int pending> ORT_DEV void wgmma_wait() { ort_lane l; l.in[0] = pending; ort_warp(ORT_WGMMA_WAIT, &l); }
template <int registers> ORT_DEV void more_registers() {}
template <int registers> ORT_DEV void fewer_registers() {}
ORT_DEV void bulk_prefetch_l2(const void *, uint32_t) {}

// ---- clusters: blocks run one by one here, so that a cluster is one block

ORT_DEV int cluster_rank() { return 0; }
ORT_DEV void cluster_sync() { block_sync(); }
ORT_DEV void mbar_arrive_cluster(uint64_t *bar, int) { mbar_arrive(bar); }
ORT_DEV void bulk_load_cluster(void *shared, const void *global, uint32_t bytes, uint64_t *bar, uint16_t) { bulk_load(shared, global, bytes, bar); }
