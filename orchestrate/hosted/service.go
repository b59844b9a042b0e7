package hosted

import (
	"cmp"
	"io"
	"slices"

	"go.opentelemetry.io/otel/trace"

	"orchrt/orchestrate"
	"orchrt/orchestrate/openai"
	"orchrt/sampler/grammar"
)

// Service answers requests of one server. Its fields do not change while it is
// in use; it is safe for concurrent use.
type Service struct {
	Tools   func() []orchestrate.Tool // as they are now
	Secrets []string                  // cut out of all that tools give
	Profile orchestrate.Profile
	// OnRequest leaves requests alone that do not ask for the tools themselves.
	OnRequest bool

	Price     orchestrate.Price   // of the model's tokens and seconds
	Limits    orchestrate.Limits  // of each request
	Budget    *orchestrate.Budget // of all requests together; nil: none
	MaxRounds int                 // of each request; 0: the Runner's
	Grants    *orchestrate.Grants
	Approvals *Approvals
	Memory    *Memory

	// Trace opens the trace of a run; nil: none is written.
	Trace  func(run string) (io.WriteCloser, error)
	Tracer trace.Tracer // nil: no spans
	// Observe, if not nil, sees all events of all runs; calls come at the same time.
	Observe func(orchestrate.Event)
}

// DefaultLabel is the server label of tools that are of no MCP server.
const DefaultLabel = "orchrt"

// Wants reports that the server's tools are for this request.
func (s *Service) Wants(r *openai.ChatRequest) bool {
	if o := r.Orchestration; o != nil && o.Tools != nil {
		return *o.Tools
	}
	return !s.OnRequest && r.Turn.Choice != grammar.None
}

// Client says who asks, and how an answer to approvals can come.
type Client struct {
	Owner string // whose approvals and memories these are
	// Defers says that calls which need approval end the answer, and that the
	// client decides in its next request.
	Defers bool
}

// Chat prepares a request with the server's tools.
func (s *Service) Chat(b *openai.Backend, r *openai.ChatRequest, c Client) (*openai.Job, *openai.Error) {
	o := r.Orchestration
	if o == nil {
		o = &openai.Orchestration{}
	}
	q := &question{s: s, b: b, r: r, c: c, o: o, messages: s.Memory.restore(c.Owner, r.Messages)}
	if err := q.chooseTools(); err != nil {
		return nil, err
	}
	if err := q.setOptions(); err != nil {
		return nil, err
	}
	q.lead = &openai.Lead{Run: q.run}
	job, err := b.Lead(r, q.lead)
	if err != nil {
		return nil, err
	}
	q.seed(job)
	job.Warnings = append(job.Warnings, q.notes...)
	return job, nil
}

// label is the server label of a tool.
func label(t *orchestrate.Tool) string { return cmp.Or(t.Server, DefaultLabel) }

// chooseTools puts the server's tools and the client's together.
func (q *question) chooseTools() *openai.Error {
	own := slices.Clone(q.s.Tools())
	if err := q.chooseServers(&own); err != nil {
		return err
	}
	names := make([]string, len(own))
	q.labels = make(map[string]string, len(own))
	for i := range own {
		names[i] = own[i].Name
		q.labels[names[i]] = label(&own[i])
	}
	if err := q.r.CheckChoice(names...); err != nil {
		return err
	}
	for _, t := range own {
		if slices.ContainsFunc(q.r.Turn.Tools, func(c grammar.Tool) bool { return c.Name == t.Name }) {
			q.notes = append(q.notes, "the client's tool "+t.Name+" stands in for the server's of this name")
			continue
		}
		q.add(t)
	}
	for i, t := range q.r.Turn.Tools {
		delete(q.labels, t.Name)
		q.add(orchestrate.Tool{Name: t.Name, Source: q.r.Tools[i], Grammar: t.Parameters, Strict: t.Strict})
	}
	return nil
}

// add offers a tool, unless tool_choice leaves it out.
func (q *question) add(t orchestrate.Tool) {
	if allowed := q.r.Turn.Allowed; allowed == nil || slices.Contains(allowed, t.Name) {
		q.tools = append(q.tools, t)
	}
}

// chooseServers keeps the tools of the labels that a request names, where it
// names any.
func (q *question) chooseServers(own *[]orchestrate.Tool) *openai.Error {
	if len(q.o.Servers) == 0 {
		return nil
	}
	var kept []orchestrate.Tool
	for _, choice := range q.o.Servers {
		var labels []string
		known := map[string]bool{}
		found := false
		for _, t := range *own {
			labels = append(labels, label(&t))
			if label(&t) != choice.Label {
				continue
			}
			found, known[t.Name] = true, true
			if choice.Allow != nil && !slices.Contains(choice.Allow, t.Name) {
				continue
			}
			if choice.Ask && (choice.AskNames == nil || slices.Contains(choice.AskNames, t.Name)) {
				t.Approval = max(t.Approval, orchestrate.Ask)
			}
			kept = append(kept, t)
		}
		if !found {
			slices.Sort(labels)
			return openai.Invalid("tools", openai.CodeInvalidValue, `"server_label" is %q; this server has %q`, openai.Clip(choice.Label), slices.Compact(labels))
		}
		for _, name := range slices.Concat(choice.Allow, choice.AskNames) {
			if !known[name] {
				return openai.Invalid("tools", openai.CodeInvalidValue, "the tools of %q have none of the name %q", choice.Label, openai.Clip(name))
			}
		}
	}
	seen := map[string]bool{}
	*own = slices.DeleteFunc(kept, func(t orchestrate.Tool) bool {
		twice := seen[t.Name]
		seen[t.Name] = true
		return twice
	})
	return nil
}

// Has reports a tool of the server.
func (s *Service) Has(name string) bool {
	return slices.ContainsFunc(s.Tools(), func(t orchestrate.Tool) bool { return t.Name == name })
}
