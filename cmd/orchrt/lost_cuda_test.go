//go:build cuda

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeDriver compiles the libcuda.so.1 of package cuda's tests and returns its folder.
func fakeDriver(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	args := append(strings.Fields(os.Getenv("CGO_CFLAGS")), "-shared", "-fPIC", "-o", filepath.Join(dir, "libcuda.so.1"), "../../kernels/gpu/cuda/testdata/fake.c")
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		t.Fatalf("compiling fake.c (CGO_CFLAGS must name the folder of cuda.h, as make cuda-test does): %v\n%s", err, out)
	}
	return dir
}

// TestDeviceLost: a kernel that fails while a request is answered ends the request with a message, and the server with
// another and status 1; the context goes, and with it the GPU's memory.
func TestDeviceLost(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	log := filepath.Join(t.TempDir(), "log")
	c := exec.Command(os.Args[0], "serve", "--model", tinyModel(t), "--device", "cuda", "--port", fmt.Sprint(port), "--ctx", "512", "--kv-tokens", "1024", "--alias", "tiny")
	// Loading reads from the GPU once; the next read is of what the first step found.
	c.Env = append(os.Environ(), "ORCHRT_TEST_PROGRAM=1", "LD_LIBRARY_PATH="+fakeDriver(t), "FAKE_LOG="+log, "FAKE_FAIL=cuMemcpyDtoHAsync_v2:719:2")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	defer c.Process.Kill()
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	for ready := false; !ready; {
		select {
		case <-done:
			t.Fatalf("serve ended early:\n%s", &stderr)
		case <-time.After(50 * time.Millisecond):
		}
		if resp, err := http.Get(url + "/health"); err == nil {
			resp.Body.Close()
			ready = resp.StatusCode == http.StatusOK
		}
	}
	resp, err := http.Post(url+"/v1/completions", "application/json", strings.NewReader(`{"model": "tiny", "prompt": "Hello", "max_tokens": 4}`))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable || !bytes.Contains(answer, []byte("the device that runs the model failed")) {
		t.Fatalf("the request got status %d, %s, %v", resp.StatusCode, answer, err)
	}
	<-done
	if code := c.ProcessState.ExitCode(); code != exitFailed {
		t.Errorf("status %d, want %d", code, exitFailed)
	}
	if text := stderr.String(); !strings.Contains(text, "the device failed: the server ends") || !strings.Contains(text, "CUDA error 719") {
		t.Errorf("standard error:\n%s", text)
	}
	if calls, err := os.ReadFile(log); err != nil || bytes.Count(calls, []byte("cuCtxDestroy_v2")) != 1 {
		t.Errorf("the context was not destroyed once, %v", err)
	}
}
