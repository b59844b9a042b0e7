package server

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"orchrt/orchestrate/openai"
	"orchrt/runtime"
)

// prefix stands before every metric's name; the names are vLLM's.
const prefix = "orchrt:"

// metrics are the figures behind /metrics.
type metrics struct {
	mu     sync.Mutex
	model  string // as a label value
	http   map[httpKey]uint64
	reason map[string]uint64 // finished choices
	tools  map[toolKey]*toolCount

	promptTokens, generatedTokens uint64
	cachedTokens                  uint64

	firstToken, interToken, perToken *histogram
	endToEnd, prefill, decode, queue *histogram
	prompt, generated, maxGenerated  *histogram
	paramsN, paramsMax               *histogram
}

// httpKey labels responses; route is from the table, so that a client cannot
// make up labels.
type httpKey struct {
	route  string
	status int
}

// toolKey labels calls that the server executed. Names are those of its own
// tools.
type toolKey struct{ tool, outcome string }

// toolCount is what calls came to.
type toolCount struct {
	calls        uint64
	seconds, usd float64
}

func newMetrics() *metrics {
	m := &metrics{tools: map[toolKey]*toolCount{}, http: map[httpKey]uint64{}, reason: map[string]uint64{"stop": 0, "length": 0, "abort": 0, "error": 0}}
	m.setModel("", 1<<17)
	return m
}

// setModel names the model in the labels and sizes the histograms of lengths
// for its context. It is called before the model's first request.
func (m *metrics) setModel(name string, context int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.model = name
	lengths := steps125(context)
	m.firstToken = newHistogram("time_to_first_token_seconds", "Time from a request's admission to its first token.", boundsFirstToken())
	m.interToken = newHistogram("inter_token_latency_seconds", "Time between two tokens of a sequence.", boundsPerToken())
	m.perToken = newHistogram("request_time_per_output_token_seconds", "Mean time per token after the first, by request.", boundsPerToken())
	m.endToEnd = newHistogram("e2e_request_latency_seconds", "Time from a request's admission to its end.", boundsRequest())
	m.queue = newHistogram("request_queue_time_seconds", "Time that a sequence waited before its prefill began.", boundsRequest())
	m.prefill = newHistogram("request_prefill_time_seconds", "Time from the start of the prefill to the first token.", boundsRequest())
	m.decode = newHistogram("request_decode_time_seconds", "Time from the first token to the last.", boundsRequest())
	m.prompt = newHistogram("request_prompt_tokens", "Tokens of a prompt.", lengths)
	m.generated = newHistogram("request_generation_tokens", "Tokens generated for a choice.", lengths)
	m.maxGenerated = newHistogram("request_max_num_generation_tokens", "Most tokens generated for any choice of a request.", lengths)
	m.paramsN = newHistogram("request_params_n", "Choices asked for.", boundsChoices())
	m.paramsMax = newHistogram("request_params_max_tokens", "Limit on generated tokens in force.", lengths)
}

// token counts one token of a sequence; gap is the time since the one before.
func (m *metrics) token(c *openai.Choice, gap time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.generatedTokens++
	if c.Generated > 1 {
		m.interToken.observe(gap.Seconds())
		return
	}
	m.promptTokens += uint64(len(c.Request.Prompt))
	m.cachedTokens += uint64(c.Cached)
	m.firstToken.observe(c.First.Seconds())
}

// finished counts a job that has ended, well or not, after total.
func (m *metrics) finished(job *openai.Job, err *openai.Error, total time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.reason[failure(err)]++
		return
	}
	longest := 0
	for _, c := range job.Choices {
		m.reason[c.Finish]++
		m.prompt.observe(float64(len(c.Request.Prompt)))
		m.generated.observe(float64(c.Generated))
		m.paramsMax.observe(float64(c.Request.MaxTokens))
		m.queue.observe(c.Queued.Seconds())
		m.prefill.observe((c.First - c.Queued).Seconds())
		m.decode.observe((c.Last - c.First).Seconds())
		if c.Generated > 1 {
			m.perToken.observe((c.Last - c.First).Seconds() / float64(c.Generated-1))
		}
		longest = max(longest, c.Generated)
	}
	m.paramsN.observe(float64(len(job.Choices)))
	m.maxGenerated.observe(float64(longest))
	m.endToEnd.observe(total.Seconds())
}

// failure is the label of a request that did not finish.
func failure(err *openai.Error) string {
	switch err.Code {
	case openai.CodeClientGone, openai.CodeCancelled, openai.CodeUnavailable:
		return "abort"
	}
	return "error"
}

// response counts an HTTP response.
func (m *metrics) response(route string, status int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.http[httpKey{route, status}]++
}

