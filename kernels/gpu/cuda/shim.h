// The calls of NVIDIA's driver that gorgonia.org/cu lacks, and those that must
// be one call from Go: launches, copies between host and device, graphs.
//
// Every function returns a CUresult, makes the driver's context current on the
// calling thread first, and takes handles and device addresses as integers.
#pragma once

#include <stddef.h>
#include <stdint.h>

// ort_cuda_shim is one context with its stream, the page-locked buffers through which
// copies go, and their events.
typedef struct ort_cuda_shim ort_cuda_shim;

// ort_cuda_grid is gpu.Grid.
typedef struct {
	uint32_t x, y, z, threads, shared, cluster;
	int overlap;
} ort_cuda_grid;

// Makes a shim of a context (a CUcontext) and a stream (a CUstream) with `slots` buffers of slot_bytes each.
int ort_cuda_open(ort_cuda_shim **out, uintptr_t ctx, uintptr_t stream, size_t slots, size_t slot_bytes);
// Frees what ort_cuda_open made; context and stream stay.
void ort_cuda_close(ort_cuda_shim *s);
// Makes the context current on this thread.
int ort_cuda_use(ort_cuda_shim *s);

// Shared memory of 48 KB and more must be allowed once for each function.
int ort_cuda_allow_shared(ort_cuda_shim *s, uintptr_t function, size_t bytes);
// Sets *bytes to the size of a kernel's one parameter; CUDA_ERROR_NOT_FOUND where
// the driver does not tell, CUDA_ERROR_INVALID_VALUE if there are several.
int ort_cuda_param_bytes(ort_cuda_shim *s, uintptr_t function, size_t *bytes);
int ort_cuda_launch(ort_cuda_shim *s, uintptr_t function, ort_cuda_grid g, const void *args);

// Writes the tensor map, a CUtensorMap of 128 bytes, of a row-major matrix of 16-bit values at a device address, out of which boxes of
// box_rows by box_cols values are copied, 128 bytes of a row at most, swizzled by 128 bytes; zeros stand for what lies outside.
int ort_cuda_tensor_map(ort_cuda_shim *s, uint64_t address, uint64_t rows, uint64_t cols, uint32_t box_rows, uint32_t box_cols, void *map);

// Queues a copy from src, which may change as soon as the call returns.
int ort_cuda_write(ort_cuda_shim *s, uint64_t dst, const void *src, size_t n);
// Waits for all work and copies to dst.
int ort_cuda_read(ort_cuda_shim *s, void *dst, uint64_t src, size_t n);
// Queues a copy of n bytes, at most slot_bytes, to a buffer of the host; ort_cuda_await waits for it and copies it
// to dst. Two may be under way.
int ort_cuda_later(ort_cuda_shim *s, uint64_t src, size_t n, int *ticket);
int ort_cuda_await(ort_cuda_shim *s, int ticket, void *dst, size_t n);
int ort_cuda_copy(ort_cuda_shim *s, uint64_t dst, uint64_t src, size_t n);
int ort_cuda_zero(ort_cuda_shim *s, uint64_t dst, size_t n);

// ort_cuda_ring is gpu.Ring: page-locked memory in slots, as much memory of the device, and a stream for the copies
// between them.
typedef struct ort_cuda_ring ort_cuda_ring;

int ort_cuda_ring_open(ort_cuda_ring **out, ort_cuda_shim *s, size_t slots, size_t slot_bytes);
uint8_t *ort_cuda_ring_host(ort_cuda_ring *r, size_t slot);
uint64_t ort_cuda_ring_device(ort_cuda_ring *r, size_t slot);
int ort_cuda_ring_wait(ort_cuda_ring *r, size_t slot);
int ort_cuda_ring_send(ort_cuda_ring *r, size_t slot, size_t n);
int ort_cuda_ring_done(ort_cuda_ring *r, size_t slot);
// Waits for what is queued, frees all, and returns the first failure.
int ort_cuda_ring_close(ort_cuda_ring *r);

int ort_cuda_capture_begin(ort_cuda_shim *s);
// Ends the recording; *exec is a CUgraphExec, or 0 on failure or if drop is not 0.
int ort_cuda_capture_end(ort_cuda_shim *s, int drop, uintptr_t *exec);
int ort_cuda_replay(ort_cuda_shim *s, uintptr_t exec);
int ort_cuda_free_graph(ort_cuda_shim *s, uintptr_t exec);

// ort_cuda_clocks is what NVML says of a GPU now; 0: not known.
typedef struct {
	unsigned sm_mhz, memory_mhz, power_mw, celsius;
	char driver[80]; // version of NVIDIA's driver, such as 580.95.05
} ort_cuda_clocks;

// Asks NVML about the GPU at a PCI address; returns 0 where there is no NVML or no such GPU.
int ort_cuda_read_clocks(unsigned domain, unsigned bus, unsigned device, ort_cuda_clocks *out);

// The name and the text of a CUresult; empty where there is no driver.
const char *ort_cuda_error_name(int result);
const char *ort_cuda_error_text(int result);
