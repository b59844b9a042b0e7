package regex

import (
	"fmt"
	"strings"
)

// Format returns the language of a format of JSON Schema; known is false for
// names that are none. Formats mean what their RFC says, exactly unless noted;
// no string is in a language that github.com/santhosh-tekuri/jsonschema v6 with
// formats asserted refuses. Beyond JSON Schema's own names, semver (2.0.0) and
// period (RFC 5545 with RFC 3339 inside) are known, because that validator
// asserts them.
//
//   - date-time, date, time: RFC 3339, with leap years, and leap seconds where
//     UTC has 23:59:60; T and Z in either case.
//   - duration: RFC 3339, appendix A: P1Y2D, a unit left out, is none.
//   - email: RFC 5321's Mailbox, of at most 254 characters, 64 before the at
//     sign, without backslashes in quotes. idn-email: the same with the
//     characters above ASCII of RFC 6531.
//   - hostname: RFC 1123, labels of 1 to 63 characters, 253 in all, no trailing
//     dot, and no label with hyphens in the third and fourth place: as an A-label
//     it would have to be Punycode. idn-hostname: the same, or names of up to 48
//     characters with labels of up to 12 that are U-labels of RFC 5890, 5892 and
//     5893: in lower case, in NFC by not holding characters that may compose with
//     the one before nor two marks of classes other than 0 in a row, without two
//     hyphens in a row, and either all from left to right or each from right to
//     left or of ASCII and beginning with a letter.
//   - ipv4, ipv6: RFC 2673 and RFC 4291, no zone.
//   - uri, uri-reference, iri, iri-reference: RFC 3986 and 3987. No IPvFuture,
//     in host names only bytes above 7F may be percent-encoded, and before an
//     at sign all is ASCII: the validator's parser wants that.
//   - uri-template: RFC 6570 as far as the validator reads a template as a URL:
//     in paths no expressions with /, ? or #, and no %7B or %7D.
//   - uuid, json-pointer, relative-json-pointer: RFC 4122, RFC 6901 and its draft.
//   - regex: patterns of ECMA-262 that Go's regexp reads alike, with groups
//     nested up to three deep: no language of an automaton holds all patterns.
func (s *Space) Format(name string) (l Lang, known bool) {
	if l, ok := s.format[name]; ok {
		return l, true
	}
	l, known = s.makeFormat(name)
	if known && s.err == nil {
		if s.format == nil {
			s.format = make(map[string]Lang)
		}
		s.format[name] = l
	}
	return l, known
}

func (s *Space) makeFormat(name string) (Lang, bool) {
	switch name {
	case "date":
		return s.fixed(dateText), true
	case "time":
		return s.time(), true
	case "date-time":
		time := s.lazy(int64(len("00:00:00Z")), timeLetters, s.time)
		return s.Concat(s.fixed(dateText), s.Class('T', 'T', 't', 't'), time), true
	case "duration":
		return s.fixed(durationText), true
	case "period":
		return s.period(), true
	case "email":
		return s.email(false), true
	case "idn-email":
		return s.email(true), true
	case "hostname":
		return s.hostname(), true
	case "idn-hostname":
		return s.idnHostname(), true
	case "ipv4":
		return s.fixed(ipv4Text), true
	case "ipv6":
		return s.ipv6(), true
	case "uri":
		return s.uri(false, false), true
	case "uri-reference":
		return s.uri(false, true), true
	case "iri":
		return s.uri(true, false), true
	case "iri-reference":
		return s.uri(true, true), true
	case "uri-template":
		return s.uriTemplate(), true
	case "uuid":
		return s.fixed(`[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`), true
	case "json-pointer":
		return s.fixed(pointerText), true
	case "relative-json-pointer":
		return s.fixed(`(0|[1-9]\d*)(#|` + pointerText + `)`), true
	case "regex":
		return s.regexSource(), true
	case "semver":
		return s.fixed(semverText), true
	}
	return none, false
}

// fixed is the language of a pattern of ours that matches whole strings.
func (s *Space) fixed(text string) Lang {
	t, err := s.parse(text)
	if err != nil {
		if s.err != nil {
			return none
		}
		panic(fmt.Sprintf("regex: pattern of a format: %v", err))
	}
	l, err := s.guard(func() Lang {
		c := newCompiler(s, t)
		return c.match(t, c.final(empty), c.start(), false)
	})
	if err != nil && s.err == nil {
		panic(fmt.Sprintf("regex: pattern of a format: %v", err))
	}
	return l
}

const (
	pointerText = `(/([^~/]|~[01])*)*`
	ipv4Text    = `(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}`
	// The years with a 29 February: every fourth, of full centuries every fourth.
	dateText = `\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))` +
		`|(\d\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29`
	durationText = `P((\d+D|\d+M(\d+D)?|\d+Y(\d+M(\d+D)?)?)(T` + clockText + `)?|T` + clockText + `|\d+W)`
	clockText    = `(\d+H(\d+M(\d+S)?)?|\d+M(\d+S)?|\d+S)`
	semverText   = `(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)` +
		`(-` + preText + `(\.` + preText + `)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?`
	preText = `(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)`
)

