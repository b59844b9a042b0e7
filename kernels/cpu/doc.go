// Package cpu is the Device that runs on the host's processor: the reference of
// the hardware devices, their fallback, and a product of its own.
//
// One cgo call hands over one operation and returns; a thread in C runs them in
// order, and Read waits. A pool of threads, that one included, shares the panels
// of a matrix, spins for some microseconds between operations and sleeps when
// there is no work.
//
// Weights are repacked by Pack into panels of 16 output rows (see cpu.h and
// format.c), at the size of the file or a few per cent above it; the codebook
// formats become 3- or 4-bit codes. Activations are quantised to 8 bits with a
// scale for each group of 16 columns; sums are integers within a group and
// float32 between groups, always in order of the columns, so that a row's
// result does not depend on its company. F32, F16 and BF16 weights, and all
// weights with Options.Exact, take float32 activations and products instead.
//
// The C is written once in the compiler's vector types (kern.inc) and compiled
// for each instruction set; the integer dot products have intrinsics for
// AVX-512 VNNI and AVX2. A table chooses at run time; the portable set is
// always compiled, and every set passes the conformance suite.
package cpu
