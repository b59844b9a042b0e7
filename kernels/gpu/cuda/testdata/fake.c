// A libcuda.so.1 for tests: one GPU in host memory, as lazy as a real one may be.
// What is queued on a stream runs when something waits for it, and no other stream's work with it but what that waits for, so
// that a page-locked buffer that is filled again too early, an argument that is not copied, or an event that nobody waits for
// shows in the results. Every call is appended to the file that FAKE_LOG names, as a line.
//
//   FAKE_FAIL=function:code:n   the n-th call of a function from when this was set fails
//   FAKE_ASYNC=code             the next time that something waits, a kernel has failed
//   FAKE_COUNT, FAKE_INIT       number of GPUs, result of cuInit
//   FAKE_MEMORY                 bytes of memory

#include <cuda.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef cuCtxCreate
#undef cuEventElapsedTime

static int lost; // the error after which all fail
static struct {
	int memory, host, events, streams, graphs, modules;
} live;

static void note(const char *format, ...) {
	const char *name = getenv("FAKE_LOG");
	FILE *f = name ? fopen(name, "a") : NULL;
	if (!f)
		return;
	va_list v;
	va_start(v, format);
	vfprintf(f, format, v);
	va_end(v);
	fclose(f);
}

static long setting(const char *name, long otherwise) {
	const char *v = getenv(name);
	return v && *v ? atol(v) : otherwise;
}

// The code with which a call fails, or 0.
static int failure(const char *function) {
	static int calls;
	static char last[128];
	char name[128] = "";
	int code, n;
	const char *v = getenv("FAKE_FAIL");
	if (!v || sscanf(v, "%127[^:]:%d:%d", name, &code, &n) != 3)
		v = "";
	if (strcmp(v, last)) {
		calls = 0;
		snprintf(last, sizeof last, "%s", v);
	}
	if (lost || strcmp(name, function) || ++calls != n)
		return lost;
	if (code >= 700 && code < 800)
		lost = code;
	return code;
}

#define CALL(...)                          \
	do {                                   \
		note("%s ", __func__);             \
		note(__VA_ARGS__);                 \
		note("\n");                        \
		int code_ = failure(__func__);     \
		if (code_)                         \
			return (CUresult)code_;        \
	} while (0)

// ---- streams: lists of what is still to do

enum { op_copy, op_set, op_kernel, op_record, op_wait };

struct op {
	int kind;
	uint8_t *dst;
	const uint8_t *src;
	size_t n;
	char kernel[64];
	uint8_t args[64];
	struct CUevent_st *event;
	long serial; // of the record
	struct op *next;
};

struct CUevent_st {
	long recorded, done; // serials of the last record that was queued, and done
	CUstream stream;     // of it
	long when;
};
struct CUgraph_st {
	struct op *first, **last;
};
struct CUstream_st {
	struct CUgraph_st work;
	struct CUgraph_st *recording;
	CUstream next;
};
struct CUfunc_st {
	char name[64];
	int params;
	int shared;
	struct CUfunc_st *next;
};
struct CUmod_st {
	struct CUfunc_st *functions;
	int opaque; // a true image: it has every function, which does nothing
};
struct CUctx_st {
	int dummy;
};

static size_t used; // bytes of memory
static __thread CUcontext current;
static long ticks; // operations done

static void queue(CUstream s, struct op o) {
	struct CUgraph_st *g = s->recording ? s->recording : &s->work;
	struct op *p = malloc(sizeof *p);
	*p = o;
	p->next = NULL;
	*g->last = p;
	g->last = &p->next;
}

// The kernel "fill" sets n words from dst on to value; "add" adds one to each.
struct fill_args {
	uint64_t dst;
	uint32_t n, value;
};

