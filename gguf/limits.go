package gguf

// The limits of what is read and written. Real models stay far below; what is
// above is damage, or meant to do harm.
const (
	MaxKeys      = 1 << 16   // metadata keys of a file
	MaxTensors   = 1 << 20   // tensors of a file
	MaxKeyLen    = 1<<16 - 1 // bytes of a key
	MaxNameLen   = 63        // bytes of a tensor's name
	MaxStringLen = 16 << 20  // bytes of a string
	MaxArrayLen  = 64 << 20  // elements of an array
	MaxDims      = 4         // dimensions of a tensor
	MaxShards    = 1 << 12   // files of a split model
	MinAlignment = 8
	MaxAlignment = 16 << 20

	// DefaultAlignment is that of a file without general.alignment.
	DefaultAlignment = 32

	// maxSize is the size of the largest file: offsets in it cannot overflow.
	maxSize = 1 << 62
)

// The least bytes that a key and its value, and a tensor's entry, take.
const (
	minKeyBytes    = 8 + 1 + 4 + 1
	minTensorBytes = 8 + 1 + 4 + 8 + 4 + 8
)

// The keys that are part of the container.
const (
	keyAlignment    = "general.alignment"
	keyArchitecture = "general.architecture"
	keyType         = "general.type"
	keySplitNo      = "split.no"
	keySplitCount   = "split.count"
	keySplitTensors = "split.tensors.count"
)
