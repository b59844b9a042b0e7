//go:build ignore

// The emulator's core: runs the blocks of a launch on a few threads of the host,
// the threads of a block as fibers. Compiled at test time into one object with the kernels.
//
// A warp runs as far as it can before another one does, and a lane before
// another lane, in an order drawn per block: what lacks a barrier reads what is not written yet.
#include "machine.h"

#include <dlfcn.h>

__thread ort_thread *ort_self __attribute__((tls_model("initial-exec")));
static __thread Fiber *cur __attribute__((tls_model("initial-exec")));
static __thread Worker *worker __attribute__((tls_model("initial-exec")));

Fiber *running() { return cur; }
Worker *this_worker() { return worker; }

// ---- fibers

#if defined(__x86_64__)
asm(".text\n.globl ort_switch\n.hidden ort_switch\n.type ort_switch,@function\nort_switch:\n"
    "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
    "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n.size ort_switch,.-ort_switch\n");
#elif defined(__aarch64__)
asm(".text\n.globl ort_switch\n.hidden ort_switch\n.type ort_switch,%function\nort_switch:\n"
    "sub sp,sp,#160\n"
    "stp x19,x20,[sp]\nstp x21,x22,[sp,#16]\nstp x23,x24,[sp,#32]\nstp x25,x26,[sp,#48]\nstp x27,x28,[sp,#64]\nstp x29,x30,[sp,#80]\n"
    "stp d8,d9,[sp,#96]\nstp d10,d11,[sp,#112]\nstp d12,d13,[sp,#128]\nstp d14,d15,[sp,#144]\n"
    "mov x2,sp\nstr x2,[x0]\nmov sp,x1\n"
    "ldp x19,x20,[sp]\nldp x21,x22,[sp,#16]\nldp x23,x24,[sp,#32]\nldp x25,x26,[sp,#48]\nldp x27,x28,[sp,#64]\nldp x29,x30,[sp,#80]\n"
    "ldp d8,d9,[sp,#96]\nldp d10,d11,[sp,#112]\nldp d12,d13,[sp,#128]\nldp d14,d15,[sp,#144]\n"
    "add sp,sp,#160\nret\n.size ort_switch,.-ort_switch\n");
#else
#error "the emulator knows how to switch fibers on x86-64 and aarch64 only"
#endif

[[noreturn]] static void fiber_main();

// Lays out a stack on which ort_switch finds zero registers and returns into fiber_main.
static void fiber_reset(Fiber *f) {
	uintptr_t top = ((uintptr_t)f->stack + stack_bytes) & ~(uintptr_t)63;
#if defined(__x86_64__)
	uint64_t *p = (uint64_t *)(top - 64); // 6 registers and the address; then the stack is as after a call
	memset(p, 0, 64);
	p[6] = (uint64_t)fiber_main;
#else
	uint64_t *p = (uint64_t *)(top - 160);
	memset(p, 0, 160);
	p[11] = (uint64_t)fiber_main;
#endif
	f->sp = p;
}

// The next fiber that can run: of this warp, else of another.
static Fiber *pick(Block *b) {
	Warp *w = &b->warps[b->warp];
	if (!w->ready) {
		if (!b->ready) return nullptr;
		uint32_t turned = b->ready >> b->turn | (uint64_t)b->ready << (32 - b->turn);
		b->warp = (__builtin_ctz(turned) + b->turn) & 31;
		w = &b->warps[b->warp];
	}
	int lane = b->down ? 31 - __builtin_clz(w->ready) : __builtin_ctz(w->ready);
	w->ready &= ~(1u << lane);
	if (!w->ready) b->ready &= ~(1u << b->warp);
	return w->lanes[lane];
}

static void switch_to(void **save, Fiber *to) {
	cur = to;
	ort_self = &to->self;
	ort_switch(save, to->sp);
}

// Back to the worker for good.
[[noreturn]] static void leave() {
	void *nowhere;
	cur = nullptr;
	ort_switch(&nowhere, worker->sp);
	__builtin_unreachable();
}

// Waits until something makes this fiber ready.
static void wait(Fiber *f, const char *what, const void *on) {
	f->waits = what;
	f->on = on;
	Fiber *to = pick(f->block);
	if (!to) stuck(f->block);
	if (to != f) switch_to(&f->sp, to);
	f->waits = nullptr;
}

static void make_ready(Fiber *f) {
	f->warp->ready |= 1u << f->lane;
	f->block->ready |= 1u << f->warp->index;
}

