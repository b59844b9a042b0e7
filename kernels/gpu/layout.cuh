// The packed layout of weights. layout.go states it for the host; pack.cu makes it.
//
// A matrix [out, in] is cut into tiles of 16 rows and 256 columns: [⌈out/16⌉][⌈in/256⌉][tile]. What lies beyond the
// matrix has scale, minimum and, in float types, value 0. Lane l = 4g+t of a warp owns, of rows g and g+8 of a tile, the
// groups t and t+4 of 32 columns. Its four groups are numbered c = 2h+r: columns 32(t+4h).., row g+8r.
//
// A tile is the following planes, one after the other; each starts at a multiple of 16 bytes and keeps what one lane
// reads at a time together, lane after lane, so that loads of 16 bytes are contiguous over a warp.
//
//   codes 4 bits  [c 4][lane 32][16 B]: word w holds columns 8w.. of the group
//   codes 8 bits  [c 4][half 2][lane 32][16 B]: columns 16·half.. , int8
//   codes 2 bits  [h 2][lane 32][r 2][8 B]: word p holds columns 16p..          (alone, or bits 4-5 beside 4-bit codes)
//   codes 1 bit   [lane 32][c 4][4 B]                                           (bit 2 beside 2-bit codes, bit 4 beside 4-bit ones)
//   16-bit floats [c 4][octet 4][lane 32][16 B]: columns 8·octet + 0,2,1,3,4,6,5,7 (see pairs below)
//   32-bit floats [c 4][quad 8][lane 32][16 B]: columns 4·quad..
//   scales        [lane 32][...], by kind; see Scales
//   row scales    [16][2 or 4 B]: f16 d, or f16 d and f16 dmin, of the super-block of each row
//   zeros         [lane 32][c 4], 4 bits each beside 4-bit codes (the lowest is c = 0), a byte, 128 for 0, beside 8-bit ones
//
// Codes lie in a word in one of two orders. By bytes (types without a table), so that a mask leaves 4 codes in 4 bytes:
//   4 bits: low nibbles of bytes 0..3 are columns 8w+0..3, high nibbles 8w+4..7
//   2 bits: bits 2f, 2f+1 of byte b are column 16p+4f+b;   1 bit: bit f of byte b is column 4f+b
// By nibbles (types with a table), so that 16 bits select 4 bytes of the table:
//   4 bits: nibble j is column 8w+j;   2 bits: the low pair of nibble j is 16p+j, the high one 16p+8+j;   1 bit: bit f of nibble j is 8f+j
//
// A value is S·(code - offset) + M, or S·level[code] + M, with S and M as group_scales gives them; with zeros the offset is the
// group's. kernels.Weight.Scale multiplies it: a factor of the whole matrix, which kernels apply to their sums.
//
// Pairs. Consumers in 16 bits get the 32 values of a group as 16 pairs of columns (4i+0, 4i+2) and (4i+1, 4i+3), i = 0..7: the
// order in which (word & 0x000f000f) yields them. Pairs 2i and 2i+1 of groups c = 2h and 2h+1 are a[0], a[2] and a[1], a[3] of
// mma.m16n8k16, where lane t's slots of k are columns of its own group; act.cuh lays activations out to match.
#pragma once
#include "ptx.cuh"

enum Scales {
	SCALES_NONE, // float types
	SCALES_D,    // [lane][c] f16 d:            S = d                                      8 B a lane
	SCALES_DM,   // [lane][c] f16 d, m:         S = d, M = m                              16 B
	SCALES_K32,  // [lane][c] u8 s, [c] u8 n:   S = d·s, M = -dmin·n; rows f16 d, dmin     8 B
	SCALES_K16,  // [lane][c][2] u8 s | n<<4:   S = d·s, M = -dmin·n for each 16 columns   8 B
	SCALES_S32,  // [lane][c] int8 s:           S = d·s·mul; rows f16 d                    4 B
	SCALES_S16,  // [lane][c][2] int8 s:        S = d·s·mul for each 16 columns            8 B
	SCALES_DZ,   // [lane][c] f16 d:            S = d                                      8 B; then [lane][c] zeros
	SCALES_E16,  // [lane][c][2] u8 e:          S = the f16 of bits e << 7, 16 columns     8 B
};

