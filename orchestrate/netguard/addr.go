package netguard

import "net/netip"

// class is a range of addresses and why it is refused.
type class struct {
	prefix netip.Prefix
	what   string
	// sealed ranges are refused for names that are allowed, too: only an address
	// or a range in the list of what is allowed opens them.
	sealed bool
}

// classes are the ranges of IANA's special-purpose registries (RFC 6890 and its
// successors) that are not the public network, and addresses at which clouds
// hand out credentials. The first that fits names the reason.
func classes() []class {
	p := netip.MustParsePrefix
	return []class{
		{p("169.254.169.254/32"), "a cloud metadata address", true},
		{p("169.254.170.2/32"), "a cloud metadata address", true},
		{p("100.100.100.200/32"), "a cloud metadata address", true},
		{p("192.0.0.192/32"), "a cloud metadata address", true},
		{p("168.63.129.16/32"), "a cloud metadata address", true},
		{p("fd00:ec2::254/128"), "a cloud metadata address", true},
		{p("fd20:ce::254/128"), "a cloud metadata address", true},
		{p("0.0.0.0/8"), "an unspecified address", true},
		{p("10.0.0.0/8"), "a private address", false},
		{p("100.64.0.0/10"), "an address shared by a carrier (CGNAT)", false},
		{p("127.0.0.0/8"), "a loopback address", false},
		{p("169.254.0.0/16"), "a link-local address", true},
		{p("172.16.0.0/12"), "a private address", false},
		{p("192.0.0.0/24"), "a protocol address", false},
		{p("192.0.2.0/24"), "an address for documentation", false},
		{p("192.88.99.0/24"), "a 6to4 relay address", false},
		{p("192.168.0.0/16"), "a private address", false},
		{p("198.18.0.0/15"), "a benchmarking address", false},
		{p("198.51.100.0/24"), "an address for documentation", false},
		{p("203.0.113.0/24"), "an address for documentation", false},
		{p("224.0.0.0/4"), "a multicast address", true},
		{p("240.0.0.0/4"), "a reserved address", true},
		{p("::/128"), "an unspecified address", true},
		{p("::1/128"), "a loopback address", false},
		{p("64:ff9b:1::/48"), "a local translation address (NAT64)", true},
		{p("2001::/23"), "a protocol address", true}, // Teredo among them
		{p("2001:db8::/32"), "an address for documentation", false},
		{p("2002::/16"), "a 6to4 address", true},
		{p("3fff::/20"), "an address for documentation", false},
		{p("fc00::/7"), "a private address", false},
		{p("fe80::/10"), "a link-local address", true},
		{p("fec0::/10"), "a site-local address", true},
		{p("ff00::/8"), "a multicast address", true},
	}
}

// public is what IPv6 gives out as global unicast addresses.
var public = netip.MustParsePrefix("2000::/3")

// nat64 translates to the IPv4 address in its last four bytes (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// Refuse says why an address is not one of the public network: a loopback
// address, a private one, and so on; "" for a public one. IPv4 addresses within
// IPv6 ones, mapped or translated, are judged as what they lead to.
func Refuse(a netip.Addr) string {
	what, _ := refuse(a)
	return what
}

// refuse is Refuse, and whether the range is sealed.
func refuse(a netip.Addr) (what string, sealed bool) {
	if !a.IsValid() {
		return "no address", true
	}
	if a.Zone() != "" {
		return "an address of one link", true
	}
	a = a.Unmap()
	if nat64.Contains(a) {
		b := a.As16()
		return refuse(netip.AddrFrom4([4]byte(b[12:])))
	}
	for _, c := range classes() {
		if c.prefix.Contains(a) {
			return c.what, c.sealed
		}
	}
	if a.Is4() {
		return "", false
	}
	if !public.Contains(a) {
		return "not a public address", true
	}
	if b := a.As16(); b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe {
		return "a tunnel address (ISATAP)", true
	}
	return "", false
}