[[noreturn]] static void fiber_main() {
	Block *b = cur->block;
	b->launch->kernel->run(b->launch->args);
	Fiber *f = cur;
	f->done = true;
	if (--f->warp->alive == 0) { // whole warps may leave before a barrier
		b->alive -= 32;
		release_barrier(b, 0);
	}
	Fiber *to = pick(b);
	if (!to) {
		if (b->alive) stuck(b);
		leave();
	}
	void *nowhere;
	switch_to(&nowhere, to);
	__builtin_unreachable();
}

// ---- errors

// Where in the shared object a return address lies; driver.go makes @offset@ in messages a place in the source.
long object_offset(const void *pc) {
	Dl_info info;
	if (!pc || !dladdr(pc, &info)) return 0;
	return (long)((uintptr_t)pc - (uintptr_t)info.dli_fbase) - 1;
}

// Keeps the first failure of a launch.
void fail_block(Fiber *f, const char *text) {
	Launch *l = f->block->launch;
	std::lock_guard<std::mutex> hold(l->lock);
	if (l->failed.exchange(true)) return;
	ort_dim i = f->self.block;
	snprintf(l->message, sizeof l->message, "block (%u,%u,%u), thread %d: %s, at @%lx@", i.x, i.y, i.z, f->thread, text, object_offset(f->pc));
}

[[noreturn]] void fail_launch(Fiber *f, const char *format, ...) {
	char text[1500];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fail_block(f, text);
	leave();
}

// No fiber can go on: says where they wait.
[[noreturn]] void stuck(Block *b) {
	std::string text = "no thread can go on (a barrier, or an operation of a warp, that not all reach):";
	Fiber *first = nullptr;
	for (int i = 0, n = 0; i < b->threads && n < 6; n++) {
		Fiber *f = &b->fibers[i];
		int k = i;
		auto same = [&](Fiber *g) { return g->done == f->done && (f->done || (g->waits == f->waits && g->on == f->on && g->pc == f->pc)); };
		while (k < b->threads && same(&b->fibers[k])) k++;
		char line[200];
		if (f->done) snprintf(line, sizeof line, "%s threads %d to %d have ended", n ? ";" : "", i, k - 1);
		else snprintf(line, sizeof line, "%s threads %d to %d wait at %s (@%lx@)", n ? ";" : "", i, k - 1, f->waits, object_offset(f->pc));
		text += line;
		if (!f->done && !first) first = f;
		i = k;
	}
	fail_launch(first ? first : &b->fibers[0], "%s", text.c_str());
}

// ---- barriers

void release_barrier(Block *b, int id) {
	Barrier *bar = &b->barriers[id];
	int want = id == 0 && bar->want == 0 ? b->alive : bar->want;
	if (bar->arrived == 0 || bar->arrived < want) return;
	join_barrier(b, bar);
	for (int i = 0; i < bar->arrived; i++) make_ready(bar->waiting[i]);
	bar->arrived = 0;
}

extern "C" void ort_block_sync(int id, int threads) {
	Fiber *f = cur;
	HERE(f);
	Block *b = f->block;
	if (id < 0 || id > 15 || threads % 32 || threads > b->threads || (id > 0 && threads == 0))
		fail_launch(f, "named_sync(%d, %d): barriers are 1 to 15, of whole warps of the block", id, threads);
	Barrier *bar = &b->barriers[id];
	if (bar->arrived && bar->want != threads)
		fail_launch(f, "named_sync(%d, %d), but thread %d waits there for %d threads", id, threads, bar->waiting[0]->thread, bar->want);
	bar->want = threads;
	bar->waiting[bar->arrived++] = f;
	if (bar->arrived > b->threads) fail_launch(f, "barrier %d: too many threads", id);
	static const char *names[16] = {"block_sync", "named_sync 1", "named_sync 2", "named_sync 3", "named_sync 4", "named_sync 5", "named_sync 6", "named_sync 7",
	    "named_sync 8", "named_sync 9", "named_sync 10", "named_sync 11", "named_sync 12", "named_sync 13", "named_sync 14", "named_sync 15"};
	release_barrier(b, id); // makes this one ready too where it was the last
	wait(f, names[id], bar);
}

extern "C" void ort_warp(ort_op op, ort_lane *l) {
	Fiber *f = cur;
	HERE(f);
	Warp *w = f->warp;
	w->ops[f->lane] = l;
	if (w->arrived && w->op != op)
		fail_launch(f, "%s, while other lanes of the warp wait at %s", op_name(op), op_name(w->op));
	w->op = op;
	if (++w->arrived < 32) {
		wait(f, op_name(op), w);
		return;
	}
	w->arrived = 0;
	warp_op(f, op, w->ops);
	w->ready |= ~(1u << f->lane);
	f->block->ready |= 1u << w->index;
}

// ---- mbarriers: bulk copies arrive when someone waits for them, so that who does not wait reads rubbish

