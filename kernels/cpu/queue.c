// A queue of operations and the thread that runs them in order. The caller only
// hands them over and waits once, when it reads a result: a step is one wait,
// not one for each operation, during which Go's scheduler would look after a
// blocked thread every few microseconds.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"

enum { CAPACITY = 1024 }; // operations; a power of two

typedef struct { ort_operation run; char args[ORT_ARGS]; } command;

struct ort_queue {
	command ring[CAPACITY];
	_Atomic uint64_t put, done; // operations handed over, operations finished
	_Atomic int asleep;         // the runner waits on work
	_Atomic uint64_t target;    // what a waiter waits for done to reach; UINT64_MAX: nobody
	_Atomic int stop;
	pthread_mutex_t mu;
	pthread_cond_t work, finished;
	pthread_t runner;
	void *device;
};

static void finish(ort_queue *q, uint64_t done) {
	atomic_store(&q->done, done);
	if (done < atomic_load(&q->target)) return;
	pthread_mutex_lock(&q->mu);
	pthread_cond_broadcast(&q->finished);
	pthread_mutex_unlock(&q->mu);
}

// Waits until there is an operation beyond done: first spinning, then asleep.
// 0 when the queue ends.
static int await_work(ort_queue *q, uint64_t done) {
	for (int64_t limit = ort_now_ns() + ORT_SPIN_NS; ort_now_ns() < limit;)
		for (int i = 0; i < 64; i++) {
			if (atomic_load_explicit(&q->put, memory_order_acquire) != done) return 1;
			ort_pause();
		}
	pthread_mutex_lock(&q->mu);
	atomic_store(&q->asleep, 1);
	while (atomic_load(&q->put) == done && !atomic_load(&q->stop)) pthread_cond_wait(&q->work, &q->mu);
	atomic_store(&q->asleep, 0);
	pthread_mutex_unlock(&q->mu);
	return atomic_load(&q->put) != done;
}

static void *run(void *v) {
	ort_queue *q = v;
	for (uint64_t done = 0; await_work(q, done);) {
		command *c = &q->ring[done % CAPACITY];
		c->run(q->device, c->args);
		finish(q, ++done);
	}
	return NULL;
}

ort_queue *ort_queue_new(void *device) {
	ort_queue *q = calloc(1, sizeof *q);
	if (!q) return NULL;
	q->device = device;
	atomic_store(&q->target, UINT64_MAX);
	pthread_mutex_init(&q->mu, NULL);
	pthread_cond_init(&q->work, NULL);
	pthread_cond_init(&q->finished, NULL);
	if (pthread_create(&q->runner, NULL, run, q)) { free(q); return NULL; }
	return q;
}

void ort_queue_free(ort_queue *q) {
	ort_queue_wait(q, 0);
	pthread_mutex_lock(&q->mu);
	atomic_store(&q->stop, 1);
	pthread_cond_signal(&q->work);
	pthread_mutex_unlock(&q->mu);
	pthread_join(q->runner, NULL);
	pthread_mutex_destroy(&q->mu);
	pthread_cond_destroy(&q->work);
	pthread_cond_destroy(&q->finished);
	free(q);
}

void ort_queue_wait(ort_queue *q, uint64_t left) {
	uint64_t put = atomic_load(&q->put), target = put > left ? put - left : 0;
	if (atomic_load(&q->done) >= target) return;
	pthread_mutex_lock(&q->mu);
	atomic_store(&q->target, target);
	while (atomic_load(&q->done) < target) pthread_cond_wait(&q->finished, &q->mu);
	atomic_store(&q->target, UINT64_MAX);
	pthread_mutex_unlock(&q->mu);
}

void ort_queue_put(ort_queue *q, ort_operation op, const void *args, size_t n, uint64_t depth) {
	ort_queue_wait(q, depth < CAPACITY ? depth - 1 : CAPACITY - 1);
	uint64_t put = atomic_load(&q->put);
	command *c = &q->ring[put % CAPACITY];
	c->run = op;
	memcpy(c->args, args, n);
	atomic_store(&q->put, put + 1);
	if (!atomic_load(&q->asleep)) return;
	pthread_mutex_lock(&q->mu);
	pthread_cond_signal(&q->work);
	pthread_mutex_unlock(&q->mu);
}