static void do_op(struct op *o) {
	ticks++;
	if (o->kind == op_copy)
		memcpy(o->dst, o->src, o->n);
	else if (o->kind == op_set)
		memset(o->dst, 0, o->n);
	else if (o->kind == op_record) {
		o->event->done = o->serial;
		o->event->when = ticks;
	} else {
		struct fill_args a;
		memcpy(&a, o->args, sizeof a);
		uint32_t *p = (uint32_t *)(uintptr_t)a.dst;
		for (uint32_t i = 0; i < a.n; i++)
			p[i] = strcmp(o->kernel, "fill") ? p[i] + 1 : a.value;
	}
}

static CUstream streams; // all of them; the first that was made is the last

static CUstream the_stream(void) {
	CUstream s = streams;
	while (s && s->next)
		s = s->next;
	return s;
}

// Does what is queued on a stream, until event's record of that serial is done if an event is given.
static void run(CUstream s, CUevent event, long serial) {
	struct op *o;
	while ((o = s->work.first) && !(event && event->done >= serial)) {
		s->work.first = o->next;
		if (!s->work.first)
			s->work.last = &s->work.first;
		if (o->kind == op_wait)
			run(o->event->stream, o->event, o->serial);
		else
			do_op(o);
		free(o);
	}
}

// What every wait begins with.
static int asynchronous(void) {
	if (setting("FAKE_ASYNC", 0))
		lost = (int)setting("FAKE_ASYNC", 0);
	return lost;
}

static CUresult drain(void) {
	if (asynchronous())
		return (CUresult)lost;
	for (CUstream s = streams; s; s = s->next)
		run(s, NULL, 0);
	return CUDA_SUCCESS;
}

// ---- devices and contexts

CUresult cuInit(unsigned flags) {
	note("cuInit %u\n", flags);
	return (CUresult)setting("FAKE_INIT", 0);
}
CUresult cuDriverGetVersion(int *v) {
	CALL(".");
	*v = 13000;
	return CUDA_SUCCESS;
}
CUresult cuDeviceGetCount(int *n) {
	CALL(".");
	*n = (int)setting("FAKE_COUNT", 1);
	return CUDA_SUCCESS;
}
CUresult cuDeviceGet(CUdevice *d, int i) {
	CALL("%d", i);
	*d = i;
	return CUDA_SUCCESS;
}
CUresult cuDeviceGetName(char *name, int n, CUdevice d) {
	CALL("%d", d);
	snprintf(name, n, "Fake GPU");
	return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int *v, CUdevice_attribute a, CUdevice d) {
	CALL("%d %d", a, d);
	switch ((int)a) {
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *v = (int)setting("FAKE_MAJOR", 9); break;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *v = 0; break;
	case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *v = 132; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *v = 232448; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: *v = 233472; break;
	case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: *v = 60 << 20; break;
	case CU_DEVICE_ATTRIBUTE_CLOCK_RATE: *v = 1980000; break;
	case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE: *v = 3201000; break;
	case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH: *v = 6144; break;
	default: *v = 0;
	}
	return CUDA_SUCCESS;
}
CUresult cuCtxCreate_v2(CUcontext *c, unsigned flags, CUdevice d) {
	CALL("%u %d", flags, d);
	*c = current = malloc(sizeof **c);
	return CUDA_SUCCESS;
}
CUresult cuCtxPopCurrent_v2(CUcontext *c) {
	CALL(".");
	*c = current;
	current = NULL;
	return CUDA_SUCCESS;
}
CUresult cuCtxSetCurrent(CUcontext c) {
	note("cuCtxSetCurrent\n");
	current = c;
	return CUDA_SUCCESS;
}
CUresult cuCtxDestroy_v2(CUcontext c) {
	note("cuCtxDestroy_v2 memory %d host %d events %d streams %d graphs %d modules %d\n", live.memory, live.host, live.events,
	     live.streams, live.graphs, live.modules);
	memset(&live, 0, sizeof live);
	streams = NULL;
	used = 0;
	lost = 0;
	free(c);
	current = NULL;
	return CUDA_SUCCESS;
}

