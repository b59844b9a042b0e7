// The conversions and the arithmetic of ptx.cuh in small formats, value by value.
#include "ptx.cuh"

struct ConvertArgs {
	uint64_t out; // [n] u32: bits
	uint64_t in;  // [n] f32 or u32, by what; of h2: [n][3] u32
	int32_t n;
	int32_t what;
};

ORT_KERNEL(convert, ConvertArgs, 256) {
	int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
	if (i >= a.n) return;
	uint32_t *out = (uint32_t *)a.out + i;
	const uint32_t *in = (const uint32_t *)a.in;
	float x = bits_f32(in[i]);
	uint16_t h = (uint16_t)in[i];
	switch (a.what) {
	case 0: *out = f32_bits(f16_to_f32(h)); break;
	case 1: *out = f32_bits(ort_f16_to_f32(h)); break;
	case 2: *out = f32_bits(bf16_to_f32(h)); break;
	case 3: *out = e4m3x2_to_f16x2(h); break;
	case 4: *out = f32_to_f16(x); break;
	case 5: *out = ort_f32_to_f16(x); break;
	case 6: *out = f32x2_to_f16x2(x, -x); break;
	case 7: *out = f32_to_bf16(x); break;
	case 8: *out = f32x2_to_bf16x2(x, -x); break;
	case 9: *out = f32x2_to_e4m3x2(x, -x); break;
	}
}

// 0: a·b + c, 1: a·b, 2: a - b, of pairs of f16
ORT_KERNEL(convert_h2, ConvertArgs, 256) {
	int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
	if (i >= a.n) return;
	const uint32_t *in = (const uint32_t *)a.in + 3 * i;
	((uint32_t *)a.out)[i] = a.what == 0 ? h2_fma(in[0], in[1], in[2]) : a.what == 1 ? h2_mul(in[0], in[1]) : h2_sub(in[0], in[1]);
}
