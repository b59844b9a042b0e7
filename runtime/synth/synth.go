// Package synth writes models of random weights: GGUF files with the shapes,
// the metadata and the mix of types of a real Qwen3, for benchmarks and tests
// where no trained weights are at hand.
package synth