// Every call from here on wants a context.
#define NEED                                  \
	do {                                      \
		if (!current) {                       \
			note("no context\n");             \
			return CUDA_ERROR_INVALID_CONTEXT; \
		}                                     \
	} while (0)

// ---- memory

static size_t *header(CUdeviceptr p) { return (size_t *)(uintptr_t)(p - 256); }

CUresult cuMemGetInfo_v2(size_t *available, size_t *total) {
	CALL(".");
	NEED;
	*total = (size_t)setting("FAKE_MEMORY", 1 << 30);
	*available = *total - used;
	return CUDA_SUCCESS;
}
CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t n) {
	CALL("%zu", n);
	NEED;
	if (n > (size_t)setting("FAKE_MEMORY", 1 << 30) - used)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*p = (CUdeviceptr)(uintptr_t)aligned_alloc(256, (n + 511) / 256 * 256) + 256;
	*header(*p) = n;
	memset((void *)(uintptr_t)*p, 0xa5, n);
	used += n;
	live.memory++;
	return CUDA_SUCCESS;
}
CUresult cuMemFree_v2(CUdeviceptr p) {
	CALL(".");
	NEED;
	drain();
	used -= *header(p);
	free(header(p));
	live.memory--;
	return CUDA_SUCCESS;
}
CUresult cuMemHostAlloc(void **p, size_t n, unsigned flags) {
	CALL("%zu %u", n, flags);
	NEED;
	*p = aligned_alloc(4096, n);
	live.host++;
	return CUDA_SUCCESS;
}
CUresult cuMemFreeHost(void *p) {
	note("cuMemFreeHost\n");
	free(p);
	live.host--;
	return CUDA_SUCCESS;
}
static CUresult copy(CUstream s, void *dst, const void *src, size_t n) {
	NEED;
	queue(s, (struct op){.kind = op_copy, .dst = dst, .src = src, .n = n});
	return CUDA_SUCCESS;
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dst, const void *src, size_t n, CUstream s) {
	CALL("%zu", n);
	return copy(s, (void *)(uintptr_t)dst, src, n);
}
CUresult cuMemcpyDtoHAsync_v2(void *dst, CUdeviceptr src, size_t n, CUstream s) {
	CALL("%zu", n);
	return copy(s, dst, (void *)(uintptr_t)src, n);
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dst, CUdeviceptr src, size_t n, CUstream s) {
	CALL("%zu", n);
	return copy(s, (void *)(uintptr_t)dst, (void *)(uintptr_t)src, n);
}
CUresult cuMemsetD8Async(CUdeviceptr dst, unsigned char v, size_t n, CUstream s) {
	CALL("%u %zu", v, n);
	NEED;
	queue(s, (struct op){.kind = op_set, .dst = (uint8_t *)(uintptr_t)dst, .n = n});
	return CUDA_SUCCESS;
}

// ---- streams and events

