package regex

// The characters of RFC 3986 (unreserved, sub-delims) and RFC 3987 (ucschar,
// iprivate), as members of classes.
const (
	uriChars = `0-9A-Za-z._~!$&'()*+,;=\-`
	ucsChars = `\u{A0}-\u{D7FF}\u{F900}-\u{FDCF}\u{FDF0}-\u{FFEF}` +
		`\u{10000}-\u{1FFFD}\u{20000}-\u{2FFFD}\u{30000}-\u{3FFFD}\u{40000}-\u{4FFFD}\u{50000}-\u{5FFFD}` +
		`\u{60000}-\u{6FFFD}\u{70000}-\u{7FFFD}\u{80000}-\u{8FFFD}\u{90000}-\u{9FFFD}\u{A0000}-\u{AFFFD}` +
		`\u{B0000}-\u{BFFFD}\u{C0000}-\u{CFFFD}\u{D0000}-\u{DFFFD}\u{E1000}-\u{EFFFD}`
	privateChars = `\u{E000}-\u{F8FF}\u{F0000}-\u{FFFFD}\u{100000}-\u{10FFFD}`
	percent      = `%[0-9A-Fa-f]{2}`
)

// uri is URI of RFC 3986, or with reference URI-reference; wide makes it IRI of
// RFC 3987.
func (s *Space) uri(wide, reference bool) Lang {
	ucs, private := "", ""
	if wide {
		ucs, private = ucsChars, privateChars
	}
	char := `([` + uriChars + `:@` + ucs + `]|` + percent + `)`
	plain := `([` + uriChars + `@` + ucs + `]|` + percent + `)`
	userinfo := `([` + uriChars + `:]|` + percent + `)*@`
	name := `([` + uriChars + ucs + `]|%[89A-Fa-f][0-9A-Fa-f])*`
	authority := func() Lang {
		return s.Concat(s.Literal("//"), s.fixed(`(`+userinfo+`)?`),
			s.union2(s.fixed(name), s.Concat(s.Literal("["), s.ipv6(), s.Literal("]"))), s.fixed(`(:\d*)?`))
	}
	segments := s.fixed(`(/` + char + `*)*`)
	absolute := s.fixed(`/(` + char + `+(/` + char + `*)*)?`)
	rootless := s.fixed(char + `+(/` + char + `*)*`)
	tail := s.fixed(`(\?([` + uriChars + `:@/?` + ucs + private + `]|` + percent + `)*)?` +
		`(#([` + uriChars + `:@/?` + ucs + `]|` + percent + `)*)?`)
	network := s.concat(s.lazy(int64(len("//")), "", authority), segments)
	out := s.Concat(s.fixed(`[A-Za-z][0-9A-Za-z+.\-]*:`), s.Union(network, absolute, rootless, empty), tail)
	if reference {
		noScheme := s.fixed(plain + `+(/` + char + `*)*`)
		out = s.union2(out, s.Concat(s.Union(network, absolute, noScheme, empty), tail))
	}
	return out
}

// uriTemplate is URI-Template of RFC 6570 in the shapes that Go's net/url
// reads: an authority without expressions, then a path whose expressions hold
// no character that ends a segment.
func (s *Space) uriTemplate() Lang {
	// Literals are all but control characters and "'%<>\^`{|} (RFC 6570, 2.1).
	literal, _ := s.chars(s.fixed(`[!#$&()*+,\-./0-9:;=?@A-Z\[\]_a-z~` + ucsChars + privateChars + `]`))
	const plainText = `%([0-689A-Fa-f][0-9A-Fa-f]|7[0-9ACEFacef])` // no brace
	expression := func(operators, modifier, escape string) Lang {
		spec := `([0-9A-Za-z_]|` + escape + `)(\.?([0-9A-Za-z_]|` + escape + `))*` + modifier
		return s.fixed(`\{[` + operators + `]?` + spec + `(,` + spec + `)*\}`)
	}
	const modifier = `(\*|:[1-9]\d{0,3})?`
	plain := s.fixed(plainText)
	inPath := expression(`+.;&=,!@|`, modifier, plainText)
	path := s.Union(s.class(literal.minus(ranges('/', '/', '?', '?', '#', '#'))), plain, inPath)
	// In a relative reference, a colon in the first segment would end a scheme.
	first := s.Union(s.class(literal.minus(ranges('/', '/', '?', '?', '#', '#', ':', ':'))), plain, expression(`+.;&=,!@|`, `\*?`, plainText))
	inQuery := s.Union(s.class(literal.minus(ranges('#', '#'))), s.fixed(percent), expression(`+./;?&=,!@|`, modifier, percent))
	anywhere := s.Union(s.class(literal), s.fixed(percent), expression(`+#./;?&=,!@|`, modifier, percent))

	star := func(l Lang) Lang { return s.Repeat(l, 0, Unbounded) }
	maybe := func(l Lang) Lang { return s.union2(empty, l) }
	slash := s.Literal("/")
	segments := star(s.concat(slash, star(path)))
	host := s.fixed(`//(([` + uriChars + `:]|` + percent + `)*@)?([0-9A-Za-z._~!$&()*+,;=\-]|%[89A-Fa-f][0-9A-Fa-f])*(:\d*)?`)
	network := s.concat(host, segments)
	absolute := s.concat(slash, maybe(s.Concat(s.Repeat(path, 1, Unbounded), segments)))
	opaque := s.concat(s.Repeat(path, 1, Unbounded), segments)
	relative := s.concat(s.Repeat(first, 1, Unbounded), segments)
	scheme := s.fixed(`[A-Za-z][0-9A-Za-z+.\-]*:`)
	return s.Concat(
		s.Union(s.concat(scheme, s.Union(network, absolute, opaque, empty)), network, absolute, relative, empty),
		maybe(s.concat(s.Literal("?"), star(inQuery))),
		maybe(s.concat(s.Literal("#"), star(anywhere))))
}
