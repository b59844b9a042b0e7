package regex

import (
	"testing"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"

	"orchrt/sampler/grammar/budget"
)

// TestInternationalCharacters holds the characters of U-labels against the
// definitions of RFC 5892 and RFC 5893 as far as they can be computed.
func TestInternationalCharacters(t *testing.T) {
	x := idnCharacters()
	fold := cases.Fold()
	for name, c := range map[string]set{"start": x.start, "plain": x.plain, "marks": x.marks, "right": x.right, "points": x.points} {
		for _, p := range c {
			for r := p.lo; r <= p.hi; r++ {
				text := string(r)
				if folded := norm.NFKC.String(fold.String(norm.NFKC.String(text))); folded != text && r != 'ß' && r != 'ς' {
					t.Errorf("%s: %U is unstable: %q", name, r, folded)
				}
				if both := "a" + text; !norm.NFC.IsNormalString(both) {
					t.Errorf("%s: %U composes", name, r)
				}
				class, _ := bidi.LookupString(text)
				k := class.Class()
				rtl := k == bidi.R || k == bidi.AL
				if (name == "right") != rtl || name == "points" && k != bidi.NSM || k == bidi.AN {
					t.Errorf("%s: %U has class %d of bidi", name, r, k)
				}
			}
		}
	}
}

// TestInternationalWork reads names of large alphabets within a budget that
// sets of thousands of ranges for each length would exceed.
func TestInternationalWork(t *testing.T) {
	for name, text := range map[string]string{"idn-hostname": "실례-bücher.테스트", "idn-email": "실례@실례.테스트"} {
		s := NewSpace(budget.New(500_000))
		l, _ := s.Format(name)
		x := NewLexer(s)
		if st := run(x, x.Start(l), text); st == 0 || !x.Accepts(st) || s.Err() != nil {
			t.Errorf("%s: %q is refused: %v", name, text, s.Err())
		}
	}
}
