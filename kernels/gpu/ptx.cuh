// All inline PTX and everything else that differs between nvcc and the
// emulator (emu/emu.h), which defines ORT_EMULATOR and the same names.
//
// Fragments of mma, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4 (PTX ISA, "Matrix fragments"):
//   m16n8k16, 16-bit: a[0] = A[g][2t..2t+1], a[1] = A[g+8][2t..], a[2] = A[g][2t+8..], a[3] = A[g+8][2t+8..]
//                     b[0] = B[2t..2t+1][g], b[1] = B[2t+8..][g]
//   m16n8k32, 8-bit:  a[0] = A[g][4t..4t+3], a[1] = A[g+8][4t..], a[2] = A[g][4t+16..], a[3] = A[g+8][4t+16..]
//                     b[0] = B[4t..4t+3][g], b[1] = B[4t+16..][g]
//   both:             d[0] = D[g][2t], d[1] = D[g][2t+1], d[2] = D[g+8][2t], d[3] = D[g+8][2t+1]
#pragma once

#ifdef ORT_EMULATOR
#include "emu.h"
#else

#include <stdint.h>

#define ORT_DEV static __device__ __forceinline__
#define ORT_METHOD __device__ __forceinline__ // of a structure

// ORT_KERNEL(name, Args, threads) defines a kernel of at most `threads` threads a block whose
// one argument is `a`, a structure Args. ORT_KERNEL_MIN also asks for blocks a multiprocessor.
#define ORT_KERNEL(name, Args, threads) \
	extern "C" __global__ void __launch_bounds__(threads) name(const __grid_constant__ Args a)
#define ORT_KERNEL_MIN(name, Args, threads, blocks) \
	extern "C" __global__ void __launch_bounds__(threads, blocks) name(const __grid_constant__ Args a)

// Dynamic shared memory of the block, aligned to 1024 bytes, as swizzled blocks want it.
ORT_DEV uint8_t *ort_shared() {
	extern __shared__ __align__(1024) uint8_t ort_shared_memory[];
	return ort_shared_memory;
}

// ---- the block and the warp

