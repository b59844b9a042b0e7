package netguard

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Allow is one thing that a tool's configuration opens: a range of addresses,
// or a host by its name. The port 0 stands for every port.
type Allow struct {
	prefix netip.Prefix
	host   string // lower case, no dot at the end; "" for a range
	port   uint16
}

// ParseAllow reads an entry: an address (127.0.0.1, ::1), a range (10.0.0.0/8),
// a host name (localhost, db.corp.example), each but the range also with a port
// (localhost:8080, [::1]:8080). A name opens what it resolves to, but never
// link-local or metadata addresses: only an entry with their address does.
func ParseAllow(s string) (Allow, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		if p.Addr().Is4In6() {
			return Allow{}, fmt.Errorf("netguard: %q is an IPv4 range written as IPv6; write it as IPv4", s)
		}
		return Allow{prefix: p.Masked()}, nil
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return single(a, 0), nil
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return single(ap.Addr(), ap.Port()), nil
	}
	host, port := s, uint16(0)
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		n, err := strconv.ParseUint(s[i+1:], 10, 16)
		if err != nil || n == 0 {
			return Allow{}, fmt.Errorf("netguard: %q is no host:port", s)
		}
		host, port = s[:i], uint16(n)
	}
	host = fold(host)
	if host == "" || strings.ContainsAny(host, "/:@*?#[] \\") || numeric(host) {
		return Allow{}, fmt.Errorf("netguard: %q is neither an address, nor a range such as 10.0.0.0/8, nor a host name", s)
	}
	return Allow{host: host, port: port}, nil
}

func single(a netip.Addr, port uint16) Allow {
	a = a.Unmap().WithZone("")
	return Allow{prefix: netip.PrefixFrom(a, a.BitLen()), port: port}
}

// String is the entry as ParseAllow reads it.
func (a Allow) String() string {
	s := a.host
	switch {
	case s == "" && a.prefix.IsSingleIP() && a.port != 0:
		return netip.AddrPortFrom(a.prefix.Addr(), a.port).String()
	case s == "" && a.prefix.IsSingleIP():
		return a.prefix.Addr().String()
	case s == "":
		return a.prefix.String()
	case a.port != 0:
		return s + ":" + strconv.Itoa(int(a.port))
	}
	return s
}

// opens reports whether a connection to addr, which the request called host, is
// one that a allows.
func (a Allow) opens(host string, addr netip.AddrPort, sealed bool) bool {
	if a.port != 0 && a.port != addr.Port() {
		return false
	}
	if a.host != "" {
		return !sealed && a.host == fold(host)
	}
	ip := addr.Addr().Unmap()
	if a.prefix.Contains(ip) {
		return true
	}
	b := ip.As16()
	return nat64.Contains(ip) && a.prefix.Contains(netip.AddrFrom4([4]byte(b[12:])))
}

// fold is the form in which host names are compared.
func fold(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// numeric reports a host that resolvers may read as an IPv4 address though it
// is not written as one: 2130706433, 0x7f.1, 0177.0.0.1, 127.1. The rule is that
// of the URL standard: the last label is a number.
func numeric(host string) bool {
	host = fold(host)
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" {
		return false
	}
	if strings.Trim(last, "0123456789") == "" {
		return true
	}
	return strings.HasPrefix(last, "0x") && strings.Trim(last[2:], "0123456789abcdef") == ""
}
