// The packed weight formats and the packing of GGUF blocks into them.
#include <string.h>

#include "cpu.h"

// Codes of the table formats, offset so that they are unsigned.
// IQ4: level + 128 (off 128). IQ3, IQ2: off + level, bit 3 or 2 of the packed
// code negates. IQ1: 8*level ± 1 + 9, bit 2 for the negative offset.
static const uint8_t lut_iq4[16] = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};
static const uint8_t lut_iq3xxs[16] = {66, 74, 82, 90, 98, 106, 114, 124, 58, 50, 42, 34, 26, 18, 10, 0};
static const uint8_t lut_iq3s[16] = {16, 18, 20, 22, 24, 26, 28, 30, 14, 12, 10, 8, 6, 4, 2, 0};
static const uint8_t lut_iq2[16] = {51, 68, 86, 0, 35, 18, 0, 0};
static const uint8_t lut_iq1[16] = {2, 10, 18, 0, 0, 8, 16, 0};
// E2M1: twice the value + 12 (off 12).
static const uint8_t lut_e2m1[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};

//  type plane head super block header tile off min group dmul lut
static const ort_format formats[] = {
	{0, PLANE_FLOAT, HEAD_NONE, 1, 4, 0, 0, 0, 0, 0, 1, NULL},          // F32
	{1, PLANE_FLOAT, HEAD_NONE, 1, 2, 0, 0, 0, 0, 0, 1, NULL},          // F16
	{30, PLANE_FLOAT, HEAD_NONE, 1, 2, 0, 0, 0, 0, 0, 1, NULL},         // BF16
	{2, PLANE_4, HEAD_D, 32, 18, 32, 256, 8, 0, 32, 1, NULL},           // Q4_0
	{3, PLANE_4, HEAD_DM, 32, 20, 64, 256, 0, 1, 32, 1, NULL},          // Q4_1
	{6, PLANE_41, HEAD_D, 32, 22, 32, 320, 16, 0, 32, 1, NULL},         // Q5_0
	{7, PLANE_41, HEAD_DM, 32, 24, 64, 320, 0, 1, 32, 1, NULL},         // Q5_1
	{8, PLANE_8, HEAD_D, 32, 34, 32, 512, 128, 0, 32, 1, NULL},         // Q8_0
	{10, PLANE_2, HEAD_Q2, 256, 84, 320, 128, 0, 1, 16, 1, NULL},       // Q2_K
	{11, PLANE_21, HEAD_S16, 256, 110, 288, 192, 4, 0, 16, 1, NULL},    // Q3_K
	{12, PLANE_4, HEAD_K4, 256, 144, 256, 256, 0, 1, 32, 1, NULL},      // Q4_K
	{13, PLANE_41, HEAD_K4, 256, 176, 256, 320, 0, 1, 32, 1, NULL},     // Q5_K
	{14, PLANE_42, HEAD_S16, 256, 210, 288, 384, 32, 0, 16, 1, NULL},   // Q6_K
	{16, PLANE_21, HEAD_S32, 256, 66, 160, 192, 43, 0, 32, 0.125f, lut_iq2},   // IQ2_XXS
	{17, PLANE_21, HEAD_S16, 256, 74, 288, 192, 43, 0, 16, 0.125f, lut_iq2},   // IQ2_XS
	{22, PLANE_21, HEAD_S16, 256, 82, 288, 192, 43, 0, 16, 0.125f, lut_iq2},   // IQ2_S
	{18, PLANE_4, HEAD_S32, 256, 98, 160, 256, 62, 0, 32, 0.25f, lut_iq3xxs},  // IQ3_XXS
	{21, PLANE_4, HEAD_S32, 256, 110, 160, 256, 15, 0, 32, 1, lut_iq3s},       // IQ3_S
	{19, PLANE_21, HEAD_S32, 256, 50, 160, 192, 9, 0, 32, 0.125f, lut_iq1},    // IQ1_S
	{29, PLANE_21, HEAD_S16, 256, 56, 288, 192, 9, 0, 16, 0.125f, lut_iq1},    // IQ1_M
	{20, PLANE_4, HEAD_D, 32, 18, 32, 256, 128, 0, 32, 1, lut_iq4},            // IQ4_NL
	{23, PLANE_4, HEAD_S32, 256, 136, 160, 256, 128, 0, 32, 1, lut_iq4},       // IQ4_XS
	{40, PLANE_4, HEAD_E16, 64, 36, 64, 256, 12, 0, 16, 0.5f, lut_e2m1},       // NVFP4
	{200, PLANE_4, HEAD_DZ, 32, 19, 48, 256, 0, 1, 32, 1, NULL},               // Int4
	{201, PLANE_8, HEAD_DZ, 32, 35, 48, 512, 128, 1, 32, 1, NULL},             // Int8: codes and zeros less 128
};

