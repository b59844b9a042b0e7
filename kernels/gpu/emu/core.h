// What the parts of the emulator's core share.
#pragma once

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <pthread.h>

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "emu.h"

enum { stack_bytes = 128 << 10, max_threads = 1024 };
static const uint64_t mbar_mark = 0x6d6261727269e72full, tensor_mark = 0x74656e736f722e31ull;

struct Block;
struct Warp;

// An asynchronous copy under way.
struct Copy {
	uint8_t *to;
	const uint8_t *from; // nullptr: zeros
	uint32_t bytes;
	uint32_t owner; // thread that asked for it
};

// What a thread has seen: of each warp up to which of its clock's values, of each mbarrier up to which phase.
enum { mbar_part = 32, parts = 96 };
struct Clock { uint32_t of[parts]; };

struct Fiber {
	void *sp;
	uint8_t *stack;
	ort_thread self;
	Block *block;
	Warp *warp;
	int thread, lane;
	const void *pc;    // of its last access or operation
	bool done;
	uint8_t fences;    // of the asynchronous proxy, modulo 256
	bool depends;      // has passed griddep_wait, or a barrier after one that has
	const char *waits; // at what
	const void *on;
	Clock clock;
	std::vector<Copy> copies; // cp.async, in order
	std::vector<int> groups;  // committed: the number of copies up to each
};

// A tensor map as driver.go writes it: a row-major matrix of 16-bit values, and the rows of a box of 64 columns.
struct Tensor {
	uint64_t mark, address, rows, cols, box;
};

// A product of wgmma that has not been waited for: where the lanes keep A and D. B is [16, n].
struct Product {
	ort_op op;
	uint64_t b;
	int n;
	bool add, across; // across: B is N-major
	const uint32_t *a[32];
	float *d[32];
};

struct Warp {
	int index, arrived, alive;
	uint32_t ready;          // lanes
	uint32_t clock, syncs;   // values after the last release, and the last synchronisation within
	ort_op op;
	Fiber *lanes[32];
	ort_lane *ops[32];
	std::vector<Product> products;
	std::vector<size_t> groups; // committed: the number of products up to each
};

struct Barrier {
	int arrived, want;
	Fiber *waiting[max_threads + 1];
};

struct Mbar {
	uint64_t *at;
	int index, arrivals, pending;
	int64_t bytes; // announced and not here yet
	uint32_t phases; // ended
	std::vector<Copy> copies;
	std::vector<Fiber *> waiting;
	Clock clock, clock_done;
};

struct Machine;

// A counter of arrive_last, and who arrived first.
struct Counter {
	const uint32_t *at;
	ort_dim block;
	int thread;
	long offset; // of the call in the shared object
};

struct Launch {
	Machine *machine;
	const ort_kernel *kernel;
	const void *args;
	ort_dim grid;
	int threads, shared;
	bool overlap;
	int64_t blocks;
	uint64_t number; // of the launch, from 1
	uint64_t seed, start, stride;
	std::atomic<int64_t> next{0};
	std::atomic<bool> failed{false};
	std::mutex lock;
	std::vector<Counter> counters; // that are to be 0 again when the launch ends
	char message[2000];
};

struct Block {
	Launch *launch;
	int threads, alive; // alive: in warps that have not ended as a whole
	Fiber *fibers;
	Warp warps[32];
	uint32_t ready; // warps
	int warp;       // that runs
	int turn;       // where the search for another warp starts
	bool down;      // lanes from the last
	Barrier barriers[16];
	std::vector<Mbar> mbars;
};

// The last accesses to 4 bytes of shared memory.
struct Touch {
	uint32_t clock;  // of the warp or mbarrier; unseen: a copy under way
	uint32_t syncs;  // of the warp
	uint16_t thread; // 1024 + i: mbarrier i
	uint8_t mask;    // bytes; 0: none
	uint8_t fences;  // of the thread, so far
};
struct Shadow { Touch write, read[2]; };
static const uint32_t unseen = ~0u;

struct Allocation {
	uintptr_t at;
	int64_t bytes;
	bool freed;
	uint64_t written[2]; // numbers of the launches, even and odd, that last wrote here,
	uint8_t *lines[2];   // and where: a byte for each 32
};

// One thread of the host, with what it needs for one block at a time.
struct Worker {
	void *sp;
	Fiber fibers[max_threads];
	Block block;
	uint8_t *stacks;
	uint8_t *arena; // shared memory ends where this does; unreadable pages around it
	uint8_t *shared;
	Shadow *shadow;
	Allocation *last; // that was looked up
	pthread_t thread;
	std::atomic<bool> busy{false};
};
enum { arena_bytes = 256 << 10, guard_bytes = 64 << 10 };

extern "C" void ort_switch(void **save, void *to);
Fiber *running();
Worker *this_worker();
[[noreturn]] void fail_launch(Fiber *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define HERE(f) ((f)->pc = __builtin_return_address(0))
long object_offset(const void *pc);
void fail_block(Fiber *f, const char *text);
[[noreturn]] void stuck(Block *b);
void release_barrier(Block *b, int id);
void run_blocks(Worker *k, Launch *l);

// warp.cc
const char *op_name(ort_op op);
void warp_op(Fiber *f, ort_op op, ort_lane **lanes);

// wgmma.cc
void wgmma_op(Fiber *f, ort_op op, ort_lane **lanes);

// memory.cc
void make_arena(Worker *k);
void drop_arena(Worker *k);
uint8_t *fresh_shared(Worker *k, int bytes);
void check_shared(Fiber *f, const void *p, uint32_t bytes, const char *what);
void check_global(Fiber *f, const void *p, uint32_t bytes, const char *what, bool write);
void explain_fault(Fiber *f, const void *p);
void end_block(Block *b);
void check_counters(Launch *l);

// order.cc: what threads have seen of each other (races in shared memory), and copies
void reset_clocks(Block *b);
void join_warp(Warp *w);
void join_barrier(Block *b, Barrier *bar);
void release_clock(Fiber *f, Clock *c);
void acquire_clock(Fiber *f, const Clock *c);
void note(Fiber *f, const void *p, uint32_t bytes, bool write);
void check_fenced(Fiber *f, const void *p, uint32_t bytes, const char *what);
Copy take(Fiber *f, void *shared, const void *global, uint32_t bytes);
void land(Fiber *f, const Copy &c, const Mbar *m);
