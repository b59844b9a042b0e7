// AVX-512 with VNNI: 16 rows to a register, vpdpbusd for the dot products.
#include "cpu.h"

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,fma,f16c,avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c,avx2,prefer-vector-width=512")
#endif
#include <immintrin.h>

#include "vector.h"

#define ISA(name) avx512_##name
#define ISA_NAME "avx512-vnni"
#define MR 8
#define HAVE_DOT
#define HAVE_PANEL_ROW
#define HAVE_REDUCE16

static inline vf half16(const void *p) { return (vf)_mm512_cvtph_ps(_mm256_loadu_si256(p)); }
static inline vf bf16x16(const void *p) {
	return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(p)), 16);
}
static inline void to_half16(void *p, vf v) {
	_mm256_storeu_si256(p, _mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT));
}
static inline vf from_u8(v16b b) { return (vf)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32((__m128i)b)); }
static inline vf from_s8(v16b b) { return (vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32((__m128i)b)); }
static inline v64 lut64(v64 c, const uint8_t *lut) {
	return (v64)_mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const void *)lut)), (__m512i)c);
}

#define INLINE static inline __attribute__((always_inline))

INLINE __m512i splat32(const uint8_t *p) {
	int32_t v;
	__builtin_memcpy(&v, p, 4);
	return _mm512_set1_epi32(v);
}

// n tiles times mr rows. Four accumulating instructions per half tile, then the
// half's scale; per tile the offset or the minimum, then the weight's scale.
INLINE void dot_mr(int mr, int group, int has_min, float off, const ort_tile *w, int n, const uint8_t *x, float *acc) {
	__m512 a[MR], t[MR];
	__m512i s[MR];
#pragma GCC unroll 8
	for (int r = 0; r < mr; r++) a[r] = _mm512_loadu_ps(acc + 16 * r);
	__m512 voff = _mm512_set1_ps(off);
	for (int i = 0; i < n; i++, w++, x += ORT_XTILE * mr) {
		const float *d = (const float *)(x + 32 * mr), *f = d + 2 * mr;
#pragma GCC unroll 2
		for (int h = 0; h < 2; h++) {
#pragma GCC unroll 8
			for (int r = 0; r < mr; r++) s[r] = _mm512_setzero_si512();
#pragma GCC unroll 4
			for (int j = 4 * h; j < 4 * h + 4; j++) {
				__m512i q = _mm512_load_si512(w->q[j]);
#pragma GCC unroll 8
				for (int r = 0; r < mr; r++) s[r] = _mm512_dpbusd_epi32(s[r], q, splat32(x + 4 * mr * j + 4 * r));
			}
			if (group == 16) {
				__m512 ds = _mm512_load_ps(w->ds[h]), mn = _mm512_load_ps(w->mn[h]);
#pragma GCC unroll 8
				for (int r = 0; r < mr; r++) {
					__m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(s[r]), _mm512_set1_ps(d[h * mr + r]));
					if (!has_min) v = _mm512_fnmadd_ps(voff, _mm512_set1_ps(f[h * mr + r]), v);
					a[r] = _mm512_fmadd_ps(ds, v, a[r]);
					if (has_min) a[r] = _mm512_fnmadd_ps(mn, _mm512_set1_ps(f[h * mr + r]), a[r]);
				}
			} else {
#pragma GCC unroll 8
				for (int r = 0; r < mr; r++) {
					__m512 v = _mm512_cvtepi32_ps(s[r]), dr = _mm512_set1_ps(d[h * mr + r]);
					t[r] = h ? _mm512_fmadd_ps(v, dr, t[r]) : _mm512_mul_ps(v, dr);
				}
			}
		}
		if (group == 32) {
			__m512 ds = _mm512_load_ps(w->ds[0]), mn = _mm512_load_ps(w->mn[0]);
#pragma GCC unroll 8
			for (int r = 0; r < mr; r++) {
				__m512 fr = _mm512_set1_ps(f[2 * mr + r]);
				if (!has_min) t[r] = _mm512_fnmadd_ps(voff, fr, t[r]);
				a[r] = _mm512_fmadd_ps(ds, t[r], a[r]);
				if (has_min) a[r] = _mm512_fnmadd_ps(mn, fr, a[r]);
			}
		}
	}
#pragma GCC unroll 8
	for (int r = 0; r < mr; r++) _mm512_storeu_ps(acc + 16 * r, a[r]);
}

INLINE void dot_group(const ort_format *f, int group, int has_min, int mr, const ort_tile *w, int n, const uint8_t *x, float *acc) {
	float off = (float)f->off;
	switch (mr) {
	case 1: dot_mr(1, group, has_min, off, w, n, x, acc); break;
	case 2: dot_mr(2, group, has_min, off, w, n, x, acc); break;
	case 3: dot_mr(3, group, has_min, off, w, n, x, acc); break;
	case 4: dot_mr(4, group, has_min, off, w, n, x, acc); break;
	case 5: dot_mr(5, group, has_min, off, w, n, x, acc); break;
	case 6: dot_mr(6, group, has_min, off, w, n, x, acc); break;
	case 7: dot_mr(7, group, has_min, off, w, n, x, acc); break;
	case 8: dot_mr(8, group, has_min, off, w, n, x, acc); break;
	}
}

static void avx512_dot(const ort_format *f, int mr, const ort_tile *w, int n, const uint8_t *x, float *acc) {
	if (f->group == 16) {
		if (f->has_min) dot_group(f, 16, 1, mr, w, n, x, acc);
		else dot_group(f, 16, 0, mr, w, n, x, acc);
	} else {
		if (f->has_min) dot_group(f, 32, 1, mr, w, n, x, acc);
		else dot_group(f, 32, 0, mr, w, n, x, acc);
	}
}

static void avx512_panel_row(const ort_format *f, const uint8_t *panel, int64_t in, const uint8_t *x, float *acc);

#include "kern.inc"

// How far ahead of use a panel is fetched, in bytes.
enum { AHEAD = 4096 };

static void avx512_panel_row(const ort_format *f, const uint8_t *panel, int64_t in, const uint8_t *x, float *acc) {
	ort_tile t[8];
	int tiles = f->super / 32;
	int64_t bytes = f->header + tiles * f->tile;
	for (int64_t s = 0; s < in / f->super; s++, panel += bytes, x += ORT_XTILE * tiles) {
		for (int64_t b = 0; b < bytes; b += 64) _mm_prefetch((const char *)panel + AHEAD + b, _MM_HINT_T0);
		avx512_unpack(f, panel, t);
		avx512_dot(f, 1, t, tiles, x, acc);
	}
}

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const ort_kernels *ort_kernels_avx512(void) {
	__builtin_cpu_init();
	int ok = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("fma");
	return ok ? &avx512_table : NULL;
}

#else

const ort_kernels *ort_kernels_avx512(void) { return NULL; }

#endif
