package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"orchrt/orchestrate"
	"orchrt/orchestrate/hosted"
	"orchrt/orchestrate/profile"
)

// benchmarkRounds sends requests to a scripted model and reports the time of a
// turn of the model, the client's HTTP and the script's own work included.
func benchmarkRounds(b *testing.B, rounds, parallel int, h *hosted.Service) {
	g := &script{tok: qwen3(b), texts: map[string]string{"Go": think + call("twice", `{"word": "a"}`), "gives": think + "Done."}}
	s := New(Options{MaxRequests: 1024})
	if h != nil {
		s.SetTools(h)
	}
	s.SetBackend(newBackend(g), nil)
	hs := httptest.NewServer(s)
	defer hs.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: parallel}}
	ask := func() {
		resp, err := client.Post(hs.URL+"/v1/chat/completions", "application/json",
			strings.NewReader(`{"model":"test-model","stream":true,"messages":[{"role":"user","content":"Go"}]}`))
		if err != nil {
			b.Error(err)
			return
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(text), "[DONE]") {
			b.Errorf("%v, %s", err, text)
		}
	}
	ask() // the grammar is made with the first
	b.ResetTimer()
	for range b.N {
		var wg sync.WaitGroup
		for range parallel {
			wg.Go(ask)
		}
		wg.Wait()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(rounds*parallel*b.N), "µs/turn")
}

// BenchmarkHosted compares a turn in the loop, a call executed, with a turn of a
// plain request.
func BenchmarkHosted(b *testing.B) {
	h := &hosted.Service{Profile: profile.Chat{}, Memory: hosted.NewMemory(1 << 20),
		Tools: func() []orchestrate.Tool { return []orchestrate.Tool{serverTool("twice")} }}
	b.Run("plain", func(b *testing.B) { benchmarkRounds(b, 1, 1, nil) })
	b.Run("loop", func(b *testing.B) { benchmarkRounds(b, 2, 1, h) })
	b.Run("plain256", func(b *testing.B) { benchmarkRounds(b, 1, 256, nil) })
	b.Run("loop256", func(b *testing.B) { benchmarkRounds(b, 2, 256, h) })
}
