// Package telemetry sends spans to a collector of OpenTelemetry, as the standard
// OTEL_ variables say.
//
// It speaks OTLP over HTTP with Protobuf bodies, the protocol that the
// specification makes the default. The exporter is written here because the
// official one brings gRPC along, which is a quarter of this program's size; what
// a span's names and attributes are stands in orchestrate/span.go.
package telemetry

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"orchrt/orchestrate"
)

// Open returns a tracer that sends to where the variables say; getenv is
// os.Getenv. Where they ask for nothing the tracer is nil, and spans cost
// nothing. stop sends what is left, for some seconds at most.
//
// OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT switches
// spans on, as does OTEL_TRACES_EXPORTER=otlp with the collector of this machine.
// OTEL_SDK_DISABLED=true and OTEL_TRACES_EXPORTER=none switch them off. Beside
// them HEADERS, TIMEOUT, COMPRESSION, CERTIFICATE, CLIENT_CERTIFICATE and
// CLIENT_KEY are read, each with OTEL_EXPORTER_OTLP_TRACES_ before
// OTEL_EXPORTER_OTLP_, and OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
// OTEL_TRACES_SAMPLER and OTEL_BSP_* by OpenTelemetry's own SDK.
func Open(ctx context.Context, getenv func(string) string, version string) (t trace.Tracer, stop func() error, err error) {
	none := func() error { return nil }
	kind := getenv("OTEL_TRACES_EXPORTER")
	setting := func(name string) string {
		return cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_"+name), getenv("OTEL_EXPORTER_OTLP_"+name))
	}
	switch {
	case strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true"), kind == "none", kind == "" && setting("ENDPOINT") == "":
		return nil, none, nil
	case kind != "" && kind != "otlp":
		return nil, none, fmt.Errorf("OTEL_TRACES_EXPORTER is %q; there are otlp and none", kind)
	}
	x, err := newExporter(setting, getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
	if err != nil {
		return nil, none, err
	}
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "orchrt"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, none, fmt.Errorf("OpenTelemetry: %w", err)
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(x), sdktrace.WithResource(about))
	stop = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			return fmt.Errorf("OpenTelemetry: the last spans could not be sent: %w", err)
		}
		return nil
	}
	return p.Tracer(orchestrate.SpanScope, trace.WithInstrumentationVersion(version)), stop, nil
}
