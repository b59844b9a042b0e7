// Package netguard makes HTTP clients for requests whose address somebody else
// has a say in: a model's arguments, a server's redirect, a name's DNS record.
//
// Such a client reaches the public network only. The address is checked when
// the connection is made, after the name has been resolved, so that a name that
// resolves to a loopback address the second time gains nothing, and so for every
// redirect. It speaks http and https, takes no user name from a URL, no proxy
// from the environment, and ends answers that are too long or too slow. What a
// tool's configuration allows beyond that is a list of Allow.
package netguard

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Guard says what a client may reach, and bounds its answers.
type Guard struct {
	Allow     []Allow       // addresses and hosts that are not of the public network
	MaxBody   int64         // bytes of an answer's body, unpacked; 0: DefaultMaxBody, < 0: no bound
	Timeout   time.Duration // of a request with its answer's body; 0: none but the request's context
	Redirects int           // that are followed; 0: DefaultRedirects, < 0: none
	Resolver  *net.Resolver // nil: the system's
}

// What holds for guards that do not say.
const (
	DefaultMaxBody   = 16 << 20
	DefaultRedirects = 5
)

// Error is a connection or an address that a guard refuses.
type Error struct {
	Host   string // as the request has it
	Addr   string // that it leads to; "" where the host itself is refused
	Reason string
}

// Error says what was refused and how it can be allowed.
func (e *Error) Error() string {
	switch e.Addr {
	case "":
		return fmt.Sprintf("refused to connect to %s: %s", e.Host, e.Reason)
	case e.Host:
		return fmt.Sprintf("refused to connect to %s: %s; allow_hosts can allow it", e.Host, e.Reason)
	}
	return fmt.Sprintf("refused to connect to %s at %s: %s; allow_hosts can allow it", e.Host, e.Addr, e.Reason)
}

// TooLarge is what reading an answer gives that is longer than MaxBody.
type TooLarge struct{ Limit int64 }

// Error implements error.
func (e *TooLarge) Error() string {
	return fmt.Sprintf("the answer is longer than %d bytes", e.Limit)
}

// Client returns a client that g guards. Its connections are its own; close the
// idle ones with CloseIdleConnections.
func (g *Guard) Client() *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Resolver: g.Resolver, ControlContext: g.control}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return dialer.DialContext(context.WithValue(ctx, hostKey{}, host), network, addr)
		},
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
	return &http.Client{
		Transport:     &checked{guard: g, next: transport},
		CheckRedirect: g.redirect,
		Timeout:       g.Timeout,
	}
}

// hostKey is the context key of the host that a dialled address belongs to.
type hostKey struct{}

// control refuses the address of a connection that is about to be made.
func (g *Guard) control(ctx context.Context, network, address string, _ syscall.RawConn) error {
	host, _ := ctx.Value(hostKey{}).(string)
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return &Error{Host: host, Addr: address, Reason: "not an IP address and port"}
	}
	if !strings.HasPrefix(network, "tcp") {
		return &Error{Host: host, Addr: address, Reason: "not a TCP connection"}
	}
	what, sealed := refuse(addr.Addr())
	if what == "" {
		return nil
	}
	for _, a := range g.Allow {
		if a.opens(host, addr, sealed) {
			return nil
		}
	}
	return &Error{Host: host, Addr: addr.Addr().String(), Reason: what}
}

// CheckURL refuses a URL by what it says, before any name is resolved.
func CheckURL(u *url.URL) error {
	host := u.Hostname()
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return &Error{Host: u.Host, Reason: fmt.Sprintf("the scheme is %q, want http or https", u.Scheme)}
	case u.User != nil:
		return &Error{Host: host, Reason: "the URL holds a user name"}
	case host == "" || u.Opaque != "":
		return &Error{Host: u.Host, Reason: "the URL names no host"}
	case strings.ContainsAny(host, "%\\@/?# \t"):
		return &Error{Host: host, Reason: "the host is not a plain name"}
	}
	if _, err := netip.ParseAddr(host); err != nil && numeric(host) {
		return &Error{Host: host, Reason: "the host is a number that is not written as an IP address"}
	}
	return nil
}

// redirect bounds redirects and keeps secrets in headers at the host that they
// are meant for.
func (g *Guard) redirect(r *http.Request, via []*http.Request) error {
	limit := g.Redirects
	if limit == 0 {
		limit = DefaultRedirects
	}
	if len(via) > limit {
		return &Error{Host: r.URL.Host, Reason: fmt.Sprintf("more than %d redirects", max(limit, 0))}
	}
	if via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return &Error{Host: r.URL.Host, Reason: "a redirect from https to http"}
	}
	if fold(via[0].URL.Host) != fold(r.URL.Host) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return &Error{Host: r.URL.Host, Reason: "a redirect of a " + r.Method + " request to another host"}
		}
		for name := range r.Header {
			switch name {
			case "Accept", "Accept-Language", "User-Agent", "Content-Type":
			default:
				r.Header.Del(name)
			}
		}
	}
	r.Header.Del("Referer") // of a URL that may hold a key
	return nil
}

// checked is a transport that checks URLs and bounds bodies.
type checked struct {
	guard *Guard
	next  *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (c *checked) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := CheckURL(r.URL); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	resp, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	limit := c.guard.MaxBody
	if limit == 0 {
		limit = DefaultMaxBody
	}
	if limit > 0 {
		resp.Body = Bound(resp.Body, limit)
	}
	return resp, nil
}

// CloseIdleConnections is what http.Client's method of the name calls.
func (c *checked) CloseIdleConnections() { c.next.CloseIdleConnections() }