// timeLetters are the characters of full-time.
const timeLetters = "0123456789:.+-Zz"

// time is full-time of RFC 3339, section 5.6.
func (s *Space) time() Lang {
	if l, ok := s.format["time"]; ok {
		return l
	}
	ordinary := s.fixed(`([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)`)
	hours := make([]Lang, 24)
	for h := range hours {
		hours[h] = s.concat(s.Literal(fmt.Sprintf("%02d:", h)), s.leapHour(h))
	}
	return s.union2(ordinary, s.union(hours))
}

// leapHour is what follows "hh:" in a time with a leap second: the 60th second
// of a minute that is 23:59 in UTC.
func (s *Space) leapHour(h int) Lang {
	cost := int64(len("00:60+00:00"))
	if h == 23 {
		cost = int64(len("59:60Z"))
	}
	return s.lazy(cost, timeLetters, func() Lang {
		minutes, fraction := make([]Lang, 60), s.fixed(`(\.\d+)?`)
		for m := range minutes {
			local := h*60 + m
			east, west := (local+1)%1440, 1439-local
			offsets := []string{fmt.Sprintf("+%02d:%02d", east/60, east%60), fmt.Sprintf("-%02d:%02d", west/60, west%60)}
			if local == 1439 {
				offsets = append(offsets, "Z", "z")
			}
			minutes[m] = s.concat(s.Literal(fmt.Sprintf("%02d:60", m)), s.concat(fraction, s.Literals(offsets)))
		}
		return s.union(minutes)
	})
}

// lazy is a language that is made when it is needed. It must hold a string, but
// not the empty one; cost is that of the cheapest. letters are the characters of ASCII
// that its strings may have; "" tells nothing.
func (s *Space) lazy(cost int64, letters string, f func() Lang) Lang {
	if !s.spend(4) {
		return none
	}
	s.thunks = append(s.thunks, f)
	n := node{kind: kLazy, x: int32(len(s.thunks) - 1), null: no, alive: yes, plain: true, exact: true,
		low: cost, short: 1, long: farAway}
	if letters != "" {
		n.without = asciiIn(letters).not()
	}
	return s.add(n)
}

func (s *Space) period() Lang {
	at, _ := s.Format("date-time")
	for_, _ := s.Format("duration")
	slash := s.Literal("/")
	return s.Union(s.Concat(at, slash, s.Union(at, for_)), s.Concat(for_, slash, at))
}

// asciiLabel is a label of a host name that is no A-label: with hyphens in the
// third and fourth place it would have to be Punycode.
func (s *Space) asciiLabel() Lang {
	const word, any = `[0-9A-Za-z]`, `[0-9A-Za-z-]`
	return s.fixed(word + `(` + any + `{0,2}` + word + `|` + any + `(` + word + any + `|-` + word + `)` + any + `{0,58}` + word + `)?`)
}

func (s *Space) hostname() Lang {
	label := s.asciiLabel()
	return s.inter2(s.concat(label, s.Repeat(s.concat(s.Literal("."), label), 0, Unbounded)), s.Length(1, 253))
}

// ipv6 is IPv6address of RFC 3986, section 3.2.2.
func (s *Space) ipv6() Lang {
	const h = `[0-9A-Fa-f]{1,4}`
	last := `(` + h + `:` + h + `|` + ipv4Text + `)`
	var b strings.Builder
	fmt.Fprintf(&b, `(%s:){6}%s|::(%s:){5}%s`, h, last, h, last)
	for n := 4; n >= 0; n-- { // groups between the gap and the last two
		fmt.Fprintf(&b, `|((%s:){0,%d}%s)?::(%s:){%d}%s`, h, 4-n, h, h, n, last)
	}
	fmt.Fprintf(&b, `|((%s:){0,5}%s)?::%s|((%s:){0,6}%s)?::`, h, h, h, h, h)
	return s.fixed(b.String())
}

// email is Mailbox of RFC 5321, section 4.1.2; wide adds RFC 6531.
func (s *Space) email(wide bool) Lang {
	more := ""
	if wide {
		idnCharacters() // now, rather than when a mask asks for them
		more = `\u{80}-\u{10FFFF}`
	}
	atom := "[0-9A-Za-z!#$%&'*+/=?^_`{|}~" + more + `-]+`
	local := s.fixed(atom + `(\.` + atom + `)*|"[ !#-\[\]-~` + more + `]*"`)
	local = s.inter2(local, s.Length(1, 64))
	six := s.Concat(s.Literal("[IPv6:"), s.lazy(int64(len("::")), "", s.ipv6), s.Literal("]"))
	four := s.Concat(s.Literal("["), s.fixed(ipv4Text), s.Literal("]"))
	local = s.concat(local, s.Literal("@"))
	out := s.inter2(s.concat(local, s.Union(s.hostname(), six, four)), s.Length(1, 254))
	if wide { // its names are short enough
		out = s.union2(out, s.concat(local, s.lazy(1, "", s.idnNames)))
	}
	return out
}