enum Table { TABLE_NONE, TABLE_IQ4, TABLE_IQ3XXS, TABLE_IQ3S, TABLE_IQ2, TABLE_IQ1, TABLE_E2M1 };

constexpr int scale_bytes_of_lane(Scales k) { return k == SCALES_NONE ? 0 : k == SCALES_DM ? 16 : k == SCALES_S32 ? 4 : 8; }
constexpr int scale_bytes_of_row(Scales k) { return k == SCALES_K32 || k == SCALES_K16 ? 4 : k == SCALES_S32 || k == SCALES_S16 ? 2 : 0; }

// How a type is packed: bits of the first plane of codes and of a second one, values under one scale, kind of scales, what is
// subtracted from codes, their table, and a factor of S.
template <int codes_, int extra_, int group_, Scales scales_, int offset_, Table table_, int mul8_ = 8> struct Family {
	static constexpr int codes = codes_, extra = extra_, group = group_, offset = offset_;
	static constexpr Scales scales = scales_;
	static constexpr Table table = table_;
	static constexpr float mul = mul8_ / 8.0f;
	static constexpr bool has_zero = scales == SCALES_DZ;
	static constexpr bool is_float = codes >= 16;
	static constexpr bool has_min = scales == SCALES_DM || scales == SCALES_K32 || scales == SCALES_K16;
	static constexpr bool is_signed = codes == 8 || table != TABLE_NONE; // bytes from group_codes are int8, offset 0
	// Offsets of the planes in a tile, and its size, in bytes.
	static constexpr int at_extra = 512 * codes, at_scales = at_extra + 512 * extra;
	static constexpr int lane_scales = scale_bytes_of_lane(scales), row_scales = scale_bytes_of_row(scales);
	static constexpr int at_rows = at_scales + 32 * lane_scales, at_zeros = at_rows + 16 * row_scales;
	static constexpr int tile = at_zeros + (has_zero ? 16 * codes : 0);
};

// Packed<type> is the family of a type, numbered as kernels.Type.
template <int type> struct Packed;
template <> struct Packed<0> : Family<32, 0, 32, SCALES_NONE, 0, TABLE_NONE> {};          // F32
template <> struct Packed<1> : Family<16, 0, 32, SCALES_NONE, 0, TABLE_NONE> {};          // F16
template <> struct Packed<30> : Family<16, 0, 32, SCALES_NONE, 0, TABLE_NONE> {};         // BF16
template <> struct Packed<2> : Family<4, 0, 32, SCALES_D, 8, TABLE_NONE> {};              // Q4_0
template <> struct Packed<3> : Family<4, 0, 32, SCALES_DM, 0, TABLE_NONE> {};             // Q4_1
template <> struct Packed<6> : Family<4, 1, 32, SCALES_D, 16, TABLE_NONE> {};             // Q5_0
template <> struct Packed<7> : Family<4, 1, 32, SCALES_DM, 0, TABLE_NONE> {};             // Q5_1
template <> struct Packed<8> : Family<8, 0, 32, SCALES_D, 0, TABLE_NONE> {};              // Q8_0
template <> struct Packed<10> : Family<2, 0, 16, SCALES_K16, 0, TABLE_NONE> {};           // Q2_K
template <> struct Packed<11> : Family<2, 1, 16, SCALES_S16, 4, TABLE_NONE> {};           // Q3_K
template <> struct Packed<12> : Family<4, 0, 32, SCALES_K32, 0, TABLE_NONE> {};           // Q4_K
template <> struct Packed<13> : Family<4, 1, 32, SCALES_K32, 0, TABLE_NONE> {};           // Q5_K
template <> struct Packed<14> : Family<4, 2, 16, SCALES_S16, 32, TABLE_NONE> {};          // Q6_K
template <> struct Packed<16> : Family<2, 1, 32, SCALES_S32, 0, TABLE_IQ2, 1> {};         // IQ2_XXS
template <> struct Packed<17> : Family<2, 1, 16, SCALES_S16, 0, TABLE_IQ2, 1> {};         // IQ2_XS
template <> struct Packed<22> : Family<2, 1, 16, SCALES_S16, 0, TABLE_IQ2, 1> {};         // IQ2_S
template <> struct Packed<18> : Family<4, 0, 32, SCALES_S32, 0, TABLE_IQ3XXS, 2> {};      // IQ3_XXS
template <> struct Packed<21> : Family<4, 0, 32, SCALES_S32, 0, TABLE_IQ3S> {};           // IQ3_S
template <> struct Packed<19> : Family<2, 1, 32, SCALES_S32, 0, TABLE_IQ1, 1> {};         // IQ1_S
template <> struct Packed<29> : Family<2, 1, 16, SCALES_S16, 0, TABLE_IQ1, 1> {};         // IQ1_M
template <> struct Packed<20> : Family<4, 0, 32, SCALES_D, 0, TABLE_IQ4> {};              // IQ4_NL
template <> struct Packed<23> : Family<4, 0, 32, SCALES_S32, 0, TABLE_IQ4> {};            // IQ4_XS
template <> struct Packed<40> : Family<4, 0, 16, SCALES_E16, 0, TABLE_E2M1> {};           // NVFP4
template <> struct Packed<200> : Family<4, 0, 32, SCALES_DZ, 0, TABLE_NONE> {};           // Int4
template <> struct Packed<201> : Family<8, 0, 32, SCALES_DZ, 0, TABLE_NONE> {};           // Int8

