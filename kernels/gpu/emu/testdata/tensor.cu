// Kernels that show what boxes of tensor maps and products of warp groups are: tensor_test.go holds them against plain Go.
#include "ptx.cuh"

struct TensorArgs {
	TensorMap map;
	uint64_t out, in; // in: what the kernel takes beside the map
	int32_t rows;     // of a box
	int32_t row, col; // of the matrix, where the box begins
	int32_t fault;
	uint64_t spare[4];
};

// out = shared memory after one box; with faults: the box misplaced, fewer bytes announced than come, no wait, and a map that does not lie in the arguments
ORT_KERNEL(tensor_box, TensorArgs, 128) {
	uint8_t *shared = ort_shared();
	uint64_t *bar = (uint64_t *)(shared + 1024 * 33);
	if (threadIdx.x == 0) {
		mbar_init(bar, 1);
		mbar_fence_init();
		mbar_arrive_expect(bar, 128 * a.rows - 16 * (a.fault == 2));
		tensor_load(shared + 128 * (a.fault == 1), a.fault == 4 ? (const TensorMap *)a.in : &a.map, a.col, a.row, bar);
	}
	block_sync();
	if (a.fault != 3) mbar_wait(bar, 0);
	for (int i = threadIdx.x; i < 32 * a.rows; i += blockDim.x) ((uint32_t *)a.out)[i] = ((const uint32_t *)shared)[i];
}

// out [64, n] f32 = in·B, in [64, 64] f16; B in boxes out of the map: [n, 64], or across [64, n]. With rows > 0 the first 128 bytes are
// cleared before; with a fault, without a fence.
template <int n, bool across> ORT_DEV void product(const TensorArgs &a) {
	uint8_t *shared = ort_shared();
	uint64_t *bar = (uint64_t *)(shared + 128 * n);
	const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4, top = threadIdx.x / 32 * 16;
	if (threadIdx.x == 0) {
		mbar_init(bar, 1);
		mbar_fence_init();
		mbar_arrive_expect(bar, 128 * n);
		for (int i = 0; i < (across ? n / 64 : 1); i++) tensor_load(shared + 8192 * i, &a.map, 64 * i, 0, bar);
	}
	block_sync();
	mbar_wait(bar, 0);
	if (a.rows > 0) { // clears row 0 of the box
		if (threadIdx.x < 32) ((uint32_t *)shared)[threadIdx.x] = 0;
		if (a.fault == 0) async_fence_shared();
		block_sync();
	}
	const uint32_t *in = (const uint32_t *)a.in; // pairs
	uint32_t frag[4][4];
	float d[n / 2];
	for (int s = 0; s < 4; s++)
		for (int i = 0; i < 4; i++) frag[s][i] = in[(top + g + 8 * (i & 1)) * 32 + 8 * s + t + 4 * (i >> 1)];
	wgmma_fence();
	for (int s = 0; s < 4; s++)
		wgmma_f16<n, across>(d, frag[s], across ? wgmma_desc_across(shared + 2048 * s, 8192) : wgmma_desc(shared) + 2 * s, s > 0);
	wgmma_commit();
	wgmma_wait<0>();
	for (int i = 0; i < n / 2; i++) ((float *)a.out)[(top + g + 8 * (i >> 1 & 1)) * n + 8 * (i >> 2) + 2 * t + (i & 1)] = d[i];
}
ORT_KERNEL(product_64, TensorArgs, 128) { product<64, false>(a); }
ORT_KERNEL(product_128, TensorArgs, 128) { product<128, false>(a); }
ORT_KERNEL(product_across_64, TensorArgs, 128) { product<64, true>(a); }
ORT_KERNEL(product_across_128, TensorArgs, 128) { product<128, true>(a); }