ORT_DEV void block_sync() { __syncthreads(); }
// Barrier id (1 to 15) among `threads` threads of the block, whole warps.
ORT_DEV void named_sync(int id, int threads) { asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
ORT_DEV void warp_sync() { __syncwarp(); }
ORT_DEV float shfl_xor(float v, int mask) { return __shfl_xor_sync(0xffffffffu, v, mask); }
ORT_DEV int shfl_xor(int v, int mask) { return __shfl_xor_sync(0xffffffffu, v, mask); }
ORT_DEV uint32_t shfl_xor(uint32_t v, int mask) { return __shfl_xor_sync(0xffffffffu, v, mask); }
ORT_DEV float shfl(float v, int lane) { return __shfl_sync(0xffffffffu, v, lane); }
ORT_DEV int shfl(int v, int lane) { return __shfl_sync(0xffffffffu, v, lane); }
ORT_DEV uint32_t shfl(uint32_t v, int lane) { return __shfl_sync(0xffffffffu, v, lane); }
ORT_DEV uint32_t warp_ballot(bool p) { return __ballot_sync(0xffffffffu, p); }

// ---- memory

// 16 bytes of what no launch writes, read once: past the first cache.
ORT_DEV uint4 ld_stream16(const void *p) {
	uint4 v;
	asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
	             : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
	return v;
}
// What other blocks of the same launch wrote (not from the first cache).
ORT_DEV float ld_cg(const float *p) { return __ldcg(p); }
ORT_DEV float4 ld_cg4(const void *p) { return __ldcg((const float4 *)p); }
// Loads 16, 8, 4 or 2 bytes (into the low half) past the first cache where i < n, and keeps what stands in r otherwise.
template <int bytes> ORT_DEV void ld_cg_below(uint32_t *r, const void *p, uint32_t i, uint32_t n) {
	if (bytes == 16)
		asm volatile("{ .reg .pred p; setp.lt.u32 p, %5, %6; @p ld.global.cg.v4.u32 {%0,%1,%2,%3}, [%4]; }"
		             : "+r"(r[0]), "+r"(r[1]), "+r"(r[2]), "+r"(r[3]) : "l"(p), "r"(i), "r"(n) : "memory");
	else if (bytes == 8)
		asm volatile("{ .reg .pred p; setp.lt.u32 p, %3, %4; @p ld.global.cg.v2.u32 {%0,%1}, [%2]; }"
		             : "+r"(r[0]), "+r"(r[1]) : "l"(p), "r"(i), "r"(n) : "memory");
	else if (bytes == 4)
		asm volatile("{ .reg .pred p; setp.lt.u32 p, %2, %3; @p ld.global.cg.u32 %0, [%1]; }" : "+r"(r[0]) : "l"(p), "r"(i), "r"(n) : "memory");
	else
		asm volatile("{ .reg .pred p; .reg .b16 h; mov.b32 {h, _}, %0; setp.lt.u32 p, %2, %3; @p ld.global.cg.u16 h, [%1]; mov.b32 %0, {h, 0}; }"
		             : "+r"(r[0]) : "l"(p), "r"(i), "r"(n) : "memory");
}
ORT_DEV void prefetch_l2(const void *p) { asm volatile("prefetch.global.L2 [%0];" ::"l"(p)); }

// 16 bytes from global to shared memory, asynchronously; both aligned to 16.
ORT_DEV void cp_async16(void *shared, const void *global) {
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"((uint32_t)__cvta_generic_to_shared(shared)), "l"(global) : "memory");
}
// The same, but zeros where ok is false; global is not read then.
ORT_DEV void cp_async16_or_zero(void *shared, const void *global, bool ok) {
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"((uint32_t)__cvta_generic_to_shared(shared)), "l"(global), "r"(ok ? 16 : 0) : "memory");
}
ORT_DEV void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until at most `pending` of this thread's committed groups are under way.
template <int pending> ORT_DEV void cp_async_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory"); }

// Adds 1 to *counter modulo `count` with a fence before and after, and returns whether this
// was the last of `count`, so that the counter is 0 again. For one thread of a block, between two block_sync().
ORT_DEV bool arrive_last(uint32_t *counter, uint32_t count) {
	uint32_t old;
	asm volatile("fence.acq_rel.gpu;\n\tatom.relaxed.gpu.global.inc.u32 %0, [%1], %2;\n\tfence.acq_rel.gpu;" : "=r"(old) : "l"(counter), "r"(count - 1) : "memory");
	return old == count - 1;
}
ORT_DEV uint32_t atomic_add(uint32_t *p, uint32_t v) { return atomicAdd(p, v); }
ORT_DEV void atomic_max(uint64_t *p, uint64_t v) { atomicMax((unsigned long long *)p, (unsigned long long)v); }
ORT_DEV void atomic_add_shared(uint32_t *p, uint32_t v) { atomicAdd(p, v); }
ORT_DEV void atomic_max_shared(uint32_t *p, uint32_t v) { atomicMax(p, v); }

// ---- programmatic dependent launch

ORT_DEV void griddep_wait() {
#if __CUDA_ARCH__ >= 900
	asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
ORT_DEV void griddep_launch() {
#if __CUDA_ARCH__ >= 900
	asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// ---- numbers

ORT_DEV float f16_to_f32(uint16_t h) { float f; asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h)); return f; }
ORT_DEV uint16_t f32_to_f16(float f) { uint16_t h; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f)); return h; }
ORT_DEV float bf16_to_f32(uint16_t h) { return __uint_as_float((uint32_t)h << 16); }
// lo is in the low half of the result. Rounded to nearest even.
ORT_DEV uint32_t f32x2_to_f16x2(float lo, float hi) { uint32_t v; asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(hi), "f"(lo)); return v; }
ORT_DEV uint32_t f32x2_to_bf16x2(float lo, float hi) { uint32_t v; asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(hi), "f"(lo)); return v; }
ORT_DEV uint16_t f32_to_bf16(float f) { return (uint16_t)f32x2_to_bf16x2(f, 0.f); }
ORT_DEV uint32_t h2_fma(uint32_t a, uint32_t b, uint32_t c) { uint32_t d; asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c)); return d; }
ORT_DEV uint32_t h2_mul(uint32_t a, uint32_t b) { uint32_t d; asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b)); return d; }
ORT_DEV uint32_t h2_sub(uint32_t a, uint32_t b) { uint32_t d; asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b)); return d; }
// E4M3 (no infinities, saturating) in the low and the next byte.
ORT_DEV uint16_t f32x2_to_e4m3x2(float lo, float hi) {
#if __CUDA_ARCH__ >= 890
	uint16_t v; asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(v) : "f"(hi), "f"(lo)); return v;
