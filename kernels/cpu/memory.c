// Address space for weights, caches and activations.
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ops.h"

enum { HUGE_PAGE = 2 << 20 };

uintptr_t ort_map(int64_t n) {
	uintptr_t p = (uintptr_t)mmap(NULL, (size_t)n + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == (uintptr_t)MAP_FAILED) return 0;
	uintptr_t start = (p + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1), page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t end = (start + (uintptr_t)n + page - 1) & ~(page - 1), last = (p + (uintptr_t)n + HUGE_PAGE + page - 1) & ~(page - 1);
	if (start > p) munmap((void *)p, start - p);
	if (last > end) munmap((void *)end, last - end);
#ifdef MADV_HUGEPAGE
	madvise((void *)start, end - start, MADV_HUGEPAGE);
#endif
	return start;
}

void ort_unmap(uintptr_t p, int64_t n) {
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	munmap((void *)p, ((uintptr_t)n + page - 1) & ~(page - 1));
}

void ort_discard(uintptr_t p, int64_t n) {
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (p + page - 1) & ~(page - 1), end = (p + (uintptr_t)n) & ~(page - 1);
	if (end > start) madvise((void *)start, end - start, MADV_DONTNEED);
}

void ort_fill(uintptr_t p, int64_t n) { memset((void *)p, 1, (size_t)n); }
