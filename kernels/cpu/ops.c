// The operations of the seam on the CPU: each prepares its activations once,
// then shares the panels of its matrices among the threads.
#define _GNU_SOURCE
#include "ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"

typedef struct { void *p; size_t n; } span;

struct ort_device {
	const ort_kernels *k;
	ort_pool *pool;
	ort_queue *queue; // its thread is the first of the pool
	int exact;
	_Atomic int failed;
	span xq, xf, kv;  // activations: quantised, float; K and V before they are stored
	span *scratch;    // one for each thread
};

// ---- device and memory ------------------------------------------------

static const ort_kernels *find_isa(const char *isa) {
	const ort_kernels *all[] = {ort_kernels_avx512(), ort_kernels_avx2(), ort_kernels_generic()};
	for (int i = 0; i < 3; i++)
		if (all[i] && (!*isa || !strcmp(isa, all[i]->name))) return all[i];
	return NULL;
}

int ort_has_isa(const char *isa) { return find_isa(isa) != NULL; }

ort_device *ort_open(int threads, const char *isa, int exact) {
	const ort_kernels *k = find_isa(isa);
	ort_device *d = calloc(1, sizeof *d);
	if (!k || !d) { free(d); return NULL; }
	d->k = k;
	d->exact = exact;
	d->scratch = calloc((size_t)threads, sizeof *d->scratch);
	d->pool = d->scratch ? ort_pool_new(threads) : NULL;
	d->queue = d->pool ? ort_queue_new(d) : NULL;
	if (!d->queue) {
		if (d->pool) ort_pool_free(d->pool);
		free(d->scratch);
		free(d);
		return NULL;
	}
	return d;
}

void ort_close(ort_device *d) {
	ort_queue_free(d->queue);
	for (int i = 0; i < ort_pool_threads(d->pool); i++) free(d->scratch[i].p);
	ort_pool_free(d->pool);
	free(d->scratch);
	free(d->xq.p); free(d->xf.p); free(d->kv.p);
	free(d);
}

const char *ort_isa(const ort_device *d) { return d->k->name; }
int ort_threads(const ort_device *d) { return ort_pool_threads(d->pool); }

int ort_wait(ort_device *d) {
	ort_queue_wait(d->queue, 0);
	return d->failed;
}

// Hands an operation over. Steps of many rows stay a layer ahead at most, so
// that the caller can still end one; for few rows a whole step is in the queue.
static void submit(ort_device *d, ort_operation op, const void *args, size_t n, int rows) {
	ort_queue_put(d->queue, op, args, n, rows > 16 ? 5 : 1 << 20);
}

void ort_write(ort_device *d, uintptr_t dst, const void *src, int64_t n) {
	ort_queue_wait(d->queue, 0);
	memcpy((void *)dst, src, (size_t)n);
}

int ort_read(ort_device *d, void *dst, uintptr_t src, int64_t n) {
	if (!ort_wait(d)) memcpy(dst, (const void *)src, (size_t)n);
	return d->failed;
}

// Makes s at least n bytes, contents undefined. NULL where there is no memory.
static void *grow(ort_device *d, span *s, size_t n) {
	if (s->n >= n) return s->p;
	free(s->p);
	s->p = NULL;
	s->n = 0;
	n += n / 4;
	if (posix_memalign(&s->p, 64, n)) { s->p = NULL; d->failed = 1; return NULL; }
	s->n = n;
	return s->p;
}

// Makes every thread's scratch at least n bytes. 0 where there is no memory.
static int grow_scratch(ort_device *d, size_t n) {
	for (int i = 0; i < ort_pool_threads(d->pool); i++)
		if (!grow(d, &d->scratch[i], n)) return 0;
	return 1;
}

// ---- packing ----------------------------------------------------------

int64_t ort_packed_bytes(int type, int64_t out, int64_t in) {
	return (out + ORT_ROWS - 1) / ORT_ROWS * ort_panel_bytes(ort_find_format(type), in);
}

