// Activations of the tensor-core paths (4 rows and more): what rows.cu writes
// and gemm_small.cu, gemm.cu and gemm_sm90.cu read. One order of K serves every
// weight type, because all packed types give lane t of a warp the same four k
// of a step of mma.m16n8k16.
//
// K, padded to 256 with zeros, is cut into tiles of 256 and each tile into 16
// steps of 16 values. Step (h, i, p), h < 2, i < 4, p < 2, takes from each lane
// t < 4 (lane % 4) the four values k0..k3 of its group of 32:
//
//	k0 = 256*tile + 32*(t + 4*h) + 8*i + 4*p        (i: 32-bit word of the 4-bit plane; p: low, high nibbles)
//
// A (weights):     a[0], a[1] = rows g, g+8, (k0, k2);  a[2], a[3] = the same rows, (k1, k3)
// B (activations): b[0] = (k0, k2), b[1] = (k1, k3) of row n = g
//
// In memory, f16 or bf16: blocks [K/64][rows][64 values = 128 bytes], rows a multiple of
// ORT_ACT_ROWS. Block b = 4*tile + 2*h + i/2 of a row is 8 chunks of 16 bytes; step
// s = 2*(i%2) + p has chunks 2s (the pairs (k0, k2) of t = 0..3) and 2s+1 (the pairs (k1, k3)).
// Chunk c of row r lies at place c ^ (r % 8): the 128-byte swizzle of wgmma, and no
// conflicts for ldmatrix. So the rows n0.. of a block (n0 a multiple of 8) are one contiguous
// span, as shared memory wants it (aligned to 1024 there): a bulk copy brings it.
// Rows beyond the step's are never written; what they hold reaches no result.
//
// f16: x = scale[row] * stored, a power of two that puts the row's largest value into
// [2^13, 2^14) (1 for a row of zeros); scale [rows] f32 follows the blocks. bf16: stored as it is,
// and scale is 1.
#pragma once

#include "ptx.cuh"

// Rows are padded to this many.
#define ORT_ACT_ROWS 128

// Bytes from the start of the blocks to the two chunks of a step in block b of row r: the
// chunk of (k0, k2) (odd = 0) or (k1, k3) (odd = 1), s the step in the block. rows is the padded number.
ORT_DEV uint64_t act_chunk(uint32_t b, uint32_t rows, uint32_t r, uint32_t s, uint32_t odd) {
	return ((uint64_t)b * rows + r) * 128 + (((2 * s + odd) ^ (r & 7)) << 4);
}
