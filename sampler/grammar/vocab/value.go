package vocab

import "slices"

// Most values that may stand in many places are the same there: what differs is
// what follows them. The tokens that stay within such a value are found once.

// aloneSet are the tokens before a value with nothing behind it, or in one.
type aloneSet struct {
	set    *Set    // those that do not go beyond the value
	beyond []split // those that do, and the tails that they have behind it
}

// value is Of for a state before a value or in one. blank says that white space
// may end the value.
func (k *Masks[S, L]) value(alone, behind S) *Set {
	v := k.aloneOf(alone)
	k.ids = k.ids[:0]
	if len(v.beyond) > 0 {
		tails := k.tails(behind)
		for _, t := range v.beyond {
			if has(tails, t.tail) {
				k.ids = append(k.ids, t.id)
			}
		}
	}
	if k.m.Over(alone, ' ') {
		k.runBlank(behind)
	}
	if len(k.ids) == 0 {
		return v.set
	}
	return &Set{dense: v.set.dense, ids: v.set.ids, more: slices.Clone(k.ids), lent: true}
}

// aloneOf returns the tokens that a value alone allows.
func (k *Masks[S, L]) aloneOf(alone S) *aloneSet {
	if v, ok := k.values[alone]; ok {
		return v
	}
	k.ids = k.ids[:0]
	v := &aloneSet{}
	k.runAlone(k.t.outside, alone, func(id, tail int32) { v.beyond = append(v.beyond, split{id, tail}) })
	if !k.m.Over(alone, ' ') {
		k.runBlank(alone)
	}
	v.set = k.t.union(nil, k.ids)
	k.hold(v.set.memory() + 8*cap(v.beyond) + entryMemory)
	k.values[alone] = v
	return v
}

// runAlone appends to k.ids the tokens of a trie that stay within a value, of
// which start is the state before it, alone, or in it, and calls beyond for
// those that begin with what may be the rest of the value and go beyond it, with
// the tail that they have there.
func (k *Masks[S, L]) runAlone(t *Trie, start S, beyond func(id, tail int32)) {
	numbers := k.t.quoted.tails.numbers
	levels, nodes := k.levels, t.nodes
	levels[0] = level[S, L]{at: atState, state: start}
	for i := 0; i < len(nodes); {
		n := &nodes[i]
		d := int(n.depth)
		if from := &levels[d-1]; from.at == atState && k.m.Over(from.state, n.byte) {
			if !endsValue(n.byte) {
				i = int(n.skip)
				continue
			}
			for ; i < int(n.skip); i++ {
				k.read[nodes[i].depth-1] = nodes[i].byte
				switch id := nodes[i].token; {
				case id < 0:
				case d == 1 && t == k.t.outside:
					beyond(id, k.t.tail[id])
				default:
					beyond(id, numbers[string(k.read[d-1:nodes[i].depth])])
				}
			}
			continue
		}
		k.read[d-1] = n.byte
		if n.byte == '"' && t.openers != nil && levels[d-1].at == atState && k.open(t, i, beyond) {
			i = int(n.skip)
			continue
		}
		if !k.step(d) {
			i = int(n.skip)
			continue
		}
		if n.token >= 0 {
			k.ids = append(k.ids, n.token)
		}
		i++
	}
	clear(levels[:t.depth+1])
}

// deepSet says which tails of quotedTokens are allowed in the name of a member
// with a value, which is a key of Masks.deep, behind the name's quotation mark.
type deepSet struct {
	allowed []verdict        // by tail
	rest    map[int32][]byte // of those of beyondValue: what they have behind the value
}

type verdict uint8

const (
	outside verdict = iota
	withinValue
	beyondValue // they are, if what stands behind the value is
)

// newAfterColon returns quotedTokens.afterColon.
func newAfterColon(q quotedTokens) *Trie {
	var values []entry
	for i, tail := range q.tailText {
		if q.beyond[i] && tail[0] == ':' {
			values = append(values, entry{tail[1:], int32(i)})
		}
	}
	sortEntries(values)
	return newTrie(values)
}

// deepOf returns the tails that are allowed for a value alone, with what may
// stand before it behind a colon.
func (k *Masks[S, L]) deepOf(alone S) *deepSet {
	if x, ok := k.deep[alone]; ok {
		return x
	}
	q := &k.t.quoted
	x := &deepSet{allowed: make([]verdict, len(q.tailText))}
	ids := k.ids
	k.ids = nil
	k.runAlone(q.afterColon, alone, func(id, tail int32) {
		x.allowed[id] = beyondValue
		if x.rest == nil {
			x.rest = map[int32][]byte{}
		}
		x.rest[id] = q.tailText[tail]
	})
	for _, tail := range k.ids {
		x.allowed[tail] = withinValue
	}
	k.ids = ids
	k.hold(len(x.allowed) + 64*len(x.rest) + entryMemory)
	k.deep[alone] = x
	return x
}
