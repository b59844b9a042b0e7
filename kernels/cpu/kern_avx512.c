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
#define KTILES 16
#define VN 16
#define HAVE_PANEL_ROWS
#define HAVE_REDUCE16

typedef vf vn;

static inline vf half16(const void *p) { return (vf)_mm512_cvtph_ps(_mm256_loadu_si256(p)); }
static inline vf bf16x16(const void *p) {
	return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(p)), 16);
}
static inline vn halfn(const void *p) { return half16(p); }
static inline vn bf16n(const void *p) { return bf16x16(p); }
static inline void to_half16(void *p, vf v) {
	_mm256_storeu_si256(p, _mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT));
}
static inline vf from_u8(v16b b) { return (vf)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32((__m128i)b)); }
static inline vf from_s8(v16b b) { return (vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32((__m128i)b)); }
static inline float hsum(vf v) { return _mm512_reduce_add_ps((__m512)v); }
static inline float hmax(vf v) { return _mm512_reduce_max_ps((__m512)v); }
static inline v64 lut64(v64 c, const uint8_t *lut) {
	return (v64)_mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const void *)lut)), (__m512i)c);
}

#define INLINE static inline __attribute__((always_inline))

INLINE __m512i splat32(const uint8_t *p) {
	int32_t v;
	__builtin_memcpy(&v, p, 4);
	return _mm512_set1_epi32(v);
}

// One tile times mr rows. Four accumulating instructions per half tile, then the
// offset and scale; then the weight's scale and minimum.
INLINE void tile_mr(int mr, int group, int has_min, int has_off, __m512 off, const vu *q, const vf *ds, const vf *mn, const uint8_t *x, __m512 *a) {
	const float *d = (const float *)(x + 32 * mr), *f = d + 2 * mr;
	__m512 t[MR];
#pragma GCC unroll 2
	for (int h = 0; h < 2; h++) {
		__m512i s[MR];
#pragma GCC unroll 8
		for (int r = 0; r < mr; r++) s[r] = _mm512_setzero_si512();
#pragma GCC unroll 4
		for (int j = 4 * h; j < 4 * h + 4; j++)
#pragma GCC unroll 8
			for (int r = 0; r < mr; r++) s[r] = _mm512_dpbusd_epi32(s[r], (__m512i)q[j], splat32(x + 4 * mr * j + 4 * r));
#pragma GCC unroll 8
		for (int r = 0; r < mr; r++) {
			__m512 v = _mm512_cvtepi32_ps(s[r]), dr = _mm512_set1_ps(d[h * mr + r]), sum = _mm512_set1_ps(f[h * mr + r]);
			if (has_off) v = _mm512_fnmadd_ps(off, sum, v); // exact: integers below 2^24
			if (group == 32) {
				t[r] = h ? _mm512_fmadd_ps(v, dr, t[r]) : _mm512_mul_ps(v, dr);
				continue;
			}
			a[r] = _mm512_fmadd_ps((__m512)ds[h], _mm512_mul_ps(v, dr), a[r]);
			if (has_min) a[r] = _mm512_fnmadd_ps((__m512)mn[h], _mm512_mul_ps(sum, dr), a[r]);
		}
	}
	if (group == 16) return;
#pragma GCC unroll 8
	for (int r = 0; r < mr; r++) {
		a[r] = _mm512_fmadd_ps((__m512)ds[0], t[r], a[r]);
		if (has_min) a[r] = _mm512_fnmadd_ps((__m512)mn[0], _mm512_set1_ps(f[2 * mr + r]), a[r]);
	}
}

// n tiles times mr rows.
INLINE void dot_mr(int mr, int group, int has_min, int has_off, float off, const ort_tile *w, int n, const uint8_t *x, float *acc) {
	__m512 a[MR];
#pragma GCC unroll 8
	for (int r = 0; r < mr; r++) a[r] = _mm512_loadu_ps(acc + 16 * r);
	for (int i = 0; i < n; i++, w++, x += ORT_XTILE * mr)
		tile_mr(mr, group, has_min, has_off, _mm512_set1_ps(off), (const vu *)w->q, (const vf *)w->ds, (const vf *)w->mn, x, a);
#pragma GCC unroll 8
	for (int r = 0; r < mr; r++) _mm512_storeu_ps(acc + 16 * r, a[r]);
}

INLINE void dot_group(const ort_format *f, int group, int has_min, int has_off, int mr, const ort_tile *w, int n, const uint8_t *x, float *acc) {
	float off = (float)f->off;
	switch (mr) {
	case 1: dot_mr(1, group, has_min, has_off, off, w, n, x, acc); break;
	case 2: dot_mr(2, group, has_min, has_off, off, w, n, x, acc); break;
	case 3: dot_mr(3, group, has_min, has_off, off, w, n, x, acc); break;
	case 4: dot_mr(4, group, has_min, has_off, off, w, n, x, acc); break;
	case 5: dot_mr(5, group, has_min, has_off, off, w, n, x, acc); break;
	case 6: dot_mr(6, group, has_min, has_off, off, w, n, x, acc); break;
	case 7: dot_mr(7, group, has_min, has_off, off, w, n, x, acc); break;
	case 8: dot_mr(8, group, has_min, has_off, off, w, n, x, acc); break;
	}
}

