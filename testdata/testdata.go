// Package testdata carries data that tests and the small synthetic models need, so that neither needs a network.
package testdata

import (
	"bytes"
	_ "embed"
	"io"

	"github.com/klauspost/compress/zstd"
)

//go:embed qwen3-tokenizer.json.zst
var qwen3 []byte

// Qwen3Tokenizer streams Qwen3's tokenizer.json: 151,643 tokens, 151,387 merges, 26 added tokens. White space
// between the elements of the JSON is left out, nothing else. README.md names its origin and licence.
func Qwen3Tokenizer() (io.ReadCloser, error) {
	d, err := zstd.NewReader(bytes.NewReader(qwen3), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}
