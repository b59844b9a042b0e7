// The portable kernels: any processor, no intrinsics.
#include "cpu.h"
#include "vector.h"

#define ISA(name) generic_##name
#define ISA_NAME "generic"
#define MR 4
#define VN 4

typedef float vn __attribute__((vector_size(16)));

static inline vn halfn(const void *p) {
	const uint8_t *b = p;
	vn v;
	for (int i = 0; i < VN; i++) v[i] = ort_half((uint16_t)(b[2 * i] | b[2 * i + 1] << 8));
	return v;
}

static inline vn bf16n(const void *p) {
	const uint8_t *b = p;
	union { uint32_t u[VN]; vn v; } w;
	for (int i = 0; i < VN; i++) w.u[i] = (uint32_t)b[2 * i] << 16 | (uint32_t)b[2 * i + 1] << 24;
	return w.v;
}

static inline vf half16(const void *p) {
	vf v;
	for (int i = 0; i < 16; i++) v[i] = ort_half((uint16_t)(((const uint8_t *)p)[2 * i] | ((const uint8_t *)p)[2 * i + 1] << 8));
	return v;
}

static inline vf bf16x16(const void *p) {
	vn n[16 / VN];
	vf v;
	for (int i = 0; i < 16 / VN; i++) n[i] = bf16n((const uint8_t *)p + 2 * VN * i);
	__builtin_memcpy(&v, n, sizeof v);
	return v;
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

static inline vn from_u8n(v16b b) { return (vn){b[0], b[1], b[2], b[3]}; }
static inline vn from_s8n(v16b b) { return (vn){(int8_t)b[0], (int8_t)b[1], (int8_t)b[2], (int8_t)b[3]}; }

typedef uint32_t words4 __attribute__((vector_size(16)));

static inline words4 lutn(words4 c, const uint8_t *lut) {
	union { words4 w; uint8_t b[16]; } v = {.w = c};
	for (int i = 0; i < 16; i++) v.b[i] = lut[v.b[i]];
	return v.w;
}

#include "kern.inc"

const ort_kernels *ort_kernels_generic(void) { return &generic_table; }
