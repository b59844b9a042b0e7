package synth

import (
	"path/filepath"
	"strings"
	"testing"

	"orchrt/gguf"
	"orchrt/kernels"
)

// TestMixesOfGoldenFiles holds the rules against files that llama.cpp's own
// quantiser wrote, of 2 layers and with an importance matrix.
func TestMixesOfGoldenFiles(t *testing.T) {
	files, err := filepath.Glob("../../../shared/golden/*.gguf")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("../shared/golden, the models quantised by llama.cpp, is not there")
	}
	shape := Shape{Layers: 2, Hidden: 256, FFN: 512, Heads: 4, KVHeads: 1, HeadDim: 128, Vocab: 538, Context: 40960}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".gguf")
		if name == "imatrix" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			m, err := mixOf(name)
			if err != nil {
				t.Fatal(err)
			}
			f, err := gguf.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if got, err := f.Uint("general.file_type"); err != nil || uint32(got) != m.fileType {
				t.Errorf("file type %d, %v; ours is %d", got, err, m.fileType)
			}
			for _, want := range tensors(shape, m) {
				got, ok := f.Tensor(want.name)
				if !ok || kernels.Type(got.Type) != want.typ || got.Size != want.bytes() {
					t.Errorf("%s: ours is %v, %d bytes; the file has %+v", want.name, want.typ, want.bytes(), got)
				}
			}
		})
	}
}
