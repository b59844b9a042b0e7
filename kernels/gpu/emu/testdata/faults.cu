// Kernels with one fault each, chosen by `fault`, and without it right. The test of the emulator runs
// each with and without.
#include "ptx.cuh"

struct FaultArgs {
	uint64_t out; // [n] f32
	uint64_t in;  // [n] f32
	int32_t n;
	int32_t fault;
};

// out[i] = in[n-1-i], through shared memory
ORT_KERNEL(fault_barrier, FaultArgs, 256) {
	float *s = (float *)ort_shared(), *out = (float *)a.out;
	const float *in = (const float *)a.in;
	int i = threadIdx.x;
	s[i] = in[i];
	if (!a.fault) block_sync();
	out[i] = s[a.n - 1 - i];
}

// the same within each warp
ORT_KERNEL(fault_warp_barrier, FaultArgs, 256) {
	float *s = (float *)ort_shared(), *out = (float *)a.out;
	const float *in = (const float *)a.in;
	int i = threadIdx.x;
	s[i ^ 31] = in[i];
	if (!a.fault) warp_sync();
	out[i] = s[i];
}

// a buffer written again while others may still read it
ORT_KERNEL(fault_reuse, FaultArgs, 256) {
	float *s = (float *)ort_shared(), *out = (float *)a.out;
	const float *in = (const float *)a.in;
	int i = threadIdx.x;
	float sum = 0;
	for (int k = 0; k < 3; k++) {
		s[i] = in[i] + k;
		block_sync();
		sum += s[a.n - 1 - i];
		if (!a.fault) block_sync();
	}
	out[i] = sum;
}

ORT_KERNEL(fault_wait, FaultArgs, 256) {
	float *s = (float *)ort_shared(), *out = (float *)a.out;
	int i = threadIdx.x;
	cp_async16(s + 4 * i, (const float *)a.in + 4 * i);
	cp_async_commit();
	if (!a.fault) cp_async_wait<0>();
	for (int k = 0; k < 4; k++) out[4 * i + k] = s[4 * i + k];
}

// two groups under way: waiting for all but one is right for the first only
ORT_KERNEL(fault_wait_deep, FaultArgs, 256) {
	float *s = (float *)ort_shared(), *out = (float *)a.out;
	int i = threadIdx.x, n = blockDim.x;
	for (int k = 0; k < 2; k++) {
		cp_async16(s + 4 * (i + k * n), (const float *)a.in + 4 * (i + k * n));
		cp_async_commit();
	}
	cp_async_wait<1>();
	for (int k = 0; k < 4; k++) out[4 * i + k] = s[4 * i + k];
	if (!a.fault) cp_async_wait<0>();
	for (int k = 0; k < 4; k++) out[4 * (i + n) + k] = s[4 * (i + n) + k];
}

ORT_KERNEL(fault_bulk, FaultArgs, 256) {
	uint64_t *bar = (uint64_t *)ort_shared();
	float *s = (float *)(ort_shared() + 128), *out = (float *)a.out;
	int i = threadIdx.x;
	if (i == 0) {
		mbar_init(bar, 1);
		mbar_fence_init();
	}
	block_sync();
	if (i == 0) {
		mbar_arrive_expect(bar, 4 * a.n);
		bulk_load(s, (const float *)a.in, 4 * a.n, bar);
	}
	if (a.fault != 1 || i == 0) mbar_wait(bar, a.fault == 2);
	out[i] = s[i];
}

// reads and writes beyond the end: by one value, of an aligned vector, before the start, far away
ORT_KERNEL(fault_bounds, FaultArgs, 256) {
	float *out = (float *)a.out;
	const float *in = (const float *)a.in;
	int i = threadIdx.x;
	out[i] = in[i];
	if (i != 17) return;
	if (a.fault == 1) out[i] = in[a.n];
	if (a.fault == 2) out[a.n] = 1;
	if (a.fault == 3) out[i] = in[-1];
	if (a.fault == 4) *(uint4 *)(out + a.n - 2) = make_uint4(1, 2, 3, 4);
	if (a.fault == 5) out[i] = *(const float *)nullptr;
	if (a.fault == 6) out[i] = in[1 << 20];
}

ORT_KERNEL(fault_shared_bounds, FaultArgs, 256) {
	float *s = (float *)ort_shared(), *out = (float *)a.out;
	int i = threadIdx.x;
	s[i + (a.fault == 1 && i == a.n - 1)] = 1;
	if (a.fault == 2 && i == 0) s[-1] = 1;
	out[i] = s[i + (a.fault == 1 && i == a.n - 1)];
}

ORT_KERNEL(fault_misaligned, FaultArgs, 256) {
	float *out = (float *)a.out;
	int i = threadIdx.x;
	out[i] = 0;
	block_sync();
	if (i == 0) *(float2 *)(out + a.fault) = make_float2(1, 2);
}

ORT_KERNEL(fault_divergent, FaultArgs, 256) {
	float *out = (float *)a.out;
	int i = threadIdx.x;
	if (!a.fault || i != 5) block_sync();
	out[i] = 1;
}

ORT_KERNEL(fault_divergent_shuffle, FaultArgs, 256) {
	float *out = (float *)a.out;
	int i = threadIdx.x;
	float v = (float)i;
	if (a.fault == 0 || i % 32 < 16) v += shfl_xor(v, 1);
	else if (a.fault == 2) v += warp_ballot(true);
	out[i] = v;
}

// out[i] = sum over the warp
ORT_KERNEL(fault_shuffle, FaultArgs, 256) {
	float *out = (float *)a.out, v = ((const float *)a.in)[threadIdx.x];
	for (int m = 16; m > a.fault; m /= 2) v += shfl_xor(v, m);
	out[threadIdx.x] = v;
}

ORT_KERNEL(fault_uninitialised, FaultArgs, 256) {
	float *s = (float *)ort_shared(), *out = (float *)a.out;
	int i = threadIdx.x;
	if (!a.fault) s[i] = 1;
	out[i] = s[i];
}

ORT_KERNEL(fault_forever, FaultArgs, 256) {
	float *out = (float *)a.out;
	if (a.fault == 1)
		for (volatile int i = 0; i < 1;) {
		}
	if (a.fault == 2)
		for (int go = 1; go;) go = shfl(go, 0);
	out[threadIdx.x] = 1;
}

ORT_KERNEL(fault_early, FaultArgs, 256) {
	float *out = (float *)a.out;
	const float *in = (const float *)a.in;
	int i = threadIdx.x;
	float v = a.fault == 1 ? in[i] : 0;
	if (a.fault == 2) out[i] = 2;
	if (a.fault == 4) griddep_launch();
	if (a.fault != 3) griddep_wait();
	if (a.fault == 0) v = in[i];
	if (a.fault != 3) out[i] = v;
}

// out[0] counts blocks: one more than there are is waited for, one less, or it is not 0 at first
ORT_KERNEL(fault_counter, FaultArgs, 256) {
	uint32_t *count = (uint32_t *)a.out;
	if (threadIdx.x != 0) return;
	if (a.fault == 3) *count = 1000;
	arrive_last(count, gridDim.x + (a.fault == 1) - (a.fault == 2));
}

static __attribute__((noinline)) float deep(int n) {
	volatile float big[64 << 10];
	big[n] = (float)n;
	return big[n];
}

ORT_KERNEL(fault_stack, FaultArgs, 256) {
	float *out = (float *)a.out;
	out[threadIdx.x] = a.fault ? deep(5) : 0;
}