// render prints all metrics in the Prometheus text format. active is the number
// of generation requests at work or waiting; stats may be nil.
func (m *metrics) render(active int, stats *runtime.Stats) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	var buf bytes.Buffer
	w := bufio.NewWriter(&buf)
	labels := fmt.Sprintf("engine=\"0\",model_name=\"%s\"", escapeLabel(m.model))
	one := func(name, help, kind string, v any) {
		header(w, name, help, kind)
		fmt.Fprintf(w, "%s%s{%s} %v\n", prefix, name, labels, v)
	}
	one("prompt_tokens_total", "Prompt tokens processed.", "counter", m.promptTokens)
	one("generation_tokens_total", "Tokens generated.", "counter", m.generatedTokens)
	one("prompt_tokens_cached_total", "Prompt tokens found in the prefix cache.", "counter", m.cachedTokens)
	one("http_requests_active", "Generation requests at work or waiting.", "gauge", active)
	if stats != nil {
		engineMetrics(one, stats)
	}
	header(w, "request_success_total", "Finished choices by reason.", "counter")
	for _, reason := range slices.Sorted(maps.Keys(m.reason)) {
		fmt.Fprintf(w, "%srequest_success_total{%s,finished_reason=\"%s\"} %d\n", prefix, labels, reason, m.reason[reason])
	}
	for _, h := range []*histogram{m.firstToken, m.interToken, m.perToken, m.endToEnd, m.queue, m.prefill, m.decode,
		m.prompt, m.generated, m.maxGenerated, m.paramsN, m.paramsMax} {
		h.write(w, labels)
	}
	m.writeTools(w)
	m.writeHTTP(w)
	w.Flush()
	return buf.Bytes()
}

// tool counts a call that the server has executed.
func (m *metrics) tool(name, outcome string, seconds, usd float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := toolKey{name, outcome}
	if m.tools[k] == nil {
		m.tools[k] = &toolCount{}
	}
	c := m.tools[k]
	c.calls++
	c.seconds += seconds
	c.usd += usd
}

// writeTools prints the calls by tool and outcome.
func (m *metrics) writeTools(w *bufio.Writer) {
	if len(m.tools) == 0 {
		return
	}
	keys := slices.SortedFunc(maps.Keys(m.tools), func(a, b toolKey) int {
		return cmp.Or(strings.Compare(a.tool, b.tool), strings.Compare(a.outcome, b.outcome))
	})
	for _, v := range []struct {
		name, help string
		value      func(*toolCount) any
	}{
		{"tool_calls_total", "Calls of the server's tools by outcome: ok, or the kind of the failure.", func(c *toolCount) any { return c.calls }},
		{"tool_call_seconds_total", "Seconds that calls took.", func(c *toolCount) any { return c.seconds }},
		{"tool_cost_usd_total", "US dollars that calls cost.", func(c *toolCount) any { return c.usd }},
	} {
		header(w, v.name, v.help, "counter")
		for _, k := range keys {
			fmt.Fprintf(w, "%s%s{tool=\"%s\",outcome=\"%s\"} %v\n", prefix, v.name, escapeLabel(k.tool), k.outcome, v.value(m.tools[k]))
		}
	}
}

// writeHTTP prints the responses by route and status.
func (m *metrics) writeHTTP(w *bufio.Writer) {
	header(w, "http_responses_total", "HTTP responses by route and status.", "counter")
	keys := slices.SortedFunc(maps.Keys(m.http), func(a, b httpKey) int {
		if c := strings.Compare(a.route, b.route); c != 0 {
			return c
		}
		return a.status - b.status
	})
	for _, k := range keys {
		fmt.Fprintf(w, "%shttp_responses_total{route=\"%s\",status=\"%d\"} %d\n", prefix, escapeLabel(k.route), k.status, m.http[k])
	}
}

// engineMetrics prints the state of the engine.
func engineMetrics(one func(name, help, kind string, v any), s *runtime.Stats) {
	one("num_requests_running", "Sequences in the engine's batch.", "gauge", s.Running)
	one("num_requests_waiting", "Sequences that wait for a place.", "gauge", s.Waiting)
	usage := 0.0
	if total := s.PagesUsed + s.PagesFree; total > 0 {
		usage = float64(s.PagesUsed) / float64(total)
	}
	one("kv_cache_usage_perc", "Share of the KV cache's pages that sequences hold, 1 is all.", "gauge", usage)
	one("kv_cache_pages_cached", "Pages that no sequence holds, with content of the prefix cache.", "gauge", s.PagesCached)
	one("prefix_cache_queries_total", "Prompt tokens looked up in the prefix cache.", "counter", s.PromptTokens+s.CachedTokens)
	one("prefix_cache_hits_total", "Prompt tokens found in the prefix cache.", "counter", s.CachedTokens)
	one("forced_tokens_total", "Generated tokens that were not drawn, because the grammar of their answer allowed no others.", "counter", s.ForcedTokens)
	one("num_preemptions_total", "Sequences that gave their pages back to run again later.", "counter", s.Preemptions)
	one("engine_steps_total", "Steps of the engine.", "counter", s.Steps)
	one("engine_rows_total", "Rows computed in all steps, repeated work included.", "counter", s.Rows)
	one("engine_failures_total", "Steps that failed.", "counter", s.Failures)
}

// escapeLabel makes s fit between the quotes of a label.
func escapeLabel(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
}
