package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"orchrt/orchestrate"
)

// httpTool makes the requests.
type httpTool struct {
	*httpConfig
	client *http.Client
	name   string
}

// Call implements orchestrate.Executor.
func (h *httpTool) Call(ctx context.Context, raw json.RawMessage) (orchestrate.Result, error) {
	args, err := h.params.arguments(raw)
	if err != nil {
		return orchestrate.Result{}, err
	}
	for n := 0; ; n++ {
		r, err := h.request(ctx, args, raw)
		if err != nil {
			return orchestrate.Result{}, err
		}
		result, again, err := h.send(ctx, r)
		if again < 0 || n >= h.Retries {
			return result, err
		}
		t := time.NewTimer(again + 250*time.Millisecond<<n)
		select {
		case <-ctx.Done():
			t.Stop()
			return result, ended(ctx, "the request")
		case <-t.C:
		}
	}
}

// request puts the arguments in.
func (h *httpTool) request(ctx context.Context, args arguments, raw json.RawMessage) (*http.Request, error) {
	u, err := h.url.fill(args)
	if err != nil {
		return nil, err
	}
	if len(h.query) > 0 {
		u.RawQuery = strings.Trim(u.RawQuery+"&"+present(h.query, args).Encode(), "&")
	}
	var body []byte
	kind := h.ContentType
	or := func(s string) {
		if kind == "" {
			kind = s
		}
	}
	switch {
	case len(h.JSON) > 0:
		if body, err = fillJSON(h.JSON, args); err != nil {
			return nil, err
		}
		or("application/json")
	case h.Form != nil:
		body = []byte(present(h.form, args).Encode())
		or("application/x-www-form-urlencoded")
	case h.Body != "":
		body = []byte(h.body.fill(args, nil))
		or("text/plain; charset=utf-8")
	case !h.harmless() && h.Method != http.MethodDelete:
		body = raw
		or("application/json")
	}
	r, err := http.NewRequestWithContext(ctx, h.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, invalid("the arguments make no valid request")
	}
	if body != nil {
		r.Header.Set("Content-Type", kind)
	}
	r.Header.Set("User-Agent", "orchrt")
	for k, v := range h.Headers {
		r.Header.Set(k, string(v))
	}
	return r, nil
}

// present fills the templates all of whose arguments are there.
func present(list map[string]template, args arguments) url.Values {
	v := make(url.Values)
	for _, k := range slices.Sorted(maps.Keys(list)) {
		if t := list[k]; t.missing(args) == "" {
			v.Set(k, t.fill(args, nil))
		}
	}
	return v
}

// send makes a request. Again is how long to wait before another try; < 0: none
// is worth it.
func (h *httpTool) send(ctx context.Context, r *http.Request) (out orchestrate.Result, again time.Duration, err error) {
	resp, err := h.client.Do(r)
	if err != nil {
		f := networkFailure(ctx, "the request", err)
		if f.Kind == orchestrate.Unavailable {
			return out, 0, f
		}
		return out, -1, f
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return out, -1, networkFailure(ctx, "the answer", err)
	}
	out.Queries = 1
	out.Record = map[string]any{"status": resp.StatusCode, "bytes": len(body)}
	if resp.StatusCode >= 400 {
		text, _ := orchestrate.CutText(strings.ToValidUTF8(string(body), "\uFFFD"), 1000)
		switch resp.StatusCode {
		case 429, 502, 503, 504:
			f := failure(orchestrate.Unavailable, nil, "the server answers %s: %s", resp.Status, text)
			return out, max(retryAfter(resp.Header.Get("Retry-After"), time.Now()), 0), f
		}
		return out, -1, failure(orchestrate.Failed, nil, "the server answers %s: %s", resp.Status, text)
	}
	return out, -1, h.read(&out, body)
}

// read takes the result out of a body.
func (h *httpTool) read(out *orchestrate.Result, body []byte) error {
	if h.Result == "" {
		out.Text = string(body)
		return nil
	}
	if !json.Valid(body) {
		return failure(orchestrate.Failed, nil, "the server's answer is not JSON")
	}
	found := h.result.find(body)
	if len(found) == 0 {
		return failure(orchestrate.Failed, nil, "the server's answer has nothing at %s", h.Result)
	}
	if h.result.single() {
		out.Text = plainText(found[0])
		if json.Unmarshal(found[0], new([]string)) == nil {
			out.Data = found[0]
		}
		return nil
	}
	texts := make([]string, len(found))
	for i, v := range found {
		texts[i] = plainText(v)
	}
	out.Text = strings.Join(texts, "\n")
	out.Data, _ = json.Marshal(texts) // of strings cannot fail
	return nil
}