#else
	return 0; // fp8 needs compute capability 8.9: the launcher refuses it below
#endif
}
ORT_DEV uint32_t e4m3x2_to_f16x2(uint16_t v) {
#if __CUDA_ARCH__ >= 890
	uint32_t d; asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(d) : "h"(v)); return d;
#else
	return 0;
#endif
}
// Never contracted into a fused multiply-add, rounded to nearest.
ORT_DEV float add_rn(float x, float y) { return __fadd_rn(x, y); }
ORT_DEV float mul_rn(float x, float y) { return __fmul_rn(x, y); }
ORT_DEV float div_rn(float x, float y) { return __fdiv_rn(x, y); }
ORT_DEV double exp_f64(double x) { return exp(x); }
ORT_DEV float exp2_approx(float x) { float y; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
ORT_DEV float rcp_approx(float x) { float y; asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
ORT_DEV float rsqrt_exact(float x) { return 1.0f / __fsqrt_rn(x); }
ORT_DEV uint32_t f32_bits(float f) { return __float_as_uint(f); }
ORT_DEV float bits_f32(uint32_t u) { return __uint_as_float(u); }
ORT_DEV int popcount(uint32_t v) { return __popc(v); }
ORT_DEV int round_int(float x) { return __float2int_rn(x); }

// ---- integer products: sums of 4 products of bytes, plus c

ORT_DEV int dot4_ss(uint32_t a, uint32_t b, int c) { int d; asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c)); return d; }
ORT_DEV int dot4_us(uint32_t a, uint32_t b, int c) { int d; asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c)); return d; }
// (x & mask) | bits, (x & mask) ^ bits: one lop3 each
template <int lut> ORT_DEV uint32_t lop3(uint32_t a, uint32_t b, uint32_t c) { uint32_t d; asm("lop3.b32 %0, %1, %2, %3, %4;" : "=r"(d) : "r"(a), "r"(b), "r"(c), "n"(lut)); return d; }
ORT_DEV uint32_t and_or(uint32_t x, uint32_t mask, uint32_t bits) { return lop3<(0xf0 & 0xcc) | 0xaa>(x, mask, bits); }
// Bytes 0..3 of a and 4..7 of b, one for each nibble of the low half of selector; bit 3 of a nibble: the byte's sign in all its bits.
ORT_DEV uint32_t byte_perm(uint32_t a, uint32_t b, uint32_t selector) { uint32_t d; asm("prmt.b32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(selector)); return d; }

// ---- tensor cores

ORT_DEV void mma_f16(float d[4], const uint32_t a[4], const uint32_t b[2]) {
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
	             : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
ORT_DEV void mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2]) {
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
	             : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
ORT_DEV void mma_s8(int d[4], const uint32_t a[4], const uint32_t b[2]) {
	asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
	             : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
// Four 8x8 matrices of 16-bit values: lane l gives the address of row l%8 of matrix l/8 (16 bytes, aligned);
// r[i] receives of matrix i the pair [lane/4][2*(lane%4)..]; with trans that of the transposed matrix.
ORT_DEV void ldmatrix4(uint32_t r[4], const void *row) {
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"((uint32_t)__cvta_generic_to_shared(row)) : "memory");
}
ORT_DEV void ldmatrix4_trans(uint32_t r[4], const void *row) {
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"((uint32_t)__cvta_generic_to_shared(row)) : "memory");
}
ORT_DEV void ldmatrix2(uint32_t r[2], const void *row) {
	asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
	             : "=r"(r[0]), "=r"(r[1]) : "r"((uint32_t)__cvta_generic_to_shared(row)) : "memory");
}

// ---- bulk copies and barriers of sm_90 (below, callers use cp_async16)

// Whether they are there; known at compile time.
ORT_DEV constexpr bool has_bulk() {
#if __CUDA_ARCH__ >= 900
	return true;
#else
	return false;
#endif
}
// A barrier is 8 bytes of shared memory, aligned to 8.
ORT_DEV void mbar_init(uint64_t *bar, int arrivals) {
#if __CUDA_ARCH__ >= 900
	asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"((uint32_t)__cvta_generic_to_shared(bar)), "r"(arrivals) : "memory");
#endif
}
// Makes initialised barriers visible to the asynchronous copies.
ORT_DEV void mbar_fence_init() {
#if __CUDA_ARCH__ >= 900
	asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
}
ORT_DEV void mbar_arrive(uint64_t *bar) {
#if __CUDA_ARCH__ >= 900
	asm volatile("{ .reg .b64 t; mbarrier.arrive.shared.b64 t, [%0]; }" ::"r"((uint32_t)__cvta_generic_to_shared(bar)) : "memory");
#endif
}
// Arrives and announces bytes that bulk copies will bring.
ORT_DEV void mbar_arrive_expect(uint64_t *bar, uint32_t bytes) {
#if __CUDA_ARCH__ >= 900
	asm volatile("{ .reg .b64 t; mbarrier.arrive.expect_tx.shared.b64 t, [%0], %1; }" ::"r"((uint32_t)__cvta_generic_to_shared(bar)), "r"(bytes) : "memory");
#endif
}
// Waits until the phase of the given parity (0 first) has ended.
ORT_DEV void mbar_wait(uint64_t *bar, uint32_t parity) {
#if __CUDA_ARCH__ >= 900
	asm volatile("{ .reg .pred p; WAIT: mbarrier.try_wait.parity.shared.b64 p, [%0], %1; @p bra DONE; bra WAIT; DONE: }"
	             ::"r"((uint32_t)__cvta_generic_to_shared(bar)), "r"(parity) : "memory");
#endif
}
// bytes (a multiple of 16) from global to shared memory, both aligned to 16; completes on bar. One thread calls it.
ORT_DEV void bulk_load(void *shared, const void *global, uint32_t bytes, uint64_t *bar) {
#if __CUDA_ARCH__ >= 900
	asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
	             ::"r"((uint32_t)__cvta_generic_to_shared(shared)), "l"(global), "r"(bytes), "r"((uint32_t)__cvta_generic_to_shared(bar)) : "memory");
#endif
}

// Orders this thread's ordinary writes to shared memory before what asynchronous copies and warpgroup products do there once told (by a barrier).
ORT_DEV void async_fence_shared() {
#if __CUDA_ARCH__ >= 900
	asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

// gpu.TensorMap, within a kernel's arguments.
struct __align__(64) TensorMap { uint64_t opaque[16]; };
// Brings a tensor map near, ahead of its first use.
ORT_DEV void tensor_prefetch(const TensorMap *map) {
#if __CUDA_ARCH__ >= 900
	asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
#endif
}
// A box of a tensor map, its first value at column `col` of row `row`, to shared memory, aligned to 1024: rows of 128 bytes one after the
// other, in which the 16 bytes at place c of row r hold chunk c ^ (r % 8), zeros where the matrix ends. Completes on bar,
// with all the bytes of the box. One thread calls it.
ORT_DEV void tensor_load(void *shared, const TensorMap *map, int col, int row, uint64_t *bar) {
#if __CUDA_ARCH__ >= 900
	asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];"
	             ::"r"((uint32_t)__cvta_generic_to_shared(shared)), "l"(map), "r"(col), "r"(row), "r"((uint32_t)__cvta_generic_to_shared(bar)) : "memory");
#endif
}

