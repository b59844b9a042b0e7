package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"orchrt/orchestrate/openai"
)

// guard decides from a request's header alone whether it may go on.
type guard struct {
	keys    [][sha256.Size]byte
	origins []string
	hosts   []string // nil: any
}

func newGuard(opt Options) *guard {
	g := &guard{origins: opt.CORSOrigins}
	for _, k := range opt.APIKeys {
		g.keys = append(g.keys, sha256.Sum256([]byte(k)))
	}
	if opt.Loopback || len(opt.Hosts) > 0 {
		g.hosts = append([]string{"localhost", "127.0.0.1", "::1"}, opt.Hosts...)
	}
	return g
}

// check returns the error for a request that may not go on. It sets the CORS
// headers of one that may.
func (g *guard) check(w http.ResponseWriter, r *http.Request, open bool) *openai.Error {
	if !open && !g.hostAllowed(r.Host) {
		return forbidden("invalid_host", "the Host header names a host that this server is not; --allow-host adds names")
	}
	if err := g.checkOrigin(w, r); err != nil {
		return err
	}
	if open || len(g.keys) == 0 || r.Method == http.MethodOptions && g.allowed(r.Header.Get("Origin")) {
		return nil
	}
	key, ok := apiKey(r)
	if ok && g.known(key) {
		return nil
	}
	w.Header().Set("WWW-Authenticate", challenge(r.URL.Path))
	msg := "an API key is missing: send the header Authorization: Bearer KEY, or X-Api-Key: KEY"
	if ok {
		msg = "the API key is not valid"
	}
	return &openai.Error{Status: http.StatusUnauthorized, Type: openai.TypeAuthentication, Code: "invalid_api_key", Message: msg}
}

// challenge asks browsers for a password on the page, and programs for a key.
func challenge(path string) string {
	if path == "/" {
		return `Basic realm="orchrt: any name, the API key as password"`
	}
	return "Bearer"
}

// apiKey is the key that a request carries: as a bearer token, in X-Api-Key, as
// Anthropic's clients send it, or as the password of basic authentication, which
// is what browsers can send.
func apiKey(r *http.Request) (string, bool) {
	if r.Header.Get("Authorization") == "" {
		key := r.Header.Get("X-Api-Key")
		return key, key != ""
	}
	if _, password, ok := r.BasicAuth(); ok {
		return password, true
	}
	scheme, key, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.TrimSpace(key), true
}

// known compares with every key, in a time that does not depend on which of
// them matches or how much of it.
func (g *guard) known(key string) bool {
	sum := sha256.Sum256([]byte(key))
	found := 0
	for i := range g.keys {
		found |= subtle.ConstantTimeCompare(sum[:], g.keys[i][:])
	}
	return found == 1
}

// hostAllowed checks the Host header, so that a foreign name which resolves to
// this machine (DNS rebinding) gets nowhere.
func (g *guard) hostAllowed(host string) bool {
	if g.hosts == nil {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	return slices.ContainsFunc(g.hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// checkOrigin lets pages of the server's own origin and of the allowed ones
// call, and refuses the rest: a page elsewhere could otherwise use whatever the
// browser's user has access to. Programs send no Origin.
func (g *guard) checkOrigin(w http.ResponseWriter, r *http.Request) *openai.Error {
	origin := r.Header.Get("Origin")
	if origin == "" || g.sameOrigin(origin, r.Host) {
		return nil
	}
	if !g.allowed(origin) {
		return forbidden("origin_not_allowed", "pages of this origin may not call this server; --cors-origin allows them")
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", origin) // never with credentials
	h.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After, "+warningHeader)
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Request-Id, X-Api-Key, Anthropic-Version, Anthropic-Beta, Anthropic-Dangerous-Direct-Browser-Access")
		h.Set("Access-Control-Max-Age", "600")
	}
	return nil
}

// allowed tells whether CORS is open to an origin.
func (g *guard) allowed(origin string) bool {
	return origin != "" && (slices.Contains(g.origins, "*") || slices.Contains(g.origins, origin))
}

func (g *guard) sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

func forbidden(code, msg string) *openai.Error {
	return &openai.Error{Status: http.StatusForbidden, Type: openai.TypeInvalidRequest, Code: code, Message: msg}
}
