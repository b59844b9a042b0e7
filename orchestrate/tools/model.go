package tools

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"orchrt/orchestrate"
	"orchrt/orchestrate/netguard"
)

// modelConfig is an endpoint that speaks OpenAI's chat completions.
type modelConfig struct {
	name string
	line int

	BaseURL        string            `yaml:"base_url"` // up to /v1
	Model          string            `yaml:"model"`
	APIKey         Secret            `yaml:"api_key,secret"`
	Headers        map[string]Secret `yaml:"headers,secret"`
	System         string            `yaml:"system,plain"`
	MaxTokens      int               `yaml:"max_tokens"`
	MaxTokensField string            `yaml:"max_tokens_field"` // max_tokens, or max_completion_tokens
	Temperature    *float64          `yaml:"temperature"`
	Context        int               `yaml:"context"` // tokens of prompt and answer
	Extra          json.RawMessage   `yaml:"extra"`   // keys for the request's body
	Timeout        Duration          `yaml:"timeout"` // of one attempt
	Idle           Duration          `yaml:"idle_timeout"`
	Retries        *int              `yaml:"retries"`
	Backoff        Duration          `yaml:"backoff"`
	Fallback       []string          `yaml:"fallback"`
	Price          orchestrate.Price `yaml:"price"`
	Latency        Duration          `yaml:"latency"`
	AllowHosts     []string          `yaml:"allow_hosts"`

	extra map[string]any
	allow []netguard.Allow
}

// check reports faults and fills in defaults.
func (m *modelConfig) check(d *decoder) {
	what := "model " + m.name
	d.endpoint(m.line, what+": base_url", m.BaseURL)
	m.allow = d.allowed(m.line, what, m.AllowHosts, m.BaseURL)
	d.price(m.line, what, m.Price)
	if m.Model == "" {
		d.fail(m.line, "%s: model is missing: the name that the endpoint knows it by", what)
	}
	if m.MaxTokens == 0 {
		m.MaxTokens = orchestrate.DefaultExpertTokens
	}
	switch m.MaxTokensField {
	case "":
		m.MaxTokensField = "max_tokens"
	case "max_tokens", "max_completion_tokens":
	default:
		d.fail(m.line, "%s: max_tokens_field is %q, want max_tokens or max_completion_tokens", what, m.MaxTokensField)
	}
	if m.Retries == nil {
		two := 2
		m.Retries = &two
	}
	if m.MaxTokens < 0 || *m.Retries < 0 || *m.Retries > 10 || m.Context < 0 {
		d.fail(m.line, "%s: max_tokens and context must not be below 0, and retries be 0 to 10", what)
	}
	if m.Backoff == 0 {
		m.Backoff = Duration(500 * time.Millisecond)
	}
	if len(m.Extra) > 0 && json.Unmarshal(m.Extra, &m.extra) != nil {
		d.fail(m.line, "%s: extra is not a mapping of keys for the request", what)
	}
}

// endpoint is a model that can be called.
type endpoint struct {
	*modelConfig
	service  sdk.ChatCompletionService
	client   *http.Client
	options  []option.RequestOption
	fallback []*endpoint
	redact   func(string) string
}

// endpoint opens a model with those that stand in for it.
func (s *Set) endpoint(m *modelConfig, all map[string]*modelConfig) *endpoint {
	e := s.endpointOnly(m)
	for _, name := range m.Fallback {
		e.fallback = append(e.fallback, s.endpointOnly(all[name]))
	}
	return e
}

func (s *Set) endpointOnly(m *modelConfig) *endpoint {
	g := s.guard(m.allow)
	e := &endpoint{modelConfig: m, client: g.Client(), redact: s.redact}
	s.onClose(e.client.CloseIdleConnections)
	// A service of its own, for the SDK's client takes keys and addresses from the
	// environment that were meant for another endpoint.
	e.options = []option.RequestOption{option.WithBaseURL(strings.TrimRight(m.BaseURL, "/") + "/"),
		option.WithHTTPClient(e.client), option.WithMaxRetries(0), option.WithUnsafeAllowHTTP()}
	if m.APIKey != "" {
		e.options = append(e.options, option.WithHeader("Authorization", "Bearer "+string(m.APIKey)))
	}
	for k, v := range m.Headers {
		e.options = append(e.options, option.WithHeader(k, string(v)))
	}
	e.service = sdk.NewChatCompletionService(e.options...)
	return e
}