const ort_format *ort_find_format(int type) {
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (formats[i].type == type) return &formats[i];
	return NULL;
}

int64_t ort_panel_bytes(const ort_format *f, int64_t in) {
	if (f->plane == PLANE_FLOAT) return in * f->block * ORT_ROWS;
	return in / f->super * (f->header + f->super / 32 * f->tile);
}

// One super of one row, decoded.
typedef struct {
	uint8_t q[256]; // codes as they go into the planes
	uint16_t d, m;  // f16
	uint8_t sc[16], mn[16];
} row_super;

static uint16_t u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t u32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }

static void decode_q4(row_super *o, const uint8_t *qs) {
	for (int l = 0; l < 16; l++) { o->q[l] = qs[l] & 15; o->q[l + 16] = qs[l] >> 4; }
}

static void add_fifth(row_super *o, uint32_t qh) {
	for (int l = 0; l < 32; l++) o->q[l] |= (uint8_t)((qh >> l & 1) << 4);
}

// 6-bit scales and mins of Q4_K and Q5_K.
static void decode_scales_k4(row_super *o, const uint8_t *s) {
	for (int j = 0; j < 4; j++) {
		o->sc[j] = s[j] & 63;
		o->mn[j] = s[j + 4] & 63;
		o->sc[j + 4] = (uint8_t)((s[j + 8] & 15) | (s[j] >> 6) << 4);
		o->mn[j + 4] = (uint8_t)((s[j + 8] >> 4) | (s[j + 4] >> 6) << 4);
	}
}

static void decode_nibbles_k(row_super *o, const uint8_t *qs) {
	for (int c = 0; c < 4; c++)
		for (int l = 0; l < 32; l++) {
			o->q[64 * c + l] = qs[32 * c + l] & 15;
			o->q[64 * c + 32 + l] = qs[32 * c + l] >> 4;
		}
}

static void decode_q2(row_super *o, const uint8_t *qs) {
	for (int h = 0; h < 2; h++)
		for (int j = 0; j < 4; j++)
			for (int l = 0; l < 32; l++) o->q[128 * h + 32 * j + l] = qs[32 * h + l] >> (2 * j) & 3;
}

static void decode_q3k(row_super *o, const uint8_t *b) {
	const uint8_t *hm = b, *s = b + 96;
	decode_q2(o, b + 32);
	for (int g = 0; g < 8; g++)
		for (int l = 0; l < 32; l++) o->q[32 * g + l] |= (uint8_t)((hm[l] >> g & 1) << 2);
	for (int j = 0; j < 16; j++) {
		int low = j < 8 ? s[j] & 15 : s[j - 8] >> 4;
		int high = s[8 + j % 4] >> (2 * (j / 4)) & 3;
		o->sc[j] = (uint8_t)((low | high << 4) - 32);
	}
	o->d = u16(b + 108);
}

static void decode_q6k(row_super *o, const uint8_t *b) {
	const uint8_t *ql = b, *qh = b + 128;
	for (int h = 0; h < 2; h++, ql += 64, qh += 32)
		for (int l = 0; l < 32; l++) {
			uint8_t *q = o->q + 128 * h + l, x = qh[l];
			q[0] = (uint8_t)((ql[l] & 15) | (x & 3) << 4);
			q[32] = (uint8_t)((ql[l + 32] & 15) | (x >> 2 & 3) << 4);
			q[64] = (uint8_t)(ql[l] >> 4 | (x >> 4 & 3) << 4);
			q[96] = (uint8_t)(ql[l + 32] >> 4 | x >> 6 << 4);
		}
	memcpy(o->sc, b + 192, 16);
	o->d = u16(b + 208);
}