static void avx512_dot(const ort_format *f, int mr, const ort_tile *w, int n, const uint8_t *x, float *acc) {
	if (f->group == 16) {
		if (f->has_min) dot_group(f, 16, 1, 0, mr, w, n, x, acc);
		else dot_group(f, 16, 0, 1, mr, w, n, x, acc);
	} else {
		if (f->has_min && f->off) dot_group(f, 32, 1, 1, mr, w, n, x, acc);
		else if (f->has_min) dot_group(f, 32, 1, 0, mr, w, n, x, acc);
		else dot_group(f, 32, 0, 1, mr, w, n, x, acc);
	}
}

static void avx512_panel_rows(const ort_format *f, int mr, const uint8_t *panel, int64_t in, const uint8_t *x, float *acc);

#include "kern.inc"

// How far ahead of use a panel is fetched into the first and, where not 0, into
// the second cache, in bytes. What serves depends on how a processor fetches by
// itself (BENCHMARKS.md): Intel's cores have few places for lines on their way into the first cache.
static int ahead1 = 8192, ahead2 = 0;

__attribute__((constructor)) static void set_ahead(void) {
	__builtin_cpu_init();
	if (!__builtin_cpu_is("intel")) return;
	ahead1 = 4096;
	ahead2 = 12288;
}

FORCE void fetch(const uint8_t *p, int n) {
	for (int b = 0; b < n; b += 64) _mm_prefetch((const char *)p + ahead1 + b, _MM_HINT_T0);
	if (ahead2)
		for (int b = 0; b < n; b += 64) _mm_prefetch((const char *)p + ahead2 + b, _MM_HINT_T1);
}

// The 6-bit scales and minima of all groups of a HEAD_K4 header, [8][16] each,
// as group_scale takes them apart one by one.
FORCE void k4_scales(const uint8_t *h, uint8_t *sc, uint8_t *mn) {
	const __m512i by = _mm512_set_epi32(4, 4, 4, 4, 0, 0, 0, 0, 4, 4, 4, 4, 0, 0, 0, 0);
	const __m512i low4 = _mm512_set1_epi8(15), low6 = _mm512_set1_epi8(63);
	__m512i both = _mm512_loadu_si512(h + 192);
#pragma GCC unroll 2
	for (int i = 0; i < 2; i++) {
		__m512i low = _mm512_loadu_si512(h + 64 + 64 * i);
		__m512i high = _mm512_srlv_epi32(_mm512_shuffle_i32x4(both, both, i ? 0xfa : 0x50), by); // a group's 4 bits lowest
		// Bits of the neighbouring byte that the shifts of words bring along are masked.
		_mm512_store_si512(sc + 64 * i, _mm512_and_si512(low6, _mm512_ternarylogic_epi32(low4, low, _mm512_slli_epi32(high, 4), 0xca)));
		_mm512_store_si512(mn + 64 * i, _mm512_and_si512(low6, _mm512_ternarylogic_epi32(low4, _mm512_srli_epi32(low, 4), _mm512_slli_epi32(high, 2), 0xca)));
	}
}

FORCE void panel_shape(shape s, int mr, const ort_format *f, const uint8_t *panel, int64_t in, const uint8_t *x, float *acc) {
	int tiles = shape_super(s) / 32, bytes = shape_header(s) + tiles * shape_tile(s), groups = 32 / shape_group(s);
	__m512 a[MR], off = _mm512_set1_ps((float)f->off);
	const uint8_t *lut = f->lut;
#pragma GCC unroll 4
	for (int r = 0; r < mr; r++) a[r] = _mm512_loadu_ps(acc + 16 * r);
	for (int64_t n = in / shape_super(s); n > 0; n--, panel += bytes) {
		vf d = super_scale(s, f, panel), m = super_min(s, panel);
		uint8_t sc[128] __attribute__((aligned(64))), mins[128] __attribute__((aligned(64)));
		if (s.head == HEAD_K4) k4_scales(panel, sc, mins);
		fetch(panel, shape_header(s));
		for (int t = 0; t < tiles; t++, x += ORT_XTILE * mr) {
			const uint8_t *p = panel + shape_header(s) + t * shape_tile(s);
			vu q[8];
			vf ds[2], mn[2];
			fetch(p, shape_tile(s));
			tile_codes(s, lut, p, q);
			if (s.head == HEAD_K4) {
				ds[0] = d * from_u8(bytes16(sc + 16 * t));
				mn[0] = m * from_u8(bytes16(mins + 16 * t));
			} else {
				for (int h = 0; h < groups; h++) group_scale(s, panel, d, m, t * groups + h, &ds[h], &mn[h]);
			}
			tile_mr(mr, shape_group(s), shape_min(s), !shape_min(s) || s.plane == PLANE_8, off, q, ds, mn, x, a);
		}
	}
#pragma GCC unroll 4
	for (int r = 0; r < mr; r++) _mm512_storeu_ps(acc + 16 * r, a[r]);
}

static void avx512_panel_rows(const ort_format *f, int mr, const uint8_t *panel, int64_t in, const uint8_t *x, float *acc) {
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

const ort_kernels *ort_kernels_avx512(void) {
	__builtin_cpu_init();
	int ok = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("fma");
	return ok ? &avx512_table : NULL;
}

#else

const ort_kernels *ort_kernels_avx512(void) { return NULL; }

#endif
