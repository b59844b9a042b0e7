// How fast the threads together read main memory: the limit of decoding, whose
// every token reads the weights once.
#define _GNU_SOURCE
#include <stdatomic.h>

#include "cpu.h"

enum { PIECE = 1 << 20, WINDOW = 512 }; // bytes of an item; items of a job, together beyond any cache

typedef struct {
	const ort_kernels *k;
	const uintptr_t *base;
	const int64_t *pieces; // of each span
	int64_t all, first;    // pieces of all spans; where the window starts
	int way;
	_Atomic uint64_t sum;  // of what was read, so that the reads are not left out
} reading;

static void read_piece(void *arg, int64_t i, int thread) {
	(void)thread;
	reading *r = arg;
	int s = 0;
	i = (r->first + i) % r->all;
	while (i >= r->pieces[s]) i -= r->pieces[s++];
	r->sum += r->k->read_span(r->way, (const uint8_t *)r->base[s] + i * PIECE, PIECE);
}

double ort_measure_reads(ort_pool *pool, const ort_kernels *k, const uintptr_t *base, const int64_t *size, int spans, double seconds, double *ways) {
	int64_t pieces[spans], n = 0, took[ORT_WAYS] = {0}, jobs[ORT_WAYS] = {0};
	for (int i = 0; i < spans; i++) n += pieces[i] = size[i] / PIECE;
	reading r = {.k = k, .base = base, .pieces = pieces, .all = n};
	if (n < 2 * WINDOW) return 0;
	// In turn and not one after the other, so that all ways meet the same moments of a shared machine.
	for (int64_t total = 0; (double)total < seconds * 1e9 || r.way; r.way = (r.way + 1) % ORT_WAYS) {
		int64_t begin = ort_now_ns();
		ort_pool_run(pool, read_piece, &r, WINDOW, 1);
		int64_t ns = ort_now_ns() - begin;
		total += ns;
		took[r.way] += ns;
		jobs[r.way]++;
		r.first = (r.first + WINDOW) % n;
	}
	double best = 0;
	for (int w = 0; w < ORT_WAYS; w++) {
		ways[w] = (double)jobs[w] * WINDOW * PIECE / ((double)took[w] * 1e-9);
		if (ways[w] > best) best = ways[w];
	}
	return best;
}
