package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	goruntime "runtime"
	"strings"
	"testing"
	"time"
)

// zeros is an endless body.
type zeros struct{ sent *int64 }

func (z zeros) Read(p []byte) (int, error) {
	*z.sent += int64(len(p))
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestLargeBody sends 200 MB, with its length announced and without.
func TestLargeBody(t *testing.T) {
	_, hs := start(t, &script{}, Options{})
	var before, after goruntime.MemStats
	goruntime.GC()
	goruntime.ReadMemStats(&before)
	for _, chunked := range []bool{false, true} {
		var sent int64
		req, _ := http.NewRequest("POST", hs.URL+"/v1/chat/completions", io.LimitReader(zeros{&sent}, 200<<20))
		if !chunked {
			req.ContentLength = 200 << 20
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatalf("chunked %v: %v", chunked, err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 413 || errorOf(t, string(body)) != "body_too_large" {
			t.Errorf("chunked %v: %d %s", chunked, resp.StatusCode, body)
		}
	}
	goruntime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 100<<20 { // the second body is read up to the limit of 32 MiB, in doubling steps
		t.Errorf("%d MiB were allocated for bodies that are too large", grown>>20)
	}
	if resp, body := do(t, "POST", hs.URL+"/v1/chat/completions", helloBody); resp.StatusCode != 200 {
		t.Errorf("afterwards: %d %s", resp.StatusCode, body)
	}
}

// TestStalledBody sends half a body, and one byte at a time.
func TestStalledBody(t *testing.T) {
	_, hs := start(t, &script{}, Options{BodyIdle: 100 * time.Millisecond, BodyTotal: 400 * time.Millisecond})
	for _, drip := range []time.Duration{0, 50 * time.Millisecond} {
		conn, err := net.Dial("tcp", hs.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
		stop := make(chan struct{})
		go func() {
			for drip > 0 {
				select {
				case <-stop:
					return
				case <-time.After(drip):
					conn.Write([]byte(" "))
				}
			}
		}()
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		in := bufio.NewReader(conn)
		resp, err := http.ReadResponse(in, nil)
		close(stop)
		if err != nil {
			t.Fatalf("drip %v: %v", drip, err)
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 408 || errorOf(t, string(body)) != "body_timeout" {
			t.Errorf("drip %v: %d %s", drip, resp.StatusCode, body)
		}
		if _, err := in.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("drip %v: the connection stays open: %v", drip, err)
		}
	}
}

// TestStalledBodyNobodyReads: a request that is refused by its header does not
// hold the connection until its body has come.
func TestStalledBodyNobodyReads(t *testing.T) {
	_, hs := start(t, &script{}, Options{BodyIdle: 100 * time.Millisecond})
	for _, path := range []string{"/nothing", "/health", "/v1/models"} {
		conn, err := net.Dial("tcp", hs.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{", path)
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 40") {
			t.Errorf("%s: %q, %v", path, answer, err)
		}
	}
}

// goroutines counts those that are in a function of that name.
func goroutines(name string) int {
	buf := make([]byte, 8<<20)
	return strings.Count(string(buf[:goruntime.Stack(buf, true)]), "."+name+"(")
}

// stall begins a request that announces more than it sends.
func stall(t *testing.T, hs *httptest.Server, sent string) {
	t.Helper()
	conn, err := net.Dial("tcp", hs.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "POST /tokenize HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n%s", sent)
}

// TestStalledBodyHoldsNoPlace: others are answered meanwhile.
func TestStalledBodyHoldsNoPlace(t *testing.T) {
	_, hs := start(t, &script{}, Options{MaxRequests: 1})
	stall(t, hs, "{")
	eventually(t, "the body is being read", func() bool { return goroutines("readUpTo") == 1 })
	if resp, body := do(t, "POST", hs.URL+"/v1/chat/completions", helloBody); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// TestBodiesAreBounded: the bodies that arrive at once take a bounded memory,
// and small ones get through all the same.
func TestBodiesAreBounded(t *testing.T) {
	const limit = 256 << 10
	s, hs := start(t, &script{}, Options{MaxBody: limit})
	for n := int64(freeBytes); n <= bodyShare*limit; n += freeBytes { // each has doubled its memory once
		stall(t, hs, strings.Repeat(" ", freeBytes+1))
		eventually(t, "another body takes memory", func() bool { return s.bodies.Load() == n })
	}
	resp, body := do(t, "POST", hs.URL+"/tokenize", `{"prompt":"`+strings.Repeat(" ", freeBytes)+`"}`)
	if resp.StatusCode != 429 || errorOf(t, body) != "queue_full" || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a large body beyond the limit: %d %s", resp.StatusCode, body)
	}
	if resp, body := do(t, "POST", hs.URL+"/v1/chat/completions", helloBody); resp.StatusCode != 200 {
		t.Errorf("a small body: %d %s", resp.StatusCode, body)
	}
}
