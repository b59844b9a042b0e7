// Declarations shared by the C files of the CPU device.
//
// Weights are packed in panels of 16 output rows. A quantised panel is a run of
// "supers" (32, 64 or 256 columns), each a header of scales followed by tiles of 32
// columns; format.c describes them. A tile unpacks to 8 steps of 64 bytes, step
// s holding, for each of 16 rows, the 4 codes of columns 4s..4s+3, so that one
// dot-product instruction takes 16 rows by 4 columns. A float panel is
// [In][16] in f32, f16 or bf16.
//
// Activations go in tiles of MR rows (1..ORT_MR of the instruction set). Their
// quantised form is, for each 32 columns (struct layout for MR rows):
//   int8  q[8][MR][4]   codes of columns 4s..4s+3
//   float d[2][MR]      scale of each half of 16 columns: x = d*q
//   float f[3][MR]      sum(q) of each half; then d*sum(q) of both together
// and their float form is [In][MR] f32.
#ifndef ORT_CPU_H
#define ORT_CPU_H

#include <stddef.h>
#include <stdint.h>

#define ORT_ROWS 16         // output rows of a panel
#define ORT_MR 8            // most activation rows of a tile
#define ORT_FEW 4           // rows up to which a panel is not unpacked to memory
#define ORT_XTILE 52        // bytes of a quantised activation tile for one row
#define ORT_WAYS 5          // access patterns of the bandwidth measure
#define ORT_PAGE 64         // tokens of a KV page
#define ORT_MAX_HEAD_DIM 256
#define ORT_KFLOAT 256      // columns unpacked at a time on the float path

// Kinds of code planes in a tile.
enum { PLANE_4, PLANE_41, PLANE_42, PLANE_8, PLANE_21, PLANE_2, PLANE_FLOAT };

// Kinds of scale headers.
enum {
	HEAD_D,     // f16 d[16]; super of 32
	HEAD_DM,    // f16 d[16], f16 m[16]; w = d*q + m; super of 32
	HEAD_K4,    // f16 d[16], dmin[16], 6-bit scales and mins of 8 groups of 32
	HEAD_Q2,    // f16 d[16], dmin[16], u8 [16][16]: scale | min<<4, groups of 16
	HEAD_S16,   // f16 d[16], s8 [16][16], groups of 16
	HEAD_S32,   // f16 d[16], s8 [8][16], groups of 32
	HEAD_DZ,    // f16 d[16], u8 z[16]; w = d*(q - z); super of 32
	HEAD_E16,   // e4m3 [4][16], 0x7f for 480, groups of 16; super of 64
	HEAD_NONE
};

// ort_format describes one packed weight format.
typedef struct {
	int type;          // kernels.Type
	int plane, head;
	int super;         // columns of a super: 32, 64 or 256; 1 for floats
	int block;         // bytes of a source block of `super` columns
	int header, tile;  // bytes
	int off;           // value = scale*(code - off) [- min]
	int has_min;
	int group;         // 16 or 32 columns to a scale
	float dmul;        // d is multiplied by this power of two
	const uint8_t *lut; // 16 entries from packed code to code, or NULL
} ort_format;

// One unpacked tile of 16 rows by 32 columns.
// value(r, k) = ds[k/16][r]*(q - off) - mn[k/16][r]
typedef struct {
	uint8_t q[8][64];
	float ds[2][ORT_ROWS];
	float mn[2][ORT_ROWS];
} __attribute__((aligned(64))) ort_tile;

// One weight matrix as the kernels see it.
typedef struct {
	const ort_format *fmt;
	const uint8_t *data;
	int64_t out, in;
	int64_t panel; // bytes of a panel
	float scale;   // of all values
} ort_weight;

// ort_attend is one work item of attention: rows of one sequence that follow
// each other, against one KV head.
typedef struct {
	const float *q;      // [rows, ldq], first query head of this KV head
	float *y;            // [rows, ldq]
	int64_t ldq;
	int rows;            // rows of this item
	int group;           // query heads of this KV head
	int dim;
	int pos;             // position of the first row
	const int32_t *table;
	const void *k, *v;   // [page][heads][64][dim]
	const float *ks, *vs; // [page][heads][64], 8-bit cache only
	int heads, head;
	int type;            // 0 f16, 1 f32, 2 int8
} ort_attend;

