// Packing: rows of a matrix as a GGUF file holds them → tiles of layout.cuh, once, when a model is loaded.
//
//   src [rows, in] blocks of a.type, row after row, at any alignment of 2 bytes; dst [⌈rows/16⌉][⌈in/256⌉][tile].
//   in is a multiple of 32 and of the format's block. book: kernels.Codebook of the IQ types' grids (not of IQ4).
//
// One warp packs one tile; a lane decodes its own four groups of 32 from the blocks and writes them to the planes. Loads
// are narrow and repeated; a file of 5 GB takes some 20 to 50 ms of the device, which is nothing beside the link that brings it.
//
// Steps of 4 rows and more multiply in f16, 64 times the weights where those are quantised: where a weight may be too large for that, the
// packed matrix is divided by a power of two, which kernels.Weight.Scale takes. No usual model has such. Weights smaller than 2^-20
// of the largest lose bits by it.
//
// budget pack: 48 registers
// budget rescale: 32 registers
#include "layout.cuh"

struct PackArgs {
	uint64_t dst;  // [⌈rows/16⌉][⌈in/256⌉][tile]
	uint64_t src;  // [rows, in] blocks
	uint64_t book; // codebook, int8 [points, dim]; 0: none
	uint64_t most; // u64: bits of the largest bound on a weight's size that is over pack_most
	uint32_t rows, in, type;
	uint32_t tiles; // in all
};

// One group of 32 values as its block gives it: codes, 4 to a word in order of columns, scales, and f16 d and m of the block.
struct Decoded { uint32_t q[8], s[2], n[2], d, m; };

ORT_DEV uint32_t get16(const uint8_t *p) { return (uint32_t)(p[0] | p[1] << 8); }
ORT_DEV uint32_t get32(const uint8_t *p) { return get16(p) | get16(p + 2) << 16; }
ORT_DEV uint32_t nibble_of(const uint8_t *p, int i) { return (uint32_t)p[i >> 1] >> (4 * (i & 1)) & 15; }

// Bits 0..3 of n as the lowest bits of 4 bytes.
ORT_DEV uint32_t spread(uint32_t n) { return (n & 1) | (n & 2) << 7 | (n & 4) << 14 | (n & 8) << 21; }

// 32 values whose low nibbles are 16 bytes' low halves, then their high halves.
ORT_DEV void halves(uint32_t q[8], const uint8_t *p) {
	for (int i = 0; i < 4; i++) {
		uint32_t v = get32(p + 4 * i);
		q[i] = v & 0x0f0f0f0fu, q[i + 4] = v >> 4 & 0x0f0f0f0fu;
	}
}
// ORs bits of 32 bytes, from bit `from` up, to bit `to` up.
ORT_DEV void plane(uint32_t q[8], const uint8_t *p, int from, uint32_t mask, int to) {
	for (int i = 0; i < 8; i++) q[i] |= (get32(p + 4 * i) >> from & mask) << to;
}
ORT_DEV void fifth(uint32_t q[8], uint32_t bits) {
	for (int i = 0; i < 8; i++) q[i] |= spread(bits >> (4 * i)) << 4;
}

// Blocks of 32 values.
ORT_DEV void decode32(Decoded &o, int type, const uint8_t *b) {
	o.d = get16(b);
	switch (type) {
	case 2: case 20: halves(o.q, b + 2); break;
	case 3: o.m = get16(b + 2); halves(o.q, b + 4); break;
	case 6: halves(o.q, b + 6); fifth(o.q, get32(b + 2)); break;
	case 7: o.m = get16(b + 2); halves(o.q, b + 8); fifth(o.q, get32(b + 4)); break;
	case 200:
		o.n[0] = b[2] & 15;
		for (int i = 0; i < 8; i++) {
			uint32_t v = get16(b + 3 + 2 * i);
			o.q[i] = (v & 15) | (v & 0xf0) << 4 | (v & 0xf00) << 8 | (v & 0xf000) << 12;
		}
		break;
	case 201:
		o.n[0] = b[2];
		plane(o.q, b + 3, 0, 0xffffffffu, 0);
		for (int i = 0; i < 8; i++) o.q[i] ^= 0x80808080u;
		break;
	default: plane(o.q, b + 2, 0, 0xffffffffu, 0); break; // Q8_0
	}
}

