package tokenizer

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// addedSet finds added tokens in text.
type addedSet struct {
	byFirst map[byte][]AddedToken // by first byte of the spelling, the longest first
	first   [256]bool
	single  int // the first byte, if all spellings share it; -1 with several; meaningless with none
}

// add puts a token with a spelling that is not empty into the set. Of two with one spelling the earlier counts.
func (a *addedSet) add(token AddedToken) {
	b := token.Text[0]
	if a.byFirst == nil {
		a.byFirst = make(map[byte][]AddedToken)
		a.single = int(b)
	}
	if a.single != int(b) {
		a.single = -1
	}
	a.first[b] = true
	list := append(a.byFirst[b], token)
	slices.SortStableFunc(list, func(x, y AddedToken) int { return len(y.Text) - len(x.Text) })
	a.byFirst[b] = list
}

func (a *addedSet) empty() bool { return len(a.byFirst) == 0 }

// find returns the first spelling in s at or after i, the longest of those that start there; nil if there is none.
func (a *addedSet) find(s string, i int) (token *AddedToken, at int) {
	for ; i < len(s); i++ {
		if a.single >= 0 {
			n := strings.IndexByte(s[i:], byte(a.single))
			if n < 0 {
				break
			}
			i += n
		} else if !a.first[s[i]] {
			continue
		}
		list := a.byFirst[s[i]]
		for k := range list {
			if strings.HasPrefix(s[i:], list[k].Text) {
				return &list[k], i
			}
		}
	}
	return nil, len(s)
}

// split cuts s at added tokens and calls text and token for the parts, in order.
//
// The rules are those of `tokenizers`: a spelling that single_word rejects is passed over whole; the white space that
// a token takes with it is given to the first that asks, but goes on being searched for spellings.
func (a *addedSet) split(c *chars, s string, text func(string), token func(id int32)) {
	done := 0 // s[:done] is dealt with
	for i := 0; i < len(s); {
		t, start := a.find(s, i)
		if t == nil {
			break
		}
		end := start + len(t.Text)
		i = end
		if t.SingleWord && (c.wordBefore(s, start) || c.wordAfter(s, end)) {
			continue
		}
		if t.LStrip {
			start = max(c.spaceBefore(s, start), done)
		}
		if t.RStrip {
			end = c.spaceAfter(s, end)
		}
		if done < start {
			text(s[done:start])
		}
		token(t.ID)
		done = end
	}
	if done < len(s) {
		text(s[done:])
	}
}

// wordBefore reports whether the character before s[i] is a word character.
func (c *chars) wordBefore(s string, i int) bool {
	r, n := utf8.DecodeLastRuneInString(s[:i])
	return n > 0 && c.of(r)&wordFlag != 0
}

// wordAfter reports whether the character at s[i:] is a word character.
func (c *chars) wordAfter(s string, i int) bool {
	r, n := utf8.DecodeRuneInString(s[i:])
	return n > 0 && c.of(r)&wordFlag != 0
}

func (c *chars) isSpace(r rune) bool {
	k := class(c.of(r) & classMask)
	return k == space || k == newline
}

// spaceBefore returns the start of the white space that ends at s[i].
func (c *chars) spaceBefore(s string, i int) int {
	return len(strings.TrimRightFunc(s[:i], c.isSpace))
}

// spaceAfter returns the end of the white space that starts at s[i].
func (c *chars) spaceAfter(s string, i int) int {
	return len(s) - len(strings.TrimLeftFunc(s[i:], c.isSpace))
}
