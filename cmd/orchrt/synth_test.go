package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"orchrt/runtime/bench"
	"orchrt/runtime/checkpoint"
)

// TestSynthAndBench writes a model, opens it as any other, and measures it.
func TestSynthAndBench(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tiny.gguf")
	args := []string{"--preset", "tiny", "--type", "q4_k_m", "-o", file}
	if code := runSynth(t.Context(), args); code != exitOK {
		t.Fatalf("synth: exit status %d", code)
	}
	if code := runSynth(t.Context(), args); code != exitFailed {
		t.Errorf("synth over an existing file: exit status %d, want %d", code, exitFailed)
	}
	if code := runSynth(t.Context(), append(args, "--force")); code != exitOK {
		t.Errorf("synth --force: exit status %d", code)
	}
	ck, err := checkpoint.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(ck.Vocab.Tokens); n != 151936 || !ck.Config.Tied || len(ck.Suppress) != 151936-151669 || ck.ChatTemplate == "" {
		t.Errorf("%d tokens, %d unused, tied %v, template of %d bytes", n, len(ck.Suppress), ck.Config.Tied, len(ck.ChatTemplate))
	}
	ck.Close()

	out := standardOutput(t, func() {
		if code := runBench(t.Context(), []string{"--model", file, "-p", "9", "-n", "3", "-r", "2", "--concurrency", "2", "--json"}); code != exitOK {
			t.Errorf("bench: exit status %d", code)
		}
	})
	var r bench.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	if r.Prefill.PerSecond.Mean <= 0 || r.Decode.PerSecond.Mean <= 0 || len(r.Concurrent) != 1 ||
		r.Limits.DecodeShare <= 0 || r.Limits.PrefillFLOPS <= 0 || r.Load.Seconds <= 0 || r.Memory.Resident <= 0 ||
		r.Model.BytesPerToken != r.Model.Bytes || r.Machine.Threads < 1 {
		t.Errorf("the report lacks something: %s", out)
	}
}

// standardOutput returns what f writes there.
func standardOutput(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	saved := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = saved }()
	read := make(chan string)
	go func() {
		b, _ := io.ReadAll(r) // an error shows as missing text
		read <- string(b)
	}()
	f()
	w.Close()
	return <-read
}

func TestSynthUsage(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.gguf")
	for _, args := range [][]string{
		{}, {"-o", out, "--preset", "qwen3-9b"}, {"-o", out, "--type", "Q9_K"}, {"-o", out, "more"},
	} {
		if code := runSynth(t.Context(), args); code != exitUsage {
			t.Errorf("synth %s: exit status %d, want %d", strings.Join(args, " "), code, exitUsage)
		}
	}
	for _, args := range [][]string{{}, {"--model", "x", "-r", "0"}, {"--model", "x", "-p", "0", "-n", "0"}, {"--model", "x", "--concurrency", "0"}} {
		if code := runBench(t.Context(), args); code != exitUsage {
			t.Errorf("bench %s: exit status %d, want %d", strings.Join(args, " "), code, exitUsage)
		}
	}
}

// TestWriteFileLeavesNothingBehind: a failed write leaves neither the file nor
// its temporary.
func TestWriteFileLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	broken := errors.New("broken")
	err := writeFile(filepath.Join(dir, "a.gguf"), false, func(w io.Writer) error {
		if _, err := io.WriteString(w, "GGUF"); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want the writer's", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("%v left behind, %v", left, err)
	}
}
