//go:build ignore

// What the threads of a block have seen of each other, as vector clocks over warps and
// mbarriers, and with it whether two accesses to shared memory are ordered.
//
// Accesses of two warps are ordered by barriers and mbarriers, those of two lanes of a
// warp by warp_sync and barriers too (shuffles and votes order no memory).
#include "core.h"

void reset_clocks(Block *b) {
	for (int i = 0; i < b->threads; i++) {
		Fiber *f = &b->fibers[i];
		memset(&f->clock, 0, sizeof f->clock);
	}
}

static void join(Clock *into, const Clock *c) {
	for (int i = 0; i < parts; i++)
		if (c->of[i] > into->of[i]) into->of[i] = c->of[i];
}

void join_warp(Warp *w) {
	Clock all = w->lanes[0]->clock;
	bool depends = false;
	for (Fiber *f : w->lanes) join(&all, &f->clock), depends |= f->depends;
	for (Fiber *f : w->lanes) f->clock = all, f->depends = depends;
	w->syncs++;
}

void join_barrier(Block *b, Barrier *bar) {
	Clock all;
	memset(&all, 0, sizeof all);
	bool depends = false;
	uint32_t warps = 0;
	for (int i = 0; i < bar->arrived; i++) {
		Fiber *f = bar->waiting[i];
		join(&all, &f->clock);
		depends |= f->depends;
		warps |= 1u << f->warp->index;
	}
	for (int i = 0; i < 32; i++)
		if (warps >> i & 1) {
			all.of[i] = b->warps[i].clock++;
			b->warps[i].syncs++;
		}
	for (int i = 0; i < bar->arrived; i++) bar->waiting[i]->clock = all, bar->waiting[i]->depends = depends;
}

// What f has done and seen is seen by who acquires c.
void release_clock(Fiber *f, Clock *c) {
	join(c, &f->clock);
	c->of[f->warp->index] = f->warp->clock++;
}

void acquire_clock(Fiber *f, const Clock *c) { join(&f->clock, c); }

static uint8_t bytes_mask(uintptr_t from, uintptr_t to, uintptr_t word) {
	uint8_t m = 0;
	for (int i = 0; i < 4; i++)
		if (word + i >= from && word + i < to) m |= 1 << i;
	return m;
}

// Whether the access t is ordered before what f does now.
static bool before(Fiber *f, const Touch &t) {
	if (t.clock == unseen) return false;
	if (t.thread >= max_threads) return f->clock.of[mbar_part + t.thread - max_threads] >= t.clock;
	if (t.thread == f->thread) return true;
	if (t.thread / 32 == f->warp->index) return t.syncs < f->warp->syncs;
	return f->clock.of[t.thread / 32] >= t.clock;
}

[[noreturn]] static void race(Fiber *f, uintptr_t at, const Touch &t, bool write, bool wrote) {
	long off = (long)(at - (uintptr_t)f->self.shared);
	const char *does = write ? "writes" : "reads", *did = wrote ? "wrote" : "read";
	if (t.clock == unseen)
		fail_launch(f, "%s shared memory at offset %ld, where a copy of thread %d is under way: no wait for it", does, off, t.thread % max_threads);
	if (t.thread >= max_threads) fail_launch(f, "%s shared memory at offset %ld, where a bulk copy %s, without mbar_wait", does, off, did);
	fail_launch(f, "%s shared memory at offset %ld, which thread %d %s, and no barrier lies between", does, off, t.thread, did);
}

// Notes an access to shared memory and finds races.
void note(Fiber *f, const void *p, uint32_t bytes, bool write) {
	uintptr_t from = (uintptr_t)p, to = from + bytes;
	Shadow *s = this_worker()->shadow + ((from - (uintptr_t)this_worker()->arena) >> 2);
	Touch now = {f->warp->clock, f->warp->syncs, (uint16_t)f->thread, 0, f->fences};
	for (uintptr_t word = from & ~(uintptr_t)3; word < to; word += 4, s++) {
		now.mask = word >= from && word + 4 <= to ? 15 : bytes_mask(from, to, word);
		if ((s->write.mask & now.mask) && !before(f, s->write)) race(f, word, s->write, write, true);
		if (!write) {
			int i = s->read[0].mask == 0 || s->read[0].thread / 32 == f->warp->index || before(f, s->read[0]) ? 0 : 1;
			s->read[i] = now;
			continue;
		}
		for (Touch &r : s->read) {
			if ((r.mask & now.mask) && !before(f, r)) race(f, word, r, true, false);
		}
		s->write = now;
		s->read[0].mask = s->read[1].mask = 0;
	}
}

// Fails where a thread wrote with ordinary stores and has passed no async_fence_shared since: what the asynchronous proxy does
// there is not ordered behind them, whatever barriers lie between (PTX ISA, "Proxies").
void check_fenced(Fiber *f, const void *p, uint32_t bytes, const char *what) {
	const Shadow *s = this_worker()->shadow + (((uintptr_t)p - (uintptr_t)this_worker()->arena) >> 2);
	for (uint32_t i = 0; i < bytes / 4; i++) {
		const Touch &t = s[i].write;
		if (t.mask && t.clock != unseen && t.thread < max_threads && t.fences == f->block->fibers[t.thread].fences)
			fail_launch(f, "%s at offset %ld of shared memory, which thread %d wrote without async_fence_shared", what,
			            (long)((uintptr_t)p - (uintptr_t)f->self.shared) + 4 * i, t.thread);
	}
}

extern "C" void ort_async_fence() { running()->fences++; }

// Who the bytes belong to from now on.
static void mark(const Copy &c, uint16_t thread, uint32_t clock, uint32_t syncs, uint8_t fences) {
	Shadow *s = this_worker()->shadow + (((uintptr_t)c.to - (uintptr_t)this_worker()->arena) >> 2);
	for (uint32_t i = 0; i < c.bytes / 4; i++) s[i].write = {clock, syncs, thread, 15, fences};
}

// Begins a copy: its destination holds rubbish until it lands.
Copy take(Fiber *f, void *shared, const void *global, uint32_t bytes) {
	note(f, shared, bytes, true);
	Copy c = {(uint8_t *)shared, (const uint8_t *)global, bytes, (uint32_t)f->thread};
	mark(c, (uint16_t)f->thread, unseen, 0, 0);
	memset(shared, 0xff, bytes);
	return c;
}

// Ends a copy, for f or for who waits at m.
void land(Fiber *f, const Copy &c, const Mbar *m) {
	if (c.from) memcpy(c.to, c.from, c.bytes);
	else memset(c.to, 0, c.bytes);
	if (m) mark(c, (uint16_t)(max_threads + m->index), m->phases + 1, 0, 0);
	else mark(c, (uint16_t)f->thread, f->warp->clock, f->warp->syncs, f->fences);
}
