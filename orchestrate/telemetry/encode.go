package telemetry

import (
	"math"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/protobuf/encoding/protowire"
)

// message is a Protobuf message under construction.
type message []byte

func (m *message) bytes(field protowire.Number, b []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), b)
}

func (m *message) text(field protowire.Number, s string) {
	if s != "" {
		m.bytes(field, []byte(s))
	}
}

func (m *message) varint(field protowire.Number, v uint64) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), v)
}

func (m *message) fixed64(field protowire.Number, v uint64) {
	*m = protowire.AppendFixed64(protowire.AppendTag(*m, field, protowire.Fixed64Type), v)
}

func (m *message) fixed32(field protowire.Number, v uint32) {
	*m = protowire.AppendFixed32(protowire.AppendTag(*m, field, protowire.Fixed32Type), v)
}

// attributes adds KeyValue messages.
func (m *message) attributes(field protowire.Number, list []attribute.KeyValue) {
	for _, kv := range list {
		var e message
		e.text(1, string(kv.Key))
		e.bytes(2, anyValue(kv.Value))
		m.bytes(field, e)
	}
}

// encode is an ExportTraceServiceRequest (opentelemetry/proto/collector/trace/v1
// and opentelemetry/proto/trace/v1): the spans of one tracer, which have their
// resource and scope in common. Our spans have neither events nor links.
func encode(spans []sdktrace.ReadOnlySpan) []byte {
	if len(spans) == 0 {
		return nil
	}
	first := spans[0]
	var resource, scope, scoped, resourced, request message
	resource.attributes(1, first.Resource().Attributes())
	scope.text(1, first.InstrumentationScope().Name)
	scope.text(2, first.InstrumentationScope().Version)
	scoped.bytes(1, scope)
	for _, s := range spans {
		scoped.bytes(2, span(s))
	}
	resourced.bytes(1, resource)
	resourced.bytes(2, scoped)
	resourced.text(3, first.Resource().SchemaURL())
	request.bytes(1, resourced)
	return request
}

// span is a Span message.
func span(s sdktrace.ReadOnlySpan) message {
	var m message
	c, parent := s.SpanContext(), s.Parent()
	trace, id := c.TraceID(), c.SpanID()
	m.bytes(1, trace[:])
	m.bytes(2, id[:])
	m.text(3, c.TraceState().String())
	flags := uint32(c.TraceFlags()) | 0x100 // it is known whether the parent is remote
	if parent.HasSpanID() {
		id := parent.SpanID()
		m.bytes(4, id[:])
		if parent.IsRemote() {
			flags |= 0x200
		}
	}
	m.text(5, s.Name())
	m.varint(6, uint64(s.SpanKind())) // the numbers are the same
	m.fixed64(7, uint64(s.StartTime().UnixNano()))
	m.fixed64(8, uint64(s.EndTime().UnixNano()))
	m.attributes(9, s.Attributes())
	if n := s.DroppedAttributes(); n > 0 {
		m.varint(10, uint64(n))
	}
	var status message
	switch st := s.Status(); st.Code {
	case codes.Error:
		status.text(2, st.Description)
		status.varint(3, 2)
	case codes.Ok:
		status.varint(3, 1)
	}
	m.bytes(15, status)
	m.fixed32(16, flags)
	return m
}

// anyValue is an AnyValue message.
func anyValue(v attribute.Value) message {
	var m message
	switch v.Type() {
	case attribute.BOOL:
		m.varint(2, protowire.EncodeBool(v.AsBool()))
	case attribute.INT64:
		m.varint(3, uint64(v.AsInt64()))
	case attribute.FLOAT64:
		m.fixed64(4, math.Float64bits(v.AsFloat64()))
	case attribute.STRINGSLICE:
		var list message
		for _, s := range v.AsStringSlice() {
			var e message
			e.bytes(1, []byte(s))
			list.bytes(1, e)
		}
		m.bytes(5, list)
	default:
		m.bytes(1, []byte(v.String()))
	}
	return m
}