// The levels of a table, int8, four to a word; those of 8 use words 0 and 1.
template <Table table> ORT_DEV uint32_t table_word(int i) {
	constexpr uint32_t words[7][4] = {
		{0, 0, 0, 0},
		{0xbfad9881, 0xf6eaddcf, 0x26190d01, 0x71594535}, // -127 -104 -83 -65 -49 -35 -22 -10 1 13 25 38 53 69 89 113
		{0x1c140c04, 0x3e342c24, 0xe4ecf4fc, 0xc2ccd4dc}, // 4 12 20 28 36 44 52 62, and negative
		{0x07050301, 0x0f0d0b09, 0xf9fbfdff, 0xf1f3f5f7}, // 1 3 5 7 9 11 13 15, and negative
		{0x002b1908, 0x00d5e7f8, 0, 0},                   // 8 25 43 -, -8 -25 -43 -
		{0x000901f9, 0x0007fff7, 0, 0},                   // -7 1 9 -, -9 -1 7 -  (8·level ± 1)
		{0x03020100, 0x0c080604, 0xfdfeff00, 0xf4f8fafc}, // 0 1 2 3 4 6 8 12, and negative
	};
	return words[table][i];
}

// The levels of 4 codes in the low 16 bits of `codes`, tables of 8.
template <Table table> ORT_DEV uint32_t look_up8(uint32_t codes) {
	return byte_perm(table_word<table>(0), table_word<table>(1), codes);
}
// The same for tables of 16. low3 is codes & 0x7777, high 0x3210 + 4 for each code over 7.
template <Table table> ORT_DEV uint32_t look_up16(uint32_t low3, uint32_t high) {
	uint32_t a = byte_perm(table_word<table>(0), table_word<table>(1), low3);
	uint32_t b = byte_perm(table_word<table>(2), table_word<table>(3), low3);
	return byte_perm(a, b, high);
}

ORT_DEV uint4 load16(const uint8_t *p) { return *(const uint4 *)p; }

// The 2 bits of field f (0..3) of w, moved up to bit `to` of each byte.
ORT_DEV uint32_t field2(uint32_t w, int f, int to) {
	uint32_t v = 2 * f >= to ? w >> (2 * f - to) : w << (to - 2 * f);
	return v & (0x03030303u << to);
}
// The bit f (0..7) of each byte of w, moved to bit `to`.
ORT_DEV uint32_t field1(uint32_t w, int f, int to) {
	uint32_t v = f >= to ? w >> (f - to) : w << (to - f);
	return v & (0x01010101u << to);
}

// What a lane's group c of a tile holds, as it lies in the planes of codes.
struct RawGroup { uint32_t w[8], bits2[2], bit1; };