static unsigned parity_signs(unsigned i) { return (i & 127) | (unsigned)__builtin_parity(i & 127) << 7; }

// 8 codes from a point of IQ2 (levels 8, 25, 43), sign in bit 2.
static void point2(uint8_t *q, const int8_t *p, unsigned signs) {
	for (int j = 0; j < 8; j++) q[j] = (uint8_t)(p[j] >> 4 | (signs >> j & 1) << 2);
}

// 4 codes from a point of IQ3, sign in bit 3.
static void point3(uint8_t *q, const int8_t *p, unsigned signs, int shift) {
	for (int j = 0; j < 4; j++) q[j] = (uint8_t)(p[j] >> shift | (signs >> j & 1) << 3);
}

static void point1(uint8_t *q, const int8_t *p, unsigned negative) {
	for (int j = 0; j < 8; j++) q[j] = (uint8_t)((p[j] + 1) | negative << 2);
}

static unsigned nib(const uint8_t *p, int i) { return p[i / 2] >> (4 * (i & 1)) & 15; }

static void decode_iq2(row_super *o, int type, const uint8_t *b, const int8_t *book) {
	o->d = u16(b);
	for (int i = 0; i < 32; i++) {
		unsigned at, signs;
		if (type == 16) {
			uint32_t w = u32(b + 2 + 8 * (i / 4) + 4);
			at = b[2 + 8 * (i / 4) + i % 4];
			signs = parity_signs(w >> (7 * (i % 4)));
			o->sc[i / 4] = (uint8_t)(2 * (w >> 28) + 1);
		} else if (type == 17) {
			unsigned v = u16(b + 2 + 2 * i);
			at = v & 511;
			signs = parity_signs(v >> 9);
			o->sc[i / 2] = (uint8_t)(2 * nib(b + 66, i / 2) + 1);
		} else {
			at = b[2 + i] | (unsigned)(b[66 + i / 4] >> (i % 4 * 2) & 3) << 8;
			signs = b[34 + i];
			o->sc[i / 2] = (uint8_t)(2 * nib(b + 74, i / 2) + 1);
		}
		point2(o->q + 8 * i, book + 8 * at, signs);
	}
}

static void decode_iq3(row_super *o, int type, const uint8_t *b, const int8_t *book) {
	o->d = u16(b);
	for (int i = 0; i < 64; i++) {
		if (type == 18) {
			uint32_t w = u32(b + 66 + 4 * (i / 8));
			o->sc[i / 8] = (uint8_t)(2 * (w >> 28) + 1);
			point3(o->q + 4 * i, book + 4 * b[2 + i], parity_signs(w >> (i % 8 / 2 * 7)) >> (i % 2 * 4), 3);
		} else {
			unsigned at = b[2 + i] | (unsigned)(b[66 + i / 8] >> (i % 8) & 1) << 8;
			o->sc[i / 8] = (uint8_t)(2 * nib(b + 106, i / 8) + 1);
			point3(o->q + 4 * i, book + 4 * at, (unsigned)b[74 + i / 2] >> (i % 2 * 4), 1);
		}
	}
}

static void decode_iq1(row_super *o, int type, const uint8_t *b, const int8_t *book) {
	if (type == 19) {
		o->d = u16(b);
		for (int i = 0; i < 32; i++) {
			unsigned w = u16(b + 34 + 2 * (i / 4));
			o->sc[i / 4] = (uint8_t)(2 * (w >> 12 & 7) + 1);
			point1(o->q + 8 * i, book + 8 * (b[2 + i] | (w >> (3 * (i % 4)) & 7) << 8), w >> 15);
		}
		return;
	}
	const uint8_t *w = b + 48;
	o->d = (uint16_t)(w[1] >> 4 | (w[3] & 0xf0) | (w[5] >> 4) << 8 | (w[7] & 0xf0) << 8);
	for (int i = 0; i < 32; i++) {
		unsigned h = nib(b + 32, i);
		o->sc[i / 2] = (uint8_t)(2 * (u16(w + i / 8 * 2) >> (i / 2 % 4 * 3) & 7) + 1);
		point1(o->q + 8 * i, book + 8 * (b[i] | (h & 7) << 8), h >> 3);
	}
}

