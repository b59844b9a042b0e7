// Package kernels is the seam between the model and the hardware: the Device
// interface, the few structures that its operations take, and the block
// formats of the weights with their reference dequantisers.
//
// A decoder layer is cut at five places (NormQKV, Attend, MulAdd, NormGateUp,
// MulAdd), which is where independent fast engines cut it; each cut is one
// fused kernel. There is no general tensor interface: an operation is added
// when a fusion needs it, never one method per tensor operation.
//
// Conventions that hold for every Device:
//
//   - Activations are row-major float32, [rows, columns]. A device may keep
//     narrower copies inside an operation.
//   - A row's result depends on that row, its sequence's cache and the weights
//     alone, bit for bit: not on how many rows share the call, nor on their
//     order. Greedy output therefore does not depend on the batch. A device that
//     uses other arithmetic for many rows than for few says so, and where it changes;
//     between such changes the rule holds.
//   - Wrong shapes are programming errors and panic. Failures of the device
//     stick: the operation and all later ones do nothing, and Read returns the
//     first failure.
//   - A Device is used by one goroutine at a time.
//
// Three extensions are for devices with a memory of their own: Packer loads all weights at once,
// Recorder repeats a whole step with one call, Chooser finds the tokens that may be drawn, so that logits stay
// there. On a CPU logits are in the host's memory already and package sampler reads them.
package kernels