// Loads the codes of group c of `lane` from a tile in shared or global memory. type is no float type.
template <int type> ORT_DEV RawGroup load_group(const uint8_t *tile, int lane, int c) {
	using P = Packed<type>;
	RawGroup g;
	if (P::codes == 8 || P::codes == 4) {
		uint4 v = load16(tile + 16 * lane + (P::codes == 8 ? 1024 : 512) * c);
		g.w[0] = v.x, g.w[1] = v.y, g.w[2] = v.z, g.w[3] = v.w;
	}
	if (P::codes == 8) {
		uint4 v = load16(tile + 16 * lane + 1024 * c + 512);
		g.w[4] = v.x, g.w[5] = v.y, g.w[6] = v.z, g.w[7] = v.w;
	}
	if (P::codes == 2 || P::extra == 2) { // groups 2h and 2h+1 share one load
		uint4 v = load16(tile + (P::codes == 2 ? 0 : P::at_extra) + 512 * (c >> 1) + 16 * lane);
		g.bits2[0] = c & 1 ? v.z : v.x, g.bits2[1] = c & 1 ? v.w : v.y;
	}
	if (P::extra == 1) {
		uint4 v = load16(tile + P::at_extra + 16 * lane);
		g.bit1 = c == 0 ? v.x : c == 1 ? v.y : c == 2 ? v.z : v.w;
	}
	return g;
}

// Bytes q[i] of a group: the codes (unsigned; subtract Packed<type>::offset) or, where is_signed, int8 values, of columns 4i..4i+3.
template <int type> ORT_DEV void unpack_group(const RawGroup &g, uint32_t q[8]) {
	using P = Packed<type>;
	if (P::codes == 8) {
		for (int i = 0; i < 8; i++) q[i] = g.w[i];
	} else if (P::table != TABLE_NONE && P::codes == 4) {
		for (int w = 0; w < 4; w++) {
			uint32_t low3 = g.w[w] & 0x77777777u, high = and_or(g.w[w] >> 1, 0x44444444u, 0x32103210u);
			q[2 * w] = look_up16<P::table>(low3, high);
			q[2 * w + 1] = look_up16<P::table>(low3 >> 16, high >> 16);
		}
	} else if (P::table != TABLE_NONE) { // 2 + 1 bits
		for (int w = 0; w < 4; w++) {
			uint32_t low = w & 1 ? g.bits2[w >> 1] >> 2 : g.bits2[w >> 1];
			uint32_t sign = w < 3 ? g.bit1 << (2 - w) : g.bit1 >> 1;
			uint32_t codes = and_or(low, 0x33333333u, sign & 0x44444444u);
			q[2 * w] = look_up8<P::table>(codes);
			q[2 * w + 1] = look_up8<P::table>(codes >> 16);
		}
	} else {
		for (int i = 0; i < 8; i++) {
			uint32_t v = P::codes == 2 ? field2(g.bits2[i >> 2], i & 3, 0) : (i & 1 ? g.w[i >> 1] >> 4 : g.w[i >> 1]) & 0x0f0f0f0fu;
			if (P::extra == 1) v |= field1(g.bit1, i, P::codes);
			if (P::extra == 2) v |= field2(g.bits2[i >> 2], i & 3, 4);
			q[i] = v;
		}
	}
}

// S and M of a group: [0] for all of it, or [0] and [1] for its two halves where Packed<type>::group is 16. M is 0 unless has_min.
struct GroupScales { float s[2], m[2]; };

ORT_DEV float byte_u(uint32_t w, int i) { return (float)(w >> (8 * i) & 0xff); }
ORT_DEV float byte_s(uint32_t w, int i) { return (float)(int8_t)(w >> (8 * i)); }
ORT_DEV float half_lo(uint32_t w) { return f16_to_f32((uint16_t)w); }
ORT_DEV float half_hi(uint32_t w) { return f16_to_f32((uint16_t)(w >> 16)); }

// The zero point of group c of `lane` of a tile whose type has some: a code.
template <int type> ORT_DEV uint32_t group_zero(const uint8_t *tile, int lane, int c) {
	using P = Packed<type>;
	const uint8_t *zeros = tile + P::at_zeros + P::codes / 2 * lane;
	return P::codes == 4 ? zeros[c >> 1] >> (4 * (c & 1)) & 15 : zeros[c];
}