// Scale and minimum j of Q4_K and Q5_K, 6 bits each in 12 bytes.
ORT_DEV void scales_k4(Decoded &o, const uint8_t *s, int j) {
	if (j < 4) o.s[0] = s[j] & 63, o.n[0] = s[j + 4] & 63;
	else o.s[0] = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4, o.n[0] = (s[j + 4] >> 4) | (s[j] >> 6) << 4;
}
// Scale j of 16 of Q3_K, int8.
ORT_DEV uint32_t scale_q3(const uint8_t *s, int j) {
	int low = j < 8 ? s[j] & 15 : s[j - 8] >> 4, high = s[8 + (j & 3)] >> (2 * (j >> 2)) & 3;
	return (uint32_t)((low | high << 4) - 32) & 255;
}

// The K formats, group j of a block of 256.
ORT_DEV void decode_k(Decoded &o, int type, const uint8_t *b, int j) {
	int h = j >> 2, f = j & 3;
	switch (type) {
	case 10:
		for (int i = 0; i < 2; i++) o.s[i] = b[2 * j + i] & 15, o.n[i] = b[2 * j + i] >> 4;
		plane(o.q, b + 16 + 32 * h, 2 * f, 0x03030303u, 0);
		o.d = get16(b + 80), o.m = get16(b + 82);
		break;
	case 11:
		plane(o.q, b + 32 + 32 * h, 2 * f, 0x03030303u, 0);
		plane(o.q, b, j, 0x01010101u, 2);
		for (int i = 0; i < 2; i++) o.s[i] = scale_q3(b + 96, 2 * j + i);
		o.d = get16(b + 108);
		break;
	case 14:
		plane(o.q, b + 64 * h + 32 * (f & 1), 4 * (f >> 1), 0x0f0f0f0fu, 0);
		plane(o.q, b + 128 + 32 * h, 2 * f, 0x03030303u, 4);
		for (int i = 0; i < 2; i++) o.s[i] = b[192 + 2 * j + i];
		o.d = get16(b + 208);
		break;
	default: // Q4_K, Q5_K
		plane(o.q, b + (type == 12 ? 16 : 48) + 32 * (j >> 1), 4 * (j & 1), 0x0f0f0f0fu, 0);
		if (type == 13) plane(o.q, b + 16, j, 0x01010101u, 4);
		scales_k4(o, b + 4, j);
		o.d = get16(b), o.m = get16(b + 2);
	}
}

// The sign masks of 7 bits, whose eighth makes their number even.
ORT_DEV uint32_t even_signs(uint32_t i) {
	i &= 127;
	uint32_t p = i ^ i >> 4;
	p ^= p >> 2;
	return i | ((p ^ p >> 1) & 1) << 7;
}

// IQ2: points of 8 with levels 8, 25, 43; code = level's number, sign in bit 2.
ORT_DEV void decode_iq2(Decoded &o, int type, const uint8_t *b, int j, const uint8_t *book) {
	o.d = get16(b);
	for (int l = 0; l < 4; l++) {
		int i = 4 * j + l;
		uint32_t at, signs;
		if (type == 16) {
			uint32_t w = get32(b + 2 + 8 * j + 4);
			at = b[2 + 8 * j + l], signs = even_signs(w >> (7 * l));
			o.s[0] = 2 * (w >> 28) + 1;
		} else if (type == 17) {
			uint32_t v = get16(b + 2 + 2 * i);
			at = v & 511, signs = even_signs(v >> 9);
			o.s[l >> 1] = 2 * nibble_of(b + 66, i >> 1) + 1;
		} else {
			at = b[2 + i] | (uint32_t)(b[66 + j] >> (2 * l) & 3) << 8, signs = b[34 + i];
			o.s[l >> 1] = 2 * nibble_of(b + 74, i >> 1) + 1;
		}
		for (int w = 0; w < 2; w++)
			o.q[2 * l + w] = (get32(book + 8 * at + 4 * w) >> 4 & 0x03030303u) | spread(signs >> (4 * w)) << 2;
	}
}