void ort_pack_rows(int type, uintptr_t dst, int64_t in, int64_t row, const uint8_t *src, int64_t n, const int8_t *book) {
	const ort_format *f = ort_find_format(type);
	int64_t panel = ort_panel_bytes(f, in), rowbytes = in / f->super * f->block;
	for (int64_t r = 0; r < n; r += ORT_ROWS) {
		int m = n - r < ORT_ROWS ? (int)(n - r) : ORT_ROWS;
		ort_pack_panel(f, (uint8_t *)dst + (row + r) / ORT_ROWS * panel, src + r * rowbytes, rowbytes, m, in, book);
	}
}

static ort_weight weight(ort_mat_w m) {
	const ort_format *f = ort_find_format(m.type);
	return (ort_weight){f, (const uint8_t *)m.addr, m.out, m.in, ort_panel_bytes(f, m.in), m.scale};
}

static int is_float(const ort_device *d, const ort_weight *w) { return d->exact || w->fmt->plane == PLANE_FLOAT; }

// ---- activations ------------------------------------------------------

// x [n][in], normalised if norm is set, in the forms that the weights need.
typedef struct {
	ort_device *d;
	const float *x, *norm;
	const int32_t *want; // row i is x[want[i]]; NULL: row i
	float eps;
	int n, mr;
	int64_t in;
	uint8_t *q;
	float *f;
} rows_in;

static int tile_rows(const rows_in *a, int64_t t) {
	int64_t left = a->n - t * a->mr;
	return left < a->mr ? (int)left : a->mr;
}

static void prepare_tile(void *arg, int64_t t, int thread) {
	rows_in *a = arg;
	const ort_kernels *k = a->d->k;
	float *tmp = a->d->scratch[thread].p;
	int mr = tile_rows(a, t);
	for (int r = 0; r < mr; r++) {
		int64_t row = t * a->mr + r;
		const float *x = a->x + (a->want ? a->want[row] : row) * a->in;
		if (a->norm) { k->rms_norm(tmp, x, a->norm, a->in, a->eps); x = tmp; }
		if (a->q) k->quantise(a->q + t * a->mr * (a->in / 32) * ORT_XTILE, mr, r, x, a->in);
		if (a->f) {
			float *f = a->f + t * a->mr * a->in + r;
			for (int64_t i = 0; i < a->in; i++) f[i * mr] = x[i];
		}
	}
}

// Prepares the rows for the weights w[0..nw). 0 where there is no memory.
static int prepare(rows_in *a, const ort_weight *w, int nw) {
	int need_q = 0, need_f = 0;
	for (int i = 0; i < nw; i++) {
		if (is_float(a->d, &w[i])) need_f = 1;
		else need_q = 1;
	}
	a->mr = a->d->k->mr;
	a->q = NULL;
	a->f = NULL;
	if (need_q && !(a->q = grow(a->d, &a->d->xq, (size_t)a->n * (size_t)(a->in / 32) * ORT_XTILE))) return 0;
	if (need_f && !(a->f = grow(a->d, &a->d->xf, (size_t)a->n * (size_t)a->in * 4))) return 0;
	if (!grow_scratch(a->d, (size_t)a->in * 4)) return 0;
	ort_pool_run(a->d->pool, prepare_tile, a, (a->n + a->mr - 1) / a->mr, 1);
	return 1;
}

// ---- panels -----------------------------------------------------------

