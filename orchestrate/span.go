package orchestrate

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// All that has to do with OpenTelemetry stands in this file. The names are those
// of its semantic conventions for generative AI (open-telemetry/
// semantic-conventions-genai, status development): a run is the span
// "invoke_agent orchrt", below it are "chat MODEL" for each turn and
// "execute_tool NAME" for each call, below those "chat MODEL" of other models. No
// span holds what was said. Where there is no Tracer nothing is made.

// The attributes of the conventions, and our own.
const (
	attrOperation  = attribute.Key("gen_ai.operation.name")
	attrProvider   = attribute.Key("gen_ai.provider.name")
	attrModel      = attribute.Key("gen_ai.request.model")
	attrMaxTokens  = attribute.Key("gen_ai.request.max_tokens")
	attrTemp       = attribute.Key("gen_ai.request.temperature")
	attrTopP       = attribute.Key("gen_ai.request.top_p")
	attrStream     = attribute.Key("gen_ai.request.stream")
	attrResponse   = attribute.Key("gen_ai.response.model")
	attrFinish     = attribute.Key("gen_ai.response.finish_reasons")
	attrInput      = attribute.Key("gen_ai.usage.input_tokens")
	attrOutput     = attribute.Key("gen_ai.usage.output_tokens")
	attrCached     = attribute.Key("gen_ai.usage.cache_read.input_tokens")
	attrReasoning  = attribute.Key("gen_ai.usage.reasoning.output_tokens")
	attrRun        = attribute.Key("gen_ai.conversation.id")
	attrAgent      = attribute.Key("gen_ai.agent.name")
	attrTool       = attribute.Key("gen_ai.tool.name")
	attrToolType   = attribute.Key("gen_ai.tool.type")
	attrToolCall   = attribute.Key("gen_ai.tool.call.id")
	attrErrorType  = attribute.Key("error.type")
	attrServer     = attribute.Key("server.address")
	attrServerPort = attribute.Key("server.port")
	attrUSD        = attribute.Key("orchrt.cost.usd")
	attrRounds     = attribute.Key("orchrt.rounds")
	attrRound      = attribute.Key("orchrt.round")
)

// SpanScope is the name of the instrumentation, for who makes a Tracer.
const SpanScope = "orchrt"

// fail marks a span as failed; err nil marks nothing.
func fail(s trace.Span, kind string, err error) {
	if kind == "" && err == nil {
		return
	}
	if kind == "" {
		kind = "_OTHER"
	}
	s.SetAttributes(attrErrorType.String(kind))
	s.SetStatus(codes.Error, kind) // not err's text: it may quote what a tool or a model said
}

// spanRun opens the span of a run.
func (x *run) spanRun(ctx context.Context) (context.Context, func(*Run, error)) {
	if x.r.Tracer == nil {
		return ctx, func(*Run, error) {}
	}
	ctx, s := x.r.Tracer.Start(ctx, "invoke_agent orchrt", trace.WithAttributes(attrOperation.String("invoke_agent"), attrProvider.String("orchrt"),
		attrAgent.String("orchrt"), attrModel.String(x.r.Model), attrRun.String(x.rec.ID)))
	return ctx, func(r *Run, err error) {
		t := r.Ledger.Total()
		s.SetAttributes(attrFinish.StringSlice([]string{r.Finish}), attrRounds.Int(r.Rounds), attrInput.Int(t.Input), attrOutput.Int(t.Output), attrUSD.Float64(t.USD))
		kind := ""
		if err != nil {
			kind = r.Finish
		}
		fail(s, kind, err)
		s.End()
	}
}

// spanTurn opens the span of a turn of the policy.
func (x *run) spanTurn(ctx context.Context, rd Round, r *PolicyRequest) (context.Context, func(*PolicyTurn, error)) {
	if x.r.Tracer == nil {
		return ctx, func(*PolicyTurn, error) {}
	}
	ctx, s := x.r.Tracer.Start(ctx, "chat "+x.r.Model, trace.WithAttributes(attrOperation.String("chat"), attrProvider.String("orchrt"),
		attrModel.String(x.r.Model), attrRun.String(x.rec.ID), attrRound.Int(rd.N)))
	if r.MaxTokens > 0 {
		s.SetAttributes(attrMaxTokens.Int(r.MaxTokens))
	}
	if t := r.Sampling.Temperature; t != nil {
		s.SetAttributes(attrTemp.Float64(*t))
	}
	if p := r.Sampling.TopP; p != nil {
		s.SetAttributes(attrTopP.Float64(*p))
	}
	return ctx, func(t *PolicyTurn, err error) {
		spanUsage(s, t.Usage, t.Finish)
		kind := ""
		if ctx.Err() != nil && err != nil {
			kind = string(Timeout)
		}
		fail(s, kind, err)
		s.End()
	}
}