// IQ3: points of 4 with 8 levels; code = level's number, sign in bit 3.
ORT_DEV void decode_iq3(Decoded &o, int type, const uint8_t *b, int j, const uint8_t *book) {
	o.d = get16(b);
	for (int l = 0; l < 8; l++) {
		int i = 8 * j + l;
		uint32_t at = b[2 + i], signs;
		if (type == 18) {
			uint32_t w = get32(b + 66 + 4 * j);
			signs = even_signs(w >> (7 * (l >> 1))) >> (4 * (l & 1));
			o.s[0] = 2 * (w >> 28) + 1;
		} else {
			at |= (uint32_t)(b[66 + j] >> l & 1) << 8, signs = (uint32_t)b[74 + (i >> 1)] >> (4 * (l & 1));
			o.s[0] = 2 * nibble_of(b + 106, j) + 1;
		}
		o.q[l] = (get32(book + 4 * at) >> (type == 18 ? 3 : 1) & 0x07070707u) | spread(signs) << 3;
	}
}

// IQ1: points of 8 of -1, 0, 1, moved by 1/8; code = point + 1, bit 2 where by -1/8.
ORT_DEV void decode_iq1(Decoded &o, int type, const uint8_t *b, int j, const uint8_t *book) {
	const uint8_t *w = b + 48;
	o.d = type == 19 ? get16(b) : (uint32_t)(w[1] >> 4 | (w[3] & 0xf0) | (w[5] >> 4) << 8 | (w[7] & 0xf0) << 8);
	for (int l = 0; l < 4; l++) {
		int i = 4 * j + l;
		uint32_t at, negative;
		if (type == 19) {
			uint32_t v = get16(b + 34 + 2 * j);
			at = b[2 + i] | (v >> (3 * l) & 7) << 8, negative = v >> 15;
			o.s[0] = 2 * (v >> 12 & 7) + 1;
		} else {
			uint32_t h = nibble_of(b + 32, i);
			at = b[i] | (h & 7) << 8, negative = h >> 3;
			o.s[l >> 1] = 2 * (get16(w + 2 * (i >> 3)) >> (3 * (i >> 1 & 3)) & 7) + 1;
		}
		for (int k = 0; k < 2; k++)
			o.q[2 * l + k] = ((get32(book + 8 * at + 4 * k) & 0x03030303u) + 0x01010101u & 0x03030303u) | negative * 0x04040404u;
	}
}

ORT_DEV void decode_iq4xs(Decoded &o, const uint8_t *b, int j) {
	o.d = get16(b);
	o.s[0] = (uint32_t)((int)(nibble_of(b + 4, j) | (get16(b + 2) >> (2 * j) & 3) << 4) - 32) & 255;
	halves(o.q, b + 8 + 16 * j);
}

// Two sub-blocks of 16 of NVFP4. The scale's sign does not count, 0x7f stands for 0.
ORT_DEV void decode_nvfp4(Decoded &o, const uint8_t *b, int j) {
	for (int i = 0; i < 2; i++) {
		uint32_t e = b[2 * j + i];
		o.s[i] = e == 0x7f ? 0 : e & 0x7f;
		for (int w = 0; w < 2; w++) {
			uint32_t v = get32(b + 4 + 16 * j + 8 * i + 4 * w);
			o.q[4 * i + w] = v & 0x0f0f0f0fu, o.q[4 * i + 2 + w] = v >> 4 & 0x0f0f0f0fu;
		}
	}
}

// Group j of block b.
ORT_DEV Decoded decode(int type, const uint8_t *b, int j, const uint8_t *book) {
	Decoded o = {};
	switch (type) {
	case 10: case 11: case 12: case 13: case 14: decode_k(o, type, b, j); break;
	case 16: case 17: case 22: decode_iq2(o, type, b, j, book); break;
	case 18: case 21: decode_iq3(o, type, b, j, book); break;
	case 19: case 29: decode_iq1(o, type, b, j, book); break;
	case 23: decode_iq4xs(o, b, j); break;
	case 40: decode_nvfp4(o, b, j); break;
	default: decode32(o, type, b);
	}
	return o;
}

