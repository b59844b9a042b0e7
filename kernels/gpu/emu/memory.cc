//go:build ignore

// The memory of the emulated GPU. Each allocation ends where an unreadable page begins and addresses are never
// used twice; the kernels are compiled with g++'s instrumentation for threads, whose calls, defined here, check
// every access on their own.
#include "machine.h"

#include <stdlib.h>
#include <sys/mman.h>

static const uintptr_t page = 4096, reserved = (uintptr_t)1 << 37;

// ---- shared memory

void make_arena(Worker *k) {
	uint8_t *m = (uint8_t *)mmap(nullptr, arena_bytes + 2 * guard_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	k->arena = m + guard_bytes;
	mprotect(k->arena, arena_bytes, PROT_READ | PROT_WRITE);
	k->shadow = (Shadow *)mmap(nullptr, arena_bytes / 4 * sizeof(Shadow), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

void drop_arena(Worker *k) {
	munmap(k->arena - guard_bytes, arena_bytes + 2 * guard_bytes);
	munmap(k->shadow, arena_bytes / 4 * sizeof(Shadow));
}

// Shared memory of a block, full of rubbish: as close before the end of the arena as its alignment to 1024 allows.
uint8_t *fresh_shared(Worker *k, int bytes) {
	size_t n = ((size_t)bytes + 1023) & ~(size_t)1023, off = arena_bytes - n;
	k->shared = k->arena + off;
	memset(k->shared, 0xff, n);
	memset(k->shadow + off / 4, 0, n / 4 * sizeof(Shadow));
	return k->shared;
}

void check_shared(Fiber *f, const void *p, uint32_t bytes, const char *what) {
	long off = (long)((uintptr_t)p - (uintptr_t)f->self.shared), have = f->block->launch->shared;
	if (off < 0 || off + (long)bytes > have)
		fail_launch(f, "%s of %u bytes at offset %ld of shared memory, which has %ld", what, bytes, off, have);
}

// ---- global memory

// Says of an address where it lies among the allocations.
static void where(Machine *m, uintptr_t p, char *text, size_t size) {
	auto it = m->allocations.upper_bound(p);
	if (it == m->allocations.begin()) {
		snprintf(text, size, "before all allocations");
		return;
	}
	--it;
	long off = (long)(p - it->first);
	const char *freed = it->second.freed ? "freed " : "";
	if (off < it->second.bytes) {
		snprintf(text, size, "at offset %ld of %san allocation of %ld bytes", off, freed, it->second.bytes);
		return;
	}
	++it;
	if (it != m->allocations.end() && it->first - p < 4 * page && (long)(it->first - p) < off - std::prev(it)->second.bytes) {
		snprintf(text, size, "%ld bytes before an allocation of %ld bytes", (long)(it->first - p), it->second.bytes);
		return;
	}
	--it;
	snprintf(text, size, "%ld bytes after the end of %san allocation of %ld bytes", off - it->second.bytes, freed, it->second.bytes);
}

void check_global(Fiber *f, const void *p, uint32_t bytes, const char *what, bool write) {
	Launch *l = f->block->launch;
	Machine *m = l->machine;
	uintptr_t at = (uintptr_t)p;
	Allocation *&last = this_worker()->last;
	if (!last || at < last->at || at + bytes > last->at + (uintptr_t)last->bytes || last->freed) {
		auto it = m->allocations.upper_bound(at);
		if (it == m->allocations.begin() || (--it, at + bytes > it->first + (uintptr_t)it->second.bytes) || it->second.freed) {
			char text[200];
			where(m, at, text, sizeof text);
			fail_launch(f, "%s of %u bytes of global memory %s", what, bytes, text);
		}
		last = &it->second;
	}
	if (write) {
		if (l->overlap && !f->depends) fail_launch(f, "%s of global memory before griddep_wait", what);
		int odd = l->number & 1;
		last->written[odd] = l->number;
		for (uintptr_t i = (at - last->at) / 32; i <= (at + bytes - 1 - last->at) / 32; i++) last->lines[odd][i] = 1;
	} else if (l->overlap && !f->depends) {
		int odd = (l->number - 1) & 1; // only the launch directly before may still run
		if (l->number - 1 <= m->settled || last->written[odd] != l->number - 1) return;
		for (uintptr_t i = (at - last->at) / 32; i <= (at + bytes - 1 - last->at) / 32; i++)
			if (last->lines[odd][i]) {
				char text[200];
				where(m, at, text, sizeof text);
				fail_launch(f, "%s of global memory %s before griddep_wait, though the launch before wrote there", what, text);
			}
	}
}

// Forgets what the launch before the last one wrote.
void forget_written(Machine *m, uint64_t number) {
	for (auto &a : m->allocations)
		if (a.second.written[number & 1]) {
			memset(a.second.lines[number & 1], 0, (size_t)a.second.bytes / 32 + 1);
			a.second.written[number & 1] = 0;
		}
}

// A fault of the hardware's: an access that no check saw.
void explain_fault(Fiber *f, const void *p) {
	uintptr_t at = (uintptr_t)p;
	Machine *m = f->block->launch->machine;
	Worker *k = this_worker();
	char text[200];
	if (at >= m->base && at < m->base + reserved) {
		where(m, at, text, sizeof text);
		fail_launch(f, "access to global memory %s", text);
	}
	if (at >= (uintptr_t)k->arena - guard_bytes && at < (uintptr_t)k->arena + arena_bytes + guard_bytes)
		fail_launch(f, "access at offset %ld of shared memory, which has %d bytes", (long)(at - (uintptr_t)k->shared), f->block->launch->shared);
	if (at >= (uintptr_t)k->stacks && at < (uintptr_t)k->stacks + (uintptr_t)max_threads * (stack_bytes + page))
		fail_launch(f, "the thread needs more than %d bytes of stack", stack_bytes);
	fail_launch(f, "access to address %p, which is no device memory", p);
}

ORT_API uint64_t ort_alloc(Machine *m, int64_t n) {
	uintptr_t room = ((uintptr_t)n + 255) & ~(uintptr_t)255, pages = (room + page - 1) & ~(page - 1);
	if (m->next + pages + 2 * page > m->base + reserved) return 0;
	uint8_t *at = (uint8_t *)m->next + page;
	if (mprotect(at, pages, PROT_READ | PROT_WRITE)) return 0;
	memset(at, 0xff, pages);
	m->next += pages + page;
	uintptr_t first = (uintptr_t)at + pages - room;
	uint8_t *lines[2];
	for (uint8_t *&l : lines) l = (uint8_t *)calloc((size_t)n / 32 + 1, 1);
	m->allocations[first] = Allocation{first, n, false, {0, 0}, {lines[0], lines[1]}};
	return first;
}

ORT_API int ort_free(Machine *m, uint64_t at) {
	auto it = m->allocations.find(at);
	if (it == m->allocations.end() || it->second.freed) return -1;
	it->second.freed = true;
	it->second.written[0] = it->second.written[1] = 0;
	for (uint8_t *&l : it->second.lines) free(l), l = nullptr;
	uintptr_t first = at & ~(page - 1), end = (at + (uintptr_t)it->second.bytes + page - 1) & ~(page - 1);
	madvise((void *)first, end - first, MADV_DONTNEED);
	mprotect((void *)first, end - first, PROT_NONE);
	return 0;
}

// Whether n bytes lie within one allocation.
ORT_API int ort_holds(Machine *m, uint64_t at, int64_t n) {
	auto it = m->allocations.upper_bound(at);
	if (it == m->allocations.begin()) return 0;
	--it;
	return !it->second.freed && (int64_t)(at - it->first) + n <= it->second.bytes;
}

bool reserve(Machine *m) {
	void *p = mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	m->base = m->next = (uintptr_t)p;
	return p != MAP_FAILED;
}

void unreserve(Machine *m) {
	for (auto &a : m->allocations)
		for (uint8_t *l : a.second.lines) free(l);
	munmap((void *)m->base, reserved);
}

// ---- every access of a kernel

static inline void touch(const void *p, uint32_t bytes, bool write, uint32_t align, const void *pc) {
	Fiber *f = running();
	if (!f) return;
	f->pc = pc;
	Worker *k = this_worker();
	uintptr_t at = (uintptr_t)p;
	const char *what = write ? "write" : "read";
	if (at - ((uintptr_t)k->arena - guard_bytes) < arena_bytes + 2 * guard_bytes) {
		check_shared(f, p, bytes, what);
		if (at % align) fail_launch(f, "%s of %u bytes at offset %ld of shared memory: misaligned", what, bytes, (long)(at - (uintptr_t)k->shared));
		note(f, p, bytes, write);
	} else if (at - f->block->launch->machine->base < reserved) {
		if (at % align) fail_launch(f, "%s of %u bytes of global memory at %p: misaligned", what, bytes, p);
		check_global(f, p, bytes, what, write);
	}
}

extern "C" {
#define ORT_HOOKS(n) \
	void __tsan_read##n(void *p) { touch(p, n, false, n, __builtin_return_address(0)); } \
	void __tsan_write##n(void *p) { touch(p, n, true, n, __builtin_return_address(0)); } \
	void __tsan_unaligned_read##n(void *p) { touch(p, n, false, 1, __builtin_return_address(0)); } \
	void __tsan_unaligned_write##n(void *p) { touch(p, n, true, 1, __builtin_return_address(0)); } \
	void __tsan_volatile_read##n(void *p) { touch(p, n, false, n, __builtin_return_address(0)); } \
	void __tsan_volatile_write##n(void *p) { touch(p, n, true, n, __builtin_return_address(0)); }
ORT_HOOKS(1)
ORT_HOOKS(2)
ORT_HOOKS(4)
ORT_HOOKS(8)
ORT_HOOKS(16)
void __tsan_read_range(void *p, long n) { touch(p, (uint32_t)n, false, 1, __builtin_return_address(0)); }
void __tsan_write_range(void *p, long n) { touch(p, (uint32_t)n, true, 1, __builtin_return_address(0)); }
// What -fsanitize=alignment calls: data starts with the place in the source (file, line, column).
void __ubsan_handle_type_mismatch_v1(void *data, void *p) {
	(void)data;
	if (Fiber *f = running()) HERE(f), fail_launch(f, "access to %p, which is misaligned or null", p);
}
void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit(void) {}
}

// ---- atomics, and what depends on the launch before

static inline void check_atomic(Fiber *f, const void *p, uint32_t bytes, const void *pc) {
	f->pc = pc;
	if ((uintptr_t)p % bytes) fail_launch(f, "atomic on %u bytes: misaligned", bytes);
	if ((uintptr_t)p - (uintptr_t)this_worker()->arena < arena_bytes) check_shared(f, p, bytes, "atomic");
	else check_global(f, p, bytes, "atomic", true);
}

extern "C" bool ort_arrive_last(uint32_t *counter, uint32_t count) {
	check_atomic(running(), counter, 4, __builtin_return_address(0));
	uint32_t old = __atomic_load_n(counter, __ATOMIC_SEQ_CST);
	if (old >= count) fail_launch(running(), "arrive_last: the counter holds %u, and only %u arrive: it was not 0 at first", old, count);
	while (!__atomic_compare_exchange_n(counter, &old, old >= count - 1 ? 0 : old + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
	}
	if (old == 0 && count > 1) {
		Fiber *f = running();
		Launch *l = f->block->launch;
		std::lock_guard<std::mutex> hold(l->lock);
		l->counters.push_back({counter, f->self.block, f->thread, object_offset(f->pc)});
	}
	return old == count - 1;
}

// Finds counters at which fewer or more arrived than were to.
void check_counters(Launch *l) {
	for (const Counter &c : l->counters)
		if (*c.at != 0) {
			snprintf(l->message, sizeof l->message, "block (%u,%u,%u), thread %d: arrive_last: the counter holds %u when the launch has ended, not 0, at @%lx@",
			         c.block.x, c.block.y, c.block.z, c.thread, *c.at, c.offset);
			return;
		}
}

extern "C" uint32_t ort_atomic_add(uint32_t *p, uint32_t v) {
	check_atomic(running(), p, 4, __builtin_return_address(0));
	return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
}

extern "C" void ort_atomic_max(uint64_t *p, uint64_t v) {
	check_atomic(running(), p, 8, __builtin_return_address(0));
	uint64_t old = __atomic_load_n(p, __ATOMIC_SEQ_CST);
	while (old < v && !__atomic_compare_exchange_n(p, &old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
	}
}

extern "C" void ort_atomic_max32(uint32_t *p, uint32_t v) {
	check_atomic(running(), p, 4, __builtin_return_address(0));
	uint32_t old = __atomic_load_n(p, __ATOMIC_SEQ_CST);
	while (old < v && !__atomic_compare_exchange_n(p, &old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
	}
}

extern "C" void ort_griddep_wait() { running()->depends = true; }

extern "C" void ort_griddep_launch() {
	Fiber *f = running();
	HERE(f);
	if (f->block->launch->overlap && !f->depends) fail_launch(f, "griddep_launch before griddep_wait");
}

// What must hold when a block has ended.
void end_block(Block *b) {
	Fiber *f = &b->fibers[0];
	for (Mbar &m : b->mbars)
		if (!m.copies.empty()) fail_block(f, "the block has ended while a bulk copy is under way");
	bool depends = false;
	for (int i = 0; i < b->threads; i++) depends |= b->fibers[i].depends;
	if (b->launch->overlap && !depends) fail_block(f, "was launched to overlap with the kernel before it, but never calls griddep_wait");
}
