package number

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// pythonFloat writes a finite float as Python's repr does.
func pythonFloat(f float64) string {
	digits, e, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	n, _ := strconv.Atoi(e)
	if -4 <= n && n < 16 {
		s := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	return digits + "e" + e // e+16, e-05
}

func TestPythonFloat(t *testing.T) {
	for f, want := range map[float64]string{
		1e-5: "1e-05", 1e16: "1e+16", math.MaxFloat64: "1.7976931348623157e+308", 5e-324: "5e-324", 1: "1.0", 1e15: "1000000000000000.0",
		0.0001: "0.0001", -2.5e-10: "-2.5e-10", 123456789012345680: "1.2345678901234568e+17", 0.1: "0.1",
	} {
		if got := pythonFloat(f); got != want {
			t.Errorf("%g is %s, want %s", f, got, want)
		}
	}
}

// TestWriters holds that nothing that the usual writers print is refused.
func TestWriters(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	for _, form := range []Form{Any, Normal} {
		x := NewLexerOf(form)
		take := func(s Set, text string) {
			t.Helper()
			if st, n := run(x, s, text); st == 0 || !x.Accepts(st) {
				t.Fatalf("form %d, %v: %s is refused from byte %d on", form, s, text, n)
			}
		}
		floats := []float64{0, math.Copysign(0, -1), 5e-324, math.MaxFloat64, 1e-5, 1e16, 1e21, 1e-7, 1e22, 1.5, 100, 1e308}
		for range 3000 {
			f := math.Float64frombits(rng.Uint64())
			if !math.IsNaN(f) && !math.IsInf(f, 0) {
				floats = append(floats, f, math.Floor(f), float64(rng.IntN(1000))/100)
			}
		}
		for _, f := range floats {
			goText, _ := json.Marshal(f)
			sets := []Set{All(), AtLeast(FromInt(0))}
			if f < 0 {
				sets[1] = Below(FromInt(0))
			}
			if f == math.Floor(f) {
				sets = append(sets, Integers())
			}
			for _, s := range sets {
				take(s, pythonFloat(f))
				take(s, string(goText))
				take(s, strconv.FormatFloat(f, 'e', 17, 64))
			}
			take(Point(dec(t, pythonFloat(f))), string(goText))
		}
		for range 200 {
			n := strings.Repeat("9", rng.IntN(300)) + strconv.Itoa(1+rng.IntN(1e9))
			for _, s := range []Set{All(), Integers(), AtLeast(FromInt(0)), Point(dec(t, n))} {
				take(s, n)
				take(s, n+".000")
			}
		}
	}
}

// TestExponentBounds holds the documented limits.
func TestExponentBounds(t *testing.T) {
	for text, want := range map[string]bool{
		"1e308": true, "1e309": false, "9.99E+308": true, "1e-400": true, "1e-401": false, "1e0000000308": true, "1e-0000": true, "1e3080": false,
		"12e3": true, "0e3": true, "0.5e1": true, "100e-2": true,
	} {
		if st, _ := run(NewLexer(), All(), text); (st != 0) != want {
			t.Errorf("%s is taken: %v", text, st != 0)
		}
		if st, _ := run(NewLexerOf(Normal), All(), text); (st != 0) != (want && normal.MatchString(text)) {
			t.Errorf("%s is taken as normal: %v", text, st != 0)
		}
	}
}

// TestFewStates holds that a run of digits makes no more states than the set
// needs.
func TestFewStates(t *testing.T) {
	multiples := func(text string) Set {
		s, err := Multiples(dec(t, text))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	long := strings.Repeat("31415926", 500)
	zeros := strings.Repeat("0", 4000)
	for i, c := range []struct {
		set    Set
		text   string
		states int // of a Lexer of the form Normal
		any    int // of any form
	}{
		{All(), "-" + long + "." + long, 6, 6},
		{All(), "0." + zeros + long + "e-05", 16, 16},
		{Integers(), "-" + long, 5, 5},
		{Integers(), "1" + zeros, 4, 405},
		{Integers(), "1." + zeros, 313, 313},
		{Integers(), "12." + zeros, 6, 314},
		{AtLeast(FromInt(0)), long + "." + long, 5, 5},
		{AtLeast(FromInt(10)), long + "." + long, 8, 410},
		{Integers().Intersect(AtLeast(FromInt(1))), long, 4, 5},
		{AtLeast(FromInt(-90)).Intersect(AtMost(FromInt(90))), "45." + long, 7, 7},
		{multiples("0.01"), long + ".25" + zeros, 9, 410},
		{multiples("7"), long[:4000] + strings.Repeat("0", 2000), 20, 420},
	} {
		for form, limit := range []int{c.any, c.states} {
			x := NewLexerOf(Form(form))
			if st, n := run(x, c.set, c.text); st == 0 && n < 20 {
				t.Errorf("case %d, form %d: refused at byte %d", i, form, n)
			}
			if n := len(x.cold) - 1; n > limit {
				t.Errorf("case %d, form %d: %d states, want at most %d", i, form, n, limit)
			}
		}
	}
}

// TestRange is the example of a range within one decade.
func TestRange(t *testing.T) {
	s := AtLeast(FromInt(15)).Intersect(AtMost(FromInt(18)))
	next := func(x *Lexer, text string) string {
		st, _ := run(x, s, text)
		var b strings.Builder
		for i := range len(alphabet) {
			if x.Step(st, alphabet[i]) != 0 {
				b.WriteByte(alphabet[i])
			}
		}
		if x.Accepts(st) {
			b.WriteByte('$')
		}
		return b.String()
	}
	for text, want := range map[string][2]string{
		"": {"01", "1"}, "1": {"5678.", "5678."}, "15": {"0123456789.e$", ".$"}, "18": {"0.e$", ".$"}, "18.": {"0", "0"}, "18.0": {"0e$", "0$"},
		"1.": {"5678", "5678"}, "1.5": {"0123456789e", "0123456789e"}, "1.5e": {"01+", "01+"}, "1.5e1": {"$", "$"}, "160": {"0123456789.e", ""}, "160e": {"-", ""},
		"17.": {"0123456789", "0123456789"}, "0.": {"01", ""}, "0.00": {"01", ""}, "-": {"", ""},
	} {
		for form, w := range want {
			if got := next(NewLexerOf(Form(form)), text); got != w {
				t.Errorf("form %d: after %q: %q, want %q", form, text, got, w)
			}
		}
	}
}

// TestWritten shows what the form leaves out, of sets of integers and of others.
func TestWritten(t *testing.T) {
	x := NewLexerOf(Written)
	even, err := Multiples(FromInt(2))
	if err != nil {
		t.Fatal(err)
	}
	most := AtMost(FromInt(300))
	for _, tt := range []struct {
		s    Set
		text string
		want bool
	}{
		{Integers(), "20", true}, {Integers(), "-0", true}, {Integers(), "2.0", false}, {Integers(), "2e1", false}, {Integers(), "2.", false},
		{even.Intersect(most), "298", true}, {even.Intersect(most), "3e2", false}, {even.Intersect(AtLeast(FromInt(1))), "0", false},
		{Point(FromInt(7)), "7", true}, {Point(FromInt(7)), "7.0", false}, {Point(FromInt(1000)), "1e3", false},
		{All(), "2.0", true}, {All(), "2e1", true}, {All(), "2E1", false}, {most, "1.5e-07", true}, {most, "1.5E-07", false},
	} {
		if st, _ := run(x, tt.s, tt.text); (st != 0 && x.Accepts(st)) != tt.want {
			t.Errorf("%v: %s is accepted: %t", tt.s, tt.text, !tt.want)
		}
	}
}

func TestInDigits(t *testing.T) {
	whole := Integers().InDigits()
	x := NewLexerOf(Any)
	for _, tt := range []struct {
		s    Set
		text string
		want bool
	}{
		{whole, "12", true}, {whole, "12.0", false}, {whole, "1e2", false}, {whole, "-0", true},
		{whole.Intersect(AtLeast(FromInt(5))), "6.0", false}, {whole.Intersect(AtLeast(FromInt(5))), "6", true},
		{whole.Union(Points(FromInt(3))), "3.0", false}, {whole.Union(AtLeast(FromInt(5))), "5.5", true}, {whole.Complement(), "5.5", true},
		{Integers(), "12.0", true},
	} {
		if st, _ := run(x, tt.s, tt.text); (st != 0 && x.Accepts(st)) != tt.want {
			t.Errorf("%v: %s is accepted: %t", tt.s, tt.text, !tt.want)
		}
	}
}

// TestLongInteger completes integers whose shortest text has an exponent that
// the form does not take.
func TestLongInteger(t *testing.T) {
	for _, text := range []string{"5e50", "-3e30", "1000000000000000000000000"} {
		s := Point(dec(t, text))
		x := NewLexerOf(Written)
		whole := x.Shortest(x.Start(s))
		if st, n := run(x, s, whole); st == 0 || !x.Accepts(st) || strings.ContainsAny(whole, ".e") {
			t.Errorf("%s is written %s, refused from byte %d on", text, whole, n)
		}
	}
}