CUresult cuStreamCreate(CUstream *s, unsigned flags) {
	CALL("%u", flags);
	NEED;
	*s = calloc(1, sizeof **s);
	(*s)->work.last = &(*s)->work.first;
	(*s)->next = streams;
	streams = *s;
	live.streams++;
	return CUDA_SUCCESS;
}
CUresult cuStreamDestroy_v2(CUstream s) {
	note("cuStreamDestroy_v2\n");
	for (CUstream *p = &streams; *p; p = &(*p)->next)
		if (*p == s) {
			*p = s->next;
			live.streams--;
			break;
		}
	return CUDA_SUCCESS; // events may still name it
}
CUresult cuStreamSynchronize(CUstream s) {
	CALL("%s", s == the_stream() ? "." : "another stream");
	NEED;
	if (asynchronous())
		return (CUresult)lost;
	run(s, NULL, 0);
	return CUDA_SUCCESS;
}
CUresult cuStreamWaitEvent(CUstream s, CUevent e, unsigned flags) {
	CALL("%u", flags);
	NEED;
	if (e->recorded)
		queue(s, (struct op){.kind = op_wait, .event = e, .serial = e->recorded});
	return CUDA_SUCCESS;
}
CUresult cuEventCreate(CUevent *e, unsigned flags) {
	CALL("%u", flags);
	NEED;
	*e = calloc(1, sizeof **e);
	live.events++;
	return CUDA_SUCCESS;
}
CUresult cuEventDestroy_v2(CUevent e) {
	note("cuEventDestroy_v2\n");
	live.events--;
	(void)e; // may still be queued
	return CUDA_SUCCESS;
}
CUresult cuEventRecord(CUevent e, CUstream s) {
	CALL(".");
	NEED;
	e->stream = s;
	queue(s, (struct op){.kind = op_record, .event = e, .serial = ++e->recorded});
	return CUDA_SUCCESS;
}
CUresult cuEventSynchronize(CUevent e) {
	CALL(".");
	NEED;
	if (asynchronous())
		return (CUresult)lost;
	if (e->recorded)
		run(e->stream, e, e->recorded);
	return CUDA_SUCCESS;
}
// An operation takes a millisecond.
CUresult cuEventElapsedTime(float *ms, CUevent a, CUevent b) {
	CALL(".");
	NEED;
	if (a->done < a->recorded || b->done < b->recorded)
		return CUDA_ERROR_NOT_READY;
	*ms = (float)(b->when - a->when - 1);
	return CUDA_SUCCESS;
}

// ---- modules and launches: an image is a list of names and sizes of arguments

