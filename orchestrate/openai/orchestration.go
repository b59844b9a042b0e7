package openai

import (
	"encoding/json"
	"strconv"
)

// Orchestration is what a request says about tools that the server executes:
// the object "orchrt" of its body, and tools of the type mcp in a Responses
// request. It chooses among what the server's configuration has and tightens
// what that allows.
type Orchestration struct {
	Tools   *bool         // on or off; nil: as the server is set up
	Allow   []string      // only these, by name or pattern; nil: all
	Deny    []string      // not these
	Servers []ServerTools // only those of these; nil: all
	Prefer  string        // how the user wants it done, in words

	USD        float64 // budget of the run; 0: the server's
	Seconds    float64
	MaxPrice   float64 // dollars that a call may cost; 0: no cap
	MaxLatency float64 // seconds that a tool typically takes; 0: no cap
	MaxRounds  int     // turns of the model; 0: the server's
	MaxCalls   int     // calls that are executed; 0: no limit

	Approvals map[string]string // by tool, or * for all: ask or deny
	// Wait keeps the request waiting for answers to questions of approval; else
	// such calls are refused, or deferred to a later request.
	Wait bool
}

// ServerTools are tools of one server label.
type ServerTools struct {
	Label string
	Allow []string // only these; nil: all
	// Ask wants calls approved: of all the tools where AskNames is nil.
	Ask      bool
	AskNames []string
}

// readOrchestration reads the field "orchrt".
func readOrchestration(o *object) *Orchestration {
	raw, ok := o.raw("orchrt")
	if !ok {
		return nil
	}
	f, err := newObject("orchrt", raw)
	if err != nil {
		o.fail(err)
		return nil
	}
	r := &Orchestration{Deny: f.strings("deny"), USD: f.positive("budget_usd"), Seconds: f.positive("budget_seconds"),
		MaxPrice: f.positive("max_price"), MaxLatency: f.positive("max_latency")}
	r.Prefer, _ = f.str("prefer")
	if raw, ok := f.raw("tools"); ok {
		on := raw[0] != 'f'
		if r.Tools = &on; raw[0] == '[' {
			r.Allow = f.strings("tools")
		} else {
			f.boolean("tools", true)
		}
	}
	if n := f.integer("max_rounds", 1, 10_000); n != nil {
		r.MaxRounds = int(*n)
	}
	if n := f.integer("max_calls", 1, 1_000_000); n != nil {
		r.MaxCalls = int(*n)
	}
	switch s, ok := f.str("approve"); {
	case ok && s == "wait":
		r.Wait = true
	case ok && s != "refuse":
		f.fail(invalid(f.in("approve"), CodeInvalidValue, "%q may be %q or %q", f.in("approve"), "wait", "refuse"))
	}
	r.readApprovals(f)
	if err := f.done(); err != nil {
		o.fail(err)
	}
	return r
}

// readApprovals reads approvals, which only tighten.
func (r *Orchestration) readApprovals(f *object) {
	raw, ok := f.raw("approvals")
	if !ok {
		return
	}
	a, err := newObject(f.in("approvals"), raw)
	if err != nil {
		f.fail(err)
		return
	}
	r.Approvals = make(map[string]string)
	for _, e := range a.fields {
		s, _ := a.str(e.name)
		if s != "ask" && s != "deny" {
			a.fail(invalid(a.in(clip(e.name)), CodeInvalidValue, `%q may be "ask" or "deny": a request can only tighten what the server's configuration allows`, a.in(clip(e.name))))
		}
		r.Approvals[e.name] = s
	}
	if err := a.done(); err != nil {
		f.fail(err)
	}
}

// positive reads a number above 0; 0 where it is absent.
func (o *object) positive(name string) float64 {
	v := o.number(name)
	if v == nil {
		return 0
	}
	if *v <= 0 {
		o.fail(invalid(o.in(name), CodeInvalidValue, "%q must be above 0; leave it out for no limit of the request's own", o.in(name)))
	}
	return *v
}