static void panel_float(const rows_in *a, const ort_weight *w, const uint8_t *panel, float *tile, float *acc) {
	const ort_kernels *k = a->d->k;
	int64_t tiles = (a->n + a->mr - 1) / a->mr;
	if (a->n <= ORT_FEW && w->fmt->plane == PLANE_FLOAT) {
		k->panel_float_rows(w->fmt, a->n, panel, w->in, a->f, acc);
		return;
	}
	memset(acc, 0, (size_t)a->n * 2 * ORT_ROWS * 4);
	for (int64_t col = 0; col < w->in; col += ORT_KFLOAT) {
		int n = w->in - col < ORT_KFLOAT ? (int)(w->in - col) : ORT_KFLOAT;
		const float *wf = tile;
		if (w->fmt->type == 0) wf = (const float *)panel + col * ORT_ROWS;
		else k->unpack_float(w->fmt, panel, col, n, tile);
		for (int64_t t = 0; t < tiles; t++) {
			int mr = tile_rows(a, t);
			k->dot_float(mr, wf, n, a->f + t * a->mr * w->in + col * mr, acc + t * a->mr * 2 * ORT_ROWS);
		}
	}
	for (int64_t t = 0; t < tiles; t++) { // even and odd columns together
		int mr = tile_rows(a, t);
		float *even = acc + t * a->mr * 2 * ORT_ROWS, *odd = even + mr * ORT_ROWS, *to = acc + t * a->mr * ORT_ROWS;
		for (int i = 0; i < mr * ORT_ROWS; i++) to[i] = even[i] + odd[i];
	}
}

static void panel_quantised(const rows_in *a, const ort_weight *w, const uint8_t *panel, ort_tile *tile, float *acc) {
	const ort_kernels *k = a->d->k;
	const ort_format *f = w->fmt;
	memset(acc, 0, (size_t)a->n * ORT_ROWS * 4);
	if (a->n <= ORT_FEW) { k->panel_rows(f, a->n, panel, w->in, a->q, acc); return; }
	int per = f->super / 32;
	int64_t kt = w->in / 32, tiles = (a->n + a->mr - 1) / a->mr, bytes = f->header + (int64_t)per * f->tile;
	for (int64_t k0 = 0; k0 < kt; k0 += k->ktiles) {
		int n = kt - k0 < k->ktiles ? (int)(kt - k0) : k->ktiles;
		for (int i = 0; i < n; i += per) k->unpack(f, panel + (k0 + i) / per * bytes, tile + i);
		for (int64_t t = 0; t < tiles; t++) {
			int mr = tile_rows(a, t);
			const uint8_t *x = a->q + (t * a->mr * kt + k0 * mr) * ORT_XTILE;
			k->dot(f, mr, tile, n, x, acc + t * a->mr * ORT_ROWS);
		}
	}
}

// Scratch of a thread for matmul: one unpacked tile block, then accumulators.
static size_t tile_bytes(const ort_kernels *k) {
	size_t q = sizeof(ort_tile) * (size_t)k->ktiles, f = (size_t)ORT_KFLOAT * ORT_ROWS * 4;
	return q > f ? q : f;
}

static size_t acc_bytes(int n) { return ((size_t)n * 2 * ORT_ROWS * 4 + 63) & ~(size_t)63; }

// acc[n][16] = x · (the panel's 16 rows)
static void panel_dot(const rows_in *a, const ort_weight *w, int64_t panel, void *tile, float *acc) {
	const uint8_t *p = w->data + panel * w->panel;
	if (is_float(a->d, w)) panel_float(a, w, p, tile, acc);
	else panel_quantised(a, w, p, tile, acc);
	if (w->scale != 1) for (int i = 0; i < a->n * ORT_ROWS; i++) acc[i] *= w->scale;
}

// ---- matrix products --------------------------------------------------

enum { MAX_W = 3 };
enum product { PUT, ADD, SILU_MUL };

typedef struct {
	const rows_in *a;
	enum product mode;
	int nw;
	ort_weight w[MAX_W];
	float *out[MAX_W]; // [n][w.out]
} matmul;

static int64_t panels(const ort_weight *w) { return (w->out + ORT_ROWS - 1) / ORT_ROWS; }

