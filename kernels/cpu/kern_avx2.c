// AVX2 with FMA: two registers of 8 rows; the dot products by vpmaddubsw, whose
// 16-bit sums cannot overflow for codes below 128 times |x| <= 127. Wider codes
// (offset 128) are made signed first and their sign moved to x.
#include "cpu.h"

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif
#include <immintrin.h>

#include "vector.h"

#define ISA(name) avx2_##name
#define ISA_NAME "avx2"
#define MR 4
#define VN 8
#define HAVE_DOT

typedef float vn __attribute__((vector_size(32)));

static inline vf join(__m256 lo, __m256 hi) {
	vf v;
	__builtin_memcpy(&v, &lo, 32);
	__builtin_memcpy((char *)&v + 32, &hi, 32);
	return v;
}

static inline vf half16(const void *p) {
	const __m128i *h = p;
	return join(_mm256_cvtph_ps(_mm_loadu_si128(h)), _mm256_cvtph_ps(_mm_loadu_si128(h + 1)));
}
static inline vf bf16x16(const void *p) {
	const __m128i *h = p;
	__m256i a = _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(h)), 16);
	__m256i b = _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(h + 1)), 16);
	return join(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b));
}
static inline vn halfn(const void *p) { return (vn)_mm256_cvtph_ps(_mm_loadu_si128(p)); }
static inline vn bf16n(const void *p) {
	return (vn)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(p)), 16);
}
static inline void to_half16(void *p, vf v) {
	__m256 half[2];
	__builtin_memcpy(half, &v, 64);
	for (int i = 0; i < 2; i++)
		_mm_storeu_si128((__m128i *)p + i, _mm256_cvtps_ph(half[i], _MM_FROUND_TO_NEAREST_INT));
}
static inline vf from_u8(v16b b) {
	__m128i x = (__m128i)b;
	return join(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(x)), _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(x, 8))));
}
static inline vf from_s8(v16b b) {
	__m128i x = (__m128i)b;
	return join(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(x)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(x, 8))));
}
static inline v64 lut64(v64 c, const uint8_t *lut) {
	__m256i t = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)lut)), half[2];
	__builtin_memcpy(half, &c, 64);
	for (int i = 0; i < 2; i++) half[i] = _mm256_shuffle_epi8(t, half[i]);
	__builtin_memcpy(&c, half, 64);
	return c;
}

#define INLINE static inline __attribute__((always_inline))

INLINE __m256i splat32(const uint8_t *p) {
	int32_t v;
	__builtin_memcpy(&v, p, 4);
	return _mm256_set1_epi32(v);
}

// Sums of four products of codes w and x in each of 8 lanes.
INLINE __m256i dot4(int wide, __m256i w, __m256i x) {
	if (wide) {
		w = _mm256_xor_si256(w, _mm256_set1_epi8((char)0x80)); // code - 128
		return _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w)), _mm256_set1_epi16(1));
	}
	return _mm256_madd_epi16(_mm256_maddubs_epi16(w, x), _mm256_set1_epi16(1));
}

// Rows 8*side..8*side+7 of n tiles times mr rows.
INLINE void dot_side(int mr, int group, int has_min, int wide, float off, int side, const ort_tile *w, int n, const uint8_t *x, float *acc) {
	__m256 a[MR], t[MR] = {_mm256_setzero_ps()}, voff = _mm256_set1_ps(off);
#pragma GCC unroll 4
	for (int r = 0; r < mr; r++) a[r] = _mm256_loadu_ps(acc + 16 * r + 8 * side);
	for (int i = 0; i < n; i++, w++, x += ORT_XTILE * mr) {
		const float *d = (const float *)(x + 32 * mr), *f = d + 2 * mr;
#pragma GCC unroll 2
		for (int h = 0; h < 2; h++) {
			__m256i s[MR];
#pragma GCC unroll 4
			for (int r = 0; r < mr; r++) s[r] = _mm256_setzero_si256();
#pragma GCC unroll 4
			for (int j = 4 * h; j < 4 * h + 4; j++) {
				__m256i q = _mm256_load_si256((const __m256i *)(w->q[j] + 32 * side));
#pragma GCC unroll 4
				for (int r = 0; r < mr; r++) s[r] = _mm256_add_epi32(s[r], dot4(wide, q, splat32(x + 4 * mr * j + 4 * r)));
			}
			__m256 ds = _mm256_load_ps(w->ds[h] + 8 * side), mn = _mm256_load_ps(w->mn[h] + 8 * side);
#pragma GCC unroll 4
			for (int r = 0; r < mr; r++) {
				__m256 v = _mm256_cvtepi32_ps(s[r]), dr = _mm256_set1_ps(d[h * mr + r]), sum = _mm256_set1_ps(f[h * mr + r]);
				if (!has_min && !wide) v = _mm256_fnmadd_ps(voff, sum, v); // exact: integers below 2^24
				if (group == 32) {
					t[r] = h ? _mm256_fmadd_ps(v, dr, t[r]) : _mm256_mul_ps(v, dr);
					continue;
				}
				a[r] = _mm256_fmadd_ps(ds, _mm256_mul_ps(v, dr), a[r]);
				if (has_min) a[r] = _mm256_fnmadd_ps(mn, _mm256_mul_ps(sum, dr), a[r]);
			}
		}
		if (group == 16) continue;
		__m256 ds = _mm256_load_ps(w->ds[0] + 8 * side), mn = _mm256_load_ps(w->mn[0] + 8 * side);
#pragma GCC unroll 4
		for (int r = 0; r < mr; r++) {
			a[r] = _mm256_fmadd_ps(ds, t[r], a[r]);
			if (has_min) a[r] = _mm256_fnmadd_ps(mn, _mm256_set1_ps(f[2 * mr + r]), a[r]);
		}
	}
#pragma GCC unroll 4
	for (int r = 0; r < mr; r++) _mm256_storeu_ps(acc + 16 * r + 8 * side, a[r]);
}

INLINE void dot_group(const ort_format *f, int group, int has_min, int wide, int mr, const ort_tile *w, int n, const uint8_t *x, float *acc) {
	float off = (float)f->off;
	for (int side = 0; side < 2; side++) switch (mr) {
	case 1: dot_side(1, group, has_min, wide, off, side, w, n, x, acc); break;
	case 2: dot_side(2, group, has_min, wide, off, side, w, n, x, acc); break;
	case 3: dot_side(3, group, has_min, wide, off, side, w, n, x, acc); break;
	case 4: dot_side(4, group, has_min, wide, off, side, w, n, x, acc); break;
	}
}

static void avx2_dot(const ort_format *f, int mr, const ort_tile *w, int n, const uint8_t *x, float *acc) {
	if (f->off == 128) dot_group(f, 32, 0, 1, mr, w, n, x, acc);
	else if (f->group == 16 && f->has_min) dot_group(f, 16, 1, 0, mr, w, n, x, acc);
	else if (f->group == 16) dot_group(f, 16, 0, 0, mr, w, n, x, acc);
	else if (f->has_min) dot_group(f, 32, 1, 0, mr, w, n, x, acc);
	else dot_group(f, 32, 0, 0, mr, w, n, x, acc);
}

#include "kern.inc"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const ort_kernels *ort_kernels_avx2(void) {
	__builtin_cpu_init();
	int ok = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
	return ok ? &avx2_table : NULL;
}

#else

const ort_kernels *ort_kernels_avx2(void) { return NULL; }

#endif
