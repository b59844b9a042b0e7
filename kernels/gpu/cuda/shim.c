//go:build cuda

#include "shim.h"

#include <cuda.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Not in every cuda.h of CUDA 12.
CUresult CUDAAPI cuFuncGetParamInfo(CUfunction func, size_t index, size_t *offset, size_t *size);

// A slot is a page-locked buffer. Copies fill it from the start; its event is
// recorded when it is full, and tells when it may be filled again.
typedef struct {
	uint8_t *host;
	size_t used;
	CUevent done;
} slot;

struct ort_cuda_shim {
	CUcontext ctx;
	CUstream stream;
	uint64_t serial; // never the same for two shims
	size_t slots, slot_bytes, at;
	slot *slot; // [slots], the last one for reading
	slot later[2];
	int next; // of later
};

// The shim whose context is current on this thread. Contexts may get the
// address of one before, so that it cannot be told by its context.
static __thread uint64_t current;

int ort_cuda_use(ort_cuda_shim *s) {
	if (current == s->serial)
		return CUDA_SUCCESS;
	CUresult r = cuCtxSetCurrent(s->ctx);
	if (r == CUDA_SUCCESS)
		current = s->serial;
	return r;
}

#define TRY(call)                      \
	do {                               \
		CUresult r_ = (CUresult)(call); \
		if (r_ != CUDA_SUCCESS)        \
			return r_;                 \
	} while (0)

static int open_slot(ort_cuda_shim *s, slot *b) {
	TRY(cuMemHostAlloc((void **)&b->host, s->slot_bytes, CU_MEMHOSTALLOC_PORTABLE));
	return cuEventCreate(&b->done, CU_EVENT_DISABLE_TIMING);
}

static int open_slots(ort_cuda_shim *s) {
	TRY(ort_cuda_use(s));
	for (size_t i = 0; i < s->slots; i++)
		TRY(open_slot(s, &s->slot[i]));
	for (int i = 0; i < 2; i++)
		TRY(open_slot(s, &s->later[i]));
	return CUDA_SUCCESS;
}

static void close_slot(slot *b) {
	if (b->done)
		cuEventDestroy(b->done);
	if (b->host)
		cuMemFreeHost(b->host);
}

