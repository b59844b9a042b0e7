// Package gpu is the device that runs on NVIDIA GPUs, through kernels of our own.
//
// The package itself is plain Go: it lays weights out, chooses kernels and
// launch geometry, and queues launches on a Driver. There are two: package cuda
// binds NVIDIA's driver (build tag cuda), package emu compiles the same .cu
// files with the C++ compiler and runs them on the host, for tests.
//
// # Kernels
//
// <op>.cu stands next to the <op>.go that launches it. Each kernel opens with
// its formula, the shapes of its operands, its limits and the bytes that it must
// move, with the time that takes on an H200 at 4.3 TB/s. What holds for all:
//
//   - A kernel is defined by ORT_KERNEL(name, Args) and takes one structure by
//     value, of 8-byte device addresses, 4-byte integers, float32 and TensorMap, whose Go
//     counterpart has the same fields in the same order without padding. (The name and size
//     of each are checked by a test.)
//   - Templates over types and row counts are instantiated by ORT_KERNEL wrappers,
//     so that every kernel has a plain name.
//   - All shared memory is dynamic: ort_shared() is its start, 1024-byte
//     aligned; Grid.Shared its size. There is no static __shared__.
//   - PTX stands in ptx.cuh alone, beside what the emulator does in its place
//     (emu/emu.h). No CUDA header is included: halves and bfloat16 are uint16_t
//     and uint32_t (pairs) with the conversions of ptx.cuh.
//   - The registers that kernels may take stand beside them as
//     "// budget PATTERN: N registers"; make cuda-test fails where nvcc takes more,
//     spills, or needs local or static shared memory (cuda/compile).
//   - Loops have bounds that the launch fixes: a kernel never waits for another
//     block, except that the last block to arrive at an atomic counter does what is
//     left to do (and sets the counter back to 0). Counters are zero between launches.
//   - A kernel launched with Grid.Overlap starts while the one before it still
//     runs (programmatic dependent launch). It calls griddep_launch() after
//     griddep_wait(), in every block, as soon as its own loads are under way. All launches but
//     the one directly before have therefore ended when a kernel starts, and before
//     griddep_wait() it may read arguments, weights and whatever else that one launch does not write; it
//     writes nothing. Without the hardware both do nothing.
//
// # Failures
//
// The first failure of the driver sticks: the operations after it do nothing, Read returns it. A context in
// which a kernel failed is not opened again: NVIDIA's driver leaves the process in an inconsistent state, where further work returns the
// same error, until it ends (driver API, CUDA_ERROR_ILLEGAL_ADDRESS and its like). The engine therefore ends all requests with the
// error and frees what they held, orchrt serve answers 503, drains and ends with status 1, and whoever watches the process starts another: weights
// come back at the link's speed.
//
// # Loading
//
// Weights go as they are from the file to page-locked memory, by read(2) in several threads, from there to the device on a stream of their own, and are
// repacked there (load.go, pack.cu). For 5 GB on an H200 with 16 cores, predicted: reading 13 GB/s a core, measured on an Emerald
// Rapids, or what the host's memory gives (each byte is read, written and read again by the copy engine: 60 GB/s out of 200), 0.1 s; PCI
// Express 5 at 50 GB/s, 0.1 s; packing 0.05 s; all at the same time. Page-locking the mapping of the file would save the reading, but
// pins of a file's pages fail on some file systems, and reading is not what takes longest.
//
// # What the emulator does not show
//
// It runs one block's fibers after another, so that the following was checked by reading, against the PTX ISA; no GPU has run it:
//
//   - Blocks that finish each other's work (gemv's heads, gemm_small's and attention's sums, top): all threads write, a barrier of the
//     block or warp, one thread's fence.acq_rel.gpu, atomic and fence (arrive_last), a barrier, then loads past the first cache (ld_cg). A
//     shuffle orders no memory; a warp_sync stands beside it.
//   - A stage of a ring is written by the asynchronous proxy only after all who read it have passed a barrier or arrived at an mbarrier on which the
//     writer waits. Where a copy may complete before it is announced, the count is below zero for a moment, which mbarriers allow.
//   - wgmma: a fence before each group, because the registers of A were written since; registers and blocks of the group before are touched after
//     the wait for it, sums after the wait for theirs, where stores through shared memory keep their order with it. attend_sm90 has the product
//     of P and V under way while the scores beside it become weights: other registers, and P is made anew after the wait. 384 threads
//     start with 168 registers, and 232 for 256 of them with 40 for 128 are the same 64,512; setmaxnreg runs in whole warp groups.
//   - Tensor maps: what the driver puts into its 128 bytes; their order with launches (kernel parameters, no fence); that pages which the
//     launch before wrote with ordinary stores are there for asynchronous copies after griddep_wait, as activations are for those of gemm_sm90.
//   - griddep_launch comes after griddep_wait in every block that lives so long, so that two launches before have ended when a
//     kernel starts. Loads after griddep_wait may come from the first cache: it holds no such line that this launch did not read before.
//   - Shared memory over 48 KB is asked for by function (cuda/launch.go) and chosen by what the GPU allows a block: 227 KB on compute capability 9.0 and 10.0, 163 KB on 8.0,
//     99 KB on 8.6, 8.9 and 12.0. Nothing needs a cooperative launch.
//
// # Tensor maps, cache policies
//
// attend_sm90 reads K and V by tensor maps (TensorMap; cuTensorMapEncodeTiled), one for all lines of each, made for every launch that is not a
// recorded one's replay and passed among its arguments. A page is contiguous, but wgmma wants it in columns of 128 bytes, swizzled: a box of
// 64 rows by 64 columns is one instruction where it takes 512 copies of 16 bytes by cp.async.
//
// Weights and activations have none, because no copy would be fewer instructions with one. Activations are stored in the order of shared memory,
// swizzled, so that 64 columns of 128 rows are one copy of 16 KB in one dimension. Packed tiles of weights are contiguous, 2 to 4 KB: a
// map of two dimensions would bring the 16 tiles of a slot with 3 copies (a box has at most 256 elements a side, and a tile of Q4_K 592 words), saving
// 13 instructions in the 4,096 cycles that tensor cores take for the slot, in a warp that has nothing else to do; the map itself would
// be one more line to fetch at each launch.
//
// There are no policies or persisting spans of the second-level cache. A step reads 4.67 GB of weights once: 30 MB that stayed would be 0.6 % of it. What
// is read again (activations, 16 KB a row) is read within microseconds, or costs nothing from memory. Prefetching is used where
// memory would be idle: gemv fetches the next matrices while attention runs (order.go).
//
// # Rows
//
// A step of 1 to 3 rows runs matrix-vector kernels (gemv.cu): weights are read
// once at the memory's speed, activations are 16-bit integers per group of 32 (in two
// bytes), products are exact in int32. Steps of up to 64 rows run mma on the
// same layout (gemm_small.cu), larger ones tiles of tensor-core products (gemm.cu).
// Within one of the three a row's result does not depend on the other rows; between them it
// differs by rounding.
package gpu
