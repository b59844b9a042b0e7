// Activations of gemv: x or rmsnorm(x)·norm, in shared memory in the form that gemv_dot.cuh multiplies.
#pragma once
#include "layout.cuh"

enum { gemv_warps = 8, gemv_threads = 32 * gemv_warps };

// How gemv goes through the tiles of a type.
template <int type> struct GemvTile {
	using P = Packed<type>;
	static constexpr int tile = P::tile;
	static constexpr int units = P::is_float ? 4 : 1, unit = tile / units; // what is loaded at a time: a tile, or group c of a tile of floats
	static constexpr int act = P::is_float ? 1024 : 640;                  // bytes of a row's activations beside a tile
	static constexpr bool in_place = P::codes == 4 && P::extra == 0 && P::table == TABLE_NONE; // high nibbles count 16 times
	static constexpr int fit = 73728 / (gemv_warps * unit), async_stages = fit > 4 ? 4 : fit < 2 ? 2 : fit;
};

// Activations beside a tile of 256 columns, for one row. t = 0..3, h = 0, 1: group t + 4h.
//   float types: [quad 8][h][t] 4 f32, columns 4·quad.. of the group
//   others: a group of 32 is s·(256·hi + lo), hi and lo int8: [hi, lo][half 2][h][t][16 int8], then [h][t] GemvGroup
// 16-bit integers: the error is at most 1/65278 of the group's greatest magnitude.
struct GemvGroup {
	float scale, sum;  // s, s·Σ(256·hi + lo)
	int first, second; // Σ(256·hi + lo) over the first and the second 16 columns
};

template <bool floats, int rows> struct GemvRows {
	static constexpr int tile_bytes = floats ? 1024 : 640;

	ORT_DEV float4 columns(const float *x, uint32_t quad, uint32_t in) {
		return 4 * quad < in ? ld_cg4(x + 4 * quad) : make_float4(0.f, 0.f, 0.f, 0.f);
	}
	ORT_DEV float4 gains(const float *norm, uint32_t quad, uint32_t in) {
		return norm ? columns(norm, quad, in) : make_float4(1.f, 1.f, 1.f, 1.f);
	}
	ORT_DEV float square(float4 v) { return fmaf(v.x, v.x, fmaf(v.y, v.y, fmaf(v.z, v.z, v.w * v.w))); }

	// Stores 4 columns, of which a warp has 128 in a row.
	ORT_DEV void put(uint8_t *act, uint32_t quad, float4 v) {
		uint32_t t = quad / 8 % 4, h = quad / 32 % 2;
		uint8_t *tile = act + quad / 64 * tile_bytes;
		if (floats) {
			*(float4 *)(tile + ((quad % 8 * 2 + h) * 4 + t) * 16) = v;
			return;
		}
		float most = fmaxf(fmaxf(fabsf(v.x), fabsf(v.y)), fmaxf(fabsf(v.z), fabsf(v.w)));
#pragma unroll
		for (int m = 1; m < 8; m *= 2) most = fmaxf(most, shfl_xor(most, m));
		float scale = most * (1.f / 32639.f), inverse = most > 1e-30f ? 32639.f / most : 0.f;
		int q[4] = {round_int(v.x * inverse), round_int(v.y * inverse), round_int(v.z * inverse), round_int(v.w * inverse)};
		uint32_t hi = 0, lo = 0;
#pragma unroll
		for (int i = 0; i < 4; i++) {
			hi |= ((uint32_t)(q[i] + 128) >> 8 & 255) << (8 * i); // rounded, so that lo is signed
			lo |= ((uint32_t)q[i] & 255) << (8 * i);
		}
		uint8_t *at = tile + (quad % 8 / 4 * 8 + h * 4 + t) * 16 + quad % 4 * 4;
		*(uint32_t *)at = hi;
		*(uint32_t *)(at + 256) = lo;
		int sum = q[0] + q[1] + q[2] + q[3];
		sum += shfl_xor(sum, 1);
		sum += shfl_xor(sum, 2);
		int other = shfl_xor(sum, 4);
		if (quad % 8 != 0) return;
		GemvGroup g = {scale, scale * (float)(sum + other), sum, other};
		*(GemvGroup *)(tile + 512 + (h * 4 + t) * 16) = g;
	}

	// The block's activations. Everything that no kernel writes is read before griddep_wait. sums: [rows][8] f32.
	ORT_DEV void load(uint64_t x_, uint64_t norm_, uint64_t want, uint32_t in, float eps, uint8_t *act, float *sums) {
		// Loads of a thread under way for each row; that many times 1024 columns stay in registers from the norm's sum to its use.
		constexpr uint32_t held = rows == 1 ? 8 : 4;
		const float *norm = (const float *)norm_;
		uint32_t quads = (in + 255) / 256 * 64, tid = threadIdx.x;
		float4 v[rows][held], w[held];
		float sum[rows];
		const float *x[rows];
#pragma unroll
		for (uint32_t i = 0; i < held; i++) w[i] = gains(norm, tid + gemv_threads * i, in);
		griddep_wait();
#pragma unroll
		for (int n = 0; n < rows; n++) {
			x[n] = (const float *)x_ + (uint64_t)(want ? ((const int32_t *)want)[n] : n) * in;
#pragma unroll
			for (uint32_t i = 0; i < held; i++) v[n][i] = columns(x[n], tid + gemv_threads * i, in);
		}
		if (norm) {
#pragma unroll
			for (int n = 0; n < rows; n++) {
				sum[n] = 0.f;
#pragma unroll
				for (uint32_t i = 0; i < held; i++) sum[n] += square(v[n][i]);
				for (uint32_t quad = tid + gemv_threads * held; quad < quads; quad += gemv_threads) sum[n] += square(columns(x[n], quad, in));
			}
			totals(sum, sums);
		}
#pragma unroll
		for (int n = 0; n < rows; n++) {
			float scale = norm ? rsqrt_exact(sum[n] / (float)in + eps) : 1.f;
#pragma unroll 1
			for (uint32_t quad = tid; quad < quads; quad += gemv_threads) {
				float4 u = v[n][0], g = w[0];
				put(act, quad, make_float4(u.x * scale * g.x, u.y * scale * g.y, u.z * scale * g.z, u.w * scale * g.w));
#pragma unroll
				for (uint32_t i = 0; i + 1 < held; i++) v[n][i] = v[n][i + 1], w[i] = w[i + 1];
				if (quads > gemv_threads * held) {
					v[n][held - 1] = columns(x[n], quad + gemv_threads * held, in);
					w[held - 1] = gains(norm, quad + gemv_threads * held, in);
				}
			}
			if (n + 1 < rows) {
#pragma unroll
				for (uint32_t i = 0; i < held; i++) w[i] = gains(norm, tid + gemv_threads * i, in);
			}
			act += quads / 64 * tile_bytes;
		}
	}

	// The sums over the block, in every thread, in a fixed order.
	ORT_DEV void totals(float v[rows], float *sums) {
#pragma unroll
		for (int n = 0; n < rows; n++) {
#pragma unroll
			for (int m = 16; m; m >>= 1) v[n] += shfl_xor(v[n], m);
			if (threadIdx.x % 32 == 0) sums[gemv_warps * n + threadIdx.x / 32] = v[n];
		}
		block_sync();
#pragma unroll
		for (int n = 0; n < rows; n++) {
			v[n] = sums[gemv_warps * n];
#pragma unroll
			for (int w = 1; w < gemv_warps; w++) v[n] += sums[gemv_warps * n + w];
		}
	}
};
