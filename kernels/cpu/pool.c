// A pool of threads that run one indexed job at a time. Each thread takes a run
// of items of its own, so that it reads memory in sequence, and then helps the
// others with theirs. Workers spin for a few microseconds after a job, so that
// the operations of one step follow each other without a system call, and then
// sleep: an idle pool uses no processor.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "cpu.h"

// The items of one thread that nobody has taken: next up to end.
typedef struct {
	_Atomic int64_t next;
	int64_t end;
	char pad[128 - 16]; // each on cache lines of its own
} share;

struct ort_pool {
	int threads; // the caller's included
	pthread_t *worker;
	pthread_mutex_t mu;
	pthread_cond_t wake;
	_Atomic uint64_t epoch; // counts jobs; changed under mu
	_Atomic int asleep;     // workers waiting on wake
	_Atomic int running;    // workers that have not finished the job
	_Atomic int stop;
	share *shares; // [threads]
	ort_job job;
	void *arg;
	_Atomic int ids;
};

int64_t ort_now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void work(ort_pool *p, int thread) {
	for (int i = 0; i < p->threads; i++) {
		share *s = &p->shares[(thread + i) % p->threads];
		for (;;) {
			if (atomic_load_explicit(&s->next, memory_order_relaxed) >= s->end) break;
			int64_t item = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
			if (item >= s->end) break;
			p->job(p->arg, item, thread);
		}
	}
}

// Waits for the epoch to differ from seen: first spinning, then asleep.
static uint64_t await(ort_pool *p, uint64_t seen) {
	int64_t limit = ort_now_ns() + ORT_SPIN_NS;
	for (;;) {
		for (int i = 0; i < 64; i++) {
			uint64_t e = atomic_load_explicit(&p->epoch, memory_order_acquire);
			if (e != seen) return e;
			ort_pause();
		}
		if (ort_now_ns() > limit) break;
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
	p->shares = aligned_alloc(128, (size_t)threads * sizeof *p->shares);
	if (!p->worker || !p->shares) {
		free(p->worker);
		free(p->shares);
		free(p);
		return NULL;
	}
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
	free(p->shares);
	free(p);
}

int ort_pool_threads(const ort_pool *p) { return p->threads; }

void ort_pool_run(ort_pool *p, ort_job job, void *arg, int64_t n, int64_t grain) {
	if (p->threads == 1 || n <= grain) {
		for (int64_t i = 0; i < n; i++) job(arg, i, 0);
		return;
	}
	p->job = job;
	p->arg = arg;
	for (int i = 0; i < p->threads; i++) {
		atomic_store_explicit(&p->shares[i].next, n * i / p->threads, memory_order_relaxed);
		p->shares[i].end = n * (i + 1) / p->threads;
	}
	atomic_store_explicit(&p->running, p->threads - 1, memory_order_relaxed);
	publish(p);
	work(p, 0);
	for (int spin = 0; atomic_load_explicit(&p->running, memory_order_acquire); spin++) {
		ort_pause();
		// A worker that lost its processor would otherwise be waited for at full speed.
		if (spin > 20000) { struct timespec t = {0, 20000}; nanosleep(&t, NULL); }
	}
}