static void decode_iq4xs(row_super *o, const uint8_t *b) {
	unsigned high = u16(b + 2);
	o->d = u16(b);
	for (int g = 0; g < 8; g++) {
		o->sc[g] = (uint8_t)((int)(nib(b + 4, g) | (high >> (2 * g) & 3) << 4) - 32);
		for (int l = 0; l < 16; l++) {
			uint8_t v = b[8 + 16 * g + l];
			o->q[32 * g + l] = v & 15;
			o->q[32 * g + 16 + l] = v >> 4;
		}
	}
}

// E2M1 by 16 with a scale each. The scale's sign does not count, and 0x7f stands for 0.
static void decode_nvfp4(row_super *o, const uint8_t *b) {
	for (int g = 0; g < 4; g++) {
		o->sc[g] = b[g] == 0x7f ? 0 : b[g] & 0x7f;
		for (int l = 0; l < 8; l++) {
			o->q[16 * g + l] = b[4 + 8 * g + l] & 15;
			o->q[16 * g + 8 + l] = b[4 + 8 * g + l] >> 4;
		}
	}
}

static void decode(row_super *o, int type, const uint8_t *b, const int8_t *book) {
	switch (type) {
	case 2: case 20: o->d = u16(b); decode_q4(o, b + 2); break;
	case 3: o->d = u16(b); o->m = u16(b + 2); decode_q4(o, b + 4); break;
	case 6: o->d = u16(b); decode_q4(o, b + 6); add_fifth(o, u32(b + 2)); break;
	case 7: o->d = u16(b); o->m = u16(b + 2); decode_q4(o, b + 8); add_fifth(o, u32(b + 4)); break;
	case 8: o->d = u16(b); for (int l = 0; l < 32; l++) o->q[l] = b[2 + l] ^ 0x80; break;
	case 10: memcpy(o->sc, b, 16); decode_q2(o, b + 16); o->d = u16(b + 80); o->m = u16(b + 82); break;
	case 11: decode_q3k(o, b); break;
	case 12: o->d = u16(b); o->m = u16(b + 2); decode_scales_k4(o, b + 4); decode_nibbles_k(o, b + 16); break;
	case 13:
		o->d = u16(b); o->m = u16(b + 2); decode_scales_k4(o, b + 4); decode_nibbles_k(o, b + 48);
		for (int g = 0; g < 8; g++)
			for (int l = 0; l < 32; l++) o->q[32 * g + l] |= (uint8_t)((b[16 + l] >> g & 1) << 4);
		break;
	case 14: decode_q6k(o, b); break;
	case 16: case 17: case 22: decode_iq2(o, type, b, book); break;
	case 18: case 21: decode_iq3(o, type, b, book); break;
	case 19: case 29: decode_iq1(o, type, b, book); break;
	case 23: decode_iq4xs(o, b); break;
	case 40: decode_nvfp4(o, b); break;
	case 200:
		o->d = u16(b); o->mn[0] = b[2] & 15;
		for (int l = 0; l < 16; l++) { o->q[2 * l] = b[3 + l] & 15; o->q[2 * l + 1] = b[3 + l] >> 4; }
		break;
	case 201: o->d = u16(b); o->mn[0] = b[2]; memcpy(o->q, b + 3, 32); break;
	}
}

