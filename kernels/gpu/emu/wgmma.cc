//go:build ignore

// wgmma m64nNk16 with A in registers, one warp of the group at a time: its 16 rows depend on no other warp's. A
// product happens when it is waited for, with what registers and shared memory hold then, so that who changes them
// too early gets a wrong result or a race.
#include "core.h"

// The field of a matrix descriptor that starts at bit `at`, 14 bits of units of 16 bytes, in bytes.
static uint32_t field(uint64_t desc, int at) { return (uint32_t)(desc >> at & 0x3fff) << 4; }

// Offset in shared memory of 16 bytes of B. PTX ISA, "Asynchronous warpgroup level matrix shared memory layout": an atom of the
// 128-byte swizzle is 8 rows of 128 bytes, one after the other, and bits 4-6 of the address are xored with bits 7-9.
// K-major, ((8,n),(T,2k)):((8T,SBO),(1,T)): the values from 8k of row n; the stride offset leads to the next 8 rows.
// N-major, ((T,8,n),(8,k)):((1,T,LBO),(8T,SBO)): the values from n of row k, 8 of 64 in the atom; the leading offset leads to the
// next 64 of n, the stride offset to the next 8 of k.
static uint32_t place(const Product &p, int n, int k) {
	uint32_t at = field(p.b, 0);
	if (p.across) at += (uint32_t)(n / 64) * field(p.b, 16) + (uint32_t)(k / 8) * field(p.b, 32) + (uint32_t)(k % 8) * 128 + (uint32_t)(n % 64) * 2;
	else at += (uint32_t)(n / 8) * field(p.b, 32) + (uint32_t)(n % 8) * 128 + (uint32_t)k * 2;
	return at ^ (at >> 7 & 7) << 4;
}

static void multiply(Fiber *f, const Product &p) {
	auto wide = [&p](uint32_t v) { return p.op == ORT_WGMMA_F16 ? f16_to_f32((uint16_t)v) : bf16_to_f32((uint16_t)v); };
	float b[256][16], a[16][16];
	for (int n = 0; n < p.n; n += p.across ? 8 : 1)
		for (int k = 0; k < 16; k += p.across ? 1 : 8) {
			const uint8_t *from = f->self.shared + place(p, n, k);
			check_shared(f, from, 16, "wgmma");
			note(f, from, 16, false);
			check_fenced(f, from, 16, "wgmma");
			uint16_t v[8];
			memcpy(v, from, 16);
			for (int i = 0; i < 8; i++) (p.across ? b[n + i][k] : b[n][k + i]) = wide(v[i]);
		}
	for (int l = 0; l < 32; l++)
		for (int i = 0; i < 4; i++)
			for (int h = 0; h < 2; h++) a[l / 4 + 8 * (i & 1)][2 * (l % 4) + 8 * (i >> 1) + h] = wide(p.a[l][i] >> 16 * h);
	for (int l = 0; l < 32; l++)
		for (int i = 0; i < p.n / 2; i++) {
			const float *x = a[l / 4 + 8 * (i >> 1 & 1)], *y = b[8 * (i >> 2) + 2 * (l % 4) + (i & 1)];
			double sum = p.add ? p.d[l][i] : 0.;
			for (int k = 0; k < 16; k++) sum += (double)x[k] * y[k];
			p.d[l][i] = (float)sum;
		}
}

static void begin(Fiber *f, ort_op op, ort_lane **lanes) {
	const uint32_t *in = lanes[0]->in;
	Product p = {op, in[0] | (uint64_t)in[1] << 32, (int)in[3], in[2] != 0, in[4] != 0, {}, {}};
	for (int l = 0; l < 32; l++) {
		if (lanes[l]->in[0] != lanes[0]->in[0] || lanes[l]->in[1] != lanes[0]->in[1] || lanes[l]->in[2] != lanes[0]->in[2])
			fail_launch(f, "%s: lanes differ in the descriptor of B, or in whether to add", op_name(op));
		p.a[l] = (const uint32_t *)lanes[l]->row, p.d[l] = lanes[l]->sums;
	}
	if (p.b >> 62 != 1) fail_launch(f, "%s: the descriptor asks for layout %d; the emulator has the 128-byte swizzle, 1", op_name(op), (int)(p.b >> 62));
	if (p.b >> 49 & 7) fail_launch(f, "%s: the descriptor has a base offset; the emulator has none", op_name(op));
	if (f->block->threads % 128) fail_launch(f, "%s: %d threads are no warp groups", op_name(op), f->block->threads);
	f->warp->products.push_back(p);
}

void wgmma_op(Fiber *f, ort_op op, ort_lane **lanes) {
	Warp *w = f->warp;
	if (op == ORT_WGMMA_F16 || op == ORT_WGMMA_BF16) {
		begin(f, op, lanes);
		return;
	}
	if (op == ORT_WGMMA_COMMIT) {
		w->groups.push_back(w->products.size());
		return;
	}
	size_t pending = lanes[0]->in[0];
	if (w->groups.size() <= pending) return;
	size_t groups = w->groups.size() - pending, done = w->groups[groups - 1];
	for (size_t i = 0; i < done; i++) multiply(f, w->products[i]);
	w->products.erase(w->products.begin(), w->products.begin() + (long)done);
	w->groups.erase(w->groups.begin(), w->groups.begin() + (long)groups);
	for (size_t &g : w->groups) g -= done;
}
