//go:build cuda

package cuda

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
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
}

// readManifest reads what is embedded.
func readManifest() (*manifest, error) {
	b, err := images.ReadFile("images/manifest.json")
	if err != nil {
		return nil, errors.New("this program was built without its kernels: build it with make cuda")
	}
	m := new(manifest)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("cuda: manifest.json: %w", err)
	}
	return m, nil
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
	b, err := images.ReadFile("images/" + file + ".fatbin.zst")
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
