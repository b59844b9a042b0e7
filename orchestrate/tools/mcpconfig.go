package tools

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"orchrt/orchestrate"
	"orchrt/orchestrate/netguard"
)

// mcpConfig is an MCP server: a program that speaks over its standard input and
// output, or a URL that speaks streamable HTTP.
type mcpConfig struct {
	Command      []string               `yaml:"command"`
	Dir          string                 `yaml:"dir"`
	Env          map[string]Secret      `yaml:"env,secret"`
	Inherit      []string               `yaml:"inherit"`
	URL          string                 `yaml:"url,secret"`
	Headers      map[string]Secret      `yaml:"headers,secret"`
	AllowHosts   []string               `yaml:"allow_hosts"`
	Prefix       *string                `yaml:"prefix"` // of the tools' names; default: the name and _
	Allow        []string               `yaml:"allow"`  // patterns of its tools' own names
	Deny         []string               `yaml:"deny"`
	Overrides    map[string]mcpOverride `yaml:"tools"` // by own name
	StartTimeout Duration               `yaml:"start_timeout"`
	MaxMessage   Size                   `yaml:"max_message"`
	Optional     bool                   `yaml:"optional"` // go on without it where it does not start

	allow []netguard.Allow
	auto  []string // own names that another program's file calls approved
}

// mcpOverride is what the configuration says of one tool of a server.
type mcpOverride struct {
	Approval  *orchestrate.Approval `yaml:"approval"`
	Price     *orchestrate.Price    `yaml:"price"`
	Latency   Duration              `yaml:"latency"`
	Timeout   Duration              `yaml:"timeout"`
	MaxResult Size                  `yaml:"max_result"`
	Role      string                `yaml:"role"`
}

// check implements spec.
func (c *mcpConfig) check(d *decoder, t *toolConfig) {
	what := "tool " + t.Name
	if (len(c.Command) == 0) == (c.URL == "") {
		d.fail(t.line, "%s: want either command, a list, or url", what)
	}
	if len(t.Parameters) > 0 || len(t.Grammar) > 0 || t.Role != "" {
		d.fail(t.line, "%s: the server says what the parameters of its tools are; a role goes under tools", what)
	}
	if c.URL != "" {
		d.endpoint(t.line, what+": url", c.URL)
		c.allow = d.allowed(t.line, what, c.AllowHosts, c.URL)
	}
	if c.Prefix == nil {
		p := t.Name + "_"
		c.Prefix = &p
	}
	for _, p := range slices.Concat(c.Allow, c.Deny) {
		if _, err := path.Match(p, ""); err != nil {
			d.fail(t.line, "%s: %q is no pattern of names", what, p)
		}
	}
	for name, o := range c.Overrides {
		if o.Price != nil {
			d.price(t.line, what+": "+name, *o.Price)
		}
		if o.Role != "" && o.Role != string(orchestrate.RoleCode) && o.Role != string(orchestrate.RoleRetrieve) {
			d.fail(t.line, "%s: %s: role is %q, want code or retrieve", what, name, o.Role)
		}
	}
	if c.StartTimeout == 0 {
		c.StartTimeout = Duration(30 * time.Second)
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = 8 << 20
	}
	d.secrets = append(d.secrets, private(c.Env)...)
	d.secrets = append(d.secrets, private(c.Headers)...)
	for _, v := range private(c.Headers) {
		if _, token, ok := strings.Cut(v, " "); ok { // Bearer …
			d.secrets = append(d.secrets, token)
		}
	}
	c.Dir = d.resolve(c.Dir)
}

// mcpServer is an entry of another program's mcpServers.
type mcpServer struct {
	Type        string            `yaml:"type"`
	Transport   string            `yaml:"transport"`
	Command     string            `yaml:"command"`
	Args        []string          `yaml:"args"`
	Env         map[string]Secret `yaml:"env,secret"`
	Cwd         string            `yaml:"cwd"`
	URL         string            `yaml:"url,secret"`
	ServerURL   string            `yaml:"serverUrl,secret"`
	HTTPURL     string            `yaml:"httpUrl,secret"`
	Headers     map[string]Secret `yaml:"headers,secret"`
	Disabled    bool              `yaml:"disabled"`
	AlwaysAllow []string          `yaml:"alwaysAllow"`
	AutoApprove []string          `yaml:"autoApprove"`
	Include     []string          `yaml:"includeTools"`
	Exclude     []string          `yaml:"excludeTools"`
	Timeout     json.RawMessage   `yaml:"timeout"` // of differing units: not used
	Description string            `yaml:"description,plain"`
}

// servers reads mcpServers as other programs write it.
func (d *decoder) servers(n *yaml.Node) (out []*toolConfig) {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n.Line, "mcpServers is %s, want a mapping of names and servers", kindName(n))
		return nil
	}
	d.lenient = true
	defer func() { d.lenient = false }()
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, at := n.Content[i].Value, n.Content[i+1]
		if v := keyOf(at, "disabled"); v != nil && v.Value == "true" {
			d.notes = append(d.notes, fmt.Sprintf("%s:%d: server %s is disabled", d.path, at.Line, name))
			continue
		}
		var s mcpServer
		d.mapping(at, "server "+name, &s)
		t := &toolConfig{line: n.Content[i].Line, dir: d.dir, common: common{Name: validName(name), Type: "mcp", Description: s.Description}}
		c := &mcpConfig{Env: s.Env, Dir: s.Cwd, Headers: s.Headers, Allow: s.Include, Deny: s.Exclude,
			auto: slices.Concat(s.AlwaysAllow, s.AutoApprove)}
		for _, u := range []string{s.URL, s.ServerURL, s.HTTPURL} {
			if u != "" {
				c.URL = u
			}
		}
		if s.Command != "" {
			c.Command = append([]string{s.Command}, s.Args...)
		}
		if kind := s.Type + s.Transport; kind == "sse" {
			d.fail(t.line, "server %s: the transport sse is no more; use the server's streamable HTTP URL", name)
		}
		t.spec = c
		out = append(out, t)
	}
	return out
}

// validName makes a name that OpenAI's API takes: other characters become _.
func validName(s string) string {
	out := []byte(s)
	for i, c := range out {
		if c != '_' && c != '-' && (c < '0' || c > '9') && (c|32 < 'a' || c|32 > 'z') {
			out[i] = '_'
		}
	}
	if len(out) == 0 {
		return "_"
	}
	return string(out)
}