static void matmul_panel(void *arg, int64_t item, int thread) {
	matmul *m = arg;
	const rows_in *a = m->a;
	char *s = a->d->scratch[thread].p;
	float *acc = (float *)(s + tile_bytes(a->d->k)), *acc2 = acc + acc_bytes(a->n) / 4;
	int i = 0;
	if (m->mode == SILU_MUL) {
		panel_dot(a, &m->w[0], item, s, acc2);
		panel_dot(a, &m->w[1], item, s, acc);
		a->d->k->silu_mul(acc, acc2, acc, a->n * ORT_ROWS);
	} else {
		while (item >= panels(&m->w[i])) item -= panels(&m->w[i++]);
		panel_dot(a, &m->w[i], item, s, acc);
	}
	const ort_weight *w = &m->w[i];
	int64_t left = w->out - item * ORT_ROWS;
	int cols = left < ORT_ROWS ? (int)left : ORT_ROWS;
	for (int r = 0; r < a->n; r++) {
		float *to = m->out[i] + r * w->out + item * ORT_ROWS, *from = acc + r * ORT_ROWS;
		if (m->mode == ADD) for (int c = 0; c < cols; c++) to[c] += from[c];
		else memcpy(to, from, (size_t)cols * 4);
	}
}

static void run_matmul(matmul *m) {
	ort_device *d = m->a->d;
	if (!grow_scratch(d, tile_bytes(d->k) + 2 * acc_bytes(m->a->n))) return;
	int64_t n = 0;
	for (int i = 0; i < (m->mode == SILU_MUL ? 1 : m->nw); i++) n += panels(&m->w[i]);
	ort_pool_run(d->pool, matmul_panel, m, n, 1);
}

// A matrix product as it waits in the queue.
typedef struct {
	rows_in a;
	matmul m;
} product_args;

static void run_product(void *device, const void *args) {
	product_args p = *(const product_args *)args;
	p.a.d = device;
	p.m.a = &p.a;
	if (!p.a.d->failed && prepare(&p.a, p.m.w, p.m.nw)) run_matmul(&p.m);
}

_Static_assert(sizeof(product_args) <= ORT_ARGS, "arguments too long for the queue");

void ort_mul_add(ort_device *d, uintptr_t x, uintptr_t y, ort_mat_w w, int n) {
	product_args p = {
		.a = {.x = (const float *)y, .n = n, .in = w.in},
		.m = {.mode = ADD, .nw = 1, .w = {weight(w)}, .out = {(float *)x}},
	};
	submit(d, run_product, &p, sizeof p, n);
}

void ort_norm_gate_up(ort_device *d, uintptr_t h, uintptr_t x, uintptr_t norm, ort_mat_w gate, ort_mat_w up, float eps, int n) {
	product_args p = {
		.a = {.x = (const float *)x, .norm = (const float *)norm, .eps = eps, .n = n, .in = gate.in},
		.m = {.mode = SILU_MUL, .nw = 2, .w = {weight(gate), weight(up)}, .out = {(float *)h}},
	};
	submit(d, run_product, &p, sizeof p, n);
}

void ort_norm_logits(ort_device *d, uintptr_t y, uintptr_t x, uintptr_t norm, ort_mat_w w, float eps, uintptr_t want, int n) {
	product_args p = {
		.a = {.x = (const float *)x, .norm = (const float *)norm, .want = (const int32_t *)want, .eps = eps, .n = n, .in = w.in},
		.m = {.mode = PUT, .nw = 1, .w = {weight(w)}, .out = {(float *)y}},
	};
	submit(d, run_product, &p, sizeof p, n);
}

typedef struct { ort_device *d; ort_weight w; const int32_t *ids; float *y; int n; } embed;

static void embed_row(void *arg, int64_t i, int thread) {
	embed *e = arg;
	float *tile = e->d->scratch[thread].p;
	int64_t id = e->ids[i];
	const uint8_t *panel = e->w.data + id / ORT_ROWS * e->w.panel;
	for (int64_t col = 0; col < e->w.in; col += ORT_KFLOAT) {
		int n = e->w.in - col < ORT_KFLOAT ? (int)(e->w.in - col) : ORT_KFLOAT;
		e->d->k->unpack_float(e->w.fmt, panel, col, n, tile);
		for (int k = 0; k < n; k++) e->y[i * e->w.in + col + k] = tile[k * ORT_ROWS + id % ORT_ROWS] * e->w.scale;
	}
}

