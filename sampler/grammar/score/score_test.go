package score

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"orchrt/sampler/grammar"
	"orchrt/sampler/grammar/value"
)

// scorerOf returns a scorer of a decoder that lets texts through.
func scorerOf(t *testing.T, d *finite, opt Options) *Scorer {
	t.Helper()
	d.src = newSource()
	var err error
	if d.ids, err = findIDs(d.src, firstAdded); err != nil {
		t.Fatal(err)
	}
	return newScorer(d, d.src, d.ids, opt)
}

func readAll(t *testing.T, lines string) []Case {
	t.Helper()
	cases, err := Read(strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// scoreOne returns the result and the report of a single case.
func scoreOne(t *testing.T, s *Scorer, line string) (*Result, *Report) {
	t.Helper()
	var got *Result
	p := &Report{}
	if err := s.Run(t.Context(), readAll(t, line), func(r *Result) { got = r; p.Add(r) }); err != nil {
		t.Fatal(err)
	}
	p.Finish()
	return got, p
}

const boolCase = `{"name": "b", "schema": {}, "tests": [{"valid": true, "data": {"a":true}}, {"valid": false, "data": {"a":1}}, {"valid": false, "data": true}]}`

func TestScore(t *testing.T) {
	texts := []string{`{"a": true}`, `{"a": false}`}
	tests := []struct {
		name    string
		decoder finite
		outcome Outcome
		refused int // valid
		leaked  int
		kinds   []string
	}{
		{"exact", finite{texts: texts}, Passed, 0, 0, nil},
		{"valid refused", finite{texts: texts[1:]}, Failed, 1, 0, []string{validRefused}},
		{"invalid accepted", finite{texts: append([]string{`{"a": 1}`}, texts...)}, Failed, 0, 1, []string{invalidAccepted}},
		{"only its beginning accepted", finite{texts: append([]string{`{"a": 1}x`}, texts...)}, Passed, 0, 0, nil},
		{"no end", finite{texts: texts, noEnd: true}, Failed, 1, 0, []string{validRefused}},
		{"refused", finite{refuse: &grammar.SchemaError{Path: "/a", Keyword: "k", Reason: "r"}}, Refused, 0, 0, nil},
		{"panic", finite{texts: texts, panics: true}, Panicked, 0, 0, nil},
		{"slow", finite{texts: texts, hang: 30 * time.Millisecond}, TimedOut, 0, 0, nil},
		{"hang", finite{texts: texts, hang: 3 * time.Second}, TimedOut, 0, 0, nil},
		{"added token", finite{texts: texts, stray: true}, Failed, 0, 0, []string{strayToken}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			opt := Options{}
			if tt.decoder.hang > 0 {
				opt.Limit = 50 * time.Millisecond
			}
			r, p := scoreOne(t, scorerOf(t, &tt.decoder, opt), boolCase)
			if r.Outcome != tt.outcome || r.ValidRefused != tt.refused || r.InvalidAccepted != tt.leaked {
				t.Errorf("%s, %d valid refused, %d invalid accepted: %+v", r.Outcome, r.ValidRefused, r.InvalidAccepted, r)
			}
			for _, k := range tt.kinds {
				if len(r.Faults) == 0 || r.Faults[0].Kind != k {
					t.Errorf("faults %+v, want %q", r.Faults, k)
				}
			}
			if p.Cases != 1 || p.Passed+p.Refused+p.Failed+p.TimedOut+p.Panicked != 1 {
				t.Errorf("report %+v", p)
			}
		})
	}
}

func TestRefusal(t *testing.T) {
	d := &finite{refuse: &grammar.SchemaError{Tool: "t", Path: "/a", Keyword: "k", Reason: "r"}}
	r, p := scoreOne(t, scorerOf(t, d, Options{}), boolCase)
	if want := (Refusal{"t", "/a", "k", "r", false}); r.Refusal == nil || *r.Refusal != want {
		t.Errorf("%+v", r)
	}
	if p.CompileMS.N != 1 || p.FirstMS.N != 0 || p.MaskUS.N != 0 {
		t.Errorf("%+v", p)
	}
}

func TestForced(t *testing.T) {
	// `{"`, `a`, `": `, then a choice, then `}`: four of five are known.
	d := &finite{texts: []string{`{"a": true}`, `{"a": false}`}}
	_, p := scoreOne(t, scorerOf(t, d, Options{}), boolCase)
	if p.Tokens != 5 || p.ForcedShare != 0.8 || p.OddForced != 0 {
		t.Errorf("%d tokens, %.2f forced, %d odd", p.Tokens, p.ForcedShare, p.OddForced)
	}
	if p.MaskUS.N < 6 || p.MaskUS.Max < p.MaskUS.P50 {
		t.Errorf("masks %+v", p.MaskUS)
	}
}

func TestStylesAndOrder(t *testing.T) {
	line := `{"name": "s", "schema": {}, "tests": [{"valid": true, "data": {"a":[1],"b":2,"c":3,"d":4}}]}`
	for style, text := range map[value.Style]string{
		value.Python:  `{"a": [1], "b": 2, "c": 3, "d": 4}`,
		value.Compact: `{"a":[1],"b":2,"c":3,"d":4}`,
		value.Tab:     "{\n\t\"a\": [\n\t\t1\n\t],\n\t\"b\": 2,\n\t\"c\": 3,\n\t\"d\": 4\n}",
	} {
		if r, _ := scoreOne(t, scorerOf(t, &finite{texts: []string{text}}, Options{Style: style}), line); r.Outcome != Passed {
			t.Errorf("style %d: %+v", style, r)
		}
	}
	seen := map[string]bool{}
	for seed := range uint64(20) {
		r, _ := scoreOne(t, scorerOf(t, &finite{texts: []string{"x"}}, Options{Shuffle: true, Seed: seed}), line)
		seen[r.Faults[0].Text] = true
	}
	if len(seen) < 10 {
		t.Errorf("20 seeds give %d orders", len(seen))
	}
}

const callCase = `{"name": "c", "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"x": {"enum": ["u", "v"]}}, "required": ["x"], "additionalProperties": false}}}, {"type": "function", "function": {"name": "g"}}],
 "calls": [{"name": "f", "arguments": {"x":"u"}}, {"name": "g", "arguments": {}}]}`

// callTexts is every turn that callCase allows.
func callTexts() []string {
	f := callMark + "\n" + `{"name": "f", "arguments": {"x": "u"}}` + "\n" + endMark
	v := strings.Replace(f, `"u"`, `"v"`, 1)
	g := callMark + "\n" + `{"name": "g", "arguments": {}}` + "\n" + endMark
	return []string{f, v, g, f + "\n" + g}
}

func TestCalls(t *testing.T) {
	line := strings.ReplaceAll(callCase, "\n", "")
	s := scorerOf(t, &finite{texts: callTexts()}, Options{Mutate: true})
	r, p := scoreOne(t, s, line)
	if r.Outcome != Passed || r.Tests != 3 {
		t.Fatalf("%+v", r)
	}
	for kind, least := range map[string]int{"missing key": 1, "extra key": 2, "other type": 10, "other value": 3, "unknown tool": 5, duplicated: 1} {
		if m := p.Mutants[kind]; m.Invalid < least || m.InvalidAccepted != 0 {
			t.Errorf("%s: %+v", kind, m)
		}
	}
	leaky := append(callTexts(), strings.Replace(callTexts()[0], `"x": "u"`, `"x": "u", "x": "u"`, 1))
	r, p = scoreOne(t, scorerOf(t, &finite{texts: leaky}, Options{Mutate: true}), line)
	if r.Outcome != Failed || p.Mutants[duplicated].InvalidAccepted != 1 {
		t.Errorf("a duplicate key was let through unnoticed: %+v", r)
	}
	r, _ = scoreOne(t, scorerOf(t, &finite{texts: callTexts()[1:]}, Options{}), line)
	if r.Outcome != Failed || r.ValidRefused != 1 {
		t.Errorf("%+v", r)
	}
}

func TestMutantsOfInstances(t *testing.T) {
	line := `{"name": "m", "schema": {"type": "boolean"}, "tests": [{"valid": true, "data": true}]}`
	_, p := scoreOne(t, scorerOf(t, &finite{texts: []string{"true"}}, Options{Mutate: true}), line)
	if m := p.Mutants["other value"]; m.Valid != 1 || m.ValidRefused != 1 {
		t.Errorf("false is valid too, and refused: %+v", p.Mutants)
	}
}

// TestNormalized checks that an instance is not composed on the way.
func TestNormalized(t *testing.T) {
	text := "\"e\u0301\""
	line := `{"name": "n", "schema": {}, "tests": [{"valid": true, "data": ` + text + `}]}`
	if r, _ := scoreOne(t, scorerOf(t, &finite{texts: []string{text}}, Options{}), line); r.Outcome != Passed {
		t.Errorf("%+v", r)
	}
}

func TestRead(t *testing.T) {
	plain := []byte(boolCase + "\n\n" + strings.ReplaceAll(callCase, "\n", ""))
	var zipped, zst bytes.Buffer
	g := gzip.NewWriter(&zipped)
	g.Write(plain)
	g.Close()
	z, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(plain)
	z.Close()
	want := readAll(t, string(plain))
	if len(want) != 2 || len(want[0].Tests) != 3 || len(want[1].Calls) != 2 || want[1].Tools[1].Function.Parameters != nil {
		t.Fatalf("%+v", want)
	}
	for _, b := range [][]byte{zipped.Bytes(), zst.Bytes()} {
		got, err := Read(bytes.NewReader(b))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %+v", err, got)
		}
	}
	for _, bad := range []string{
		`{"name": "x"}`, `{"schema": {}, "tools": []}`, `{"schema": {}, "tests": [{"valid": true}]}`, `[]`, `{"schema"`,
		`{"tools": [{}]}`, `{"tools": [], "calls": [{"name": "f"}]}`,
	} {
		if _, err := Read(strings.NewReader(boolCase + "\n" + bad)); err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
			t.Errorf("%s: error %v", bad, err)
		}
	}
	if got := readAll(t, ""); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestOrder checks that results come in the order of the cases, however many
