package checkpoint

import (
	"testing"

	"orchrt/gguf"
	"orchrt/kernels"
)

// The reader of files and the kernels each have a table of the formats, since
// neither may know the other: what the kernels take, the file must describe alike.
func TestTypeTablesAgree(t *testing.T) {
	n := 0
	for id := range uint32(64) {
		f, ok := kernels.Type(id).Format()
		if !ok {
			continue
		}
		n++
		values, bytes, known := gguf.Type(id).Block()
		if !known || int64(f.Values) != values || int64(f.Bytes) != bytes {
			t.Errorf("type %d: a block is %d values in %d bytes for kernels, %d in %d for gguf (known: %t)", id, f.Values, f.Bytes, values, bytes, known)
		}
		if k, g := kernels.Type(id).String(), gguf.Type(id).String(); k != g {
			t.Errorf("type %d is called %s by kernels and %s by gguf", id, k, g)
		}
	}
	if n < 22 {
		t.Errorf("kernels knows %d formats, want at least 22", n)
	}
}
