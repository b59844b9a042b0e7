package kerneltest

import (
	"fmt"
	"slices"
	"sort"
	"unsafe"

	"orchrt/kernels"
)

// memoryLimit is the size of the oracle's address space.
const memoryLimit = 16 << 30

// block is one allocation, at address base of the oracle's own space.
type block struct {
	base  uintptr
	size  int64
	words []uint64 // the memory, aligned to 8 bytes
}

// memory maps addresses of a space of its own to Go slices.
type memory struct {
	blocks []block // in order of base
	next   uintptr // where the next block goes: addresses are never used twice
	used   int64
}

// alloc returns n zeroed bytes at an address that is a multiple of 64.
func (m *memory) alloc(n int64) (kernels.Buf, error) {
	if n < 0 {
		panic("kerneltest: Alloc of a negative size")
	}
	if n > memoryLimit-m.used {
		return kernels.Buf{}, fmt.Errorf("kerneltest: %d bytes asked for, %d are free", n, memoryLimit-m.used)
	}
	if m.next == 0 {
		m.next = 1 << 12
	}
	b := block{base: m.next, size: n, words: make([]uint64, (n+7)/8)}
	m.blocks = append(m.blocks, b)
	m.next += uintptr(n+64) &^ 63 // at least one byte more: bases differ
	m.used += n
	return kernels.Buf{Addr: b.base, Size: n}, nil
}

// free drops the block that b is.
func (m *memory) free(b kernels.Buf) {
	if b == (kernels.Buf{}) {
		return
	}
	i := m.find(b)
	if m.blocks[i].base != b.Addr || m.blocks[i].size != b.Size {
		panic("kerneltest: Free of a part of an allocation")
	}
	m.used -= b.Size
	m.blocks = slices.Delete(m.blocks, i, i+1)
}

// find returns the index of the block that holds all of b.
func (m *memory) find(b kernels.Buf) int {
	i := sort.Search(len(m.blocks), func(i int) bool { return m.blocks[i].base > b.Addr }) - 1
	if i < 0 || b.Size < 0 || b.Addr+uintptr(b.Size) > m.blocks[i].base+uintptr(m.blocks[i].size) {
		panic(fmt.Sprintf("kerneltest: %d bytes at %#x are not in an allocation", b.Size, b.Addr))
	}
	return i
}

// view returns the n values of T at the start of b as a slice of the memory.
func view[T uint8 | int8 | uint16 | int32 | float32](m *memory, b kernels.Buf, n int) []T {
	if n == 0 {
		return nil
	}
	var zero T
	size := int64(unsafe.Sizeof(zero))
	if b.Size < int64(n)*size {
		panic(fmt.Sprintf("kerneltest: %d values of %d bytes in a buffer of %d", n, size, b.Size))
	}
	if int64(b.Addr)%size != 0 {
		panic(fmt.Sprintf("kerneltest: address %#x is not aligned to %d bytes", b.Addr, size))
	}
	k := m.blocks[m.find(b)]
	p := unsafe.Pointer(unsafe.SliceData(k.words))
	return unsafe.Slice((*T)(unsafe.Add(p, b.Addr-k.base)), n)
}
