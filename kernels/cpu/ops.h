// The operations that the Go side calls; one call per operation of the seam.
// The compute operations return at once and run in order on the device's own
// thread; what they point to must stay until ort_wait, ort_read or ort_write.
// Addresses come as uintptr_t: device memory is C memory.
#ifndef ORT_OPS_H
#define ORT_OPS_H

#include <stdint.h>

typedef struct ort_device ort_device;

typedef struct { uintptr_t addr; int type; float scale; int64_t out, in; } ort_mat_w;
typedef struct { uintptr_t k, v, ks, vs; int type, heads, dim; } ort_cache;
typedef struct { int n, pages; uintptr_t pos, slot, seq, table; } ort_rows;

ort_device *ort_open(int threads, const char *isa, int exact);
void ort_close(ort_device *d);
const char *ort_isa(const ort_device *d);
int ort_threads(const ort_device *d);
int ort_has_isa(const char *isa);
// Waits for all operations; nonzero after one of them could get no memory.
int ort_wait(ort_device *d);

// These wait for the operations before them.
void ort_write(ort_device *d, uintptr_t dst, const void *src, int64_t n);
int ort_read(ort_device *d, void *dst, uintptr_t src, int64_t n); // ort_wait's result
// Zeroed address space, aligned to a huge page and in huge pages where the
// system has them; memory is taken when it is touched. 0 where there is none.
uintptr_t ort_map(int64_t n);
void ort_unmap(uintptr_t p, int64_t n);
// Gives the memory of the whole pages within p[0..n) back; they read as zero.
void ort_discard(uintptr_t p, int64_t n);
// Writes to all of p[0..n).
void ort_fill(uintptr_t p, int64_t n);

int64_t ort_packed_bytes(int type, int64_t out, int64_t in);
// Packs rows [row, row+n) of a matrix; row is a multiple of 16.
void ort_pack_rows(int type, uintptr_t dst, int64_t in, int64_t row, const uint8_t *src, int64_t n, const int8_t *book);

void ort_embed(ort_device *d, uintptr_t y, ort_mat_w table, uintptr_t ids, int n);
void ort_norm_qkv(ort_device *d, uintptr_t q, ort_cache c, uintptr_t x, uintptr_t norm, ort_mat_w wq, ort_mat_w wk, ort_mat_w wv,
                  uintptr_t qnorm, uintptr_t knorm, uintptr_t rope, float eps, int heads, ort_rows at);
void ort_attend_rows(ort_device *d, uintptr_t y, uintptr_t q, int heads, ort_cache c, ort_rows at);
void ort_mul_add(ort_device *d, uintptr_t x, uintptr_t y, ort_mat_w w, int n);
void ort_norm_gate_up(ort_device *d, uintptr_t h, uintptr_t x, uintptr_t norm, ort_mat_w gate, ort_mat_w up, float eps, int n);
void ort_norm_logits(ort_device *d, uintptr_t y, uintptr_t x, uintptr_t norm, ort_mat_w w, float eps, uintptr_t want, int n);

// Waits for the operations, then ort_measure_reads (cpu.h).
double ort_read_bandwidth(ort_device *d, const uintptr_t *base, const int64_t *size, int spans, double seconds, double *ways);

#endif