// strings reads an array of strings; nil where it is absent.
func (o *object) strings(name string) []string {
	raw, ok := o.raw(name)
	if !ok {
		return nil
	}
	items, err := elements(o.in(name), raw)
	if err != nil {
		o.fail(err)
		return nil
	}
	out := make([]string, 0, len(items))
	for i, it := range items {
		if it[0] != '"' {
			o.fail(wrongType(o.in(name)+"["+strconv.Itoa(i)+"]", "a string", it))
			return nil
		}
		out = append(out, unquote(it))
	}
	return out
}

// orchestration is the request's, made where there is none yet.
func (r *ResponsesRequest) orchestration() *Orchestration {
	if r.Chat.Orchestration == nil {
		r.Chat.Orchestration = &Orchestration{}
	}
	return r.Chat.Orchestration
}

// serverTool is a tool of type mcp as responses repeat it.
type serverTool struct {
	Type            string          `json:"type"` // "mcp"
	Label           string          `json:"server_label"`
	AllowedTools    json.RawMessage `json:"allowed_tools"`
	RequireApproval json.RawMessage `json:"require_approval"`
}

// serverTools reads a tool of type mcp: tools of a server that this server's
// configuration has. A request cannot bring one of its own.
func (r *ResponsesRequest) serverTools(o *object) *Error {
	const own = "the servers are those of this server's configuration"
	o.only("server_url", own)
	o.only("connector_id", own)
	o.only("tunnel_id", own)
	o.only("headers", own)
	o.only("authorization", own)
	o.only("defer_loading", "tools are not searched for", "false")
	o.only("allowed_callers", "the model calls directly", `["direct"]`)
	o.str("server_description")
	s := ServerTools{}
	label, ok := o.str("server_label")
	if !ok || label == "" {
		o.fail(invalid(o.in("server_label"), CodeMissing, "%q is missing", o.in("server_label")))
	}
	s.Label = label
	echo := serverTool{Type: "mcp", Label: label}
	echo.AllowedTools, _ = o.raw("allowed_tools")
	echo.RequireApproval, _ = o.raw("require_approval")
	s.Allow = o.toolNames("allowed_tools")
	s.readRequire(o)
	if err := o.done(); err != nil {
		return err
	}
	on := true
	q := r.orchestration()
	if q.Tools == nil {
		q.Tools = &on
	}
	q.Servers = append(q.Servers, s)
	r.echo.Tools = append(r.echo.Tools, echo)
	return nil
}

// toolNames reads a list of tools, or an object with one; nil is all.
func (o *object) toolNames(name string) []string {
	raw, ok := o.raw(name)
	if !ok || raw[0] == '[' {
		return o.strings(name)
	}
	f, err := newObject(o.in(name), raw)
	if err != nil {
		o.fail(err)
		return nil
	}
	names := f.strings("tool_names")
	f.only("read_only", "names decide", "false")
	if err := f.done(); err != nil {
		o.fail(err)
	}
	return names
}

// readRequire reads require_approval: always, never, or names. "never" changes
// nothing: a tool that the configuration wants approved is asked about.
func (s *ServerTools) readRequire(o *object) {
	raw, ok := o.raw("require_approval")
	switch {
	case !ok:
	case raw[0] == '"':
		text, _ := o.str("require_approval")
		s.Ask = text == "always"
		if text != "always" && text != "never" {
			o.fail(invalid(o.in("require_approval"), CodeInvalidValue, `%q may be "always", "never" or an object`, o.in("require_approval")))
		}
	default:
		f, err := newObject(o.in("require_approval"), raw)
		if err != nil {
			o.fail(err)
			return
		}
		s.AskNames = f.toolNames("always")
		s.Ask = len(s.AskNames) > 0
		f.toolNames("never")
		if err := f.done(); err != nil {
			o.fail(err)
		}
	}
}
