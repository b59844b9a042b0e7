package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// exporter is a sdktrace.SpanExporter that posts OTLP.
type exporter struct {
	url     string
	headers map[string]string
	timeout time.Duration
	gzip    bool
	client  *http.Client
}

// newExporter reads the settings. traces is an endpoint of spans alone, which is
// taken as it is; to that of all signals the path /v1/traces is added.
func newExporter(setting func(string) string, traces string) (*exporter, error) {
	x := &exporter{url: traces, headers: map[string]string{}, timeout: 10 * time.Second, client: &http.Client{}}
	if p := setting("PROTOCOL"); p != "" && p != "http/protobuf" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q; this program speaks http/protobuf, for which collectors listen at port 4318", p)
	}
	if traces == "" {
		base := setting("ENDPOINT")
		if base == "" {
			base = "http://localhost:4318"
		}
		x.url = strings.TrimRight(base, "/") + "/v1/traces"
	}
	if u, err := url.Parse(x.url); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the endpoint of OTEL_EXPORTER_OTLP_ENDPOINT is no URL of http or https")
	}
	for pair := range strings.SplitSeq(setting("HEADERS"), ",") {
		name, value, ok := strings.Cut(pair, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			if strings.TrimSpace(pair) != "" {
				return nil, errors.New("OTEL_EXPORTER_OTLP_HEADERS is not a list of name=value") // its values are secret
			}
			continue
		}
		if v, err := url.PathUnescape(strings.TrimSpace(value)); err == nil {
			value = v
		}
		x.headers[name] = value
	}
	if s := setting("TIMEOUT"); s != "" {
		ms, err := strconv.Atoi(s)
		if err != nil || ms <= 0 {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_TIMEOUT is %q, want milliseconds", s)
		}
		x.timeout = time.Duration(ms) * time.Millisecond
	}
	switch c := setting("COMPRESSION"); c {
	case "", "none":
	case "gzip":
		x.gzip = true
	default:
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_COMPRESSION is %q; there are gzip and none", c)
	}
	return x, x.certificates(setting)
}

// certificates reads the authority and the client's own certificate.
func (x *exporter) certificates(setting func(string) string) error {
	ca, cert := setting("CERTIFICATE"), setting("CLIENT_CERTIFICATE")
	if ca == "" && cert == "" {
		return nil
	}
	config := &tls.Config{}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %s holds no certificate", ca)
		}
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, setting("CLIENT_KEY"))
		if err != nil {
			return fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	x.client.Transport = &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	return nil
}

// tries is how often spans are sent where the collector asks for patience.
const tries = 4

// ExportSpans implements sdktrace.SpanExporter.
func (x *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithTimeout(ctx, x.timeout)
	defer cancel()
	body := encode(spans)
	if x.gzip {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write(body); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		body = b.Bytes()
	}
	pause := 500 * time.Millisecond
	for n := 1; ; n++ {
		again, wait, err := x.post(ctx, body)
		if err == nil || !again || n == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(max(wait, pause)):
			pause *= 2
		}
	}
}

// post sends once; again says that another try may work, after wait.
func (x *exporter) post(ctx context.Context, body []byte) (again bool, wait time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, x.url, bytes.NewReader(body))
	if err != nil {
		return false, 0, err
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	if x.gzip {
		r.Header.Set("Content-Encoding", "gzip")
	}
	for name, value := range x.headers {
		r.Header.Set(name, value)
	}
	resp, err := x.client.Do(r)
	if err != nil {
		return true, 0, fmt.Errorf("spans: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil && err != io.EOF {
		return false, 0, fmt.Errorf("spans: %w", err)
	}
	if resp.StatusCode/100 == 2 {
		return false, 0, nil
	}
	switch resp.StatusCode { // those that the specification has repeated
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		wait = time.Duration(s) * time.Second
	}
	return again, wait, fmt.Errorf("spans: the collector answers %s", resp.Status)
}

// Shutdown implements sdktrace.SpanExporter.
func (x *exporter) Shutdown(context.Context) error {
	x.client.CloseIdleConnections()
	return nil
}