// Values and bytes of a block, by type.
constexpr uint8_t block_bytes[30] = {0, 0, 18, 20, 0, 0, 22, 24, 34, 0, 84, 110, 144, 176, 210, 0, 66, 74, 98, 50, 18, 110, 82, 136, 0, 0, 0, 0, 0, 56};
template <int type> struct Block { static constexpr int values = type < 10 || type == 20 ? 32 : 256, bytes = block_bytes[type]; };
template <> struct Block<40> { static constexpr int values = 64, bytes = 36; };
template <> struct Block<200> { static constexpr int values = 32, bytes = 19; };
template <> struct Block<201> { static constexpr int values = 32, bytes = 35; };

// 8 codes, masked after a shift, as the 8 nibbles of a word.
ORT_DEV uint32_t nibbles(const uint32_t q[2], int shift, uint32_t mask) {
	uint32_t v[2];
	for (int i = 0; i < 2; i++) {
		uint32_t n = q[i] >> shift & mask;
		n = (n | n >> 4) & 0x00ff00ffu;
		v[i] = (n | n >> 8) & 0xffffu;
	}
	return v[0] | v[1] << 16;
}

// Two bits of each of 16 codes, from bit `shift` up.
template <bool table> ORT_DEV uint32_t word2(const uint32_t q[4], int shift) {
	if (table) return nibbles(q, shift, 0x03030303u) | nibbles(q + 2, shift, 0x03030303u) << 2;
	uint32_t v = 0;
	for (int f = 0; f < 4; f++) v |= (q[f] >> shift & 0x03030303u) << (2 * f);
	return v;
}

// One bit of each of 32 codes.
template <bool table> ORT_DEV uint32_t word1(const uint32_t q[8], int shift) {
	uint32_t v = 0;
	if (table) for (int f = 0; f < 4; f++) v |= nibbles(q + 2 * f, shift, 0x01010101u) << f;
	else for (int f = 0; f < 8; f++) v |= (q[f] >> shift & 0x01010101u) << f;
	return v;
}

// Writes the codes of group c.
template <int type> ORT_DEV void put_codes(uint8_t *tile, int lane, int c, const uint32_t q[8]) {
	using P = Packed<type>;
	constexpr bool table = P::table != TABLE_NONE;
	if (P::codes == 8) {
		for (int i = 0; i < 8; i++) ((uint32_t *)(tile + 1024 * c + 512 * (i >> 2) + 16 * lane))[i & 3] = q[i];
	} else if (P::codes == 4) {
		for (int w = 0; w < 4; w++)
			((uint32_t *)(tile + 512 * c + 16 * lane))[w] = table ? nibbles(q + 2 * w, 0, 0x0f0f0f0fu)
				: (q[2 * w] & 0x0f0f0f0fu) | (q[2 * w + 1] & 0x0f0f0f0fu) << 4;
	}
	if (P::codes == 2 || P::extra == 2) {
		uint32_t *p = (uint32_t *)(tile + (P::codes == 2 ? 0 : P::at_extra) + 512 * (c >> 1) + 16 * lane + 8 * (c & 1));
		for (int w = 0; w < 2; w++) p[w] = word2<table>(q + 4 * w, P::codes == 2 ? 0 : 4);
	}
	if (P::extra == 1) ((uint32_t *)(tile + P::at_extra + 16 * lane))[c] = word1<table>(q, P::codes);
}