static void put_header(const ort_format *f, uint8_t *h, const row_super *o, int r) {
	if (f->head == HEAD_E16) {
		for (int g = 0; g < 4; g++) h[16 * g + r] = o->sc[g];
		return;
	}
	memcpy(h + 2 * r, &o->d, 2);
	switch (f->head) {
	case HEAD_DM: memcpy(h + 32 + 2 * r, &o->m, 2); break;
	case HEAD_DZ: h[32 + r] = o->mn[0]; break;
	case HEAD_K4:
		memcpy(h + 32 + 2 * r, &o->m, 2);
		for (int g = 0; g < 8; g++) {
			h[64 + 16 * g + r] = (uint8_t)((o->sc[g] & 15) | (o->mn[g] & 15) << 4);
			h[192 + 16 * (g / 2) + r] |= (uint8_t)((o->sc[g] >> 4 | o->mn[g] >> 4 << 2) << (g & 1) * 4);
		}
		break;
	case HEAD_Q2:
		memcpy(h + 32 + 2 * r, &o->m, 2);
		for (int g = 0; g < 16; g++) h[64 + 16 * g + r] = o->sc[g];
		break;
	case HEAD_S16: for (int g = 0; g < 16; g++) h[32 + 16 * g + r] = o->sc[g]; break;
	case HEAD_S32: for (int g = 0; g < 8; g++) h[32 + 16 * g + r] = o->sc[g]; break;
	}
}

static void put32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }

// Two bits of each code, from bit `shift` up, as two words: step 2t+p has bits
// 2t of word p.
static void put_pairs(uint8_t *p, const uint8_t *q, int shift) {
	for (int w = 0; w < 2; w++) {
		uint32_t v = 0;
		for (int t = 0; t < 4; t++) v |= (u32(q + 4 * (2 * t + w)) >> shift & 0x03030303u) << (2 * t);
		put32(p + 64 * w, v);
	}
}

// One bit of each code: step s has bit s of the word.
static void put_bits(uint8_t *p, const uint8_t *q, int shift) {
	uint32_t v = 0;
	for (int s = 0; s < 8; s++) v |= (u32(q + 4 * s) >> shift & 0x01010101u) << s;
	put32(p, v);
}

static void put_tile(const ort_format *f, uint8_t *t, const uint8_t *q, int r) {
	t += 4 * r;
	switch (f->plane) {
	case PLANE_8: for (int s = 0; s < 8; s++) memcpy(t + 64 * s, q + 4 * s, 4); return;
	case PLANE_2: put_pairs(t, q, 0); return;
	case PLANE_21: put_pairs(t, q, 0); put_bits(t + 128, q, 2); return;
	}
	for (int s = 0; s < 4; s++)
		put32(t + 64 * s, (u32(q + 4 * s) & 0x0f0f0f0fu) | (u32(q + 16 + 4 * s) & 0x0f0f0f0fu) << 4);
	if (f->plane == PLANE_41) put_bits(t + 256, q, 4);
	if (f->plane == PLANE_42) put_pairs(t + 256, q, 4);
}

static void pack_float(const ort_format *f, uint8_t *dst, const uint8_t *src, int64_t rowbytes, int n, int64_t in) {
	for (int r = 0; r < n; r++) {
		const uint8_t *s = src + r * rowbytes;
		if (f->block == 4)
			for (int64_t k = 0; k < in; k++) memcpy(dst + (k * ORT_ROWS + r) * 4, s + 4 * k, 4);
		else
			for (int64_t k = 0; k < in; k++) memcpy(dst + (k * ORT_ROWS + r) * 2, s + 2 * k, 2);
	}
}

// Compiled for wider registers too, where the compiler and the linker can choose
// at load time: repacking then keeps up with the disk.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), flatten))
#endif
void ort_pack_panel(const ort_format *f, uint8_t *dst, const uint8_t *src, int64_t rowbytes, int n, int64_t in, const int8_t *book) {
	if (n < ORT_ROWS || f->head == HEAD_K4) memset(dst, 0, (size_t)ort_panel_bytes(f, in));
	if (f->plane == PLANE_FLOAT) { pack_float(f, dst, src, rowbytes, n, in); return; }
	int tiles = f->super / 32;
	for (int64_t s = 0; s < in / f->super; s++) {
		for (int r = 0; r < n; r++) {
			row_super o = {0};
			decode(&o, f->type, src + r * rowbytes + s * f->block, book);
			put_header(f, dst, &o, r);
			for (int t = 0; t < tiles; t++) put_tile(f, dst + f->header + t * f->tile, o.q + 32 * t, r);
		}
		dst += f->header + tiles * f->tile;
	}
}
