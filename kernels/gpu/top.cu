// The k highest allowed logits of each row, edited (kernels.Chooser.Top).
//
//   y[i] = the k largest of { (x, id) : id < vocab, mask[i] allows id, x > -inf },
//   x = edit(logits[row[i]][id]); of equal x the lowest ids.
//
//   logits [any, cols] f32; row, mask [n] i32; masks [any, words] u64; first [n+1] i32;
//   edits [any] {id i32, bias, penalty, less f32}; y [n] {found, id i32, value f32, 0; [k] {id i32, logit f32}}.
//
// Grid (chunks of 4096 logits, rows). Each block selects the k best of its chunk, the last
// of a row to finish those of all chunks: chunks * k <= 4096. Selection is k rounds of a
// maximum over the block: each thread holds 16 keys in registers, a round costs two barriers and
// about 40 instructions.
//
// Moves the row once, 608 KB of 151,936 logits: 0.14 us at 4.3 TB/s, under the latency of the rounds
// (k = 1: about 2 us in all, k = 20: about 5 us, as counted, not measured).
#include "ptx.cuh"

struct TopArgs {
	uint64_t logits, row, mask, masks, first, edits, y;
	uint64_t part;    // [n, chunks*k rounded up to 2] u64, the keys of each chunk
	uint64_t broken;  // [n, chunks] u32, ~the lowest allowed id of the chunk whose logit is NaN or +Inf; 0: none
	uint64_t counter; // [n] u32, zero
	int cols, vocab, words, k;
};

enum { TOP_THREADS = 256, TOP_EACH = 16, TOP_CHUNK = TOP_THREADS * TOP_EACH };

struct TopShared {
	float x[TOP_CHUNK];
	uint64_t best[TOP_THREADS / 32];
	uint32_t broken;
	uint32_t last;
};

// Keys order by value, then by lower id; 0 is no token. value is finite.
ORT_DEV uint64_t top_key(float x, uint32_t id) {
	uint32_t b = f32_bits(add_rn(x, 0.f)); // -0 equals 0
	b = b >> 31 ? ~b : b | 0x80000000u;
	return (uint64_t)b << 32 | (uint32_t)~id;
}

ORT_DEV float top_value(uint64_t key) {
	uint32_t b = (uint32_t)(key >> 32);
	return bits_f32(b >> 31 ? b & 0x7fffffffu : ~b);
}

ORT_DEV uint64_t key_max(uint64_t a, uint64_t b) { return a > b ? a : b; }

ORT_DEV uint64_t warp_max(uint64_t v) {
	for (int d = 16; d > 0; d /= 2) {
		uint64_t o = (uint64_t)shfl_xor((uint32_t)(v >> 32), d) << 32 | shfl_xor((uint32_t)v, d);
		v = key_max(v, o);
	}
	return v;
}

// Writes the k largest keys of the block to out, in descending order, 0 where there are no more.
template <class Out> ORT_DEV void top_select(TopShared *s, uint64_t key[TOP_EACH], int k, Out out) {
	int warp = threadIdx.x / 32;
	uint64_t mine = 0;
	for (int j = 0; j < TOP_EACH; j++) mine = key_max(mine, key[j]);
	for (int i = 0; i < k; i++) {
		uint64_t best = warp_max(mine);
		if (threadIdx.x % 32 == 0) s->best[warp] = best;
		block_sync();
		best = s->best[0];
		for (int w = 1; w < TOP_THREADS / 32; w++) best = key_max(best, s->best[w]);
		block_sync();
		if (threadIdx.x == 0) out(i, best);
		if (mine == best && best != 0) {
			mine = 0;
			for (int j = 0; j < TOP_EACH; j++) {
				if (key[j] == best) key[j] = 0;
				mine = key_max(mine, key[j]);
			}
		}
	}
}

// The chunk's logits with their edits, in shared memory.
ORT_DEV void top_load(const TopArgs &a, TopShared *s, int r, int base) {
	const float *x = (const float *)a.logits + (int64_t)((const int *)a.row)[r] * a.cols;
	for (int j = 0; j < TOP_EACH; j++) {
		int at = j * TOP_THREADS + threadIdx.x;
		s->x[at] = base + at < a.vocab ? x[base + at] : bits_f32(0xff800000u);
	}
	if (threadIdx.x == 0) s->broken = 0;
	block_sync();
	const int *first = (const int *)a.first + r;
	for (int e = first[0] + threadIdx.x; e < first[1]; e += TOP_THREADS) {
		const float *edit = (const float *)a.edits + 4 * (int64_t)e;
		uint32_t at = f32_bits(edit[0]) - base;
		if (at >= TOP_CHUNK) continue;
		float v = add_rn(s->x[at], edit[1]);
		v = v > 0 ? div_rn(v, edit[2]) : mul_rn(v, edit[2]);
		s->x[at] = add_rn(v, -edit[3]);
	}
	block_sync();
}