// Writes the scales of group c, and, by lanes with t = 0 for h = 0, those of the rows.
template <int type> ORT_DEV void put_scales(uint8_t *tile, int lane, int c, const Decoded &o) {
	using P = Packed<type>;
	uint8_t *at = tile + P::at_scales + P::lane_scales * lane;
	if (P::scales == SCALES_D || P::scales == SCALES_DZ) ((uint16_t *)at)[c] = (uint16_t)o.d;
	if (P::has_zero) {
		uint8_t *zero = tile + P::at_zeros + P::codes / 2 * lane + (P::codes == 4 ? c >> 1 : c);
		*zero = (uint8_t)(P::codes == 4 && c & 1 ? *zero | o.n[0] << 4 : o.n[0]);
	}
	if (P::scales == SCALES_DM) ((uint32_t *)at)[c] = o.d | o.m << 16;
	if (P::scales == SCALES_K32) at[c] = (uint8_t)o.s[0], at[4 + c] = (uint8_t)o.n[0];
	if (P::scales == SCALES_S32) at[c] = (uint8_t)o.s[0];
	for (int i = 0; i < 2; i++) {
		if (P::scales == SCALES_K16) at[2 * c + i] = (uint8_t)(o.s[i] | o.n[i] << 4);
		if (P::scales == SCALES_S16 || P::scales == SCALES_E16) at[2 * c + i] = (uint8_t)o.s[i];
	}
	if ((lane & 3) != 0 || c > 1) return;
	uint8_t *row = tile + P::at_rows + P::row_scales * ((lane >> 2) + 8 * c);
	if (P::row_scales == 4) *(uint32_t *)row = o.d | o.m << 16;
	if (P::row_scales == 2) *(uint16_t *)row = (uint16_t)o.d;
}

// Copies group c of a float type; src is its 32 values, or null for zeros.
template <int type> ORT_DEV void put_floats(uint8_t *tile, int lane, int c, const uint8_t *src) {
	for (int k = 0; k < 32; k++) {
		if (Packed<type>::codes == 32) {
			((uint32_t *)(tile + 4096 * c + 512 * (k >> 2) + 16 * lane))[k & 3] = src ? get32(src + 4 * k) : 0;
		} else {
			int at = (k & 4) | (k & 1) << 1 | (k & 2) >> 1; // the middle two of each 4 exchanged
			((uint16_t *)(tile + 2048 * c + 512 * (k >> 3) + 16 * lane))[at] = src ? (uint16_t)get16(src + 2 * k) : 0;
		}
	}
}

template <int type> ORT_DEV void pack_group(const PackArgs &a, uint8_t *tile, int lane, int c, uint32_t row, uint32_t column) {
	bool inside = row < a.rows && column < a.in;
	if constexpr (Packed<type>::is_float) {
		constexpr int bytes = Packed<type>::codes / 8;
		put_floats<type>(tile, lane, c, inside ? (const uint8_t *)a.src + ((uint64_t)row * a.in + column) * bytes : nullptr);
	} else {
		Decoded o = {};
		if (inside) {
			using B = Block<type>;
			uint64_t block = ((uint64_t)row * a.in + column) / B::values;
			o = decode(type, (const uint8_t *)a.src + block * B::bytes, (int)(column % B::values / 32), (const uint8_t *)a.book);
		}
		put_codes<type>(tile, lane, c, o.q);
		put_scales<type>(tile, lane, c, o);
	}
}

// Weights below this need no rescaling: 64 times as much is the largest number of f16 (gemm_small.cuh; frag.cuh takes 16).
constexpr float pack_most = 1023.f;

// The largest size of what S of a type multiplies. 0: its weights are never too large, or are not multiplied in f16.
template <int type> ORT_DEV float most_code() {
	using P = Packed<type>;
	if (P::codes == 32) return 1.f;
	if (P::is_float || P::scales == SCALES_E16) return 0.f;
	if (P::table != TABLE_NONE) return P::table == TABLE_IQ4 ? 127.f : P::table == TABLE_IQ3XXS ? 62.f : P::table == TABLE_IQ3S ? 15.f : P::table == TABLE_IQ2 ? 43.f : 9.f;
	constexpr int top = (1 << (P::is_float ? 0 : P::codes + P::extra)) - 1;
	return (float)(P::has_zero ? top : P::codes == 8 ? 128 : top - P::offset > P::offset ? top - P::offset : P::offset);
}