// are worked on at a time, and that a cancelled run ends.
func TestOrder(t *testing.T) {
	var lines strings.Builder
	var want []string
	for _, name := range "abcdefghijklmnop" {
		lines.WriteString(strings.Replace(boolCase, `"b"`, `"`+string(name)+`"`, 1) + "\n")
		want = append(want, string(name))
	}
	cases := readAll(t, lines.String())
	s := scorerOf(t, &finite{texts: []string{`{"a": true}`}}, Options{Jobs: 4})
	var got []string
	if err := s.Run(t.Context(), cases, func(r *Result) { got = append(got, r.Name) }); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: %q", err, got)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	n := 0
	err := s.Run(ctx, cases, func(*Result) {
		if n++; n == 3 {
			stop(cause)
		}
	})
	if !errors.Is(err, cause) || n != 3 {
		t.Errorf("%v after %d cases", err, n)
	}
}

func TestQuantiles(t *testing.T) {
	var ns []uint32
	for i := range 1000 {
		ns = append(ns, uint32(1000-i)*1000)
	}
	want := Quantiles{N: 1000, Mean: 500.5, P50: 500, P90: 900, P99: 990, P999: 999, Max: 1000}
	if q := quantiles(ns, 1e3); q != want {
		t.Errorf("%+v", q)
	}
	if q := quantiles([]uint32{7000}, 1e3); q.P50 != 7 || q.Max != 7 || q.P999 != 7 {
		t.Errorf("%+v", q)
	}
	if q := quantiles(nil, 1); q != (Quantiles{}) {
		t.Errorf("%+v", q)
	}
}
