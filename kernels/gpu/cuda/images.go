//go:build cuda

package cuda

import (
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/klauspost/compress/zstd"

	"orchrt/kernels/gpu"
)

// images holds, beside its README, what kernels/gpu/cuda/compile wrote: manifest.json
// and <op>.fatbin.zst for each <op>.cu.
//
//go:embed images
var images embed.FS

// manifest is manifest.json.
type manifest struct {
	Sources string              `json:"sources"` // SHA-256 of the .cu and .cuh files
	Toolkit string              `json:"toolkit"` // version of nvcc
	Files   map[string][]string `json:"files"`   // <op> → its kernels

	fsys fs.FS
}

// readManifest reads that of the kernels in fsys, which must have been compiled from the
// sources that package gpu was built with.
func readManifest(fsys fs.FS) (*manifest, error) {
	b, err := fs.ReadFile(fsys, "images/manifest.json")
	if err != nil {
		return nil, errors.New("this program was built without its kernels: build it with make cuda")
	}
	m := &manifest{fsys: fsys}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("cuda: manifest.json: %w", err)
	}
	sum, err := hashSources(gpu.Sources)
	if err != nil {
		return nil, err
	}
	if m.Sources != sum {
		return nil, errors.New("the kernels in this program were compiled from other sources than it: build it again with make cuda")
	}
	return m, nil
}

// hashSources is the SHA-256 of the .cu and .cuh files at the root of fsys, as
// the command compile computes it.
func hashSources(fsys fs.FS) (string, error) {
	entries, err := fs.ReadDir(fsys, ".") // in order of name
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, e := range entries {
		if ext := path.Ext(e.Name()); ext != ".cu" && ext != ".cuh" {
			continue
		}
		b, err := fs.ReadFile(fsys, e.Name())
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s\x00%d\x00%s", e.Name(), len(b), b)
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// file is where a kernel stands.
func (m *manifest) file(kernel string) (string, bool) {
	for file, kernels := range m.Files {
		for _, k := range kernels {
			if k == kernel {
				return file, true
			}
		}
	}
	return "", false
}

// image is the fatbin of a file.
func (m *manifest) image(file string) ([]byte, error) {
	b, err := fs.ReadFile(m.fsys, "images/"+file+".fatbin.zst")
	if err != nil {
		return nil, fmt.Errorf("cuda: the kernels of %s are not in this program: %w", file, err)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	if b, err = z.DecodeAll(b, nil); err != nil {
		return nil, fmt.Errorf("cuda: the kernels of %s: %w", file, err)
	}
	return b, nil
}