// The keys of the tokens allowed; remembers broken logits.
ORT_DEV void top_keys(const TopArgs &a, TopShared *s, int r, int base, uint64_t key[TOP_EACH]) {
	int m = ((const int *)a.mask)[r];
	const uint32_t *bits = (const uint32_t *)a.masks + 2 * (int64_t)m * a.words;
	for (int j = 0; j < TOP_EACH; j++) {
		int at = j * TOP_THREADS + threadIdx.x, id = base + at;
		float x = s->x[at];
		bool allowed = id < a.vocab && (m < 0 || (bits[id / 32] >> (id % 32) & 1));
		bool finite = (f32_bits(x) & 0x7f800000u) != 0x7f800000u;
		key[j] = allowed && finite ? top_key(x, id) : 0;
		if (allowed && !finite && f32_bits(x) != 0xff800000u) atomic_max_shared(&s->broken, ~(uint32_t)id);
	}
	block_sync();
}

// What the last block of a row does: the best of all chunks.
ORT_DEV void top_merge(const TopArgs &a, TopShared *s, int r) {
	int chunks = gridDim.x, n = chunks * a.k, stride = (n + 1) & ~1;
	const uint64_t *part = (const uint64_t *)a.part + (int64_t)r * stride;
	uint64_t key[TOP_EACH];
	for (int j = 0; j < TOP_EACH; j += 2) {
		int at = 2 * ((j / 2) * TOP_THREADS + threadIdx.x);
		key[j] = key[j + 1] = 0;
		if (at >= n) continue;
		float4 v = ld_cg4(part + at);
		key[j] = (uint64_t)f32_bits(v.y) << 32 | f32_bits(v.x);
		if (at + 1 < n) key[j + 1] = (uint64_t)f32_bits(v.w) << 32 | f32_bits(v.z);
	}
	uint32_t broken = 0;
	for (int c = threadIdx.x; c < chunks; c += TOP_THREADS) {
		uint32_t b = f32_bits(ld_cg((const float *)a.broken + (int64_t)r * chunks + c));
		broken = broken > b ? broken : b;
	}
	if (threadIdx.x == 0) s->broken = 0;
	block_sync();
	if (broken) atomic_max_shared(&s->broken, broken);
	block_sync();
	int *y = (int *)a.y + (int64_t)r * (4 + 2 * a.k);
	int found = 0;
	top_select(s, key, a.k, [&](int i, uint64_t best) {
		found += best != 0;
		y[4 + 2 * i] = (int)~(uint32_t)best;
		y[5 + 2 * i] = (int)f32_bits(top_value(best));
	});
	if (threadIdx.x == 0) {
		uint32_t b = s->broken;
		y[0] = b ? -1 : found;
		y[1] = b ? (int)~b : 0;
		y[2] = 0;
		if (b) y[2] = (int)f32_bits(((const float *)a.logits)[(int64_t)((const int *)a.row)[r] * a.cols + ~b]);
		y[3] = 0;
	}
}

// budget top: 64 registers
ORT_KERNEL(top, TopArgs, TOP_THREADS) {
	TopShared *s = (TopShared *)ort_shared();
	int r = blockIdx.y, base = blockIdx.x * TOP_CHUNK, chunks = gridDim.x;
	griddep_wait();
	griddep_launch();
	uint64_t key[TOP_EACH];
	top_load(a, s, r, base);
	top_keys(a, s, r, base, key);
	int stride = (chunks * a.k + 1) & ~1;
	uint64_t *part = (uint64_t *)a.part + (int64_t)r * stride + blockIdx.x * a.k;
	top_select(s, key, a.k, [&](int i, uint64_t best) { part[i] = best; });
	if (threadIdx.x == 0) {
		((uint32_t *)a.broken)[(int64_t)r * chunks + blockIdx.x] = s->broken;
		s->last = arrive_last((uint32_t *)a.counter + r, chunks);
	}
	block_sync();
	if (s->last) top_merge(a, s, r);
}
