package formula

import (
	"fmt"
	"math"

	"orchrt/sampler/grammar/number"
)

// search is what the search for values keeps.
type search struct {
	lexer   *number.Lexer
	depth   int32 // values being searched for, one inside the other
	low     int32 // the outermost of them that an answer since was based on
	objects map[objectKey]found
	arrays  map[arrayKey]found
	endings map[endingKey]*ending
	within  []F // what was being looked for when an error came up, innermost first
}

type objectKey struct {
	c    Cond
	seen *KeySet // nil for an answer that holds whatever was seen
	text bool
}

type endingKey struct {
	c    Cond
	seen *KeySet // nil for one that holds whatever was seen
}

type arrayKey struct {
	c     Cond
	fresh F
	text  bool
}

// found is the answer to whether there are members or items.
type found struct {
	ok    bool
	firm  bool     // it holds whatever keys were seen
	text  string   // the members or items, if they were asked for
	items []string // the items one by one
}

const noAssumption = math.MaxInt32

func (s *search) init() {
	s.lexer = number.NewLexerOf(number.Written)
	s.low = noAssumption
	s.objects = map[objectKey]found{}
	s.arrays = map[arrayKey]found{}
	s.endings = map[endingKey]*ending{}
}

// maxText bounds the text of a witness.
const maxText = 1 << 20

// LengthError says that all values of a formula that is not empty may be too long
// to be written.
type LengthError struct{ Limit int }

func (e *LengthError) Error() string {
	return fmt.Sprintf("the shortest value that was found has more than %d bytes", e.Limit)
}

// fits fails the Space if a text is too long, and counts its bytes.
func (sp *Space) fits(n int) bool {
	if n > maxText {
		sp.fail(&LengthError{Limit: maxText})
		return false
	}
	return sp.spend(n / 32)
}

// Within returns the formulas that values were being looked for in when Satisfiable
// or Witness failed, the innermost first. Resume forgets them.
func (sp *Space) Within() []F { return sp.search.within }

// Satisfiable reports whether some value is in f.
func (sp *Space) Satisfiable(f F) (bool, error) {
	_, ok := sp.value(f, false)
	return ok && sp.Err() == nil, sp.Err()
}

// Witness returns the JSON text of a short value in f, in the form that Python's
// json.dumps writes; ok is false if f is empty.
func (sp *Space) Witness(f F) (text string, ok bool, err error) {
	text, ok = sp.value(f, true)
	return text, ok && sp.Err() == nil, sp.Err()
}

// value looks for a value in f. While one is being looked for, f counts as empty
// further in, which gives the least fixpoint; a negative answer that is based on
// that is not kept.
func (sp *Space) value(f F, text bool) (string, bool) {
	f = sp.Resolved(f)
	switch n := &sp.nodes[f]; {
	case n.sat < 0:
		return "", false
	case n.witness != nil:
		return *n.witness, true
	case n.sat > 0 && !text:
		return "", true
	case n.depth > 0:
		sp.search.low = min(sp.search.low, n.depth)
		return "", false
	}
	if !sp.spend(8) {
		return "", false
	}
	c := sp.nodes[f].content
	best, ok := sp.scalar(c, text)
	if !ok || text && len(best) > 2 {
		best, ok = sp.container(f, c, best, ok, text)
	}
	if !sp.sound() || !sp.fits(len(best)) {
		sp.search.within = append(sp.search.within, f)
		return "", false
	}
	n := &sp.nodes[f]
	switch {
	case !ok:
		if sp.search.low == noAssumption {
			n.sat = -1
		}
		return "", false
	case text:
		n.witness = &best
	}
	n.sat = 1
	return best, true
}

// container looks for an object or an array that is shorter than best. Negative
// answers on the way may be based on f itself being empty, which is right in the
// least fixpoint, or on formulas further out.
func (sp *Space) container(f F, c Content, best string, ok, text bool) (string, bool) {
	s := &sp.search
	saved := s.low
	s.low = noAssumption
	s.depth++
	depth := s.depth
	sp.nodes[f].depth = depth
	better := func(r found, open, end string) {
		if t := open + r.text + end; r.ok && (!ok || len(t) < len(best)) {
			best, ok = t, true
		}
	}
	if c.Object != Never {
		better(sp.membersOf(c.Object, sp.NoKeys(), text), "{", "}")
	}
	if c.Array != Never && (!ok || text && len(best) > 2) {
		better(sp.itemsOf(c.Array, fTrue, text), "[", "]")
	}
	sp.nodes[f].depth = 0
	s.depth--
	if s.low >= depth {
		s.low = noAssumption
	}
	if !ok && s.low == noAssumption && sp.sound() {
		sp.nodes[f].sat = -1
	}
	s.low = min(s.low, saved)
	return best, ok
}

