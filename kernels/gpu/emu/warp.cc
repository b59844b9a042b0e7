//go:build ignore

// What the lanes of a warp do together. The last to arrive does it for all.
#include "core.h"

const char *op_name(ort_op op) {
	switch (op) {
	case ORT_SYNC: return "warp_sync";
	case ORT_SHFL: return "shfl";
	case ORT_SHFL_XOR: return "shfl_xor";
	case ORT_BALLOT: return "warp_ballot";
	case ORT_MMA_F16: return "mma_f16";
	case ORT_MMA_BF16: return "mma_bf16";
	case ORT_MMA_S8: return "mma_s8";
	case ORT_LDMATRIX4: return "ldmatrix4";
	case ORT_LDMATRIX4_TRANS: return "ldmatrix4_trans";
	case ORT_LDMATRIX2: return "ldmatrix2";
	case ORT_WGMMA_F16: return "wgmma_f16";
	case ORT_WGMMA_BF16: return "wgmma_bf16";
	case ORT_WGMMA_COMMIT: return "wgmma_commit";
	case ORT_WGMMA_WAIT: return "wgmma_wait";
	}
	return "an unknown operation";
}

// D += A·B, m16n8k16, products exact, one rounding of each sum of 16 and the addend. Tensor
// cores cut the sums' low bits; how is not documented.
static void mma_16(ort_op op, ort_lane **lanes) {
	float a[16][16], b[8][16];
	auto wide = [op](uint32_t v) { return op == ORT_MMA_F16 ? f16_to_f32((uint16_t)v) : bf16_to_f32((uint16_t)v); };
	for (int l = 0; l < 32; l++) {
		int g = l / 4, t = l % 4;
		const uint32_t *in = lanes[l]->in;
		for (int i = 0; i < 4; i++)
			for (int h = 0; h < 2; h++) a[g + 8 * (i & 1)][2 * t + 8 * (i >> 1) + h] = wide(in[i] >> 16 * h);
		for (int i = 0; i < 2; i++)
			for (int h = 0; h < 2; h++) b[g][2 * t + 8 * i + h] = wide(in[4 + i] >> 16 * h);
	}
	for (int l = 0; l < 32; l++)
		for (int i = 0; i < 4; i++) {
			const float *x = a[l / 4 + 8 * (i >> 1)], *y = b[2 * (l % 4) + (i & 1)];
			double sum = bits_f32(lanes[l]->out[i]);
			for (int k = 0; k < 16; k++) sum += (double)x[k] * y[k];
			lanes[l]->out[i] = f32_bits((float)sum);
		}
}

// D += A·B, m16n8k32 of bytes.
static void mma_8(ort_lane **lanes) {
	int8_t a[16][32], b[8][32];
	for (int l = 0; l < 32; l++) {
		int g = l / 4, t = l % 4;
		for (int i = 0; i < 4; i++) memcpy(&a[g + 8 * (i & 1)][4 * t + 16 * (i >> 1)], &lanes[l]->in[i], 4);
		for (int i = 0; i < 2; i++) memcpy(&b[g][4 * t + 16 * i], &lanes[l]->in[4 + i], 4);
	}
	for (int l = 0; l < 32; l++)
		for (int i = 0; i < 4; i++) {
			const int8_t *x = a[l / 4 + 8 * (i >> 1)], *y = b[2 * (l % 4) + (i & 1)];
			int sum = 0;
			for (int k = 0; k < 32; k++) sum += x[k] * y[k];
			lanes[l]->out[i] += (uint32_t)sum;
		}
}

// Matrices of 8x8 values of 16 bits out of shared memory.
static void ldmatrix(Fiber *f, ort_op op, ort_lane **lanes) {
	int matrices = op == ORT_LDMATRIX2 ? 2 : 4;
	for (int m = 0; m < matrices; m++) {
		uint16_t v[8][8];
		for (int r = 0; r < 8; r++) {
			const void *row = lanes[8 * m + r]->row;
			Fiber *who = f->warp->lanes[8 * m + r];
			check_shared(who, row, 16, op_name(op));
			if ((uintptr_t)row % 16) fail_launch(who, "%s: the row is not aligned to 16", op_name(op));
			note(who, row, 16, false);
			memcpy(v[r], row, 16);
		}
		for (int l = 0; l < 32; l++) {
			int g = l / 4, t = 2 * (l % 4);
			lanes[l]->out[m] = op == ORT_LDMATRIX4_TRANS ? v[t][g] | (uint32_t)v[t + 1][g] << 16 : v[g][t] | (uint32_t)v[g][t + 1] << 16;
		}
	}
}

void warp_op(Fiber *f, ort_op op, ort_lane **lanes) {
	switch (op) {
	case ORT_SYNC:
		join_warp(f->warp);
		return;
	case ORT_SHFL:
		for (int l = 0; l < 32; l++) lanes[l]->out[0] = lanes[lanes[l]->in[1] & 31]->in[0];
		return;
	case ORT_SHFL_XOR:
		for (int l = 0; l < 32; l++) lanes[l]->out[0] = lanes[(l ^ lanes[l]->in[1]) & 31]->in[0];
		return;
	case ORT_BALLOT: {
		uint32_t all = 0;
		for (int l = 0; l < 32; l++) all |= (uint32_t)(lanes[l]->in[0] != 0) << l;
		for (int l = 0; l < 32; l++) lanes[l]->out[0] = all;
		return;
	}
	case ORT_MMA_F16:
	case ORT_MMA_BF16: mma_16(op, lanes); return;
	case ORT_MMA_S8: mma_8(lanes); return;
	case ORT_LDMATRIX4:
	case ORT_LDMATRIX4_TRANS:
	case ORT_LDMATRIX2: ldmatrix(f, op, lanes); return;
	case ORT_WGMMA_F16:
	case ORT_WGMMA_BF16:
	case ORT_WGMMA_COMMIT:
	case ORT_WGMMA_WAIT: wgmma_op(f, op, lanes); return;
	}
	fail_launch(f, "%s", op_name(op));
}
