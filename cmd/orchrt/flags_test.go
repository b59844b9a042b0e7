package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEnvironment(t *testing.T) {
	t.Setenv("ORCHRT_MODEL", "from-env")
	t.Setenv("ORCHRT_API_KEY_FILE", "keys")
	t.Setenv("ORCHRT_PARALLEL", "7")
	fs := newFlags("x", "", "")
	var f modelFlags
	f.add(fs, 1)
	keys := fs.String("api-key-file", "", "")
	if code, done := parseFlags(fs, []string{"--model", "from-line"}, 0, 0); done {
		t.Fatal(code)
	}
	if f.model != "from-line" || *keys != "keys" || f.parallel != 7 || !fs.Changed("parallel") {
		t.Errorf("model %q, keys %q, parallel %d", f.model, *keys, f.parallel)
	}
	t.Setenv("ORCHRT_PARALLEL", "many")
	fs = newFlags("x", "", "")
	f.add(fs, 1)
	if code, done := parseFlags(fs, nil, 0, 0); !done || code != exitUsage {
		t.Errorf("a number that is none: %d, %v", code, done)
	}
}

// TestUsage checks the exit status of every command without and with wrong flags.
func TestUsage(t *testing.T) {
	quiet(t)
	ctx := context.Background()
	for _, c := range commands() {
		for _, args := range [][]string{{"--no-such-flag"}, {"a", "b", "c"}} {
			if code := dispatch(ctx, append([]string{c.name}, args...)); code != exitUsage {
				t.Errorf("%s %v: status %d, want %d", c.name, args, code, exitUsage)
			}
		}
		if code := dispatch(ctx, []string{c.name, "--help"}); code != exitOK {
			t.Errorf("%s --help: status %d", c.name, code)
		}
	}
	for _, args := range [][]string{
		{}, {"sing"}, {"serve"}, {"generate"}, {"tokenize"}, {"logits"}, {"inspect"}, {"render"},
		{"serve", "--model", "x", "--device", "cuda"}, {"serve", "--model", "x", "--device", "tpu"},
		{"serve", "--model", "x", "--device", "cpu", "--kv", "fp8"}, {"serve", "--model", "x", "--port", "70000"},
		{"serve", "--model", "x", "--parallel", "0"}, {"generate", "--model", "x", "-p", "a", "--file", "b"},
		{"generate", "--model", "x", "-p", "a", "--raw", "--system", "s"},
		{"generate", "--model", "x", "-p", "", "--file", "b"}, {"generate", "--model", "x", "-p", "a", "--stop", ""},
		{"generate", "--model", "x", "-p", "a", "--temp", "-1"}, {"generate", "--model", "x", "-p", "a", "--top-p", "NaN"},
		{"generate", "--model", "x", "-p", "a", "--threads", "-3"}, {"generate", "--model", "x", "-p", "a", "--isa", "sse"},
		{"logits", "--model", "x", "--tokens", "y", "--out", "z", "--isa", "sse"}, {"bench", "--model", "x", "--threads", "2000"},
		{"bench", "--model", "x", "--prefill-kernels", "fast"},
		{"serve", "--model", "x", "--temp", "5"}, {"serve", "--model", "x", "--repetition-penalty", "0"},
		{"serve", "--model", "x", "--drain", "-5s"}, {"serve", "--model", "x", "--alias", ""},
		{"serve", "--model", "x", "--queue", "9223372036854775807"}, {"serve", "--model", "x", "--parallel", "9223372036854775807"},
		{"serve", "--model", "x", "--max-body", "9223372036854775807"}, {"serve", "--model", "x", "--max-choices", "1000000"},
	} {
		if code := dispatch(ctx, args); code != exitUsage {
			t.Errorf("%v: status %d, want %d", args, code, exitUsage)
		}
	}
	missing := filepath.Join(t.TempDir(), "missing.gguf")
	for _, args := range [][]string{
		{"inspect", missing}, {"generate", "--model", missing, "-p", "a"}, {"tokenize", "--model", missing},
		{"logits", "--model", missing, "--tokens", missing, "--out", "-"}, {"serve", "--model", missing, "--port", "0", "--log", "off"},
	} {
		if code := dispatch(ctx, args); code != exitFailed {
			t.Errorf("%v: status %d, want %d", args, code, exitFailed)
		}
	}
}

// quiet sends standard output and error to nowhere for the time of a test.
func quiet(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	out, errOut := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = null, null
	t.Cleanup(func() {
		os.Stdout, os.Stderr = out, errOut
		null.Close()
	})
}

func TestNPY(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {2, 3}, {80, 538}, {100000, 151936}} {
		var b bytes.Buffer
		w := newNPY(&b, shape[0], shape[1])
		if shape[0] > 100 {
			w.left = 0
		}
		for range w.left {
			w.Row(make([]float32, shape[1]))
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		head := b.Bytes()
		n := int(binary.LittleEndian.Uint16(head[8:]))
		if (10+n)%64 != 0 || head[9+n] != '\n' || !strings.HasPrefix(string(head), "\x93NUMPY\x01\x00") {
			t.Errorf("shape %v: header of %d bytes: %q", shape, n, head[:10+n])
		}
		if want := 4 * shape[0] * shape[1]; shape[0] <= 100 && b.Len()-10-n != want {
			t.Errorf("shape %v: %d bytes of values, want %d", shape, b.Len()-10-n, want)
		}
	}
	w := newNPY(&bytes.Buffer{}, 2, 2)
	w.Row([]float32{1, 2, 3})
	if w.Close() == nil {
		t.Error("a row of the wrong width was written")
	}
}
