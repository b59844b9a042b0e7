package regex

import (
	"sync"

	"golang.org/x/text/unicode/norm"
)

// idnSets are the characters of U-labels (RFC 5892) as this package takes them:
// those whose labels are in NFC wherever they stand.
type idnSets struct {
	start  set // left to right, no mark
	plain  set // left to right, combining class 0
	marks  set // left to right, another class
	virama set // those of marks of class 9
	right  set // letters from right to left
	points set // marks among them
}

var idnCharacters = sync.OnceValue(func() idnSets {
	var x idnSets
	for _, name := range []string{"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"} {
		chars, _ := category(name)
		for _, p := range chars.minus(idnLeftOut()) {
			if p.hi-p.lo > 1000 { // ideographs and Hangul syllables
				x.start, x.plain = append(x.start, p), append(x.plain, p)
				continue
			}
			for r := p.lo; r <= p.hi; r++ {
				x.add(r, name)
			}
		}
	}
	for _, c := range []*set{&x.start, &x.plain, &x.marks, &x.virama, &x.right, &x.points} {
		*c = normal(*c)
	}
	return x
})

func (x *idnSets) add(r rune, category string) {
	text := []byte(string(r))
	wide := norm.NFKC.Properties(text)
	if wide.Decomposition() != nil && norm.NFKC.String(string(r)) != string(r) {
		return // unstable
	}
	if behind := append([]byte("a"), text...); norm.NFC.QuickSpan(behind) < len(behind) {
		return // it may compose with what stands before it
	}
	mark := category[0] == 'M'
	class := norm.NFC.Properties(text).CCC()
	one := crange{r, r}
	switch right := rightToLeft().contains(r); {
	case right && mark && class != 0:
		x.points = append(x.points, one)
	case right && category[0] == 'L':
		x.right = append(x.right, one)
	case right: // its digits have sets of their own
	case mark && class == 0:
		x.plain = append(x.plain, one)
	case mark:
		x.marks = append(x.marks, one)
		if class == 9 {
			x.virama = append(x.virama, one)
		}
	default:
		x.start, x.plain = append(x.start, one), append(x.plain, one)
	}
}

// rightToLeft are the blocks whose characters are written from right to left,
// marks and digits among them included.
func rightToLeft() set {
	return set{{0x590, 0x8FF}, {0xFB1D, 0xFDFF}, {0xFE70, 0xFEFF}, {0x10800, 0x10FFF}, {0x1E800, 0x1EFFF}}
}

// idnLeftOut are characters that RFC 5892 disallows though their category is
// allowed, by its sections 2.2 (unstable when their case is folded), 2.3, 2.4, 2.6
// and 2.9, and the block 1F00-1FFF, where only some are unstable.
func idnLeftOut() set {
	return set{{0, 0x7F}, {0x345, 0x345}, {0x34F, 0x34F}, {0x640, 0x640}, {0x7FA, 0x7FA}, {0x1100, 0x11FF},
		{0x13F8, 0x13FD}, {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x1C80, 0x1C8F}, {0x1F00, 0x1FFF}, {0x20D0, 0x20FF},
		{0x302E, 0x302F}, {0x3031, 0x3035}, {0x303B, 0x303B}, {0xA960, 0xA97F}, {0xAB70, 0xABBF}, {0xD7B0, 0xD7FF},
		{0xFE00, 0xFE0F}, {0x1D100, 0x1D24F}, {0xE0100, 0xE01EF}}
}

// idnLimit bounds the code points of a U-label. Its A-label has at most 63
// characters then: "xn--", a hyphen, and the Punycode of RFC 3492, whose
// differences add up to no more than the code space for each character.
const (
	idnLimit     = 12 // of a label
	idnHostLimit = 48 // of a name with U-labels
)

// idnHostname is a host name of ASCII, or one with U-labels of RFC 5890 that
// meet the contextual rules of RFC 5892 and the rule of RFC 5893.
func (s *Space) idnHostname() Lang {
	label := s.asciiLabel()
	ascii := s.concat(label, s.Repeat(s.concat(s.fixed(idnDot), label), 0, Unbounded))
	return s.union2(s.inter2(ascii, s.Length(1, 253)), s.idnNames())
}

// idnDot parts labels, by RFC 3490.
const idnDot = `[.\u3002\uFF0E\uFF61]`

// idnNames is the host names with U-labels, or short ones of ASCII.
func (s *Space) idnNames() Lang {
	dot := s.fixed(idnDot)
	names := func(label Lang) Lang {
		return s.inter2(s.concat(label, s.Repeat(s.concat(dot, label), 0, Unbounded)), s.Length(1, idnHostLimit))
	}
	x := idnCharacters()
	ascii := s.asciiLabel()
	short := s.Length(1, idnLimit)
	left := s.inter2(s.leftLabel(x), short)
	right := s.inter2(s.rightLabel(x), short)
	// A name with a label from right to left is bound to RFC 5893 in all labels.
	letterFirst := s.inter2(ascii, s.concat(s.Class('A', 'Z', 'a', 'z'), all))
	return s.union2(names(s.union2(ascii, left)), names(s.union2(letterFirst, right)))
}

// leftLabel is a U-label from left to right, or one of ASCII without two
// hyphens in a row.
func (s *Space) leftLabel(x idnSets) Lang {
	wordy := set{{'0', '9'}, {'a', 'z'}}
	maybe := func(l Lang) Lang { return s.union2(empty, l) }
	start := x.start.union(wordy)
	plain, marks, virama := s.class(x.plain.union(wordy)), s.class(x.marks), s.class(x.virama)
	// At most one mark that is not of class 0: several must be in order.
	mark := maybe(s.union2(marks, s.concat(virama, s.Class(0x200C, 0x200D))))
	greek, _ := script("Greek")
	item := s.Union(s.concat(plain, mark),
		s.concat(s.Literal("l"), s.Repeat(s.Literal("\u00B7l"), 1, Unbounded)),
		s.Concat(s.Literal("\u0375"), s.class(greek.intersect(x.start))))
	first := s.Union(s.concat(s.class(start), mark),
		s.concat(s.Literal("l"), s.Repeat(s.Literal("\u00B7l"), 1, Unbounded)),
		s.Concat(s.Literal("\u0375"), s.class(greek.intersect(x.start))))
	rest := s.Repeat(s.union2(item, s.concat(s.Literal("-"), item)), 0, Unbounded)
	// A middle dot of Katakana needs a character of Japanese in the label.
	kana, _ := s.chars(s.fixed(`[\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Han}]`))
	some := s.Repeat(s.class(x.start.union(set{{0x30FB, 0x30FB}})), 0, Unbounded)
	return s.union2(s.concat(first, rest), s.Concat(some, s.class(kana.intersect(x.start)), some))
}

// rightLabel is a U-label from right to left.
func (s *Space) rightLabel(x idnSets) Lang {
	hebrew, _ := script("Hebrew")
	letters, points := s.class(x.right), s.class(x.points)
	marked := s.concat(s.class(hebrew.intersect(x.right)), s.Class(0x5F3, 0x5F4))
	var kinds []Lang
	for _, digits := range []Lang{s.Class('0', '9', 0x6F0, 0x6F9), s.Class(0x660, 0x669)} { // EN, AN
		item := s.Concat(s.Union(letters, marked, digits), s.union2(empty, points))
		rest := s.Repeat(s.concat(s.union2(empty, s.Literal("-")), item), 0, Unbounded)
		kinds = append(kinds, s.Concat(s.union2(letters, marked), s.union2(empty, points), rest))
	}
	return s.union(kinds)
}