static void run_embed(void *device, const void *args) {
	embed e = *(const embed *)args;
	e.d = device;
	if (!e.d->failed && grow_scratch(e.d, tile_bytes(e.d->k))) ort_pool_run(e.d->pool, embed_row, &e, e.n, 4);
}

void ort_embed(ort_device *d, uintptr_t y, ort_mat_w table, uintptr_t ids, int n) {
	embed e = {NULL, weight(table), (const int32_t *)ids, (float *)y, n};
	submit(d, run_embed, &e, sizeof e, n);
}

// ---- attention --------------------------------------------------------

typedef struct {
	ort_device *d;
	ort_cache c;
	ort_rows at;
	float *q, *k, *v; // [n][heads*dim], [n][kv heads*dim]
	const float *qnorm, *knorm, *rope;
	float eps;
	int heads;
} qkv;

// Rotates the halves of x [dim] by the angles of cs [dim/2][2].
static void rotate(float *x, const float *cs, int dim) {
	int half = dim / 2;
	for (int i = 0; i < half; i++) {
		float a = x[i], b = x[i + half], c = cs[2 * i], s = cs[2 * i + 1];
		x[i] = a * c - b * s;
		x[i + half] = b * c + a * s;
	}
}

// One head of one token into its slot of the cache.
static void append(const ort_kernels *k, int type, uintptr_t base, uintptr_t scales, int64_t at, const float *x, int dim) {
	if (type == 0) k->store_f16((uint16_t *)base + at * dim, x, dim);
	else if (type == 1) memcpy((float *)base + at * dim, x, (size_t)dim * 4);
	else {
		float most = 0;
		for (int i = 0; i < dim; i++) most = fmaxf(most, fabsf(x[i]));
		float scale = most / 127.0f, inv = most > 0 ? 127.0f / most : 0;
		for (int i = 0; i < dim; i++) ((int8_t *)base)[at * dim + i] = (int8_t)lrintf(x[i] * inv);
		((float *)scales)[at] = scale;
	}
}

static void qkv_row(void *arg, int64_t row, int thread) {
	(void)thread;
	qkv *a = arg;
	const ort_kernels *k = a->d->k;
	int dim = a->c.dim;
	const float *cs = a->rope + (int64_t)((const int32_t *)a->at.pos)[row] * dim;
	int64_t slot = ((const int32_t *)a->at.slot)[row];
	for (int h = 0; h < a->heads; h++) {
		float *q = a->q + (row * a->heads + h) * dim;
		k->rms_norm(q, q, a->qnorm, dim, a->eps);
		rotate(q, cs, dim);
	}
	for (int h = 0; h < a->c.heads; h++) {
		float *kr = a->k + (row * a->c.heads + h) * dim, *vr = a->v + (row * a->c.heads + h) * dim;
		int64_t at = (slot / ORT_PAGE * a->c.heads + h) * ORT_PAGE + slot % ORT_PAGE;
		k->rms_norm(kr, kr, a->knorm, dim, a->eps);
		rotate(kr, cs, dim);
		append(k, a->c.type, a->c.k, a->c.ks, at, kr, dim);
		append(k, a->c.type, a->c.v, a->c.vs, at, vr, dim);
	}
}

typedef struct {
	product_args p;
	qkv r;
} qkv_args;

_Static_assert(sizeof(qkv_args) <= ORT_ARGS, "arguments too long for the queue");

static void run_qkv(void *device, const void *args) {
	qkv_args a = *(const qkv_args *)args;
	ort_device *d = device;
	int n = a.r.at.n;
	size_t kv = (size_t)n * (size_t)a.p.m.w[1].out;
	float *k = d->failed ? NULL : grow(d, &d->kv, 2 * kv * 4);
	if (!k) return;
	a.p.m.out[1] = a.r.k = k;
	a.p.m.out[2] = a.r.v = k + kv;
	run_product(d, &a.p);
	a.r.d = d;
	if (!d->failed) ort_pool_run(d->pool, qkv_row, &a.r, n, 1);
}