// ort_kernels is what one instruction set provides.
typedef struct {
	const char *name;
	int mr;     // rows of an activation tile
	int ktiles; // tiles unpacked at a time, a multiple of 8
	// unpack one super of a quantised panel into super/32 tiles.
	void (*unpack)(const ort_format *f, const uint8_t *super, ort_tile *out);
	// unpack n columns of a panel, from column col, to f32 [n][16].
	void (*unpack_float)(const ort_format *f, const uint8_t *panel, int64_t col, int n, float *out);
	// acc[mr][16] += tiles · x, over n tiles.
	void (*dot)(const ort_format *f, int mr, const ort_tile *w, int n, const uint8_t *x, float *acc);
	// acc[2][mr][16] += w · x over n columns; even and odd columns apart.
	void (*dot_float)(int mr, const float *w, int n, const float *x, float *acc);
	// One panel times one tile of mr <= ORT_FEW rows, straight from the packed
	// form: acc[mr][16] += w · x. Same operations in the same order as unpack and dot.
	void (*panel_rows)(const ort_format *f, int mr, const uint8_t *panel, int64_t in, const uint8_t *x, float *acc);
	// The same for a panel on the float path; acc[mr][16] = w · x.
	void (*panel_float_rows)(const ort_format *f, int mr, const uint8_t *panel, int64_t in, const float *x, float *acc);
	void (*rms_norm)(float *y, const float *x, const float *w, int64_t n, float eps);
	// quantise one row into slot r of a tile of mr rows.
	void (*quantise)(uint8_t *tile, int mr, int r, const float *x, int64_t n);
	void (*silu_mul)(float *h, const float *g, const float *u, int n);
	void (*attend)(const ort_attend *a, float *scratch);
	void (*store_f16)(uint16_t *dst, const float *src, int n);
	// Reads p[0..n) in one of ORT_WAYS ways, for the bandwidth measure.
	uint64_t (*read_span)(int way, const uint8_t *p, size_t n);
} ort_kernels;

const ort_kernels *ort_kernels_generic(void);
const ort_kernels *ort_kernels_avx2(void);   // NULL where not available
const ort_kernels *ort_kernels_avx512(void); // NULL where not available

// format.c
const ort_format *ort_find_format(int type);
int64_t ort_panel_bytes(const ort_format *f, int64_t in);
// Packs the 16 rows of one panel; rows beyond n are zero. src is [n] rows of
// rowbytes. book is the format's codebook, or NULL.
void ort_pack_panel(const ort_format *f, uint8_t *dst, const uint8_t *src, int64_t rowbytes, int n, int64_t in, const int8_t *book);

// pool.c
typedef struct ort_pool ort_pool;
typedef void (*ort_job)(void *arg, int64_t item, int thread);
ort_pool *ort_pool_new(int threads);
void ort_pool_free(ort_pool *p);
int ort_pool_threads(const ort_pool *p);
// Runs job for items 0..n-1 on all threads and waits; up to grain items are not
// worth a second thread.
void ort_pool_run(ort_pool *p, ort_job job, void *arg, int64_t n, int64_t grain);

// bandwidth.c
// Bytes per second that the pool reads from these spans, at least 1 GiB, in the
// fastest of ORT_WAYS ways, each in the mean over its part of the given time;
// ways[ORT_WAYS] gets all of them. 0 where the spans are too short.
double ort_measure_reads(ort_pool *pool, const ort_kernels *k, const uintptr_t *base, const int64_t *size, int spans, double seconds, double *ways);

// queue.c
typedef struct ort_queue ort_queue;
typedef void (*ort_operation)(void *device, const void *args);
#define ORT_ARGS 512 // most bytes of an operation's arguments
ort_queue *ort_queue_new(void *device);
void ort_queue_free(ort_queue *q); // runs what is in it first
// Waits until no more than `left` operations are unfinished.
void ort_queue_wait(ort_queue *q, uint64_t left);
// Adds an operation with n bytes of arguments, once fewer than depth are unfinished.
void ort_queue_put(ort_queue *q, ort_operation op, const void *args, size_t n, uint64_t depth);

// Threads that wait for the next operation spin for this long before they sleep.
enum { ORT_SPIN_NS = 50000 };

static inline void ort_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

int64_t ort_now_ns(void);

static inline float ort_half(uint16_t h) {
	uint32_t s = (uint32_t)(h & 0x8000) << 16, e = (h >> 10) & 31, m = h & 1023, b;
	union { uint32_t u; float f; } v;
	if (e == 31) b = 0x7f800000u | (m << 13);
	else if (e) b = ((e + 112) << 23) | (m << 13);
	else { v.f = (float)m * 5.9604644775390625e-8f; b = v.u; }
	v.u = b | s;
	return v.f;
}

#endif
