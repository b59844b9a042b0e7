package value

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestClasses holds that values are equal, and so are their canonical texts,
// exactly within each line.
func TestClasses(t *testing.T) {
	classes := [][]string{
		{`1`, `1.0`, `10e-1`, `0.1E+1`, `1000000000000000000000000000000e-30`, `0.00000000000000000001e20`, `1e-0`, `1e0000000000000000000000`},
		{`0`, `-0`, `0.000e99999999999999999999999`, `-0e-5`}, {`-1`, `-1.00`}, {`10`, `1e1`, `1.0e+01`},
		{`1e400000000`, `10e399999999`, `0.1e400000001`},
		{`1e-99999999999999999999999`, `10e-100000000000000000000000`, `0.1e-99999999999999999999998`},
		{`1e99999999999999999999999`, `10e99999999999999999999998`, `100e99999999999999999999997`, `0.1e100000000000000000000000`},
		{`1e99999999999999999`, `10e99999999999999998`, `0.1e100000000000000000`}, {`1e100000000000000000`, `0.1e100000000000000001`, `10e99999999999999999`},
		{`9007199254740993`}, {`9007199254740992`}, {`0.1`, `1e-1`}, {`0.1000000000000000055511151231257827`},
		{`"1"`, `"\u0031"`}, {`""`}, {`"\n"`, `"\u000a"`}, {`"\u00e9"`, `"é"`}, {`"e\u0301"`}, {`"\ud83d\ude00"`, `"😀"`},
		{`null`}, {`true`}, {`false`}, {`[]`, `[ ]`}, {`{}`}, {`[[]]`}, {`[1,2]`, `[1.0, 2e0]`}, {`[2,1]`}, {`[0]`, `[-0]`}, {`[false]`},
		{`{"a":1,"b":[{"c":2,"d":3}]}`, `{"b":[{"d":30e-1,"c":2}],"a":1.0}`}, {`{"a":1}`}, {`{"a":1,"c":[{"c":2,"d":3}]}`}, {`{"a":{}}`}, {`{"a":[]}`},
	}
	for i, a := range classes {
		for _, x := range a {
			for j, b := range classes {
				for _, y := range b {
					v, w := parse(t, x), parse(t, y)
					if v.Equal(w) != (i == j) {
						t.Errorf("%s equals %s: %v", x, y, v.Equal(w))
					}
					if (v.Canonical() == w.Canonical()) != (i == j) {
						t.Errorf("canonical texts of %s and %s: %s, %s", x, y, v.Canonical(), w.Canonical())
					}
				}
			}
		}
	}
}

// TestNumbers compares with exact fractions.
func TestNumbers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	some := func() string {
		var b strings.Builder
		if rng.IntN(2) == 0 {
			b.WriteByte('-')
		}
		b.WriteString([]string{"0", "1", "12", "120", "5000"}[rng.IntN(5)])
		b.WriteString([]string{"", ".0", ".1", ".020", ".00", ".120"}[rng.IntN(6)])
		if rng.IntN(2) == 0 {
			fmt.Fprintf(&b, "%c%s%d", "eE"[rng.IntN(2)], []string{"", "+", "-", "-00"}[rng.IntN(4)], rng.IntN(5))
		}
		return b.String()
	}
	equal := 0
	for range 20000 {
		x, y := some(), some()
		a, _ := new(big.Rat).SetString(x)
		b, _ := new(big.Rat).SetString(y)
		v, w := parse(t, x), parse(t, y)
		if want := a.Cmp(b) == 0; v.Equal(w) != want || (v.Canonical() == w.Canonical()) != want {
			t.Fatalf("%s and %s: %v, %s, %s", x, y, v.Equal(w), v.Canonical(), w.Canonical())
		} else if want {
			equal++
		}
	}
	if equal < 100 {
		t.Errorf("only %d pairs were equal", equal)
	}
}

// TestHugeExponent must not take time that grows with the exponent, nor much
// more than the text is long.
func TestHugeExponent(t *testing.T) {
	long := "1e" + strings.Repeat("9", 1<<20)
	carried := "0.1e1" + strings.Repeat("0", 1<<20)
	if !parse(t, long).Equal(parse(t, carried)) {
		t.Error("1e99…9 is not 0.1e100…0")
	}
	if got := parse(t, "-10E-00"+strings.Repeat("1", 30)).Canonical(); got != "-1e-"+strings.Repeat("1", 29)+"0" {
		t.Error(got)
	}
}

func TestStyles(t *testing.T) {
	v := parse(t, `{"a":[1,[],{}],"b":{"c":"\b\f\n\r\t\"\\\/\u0001\u007f\u2028é"},"d":-1.50E+3}`)
	s := "\"\\b\\f\\n\\r\\t\\\"\\\\/\\u0001\x7f\u2028é\""
	for style, want := range map[Style]string{
		Python:  `{"a": [1, [], {}], "b": {"c": ` + s + `}, "d": -1.50E+3}`,
		Compact: `{"a":[1,[],{}],"b":{"c":` + s + `},"d":-1.50E+3}`,
		Indent2: "{\n  \"a\": [\n    1,\n    [],\n    {}\n  ],\n  \"b\": {\n    \"c\": " + s + "\n  },\n  \"d\": -1.50E+3\n}",
		Indent4: "{\n    \"a\": [\n        1,\n        [],\n        {}\n    ],\n    \"b\": {\n        \"c\": " + s + "\n    },\n    \"d\": -1.50E+3\n}",
		Tab:     "{\n\t\"a\": [\n\t\t1,\n\t\t[],\n\t\t{}\n\t],\n\t\"b\": {\n\t\t\"c\": " + s + "\n\t},\n\t\"d\": -1.50E+3\n}",
	} {
		if got := string(Append(nil, v, style)); got != want {
			t.Errorf("style %d:\n%s\nwant\n%s", style, got, want)
		}
	}
}

func TestShuffle(t *testing.T) {
	v := parse(t, `{"a":1,"b":[{"c":1,"d":2,"e":3}],"f":{"g":1,"h":2}}`)
	text := v.String()
	seen := map[string]bool{}
	for seed := range uint64(2000) {
		w := Shuffle(v, rand.New(rand.NewPCG(seed, 0)))
		if !w.Equal(v) || v.String() != text {
			t.Fatalf("%v became %v", text, w)
		}
		seen[w.String()] = true
	}
	if len(seen) != 3*2*6*2 {
		t.Errorf("%d orders, want 72", len(seen))
	}
}

func BenchmarkCanonical(b *testing.B) {
	v := parse(b, `{"type":"object","b":[{"d":30e-1,"c":2},"text",1.5,true],"a":{"x":-1e-7}}`)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendCanonical(buf[:0], v)
	}
}
