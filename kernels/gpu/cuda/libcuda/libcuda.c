// What stands in the place of libcuda.so at link time, so that a program with
// CUDA starts where there is no NVIDIA driver.
//
// gorgonia.org/cu calls cuInit when the program starts, and ends the program
// where that fails. Here cuInit reports success and does nothing. The driver is
// loaded and initialised by the first call of any other function: programs that
// use no GPU never load it. Where that fails every function returns the reason as its
// CUresult, the device count is 0, and ort_cuda_status tells in words.

#define _GNU_SOURCE
#include "libcuda.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

// struct entry is what trampolines.S holds for each function.
struct entry {
	void *function; // NULL before the first call
	const char *name;
};

enum { no_device = 100, not_found = 500 }; // values of CUresult

static struct {
	pthread_once_t once;
	void *library;
	int result; // of cuInit, or no_device without a library
	char status[512];
} driver = {.once = PTHREAD_ONCE_INIT};

static void load(void) {
	driver.library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!driver.library) {
		driver.result = no_device;
		snprintf(driver.status, sizeof driver.status, "there is no NVIDIA driver (%s)", dlerror());
		return;
	}
	int (*init)(unsigned) = (int (*)(unsigned))dlsym(driver.library, "cuInit");
	int (*text)(int, const char **) = (int (*)(int, const char **))dlsym(driver.library, "cuGetErrorString");
	if (!init) {
		driver.result = not_found;
		snprintf(driver.status, sizeof driver.status, "libcuda.so.1 is not NVIDIA's driver: it has no cuInit");
		return;
	}
	driver.result = init(0);
	if (driver.result == 0)
		return;
	const char *why = NULL;
	if (!text || text(driver.result, &why) || !why)
		why = "unknown error";
	snprintf(driver.status, sizeof driver.status, "the NVIDIA driver does not start: %s (CUDA error %d)", why, driver.result);
}

static int initialised(void) { return 0; }
static int unavailable(void) { return driver.result; }
static int missing(void) { return not_found; }
static int no_count(int *count) {
	*count = 0;
	return 0;
}

__attribute__((visibility("hidden"))) void *ort_cuda_find(struct entry *e);

void *ort_cuda_find(struct entry *e) {
	void *f;
	if (strcmp(e->name, "cuInit") == 0)
		f = (void *)initialised;
	else {
		pthread_once(&driver.once, load);
		if (driver.result == 0) {
			f = dlsym(driver.library, e->name);
			if (!f)
				f = (void *)missing;
		} else if (strcmp(e->name, "cuDeviceGetCount") == 0 || strcmp(e->name, "cuDriverGetVersion") == 0)
			f = (void *)no_count;
		else
			f = (void *)unavailable;
	}
	__atomic_store_n(&e->function, f, __ATOMIC_RELEASE);
	return f;
}

const char *ort_cuda_status(void) {
	pthread_once(&driver.once, load);
	return driver.status;
}