// ---- warpgroup products of sm_90a (below, callers use mma)

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define ORT_WGMMA 1 // kernels that need them are compiled
#endif

// Descriptor of a matrix in shared memory, K-major with the 128-byte swizzle (PTX ISA, "Matrix
// descriptor"): rows of 128 bytes, 8 of them an atom of 1024 bytes in which the 16 bytes at place c of row r
// hold chunk c ^ r; atoms follow one another. p is where the rows start, aligned to 1024, plus
// 32 bytes for each step of 16 values of K.
ORT_DEV uint64_t wgmma_desc(const void *p) {
	uint64_t address = (uint32_t)__cvta_generic_to_shared(p);
	return (address & 0x3ffff) >> 4 | 1ull << 16 | (uint64_t)(1024 >> 4) << 32 | 1ull << 62;
}
// The same, N-major (across): a row of K is a row of 128 bytes, 64 values of N; 8 rows are an atom, 16 rows of K two of
// them, 1024 bytes apart. The next 64 values of N lie `next` bytes further on. p is aligned to 1024.
ORT_DEV uint64_t wgmma_desc_across(const void *p, uint32_t next) {
	uint64_t address = (uint32_t)__cvta_generic_to_shared(p);
	return (address & 0x3ffff) >> 4 | (uint64_t)(next >> 4) << 16 | (uint64_t)(1024 >> 4) << 32 | 1ull << 62;
}
// Orders the warp group's writes of registers before the products that read them.
ORT_DEV void wgmma_fence() {
#if __CUDA_ARCH_FEAT_SM90_ALL
	asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}
