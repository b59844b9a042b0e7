package regex

// Remaining tells what may follow st where that is few strings, or all but few:
// the words, in ascending order, or all others if but is set. ok is false where
// it is neither, where there are more than limit words, and within a character.
func (x *Lexer) Remaining(st State, limit int) (words []string, but, ok bool) {
	l, ok := x.Residual(st)
	if !ok {
		return nil, false, false
	}
	if l == all {
		return nil, true, true
	}
	n := x.s.at(l)
	if but = n.kind == kNot; but {
		n = x.s.at(Lang(n.x))
	}
	switch n.kind {
	case kEmpty:
		return []string{""}, but, true
	case kLit:
		return []string{n.text}, but, true
	case kTrie:
		if n.max-n.min > int64(limit) {
			return nil, false, false
		}
		words = make([]string, n.max-n.min)
		for i, w := range x.s.tables[n.x].words[n.min:n.max] {
			words[i] = w[n.y:]
		}
		return words, but, true
	}
	return nil, false, false
}

// Anything returns the state that every text may follow.
func (x *Lexer) Anything() State { return x.char(all) }

// Spelling returns which texts of a string the Lexer takes.
func (x *Lexer) Spelling() Spelling { return x.as }
