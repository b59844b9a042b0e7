package gguf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// sniffLen is how much of a file sniff looks at.
const sniffLen = 512

// magics are the starts of files that are taken for models, and what to say.
var magics = []struct{ start, what string }{
	{"version https://git-lfs", "a Git LFS pointer, not the file itself: run `git lfs pull`, or download the file"},
	{"FUGG", "a GGUF file with its bytes swapped (big-endian): fetch the little-endian one"},
	{"lmgg", "an old ggml file: convert the model anew"},
	{"fmgg", "an old ggmf file: convert the model anew"},
	{"tjgg", "an old ggjt file: convert the model anew"},
	{"algg", "an old ggla adapter: convert it anew"},
	{"PK\x03\x04", "a zip archive (PyTorch's .bin and .pt files are ones): convert the model to GGUF"},
	{"\x80\x02", "a Python pickle: convert the model to GGUF"},
	{"\x1f\x8b", "a gzip file: unpack it"},
	{"\x28\xb5\x2f\xfd", "a zstd file: unpack it"},
	{"\xfd7zXZ", "an xz file: unpack it"},
	{"\x93NUMPY", "a NumPy array"},
}

// sniff says what the file of that size, which starts with head and is not
// GGUF, is.
func sniff(head []byte, size int64) string {
	const not = "not a GGUF file: "
	if size < 4 {
		return not + fmt.Sprintf("%d bytes: the file is empty or its download did not start", size)
	}
	for _, m := range magics {
		if strings.HasPrefix(string(head), m.start) {
			return not + m.what
		}
	}
	text := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))))
	switch {
	case bytes.HasPrefix(text, []byte("<!doctype")), bytes.HasPrefix(text, []byte("<html")), bytes.HasPrefix(text, []byte("<?xml")):
		return not + "a web page, such as an error or log-in page saved under the file's name: download the file again"
	case bytes.HasPrefix(text, []byte("{")):
		return not + "JSON, such as an error saved under the file's name: download the file again"
	case isSafetensors(head, size):
		return not + "a safetensors file: name the folder that it lies in"
	case isLegacyImatrix(head):
		return not + "an importance matrix in llama.cpp's old .dat format, calibration data and no model: name the model's .gguf file"
	case len(bytes.Trim(head, "\x00")) == 0:
		return not + "it starts with zeros, as an unfinished download does: fetch it again"
	}
	return not + fmt.Sprintf("it starts with %q: name a .gguf file", head[:4])
}

// isSafetensors tells the u64 length of a JSON header, and the header.
func isSafetensors(head []byte, size int64) bool {
	return len(head) > 9 && head[8] == '{' && binary.LittleEndian.Uint64(head) < uint64(size)
}

// isLegacyImatrix tells an i32 number of entries, then the i32 length of the
// first one's name, and the name: that of a weight.
func isLegacyImatrix(head []byte) bool {
	if len(head) < 8 {
		return false
	}
	entries, n := binary.LittleEndian.Uint32(head), binary.LittleEndian.Uint32(head[4:])
	return entries > 0 && entries <= MaxTensors && n > 0 && int64(n) <= int64(len(head)-8) &&
		bytes.HasSuffix(head[8:8+n], []byte(".weight"))
}
