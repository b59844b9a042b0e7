package tools

import (
	"context"
	"encoding/json"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"orchrt/orchestrate"
	"orchrt/orchestrate/netguard"
)

// httpConfig is a request to an HTTP API.
type httpConfig struct {
	Method      string            `yaml:"method"` // "" is GET, or POST where there is a body
	URL         string            `yaml:"url,secret"`
	Query       map[string]string `yaml:"query,secret"` // left out where its argument is absent
	Headers     map[string]Secret `yaml:"headers,secret"`
	JSON        json.RawMessage   `yaml:"json"` // a body; its strings are templates
	Form        map[string]string `yaml:"form,secret"`
	Body        string            `yaml:"body,secret"` // a body of plain text
	ContentType string            `yaml:"content_type"`
	Result      string            `yaml:"result,plain"` // a path; "": the whole body
	Hosts       []string          `yaml:"hosts"`        // that the URL may lead to where an argument is part of the host
	AllowHosts  []string          `yaml:"allow_hosts"`
	MaxBody     Size              `yaml:"max_body"`
	Retries     int               `yaml:"retries"`

	url     urlTemplate
	query   map[string]template
	form    map[string]template
	body    template
	result  jsonPath
	allow   []netguard.Allow
	params  parameters
	hasBody bool
}

func (c *httpConfig) harmless() bool {
	return c.Method == http.MethodGet || c.Method == http.MethodHead
}

// check implements spec.
func (c *httpConfig) check(d *decoder, t *toolConfig) {
	what := "tool " + t.Name
	bodies := 0
	for _, has := range []bool{len(c.JSON) > 0, c.Form != nil, c.Body != ""} {
		if has {
			bodies++
		}
	}
	c.hasBody = bodies > 0
	if c.Method == "" {
		if c.Method = http.MethodGet; c.hasBody {
			c.Method = http.MethodPost
		}
	}
	if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}, c.Method) {
		d.fail(t.line, "%s: method is %q, want GET, HEAD, POST, PUT, PATCH or DELETE", what, c.Method)
	}
	if bodies > 1 || c.hasBody && c.harmless() {
		d.fail(t.line, "%s: one of json, form and body at most, and none with GET or HEAD", what)
	}
	c.url = d.url(t, c.URL, c.Hosts)
	c.allow = d.allowed(t.line, what, c.AllowHosts, c.URL)
	c.query, c.form = d.templates(t, "query", c.Query), d.templates(t, "form", c.Form)
	c.body = d.template(t, "body", c.Body)
	if len(c.JSON) > 0 {
		d.jsonStrings(t, c.JSON)
	}
	for k := range c.Headers {
		if textproto.TrimString(k) != k || k == "" || strings.ContainsAny(k, " :\r\n") || strings.EqualFold(k, "Host") {
			d.fail(t.line, "%s: %q cannot be a header", what, k)
		}
	}
	if c.Result != "" {
		var err error
		if c.result, err = parsePath(c.Result); err != nil {
			d.fail(t.line, "%s: result: %v", what, err)
		}
	}
	if c.Retries < 0 || c.Retries > 10 || c.Retries > 0 && !c.harmless() {
		d.fail(t.line, "%s: retries is %d, want 0 to 10, and 0 for requests that may change something", what, c.Retries)
	}
	c.params, _ = readParameters(t.Parameters) // schemaFault reports what is wrong
}

func (d *decoder) templates(t *toolConfig, key string, in map[string]string) map[string]template {
	out := make(map[string]template, len(in))
	for k, v := range in {
		out[k] = d.template(t, key+" "+k, v)
	}
	return out
}

// open implements spec.
func (c *httpConfig) open(_ context.Context, s *Set, t *toolConfig) (source, error) {
	g := s.guard(c.allow)
	if c.MaxBody > 0 {
		g.MaxBody = int64(c.MaxBody)
	}
	client := g.Client()
	follow := client.CheckRedirect
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if err := c.url.permits(r.URL.Hostname(), via[0].URL.Hostname()); err != nil {
			return err
		}
		return follow(r, via)
	}
	s.onClose(client.CloseIdleConnections)
	tool := t.base()
	tool.Executor = &httpTool{httpConfig: c, client: client, name: t.Name}
	return one(tool), nil
}

// try implements spec: the host is reached, with no request that it could act on.
func (c *httpConfig) try(ctx context.Context, s *Set, t *toolConfig) (string, error) {
	host := c.url.fixed
	if host == "" {
		return "the URL depends on the arguments: not tried", nil
	}
	client := s.guard(c.allow).Client()
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, host, nil)
	if err != nil {
		return "", err
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(r)
	if err != nil {
		return "", networkFailure(ctx, "the request", err)
	}
	resp.Body.Close()
	return "the host answers", nil
}

var _ orchestrate.Executor = (*httpTool)(nil)