// scalar returns the shortest of a literal, a number and a string.
func (sp *Space) scalar(c Content, text bool) (best string, ok bool) {
	if c.Numbers != noNumbers {
		if !text {
			return "", true
		}
		before := sp.search.lexer.States()
		best, ok = sp.search.lexer.Shortest(sp.search.lexer.Start(sp.numbers[c.Numbers])), true
		sp.spend(24 * (sp.search.lexer.States() - before))
	}
	better := func(t string) {
		if !ok || len(t) < len(best) {
			best, ok = t, true
		}
	}
	for _, l := range [...]struct {
		kind Kinds
		text string
	}{{Null, "null"}, {True, "true"}, {False, "false"}} {
		if c.Literals&l.kind != 0 {
			better(l.text)
		}
	}
	if ok && (!text || len(best) <= 2) || c.Strings == sp.Regex.None() {
		return best, ok
	}
	if !text {
		return "", !sp.Regex.IsEmpty(c.Strings)
	}
	if t, some := sp.Regex.Shortest(c.Strings); some {
		better(quote(t))
	}
	return best, ok
}

// quote writes a string as JSON.
func quote(s string) string {
	const hex = "0123456789abcdef"
	b := append(make([]byte, 0, len(s)+2), '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c == '\b':
			b = append(b, '\\', 'b')
		case c == '\f':
			b = append(b, '\\', 'f')
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}

// SomeMembers reports whether members can follow those of seen so that c holds,
// and with text set returns short ones.
func (sp *Space) SomeMembers(c Cond, seen *KeySet, text bool) (string, bool) {
	r := sp.membersOf(c, seen, text)
	return r.text, r.ok && sp.sound()
}

// SomeItems reports whether items can follow so that c holds, and with text set
// returns short ones; fresh is the formula of the values that no item before has,
// which matters only if Compares(c).
func (sp *Space) SomeItems(c Cond, fresh F, text bool) (string, bool) {
	r := sp.itemsOf(c, fresh, text)
	return r.text, r.ok && sp.sound()
}

func (sp *Space) membersOf(c Cond, seen *KeySet, text bool) found {
	switch {
	case c == Never:
		return found{firm: true}
	case sp.Closes(c):
		return found{ok: true, firm: true}
	}
	s := &sp.search
	if r, ok := s.objects[objectKey{c, nil, text}]; ok {
		return r
	}
	if r, ok := s.objects[objectKey{c, seen, text}]; ok {
		return r
	}
	if !sp.spend(4) {
		return found{}
	}
	saved := s.low
	s.low = noAssumption
	r := sp.solveObject(c, seen, text)
	if sp.sound() && (r.ok || s.low == noAssumption) {
		k := objectKey{c, seen, text}
		if r.firm {
			k.seen = nil
		}
		s.objects[k] = r
	}
	s.low = min(s.low, saved)
	return r
}

func (sp *Space) itemsOf(c Cond, fresh F, text bool) found {
	switch {
	case c == Never:
		return found{}
	case sp.Closes(c):
		return found{ok: true}
	case !sp.conds[c].compares:
		fresh = fTrue
	}
	s := &sp.search
	if r, ok := s.arrays[arrayKey{c, fresh, text}]; ok {
		return r
	}
	if !sp.spend(4) {
		return found{}
	}
	saved := s.low
	s.low = noAssumption
	var r found
	if sp.conds[c].compares {
		r = sp.solveComparing(c, fresh, text)
	} else {
		r = sp.solveArray(c, text)
	}
	if sp.sound() && (r.ok || s.low == noAssumption) {
		s.arrays[arrayKey{c, fresh, text}] = r
	}
	s.low = min(s.low, saved)
	return r
}
