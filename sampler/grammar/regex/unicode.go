package regex

import (
	"strings"
	"sync"
	"unicode"
)

// unicodeSet returns the set of a Unicode property as ECMA-262 spells it: a
// general category, gc=… or General_Category=…, sc=…, Script=…, scx=… (as far
// as scripts go), Any, ASCII, Assigned, and the binary properties that Go's
// tables hold. The version of Unicode is that of Go's package unicode.
func unicodeSet(name string) (set, bool) {
	key, value, ok := strings.Cut(name, "=")
	if ok {
		switch key {
		case "gc", "General_Category":
			return category(value)
		case "sc", "Script":
			return script(value)
		}
		return nil, false
	}
	switch name {
	case "Any":
		return fullRanges(), true
	case "ASCII":
		return set{{0, 0x7F}}, true
	case "Assigned":
		c, ok := category("Cn")
		return c.complement(), ok
	case "Alphabetic", "Alpha":
		l, _ := category("L")
		nl, _ := category("Nl")
		return l.union(nl).union(fromTable(unicode.Other_Alphabetic)), true
	case "Lowercase", "Lower":
		c, _ := category("Ll")
		return c.union(fromTable(unicode.Other_Lowercase)), true
	case "Uppercase", "Upper":
		c, _ := category("Lu")
		return c.union(fromTable(unicode.Other_Uppercase)), true
	case "White_Space", "space":
		return fromTable(unicode.White_Space), true
	}
	if c, ok := category(name); ok {
		return c, true
	}
	if strings.HasPrefix(name, "Other_") {
		return nil, false // contributory properties are no properties of ECMA-262
	}
	if t, ok := unicode.Properties[name]; ok {
		return fromTable(t), true
	}
	return nil, false
}

// category returns the set of a general category, in its short or long name.
func category(name string) (set, bool) {
	if alias, ok := unicode.CategoryAliases[name]; ok {
		name = alias
	}
	switch name {
	case "punct":
		name = "P"
	case "cntrl":
		name = "Cc"
	case "digit":
		name = "Nd"
	case "Combining_Mark":
		name = "M"
	case "Cs":
		return set{}, true
	}
	t, ok := unicode.Categories[name]
	if !ok {
		return nil, false
	}
	return fromTable(t), true
}

// scriptNames are the short names of scripts that patterns use most; all long
// names are known.
func scriptName(name string) string {
	switch name {
	case "Latn":
		return "Latin"
	case "Cyrl":
		return "Cyrillic"
	case "Grek":
		return "Greek"
	case "Hani":
		return "Han"
	case "Arab":
		return "Arabic"
	case "Hebr":
		return "Hebrew"
	case "Hira":
		return "Hiragana"
	case "Kana":
		return "Katakana"
	case "Hang":
		return "Hangul"
	case "Thai":
		return "Thai"
	case "Deva":
		return "Devanagari"
	case "Zyyy":
		return "Common"
	case "Zinh", "Qaai":
		return "Inherited"
	}
	return name
}

func script(name string) (set, bool) {
	t, ok := unicode.Scripts[scriptName(name)]
	if !ok {
		return nil, false
	}
	return fromTable(t), true
}

func fromTable(t *unicode.RangeTable) set {
	c := make(set, 0, len(t.R16)+len(t.R32))
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			c = append(c, crange{lo, hi})
			return
		}
		for r := lo; r <= hi; r += stride {
			c = append(c, crange{r, r})
		}
	}
	for _, r := range t.R16 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return normal(c)
}

// cased returns the characters that have another case.
var cased = sync.OnceValue(func() set {
	var c set
	for _, r := range unicode.CaseRanges {
		c = append(c, crange{rune(r.Lo), rune(r.Hi)})
	}
	for _, t := range unicode.FoldCategory {
		c = append(c, fromTable(t)...)
	}
	for _, t := range unicode.FoldScript {
		c = append(c, fromTable(t)...)
	}
	return normal(c)
})

// foldCase adds what simple case folding makes equal (ECMA-262, Canonicalize
// with flag u).
func foldCase(c set) set {
	out := append(set(nil), c...)
	for _, p := range c.intersect(cased()) {
		for r := p.lo; r <= p.hi; r++ {
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				out = append(out, crange{f, f})
			}
		}
	}
	return normal(out)
}
