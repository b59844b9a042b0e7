// Package gguf reads and writes GGUF, the container of ggml's models: its
// syntax only. What the keys and the tensors mean is the caller's affair, with
// one exception: CheckModel tells a model from the other things that travel in
// this container (importance matrices, adapters, projectors).
//
// A file is little-endian throughout:
//
//	"GGUF"            4 bytes
//	version           u32: 2 or 3, which have one layout
//	tensors, keys     u64, u64: how many follow
//	keys              each: name, u32 kind, value
//	tensors           each: name, u32 dims, u64 per dim (fastest first), u32 type, u64 offset
//	padding           to general.alignment (default 32)
//	data              tensor offsets count from here
//
// A string is a u64 length and its bytes; an array is a u32 kind of element, a
// u64 count and its elements.
//
// A model may be split over files named PREFIX-00001-of-0000N.gguf, each a
// GGUF file with the keys split.no, split.count and split.tensors.count.
// Opening any of them opens all. Names of files are derived from the path that
// the caller gave, never from what stands in a file.
//
// # Memory
//
// Open maps the file into memory. It walks the keys and the tensor directory
// once and remembers where values lie; strings and arrays are decoded, and
// copied, when they are asked for. Nothing returned points into the mapping. A
// file that shrinks while it is mapped gives an error, not a signal. Tensors are
// read straight into the caller's buffer. Where mapping is not to be had, all is
// read with ReadAt.
//
// # Damaged and hostile files
//
// Every length, count and product is checked against the rest of the file
// before it is used, and against the limits in this package, so that no file
// costs more memory than a small multiple of its own size. Errors are of type
// *Error: file, key or tensor, byte offset, what is wrong and what to do.
package gguf
