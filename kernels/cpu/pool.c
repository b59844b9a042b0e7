// A pool of threads that run one indexed job at a time. Workers spin for a few
// microseconds after a job, so that the operations of one step follow each
// other without a system call, and then sleep: an idle pool uses no processor.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "cpu.h"

#if defined(__x86_64__) || defined(__i386__)
#define pause_cpu() __builtin_ia32_pause()
#else
#define pause_cpu() atomic_signal_fence(memory_order_seq_cst)
#endif

enum { SPIN_NS = 50000 };

struct ort_pool {
	int threads; // the caller's included
	pthread_t *worker;
	pthread_mutex_t mu;
	pthread_cond_t wake;
	_Atomic uint64_t epoch; // counts jobs; changed under mu
	_Atomic int asleep;     // workers waiting on wake
	_Atomic int running;    // workers that have not finished the job
	_Atomic int stop;
	_Atomic int64_t next;
	ort_job job;
	void *arg;
	int64_t n, chunk;
	_Atomic int ids;
};

static int64_t now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void work(ort_pool *p, int thread) {
	for (;;) {
		int64_t i = atomic_fetch_add_explicit(&p->next, p->chunk, memory_order_relaxed);
		if (i >= p->n) return;
		int64_t end = i + p->chunk < p->n ? i + p->chunk : p->n;
		for (; i < end; i++) p->job(p->arg, i, thread);
	}
}

// Waits for the epoch to differ from seen: first spinning, then asleep.
static uint64_t await(ort_pool *p, uint64_t seen) {
	int64_t limit = now_ns() + SPIN_NS;
	for (;;) {
		for (int i = 0; i < 64; i++) {
			uint64_t e = atomic_load_explicit(&p->epoch, memory_order_acquire);
			if (e != seen) return e;
			pause_cpu();
		}
		if (now_ns() > limit) break;
	}
	pthread_mutex_lock(&p->mu);
	atomic_fetch_add(&p->asleep, 1);
	uint64_t e;
	while ((e = atomic_load(&p->epoch)) == seen) pthread_cond_wait(&p->wake, &p->mu);
	atomic_fetch_sub(&p->asleep, 1);
	pthread_mutex_unlock(&p->mu);
	return e;
}

static void *worker_main(void *v) {
	ort_pool *p = v;
	int id = atomic_fetch_add(&p->ids, 1) + 1;
	uint64_t seen = 0;
	for (;;) {
		seen = await(p, seen);
		if (atomic_load(&p->stop)) return NULL;
		work(p, id);
		atomic_fetch_sub_explicit(&p->running, 1, memory_order_release);
	}
}

ort_pool *ort_pool_new(int threads) {
	ort_pool *p = calloc(1, sizeof *p);
	if (!p) return NULL;
	p->worker = calloc((size_t)threads, sizeof *p->worker);
	if (!p->worker) { free(p); return NULL; }
	pthread_mutex_init(&p->mu, NULL);
	pthread_cond_init(&p->wake, NULL);
	p->threads = 1;
	for (int i = 0; i < threads - 1; i++) {
		if (pthread_create(&p->worker[i], NULL, worker_main, p)) { ort_pool_free(p); return NULL; }
		p->threads++;
	}
	return p;
}

static void publish(ort_pool *p) {
	pthread_mutex_lock(&p->mu);
	atomic_fetch_add(&p->epoch, 1);
	if (atomic_load(&p->asleep)) pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->mu);
}

void ort_pool_free(ort_pool *p) {
	atomic_store(&p->stop, 1);
	publish(p);
	for (int i = 0; i < p->threads - 1; i++) pthread_join(p->worker[i], NULL);
	pthread_mutex_destroy(&p->mu);
	pthread_cond_destroy(&p->wake);
	free(p->worker);
	free(p);
}

int ort_pool_threads(const ort_pool *p) { return p->threads; }

void ort_pool_run(ort_pool *p, ort_job job, void *arg, int64_t n, int64_t chunk) {
	if (n <= 0) return;
	if (chunk < 1) chunk = 1;
	if (p->threads == 1 || n <= chunk) {
		for (int64_t i = 0; i < n; i++) job(arg, i, 0);
		return;
	}
	p->job = job; p->arg = arg; p->n = n; p->chunk = chunk;
	atomic_store_explicit(&p->next, 0, memory_order_relaxed);
	atomic_store_explicit(&p->running, p->threads - 1, memory_order_relaxed);
	publish(p);
	work(p, 0);
	for (int spin = 0; atomic_load_explicit(&p->running, memory_order_acquire); spin++) {
		pause_cpu();
		// A worker that lost its processor would otherwise be waited for at full speed.
		if (spin > 20000) { struct timespec t = {0, 20000}; nanosleep(&t, NULL); }
	}
}
