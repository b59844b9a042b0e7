// AVX2 with FMA: a panel is two sides of 8 rows, whose products share the loads
// of x. The dot products are by vpmaddubsw, whose 16-bit sums cannot overflow for
// codes below 128 times |x| <= 127; sums of narrow codes stay in 16 bits for some
// steps. Wider codes are made signed and their sign moved to x.
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
#define KTILES 64
#define VN 8
#define HAVE_PANEL_ROWS

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
static inline vn from_u8n(v16b b) { return (vn)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32((__m128i)b)); }
static inline vn from_s8n(v16b b) { return (vn)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32((__m128i)b)); }

typedef uint32_t words8 __attribute__((vector_size(32)));

static inline words8 lutn(words8 c, const uint8_t *lut) {
	__m256i t = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)lut));
	return (words8)_mm256_shuffle_epi8(t, (__m256i)c);
}

static void avx2_dot(const ort_format *f, int mr, const ort_tile *w, int n, const uint8_t *x, float *acc);
static void avx2_panel_rows(const ort_format *f, int mr, const uint8_t *panel, int64_t in, const uint8_t *x, float *acc);

#include "kern.inc"

FORCE __m256i splat32(const uint8_t *p) {
	int32_t v;
	memcpy(&v, p, 4);
	return _mm256_set1_epi32(v);
}

// Keeps the compiler from adding in another order, for which there are too few
// registers.
#define KEEP(v) __asm__("" : "+x"(v))

// s[r][side] = sums over 4 steps of codes times x for rows of each side and row r
// of mr. q[2*j + side] is step j, x is at the first step.
FORCE void sum_steps(product p, int mr, const vw *q, const uint8_t *x, __m256i (*s)[2]) {
	__m256i ones = _mm256_set1_epi16(1), high = _mm256_set1_epi8((char)0x80);
	int run = p.depth ? p.depth : 1;
#pragma GCC unroll 4
	for (int j = 0; j < 4; j++) {
		__m256i w[2] = {(__m256i)q[2 * j], (__m256i)q[2 * j + 1]}, v;
		if (!p.depth) { w[0] = _mm256_xor_si256(w[0], high); w[1] = _mm256_xor_si256(w[1], high); }
#pragma GCC unroll 4
		for (int r = 0; r < mr; r++) {
			__m256i xs = splat32(x + 4 * (mr * j + r));
#pragma GCC unroll 2
			for (int i = 0; i < 2; i++) {
				if (p.depth) v = _mm256_maddubs_epi16(w[i], xs);
				else v = _mm256_maddubs_epi16(_mm256_abs_epi8(w[i]), _mm256_sign_epi8(xs, w[i]));
				if (run == 1) v = _mm256_madd_epi16(v, ones);
				if (j == 0) s[r][i] = v;
				else s[r][i] = run == 4 ? _mm256_add_epi16(s[r][i], v) : _mm256_add_epi32(s[r][i], v);
				if (run == 4) KEEP(s[r][i]);
			}
		}
	}
	if (run == 4)
#pragma GCC unroll 4
		for (int r = 0; r < mr; r++)
#pragma GCC unroll 2
			for (int i = 0; i < 2; i++) s[r][i] = _mm256_madd_epi16(s[r][i], ones);
}

// The same for codes of which two steps fit in 16 bits.
FORCE void sum_pairs(int mr, const vw *q, const uint8_t *x, __m256i (*s)[2]) {
	__m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 2
	for (int j = 0; j < 4; j += 2)
#pragma GCC unroll 4
		for (int r = 0; r < mr; r++) {
			__m256i x0 = splat32(x + 4 * (mr * j + r)), x1 = splat32(x + 4 * (mr * (j + 1) + r));
#pragma GCC unroll 2
			for (int i = 0; i < 2; i++) {
				__m256i v = _mm256_add_epi16(_mm256_maddubs_epi16((__m256i)q[2 * j + i], x0), _mm256_maddubs_epi16((__m256i)q[2 * j + 2 + i], x1));
				v = _mm256_madd_epi16(v, ones);
				s[r][i] = j ? _mm256_add_epi32(s[r][i], v) : v;
			}
		}
}