// spanUsage tells what a model used.
func spanUsage(s trace.Span, u ModelUsage, finish string) {
	s.SetAttributes(attrInput.Int(u.Input), attrOutput.Int(u.Output), attrCached.Int(u.Cached), attrReasoning.Int(u.Think))
	if u.Model != "" {
		s.SetAttributes(attrResponse.String(u.Model))
	}
	if finish != "" {
		s.SetAttributes(attrFinish.StringSlice([]string{finish}))
	}
}

// spanCall opens the span of a call.
func (x *run) spanCall(ctx context.Context, c *call) (context.Context, func(*call)) {
	if x.r.Tracer == nil {
		return ctx, func(*call) {}
	}
	kind := "function"
	if c.Tool.Server != "" {
		kind = "extension" // executed by a server of its own
	}
	ctx, s := x.r.Tracer.Start(ctx, "execute_tool "+c.Tool.Name, trace.WithAttributes(attrOperation.String("execute_tool"), attrProvider.String("orchrt"),
		attrTool.String(c.Tool.Name), attrToolType.String(kind), attrToolCall.String(c.Call.ID), attrRun.String(x.rec.ID), attrRound.Int(c.round)))
	return ctx, func(c *call) {
		var usd float64
		failure := ErrorKind("")
		for _, e := range c.entries {
			usd += e.USD
			failure = e.Error
		}
		s.SetAttributes(attrUSD.Float64(usd))
		fail(s, string(failure), nil)
		s.End()
	}
}

// ModelSpan is a request to another model.
type ModelSpan struct {
	Model     string
	Host      string // of the endpoint
	Port      int
	MaxTokens int
}

// Start opens the span "chat MODEL" below that of ctx, if that is one; ended
// takes what came of it. Header is what tells the endpoint of the span, "" for
// none.
func (m ModelSpan) Start(ctx context.Context) (inner context.Context, header string, ended func(u []ModelUsage, finish string, kind ErrorKind)) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, "", func([]ModelUsage, string, ErrorKind) {}
	}
	ctx, s := parent.TracerProvider().Tracer(SpanScope).Start(ctx, "chat "+m.Model, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attrOperation.String("chat"), attrProvider.String("openai"), attrModel.String(m.Model), attrServer.String(m.Host),
			attrServerPort.Int(m.Port), attrMaxTokens.Int(m.MaxTokens), attrStream.Bool(true)))
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return ctx, carrier["traceparent"], func(us []ModelUsage, finish string, kind ErrorKind) {
		for _, u := range us {
			spanUsage(s, u, finish)
		}
		fail(s, string(kind), nil)
		s.End()
	}
}

// ServeSpan opens the span of a request that a server answers with a model,
// below the one that traceparent, a header of the request, names. ended takes
// the usage and the code of an error.
func ServeSpan(ctx context.Context, t trace.Tracer, traceparent, model string, stream bool) (inner context.Context, ended func(u ModelUsage, finish, failure string)) {
	if t == nil {
		return ctx, func(ModelUsage, string, string) {}
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
	ctx, s := t.Start(ctx, "chat "+model, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attrOperation.String("chat"), attrProvider.String("orchrt"), attrModel.String(model), attrStream.Bool(stream)))
	return ctx, func(u ModelUsage, finish, failure string) {
		spanUsage(s, u, finish)
		fail(s, failure, nil)
		s.End()
	}
}

// TraceMeta is the _meta of a request to an MCP server, which tells it of the
// span of ctx; nil where there is none.
func TraceMeta(ctx context.Context) map[string]any {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return nil
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return map[string]any{"traceparent": carrier["traceparent"]}
}
