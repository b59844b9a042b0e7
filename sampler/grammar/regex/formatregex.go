package regex

// regexSource is a part of ECMA-262's patterns that Go's regexp reads with the
// same meaning: alternatives of quantified characters, classes, assertions and
// groups. Counts are small enough for Go's limit of 1,000 nested repetitions.
func (s *Space) regexSource() Lang {
	const (
		escape = `\\([dDwWsSfnrt]|[\^$\\.*+?()\[\]{}|/\-"'!#%&,:;<=>@_~]|x[0-9A-Fa-f]{2})`
		inset  = `\\([dDwWsSfnrt]|[\^$\\.*+?()\[\]{}|/\-"'!#%&,:;<=>@_~]|x[0-9A-Fa-f]{2})|[^\\\]\[\-\^]`
		member = `(a-z|A-Z|0-9|a-f|A-F|` + inset + `|\^)`
		class  = `\[\^?(` + inset + `|a-z|A-Z|0-9|a-f|A-F)` + member + `*-?\]`
		char   = `[^\\^$.*+?()\[\]{}|]`
		lazy   = `\??`
		loose  = `([*+?]` + lazy + `)?`
		few    = `([*+?]` + lazy + `|\{[1-9]\}` + lazy + `|\{\d,\}` + lazy + `|\{[0-4],[5-9]\}` + lazy + `|\{0,[1-4]\}` + lazy + `|\{1,[2-4]\}` + lazy + `)?`
		many   = `([*+?]` + lazy + `|\{(\d|[1-9]\d)(,)?\}` + lazy + `|\{[0-9],[1-9]\d\}` + lazy + `|\{[0-4],[5-9]\}` + lazy + `|\{0,[1-4]\}` + lazy + `|\{1,[2-4]\}` + lazy + `)?`
	)
	one := s.fixed(char + `|\.|` + escape + `|` + class)
	assertion := s.fixed(`[\^$]|\\[bB]`)
	open := s.fixed(`\((\?:)?`)
	term := s.union2(s.concat(one, s.fixed(many)), assertion)
	// Repetitions of groups multiply, so only those without groups are counted.
	for _, quantifier := range []string{few, loose, loose} {
		group := s.Concat(open, s.sourceOf(term), s.Literal(")"))
		term = s.union2(term, s.concat(group, s.fixed(quantifier)))
	}
	return s.sourceOf(term)
}

// sourceOf is alternatives of sequences of terms.
func (s *Space) sourceOf(term Lang) Lang {
	sequence := s.Repeat(term, 0, Unbounded)
	return s.concat(sequence, s.Repeat(s.concat(s.Literal("|"), sequence), 0, Unbounded))
}
