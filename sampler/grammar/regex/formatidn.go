package regex

// idnHostname is a host name of labels of RFC 5890: those of ASCII, and those
// of letters, digits and marks of RFC 5892 that meet its contextual rules. The
// dots of RFC 3490 part labels too.
func (s *Space) idnHostname() Lang {
	const dot = `[.\u3002\uFF0E\uFF61]`
	// Disallowed though they are letters or marks (RFC 5892, section 2.6).
	disallowed := s.fixed(`[\u0640\u07FA\u302E\u302F\u3031-\u3035\u303B]`)
	char, _ := s.chars(s.Minus(s.fixed(`[\p{Ll}\p{Lo}\p{Lm}\p{Mn}\p{Mc}\p{Nd}]`), disallowed))
	wide := s.class(char.minus(set{{0, 0x7F}}))
	ascii := s.fixed(`[0-9A-Za-z-]`)
	special := s.fixed(`[\u00B7\u0375\u05F3\u05F4\u30FB\u200C\u200D]`)
	label := s.Repeat(s.Union(wide, ascii, special), 1, 63)
	mark := s.fixed(`\p{M}`)
	contain := func(l ...Lang) Lang { return s.Concat(all, s.Concat(l...), all) }
	bad := []Lang{
		s.concat(s.Literal("-"), all), s.concat(all, s.Literal("-")),
		s.concat(mark, all),
		// Hyphens third and fourth: only in labels that are ASCII and begin with xn.
		s.Minus(s.fixed(`..--[^]*`), s.fixed(`[Xx][Nn]--[0-9A-Za-z-]*`)),
		contain(s.Literal("\u30FB")),
	}
	kana := s.Minus(contain(s.fixed(`[\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Han}]`)), none)
	bad[4] = s.Minus(bad[4], kana)
	// A rule: each of these characters needs the one before or after it.
	rule := func(before, at, after string) {
		if before != "" {
			ok := s.concat(all, s.fixed(before))
			bad = append(bad, s.Concat(s.Not(ok), s.fixed(at), all))
		}
		if after != "" {
			ok := s.concat(s.fixed(after), all)
			bad = append(bad, s.Concat(all, s.fixed(at), s.Not(ok)))
		}
	}
	rule("l", `\u00B7`, "l")
	rule("", `\u0375`, `\p{sc=Greek}`)
	rule(`\p{sc=Hebrew}`, `[\u05F3\u05F4]`, "")
	// Joiners after a virama (general category Mn, combining class 9).
	rule(`[\u094D\u09CD\u0A4D\u0ACD\u0B4D\u0BCD\u0C4D\u0CCD\u0D3B\u0D3C\u0D4D\u0DCA\u0E3A\u0EBA\u0F84\u1039\u103A\u1714\u1734\u17D2\u1A60\u1B44\u1BAA\u1BAB\u1BF2\u1BF3\u2D7F\uA806\uA8C4\uA953\uA9C0\uAAF6\uABED]`,
		`[\u200C\u200D]`, "")
	// Arabic-Indic digits and extended ones do not meet.
	bad = append(bad, s.inter2(contain(s.fixed(`[\u0660-\u0669]`)), contain(s.fixed(`[\u06F0-\u06F9]`))))
	label = s.Minus(label, s.union(bad))
	return s.inter2(s.concat(label, s.Repeat(s.concat(s.fixed(dot), label), 0, Unbounded)), s.Length(1, 253))
}
