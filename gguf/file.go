package gguf

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// File is an open model file, or all shards of a split one. It may be used by
// several goroutines.
type File struct {
	path    string
	shards  []*shard
	keys    []string
	values  map[string]Value
	tensors []*Tensor
	byName  map[string]*Tensor
}

// shard is one file on disk.
type shard struct {
	path    string
	src     source
	size    int64
	version uint32
	align   int64
	data    int64 // offset of the tensors' data
	keys    []string
	values  map[string]Value
	tensors []*Tensor
}

// Open opens the file at path. Where it is a shard of a split model, the others
// are opened too: they lie in the same folder. Errors are of type *Error.
func Open(path string) (*File, error) {
	sh, err := openShard(path)
	if err != nil {
		return nil, err
	}
	shards, err := openRest(sh)
	if err != nil {
		return nil, err
	}
	return assemble(path, shards)
}

// New reads a file that is not split from r, which has size bytes; name stands
// for its path in errors. r must stay readable until Close, which leaves it open.
func New(r io.ReaderAt, size int64, name string) (*File, error) {
	return read(stream{r: r}, size, name)
}

// read reads a file that is not split from src.
func read(src source, size int64, name string) (*File, error) {
	sh := &shard{path: name, src: src, size: size}
	if err := sh.open(); err != nil {
		return nil, err
	}
	return assemble(name, []*shard{sh})
}

// open checks the size and parses. It closes the source where it fails.
func (sh *shard) open() error {
	err := sh.checkSize()
	if err == nil {
		err = sh.parse()
	}
	if err != nil {
		sh.src.Close()
	}
	return err
}

func (sh *shard) checkSize() error {
	if sh.size < 0 || sh.size > maxSize {
		return &Error{File: sh.path, Offset: -1, Reason: fmt.Sprintf("a size of %d bytes", sh.size), Err: ErrLimit}
	}
	return nil
}

// openShard opens and parses one file.
func openShard(path string) (*shard, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	sh := &shard{path: path, src: memory{}, size: size}
	if size == 0 {
		f.Close()
		return nil, sh.parse()
	}
	if sh.src, err = newSource(f, size); err != nil {
		f.Close()
		return nil, sh.wrap(err, "", "")
	}
	sh.src.ahead(0, metadataAhead)
	if err := sh.open(); err != nil {
		return nil, err
	}
	return sh, nil
}

// metadataAhead is how much of a file is asked from the disk when it is opened:
// the keys with a large vocabulary, and the tensor directory.
const metadataAhead = 8 << 20

// openRegular opens a regular file, or a link to one.
func openRegular(path string) (*os.File, int64, error) {
	fail := func(class error, reason string) (*os.File, int64, error) {
		return nil, 0, &Error{File: path, Offset: -1, Reason: reason, Err: class}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if err != nil {
		var e *os.PathError
		if errors.As(err, &e) {
			err = e.Err
		}
		return fail(err, err.Error())
	}
	st, err := f.Stat()
	switch {
	case err != nil:
	case st.Mode().IsRegular():
		return f, st.Size(), nil
	}
	f.Close()
	switch {
	case err != nil:
		return fail(err, err.Error())
	case st.IsDir():
		return fail(ErrNotGGUF, "a folder: name the .gguf file in it")
	}
	return fail(ErrNotGGUF, fmt.Sprintf("not a regular file (%v): models are mapped into memory, so save it to disk first", st.Mode().Type()))
}

// Close releases the file. Strings and arrays that were not asked for before,
// and tensors, can no longer be read.
func (f *File) Close() error {
	var errs []error
	for _, sh := range f.shards {
		errs = append(errs, sh.wrap(sh.src.Close(), "", ""))
	}
	return errors.Join(errs...)
}

// Path is the path that was opened.
func (f *File) Path() string { return f.path }

// Version is the version of the format, 2 or 3.
func (f *File) Version() uint32 { return f.shards[0].version }

// Size is the number of bytes of all shards.
func (f *File) Size() int64 {
	var n int64
	for _, sh := range f.shards {
		n += sh.size
	}
	return n
}

// Shards are the paths of all shards, in order; one where the file is not split.
func (f *File) Shards() []string {
	paths := make([]string, len(f.shards))
	for i, sh := range f.shards {
		paths[i] = sh.path
	}
	return paths
}

// Alignment is what the tensors' offsets are multiples of, in the first shard.
func (f *File) Alignment() int64 { return f.shards[0].align }

// Keys are the metadata keys in the file's order; of a split file those of the
// first shard.
func (f *File) Keys() []string { return f.keys }

// Has reports whether key is there.
func (f *File) Has(key string) bool {
	_, ok := f.values[key]
	return ok
}

// Value returns the value of key.
func (f *File) Value(key string) (Value, bool) {
	v, ok := f.values[key]
	return v, ok
}

// get calls read with the value of key. A missing key is an *Error that wraps
// ErrMissing.
func get[T any](f *File, key string, read func(Value) (T, error)) (T, error) {
	v, ok := f.values[key]
	if !ok {
		var none T
		return none, &Error{File: f.shards[0].path, Key: key, Offset: -1, Reason: "the file has no such key", Err: ErrMissing}
	}
	return read(v)
}

// The methods below return the value of key as one Go type. An error is an
// *Error that wraps ErrMissing where there is no such key, and ErrKind where the
// value is of another kind or out of range.

// String is the text under key; it is UTF-8.
func (f *File) String(key string) (string, error) { return get(f, key, Value.Text) }

// Uint is the non-negative integer under key, of any width.
func (f *File) Uint(key string) (uint64, error) { return get(f, key, Value.Uint) }

// Int is the integer under key, of any width.
func (f *File) Int(key string) (int64, error) { return get(f, key, Value.Int) }

// Float is the float32 or float64 under key.
func (f *File) Float(key string) (float64, error) { return get(f, key, Value.Float) }

// Bool is the bool under key.
func (f *File) Bool(key string) (bool, error) { return get(f, key, Value.Bool) }

// Strings is the array of strings under key.
func (f *File) Strings(key string) ([]string, error) { return get(f, key, Value.Strings) }

// Ints is the array of integers, of any width, under key.
func (f *File) Ints(key string) ([]int64, error) { return get(f, key, Value.Ints) }

// Floats is the array of floats under key.
func (f *File) Floats(key string) ([]float64, error) { return get(f, key, Value.Floats) }

// Bools is the array of bools under key.
func (f *File) Bools(key string) ([]bool, error) { return get(f, key, Value.Bools) }

// Tensors are all tensors, shard after shard, in the file's order.
func (f *File) Tensors() []*Tensor { return f.tensors }

// Tensor returns the tensor of that name.
func (f *File) Tensor(name string) (*Tensor, bool) {
	t, ok := f.byName[name]
	return t, ok
}
