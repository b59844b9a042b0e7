package telemetry

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// env is a set of variables.
func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

// TestSettings checks what the variables switch on, off, and what they get wrong.
func TestSettings(t *testing.T) {
	const end = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for _, tt := range []struct {
		name   string
		get    func(string) string
		on, ok bool
	}{
		{"nothing", env(), false, true},
		{"endpoint", env(end, "http://127.0.0.1:1"), true, true},
		{"disabled", env(end, "http://127.0.0.1:1", "OTEL_SDK_DISABLED", "true"), false, true},
		{"none", env(end, "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER", "none"), false, true},
		{"otlp alone", env("OTEL_TRACES_EXPORTER", "otlp"), true, true},
		{"console", env("OTEL_TRACES_EXPORTER", "console"), false, false},
		{"grpc", env(end, "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), false, false},
		{"no URL", env(end, "127.0.0.1:4318"), false, false},
		{"headers", env(end, "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_HEADERS", "key"), false, false},
		{"timeout", env(end, "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT", "1s"), false, false},
		{"certificate", env(end, "https://127.0.0.1:1", "OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere"), false, false},
	} {
		tracer, _, err := Open(context.Background(), tt.get, "1")
		if (tracer != nil) != tt.on || (err == nil) != tt.ok {
			t.Errorf("%s: a tracer %v, error %v", tt.name, tracer != nil, err)
		}
	}
}

// TestSpans has OpenTelemetry's own types read what is sent, after a collector
// that asks for patience once.
func TestSpans(t *testing.T) {
	var got tracepb.TracesData
	asked := 0
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		body, _ := io.ReadAll(z)
		if err := proto.Unmarshal(body, &got); err != nil || r.URL.Path != "/own" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
	}))
	defer hs.Close()
	tracer, stop, err := Open(context.Background(), env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", hs.URL+"/own", "OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"), "1.2")
	if err != nil {
		t.Fatal(err)
	}
	ctx, outer := tracer.Start(context.Background(), "outer", trace.WithSpanKind(trace.SpanKindServer))
	_, inner := tracer.Start(ctx, "inner", trace.WithAttributes(attribute.String("s", "ä"), attribute.Int("i", -3), attribute.Float64("f", 0.5),
		attribute.Bool("b", true), attribute.StringSlice("l", []string{"x", ""})))
	inner.SetStatus(codes.Error, "why")
	inner.End()
	outer.End()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if len(got.ResourceSpans) != 1 || len(got.ResourceSpans[0].ScopeSpans) != 1 || len(got.ResourceSpans[0].ScopeSpans[0].Spans) != 2 {
		t.Fatalf("got %v", &got)
	}
	scope := got.ResourceSpans[0].ScopeSpans[0]
	in, out := scope.Spans[0], scope.Spans[1]
	if scope.Scope.Name != "orchrt" || scope.Scope.Version != "1.2" || in.Name != "inner" || out.Kind != tracepb.Span_SPAN_KIND_SERVER ||
		string(in.ParentSpanId) != string(out.SpanId) || string(in.TraceId) != string(out.TraceId) || len(out.ParentSpanId) != 0 ||
		in.Status.Code != tracepb.Status_STATUS_CODE_ERROR || in.Status.Message != "why" || in.EndTimeUnixNano < in.StartTimeUnixNano || in.StartTimeUnixNano == 0 {
		t.Errorf("spans %v", scope)
	}
	values := map[string]string{}
	for _, kv := range in.Attributes {
		values[kv.Key] = kv.Value.String()
	}
	a := in.Attributes
	if len(a) != 5 || a[0].Value.GetStringValue() != "ä" || a[1].Value.GetIntValue() != -3 || a[2].Value.GetDoubleValue() != 0.5 ||
		!a[3].Value.GetBoolValue() || len(a[4].Value.GetArrayValue().GetValues()) != 2 || a[4].Value.GetArrayValue().Values[0].GetStringValue() != "x" {
		t.Errorf("attributes %v", values)
	}
}
