//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package gguf

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDevices opens what would hang, or never end.
func TestDevices(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo.gguf")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, "/dev/zero", "/dev/null"} {
		if _, err := os.Stat(path); err == nil {
			checkOpen(t, path, "not a regular file")
		}
	}
}

// TestFaultElsewhere checks that only faults of the mapping become errors.
func TestFaultElsewhere(t *testing.T) {
	f := mustOpen(t, save(t, t.TempDir(), "m.gguf", write(t, sample(), nil)))
	defer func() {
		if recover() == nil {
			t.Error("a panic that is no fault of the mapping was swallowed")
		}
	}()
	f.shards[0].src.hold(func() error { panic("other") })
}
