package netguard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestRefuse(t *testing.T) {
	public := []string{"8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "192.167.1.1",
		"169.253.1.1", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::808:808"}
	for _, s := range public {
		if what := Refuse(netip.MustParseAddr(s)); what != "" {
			t.Errorf("%s is refused as %s", s, what)
		}
	}
	refused := []string{"127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1",
		"172.31.255.255", "192.168.0.1", "100.64.0.1", "100.127.255.255", "100.100.100.200", "169.254.0.1",
		"169.254.169.254", "168.63.129.16", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
		"203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::2",
		"::ffff:127.0.0.1", "::ffff:10.1.1.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1",
		"64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd00:ec2::254",
		"fe80::1", "fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1", "3fff::1", "4000::1", "2606::5efe:7f00:1"}
	for _, s := range refused {
		if Refuse(netip.MustParseAddr(s)) == "" {
			t.Errorf("%s is not refused", s)
		}
	}
	if Refuse(netip.Addr{}) == "" {
		t.Error("no address is not refused")
	}
}

func TestParseAllow(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1": "127.0.0.1", "::1": "::1", "10.1.2.3/8": "10.0.0.0/8", "[::1]:80": "[::1]:80",
		"127.0.0.1:8080": "127.0.0.1:8080", "LocalHost.": "localhost", "db.example:5": "db.example:5", "fd00::/8": "fd00::/8",
		"::ffff:127.0.0.1": "127.0.0.1",
	} {
		a, err := ParseAllow(in)
		if err != nil || a.String() != want {
			t.Errorf("%q: %v, %v; want %s", in, a, err, want)
		}
	}
	for _, in := range []string{"", "http://x", "a b", "x:0", "x:99999", "*.corp", "2130706433", "0x7f.1", "::ffff:10.0.0.0/104", "u@h", ":80"} {
		if a, err := ParseAllow(in); err == nil {
			t.Errorf("%q is taken as %v", in, a)
		}
	}
}

// allow is a list of entries.
func allow(t *testing.T, entries ...string) (out []Allow) {
	t.Helper()
	for _, e := range entries {
		a, err := ParseAllow(e)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

func TestOpens(t *testing.T) {
	for _, c := range []struct {
		entry, host, addr string
		want              bool
	}{
		{"127.0.0.1", "x", "127.0.0.1:80", true},
		{"127.0.0.1", "x", "[::ffff:127.0.0.1]:80", true},
		{"127.0.0.1", "x", "[64:ff9b::7f00:1]:80", true},
		{"127.0.0.1", "x", "127.0.0.2:80", false},
		{"127.0.0.1:81", "x", "127.0.0.1:80", false},
		{"10.0.0.0/8", "x", "10.9.9.9:1", true},
		{"localhost", "localhost", "127.0.0.1:80", true},
		{"localhost", "LOCALHOST.", "[::1]:80", true},
		{"localhost:81", "localhost", "127.0.0.1:80", false},
		{"localhost", "localhost.evil.example", "127.0.0.1:80", false},
		{"meta.corp", "meta.corp", "169.254.169.254:80", false}, // a name does not open metadata
		{"169.254.169.254", "meta.corp", "169.254.169.254:80", true},
	} {
		addr := netip.MustParseAddrPort(c.addr)
		_, sealed := refuse(addr.Addr())
		if got := allow(t, c.entry)[0].opens(c.host, addr, sealed); got != c.want {
			t.Errorf("%s opens %s at %s: %v", c.entry, c.host, c.addr, got)
		}
	}
}

// get fetches a URL with the guard's client.
func get(g Guard, url string) (string, error) {
	c := g.Client()
	defer c.CloseIdleConnections()
	resp, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// refusedAs fails the test unless err is a refusal whose reason has the text.
func refusedAs(t *testing.T, err error, text string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a refusal", err)
	}
	if !strings.Contains(e.Error(), text) {
		t.Errorf("got %v, want %q in it", e, text)
	}
}

func TestRefusedURLs(t *testing.T) {
	hits := new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	for _, url := range []string{
		s.URL, "http://localhost:" + port, "http://0.0.0.0:" + port, "http://[::ffff:127.0.0.1]:" + port,
		"http://2130706433:" + port, "http://0x7f000001:" + port, "http://0x7f.1:" + port, "http://0177.0.0.1:" + port,
		"http://127.1:" + port, "http://user@127.0.0.1:" + port, "ftp://127.0.0.1:" + port, "http://:" + port,
		"http://[::1%25lo]:" + port, "http://127.0.0.1.:" + port,
	} {
		if _, err := get(Guard{}, url); !isRefusal(err) {
			t.Errorf("%s: %v, want a refusal", url, err)
		}
	}
	// Of these it is the parser that says no, or the name that exists nowhere.
	for _, url := range []string{"http://example.com\\@127.0.0.1:" + port, "http://127.0.0.1%00.example:" + port, "file:///etc/passwd", "gopher://127.0.0.1"} {
		if _, err := get(Guard{}, url); err == nil {
			t.Errorf("%s was fetched", url)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("the server was reached %d times", hits.Load())
	}
	if _, err := get(Guard{Allow: allow(t, "127.0.0.1")}, s.URL); err != nil || hits.Load() != 1 {
		t.Errorf("an allowed address: %v", err)
	}
	if _, err := get(Guard{Allow: allow(t, "127.0.0.1:1")}, s.URL); !isRefusal(err) {
		t.Errorf("another port is allowed: %v", err)
	}
}

func isRefusal(err error) bool {
	var e *Error
	return errors.As(err, &e)
}

func TestCheckURL(t *testing.T) {
	for _, u := range []*url.URL{{Scheme: "http", Host: `a\b`}, {Scheme: "http", Host: "a%b"}, {Scheme: "http", Opaque: "x", Host: "h"}, {}} {
		if CheckURL(u) == nil {
			t.Errorf("%#v is taken", u)
		}
	}
}

func TestRedirects(t *testing.T) {
	secret := http.NewServeMux()
	secret.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "key=", r.Header.Get("X-Api-Key"), " referer=", r.Header.Get("Referer"))
	})
	inner := httptest.NewServer(secret)
	defer inner.Close()
	outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/file":
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		case "/meta":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		case "/post":
			http.Redirect(w, r, inner.URL, http.StatusTemporaryRedirect)
		default:
			http.Redirect(w, r, inner.URL, http.StatusFound)
		}
	}))
	defer outer.Close()
	only := Guard{Allow: allow(t, outer.Listener.Addr().String())}
	_, err := get(only, outer.URL)
	refusedAs(t, err, "loopback")
	_, err = get(only, outer.URL+"/meta")
	refusedAs(t, err, "metadata")
	_, err = get(only, outer.URL+"/loop")
	refusedAs(t, err, "redirects")
	_, err = get(Guard{Allow: only.Allow, Redirects: -1}, outer.URL)
	refusedAs(t, err, "redirects")
	if _, err = get(only, outer.URL+"/file"); err == nil {
		t.Error("a redirect to a file was followed")
	}

	both := Guard{Allow: allow(t, "127.0.0.1")}
	c := both.Client()
	defer c.CloseIdleConnections()
	r, _ := http.NewRequest("GET", outer.URL+"/?token=1", nil)
	r.Header.Set("X-Api-Key", "hunter2")
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "key= referer=" {
		t.Errorf("the other host got %q", b)
	}
	_, err = c.Post(outer.URL+"/post", "text/plain", strings.NewReader("hunter2"))
	refusedAs(t, err, "POST")
}

func TestNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	c := (&Guard{}).Client()
	if p := c.Transport.(*checked).next.Proxy; p != nil {
		t.Error("the client takes a proxy")
	}
}

func TestBounds(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		default:
			fmt.Fprint(w, "0123456789")
		}
	}))
	defer s.Close()
	a := allow(t, "127.0.0.1")
	if got, err := get(Guard{Allow: a, MaxBody: 10}, s.URL); err != nil || len(got) != 10 {
		t.Errorf("a body of the limit: %q, %v", got, err)
	}
	for _, path := range []string{"/", "/endless"} {
		got, err := get(Guard{Allow: a, MaxBody: 9}, s.URL+path)
		var large *TooLarge
		if !errors.As(err, &large) || len(got) != 9 {
			t.Errorf("%s: %d bytes, %v; want 9 and TooLarge", path, len(got), err)
		}
	}
	if _, err := get(Guard{Allow: a, Timeout: 50 * time.Millisecond}, s.URL+"/slow"); err == nil {
		t.Error("a slow answer was waited for")
	}
}

// TestRebinding resolves a name to a public address first and to a loopback one
// from then on, as an attacker's name server does.
func TestRebinding(t *testing.T) {
	hits := new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer s.Close()
	queries := new(atomic.Int32)
	resolver := nameServer(t, func() netip.Addr {
		queries.Add(1)
		return netip.MustParseAddr("127.0.0.1")
	})
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	g := Guard{Resolver: resolver}
	if addrs, err := resolver.LookupHost(context.Background(), "rebind.example"); err != nil || addrs[0] != "127.0.0.1" {
		t.Fatalf("the name server says %v, %v", addrs, err)
	}
	before := queries.Load()
	_, err := get(g, "http://rebind.example:"+port+"/")
	refusedAs(t, err, "loopback")
	if queries.Load() == before || hits.Load() != 0 {
		t.Errorf("%d queries, %d hits", queries.Load()-before, hits.Load())
	}
	g.Allow = allow(t, "rebind.example:"+port)
	if _, err := get(g, "http://rebind.example:"+port+"/"); err != nil || hits.Load() != 1 {
		t.Errorf("an allowed name: %v", err)
	}
	meta := Guard{Resolver: nameServer(t, func() netip.Addr { return netip.MustParseAddr("169.254.169.254") }), Allow: g.Allow}
	_, err = get(meta, "http://rebind.example:"+port+"/")
	refusedAs(t, err, "metadata")
}

// nameServer is a resolver whose server answers every question for an IPv4
// address with what addr says, and others with nothing.
func nameServer(t *testing.T, addr func() netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			conn.WriteTo(answer(buf[:n], addr), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// answer makes the reply to a DNS query of one question (RFC 1035, 4.1).
func answer(q []byte, addr func() netip.Addr) []byte {
	end := 12
	for q[end] != 0 {
		end += int(q[end]) + 1
	}
	end += 5
	r := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end]...)
	if q[end-3] == 1 { // type A
		r[7] = 1
		ip := addr().As4()
		r = append(r, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		r = append(r, ip[:]...)
	}
	return r
}
