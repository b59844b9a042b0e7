//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package gguf

import (
	"os"
	"runtime/debug"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openFlags keeps the opening of a FIFO from waiting for a writer.
const openFlags = unix.O_NONBLOCK

// mapped is a source that lies in a read-only mapping of a file. What is walked
// over in small steps is read through the mapping, tensors with ReadAt.
type mapped struct {
	mu   sync.RWMutex // Close waits for readers
	data []byte       // nil after Close
	file *os.File     // asked for its size after every read
}

// newSource maps the first size bytes of f and takes f over. Files that the
// address space cannot hold are read with ReadAt.
func newSource(f *os.File, size int64) (source, error) {
	if size != int64(int(size)) {
		return stream{f, f}, nil
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return &mapped{data: data, file: f}, nil
}

func (m *mapped) bytes() []byte { return m.data }

// hold turns a fault inside the mapping into an error. The last page of a file
// that shrank reads as zeros without a fault, so the size is checked as well.
func (m *mapped) hold(f func() error) (err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.data == nil {
		return ErrClosed
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if !m.faulted(r) {
				panic(r)
			}
			err = errFault
		}
	}()
	if err = f(); err != nil {
		return err
	}
	if st, err := m.file.Stat(); err != nil {
		return err
	} else if st.Size() < int64(len(m.data)) {
		return errShrunk
	}
	return nil
}

// faulted reports whether the recovered panic r is a fault of the mapping.
func (m *mapped) faulted(r any) bool {
	fault, ok := r.(interface {
		error
		Addr() uintptr
	})
	if !ok {
		return false
	}
	start := uintptr(unsafe.Pointer(unsafe.SliceData(m.data)))
	return fault.Addr()-start < uintptr(len(m.data))
}

// ReadAt reads the file itself: copying out of the mapping costs a third of the
// speed in page faults, and leaves the pages mapped (see BenchmarkReadAt).
func (m *mapped) ReadAt(p []byte, off int64) (int, error) { return stream{r: m.file}.ReadAt(p, off) }

func (m *mapped) ahead(off, n int64)   { m.advise(off, n, unix.MADV_WILLNEED) }
func (m *mapped) release(off, n int64) { m.advise(off, n, unix.MADV_DONTNEED) }

// advise applies to all pages that [off, off+n) touches. Advice that the system
// refuses changes nothing but speed, so its error has no consequence.
func (m *mapped) advise(off, n int64, advice int) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	page := int64(os.Getpagesize())
	start, end := off&^(page-1), min(off+n, int64(len(m.data)))
	if start < end {
		_ = unix.Madvise(m.data[start:end], advice)
	}
}

func (m *mapped) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.data == nil {
		return nil
	}
	err := unix.Munmap(m.data)
	m.data = nil
	if e := m.file.Close(); err == nil {
		err = e
	}
	return err
}