static Mbar *mbar_at(Fiber *f, uint64_t *bar, const char *what) {
	for (Mbar &m : f->block->mbars)
		if (m.at == bar) {
			if (*bar != mbar_mark) fail_launch(f, "%s: the barrier was written over", what);
			return &m;
		}
	fail_launch(f, "%s: no barrier was initialised at shared offset %ld", what, (long)((uint8_t *)bar - f->self.shared));
}

extern "C" void ort_mbar_init(uint64_t *bar, int arrivals) {
	Fiber *f = cur;
	HERE(f);
	check_shared(f, bar, 8, "mbar_init");
	if ((uintptr_t)bar % 8 || arrivals <= 0) fail_launch(f, "mbar_init: misaligned, or for %d arrivals", arrivals);
	for (Mbar &m : f->block->mbars)
		if (m.at == bar) fail_launch(f, "mbar_init: the barrier is initialised already");
	if (f->block->mbars.size() >= parts - mbar_part) fail_launch(f, "mbar_init: more than %d barriers", parts - mbar_part);
	note(f, bar, 8, true);
	*bar = mbar_mark;
	f->block->mbars.push_back(Mbar{bar, (int)f->block->mbars.size(), arrivals, arrivals, 0, 0, {}, {}, {}, {}});
}

// Ends the phase where all have arrived and all bytes are here.
static void mbar_step(Mbar *m) {
	if (m->pending != 0 || m->bytes != 0) return;
	m->phases++;
	m->clock.of[mbar_part + m->index] = m->phases;
	m->pending = m->arrivals;
	m->clock_done = m->clock;
	for (Fiber *f : m->waiting) make_ready(f);
	m->waiting.clear();
}

extern "C" void ort_mbar_arrive(uint64_t *bar, uint32_t bytes) {
	Fiber *f = cur;
	HERE(f);
	Mbar *m = mbar_at(f, bar, "mbar_arrive");
	if (m->pending == 0) fail_launch(f, "mbar_arrive: more arrivals than the %d of this phase", m->arrivals);
	release_clock(f, &m->clock);
	m->bytes += bytes;
	m->pending--;
	mbar_step(m);
}

extern "C" void ort_mbar_wait(uint64_t *bar, uint32_t parity) {
	Fiber *f = cur;
	HERE(f);
	Mbar *m = mbar_at(f, bar, "mbar_wait");
	while ((m->phases & 1) == (parity & 1)) {
		for (Copy &c : m->copies) {
			land(f, c, m);
			m->bytes -= c.bytes;
		}
		m->copies.clear();
		mbar_step(m);
		if ((m->phases & 1) != (parity & 1)) break;
		m->waiting.push_back(f);
		wait(f, "mbar_wait", bar);
		m = mbar_at(f, bar, "mbar_wait");
	}
	acquire_clock(f, &m->clock_done);
}

extern "C" void ort_bulk_load(void *shared, const void *global, uint32_t bytes, uint64_t *bar) {
	Fiber *f = cur;
	HERE(f);
	Mbar *m = mbar_at(f, bar, "bulk_load");
	check_shared(f, shared, bytes, "bulk_load");
	if ((uintptr_t)shared % 16 || (uintptr_t)global % 16 || bytes % 16 || bytes == 0)
		fail_launch(f, "bulk_load: %p, %p and %u bytes are not all multiples of 16", shared, global, bytes);
	check_global(f, global, bytes, "bulk_load", false);
	check_fenced(f, shared, bytes, "bulk_load");
	Copy c = take(f, shared, global, bytes);
	release_clock(f, &m->clock);
	m->copies.push_back(c);
	for (Fiber *w : m->waiting) make_ready(w); // who came before the copy was asked for
	m->waiting.clear();
}