// One tile times mr rows: a[r][side] += w · x. off is taken off where codes are
// unsigned and have no minimum, exactly: integers below 2^24. ds and mn are
// [half][side].
FORCE void tile_mr(product p, int mr, __m256 off, const vw *q, const vn *ds, const vn *mn, const uint8_t *x, __m256 (*a)[2]) {
	const float *d = (const float *)(x + 32 * mr), *f = d + 2 * mr;
	__m256 t[MR][2];
#pragma GCC unroll 2
	for (int h = 0; h < 2; h++) {
		__m256i s[MR][2];
		if (p.depth == 2) sum_pairs(mr, q + 8 * h, x + 16 * mr * h, s);
		else sum_steps(p, mr, q + 8 * h, x + 16 * mr * h, s);
#pragma GCC unroll 4
		for (int r = 0; r < mr; r++) {
			__m256 dr = _mm256_set1_ps(d[h * mr + r]), sum = _mm256_set1_ps(f[h * mr + r]);
#pragma GCC unroll 2
			for (int i = 0; i < 2; i++) {
				__m256 v = _mm256_cvtepi32_ps(s[r][i]);
				if (!p.has_min && p.depth) v = _mm256_fnmadd_ps(off, sum, v);
				if (p.group == 32) {
					t[r][i] = h ? _mm256_fmadd_ps(v, dr, t[r][i]) : _mm256_mul_ps(v, dr);
					continue;
				}
				a[r][i] = _mm256_fmadd_ps((__m256)ds[2 * h + i], _mm256_mul_ps(v, dr), a[r][i]);
				if (p.has_min) a[r][i] = _mm256_fnmadd_ps((__m256)mn[2 * h + i], _mm256_mul_ps(sum, dr), a[r][i]);
			}
		}
	}
	if (p.group == 16) return;
#pragma GCC unroll 4
	for (int r = 0; r < mr; r++)
#pragma GCC unroll 2
		for (int i = 0; i < 2; i++) {
			a[r][i] = _mm256_fmadd_ps((__m256)ds[i], t[r][i], a[r][i]);
			if (p.has_min) a[r][i] = _mm256_fnmadd_ps((__m256)mn[i], _mm256_set1_ps(f[2 * mr + r]), a[r][i]);
		}
}

// acc[mr][16] to and from registers.
FORCE void load_acc(int mr, const float *acc, __m256 (*a)[2]) {
#pragma GCC unroll 4
	for (int r = 0; r < mr; r++) { a[r][0] = _mm256_loadu_ps(acc + 16 * r); a[r][1] = _mm256_loadu_ps(acc + 16 * r + 8); }
}
FORCE void store_acc(int mr, float *acc, __m256 (*a)[2]) {
#pragma GCC unroll 4
	for (int r = 0; r < mr; r++) { _mm256_storeu_ps(acc + 16 * r, a[r][0]); _mm256_storeu_ps(acc + 16 * r + 8, a[r][1]); }
}

// ---- unpacked tiles ---------------------------------------------------

FORCE void dot_mr(product p, int mr, float off, const ort_tile *w, int n, const uint8_t *x, float *acc) {
	__m256 a[MR][2];
	load_acc(mr, acc, a);
	for (int i = 0; i < n; i++, w++, x += ORT_XTILE * mr)
		tile_mr(p, mr, _mm256_set1_ps(off), (const vw *)w->q, (const vn *)w->ds, (const vn *)w->mn, x, a);
	store_acc(mr, acc, a);
}