int ort_cuda_open(ort_cuda_shim **out, uintptr_t ctx, uintptr_t stream, size_t slots, size_t slot_bytes) {
	static uint64_t serials;
	ort_cuda_shim *s = calloc(1, sizeof *s);
	*out = NULL;
	if (!s || !(s->slot = calloc(slots, sizeof *s->slot))) {
		free(s);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	s->ctx = (CUcontext)ctx;
	s->stream = (CUstream)stream;
	s->serial = __atomic_add_fetch(&serials, 1, __ATOMIC_RELAXED);
	s->slots = slots;
	s->slot_bytes = slot_bytes;
	int r = open_slots(s);
	if (r != CUDA_SUCCESS)
		ort_cuda_close(s);
	else
		*out = s;
	return r;
}

void ort_cuda_close(ort_cuda_shim *s) {
	ort_cuda_use(s);
	for (size_t i = 0; i < s->slots; i++)
		close_slot(&s->slot[i]);
	for (int i = 0; i < 2; i++)
		close_slot(&s->later[i]);
	free(s->slot);
	free(s);
}

// ---- launches

int ort_cuda_allow_shared(ort_cuda_shim *s, uintptr_t function, size_t bytes) {
	TRY(ort_cuda_use(s));
	return cuFuncSetAttribute((CUfunction)function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, (int)bytes);
}

int ort_cuda_param_bytes(ort_cuda_shim *s, uintptr_t function, size_t *bytes) {
	TRY(ort_cuda_use(s));
	size_t offset, more;
	TRY(cuFuncGetParamInfo((CUfunction)function, 0, &offset, bytes));
	return cuFuncGetParamInfo((CUfunction)function, 1, &offset, &more) == CUDA_SUCCESS ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

int ort_cuda_launch(ort_cuda_shim *s, uintptr_t function, ort_cuda_grid g, const void *args) {
	TRY(ort_cuda_use(s));
	CUlaunchAttribute attrs[2];
	CUlaunchConfig c = {.gridDimX = g.x, .gridDimY = g.y, .gridDimZ = g.z, .blockDimX = g.threads, .blockDimY = 1, .blockDimZ = 1,
	                    .sharedMemBytes = g.shared, .hStream = s->stream, .attrs = attrs, .numAttrs = 0};
	memset(attrs, 0, sizeof attrs);
	if (g.overlap) {
		CUlaunchAttribute *a = &attrs[c.numAttrs++];
		a->id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
		a->value.programmaticStreamSerializationAllowed = 1;
	}
	if (g.cluster > 1) {
		CUlaunchAttribute *a = &attrs[c.numAttrs++];
		a->id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
		a->value.clusterDim.x = g.cluster;
		a->value.clusterDim.y = a->value.clusterDim.z = 1;
	}
	void *params[1] = {(void *)args};
	return cuLaunchKernelEx(&c, (CUfunction)function, params, NULL);
}

int ort_cuda_tensor_map(ort_cuda_shim *s, uint64_t address, uint64_t rows, uint64_t cols, uint32_t box_rows, uint32_t box_cols, void *map) {
	TRY(ort_cuda_use(s));
	CUtensorMap m; // whose type aligns it as the driver wants
	cuuint64_t size[2] = {cols, rows}, stride[1] = {2 * cols};
	cuuint32_t box[2] = {box_cols, box_rows}, step[2] = {1, 1};
	TRY(cuTensorMapEncodeTiled(&m, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 2, (void *)(uintptr_t)address, size, stride, box, step,
	                           CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
	                           CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE));
	memcpy(map, &m, sizeof m);
	return CUDA_SUCCESS;
}

// ---- copies

// next_slot records the end of the current slot's copies and goes on to the
// next one for copies to the device, once its own are done.
static int next_slot(ort_cuda_shim *s) {
	if (s->slot[s->at].used > 0)
		TRY(cuEventRecord(s->slot[s->at].done, s->stream));
	s->at = (s->at + 1) % (s->slots - 1);
	TRY(cuEventSynchronize(s->slot[s->at].done));
	s->slot[s->at].used = 0;
	return CUDA_SUCCESS;
}

int ort_cuda_write(ort_cuda_shim *s, uint64_t dst, const void *src, size_t n) {
	TRY(ort_cuda_use(s));
	const uint8_t *from = src;
	while (n > 0) {
		if (s->slot[s->at].used == s->slot_bytes)
			TRY(next_slot(s));
		slot *b = &s->slot[s->at];
		size_t part = s->slot_bytes - b->used < n ? s->slot_bytes - b->used : n;
		memcpy(b->host + b->used, from, part);
		TRY(cuMemcpyHtoDAsync((CUdeviceptr)dst, b->host + b->used, part, s->stream));
		b->used += (part + 63) / 64 * 64; // a slot is a multiple of 64
		from += part;
		dst += part;
		n -= part;
	}
	return CUDA_SUCCESS;
}

int ort_cuda_read(ort_cuda_shim *s, void *dst, uint64_t src, size_t n) {
	TRY(ort_cuda_use(s));
	uint8_t *to = dst, *host = s->slot[s->slots - 1].host;
	do { // also where n is 0: Read waits for all work
		size_t part = n < s->slot_bytes ? n : s->slot_bytes;
		if (part > 0)
			TRY(cuMemcpyDtoHAsync(host, (CUdeviceptr)src, part, s->stream));
		TRY(cuStreamSynchronize(s->stream));
		memcpy(to, host, part);
		to += part;
		src += part;
		n -= part;
	} while (n > 0);
	return CUDA_SUCCESS;
}

int ort_cuda_later(ort_cuda_shim *s, uint64_t src, size_t n, int *ticket) {
	TRY(ort_cuda_use(s));
	if (n > s->slot_bytes)
		return CUDA_ERROR_INVALID_VALUE;
	slot *b = &s->later[*ticket = s->next];
	s->next ^= 1;
	TRY(cuMemcpyDtoHAsync(b->host, (CUdeviceptr)src, n, s->stream));
	return cuEventRecord(b->done, s->stream);
}

int ort_cuda_await(ort_cuda_shim *s, int ticket, void *dst, size_t n) {
	TRY(ort_cuda_use(s));
	TRY(cuEventSynchronize(s->later[ticket].done));
	memcpy(dst, s->later[ticket].host, n);
	return CUDA_SUCCESS;
}

int ort_cuda_copy(ort_cuda_shim *s, uint64_t dst, uint64_t src, size_t n) {
	TRY(ort_cuda_use(s));
	return cuMemcpyDtoDAsync((CUdeviceptr)dst, (CUdeviceptr)src, n, s->stream);
}

int ort_cuda_zero(ort_cuda_shim *s, uint64_t dst, size_t n) {
	TRY(ort_cuda_use(s));
	return cuMemsetD8Async((CUdeviceptr)dst, 0, n, s->stream);
}

// ---- the ring

// A part of the ring: `sent` is recorded when its copy is queued, `done` when the launches that read it are.
typedef struct {
	CUevent sent, done;
} part;

struct ort_cuda_ring {
	ort_cuda_shim *shim;
	CUstream stream;
	size_t slots, slot_bytes;
	uint8_t *host;      // [slots][slot_bytes]
	CUdeviceptr device; // [slots][slot_bytes]
	part *part;         // [slots]
};

static int open_ring(ort_cuda_ring *r) {
	TRY(ort_cuda_use(r->shim));
	TRY(cuStreamCreate(&r->stream, CU_STREAM_NON_BLOCKING));
	TRY(cuMemHostAlloc((void **)&r->host, r->slots * r->slot_bytes, CU_MEMHOSTALLOC_PORTABLE));
	TRY(cuMemAlloc(&r->device, r->slots * r->slot_bytes));
	for (size_t i = 0; i < r->slots; i++) {
		TRY(cuEventCreate(&r->part[i].sent, CU_EVENT_DISABLE_TIMING));
		TRY(cuEventCreate(&r->part[i].done, CU_EVENT_DISABLE_TIMING));
	}
	return CUDA_SUCCESS;
}

int ort_cuda_ring_open(ort_cuda_ring **out, ort_cuda_shim *s, size_t slots, size_t slot_bytes) {
	ort_cuda_ring *r = calloc(1, sizeof *r);
	*out = NULL;
	if (!r || !(r->part = calloc(slots, sizeof *r->part))) {
		free(r);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	r->shim = s;
	r->slots = slots;
	r->slot_bytes = slot_bytes;
	int result = open_ring(r);
	if (result != CUDA_SUCCESS)
		ort_cuda_ring_close(r);
	else
		*out = r;
	return result;
}

uint8_t *ort_cuda_ring_host(ort_cuda_ring *r, size_t slot) { return r->host + slot * r->slot_bytes; }
uint64_t ort_cuda_ring_device(ort_cuda_ring *r, size_t slot) { return (uint64_t)r->device + slot * r->slot_bytes; }

int ort_cuda_ring_wait(ort_cuda_ring *r, size_t slot) {
	TRY(ort_cuda_use(r->shim));
	return cuEventSynchronize(r->part[slot].sent); // at once where it was never recorded
}

int ort_cuda_ring_send(ort_cuda_ring *r, size_t slot, size_t n) {
	TRY(ort_cuda_use(r->shim));
	part *p = &r->part[slot];
	TRY(cuStreamWaitEvent(r->stream, p->done, 0));
	TRY(cuMemcpyHtoDAsync((CUdeviceptr)ort_cuda_ring_device(r, slot), ort_cuda_ring_host(r, slot), n, r->stream));
	TRY(cuEventRecord(p->sent, r->stream));
	return cuStreamWaitEvent(r->shim->stream, p->sent, 0);
}

int ort_cuda_ring_done(ort_cuda_ring *r, size_t slot) {
	TRY(ort_cuda_use(r->shim));
	return cuEventRecord(r->part[slot].done, r->shim->stream);
}

int ort_cuda_ring_close(ort_cuda_ring *r) {
	int first = ort_cuda_use(r->shim), next;
	if (r->stream) {
		if ((next = cuStreamSynchronize(r->stream)) && !first)
			first = next;
		if ((next = cuStreamSynchronize(r->shim->stream)) && !first)
			first = next;
	}
	for (size_t i = 0; i < r->slots; i++) {
		if (r->part[i].sent)
			cuEventDestroy(r->part[i].sent);
		if (r->part[i].done)
			cuEventDestroy(r->part[i].done);
	}
	if (r->device && (next = cuMemFree(r->device)) && !first)
		first = next;
	if (r->host && (next = cuMemFreeHost(r->host)) && !first)
		first = next;
	if (r->stream && (next = cuStreamDestroy(r->stream)) && !first)
		first = next;
	free(r->part);
	free(r);
	return first;
}

// ---- graphs

int ort_cuda_capture_begin(ort_cuda_shim *s) {
	TRY(ort_cuda_use(s));
	return cuStreamBeginCapture(s->stream, CU_STREAM_CAPTURE_MODE_RELAXED);
}

int ort_cuda_capture_end(ort_cuda_shim *s, int drop, uintptr_t *exec) {
	CUgraph graph = NULL;
	CUgraphExec e = NULL;
	*exec = 0;
	TRY(ort_cuda_use(s));
	TRY(cuStreamEndCapture(s->stream, &graph));
	CUresult r = CUDA_SUCCESS;
	if (!drop)
		r = cuGraphInstantiateWithFlags(&e, graph, 0);
	if (graph)
		cuGraphDestroy(graph);
	*exec = (uintptr_t)e;
	return r;
}

int ort_cuda_replay(ort_cuda_shim *s, uintptr_t exec) {
	TRY(ort_cuda_use(s));
	return cuGraphLaunch((CUgraphExec)exec, s->stream);
}

int ort_cuda_free_graph(ort_cuda_shim *s, uintptr_t exec) {
	TRY(ort_cuda_use(s));
	return cuGraphExecDestroy((CUgraphExec)exec);
}

// ---- errors

const char *ort_cuda_error_name(int result) {
	const char *text = NULL;
	return cuGetErrorName((CUresult)result, &text) == CUDA_SUCCESS && text ? text : "";
}

const char *ort_cuda_error_text(int result) {
	const char *text = NULL;
	return cuGetErrorString((CUresult)result, &text) == CUDA_SUCCESS && text ? text : "";
}
