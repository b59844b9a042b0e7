package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"orchrt/gguf"
	"orchrt/kernels"
	"orchrt/sampler"
	"orchrt/tokenizer"
)

// Checkpoint is an open model file. It is safe for concurrent use.
type Checkpoint struct {
	Config Config

	Name  string          // general.name, or ""
	Vocab tokenizer.Vocab // as many tokens as Config.Vocab
	EOS   []int32         // every id that ends a generation, the main one first
	// Suppress lists the ids that stand for no token (padding rows of the
	// embedding): they must not be drawn.
	Suppress     []int32
	ChatTemplate string           // "" where the file has none
	Sampling     sampler.Settings // the defaults that the file recommends

	path    string
	file    *gguf.File
	order   []string // names of the tensors in file order
	tensors map[string]tensor
}

// Open reads the model at path: a GGUF file, or any one of a split file.
// Errors are of type *Error, *gguf.Error, or from the operating system; they
// name the file and the key or tensor.
func Open(path string) (*Checkpoint, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, refuseFolder(path)
	}
	file, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	ck, err := fromGGUF(path, file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return ck, nil
}

// refuseFolder says what a folder holds that cannot be read yet.
func refuseFolder(path string) error {
	const supported = "give the path of a GGUF file (for a split file, any one of its parts)"
	if _, err := os.Stat(filepath.Join(path, "config.json")); err == nil {
		return &Error{File: path, Reason: "is a folder in Hugging Face layout, which is not supported: " + supported}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return &Error{File: path, Reason: "cannot be read: " + err.Error(), Err: err}
	}
	found, _ := filepath.Glob(filepath.Join(escape(path), "*.gguf"))
	if len(found) > 0 {
		return &Error{File: path, Reason: fmt.Sprintf("is a folder: %s, such as %s", supported, found[0])}
	}
	return &Error{File: path, Reason: "is a folder without a model: " + supported}
}

// escape quotes what filepath.Glob would take for a pattern.
func escape(path string) string {
	var b []byte
	for i := range len(path) {
		switch path[i] {
		case '*', '?', '[', '\\':
			b = append(b, '\\')
		}
		b = append(b, path[i])
	}
	return string(b)
}

// Tensor returns a tensor's format, its shape with the slowest dimension first,
// and its bytes, rows one after the other. Every tensor of Config is there.
func (ck *Checkpoint) Tensor(name string) (t kernels.Type, shape []int, data io.ReaderAt, ok bool) {
	e, ok := ck.tensors[name]
	return e.kind, e.shape, e.data, ok
}

// Scale is what the values of a tensor are to be multiplied by, beside what its blocks say: the
// scale of the whole matrix that NVFP4 has, else 1.
func (ck *Checkpoint) Scale(name string) float32 { return ck.tensors[name].scale }

// Bytes is the size of a tensor in the file, 0 where there is none of that name.
func (ck *Checkpoint) Bytes(name string) int64 { return ck.tensors[name].bytes }

// WeightBytes is the size of all tensors in the file.
func (ck *Checkpoint) WeightBytes() int64 {
	var n int64
	for _, t := range ck.tensors {
		n += t.bytes
	}
	return n
}

// Release lets the memory that the tensor's mapping occupies go; the tensor can
// still be read.
func (ck *Checkpoint) Release(name string) {
	if t, ok := ck.tensors[name]; ok {
		t.release()
	}
}

// Path is the path that Open was given.
func (ck *Checkpoint) Path() string { return ck.path }

// Close unmaps the file: no tensor may be read afterwards.
func (ck *Checkpoint) Close() error { return ck.file.Close() }
