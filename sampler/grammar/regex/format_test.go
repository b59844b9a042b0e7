package regex

import (
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// formats are all names that Format knows, with strings that are valid.
var formats = map[string][]string{
	"date-time": {"1963-06-19T08:30:06.283185Z", "1998-12-31T23:59:60Z", "1998-12-31T15:59:60.123-08:00", "2000-02-29t00:00:00z", "1937-01-01T12:00:27.87+00:20"},
	"date":      {"1963-06-19", "2020-02-29", "2000-02-29", "0000-01-31", "2024-12-31"},
	"time":      {"08:30:06Z", "23:59:60Z", "15:59:60-08:00", "00:29:60+00:30", "01:29:60+01:30", "23:59:60+00:00", "23:29:60.5+23:30"},
	"duration":  {"P4DT12H30M5S", "P4Y", "PT0S", "P0D", "P1M", "PT1M", "PT36H", "P1DT12H", "P2W", "P1Y2M3D"},
	"period":    {"1963-06-19T08:30:06Z/P1D", "P1D/1963-06-19T08:30:06Z", "1963-06-19T08:30:06Z/1964-06-19T08:30:06Z"},
	"email": {"joe.bloggs@example.com", "te~st@example.com", "te.s.t@example.com", `"joe bloggs"@example.com`, `"joe@bloggs"@example.com`,
		"joe@[127.0.0.1]", "joe@[IPv6:::1]"},
	"idn-email":             {"실례@실례.테스트", "joe.bloggs@example.com"},
	"hostname":              {"www.example.com", "a-b.c", "ab-c-d.e", "a--b", "ab-c", strings.Repeat("a", 63), "1host"},
	"idn-hostname":          {"실례.테스트", "l·l", "α͵β", "א׳ב", "ァ・ぁ", "クシ", "क्\u200dष", "example.com", "〆ぁ", "bücher.example", "ไทย.com", "עברית.com", "क्ष", "a.א", "शहर-१"},
	"ipv4":                  {"192.168.0.1", "127.0.0.1", "255.255.255.255", "0.0.0.0"},
	"ipv6":                  {"::1", "::", "::42:ff:1", "d6::", "1:d6::42", "1::d6:192.168.0.1", "1:2::192.168.0.1", "::ffff:192.168.0.1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::"},
	"uri":                   {"http://foo.bar/?baz=qux#quux", "http://foo.bar/?q=Test%20URL-encoded%20stuff", "http://-.~_!$&'()*+,;=:%40:80%2f::::::@example.com", "http://223.255.255.254", "ftp://ftp.is.co.za/rfc/rfc1808.txt", "ldap://[2001:db8::7]/c=GB?objectClass?one", "mailto:John.Doe@example.com", "tel:+1-816-555-1212", "urn:oasis:names:specification:docbook:dtd:xml:4.1.2"},
	"uri-reference":         {"http://foo.bar/?baz=qux#quux", "//foo.bar/?baz=qux#quux", "/abc", "abc", "?a", "", "#fragment", "./a:b"},
	"iri":                   {"http://ƒøø.ßår/?∂éœ=πîx#πîüx", "http://[2001:0db8:85a3:0000:0000:8a2e:0370:7334]"},
	"iri-reference":         {"//ƒøø.ßår/?∂éœ=πîx#πîüx", "/âππ", "âππ", "#ƒrägmênt"},
	"uri-template":          {"http://example.com/dictionary/{term:1}/{term}", "http://example.com/dictionary", "dictionary/{term:1}/{term}", "/a/{x*}{;y,z}?q={&v}"},
	"uuid":                  {"2EB8AA08-AA98-11EA-B4AA-73B441D16380", "2eb8aa08-aa98-11ea-b4aa-73b441d16380"},
	"json-pointer":          {"/foo/bar~0/baz~1/%a", "", "/foo/-", "/~1.1"},
	"relative-json-pointer": {"1", "0/foo/bar", "2/0/baz/1/zip", "0#", "120/foo"},
	"regex":                 {"([abc])+\\s+$", "^\\d{4}-\\d{2}$", "^(a|b(c|[^d-]){2,5})*$", ""},
	"semver":                {"1.0.0", "1.2.3-alpha.1+b.7", "0.0.4--x"},
}

// bad are strings that are none of a format.
var bad = map[string][]string{
	"date-time":             {"1998-12-31T23:59:61Z", "1998-12-31T23:58:60Z", "1990-02-31T15:59:59Z", "1985-04-12T23:20:50.52+24:00", "2013-350T01:01:01"},
	"date":                  {"2021-02-29", "1900-02-29", "2020-13-01", "1998-1-20", "2020-04-31", "১963-06-19"},
	"time":                  {"22:59:60Z", "23:59:60+01:00", "08:30:06", "24:00:00Z", "12:00:00+24:00"},
	"duration":              {"P", "P1YT", "PT1D", "P2D1Y", "P1Y2W", "1D", "P১Y", "P1Y2D"},
	"email":                 {"2962", ".a@b.c", "a.@b.c", "a..b@c.d", "@b.c", "a@", `"a"b"@c.d`, "a@[127.0.0.300]", strings.Repeat("a", 65) + "@b.c"},
	"hostname":              {"", "-a", "a-", "a..b", "a_b", "xn--X", "XN--4gbwdl.xn--wgbh1c", "b.ab--c", "ab--", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a"},
	"idn-hostname":          {"〮실례.테스트", "-a", "a--b.ab--c", "a·l", "l·a", "α͵S", "A׳ב", "def・abc", "ب٠۰", "क\u200dष", "0a.א", "aא", "א-ּ", "xn--4gbwdl", "xn--x-é", "e\u0301", "ﬁ", "\u1100", "É", "א.é", strings.Repeat("가", 30)},
	"ipv4":                  {"127.0.0", "1.2.3.256", "01.2.3.4", "1.2.3.4.5"},
	"ipv6":                  {"12345::", ":", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1%eth0", "1:2:3:4:5:6:7::8", "::1.2.3"},
	"uri":                   {"//foo", "/abc", "\\\\WINDOWS\\f", "abc", "http:// x", "http://ab c", "http://a^b", "http://[1.2.3.4]"},
	"uri-reference":         {"\\\\WINDOWS", "#frag\\ment", "a:b:c\"", ":a"},
	"uri-template":          {"http://example.com/{a", "{", "a}", "x/{a b}"},
	"uuid":                  {"2eb8aa08aa9811eab4aa73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638"},
	"json-pointer":          {"a", "/~", "/~2", "#"},
	"relative-json-pointer": {"/foo", "-1/foo", "01/a", "0##", "+1"},
	"regex":                 {"^(abc]", "a**", "[z", "(", "\\Z"},
	"semver":                {"1.0", "01.0.0", "1.0.0-01", "1.0.0+"},
}

func TestFormats(t *testing.T) {
	s := newSpace()
	for name, list := range formats {
		l, known := s.Format(name)
		if !known {
			t.Fatalf("%s is not known", name)
		}
		for _, w := range list {
			if !s.Matches(l, w) {
				t.Errorf("%s: %q is refused", name, w)
			}
		}
		for _, w := range bad[name] {
			if s.Matches(l, w) {
				t.Errorf("%s: %q is accepted", name, w)
			}
		}
		if w, ok := s.Shortest(l); !ok || !s.Matches(l, w) {
			t.Errorf("%s: shortest %q, %v", name, w, ok)
		}
	}
	if _, known := s.Format("html-selector"); known || s.Err() != nil {
		t.Error("an unknown format is known", s.Err())
	}
}

// validators returns what the other implementation says of a format; nil where
// it knows none.
func validators(t *testing.T) map[string]func(string) bool {
	out := map[string]func(string) bool{}
	for name := range formats {
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		if err := c.AddResource("s.json", map[string]any{"format": name}); err != nil {
			t.Fatal(err)
		}
		sch, err := c.Compile("s.json")
		if err != nil {
			t.Fatal(err)
		}
		if name == "idn-email" || name == "idn-hostname" {
			continue
		}
		out[name] = func(w string) bool { return sch.Validate(w) == nil }
	}
	return out
}

// randomWord walks through a language at random, and finishes by the shortest
// way after about n characters.
func randomWord(r *rand.Rand, s *Space, l Lang, n int) string {
	var text []rune
	for range n {
		list := s.edges(l)
		if s.Nullable(l) && r.IntN(8) == 0 || len(list) == 0 {
			break
		}
		e := list[r.IntN(len(list))]
		if !s.live(e.to) {
			continue
		}
		text = append(text, e.lo+rune(r.IntN(int(e.hi-e.lo)+1)))
		l = e.to
	}
	rest, ok := s.Shortest(l)
	if !ok {
		panic("a live language without a string")
	}
	return string(text) + rest
}

func TestFormatsAgainstValidator(t *testing.T) {
	valid := validators(t)
	s := newSpace()
	r := rand.New(rand.NewPCG(5, 6))
	for _, name := range slices.Sorted(maps.Keys(valid)) {
		ok := valid[name]
		l, _ := s.Format(name)
		failed := 0
		for i := range 1500 {
			w := randomWord(r, s, l, 3+i%40)
			if !s.Matches(l, w) {
				t.Fatalf("%s: %q was walked but does not match", name, w)
			}
			if !ok(w) {
				t.Errorf("%s: %q is accepted, the validator refuses it", name, w)
				if failed++; failed > 4 {
					break
				}
			}
		}
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
}

// stricter matches what the languages refuse though the validator lets it pass;
// see Format for the reasons.
var stricter = map[string]*regexp.Regexp{
	"date-time":             regexp.MustCompile(`[:Tt+-][+-]\d|:-`), // signs where digits belong
	"time":                  regexp.MustCompile(`(^|[:+-])[+-]\d`),
	"duration":              regexp.MustCompile(`Y\d+D|H\d+S|^P.*T.*W|^PT$|W`),
	"period":                regexp.MustCompile(`Y\d+D|H\d+S|[:Tt+-][+-]\d`),
	"email":                 regexp.MustCompile(`^@|^".*"@|\.$|[.[][+-]\d`),
	"hostname":              regexp.MustCompile(`\.$|(^|\.)..--`),
	"uri":                   regexp.MustCompile(`.`),
	"uri-reference":         regexp.MustCompile(`.`),
	"iri":                   regexp.MustCompile(`.`),
	"iri-reference":         regexp.MustCompile(`.`),
	"uri-template":          regexp.MustCompile(`.`),
	"regex":                 regexp.MustCompile(`.`),
	"ipv4":                  regexp.MustCompile(`(^|\.)[+-]\d`),
	"relative-json-pointer": regexp.MustCompile(`^$`),
}

func TestValidatorAgainstFormats(t *testing.T) {
	valid := validators(t)
	s := newSpace()
	r := rand.New(rand.NewPCG(7, 8))
	const extra = "0123456789abfzTZPYMDHSW:-+./~@[]\"% é"
	for _, name := range slices.Sorted(maps.Keys(valid)) {
		ok := valid[name]
		l, _ := s.Format(name)
		for _, seed := range formats[name] {
			for range 300 {
				w := []rune(seed)
				for range 1 + r.IntN(2) {
					c := []rune(extra)[r.IntN(len([]rune(extra)))]
					i := r.IntN(len(w) + 1)
					switch {
					case i == len(w) || r.IntN(3) == 0:
						w = append(w[:i], append([]rune{c}, w[i:]...)...)
					case r.IntN(2) == 0:
						w[i] = c
					default:
						w = append(w[:i], w[i+1:]...)
					}
				}
				got, want := s.Matches(l, string(w)), ok(string(w))
				if got && !want {
					t.Errorf("%s: %q is accepted, the validator refuses it", name, string(w))
				}
				if re := stricter[name]; want && !got && (re == nil || !re.MatchString(string(w))) {
					t.Errorf("%s: %q is refused, the validator accepts it", name, string(w))
				}
			}
		}
	}
}