void ort_norm_qkv(ort_device *d, uintptr_t q, ort_cache c, uintptr_t x, uintptr_t norm, ort_mat_w wq, ort_mat_w wk, ort_mat_w wv,
                  uintptr_t qnorm, uintptr_t knorm, uintptr_t rope, float eps, int heads, ort_rows at) {
	qkv_args a = {
		.p = {
			.a = {.x = (const float *)x, .norm = (const float *)norm, .eps = eps, .n = at.n, .in = wq.in},
			.m = {.mode = PUT, .nw = 3, .w = {weight(wq), weight(wk), weight(wv)}, .out = {(float *)q}},
		},
		.r = {.c = c, .at = at, .q = (float *)q, .qnorm = (const float *)qnorm, .knorm = (const float *)knorm,
		      .rope = (const float *)rope, .eps = eps, .heads = heads},
	};
	submit(d, run_qkv, &a, sizeof a, at.n);
}

// Rows of one item: enough queries to use each row of the cache several times.
enum { QUERIES = 32 };

typedef struct {
	ort_device *d;
	float *y;
	const float *q;
	ort_cache c;
	ort_rows at;
	int heads, step; // rows of an item at most
	const int32_t *start; // [items+1] first row of each item
} attention;

static void attend_item(void *arg, int64_t item, int thread) {
	attention *t = arg;
	int head = (int)(item % t->c.heads), group = t->heads / t->c.heads;
	int row = t->start[item / t->c.heads], rows = t->start[item / t->c.heads + 1] - row;
	int64_t ld = (int64_t)t->heads * t->c.dim, first = row * ld + (int64_t)head * group * t->c.dim;
	ort_attend a = {
		.q = t->q + first, .y = t->y + first, .ldq = ld, .rows = rows, .group = group, .dim = t->c.dim,
		.pos = ((const int32_t *)t->at.pos)[row],
		.table = (const int32_t *)t->at.table + (int64_t)((const int32_t *)t->at.seq)[row] * t->at.pages,
		.k = (const void *)t->c.k, .v = (const void *)t->c.v, .ks = (const float *)t->c.ks, .vs = (const float *)t->c.vs,
		.heads = t->c.heads, .head = head, .type = t->c.type,
	};
	t->d->k->attend(&a, t->d->scratch[thread].p);
}

static void run_attention(void *device, const void *args) {
	attention t = *(const attention *)args;
	ort_device *d = t.d = device;
	int group = t.heads / t.c.heads, items = 0, n = t.at.n;
	t.step = group < QUERIES ? QUERIES / group : 1;
	const int32_t *seq = (const int32_t *)t.at.seq;
	int32_t *start = d->failed ? NULL : grow(d, &d->kv, ((size_t)n + 1) * 4);
	size_t nq = (size_t)t.step * (size_t)group;
	if (!start || !grow_scratch(d, (16 * (size_t)t.c.dim + nq * (2 * (size_t)t.c.dim + ORT_PAGE + 2)) * 4)) return;
	for (int i = 0; i < n; i++)
		if (i == 0 || seq[i] != seq[i - 1] || i - start[items - 1] == t.step) start[items++] = i;
	start[items] = n;
	t.start = start;
	ort_pool_run(d->pool, attend_item, &t, (int64_t)items * t.c.heads, 1);
}

void ort_attend_rows(ort_device *d, uintptr_t y, uintptr_t q, int heads, ort_cache c, ort_rows at) {
	attention t = {.y = (float *)y, .q = (const float *)q, .c = c, .at = at, .heads = heads};
	submit(d, run_attention, &t, sizeof t, at.n);
}

double ort_read_bandwidth(ort_device *d, const uintptr_t *base, const int64_t *size, int spans, double seconds, double *ways) {
	ort_queue_wait(d->queue, 0);
	return ort_measure_reads(d->pool, d->k, base, size, spans, seconds, ways);
}
