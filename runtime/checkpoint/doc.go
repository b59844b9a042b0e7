// Package checkpoint gives meaning to model files: it reads the configuration
// of a Qwen3 decoder, checks it against the tensors that are there, and hands
// out tensors, vocabulary, chat template and generation defaults.
//
// A Checkpoint that Open returned is consistent: every number of its Config is
// in range, every tensor that the model needs is there in the right shape and
// in a format that package kernels knows, there are no others but the scales of
// matrices in NVFP4, and the vocabulary has one token for each row of the embedding. Whatever is wrong
// with a file is found by Open, before any weight is read.
//
// Tensors are known by their GGUF names, "blk.0.attn_q.weight", and have the
// shape of their rows: [out, in], slowest dimension first.
package checkpoint
