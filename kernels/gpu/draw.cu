// Draws a token of each row of Top's output (kernels.Drawer.Draw).
//
//   w[j] = exp((logit[j] - logit[0]) / temperature), the tokens in descending order; kept are the first,
//   and those before which the sum of w is below topP * sum(w) and whose w is at least minP;
//   ids[i] = the first kept token, in order of id, up to which the sum of w exceeds u * sum of the kept.
//
//   top [any] {found, id i32, value f32, drawn i32; [k] {id i32, logit f32}}, as top.cu writes it: in descending order;
//   draws [n] {temperature, topP, minP, u f64; row, k i32}; ids [n] i32.
//
// One warp a row, k <= 256. Moves a few KB: the time is that of a launch and of about k dependent additions in
// float64 (k = 20: under 1 us, as counted). The exponential is that of the device's
// library, so that a token at the edge of two may differ from the host's: the host checks.
#include "ptx.cuh"

struct DrawArgs {
	uint64_t ids, top, draws;
	int k; // of top
	int n;
};

struct DrawRow {
	double temperature, topP, minP, u;
	int row, k;
};

enum { DRAW_MOST = 256 };

struct DrawShared {
	double w[DRAW_MOST], total;
	int kept;
};

// The number of tokens kept, and their weight, by one thread.
ORT_DEV void draw_keep(DrawShared *s, const DrawRow *d, int n) {
	double mass = 0, sum = 0;
	for (int j = 0; j < n; j++) mass += s->w[j];
	int kept = 0;
	for (; kept < n; kept++) {
		bool out = kept > 0 && d->topP < 1 && sum >= d->topP * mass;
		if (out || s->w[kept] < d->minP) break;
		sum += s->w[kept];
	}
	s->kept = kept;
	s->total = sum;
}

// budget draw: 64 registers
ORT_KERNEL(draw, DrawArgs, 32) {
	DrawShared *s = (DrawShared *)ort_shared();
	int lane = threadIdx.x;
	griddep_wait();
	griddep_launch();
	const DrawRow *d = (const DrawRow *)a.draws + blockIdx.x;
	int *row = (int *)a.top + (int64_t)d->row * (4 + 2 * a.k);
	const int *id = row + 4; // id[2j], logit[2j+1]
	int n = row[0] < d->k ? row[0] : d->k;
	if (n < 0) n = 0;
	bool greedy = d->temperature == 0;
	for (int j = lane; j < n; j += 32) {
		double below = (double)bits_f32(id[2 * j + 1]) - (double)bits_f32(id[1]);
		s->w[j] = greedy ? j == 0 : exp_f64(below / d->temperature);
	}
	warp_sync();
	if (lane == 0) draw_keep(s, d, n);
	warp_sync();
	double left = d->u * s->total;
	int first = 0x7fffffff, last = 0; // the lowest id past u, the highest of all
	for (int j = lane; j < s->kept; j += 32) {
		double sum = 0;
		for (int i = 0; i < s->kept; i++) sum += id[2 * i] <= id[2 * j] ? s->w[i] : 0;
		if (sum > left && s->w[j] > 0 && id[2 * j] < first) first = id[2 * j];
		if (s->w[j] > 0 && id[2 * j] > last) last = id[2 * j];
	}
	for (int m = 16; m > 0; m /= 2) {
		int f = shfl_xor(first, m), l = shfl_xor(last, m);
		first = f < first ? f : first;
		last = l > last ? l : last;
	}
	if (lane == 0) ((int *)a.ids)[blockIdx.x] = row[3] = first == 0x7fffffff ? last : first;
}