ORT_DEV void wgmma_commit() {
#if __CUDA_ARCH_FEAT_SM90_ALL
	asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}
// Waits until at most `pending` committed groups of the warp group are under way.
template <int pending> ORT_DEV void wgmma_wait() {
#if __CUDA_ARCH_FEAT_SM90_ALL
	asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
#endif
}
// N registers of an accumulator, and their numbers in the text of an instruction.
#define PTX_SUMS8(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define PTX_SUMS32(d, i) PTX_SUMS8(d, i), PTX_SUMS8(d, i + 8), PTX_SUMS8(d, i + 16), PTX_SUMS8(d, i + 24)
#define PTX_NUMBERS32 "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define PTX_NUMBERS64 PTX_NUMBERS32 ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define PTX_WGMMA64(type, across) \
	asm volatile("{ .reg .pred p; setp.ne.b32 p, %37, 0; wgmma.mma_async.sync.aligned.m64n64k16.f32." type " {" PTX_NUMBERS32 "}, {%32,%33,%34,%35}, %36, p, 1, 1, %38; }" \
	             : PTX_SUMS32(d, 0) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"((int)add), "n"((int)across))
#define PTX_WGMMA128(type, across) \
	asm volatile("{ .reg .pred p; setp.ne.b32 p, %69, 0; wgmma.mma_async.sync.aligned.m64n128k16.f32." type " {" PTX_NUMBERS64 "}, {%64,%65,%66,%67}, %68, p, 1, 1, %70; }" \
	             : PTX_SUMS32(d, 0), PTX_SUMS32(d, 32) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"((int)add), "n"((int)across))

// d (+)= A * B, asynchronously, for the four warps of a warp group: m64nNk16, N 64 or 128. Warp w % 4 holds of A (four registers) and d
// (N/2) the 16 rows from 16*(w % 4) in the fragments of m16n8k16 (d: N/8 of them side by side); B lies in shared memory, [N, 16] K-major
// (wgmma_desc) or, across, [16, N] N-major (wgmma_desc_across). Until wgmma_wait neither a nor d may be touched; without add, d is overwritten.
template <int n = 128, bool across = false> ORT_DEV void wgmma_f16(float *d, const uint32_t *a, uint64_t b, bool add) {
#if __CUDA_ARCH_FEAT_SM90_ALL
	static_assert(n == 64 || n == 128, "widths of products");
	if constexpr (n == 64) PTX_WGMMA64("f16.f16", across);
	else PTX_WGMMA128("f16.f16", across);
#endif
}
ORT_DEV void wgmma_bf16(float *d, const uint32_t *a, uint64_t b, bool add) {
#if __CUDA_ARCH_FEAT_SM90_ALL
	PTX_WGMMA128("bf16.bf16", 0);
#endif
}
// For the compiler, which does not know that a product goes on after its instruction: what was read or written before this stays before it,
// what comes after stays after it. Sums and registers of A pass through it after the wait for their products.
template <int n> ORT_DEV void wgmma_hold(float *d) {
#pragma unroll
	for (int i = 0; i < n; i++) asm volatile("" : "+f"(d[i])::"memory");
}
template <int n> ORT_DEV void wgmma_hold(uint32_t *a) {
#pragma unroll
	for (int i = 0; i < n; i++) asm volatile("" : "+r"(a[i])::"memory");
}

// ---- clusters of blocks of sm_90

ORT_DEV int cluster_rank() {
	uint32_t r = 0;
#if __CUDA_ARCH__ >= 900
	asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(r));
#endif
	return (int)r;
}
// A barrier of all threads of the cluster, which makes visible what each wrote to shared memory.
ORT_DEV void cluster_sync() {
#if __CUDA_ARCH__ >= 900
	asm volatile("barrier.cluster.arrive.release; barrier.cluster.wait.acquire;" ::: "memory");
#endif
}
// Arrives at the barrier that lies in block `rank` of the cluster where bar lies in this one.
ORT_DEV void mbar_arrive_cluster(uint64_t *bar, int rank) {
#if __CUDA_ARCH__ >= 900
	asm volatile("{ .reg .b32 at; mapa.shared::cluster.u32 at, %0, %1; mbarrier.arrive.release.cluster.shared::cluster.b64 _, [at]; }"
	             ::"r"((uint32_t)__cvta_generic_to_shared(bar)), "r"(rank) : "memory");
#endif
}
// bulk_load to the same place of every block of the cluster whose bit is in mask; completes on the barrier of each.
ORT_DEV void bulk_load_cluster(void *shared, const void *global, uint32_t bytes, uint64_t *bar, uint16_t mask) {
#if __CUDA_ARCH__ >= 900
	asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1], %2, [%3], %4;"
	             ::"r"((uint32_t)__cvta_generic_to_shared(shared)), "l"(global), "r"(bytes), "r"((uint32_t)__cvta_generic_to_shared(bar)), "h"(mask) : "memory");
#endif
}

// Registers of each thread of the warp group from here on; the block has, per thread, what its launch bounds leave.
template <int registers> ORT_DEV void more_registers() {
#if __CUDA_ARCH_FEAT_SM90_ALL
	asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(registers));
#endif
}
template <int registers> ORT_DEV void fewer_registers() {
#if __CUDA_ARCH_FEAT_SM90_ALL
	asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(registers));
#endif
}
// Asks for bytes (a multiple of 16, aligned to 16) to be brought into the second-level cache.
ORT_DEV void bulk_prefetch_l2(const void *global, uint32_t bytes) {
#if __CUDA_ARCH__ >= 900
	asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(global), "r"(bytes) : "memory");
#endif
}

#endif
