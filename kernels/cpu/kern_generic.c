// The portable kernels: any processor, no intrinsics, vectors of 16 bytes. The
// dot products are of 16-bit lanes, which every vector unit multiplies.
#include "cpu.h"
#include "vector.h"

#define ISA(name) generic_##name
#define ISA_NAME "generic"
#define MR 4
#define KTILES 16
#define VN 4

typedef float vn __attribute__((vector_size(16)));

typedef uint32_t words4 __attribute__((vector_size(16)));
typedef int32_t vi4 __attribute__((vector_size(16)));
typedef uint16_t words8 __attribute__((vector_size(16)));

// The first 4 of 8 or 16 values, widened with zeros.
#if __has_builtin(__builtin_shufflevector)
static inline words4 widen16(words8 h) {
	return (words4)__builtin_shufflevector(h, (words8){0}, 0, 8, 1, 9, 2, 10, 3, 11);
}
static inline words4 widen8(v16b b) {
	return widen16((words8)__builtin_shufflevector(b, (v16b){0}, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
}
#else
static inline words4 widen16(words8 h) { return (words4){h[0], h[1], h[2], h[3]}; }
static inline words4 widen8(v16b b) { return (words4){b[0], b[1], b[2], b[3]}; }
#endif

static inline words4 load16(const void *p) {
	words8 h = {0};
	__builtin_memcpy(&h, p, 8);
	return widen16(h);
}

// f16 to f32: the exponent is rebiased by a product, which holds for subnormals too.
static inline vn halfn(const void *p) {
	words4 h = load16(p), rest = (h & 0x7fff) << 13, big = (words4)(rest >= 0x0f800000u) & 0x7f800000u;
	return (vn)((words4)((vn)rest * 0x1p112f) | big | (h & 0x8000) << 16);
}

static inline vn bf16n(const void *p) { return (vn)(load16(p) << 16); }

static inline vf join(const vn *n) {
	vf v;
	__builtin_memcpy(&v, n, sizeof v);
	return v;
}

static inline vf half16(const void *p) {
	vn n[4];
	for (int i = 0; i < 4; i++) n[i] = halfn((const uint8_t *)p + 8 * i);
	return join(n);
}

static inline vf bf16x16(const void *p) {
	vn n[4];
	for (int i = 0; i < 4; i++) n[i] = bf16n((const uint8_t *)p + 8 * i);
	return join(n);
}

// f32 to f16, to nearest even; too large becomes infinity.
static inline uint16_t to_half(float x) {
	union { float f; uint32_t u; } v = {.f = x};
	uint32_t sign = v.u >> 16 & 0x8000, a = v.u & 0x7fffffff;
	if (a > 0x7f800000) return (uint16_t)(sign | 0x7e00);
	if (a >= 0x477ff000) return (uint16_t)(sign | 0x7c00);
	if (a < 0x38800000) { // subnormal: let the addition round
		union { float f; uint32_t u; } m = {.u = a};
		m.f += 0.5f;
		return (uint16_t)(sign | (m.u - 0x3f000000));
	}
	return (uint16_t)(sign | ((a - 0x38000000 + 0xfff + (a >> 13 & 1)) >> 13));
}

static inline void to_half16(void *p, vf v) {
	uint16_t *h = p;
	for (int i = 0; i < 16; i++) h[i] = to_half(v[i]);
}

static inline vf from_u8(v16b b) {
	vf v;
	for (int i = 0; i < 16; i++) v[i] = b[i];
	return v;
}

static inline vf from_s8(v16b b) {
	vf v;
	for (int i = 0; i < 16; i++) v[i] = (int8_t)b[i];
	return v;
}

static inline vn from_u8n(v16b b) { return __builtin_convertvector((vi4)widen8(b), vn); }
static inline vn from_s8n(v16b b) { return __builtin_convertvector((vi4)(widen8(b) << 24) >> 24, vn); }

static inline words4 lutn(words4 c, const uint8_t *lut) {
	uint64_t v[2], to[2] = {0, 0};
	__builtin_memcpy(v, &c, 16);
	for (int h = 0; h < 2; h++)
		for (int i = 0; i < 64; i += 8) to[h] |= (uint64_t)lut[v[h] >> i & 15] << i;
	__builtin_memcpy(&c, to, 16);
	return c;
}

static void generic_dot(const ort_format *f, int mr, const ort_tile *w, int n, const uint8_t *x, float *acc);

#include "kern.inc"

// Products of codes and x in 16 bits, two to a row of a side: columns 0 and 1 of
// a step add up in the lower lane, columns 2 and 3 in the upper.
typedef int16_t lanes __attribute__((vector_size(16)));

// The even columns of 4 steps and the odd ones.
FORCE lanes even(vw w) { return (lanes)(w & 0x00ff00ffu); }
FORCE lanes odd(vw w) { return (lanes)((words8)w >> 8); }

// One tile of x, each step of each row in all lanes, even columns and odd.
FORCE void spread(int mr, const uint8_t *x, lanes (*to)[2]) {
#pragma GCC unroll 8
	for (int c = 0; c < 2 * mr; c++) {
		lanes v = (lanes)wordsn(x + 16 * c);
		vi4 e = (vi4)((lanes)((words8)v << 8) >> 8), o = (vi4)(v >> 8);
#pragma GCC unroll 4
		for (int i = 0; i < 4; i++) {
			to[4 * c + i][0] = (lanes)(e[i] - (vi4){0});
			to[4 * c + i][1] = (lanes)(o[i] - (vi4){0});
		}
	}
}

FORCE vi4 add_pairs(lanes v) { return ((vi4)((vw)v << 16) >> 16) + ((vi4)v >> 16); }

// s[r] = sums over the 4 steps at w of codes times x for a side and row r of mr.
FORCE void sum_steps(product p, int mr, const uint8_t *w, lanes (*x)[2], vi4 *s) {
	lanes part[MR];
	int run = p.depth ? p.depth : 1;
#pragma GCC unroll 4
	for (int j = 0; j < 4; j++) {
		vw q = wordsn(w + 64 * j);
		lanes e = even(q), o = odd(q);
		if (!p.depth) { e -= 128; o -= 128; }
#pragma GCC unroll 4
		for (int r = 0; r < mr; r++) {
			lanes v = e * x[mr * j + r][0] + o * x[mr * j + r][1];
			part[r] = j % run ? part[r] + v : v;
			if (j % run != run - 1) continue;
			s[r] = j < run ? add_pairs(part[r]) : s[r] + add_pairs(part[r]);
		}
	}
}

// One side of a tile times mr rows: acc[r] += w · x. off is taken off where codes
// are unsigned and have no minimum, exactly: integers below 2^24.
FORCE void tile_side(product p, int mr, float off, int side, const ort_tile *w, lanes (*xs)[2], const float *d, float *acc) {
	const float *f = d + 2 * mr;
	vn t[MR], a[MR];
#pragma GCC unroll 4
	for (int r = 0; r < mr; r++) a[r] = loadn(acc + 16 * r + side);
#pragma GCC unroll 2
	for (int h = 0; h < 2; h++) {
		vi4 s[MR];
		sum_steps(p, mr, w->q[4 * h] + 4 * side, xs + 4 * mr * h, s);
#pragma GCC unroll 4
		for (int r = 0; r < mr; r++) {
			vn v = __builtin_convertvector(s[r], vn);
			float dr = d[h * mr + r], sum = f[h * mr + r];
			if (!p.has_min && p.depth) v = v - off * sum;
			v = v * dr;
			if (p.group == 32) {
				t[r] = h ? t[r] + v : v;
				continue;
			}
			a[r] = a[r] + loadn(w->ds[h] + side) * v;
			if (p.has_min) a[r] = a[r] - loadn(w->mn[h] + side) * (sum * dr);
		}
	}
#pragma GCC unroll 4
	for (int r = 0; r < mr; r++) {
		if (p.group == 32) a[r] = a[r] + loadn(w->ds[0] + side) * t[r];
		if (p.group == 32 && p.has_min) a[r] = a[r] - loadn(w->mn[0] + side) * f[2 * mr + r];
		storen(acc + 16 * r + side, a[r]);
	}
}

FORCE void dot_mr(product p, int mr, float off, const ort_tile *w, int n, const uint8_t *x, float *acc) {
	lanes xs[8 * MR][2];
	for (int i = 0; i < n; i++, w++, x += ORT_XTILE * mr) {
		spread(mr, x, xs);
#pragma GCC unroll 1
		for (int side = 0; side < 16; side += VN) tile_side(p, mr, off, side, w, xs, (const float *)(x + 32 * mr), acc);
	}
}

static void generic_dot(const ort_format *f, int mr, const ort_tile *w, int n, const uint8_t *x, float *acc) {
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

const ort_kernels *ort_kernels_generic(void) { return &generic_table; }
