package tools

import (
	"net/netip"
	"net/url"
	"strings"

	"orchrt/orchestrate/netguard"
)

// allowed reads the list allow_hosts of a tool. A loopback or private address,
// or localhost, that stands in the tool's own URL is allowed with its port: the
// configuration could not say more clearly that it is meant.
func (d *decoder) allowed(line int, what string, list []string, own string) (out []netguard.Allow) {
	for _, s := range list {
		a, err := netguard.ParseAllow(s)
		if err != nil {
			d.fail(line, "%s: allow_hosts: %s", what, strings.TrimPrefix(err.Error(), "netguard: "))
			continue
		}
		out = append(out, a)
	}
	u, err := url.Parse(own)
	if err != nil {
		return out
	}
	addr, err := netip.ParseAddr(u.Hostname())
	if u.Hostname() == "localhost" || err == nil && (addr.IsLoopback() || addr.IsPrivate()) {
		if a, err := netguard.ParseAllow(hostPort(u)); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// hostPort is host:port of a URL, with the scheme's port where it has none.
func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "https" {
		return u.Host + ":443"
	}
	return u.Host + ":80"
}

// endpoint checks a URL that stands in the configuration.
func (d *decoder) endpoint(line int, what, raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || raw == "" {
		d.fail(line, "%s is not a URL; want http:// or https://", what)
		return false
	}
	if err := netguard.CheckURL(u); err != nil {
		d.fail(line, "%s: %v", what, err)
		return false
	}
	return true
}