// A box of a tensor map, its first value at column `col` of row `row`: rows of 128 bytes, one after the other, in which bits 4-6 of
// the address are xored with bits 7-9 (the 128-byte swizzle). Zeros stand for what lies outside of the matrix; they count as bytes.
extern "C" void ort_tensor_load(void *shared, const void *map, int col, int row, uint64_t *bar) {
	Fiber *f = cur;
	HERE(f);
	Mbar *m = mbar_at(f, bar, "tensor_load");
	const Tensor *t = (const Tensor *)map;
	uintptr_t args = (uintptr_t)f->block->launch->args;
	if ((uintptr_t)map < args || (uintptr_t)map + 128 > args + f->block->launch->kernel->args || (uintptr_t)map % 64 || t->mark != tensor_mark)
		fail_launch(f, "tensor_load: no tensor map lies at %p, or not within the arguments at a multiple of 64", map);
	long off = (long)((uint8_t *)shared - f->self.shared);
	check_shared(f, shared, (uint32_t)(128 * t->box), "tensor_load");
	if (col % 8) fail_launch(f, "tensor_load of columns from %d: no multiple of 8", col);
	check_fenced(f, shared, (uint32_t)(128 * t->box), "tensor_load");
	if (off % 1024) fail_launch(f, "tensor_load to offset %ld of shared memory: the swizzle begins at multiples of 1024", off);
	release_clock(f, &m->clock);
	for (int r = 0; r < (int)t->box; r++)
		for (int c = 0; c < 8; c++) {
			int64_t y = (int64_t)row + r, x = (int64_t)col + 8 * c;
			bool in = y >= 0 && y < (int64_t)t->rows && x >= 0 && x < (int64_t)t->cols; // as whole chunks
			const uint8_t *from = in ? (const uint8_t *)t->address + 2 * (y * (int64_t)t->cols + x) : nullptr;
			if (in) check_global(f, from, 16, "tensor_load", false);
			m->copies.push_back(take(f, (uint8_t *)shared + 128 * r + 16 * (c ^ (r & 7)), from, 16));
		}
	for (Fiber *w : m->waiting) make_ready(w);
	m->waiting.clear();
}

// ---- cp.async: a copy lands at the wait

extern "C" void ort_cp_async(void *shared, const void *global, int bytes) {
	Fiber *f = cur;
	HERE(f);
	check_shared(f, shared, 16, "cp_async16");
	if ((uintptr_t)shared % 16 || (bytes && (uintptr_t)global % 16)) fail_launch(f, "cp_async16: %p or %p is not aligned to 16", shared, global);
	if (bytes) check_global(f, global, 16, "cp_async16", false);
	f->copies.push_back(take(f, shared, bytes ? global : nullptr, 16));
}

extern "C" void ort_cp_commit() { cur->groups.push_back((int)cur->copies.size()); }

extern "C" void ort_cp_wait(int pending) {
	Fiber *f = cur;
	HERE(f);
	int done = (int)f->groups.size() - pending;
	if (done <= 0) return;
	int n = f->groups[(size_t)done - 1];
	for (int i = 0; i < n; i++) land(f, f->copies[i], nullptr);
	f->copies.erase(f->copies.begin(), f->copies.begin() + n);
	f->groups.erase(f->groups.begin(), f->groups.begin() + done);
	for (int &g : f->groups) g -= n;
}

// ---- a block

// Runs block number `at` of the launch.
static void run_block(Worker *k, Launch *l, int64_t at) {
	Block *b = &k->block;
	b->launch = l;
	b->threads = b->alive = l->threads;
	ort_dim index = {(uint32_t)(at % l->grid.x), (uint32_t)(at / l->grid.x % l->grid.y), (uint32_t)(at / l->grid.x / l->grid.y)};
	uint64_t r = (l->seed + (uint64_t)at) * 0x9e3779b97f4a7c15;
	r ^= r >> 29;
	b->turn = r & 31;
	b->down = r >> 5 & 1;
	b->fibers = k->fibers;
	b->mbars.clear();
	for (Barrier &bar : b->barriers) bar.arrived = bar.want = 0;
	uint8_t *shared = fresh_shared(k, l->shared);
	int warps = l->threads / 32;
	b->ready = warps == 32 ? ~0u : (1u << warps) - 1;
	b->warp = (int)((r >> 8) % (uint64_t)warps);
	for (int i = 0; i < warps; i++) {
		Warp *w = &b->warps[i];
		w->index = i, w->arrived = 0, w->alive = 32, w->ready = ~0u, w->clock = 1, w->syncs = 0;
		w->products.clear(), w->groups.clear();
	}
	reset_clocks(b);
	for (int i = 0; i < l->threads; i++) {
		Fiber *f = &k->fibers[i];
		f->block = b, f->warp = &b->warps[i / 32], f->thread = i, f->lane = i % 32;
		f->done = f->depends = false, f->fences = 0, f->waits = nullptr;
		f->copies.clear(), f->groups.clear();
		f->warp->lanes[f->lane] = f;
		f->self = {{(uint32_t)i, 0, 0}, index, {(uint32_t)l->threads, 1, 1}, l->grid, shared, l->machine->major};
		fiber_reset(f);
	}
	Fiber *first = pick(b);
	switch_to(&k->sp, first);
	cur = nullptr;
	if (!l->failed) end_block(b);
}

void run_blocks(Worker *k, Launch *l) {
	worker = k;
	for (;;) {
		int64_t i = l->next.fetch_add(1);
		if (i >= l->blocks || l->failed) return;
		// A stride prime to the number of blocks, so that each comes once, in no order to rely on.
		run_block(k, l, (int64_t)(((unsigned __int128)i * l->stride + l->start) % (uint64_t)l->blocks));
	}
}