static void avx2_dot(const ort_format *f, int mr, const ort_tile *w, int n, const uint8_t *x, float *acc) {
	float off = (float)f->off;
#define DOT1(p) dot_mr(p, 1, off, w, n, x, acc)
#define DOT2(p) dot_mr(p, 2, off, w, n, x, acc)
#define DOT3(p) dot_mr(p, 3, off, w, n, x, acc)
#define DOT4(p) dot_mr(p, 4, off, w, n, x, acc)
	switch (mr) {
	case 1: PRODUCTS(f, DOT1) break;
	case 2: PRODUCTS(f, DOT2) break;
	case 3: PRODUCTS(f, DOT3) break;
	case 4: PRODUCTS(f, DOT4) break;
	}
}

// ---- packed panels ----------------------------------------------------

// How far ahead of use a panel is fetched, in bytes.
enum { AHEAD = 8192 };

// Tables are made signed, as their largest code is not a constant here; but that of E2M1 is 24.
FORCE int shape_signed(shape s) { return s.lut && s.head != HEAD_E16; }
FORCE product shape_product(shape s) {
	int most = s.plane == PLANE_41 ? 31 : s.plane == PLANE_42 ? 63 : s.plane == PLANE_8 ? 255 : s.head == HEAD_E16 ? 24 : 15;
	return (product){shape_group(s), shape_min(s), shape_signed(s) ? 0 : sum_depth(most)};
}

FORCE void panel_shape(shape s, int mr, const ort_format *f, const uint8_t *panel, int64_t in, const uint8_t *x, float *acc) {
	int tiles = shape_super(s) / 32, bytes = shape_header(s) + tiles * shape_tile(s), groups = 32 / shape_group(s);
	__m256 a[MR][2], off = _mm256_set1_ps((float)f->off);
	uint8_t lut[16];
	if (s.lut) for (int i = 0; i < 16; i++) lut[i] = shape_signed(s) ? (uint8_t)(f->lut[i] - f->off + 128) : f->lut[i];
	load_acc(mr, acc, a);
	for (int64_t n = in / shape_super(s); n > 0; n--, panel += bytes) {
		vn d[2], m[2];
		for (int i = 0; i < 2; i++) { d[i] = super_scale(s, f, panel + 16 * i); m[i] = super_min(s, panel + 16 * i); }
		for (int b = 0; b < shape_header(s); b += 64) _mm_prefetch((const char *)panel + AHEAD + b, _MM_HINT_T1);
		for (int t = 0; t < tiles; t++, x += ORT_XTILE * mr) {
			const uint8_t *p = panel + shape_header(s) + t * shape_tile(s);
			vw q[16], side[8];
			vn ds[4], mn[4];
			for (int b = 0; b < shape_tile(s); b += 64) _mm_prefetch((const char *)p + AHEAD + b, _MM_HINT_T1);
#pragma GCC unroll 2
			for (int i = 0; i < 2; i++) {
				tile_codes(s, lut, p + 32 * i, side);
#pragma GCC unroll 8
				for (int j = 0; j < 8; j++) q[2 * j + i] = side[j];
				for (int h = 0; h < groups; h++) group_scale(s, panel + 8 * i, d[i], m[i], t * groups + h, &ds[2 * h + i], &mn[2 * h + i]);
			}
			tile_mr(shape_product(s), mr, off, q, ds, mn, x, a);
		}
	}
	store_acc(mr, acc, a);
}

static void avx2_panel_rows(const ort_format *f, int mr, const uint8_t *panel, int64_t in, const uint8_t *x, float *acc) {
#define ROWS1(s) panel_shape(s, 1, f, panel, in, x, acc)
#define ROWS2(s) panel_shape(s, 2, f, panel, in, x, acc)
#define ROWS3(s) panel_shape(s, 3, f, panel, in, x, acc)
#define ROWS4(s) panel_shape(s, 4, f, panel, in, x, acc)
	switch (mr) {
	case 1: SHAPES(f, ROWS1) break;
	case 2: SHAPES(f, ROWS2) break;
	case 3: SHAPES(f, ROWS3) break;
	case 4: SHAPES(f, ROWS4) break;
	}
}

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
