package kernels

// StepKey tells steps apart for a Recorder: the sizes that its operations
// are called with, apart from the addresses of their buffers.
type StepKey struct {
	Rows, Seqs, Pages, Wants int
}

// Recorder is a Device that can record the operations of a step and queue all of
// them again with one call, as a CUDA graph does.
type Recorder interface {
	Device
	// Step queues the operations that ops queues. The device may call ops, or
	// repeat what it recorded when ops was called with the same key: with one
	// key, ops must always queue the same operations on the same buffers, whose
	// contents may differ. Free forgets all that was recorded.
	Step(key StepKey, ops func())
}
