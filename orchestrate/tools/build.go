package tools

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"orchrt/orchestrate"
)

// kinds are the types of tools, by the name that a configuration gives them.
func kinds() map[string]func() spec {
	return map[string]func() spec{
		"model":      func() spec { return new(modelTool) },
		"experts":    func() spec { return new(expertsTool) },
		"http":       func() spec { return new(httpConfig) },
		"mcp":        func() spec { return new(mcpConfig) },
		"command":    func() spec { return new(commandConfig) },
		"code":       func() spec { return new(codeConfig) },
		"calculator": func() spec { return new(calculatorConfig) },
		"clock":      func() spec { return new(clockConfig) },
		"files":      func() spec { return new(filesConfig) },
	}
}

// toolName is what OpenAI's API and the prompt take as a name.
var toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// config reads the whole file.
func (d *decoder) config(root *yaml.Node) *Config {
	var f file
	if root.Kind == yaml.MappingNode && keyOf(root, "tools") == nil && keyOf(root, "mcpServers") != nil {
		d.lenient = true // another program's file, with keys of its own
	}
	d.mapping(root, "the file", &f)
	d.lenient = false
	if f.Version > 1 || f.Version < 0 {
		d.fail(1, "version is %d; this program reads version 1", f.Version)
	}
	c := &Config{Path: d.path, models: d.models(f.Models)}
	c.tools = append(d.tools(f.Tools, c.models), d.servers(f.MCPServers)...)
	if len(c.tools) == 0 && len(d.faults) == 0 {
		d.fail(root.Line, "no tools: add a list called tools, or a mapping called mcpServers")
	}
	for _, t := range c.tools {
		d.finish(t, f.Defaults)
	}
	d.unique(c.tools)
	c.secrets, c.Notes = d.secrets, d.notes
	return c
}

// keyOf is the value of a mapping's key; nil: there is none.
func keyOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// models reads the endpoints, and checks what they refer to.
func (d *decoder) models(n *yaml.Node) map[string]*modelConfig {
	out := make(map[string]*modelConfig)
	if n == nil {
		return out
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n.Line, "models is %s, want a mapping of names and endpoints", kindName(n))
		return out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, at := n.Content[i].Value, n.Content[i+1]
		if out[name] != nil {
			d.fail(n.Content[i].Line, "models has %s twice", name)
		}
		m := &modelConfig{name: name, line: n.Content[i].Line}
		what := "model " + name
		if d.literal(at, what, "api_key", "${OPENAI_API_KEY} or ${file:PATH}") {
			d.mapping(at, what, m)
			m.check(d)
		}
		out[name] = m
	}
	for _, m := range out {
		for _, f := range m.Fallback {
			if out[f] == nil || f == m.name {
				d.fail(m.line, "model %s: fallback %q is not another name under models; there are %s", m.name, f, nameList(out))
			}
		}
	}
	return out
}

// literal reports a key whose value must come from outside the file.
func (d *decoder) literal(n *yaml.Node, what, key, want string) bool {
	if n.Kind != yaml.MappingNode {
		return true // mapping says so
	}
	if v := keyOf(n, key); v != nil && !strings.Contains(v.Value, "${") {
		d.fail(v.Line, "%s: %s stands in the file itself; write %s", what, key, want)
		return false
	}
	return true
}

func nameList(models map[string]*modelConfig) string {
	if len(models) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(models)), ", ")
}

// tools reads the list of tools.
func (d *decoder) tools(n *yaml.Node, models map[string]*modelConfig) (out []*toolConfig) {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		d.fail(n.Line, "tools is %s, want a list", kindName(n))
		return nil
	}
	for i, c := range n.Content {
		if t := d.tool(c, i); t != nil {
			if u, ok := t.spec.(interface {
				bind(*decoder, *toolConfig, map[string]*modelConfig)
			}); ok {
				u.bind(d, t, models)
			}
			out = append(out, t)
		}
	}
	return out
}

