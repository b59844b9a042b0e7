//go:build ignore

// The emulator as the host sees it: what driver.go calls.
#include "machine.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

extern const ort_kernel __start_ort_kernels[] __attribute__((weak));
extern const ort_kernel __stop_ort_kernels[] __attribute__((weak));

// The signal that ends a kernel which runs for too long.
static int kill_signal() { return SIGRTMIN + 9; }

static struct sigaction before_segv, before_bus, before_fpe;

static void on_fault(int sig, siginfo_t *info, void *context) {
	Fiber *f = this_worker() ? running() : nullptr;
	if (!f && sig == kill_signal()) return; // the kernel has just ended
	if (!f) { // not ours: as it was before
		struct sigaction *old = sig == SIGSEGV ? &before_segv : sig == SIGBUS ? &before_bus : &before_fpe;
		if (old->sa_flags & SA_SIGINFO) old->sa_sigaction(sig, info, context);
		else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) old->sa_handler(sig);
		else {
			signal(sig, SIG_DFL);
			raise(sig);
		}
		return;
	}
#if defined(__x86_64__)
	f->pc = (const void *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	f->pc = (const void *)((ucontext_t *)context)->uc_mcontext.pc;
#endif
	if (sig == kill_signal()) fail_launch(f, "has not ended after the time that a launch may take");
	if (sig == SIGFPE) fail_launch(f, "integer division by zero");
	explain_fault(f, info->si_addr);
}

static void catch_faults() {
	struct sigaction a;
	memset(&a, 0, sizeof a);
	a.sa_sigaction = on_fault;
	a.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
	sigaction(SIGSEGV, &a, &before_segv);
	sigaction(SIGBUS, &a, &before_bus);
	sigaction(SIGFPE, &a, &before_fpe);
	sigaction(kill_signal(), &a, nullptr);
}

struct Start {
	Machine *m;
	Worker *k;
};

static void *work(void *p) {
	Start s = *(Start *)p;
	delete (Start *)p;
	stack_t alt = {};
	alt.ss_size = 64 << 10;
	alt.ss_sp = mmap(nullptr, alt.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaltstack(&alt, nullptr);
	uint64_t seen = 0;
	std::unique_lock<std::mutex> hold(s.m->lock);
	for (;;) {
		s.m->begin.wait(hold, [&] { return s.m->closing || s.m->turn != seen; });
		if (s.m->closing) break;
		seen = s.m->turn;
		Launch *l = s.m->launch;
		if (!l) continue;
		s.m->running++;
		hold.unlock();
		s.k->busy = true;
		run_blocks(s.k, l);
		s.k->busy = false;
		hold.lock();
		if (--s.m->running == 0 && (l->next >= l->blocks || l->failed)) {
			s.m->launch = nullptr;
			s.m->end.notify_all();
		}
	}
	munmap(alt.ss_sp, alt.ss_size);
	return nullptr;
}

static bool start_worker(Machine *m) {
	Worker *k = new Worker();
	m->workers.push_back(k);
	make_arena(k);
	size_t stride = stack_bytes + 4096;
	k->stacks = (uint8_t *)mmap(nullptr, stride * max_threads, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (k->stacks == MAP_FAILED) return false;
	for (int i = 0; i < max_threads; i++) {
		mprotect(k->stacks + stride * i, 4096, PROT_NONE);
		k->fibers[i].stack = k->stacks + stride * i + 4096;
	}
	sigset_t all, old; // none of the signals for Go's threads
	sigfillset(&all);
	for (int sig : {SIGSEGV, SIGBUS, SIGFPE, kill_signal()}) sigdelset(&all, sig);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	bool ok = pthread_create(&k->thread, nullptr, work, new Start{m, k}) == 0;
	pthread_sigmask(SIG_SETMASK, &old, nullptr);
	return ok;
}

ORT_API Machine *ort_open(int threads, int major) {
	static std::once_flag once;
	std::call_once(once, catch_faults);
	Machine *m = new Machine();
	m->major = major;
	if (!reserve(m)) return nullptr;
	for (int i = 0; i < threads; i++)
		if (!start_worker(m)) return nullptr;
	return m;
}

ORT_API void ort_close(Machine *m) {
	{
		std::lock_guard<std::mutex> hold(m->lock);
		m->closing = true;
	}
	m->begin.notify_all();
	for (Worker *k : m->workers) {
		pthread_join(k->thread, nullptr);
		drop_arena(k);
		munmap(k->stacks, (size_t)(stack_bytes + 4096) * max_threads);
		delete k;
	}
	unreserve(m);
	delete m;
}

// The kernels, in the order of the link.
ORT_API int ort_kernel_count() { return (int)(__stop_ort_kernels - __start_ort_kernels); }
ORT_API const ort_kernel *ort_kernel_at(int i) { return &__start_ort_kernels[i]; }

// The host has waited for all launches so far.
ORT_API void ort_settle(Machine *m) { m->settled = m->launches; }

// Seconds of processor time that the workers have taken.
static double worked(Machine *m) {
	double all = 0;
	for (Worker *k : m->workers) {
		clockid_t clock;
		timespec t;
		if (pthread_getcpuclockid(k->thread, &clock) == 0 && clock_gettime(clock, &t) == 0) all += (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
	}
	return all;
}

// Runs a launch to its end, within so many seconds of processor time (the machine may be busy), and returns what went wrong: "" for nothing. The text holds until the
// next call.
ORT_API const char *ort_launch(Machine *m, int kernel, const void *args, uint32_t x, uint32_t y, uint32_t z, int threads, int shared, int overlap, int seconds) {
	Launch l;
	l.machine = m;
	l.kernel = ort_kernel_at(kernel);
	l.args = args;
	l.grid = {x, y, z};
	l.threads = threads, l.shared = shared, l.overlap = overlap;
	l.number = ++m->launches;
	forget_written(m, l.number);
	l.blocks = (int64_t)x * y * z;
	l.seed = l.number * 0xbf58476d1ce4e5b9;
	l.start = l.seed % (uint64_t)l.blocks;
	l.stride = l.blocks > 2 ? (uint64_t)l.blocks / 2 | 1 : 1;
	auto common = [](uint64_t a, uint64_t b) {
		while (b) a %= b, std::swap(a, b);
		return a;
	};
	while (common(l.stride, (uint64_t)l.blocks) != 1) l.stride++;
	l.message[0] = 0;
	std::unique_lock<std::mutex> hold(m->lock);
	m->launch = &l;
	m->turn++;
	if (l.blocks == 1) m->begin.notify_one();
	else m->begin.notify_all();
	double before = worked(m);
	bool ended = false;
	while (!(ended = m->end.wait_for(hold, std::chrono::seconds(1), [&] { return m->launch == nullptr; })) && worked(m) - before < seconds) {
	}
	if (!ended) {
		for (Worker *k : m->workers)
			if (k->busy) pthread_kill(k->thread, kill_signal());
		m->end.wait(hold, [&] { return m->launch == nullptr; });
	}
	if (!l.failed) check_counters(&l);
	memcpy(m->text, l.message, sizeof m->text);
	return m->text;
}
