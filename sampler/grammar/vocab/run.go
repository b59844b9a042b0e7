package vocab

import "slices"

// level is where a walk stands behind the bytes of a node.
type level[S comparable, L ~int32] struct {
	at    place
	state S // atState, atName: the state
	text  L // inString
	// Of the string that the bytes were in or came behind:
	base  S   // the state that it was entered in, of which Text reports true
	since int // the depth at which that was
	end   int // atName, atColon, atEnd: the depth of the closing quotation mark
}

// place says what a level knows.
type place uint8

const (
	atState  place = iota // state
	inString              // what the string may be: text
	atName                // behind a name; state stands for the one behind any name
	atColon               // the same, behind the colon, where names differ
	atEnd                 // behind a string in an object or array
)

// inside is the level in a string that begins in s, at a depth.
func (k *Masks[S, L]) inside(s S, text L, depth int) level[S, L] {
	return level[S, L]{at: inString, base: s, text: text, since: depth}
}

// run appends to k.ids the tokens of a trie that a level allows. In strings it
// moves the text alone, and makes the state behind them where one is needed.
func (k *Masks[S, L]) run(t *Trie, start level[S, L]) {
	levels, nodes := k.levels, t.nodes
	levels[0] = start
	for i := 0; i < len(nodes); {
		n := &nodes[i]
		k.read[n.depth-1] = n.byte
		if n.byte == '"' && t.openers != nil && levels[n.depth-1].at == atState && k.open(t, i, nil) {
			i = int(n.skip)
			continue
		}
		if !k.step(int(n.depth)) {
			i = int(n.skip)
			continue
		}
		if n.token >= 0 {
			k.ids = append(k.ids, n.token)
		}
		i++
	}
	clear(levels[:t.depth+1]) // the states are not to be held
}

// step finds the level at depth d, of k.read[d-1], from the one before.
func (k *Masks[S, L]) step(d int) (ok bool) {
	from, to, b := &k.levels[d-1], &k.levels[d], k.read[d-1]
	switch from.at {
	case atState:
		to.at = atState
		if to.state, ok = k.m.Step(from.state, b); ok && b == '"' {
			if text, in := k.m.Text(to.state); in {
				*to = k.inside(to.state, text, d)
			}
		}
		return ok
	case inString:
		if text, ok := k.m.StepText(from.text, b); ok {
			*to = *from
			to.text = text
			return true
		}
		return b == '"' && k.m.Accepts(from.text) && k.close(d)
	case atName:
		*to = *from
		if to.state, ok = k.m.Step(from.state, b); ok && b == ':' {
			to.at = atColon
		}
		return ok
	}
	if from.at == atEnd && !endsValue(b) {
		return false
	}
	return k.arrive(d)
}

// close is step for a quotation mark that closes a string.
func (k *Masks[S, L]) close(d int) (ok bool) {
	from, to := &k.levels[d-1], &k.levels[d]
	named := k.m.Named(from.base)
	if named && k.known {
		*to = *from
		to.at, to.state, to.end = atName, k.behind, d
		return true
	}
	if !named && k.m.Inner(from.base) {
		*to = *from
		to.at, to.end = atEnd, d
		return true
	}
	to.at = atState
	to.state, ok = k.m.Close(from.base, k.read[from.since:d-1], from.text)
	if ok && named {
		k.behind, k.known = to.state, true
	}
	return ok
}

// arrive is step from a level whose state was not made: from behind the colon after
// a name, or from behind a string. It is made now.
func (k *Masks[S, L]) arrive(d int) (ok bool) {
	from := &k.levels[d-1]
	closing := k.levels[from.end-1]
	s, ok := k.m.Close(closing.base, k.read[closing.since:from.end-1], closing.text)
	for i := from.end; i < d-1 && ok; i++ {
		s, ok = k.m.Step(s, k.read[i])
	}
	if !ok {
		return false
	}
	*from = level[S, L]{at: atState, state: s}
	return k.step(d)
}

// blankKey stands for the tokens of white space that begin with a byte, in a
// state in which that byte leads to a class of White.
type blankKey struct {
	first byte
	class int
}

// runBlank appends to k.ids the tokens of white space that s allows.
func (k *Masks[S, L]) runBlank(s S) {
	for _, b := range k.t.blankFirst {
		next, ok := k.m.Step(s, b.byte)
		if !ok {
			continue
		}
		class, ok := k.m.White(next)
		key := blankKey{b.byte, class}
		if ids, done := k.blanks[key]; ok && done {
			k.ids = append(k.ids, ids...)
			continue
		}
		from := len(k.ids)
		k.run(b.trie, level[S, L]{at: atState, state: s})
		if ok {
			k.blanks[key] = slices.Clone(k.ids[from:])
		}
	}
}
