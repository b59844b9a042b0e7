package regex

// What a node's parts tell of all its strings, so that much can be said of an
// intersection without following its derivatives.

// ascii is a set of characters below 0x80.
type ascii [2]uint64

func (a *ascii) add(r rune) { a[r>>6] |= 1 << (r & 63) }

func (a ascii) and(b ascii) ascii { return ascii{a[0] & b[0], a[1] & b[1]} }
func (a ascii) or(b ascii) ascii  { return ascii{a[0] | b[0], a[1] | b[1]} }
func (a ascii) not() ascii        { return ascii{^a[0], ^a[1]} }

// deriveShape fills in prefixes, ideal and tail, and the characters that n is with
// and without. What it does not find is false, or missing in these.
//
// An ideal is a language that holds all strings that some string x stands in: All·x·All
// is one. Two of them, of x and of y, share the strings that xy stands in, and these
// with All·z those that end in xyz: an intersection of ideals is one, and with one
// more language that has all prefixes it has all prefixes.
func (s *Space) deriveShape(n *node) {
	switch n.kind {
	case kNone:
		n.with, n.without = ascii{}.not(), ascii{}.not()
	case kEmpty:
		n.without = ascii{}.not()
	case kClass:
		n.without = asciiOf(s.sets.list[n.x]).not()
	case kLit:
		n.with = asciiIn(n.text)
		n.without = n.with.not()
	case kConcat:
		a, b := s.at(Lang(n.x)), s.at(Lang(n.y))
		n.with, n.without = a.with.or(b.with), a.without.and(b.without)
		n.tail = b.tail
		n.prefixes = Lang(n.x) == all && b.alive == yes
		n.ideal = n.prefixes && n.tail
	case kRepeat:
		a := s.at(Lang(n.x))
		n.without = a.without
		if n.min > 0 {
			n.with = a.with
		}
		n.ideal = Lang(n.x) == anyOne && n.max == Unbounded
		n.prefixes = n.ideal
		n.tail = n.ideal && n.min == 0
	case kNot:
		n.ideal = s.at(Lang(n.x)).long < farAway // it has all longer ones
		n.prefixes = n.ideal
	case kUnion:
		n.with, n.without = ascii{}.not(), ascii{}.not()
		for _, l := range n.list {
			a := s.at(l)
			n.with, n.without = n.with.and(a.with), n.without.and(a.without)
			n.prefixes, n.ideal = n.prefixes || a.prefixes, n.ideal || a.ideal
		}
	case kInter:
		ideals := 0
		n.prefixes = true
		for _, l := range n.list {
			a := s.at(l)
			n.with, n.without = n.with.or(a.with), n.without.or(a.without)
			n.prefixes = n.prefixes && a.prefixes
			if a.ideal {
				ideals++
			}
		}
		n.ideal = ideals == len(n.list)
		n.prefixes = n.prefixes && ideals >= len(n.list)-1
	}
	if n.prefixes {
		n.alive = yes
	}
}

// asciiIn returns the characters of a text below 0x80.
func asciiIn(text string) (a ascii) {
	for _, r := range text {
		if r < 0x80 {
			a.add(r)
		}
	}
	return a
}

// asciiOf returns the characters of a set below 0x80.
func asciiOf(c set) (a ascii) {
	for _, r := range c {
		for x := r.lo; x <= min(r.hi, 0x7f); x++ {
			a.add(x)
		}
	}
	return a
}