// tool reads one tool: first its type, then the keys of it.
func (d *decoder) tool(n *yaml.Node, i int) *toolConfig {
	what := fmt.Sprintf("tools[%d]", i)
	if n.Kind != yaml.MappingNode {
		d.fail(n.Line, "%s is %s, want a mapping with name and type", what, kindName(n))
		return nil
	}
	if name := keyOf(n, "name"); name != nil {
		what = "tool " + name.Value
	}
	all := kinds()
	kind := keyOf(n, "type")
	if kind == nil || all[kind.Value] == nil {
		d.fail(n.Line, "%s: type is missing or unknown; there are %s", what, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		return nil
	}
	t := &toolConfig{line: n.Line, dir: d.dir, spec: all[kind.Value]()}
	d.mapping(n, what, &t.common, t.spec)
	return t
}

// finish checks a tool and fills in what it leaves to the defaults.
func (d *decoder) finish(t *toolConfig, defaults Defaults) {
	t.spec.check(d, t)
	what := "tool " + t.Name
	switch {
	case t.Name == "":
		d.fail(t.line, "a tool of type %s has no name", t.Type)
	case !toolName.MatchString(t.Name):
		d.fail(t.line, "%s: a name is 1 to 64 letters, digits, - and _", what)
	}
	if _, isMCP := t.spec.(*mcpConfig); !isMCP && t.Description == "" && t.Role == "" {
		d.fail(t.line, "%s has no description; the model chooses by it", what)
	}
	for key, raw := range map[string]json.RawMessage{"parameters": t.Parameters, "grammar": t.Grammar} {
		if fault := schemaFault(raw); fault != "" {
			d.fail(t.line, "%s: %s %s", what, key, fault)
		}
	}
	d.price(t.line, what, t.Price)
	d.role(t)
	if t.Timeout == 0 {
		t.Timeout = defaults.Timeout
	}
	if t.Timeout == 0 {
		t.Timeout = Duration(orchestrate.DefaultTimeout)
	}
	if t.MaxResult == 0 {
		t.MaxResult = defaults.MaxResult
	}
	if t.Approval == nil {
		t.Approval = defaults.Approval
	}
	if t.Approval == nil {
		a := orchestrate.Ask
		if h, ok := t.spec.(interface{ harmless() bool }); ok && h.harmless() {
			a = orchestrate.Auto
		}
		t.Approval = &a
	}
}

// price reports a price below zero.
func (d *decoder) price(line int, what string, p orchestrate.Price) {
	read := 0.0
	if p.CacheRead != nil {
		read = *p.CacheRead
	}
	if min(p.Input, p.Output, read, p.PerQuery, p.PerRequest, p.PerSecond) < 0 {
		d.fail(line, "%s: a price is below 0; prices are dollars per unit", what)
	}
}

// role checks that a role goes with a type of tool that can play it.
func (d *decoder) role(t *toolConfig) {
	_, experts := t.spec.(*expertsTool)
	switch orchestrate.Role(t.Role) {
	case "":
		if experts {
			d.fail(t.line, "tool %s: a tool of type experts needs a role: reason, answer, search or expert", t.Name)
		}
	case orchestrate.RoleReason, orchestrate.RoleAnswer, orchestrate.RoleSearch, orchestrate.RoleExpert:
		if !experts {
			d.fail(t.line, "tool %s: role %s is for tools of type experts", t.Name, t.Role)
		}
	case orchestrate.RoleCode, orchestrate.RoleRetrieve:
		if experts {
			d.fail(t.line, "tool %s: role %s is not for tools of type experts", t.Name, t.Role)
		}
	default:
		d.fail(t.line, "tool %s: role %q is unknown; there are reason, answer, search, expert, code, retrieve", t.Name, t.Role)
	}
}

// schemaFault says what is wrong with a schema of arguments; "" where nothing is.
func schemaFault(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	var s struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(raw, &s) != nil || s.Type != "object" {
		return "is not a JSON Schema of an object; it begins with type: object"
	}
	return compileFault(raw)
}

// unique reports names that two tools share.
func (d *decoder) unique(tools []*toolConfig) {
	first := make(map[string]int)
	for _, t := range tools {
		if line, ok := first[t.Name]; ok && t.Name != "" {
			d.fail(t.line, "the name %s is taken by the tool of line %d", t.Name, line)
			continue
		}
		first[t.Name] = t.line
	}
}

// base is the tool as its configuration describes it, without an executor.
func (t *toolConfig) base() orchestrate.Tool {
	return orchestrate.Tool{
		Name: t.Name, Description: t.Description, Schema: t.Parameters, Grammar: t.Grammar,
		Price: t.Price, Latency: time.Duration(t.Latency), Timeout: time.Duration(t.Timeout),
		MaxResult: int(t.MaxResult), Approval: *t.Approval, Role: orchestrate.Role(t.Role),
	}
}

// one is a source of a single tool.
func one(t orchestrate.Tool) source {
	return func() []orchestrate.Tool { return []orchestrate.Tool{t} }
}