CUresult cuModuleLoadData(CUmodule *m, const void *image) {
	const char *p = image;
	int opaque = (unsigned char)*p == 0x50; // the magic number of a fatbin
	CALL("%s", opaque ? "opaque" : p);
	NEED;
	char name[64];
	int params, n;
	*m = calloc(1, sizeof **m);
	(*m)->opaque = opaque;
	while (!opaque && sscanf(p, "%63s %d%n", name, &params, &n) == 2) {
		struct CUfunc_st *f = calloc(1, sizeof *f);
		snprintf(f->name, sizeof f->name, "%s", name);
		f->params = params;
		f->shared = 48 << 10;
		f->next = (*m)->functions;
		(*m)->functions = f;
		p += n;
	}
	live.modules++;
	return CUDA_SUCCESS;
}
CUresult cuModuleGetFunction(CUfunction *f, CUmodule m, const char *name) {
	CALL("%s", name);
	for (*f = m->functions; *f; *f = (*f)->next)
		if (!strcmp((*f)->name, name))
			return CUDA_SUCCESS;
	if (!m->opaque)
		return CUDA_ERROR_NOT_FOUND;
	*f = calloc(1, sizeof **f);
	(*f)->next = m->functions;
	m->functions = *f;
	snprintf((*f)->name, sizeof (*f)->name, "%s", name);
	(*f)->params = -1;
	(*f)->shared = 48 << 10;
	return CUDA_SUCCESS;
}
CUresult cuFuncGetParamInfo(CUfunction f, size_t i, size_t *offset, size_t *n) {
	CALL("%s %zu", f->name, i);
	if (f->params < 0)
		return CUDA_ERROR_NOT_FOUND;
	*offset = 0;
	*n = (size_t)f->params;
	return i == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuFuncSetAttribute(CUfunction f, CUfunction_attribute a, int v) {
	CALL("%s %d %d", f->name, a, v);
	NEED;
	f->shared = v;
	return CUDA_SUCCESS;
}
CUresult cuLaunchKernelEx(const CUlaunchConfig *c, CUfunction f, void **params, void **extra) {
	int overlap = 0, cluster = 0;
	for (unsigned i = 0; i < c->numAttrs; i++) {
		if (c->attrs[i].id == CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION)
			overlap = c->attrs[i].value.programmaticStreamSerializationAllowed;
		if (c->attrs[i].id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION)
			cluster = (int)(c->attrs[i].value.clusterDim.x * 100 + c->attrs[i].value.clusterDim.y * 10 + c->attrs[i].value.clusterDim.z);
	}
	CALL("%s %ux%ux%u %ux%ux%u shared %u overlap %d cluster %d", f->name, c->gridDimX, c->gridDimY, c->gridDimZ, c->blockDimX,
	     c->blockDimY, c->blockDimZ, c->sharedMemBytes, overlap, cluster);
	NEED;
	if (extra || c->hStream != the_stream() || (int)c->sharedMemBytes > f->shared)
		return CUDA_ERROR_INVALID_VALUE;
	if (f->params < 0)
		return CUDA_SUCCESS;
	struct op o = {.kind = op_kernel};
	snprintf(o.kernel, sizeof o.kernel, "%s", f->name);
	memcpy(o.args, params[0], (size_t)f->params);
	queue(c->hStream, o);
	return CUDA_SUCCESS;
}

// ---- tensor maps: the fake's hold the address and the sizes

CUresult cuTensorMapEncodeTiled(CUtensorMap *m, CUtensorMapDataType type, cuuint32_t rank, void *address, const cuuint64_t *size, const cuuint64_t *stride,
                                const cuuint32_t *box, const cuuint32_t *step, CUtensorMapInterleave interleave, CUtensorMapSwizzle swizzle,
                                CUtensorMapL2promotion promotion, CUtensorMapFloatOOBfill fill) {
	CALL("type %d rank %u size %llu,%llu stride %llu box %u,%u step %u,%u interleave %d swizzle %d promotion %d fill %d", type, rank, (unsigned long long)size[0],
	     (unsigned long long)size[1], (unsigned long long)stride[0], box[0], box[1], step[0], step[1], interleave, swizzle, promotion, fill);
	NEED;
	if ((uintptr_t)m % 64 || (uintptr_t)address % 16 || stride[0] % 16)
		return CUDA_ERROR_INVALID_VALUE;
	memset(m, 0x5a, sizeof *m);
	uint64_t all[3] = {(uint64_t)(uintptr_t)address, size[0], size[1]};
	memcpy(m, all, sizeof all);
	return CUDA_SUCCESS;
}

// ---- graphs

CUresult cuStreamBeginCapture_v2(CUstream s, CUstreamCaptureMode mode) {
	CALL("%d", mode);
	NEED;
	s->recording = calloc(1, sizeof *s->recording);
	s->recording->last = &s->recording->first;
	return CUDA_SUCCESS;
}
CUresult cuStreamEndCapture(CUstream s, CUgraph *g) {
	CALL(".");
	NEED;
	*g = s->recording;
	s->recording = NULL;
	return *g ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec *e, CUgraph g, unsigned long long flags) {
	CALL("%llu", flags);
	*e = (CUgraphExec)(void *)malloc(sizeof(struct CUgraph_st));
	*(struct CUgraph_st *)(void *)*e = *g;
	live.graphs++;
	return CUDA_SUCCESS;
}
CUresult cuGraphDestroy(CUgraph g) {
	note("cuGraphDestroy\n");
	free(g); // what it holds belongs to the CUgraphExec
	return CUDA_SUCCESS;
}
CUresult cuGraphLaunch(CUgraphExec e, CUstream s) {
	CALL(".");
	NEED;
	for (struct op *o = ((struct CUgraph_st *)(void *)e)->first; o; o = o->next)
		queue(s, *o);
	return CUDA_SUCCESS;
}
CUresult cuGraphExecDestroy(CUgraphExec e) {
	CALL(".");
	free((void *)e);
	live.graphs--;
	return CUDA_SUCCESS;
}

// ---- errors

CUresult cuGetErrorName(CUresult r, const char **text) {
	static __thread char name[32];
	snprintf(name, sizeof name, "CUDA_ERROR_%d", r);
	*text = name;
	return CUDA_SUCCESS;
}
CUresult cuGetErrorString(CUresult r, const char **text) {
	(void)r;
	*text = "the fake fails";
	return CUDA_SUCCESS;
}