// A bound on the size of what a lane packed, and of the scales of its rows.
template <int type> ORT_DEV float most_weight(const uint8_t *tile, int lane) {
	using P = Packed<type>;
	float most = 0.f;
	if (most_code<type>() == 0.f) return most;
	for (int r = 0; r < 2; r++) {
		const uint8_t *row = tile + P::at_rows + P::row_scales * ((lane >> 2) + 8 * r);
		for (int i = 0; i < P::row_scales / 2; i++) most = fmaxf(most, fabsf(f16_to_f32(((const uint16_t *)row)[i])));
	}
	for (int c = 0; c < 4; c++) {
		if constexpr (P::is_float) {
			float v[32];
			group_floats<type>(tile, lane, c, v);
			for (int k = 0; k < 32; k++) most = fmaxf(most, fabsf(v[k]));
		} else {
			GroupScales v = group_scales<type>(tile, lane, c);
			most = fmaxf(most, fmaxf(fabsf(v.s[0]), fabsf(v.s[1])) * most_code<type>() + fmaxf(fabsf(v.m[0]), fabsf(v.m[1])));
		}
	}
	return most;
}

template <int type> ORT_DEV void pack_tile(const PackArgs &a, uint32_t tile, int lane) {
	uint32_t across = (a.in + 255) / 256;
	uint8_t *dst = (uint8_t *)a.dst + (uint64_t)tile * Packed<type>::tile;
	for (int c = 0; c < 4; c++)
		pack_group<type>(a, dst, lane, c, tile / across * 16 + (lane >> 2) + 8 * (c & 1), tile % across * 256 + 32 * ((lane & 3) + 4 * (c >> 1)));
	warp_sync(); // scales of rows are other lanes'
	float most = most_weight<type>(dst, lane);
	if (most > pack_most) atomic_max((uint64_t *)a.most, f32_bits(most));
}

// Grid: ⌈tiles / 8⌉ blocks of 256.
ORT_KERNEL(pack, PackArgs, 256) {
	uint32_t tile = blockIdx.x * 8 + threadIdx.x / 32;
	if (tile >= a.tiles) return;
	int lane = threadIdx.x % 32;
	switch (a.type) {
	case 0: pack_tile<0>(a, tile, lane); break;
	case 1: case 30: pack_tile<1>(a, tile, lane); break;
	case 2: pack_tile<2>(a, tile, lane); break;
	case 3: pack_tile<3>(a, tile, lane); break;
	case 6: pack_tile<6>(a, tile, lane); break;
	case 7: pack_tile<7>(a, tile, lane); break;
	case 8: pack_tile<8>(a, tile, lane); break;
	case 10: pack_tile<10>(a, tile, lane); break;
	case 11: pack_tile<11>(a, tile, lane); break;
	case 12: pack_tile<12>(a, tile, lane); break;
	case 13: pack_tile<13>(a, tile, lane); break;
	case 14: pack_tile<14>(a, tile, lane); break;
	case 16: pack_tile<16>(a, tile, lane); break;
	case 17: pack_tile<17>(a, tile, lane); break;
	case 18: pack_tile<18>(a, tile, lane); break;
	case 19: pack_tile<19>(a, tile, lane); break;
	case 20: pack_tile<20>(a, tile, lane); break;
	case 21: pack_tile<21>(a, tile, lane); break;
	case 22: pack_tile<22>(a, tile, lane); break;
	case 23: pack_tile<23>(a, tile, lane); break;
	case 29: pack_tile<29>(a, tile, lane); break;
	case 40: pack_tile<40>(a, tile, lane); break;
	case 200: pack_tile<200>(a, tile, lane); break;
	case 201: pack_tile<201>(a, tile, lane); break;
	}
}

// Multiplies a packed matrix by a power of two, for weights too large for f16: `count` numbers of each tile from byte `at` on, its
// f16 scales or, where floats, its f32 values.
struct RescaleArgs {
	uint64_t w;
	uint32_t tiles, tile, at, count; // tile: bytes of one
	uint32_t floats;
	float by;
};

// Grid: ⌈tiles / 8⌉ blocks of 256.
ORT_KERNEL(rescale, RescaleArgs, 256) {
	uint32_t tile = blockIdx.x * 8 + threadIdx.x / 32;
	if (tile >= a.tiles) return;
	uint8_t *p = (uint8_t *)a.w + (uint64_t)tile * a.tile + a.at;
	for (uint32_t i = threadIdx.x % 32; i < a.count; i += 32) {
		if (a.floats) ((float *)p)[i] *= a.by;
		else ((uint16_t *)p)[i] = f32_to_f16(f16_to_f32(((uint16_t *)p)[i]) * a.by);
	}
}