// Chat implements orchestrate.Model: the model itself, as often as it may be
// tried, then each fallback. What attempts cost that came to nothing is in the
// usage, too. An attempt that failed after it had begun to answer is not
// repeated: it cost as much as a whole one may.
func (e *endpoint) Chat(ctx context.Context, r orchestrate.ModelRequest) (orchestrate.ModelReply, error) {
	var spent []orchestrate.ModelUsage
	var failures []any
	var last *orchestrate.ToolError
	for _, m := range append([]*endpoint{e}, e.fallback...) {
		for n := 0; ; n++ {
			reply, err := m.attempt(ctx, r)
			if err == nil {
				reply.Usage = append(spent, reply.Usage...)
				if len(failures) > 0 {
					reply.Record = map[string]any{"failures": failures, "model": m.name}
				}
				return reply, nil
			}
			spent = append(spent, err.told.Usage...)
			last = err.told
			failures = append(failures, m.name+": "+last.Message)
			if stop := ended(ctx, "the model"); stop != nil {
				stop.Usage = spent
				return orchestrate.ModelReply{}, stop
			}
			if !err.retry || n >= *m.Retries || !m.wait(ctx, n, err.after) {
				break
			}
		}
	}
	told := *last
	told.Usage = spent
	if len(failures) > 1 {
		told.Message += " (after " + strconv.Itoa(len(failures)) + " attempts)"
	}
	return orchestrate.ModelReply{}, &told
}

// wait pauses before attempt n+1: as long as the endpoint asked for, or longer
// each time, by chance between half of it and all. It reports false where the
// time that is left is less.
func (m *endpoint) wait(ctx context.Context, n int, after time.Duration) bool {
	pause := time.Duration(m.Backoff) << min(n, 6)
	pause = pause/2 + rand.N(pause/2+1)
	if after >= 0 {
		pause = after
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pause {
		return false
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// attemptError is an attempt that failed.
type attemptError struct {
	told  *orchestrate.ToolError
	retry bool
	after time.Duration // to wait before the next; < 0: not said
}

// classify makes one of what the SDK returns.
func (m *endpoint) classify(ctx context.Context, err error) *attemptError {
	what := "the model " + m.Model
	var api *sdk.Error
	if !errors.As(err, &api) {
		return &attemptError{told: networkFailure(ctx, what, err), retry: !isRefused(err), after: -1}
	}
	out := &attemptError{after: -1}
	status := api.StatusCode
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		// What the endpoint says here may quote the key.
		out.told = failure(orchestrate.Failed, nil, "%s: the endpoint answers %d: the key is missing, wrong or not allowed this", what, status)
		return out
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == http.StatusConflict || status >= 500:
		out.retry = true
	}
	kind := orchestrate.Failed
	if out.retry {
		kind = orchestrate.Unavailable
	}
	text, _ := orchestrate.CutText(m.redact(api.Message), 400)
	if text == "" {
		text = http.StatusText(status)
	}
	out.told = failure(kind, nil, "%s: the endpoint answers %d: %s", what, status, text)
	if api.Response != nil {
		out.after = retryAfter(api.Response.Header.Get("Retry-After"), time.Now())
	}
	return out
}

func isRefused(err error) bool {
	var refused *netguard.Error
	return errors.As(err, &refused)
}

// retryAfter reads the header of that name (RFC 9110, 10.2.3): seconds or a
// date; -1 where there is none.
func retryAfter(v string, now time.Time) time.Duration {
	if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(t.Sub(now), 0)
	}
	return -1
}