// The scales of group c of `lane` of a tile. type is no float type.
template <int type> ORT_DEV GroupScales group_scales(const uint8_t *tile, int lane, int c) {
	using P = Packed<type>;
	const uint8_t *at = tile + P::at_scales + P::lane_scales * lane;
	const uint8_t *row = tile + P::at_rows + P::row_scales * ((lane >> 2) + 8 * (c & 1));
	GroupScales v = {{0, 0}, {0, 0}};
	if (P::scales == SCALES_D || P::scales == SCALES_DZ) {
		v.s[0] = f16_to_f32(((const uint16_t *)at)[c]);
	} else if (P::scales == SCALES_DM) {
		uint32_t dm = ((const uint32_t *)at)[c];
		v.s[0] = half_lo(dm), v.m[0] = half_hi(dm);
	} else if (P::scales == SCALES_K32) {
		uint32_t d = *(const uint32_t *)row;
		v.s[0] = half_lo(d) * (float)at[c], v.m[0] = -(half_hi(d) * (float)at[4 + c]);
	} else if (P::scales == SCALES_K16) {
		uint32_t d = *(const uint32_t *)row;
		for (int i = 0; i < 2; i++) {
			uint32_t b = at[2 * c + i];
			v.s[i] = half_lo(d) * (float)(b & 15), v.m[i] = -(half_hi(d) * (float)(b >> 4));
		}
	} else if (P::scales == SCALES_E16) {
		for (int i = 0; i < 2; i++) v.s[i] = f16_to_f32((uint16_t)(at[2 * c + i] << 7));
	} else {
		float d = f16_to_f32(*(const uint16_t *)row) * P::mul;
		const int8_t *s = (const int8_t *)at;
		if (P::group == 16) v.s[0] = d * (float)s[2 * c], v.s[1] = d * (float)s[2 * c + 1];
		else v.s[0] = d * (float)s[c];
	}
	if (P::group == 32) v.s[1] = v.s[0], v.m[1] = v.m[0];
	return v;
}

// The 32 values of a group in float32, in order of columns: exactly kernels.Dequantize's, but for the last bit of S·code + M.
template <int type> ORT_DEV void group_floats(const uint8_t *tile, int lane, int c, float out[32]) {
	using P = Packed<type>;
	if (P::codes == 16) {
		for (int i = 0; i < 4; i++) {
			uint4 v = load16(tile + 2048 * c + 512 * i + 16 * lane);
			uint32_t w[4] = {v.x, v.y, v.z, v.w}; // columns 0,2  1,3  4,6  5,7
			for (int j = 0; j < 4; j++) {
				int k = 8 * i + 4 * (j >> 1) + (j & 1);
				uint16_t lo = (uint16_t)w[j], hi = (uint16_t)(w[j] >> 16);
				out[k] = type == 30 ? bf16_to_f32(lo) : f16_to_f32(lo);
				out[k + 2] = type == 30 ? bf16_to_f32(hi) : f16_to_f32(hi);
			}
		}
		return;
	}
	if (P::codes == 32) {
		for (int i = 0; i < 8; i++) {
			float4 v = *(const float4 *)(tile + 4096 * c + 512 * i + 16 * lane);
			out[4 * i] = v.x, out[4 * i + 1] = v.y, out[4 * i + 2] = v.z, out[4 * i + 3] = v.w;
		}
		return;
	}
	RawGroup g = load_group<type>(tile, lane, c);
	GroupScales v = group_scales<type>(tile, lane, c);
	uint32_t q[8];
	unpack_group<type>(g, q);
	float zero = P::has_zero ? (float)group_zero<type>(tile, lane, c) - (P::codes == 8 ? 128.f : 0.f) : (float)P::offset;
	for (int k = 0; k < 32; k++) {
		float code = (P::is_signed ? byte_s(q[k >> 2], k & 3) : byte_u(q[k >> 2], k & 3)) - zero;
		int i = P::group == 16 ? k >> 4 : 0;
		out[k] = P::has_min ? code * v.s[i] + v.m[i] : code * v.s[i];
	}
}
