// embed: y[i] = row ids[i] of a packed table.
//
// y [n, cols] f32, ids [n] i32, table [vocab, cols] as layout.cuh has it. A thread takes a group of 32 columns of a row.
// It reads a sixteenth of the row's tiles (each 32-byte sector that the row's groups touch) and writes 4 bytes a value:
// one row of 4096 in Q4_K some 4 KB and 16 KB, latency alone; 2048 rows 33 MB, 8 µs on an H200.
//
// budget embed_*: 64 registers
#include "layout.cuh"

struct EmbedArgs {
	uint64_t y, table, ids;
	int32_t cols;
	float gain; // Scale of the table
};

template <int type> ORT_DEV void embed_row(const EmbedArgs &a) {
	int group = (int)(blockIdx.x * blockDim.x + threadIdx.x), i = (int)blockIdx.y;
	griddep_wait();
	griddep_launch();
	if (32 * group >= a.cols) return;
	int id = ((const int32_t *)a.ids)[i];
	const uint8_t *tile = (const uint8_t *)a.table + (uint64_t)(id / 16) * (uint64_t)((a.cols + 255) / 256) * Packed<type>::tile +
	                      (uint64_t)(group / 8) * Packed<type>::tile;
	float v[32];
	group_floats<type>(tile, 4 * (id & 7) + (group & 3), (group & 4) / 2 + (id >> 3 & 1), v);
#pragma unroll
	for (int k = 0; k < 32; k++) v[k] *= a.gain;
	float *y = (float *)a.y + (uint64_t)i * (uint64_t)a.cols + 32 * group;
	if (a.cols % 4 == 0) {
#pragma unroll
		for (int k = 0; k < 32; k += 4)
			if (32 * group + k < a.cols) *(float4 *)(y + k) = make_float4(v[k], v[k + 1], v[k + 2], v[k + 3]);
		return;
	}
#pragma unroll
	for (int k = 0; k < 32; k++)
		if (32 * group + k < a.cols) y[k] = v[k];
}

#define EMBED(name, type) \
	ORT_KERNEL_MIN(embed_##name, EmbedArgs, 128, 8) { embed_row<type>(a); }
EMBED(f32, 0)
EMBED(f16, 1)
EMBED(bf16, 30)
EMBED(q4_0, 2)
EMBED(q4_1, 3)
EMBED(q5_0, 6)
EMBED(q5_1, 7)
EMBED(q8_0, 8)
EMBED(q2_k, 10)
EMBED(q3_k, 11)
EMBED(q4_k, 12)
EMBED(q5_k, 13)
EMBED(q6_k, 14)
EMBED(iq2_xxs, 16)
EMBED(iq2_xs, 17)
EMBED(iq2_s, 22)
EMBED(iq3_xxs, 18)
EMBED(iq3_s, 21)
EMBED(iq1_s, 19)
EMBED(iq1_m, 29)
EMBED(iq4_nl, 20)
EMBED(iq4_xs, 23)
EMBED(nvfp4, 40)
EMBED(int4, 200)
EMBED(int8, 201)
