// Matrix times vector: steps of 1 to 3 rows, the kernels that decoding one sequence waits for.
//
//   y[n][o] (+)= Σ_k x'[n][k]·w[o][k],   x' = x, or rmsnorm(x)·norm;   also silu(gate)·up, and q, k, v with their heads finished
//
// x [*, in] f32, w up to three packed matrices [out, in] (layout.cuh), y [rows, stride] f32. in is a multiple of 32 and such that the
// activations fit beside two stages of rings in shared memory: up to about 47,000 for integers and 35,000 for floats on sm_90,
// 10,000 and 6,000 on sm_86 (gemvShape.fit). rows 1 to 3; more shared memory than there is splits them into launches.
//
// One block of 8 warps for each multiprocessor takes row tiles b, b + blocks, ... (16 rows each): 132 blocks share the 256, 384, 768·2
// and 9496 row tiles of Qwen3-8B to within 3 %. Its warps take the tiles of 256 columns of a row tile in turn, each from a ring of its
// own that one lane fills by bulk copies (cp.async below sm_90): no barrier between warps but one for each row tile, where their
// parts are added in order by one warp, while the rings go on filling. The first loads are issued before griddep_wait,
// the next kernel is let in when the last have been: a ring of 76 to 95 KB is 2.3 to 2.9 µs of memory, which covers the end of
// one kernel (0.5 µs), the hand-over (1 µs) and the activations of the next (1 to 1.5 µs). Two kernels fit on a multiprocessor at a time:
// at most 128 registers (no spills) and half of the shared memory. Attention needs little of the memory's time: while it runs, o's kernel
// has all of its matrix under way, and fetches the first 12 MB of gate and up into the second-level cache.
//
// Activations are 16-bit integers of groups of 32 in two bytes, so that products are dp4a and exact; the error is their rounding, below
// 1e-4 of a row's size. A lane has whole groups of 32: one conversion, scale and minimum for each. Every product of a row
// is the same whatever the other rows, the number of blocks and the split into launches: K is always dealt to 8 warps.
//
// Slots are instructions issued by a warp for 1024 weights, the ring's upkeep included, from the SASS for sm_90a at 1, 2 and 3 rows; an
// H200 has 528 schedulers at 1.7 GHz or more, so 4.3 TB/s leaves 123 slots for 1024 weights of Q4_K and 175 of Q6_K:
//
//   Q4_K 54 81 109     Q5_K 73 100 128    Q6_K 72 100 129    Q3_K 75 103 132    Q2_K 65 95 126
//   Q4_0 50 77 106     Q5_0 68 96 124     Q8_0 41 67 93      F16, BF16 113 160 203      IQ4, IQ3 100 126 153     IQ2, IQ1 77 104 130
//   (64 of a tile's 215 are dp4a at half rate at 1 row: 32 cycles for 1024 weights)
//
// Qwen3-8B in Q4_K_M on an H200: packed bytes (Q4_K 4.625 bits, Q6_K 6.5625), the time at 4.3 TB/s, issue time at 1 row, and what is
// expected of a launch within a step, 3 % of imbalance and 10 % of ramps that the rings do not hide included:
//
//   q+k+v (V Q6_K)      15.6 MB   3.6 µs   1.6 µs    4.2 µs
//   o                    9.7      2.3      1.0       3.0    (half hidden behind attention)
//   gate+up             58.2     13.5      5.9      15.2
//   down Q4_K           29.1      6.8      3.0       7.8
//   down Q6_K           41.3      9.6      4.0      10.8
//   head Q6_K          510.5    118.7     48       127
//
// 36 layers and the head: 1.11 ms at 4.3 TB/s, about 1.26 ms expected; with 5 µs of attention a layer, all but 1 hidden by
// weights (o, 2.3 µs; gate and up, 2.8), 1.35 ms a token: 740 tok/s. Where a figure depends on what no document states (the hand-over of
// dependent launches, the rate of bulk copies of 2.3 KB) it may be off by a third.
// Not measured: no GPU has run this yet.
//
// budget gemv_*: 128 registers
#include "gemv.cuh"

ORT_GEMV(q2_k, 10)
ORT_GEMV(q3_k, 11)
ORT_GEMV(q4_k, 12)
ORT_GEMV(q5_k, 13)
ORT_GEMV(q6_k, 14)

// V of another type than Q and K, as the usual mixtures have it.
ORT_GEMV2(q4_k_q5_k, 12, 13)
ORT_GEMV2(q4_k_q6_k, 12, 14)
ORT_GEMV2(q5_k_q6_k, 13, 14)
