package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWriteFile: what is there stays until the new file is complete, and a
// device stays a device.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	say := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error { _, werr := io.WriteString(w, text); return errors.Join(err, werr) }
	}
	content := func(want string) {
		t.Helper()
		if b, err := os.ReadFile(name); err != nil || string(b) != want {
			t.Errorf("the file holds %q, %v, want %q", b, err, want)
		}
	}
	if err := writeFile(name, false, say("one", nil)); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{writeFile(name, false, say("two", nil)), writeFile(name, true, say("half", errors.New("cut"))),
		writeFile(dir, true, say("two", nil)), writeFile(filepath.Join(dir, "no", "b"), true, say("two", nil))} {
		if err == nil {
			t.Error("no error")
		}
	}
	content("one")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(link, true, say("three", nil)); err != nil {
		t.Fatal(err)
	}
	content("three")
	if files, _ := os.ReadDir(dir); len(files) != 2 {
		t.Errorf("left over: %v", files)
	}
	for _, force := range []bool{false, true} {
		if err := writeFile(os.DevNull, force, say("x", nil)); err != nil {
			t.Errorf("force %v: %v", force, err)
		}
		if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
			t.Fatalf("force %v: %s is now %v, %v", force, os.DevNull, info.Mode(), err)
		}
	}
}

// input makes text, then silence, the standard input of a test.
func input(t *testing.T, text string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in := os.Stdin
	os.Stdin = r
	t.Cleanup(func() { os.Stdin = in; w.Close(); r.Close() })
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

// TestInterruptedInput: a command that waits for standard input ends with its
// context.
func TestInterruptedInput(t *testing.T) {
	input(t, "some")
	reason := errors.New("a signal")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(reason) })
	if _, err := readArgument(ctx, "-"); !errors.Is(err, reason) {
		t.Errorf("got %v, want the reason of the cancellation", err)
	}
}

// TestInterruptedLoading: a signal ends the loading of a model.
func TestInterruptedLoading(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("a signal")
	cancel(reason)
	f := modelFlags{model: tinyModel(t), kv: "f16", parallel: 1}
	f.device = "cpu"
	if _, err := load(ctx, &f, 0); !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
}

// TestLogitsKeepsFile: a run that fails leaves the file of an earlier one alone.
func TestLogitsKeepsFile(t *testing.T) {
	quiet(t)
	dir := t.TempDir()
	out, ids := filepath.Join(dir, "out.npy"), filepath.Join(dir, "ids.txt")
	for name, text := range map[string]string{out: "old", ids: "1 2 99999999"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, model := range []string{filepath.Join(dir, "missing"), tinyModel(t)} {
		if code := runLogits(t.Context(), []string{"--model", model, "--tokens", ids, "--out", out}); code != exitFailed {
			t.Errorf("%s: status %d", model, code)
		}
	}
	if b, err := os.ReadFile(out); err != nil || string(b) != "old" {
		t.Errorf("the file holds %q, %v", b, err)
	}
}

func TestReadKeys(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys")
	long := strings.Repeat("k", 100_000)
	if err := os.WriteFile(name, []byte("# mine\n\n  one \n"+long+"\nlast"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := readKeys(name)
	if err != nil || !slices.Equal(keys, []string{"one", long, "last"}) {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

func TestReadLine(t *testing.T) {
	for line, want := range map[string]string{
		`[1]`:                   "a line must be a JSON object, not a JSON array",
		`{"text":3}`:            `"text" must be a string, not a JSON number`,
		`{"ids":"a"}`:           `"ids" must be an array of token ids`,
		`{"ids":[1.5]}`:         `"ids" must be an array of token ids`,
		`{"ids":[1],"ids":[2]}`: "twice",
		`{"ids":[1]`:            "at byte 10",
	} {
		var v any = new(textLine)
		if strings.Contains(line, "ids") {
			v = new(idsLine)
		}
		if err := readLine([]byte(line), v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	if _, err := decodeLine(nil, []byte(`{"ids":[1,null]}`), false, false); err == nil || !strings.Contains(err.Error(), "index 1") {
		t.Errorf("null: %v", err)
	}
}

func TestPrintable(t *testing.T) {
	for s, want := range map[string]string{
		"Qwen3 8B Größe 千": "Qwen3 8B Größe 千", "a\x1b[2Jb": `"a\x1b[2Jb"`, "a\nb": `"a\nb"`, "\u202e": `"\u202e"`, "\xff": `"\xff"`,
	} {
		if got := printable(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}
