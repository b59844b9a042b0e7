package server

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"orchrt/orchestrate"
	"orchrt/orchestrate/hosted"
	"orchrt/orchestrate/openai"
)

// The routes of approvals.
const (
	approvalsRoute = "/v1/approvals"
	approvalRoute  = "/v1/approvals/{id}"
)

// SetTools has chat and responses requests use tools that the server executes.
// It is called before SetBackend.
func (s *Server) SetTools(h *hosted.Service) {
	own := *h
	if own.Approvals == nil {
		own.Approvals = &hosted.Approvals{}
	}
	own.Observe = func(e orchestrate.Event) {
		if h.Observe != nil {
			h.Observe(e)
		}
		if e.Kind == orchestrate.CallEnded && own.Has(e.Call.Name) {
			s.metrics.tool(e.Call.Name, cmp.Or(string(e.Error), "ok"), e.Seconds, e.USD)
		}
	}
	s.hosted.Store(&own)
}

// prepare makes the job of a chat request: one of several turns where the server's
// tools are for it.
func (s *Server) prepare(ctx context.Context, b *openai.Backend, r *openai.ChatRequest, c hosted.Client) (*openai.Job, *openai.Error) {
	h := s.hosted.Load()
	if h != nil && h.Wants(r) {
		return h.Chat(b, r, c)
	}
	if o := r.Orchestration; h == nil && o != nil && (o.Tools == nil || *o.Tools) {
		return nil, openai.Invalid("orchrt", openai.CodeUnsupported, "this server executes no tools: orchrt serve --tools names the file that describes them")
	}
	if h != nil {
		if err := r.CheckChoice(); err != nil {
			return nil, err
		}
	}
	return b.Chat(ctx, r)
}

// span opens the span of a request; ended takes how it ended.
func (s *Server) span(ctx context.Context, r *http.Request, b *openai.Backend, job *openai.Job) (context.Context, func(*entry)) {
	if s.opt.Tracer == nil {
		return ctx, func(*entry) {}
	}
	ctx, ended := orchestrate.ServeSpan(ctx, s.opt.Tracer, r.Header.Get("Traceparent"), b.Names[0], job.Stream)
	return ctx, func(e *entry) {
		u := job.Usage()
		failure := ""
		if e.err != nil {
			failure = e.err.Code
		}
		ended(orchestrate.ModelUsage{Model: b.Names[0], Input: u.PromptTokens, Cached: u.PromptDetails.CachedTokens, Output: u.CompletionTokens,
			Think: u.CompletionDetail.ReasoningTokens}, job.Choices[0].Finish, failure)
	}
}

// listApprovals answers with the questions that requests of the same key wait for.
func (s *Server) listApprovals(w *recorder, r *http.Request, _ *entry) *openai.Error {
	list := []hosted.Approval{}
	if h := s.hosted.Load(); h != nil {
		list = h.Approvals.List(owner(r))
	}
	s.writeJSON(w, http.StatusOK, struct {
		Object string            `json:"object"`
		Data   []hosted.Approval `json:"data"`
	}{"list", list})
	return nil
}

// answerApproval decides a question.
func (s *Server) answerApproval(w *recorder, r *http.Request, _ *entry) *openai.Error {
	body, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	o, err := openai.ReadBody(body)
	if err != nil {
		return err
	}
	if _, ok := o.Raw("approve"); !ok {
		o.Fail(openai.Invalid("approve", openai.CodeMissing, `"approve" is missing: true or false`))
	}
	a := orchestrate.ApprovalAnswer{Approve: o.Bool("approve", false), Remember: o.Bool("remember", false)}
	a.Message, _ = o.String("message")
	if err := o.Done(); err != nil {
		return err
	}
	id := strings.TrimPrefix(r.URL.Path, approvalsRoute+"/")
	if h := s.hosted.Load(); h == nil || !h.Approvals.Answer(owner(r), id, a) {
		return &openai.Error{Status: http.StatusNotFound, Type: openai.TypeInvalidRequest, Code: "approval_not_found",
			Message: "nothing waits for this approval: it has been answered, or its request has ended"}
	}
	s.writeJSON(w, http.StatusOK, map[string]any{"id": id, "object": "approval", "approve": a.Approve})
	return nil
}
