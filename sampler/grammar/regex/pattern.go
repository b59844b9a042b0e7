package regex

// Pattern returns the language of the strings in which an ECMA-262 pattern
// matches somewhere, as JSON Schema's keyword pattern means it. The error is a
// *PatternError or that of the budget.
//
// The dialect is that of flag u (characters are code points, \u{…}, \p{…}),
// with what the web's engines allow beyond it: escapes of punctuation such as
// \- and \@, brackets and braces that stand for themselves, hyphens beside \w
// in a class. Also read are (?P<name>…), and the flags i, m, s of a group, or
// of all that follows as in (?i). Captures and laziness change no language.
// Look-ahead, look-behind, \b, \B, ^ and $ may stand anywhere and are exact;
// look-behind may hold ^ and look-behind, but not what looks ahead.
//
// Where engines disagree, ECMA-262 holds: \s is the Unicode set, \d and \w are
// ASCII, the dot excludes \n, \r, U+2028 and U+2029, $ is the very end, [] is
// no character and [^] any. Refused are back-references, \A, \Z, \z and other
// escapes of letters without a meaning in ECMA-262, octal escapes and
// possessive quantifiers.
func (s *Space) Pattern(ecma string) (Lang, error) {
	t, err := s.parse(ecma)
	if err != nil {
		return none, err
	}
	return s.guard(func() Lang { return s.searched(t) })
}

// guard turns the panic of a compiler into its error.
func (s *Space) guard(f func() Lang) (l Lang, err error) {
	active := s.active
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(parseFailure)
			if !ok {
				panic(r)
			}
			s.active = active
			l, err = none, e.err
		}
	}()
	if l = f(); s.err != nil {
		return none, s.err
	}
	return l, nil
}

// searched is the language of the strings in which t matches.
func (s *Space) searched(t *tree) Lang {
	kids := []*tree{t}
	if t.op == opAlt {
		kids = t.kids
	}
	var parts []Lang
	var floating []*tree
	c := newCompiler(s, t)
	for _, k := range kids {
		if k.anchored() {
			parts = append(parts, c.match(k, c.final(all), c.start(), false))
		} else {
			floating = append(floating, k)
		}
	}
	if len(floating) > 0 {
		t := catOf(anything(), alternatives(floating))
		parts = append(parts, c.match(t, c.final(all), c.start(), false))
	}
	return s.union(parts)
}

// alternatives is any of the trees.
func alternatives(kids []*tree) *tree {
	if len(kids) == 1 {
		return kids[0]
	}
	return newTree(tree{op: opAlt, kids: kids})
}

// anything is the tree of all strings.
func anything() *tree {
	return newTree(tree{op: opRep, kids: []*tree{newTree(tree{op: opSet, set: fullRanges()})}, max: Unbounded})
}

// endingWith is the language of the strings that end with a match of t.
func (s *Space) endingWith(t *tree) Lang {
	c := newCompiler(s, t)
	if t.anchored() {
		return c.match(t, c.final(empty), c.start(), false)
	}
	return c.match(catOf(anything(), t), c.final(empty), c.start(), false)
}

// pure returns the language of a tree without assertions.
func (s *Space) pure(t *tree) Lang {
	if t.made {
		return t.lang
	}
	l := none
	switch t.op {
	case opSet:
		l = s.class(t.set)
	case opCat:
		l = s.pureCat(t.kids)
	case opAlt:
		list := make([]Lang, len(t.kids))
		for i, k := range t.kids {
			list[i] = s.pure(k)
		}
		l = s.union(list)
	case opRep:
		l = s.repeatTree(s.pure(t.kids[0]), t)
	}
	t.lang, t.made = l, true
	return l
}

// repeatTree refuses counts whose product is beyond all strings.
func (s *Space) repeatTree(l Lang, t *tree) Lang {
	if n := s.at(l); n.kind == kRepeat && t.max > 1 {
		for _, pair := range [...][2]int64{{n.min, t.min}, {n.max, t.max}} {
			if pair[0] != Unbounded && pair[1] != Unbounded && mulBound(pair[0], pair[1]) > maxCount {
				panic(parseFailure{&PatternError{t.offset, "nested repetitions multiply to more than any string can hold"}})
			}
		}
	}
	return s.Repeat(l, t.min, t.max)
}

// pureCat is the concatenation of kids; runs of single characters become one
// literal at once.
func (s *Space) pureCat(kids []*tree) Lang {
	out := empty
	for i := len(kids) - 1; i >= 0; i-- {
		j := i
		for j >= 0 && kids[j].op == opSet && len(kids[j].set) == 1 && kids[j].set[0].lo == kids[j].set[0].hi {
			j--
		}
		if i-j < 2 {
			out = s.concat(s.pure(kids[i]), out)
			continue
		}
		text := make([]rune, 0, i-j)
		for _, k := range kids[j+1 : i+1] {
			text = append(text, k.set[0].lo)
		}
		out = s.concat(s.Literal(string(text)), out)
		i = j + 1
	}
	return out
}
