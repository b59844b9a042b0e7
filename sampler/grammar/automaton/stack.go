package automaton

import (
	"cmp"
	"encoding/binary"
	"slices"

	"orchrt/sampler/grammar/formula"
)

// level is an open object or array and those around it. Equal ones of a core are
// one pointer. A nil level is the document.
type level struct {
	levelKey
	id int32
}

type levelKey struct {
	up    *level
	array bool
	// keys are those of an object's members so far, with the one being read.
	keys *formula.KeySet
	// fresh is the formula of the values that no item so far has, where the
	// items of an array may have to differ (track).
	fresh formula.F
	track bool
	// record says that the items of this or an outer array may have to differ,
	// so that states must know their text.
	record bool
}

// rest is how a value's container goes on after it: cond holds for what follows
// in it, and then up is how the container's own container goes on.
type rest struct {
	cond formula.Cond
	up   *conts
}

// conts is a set of alternatives of how to go on after a value. Equal ones of a
// core are one pointer. The document's has no level and no rests.
type conts struct {
	id    int32
	at    *level // the container that the value stands in
	rests []rest // no two with the same cond or the same up; ascending by cond

	after *State // the state after the value, unless its text matters

	closing *completion // of the container and what is around it, once it was asked for
}

type contKey struct {
	at   *level
	rest rest
}

func (c *core) level(k levelKey) *level {
	if p, ok := c.levels[k]; ok {
		return p
	}
	c.nextID++
	p := &level{k, c.nextID}
	c.levels[k] = p
	return p
}

func (l *level) recorded() bool { return l != nil && l.record }

// goOn returns the conts of a value in the container at. It may change rests.
func (c *core) goOn(at *level, rests []rest) *conts {
	if len(rests) > 1 {
		rests = c.mergeRests(rests)
	}
	if len(rests) == 1 {
		k := contKey{at, rests[0]}
		p, ok := c.one[k]
		if !ok {
			p = c.newConts(at, rests)
			c.one[k] = p
		}
		return p
	}
	b := binary.LittleEndian.AppendUint32(c.buf[:0], uint32(at.id))
	for _, r := range rests {
		b = binary.LittleEndian.AppendUint32(b, uint32(r.cond))
		b = binary.LittleEndian.AppendUint32(b, uint32(r.up.id))
	}
	c.buf = b
	p, ok := c.several[string(b)]
	if !ok {
		p = c.newConts(at, rests)
		c.several[string(b)] = p
	}
	return p
}

func (c *core) newConts(at *level, rests []rest) *conts {
	c.nextID++
	return &conts{id: c.nextID, at: at, rests: slices.Clone(rests)}
}

// mergeRests makes one of those that agree on what encloses them, then of those
// that agree on the condition.
func (c *core) mergeRests(rests []rest) []rest {
	slices.SortFunc(rests, func(a, b rest) int {
		return cmp.Or(cmp.Compare(a.up.id, b.up.id), cmp.Compare(a.cond, b.cond))
	})
	out := rests[:1]
	for _, r := range rests[1:] {
		if last := &out[len(out)-1]; last.up == r.up {
			last.cond = c.sp.Either(last.cond, r.cond)
		} else {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b rest) int { return cmp.Compare(a.cond, b.cond) })
	rests = out
	out = rests[:1]
	for _, r := range rests[1:] {
		if last := &out[len(out)-1]; last.cond == r.cond {
			last.up = c.union(last.up, r.up)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// union is the conts of a value with the alternatives of both.
func (c *core) union(a, b *conts) *conts {
	if a == b {
		return a
	}
	return c.goOn(a.at, slices.Concat(a.rests, b.rests))
}

// thread is what remains of an alternative: f says how the value being read goes
// on (a formula.F, a formula.Cond or a state of a lexer, by the state's mode),
// and k how its container does.
type thread struct {
	f int32
	k *conts
}

// merge makes one of the threads that agree on how the value goes on. It sorts
// them.
func (c *core) merge(ts []thread) []thread {
	if len(ts) < 2 {
		return ts
	}
	slices.SortFunc(ts, func(a, b thread) int {
		return cmp.Or(cmp.Compare(a.f, b.f), cmp.Compare(a.k.id, b.k.id))
	})
	out := ts[:1]
	for _, t := range ts[1:] {
		if last := &out[len(out)-1]; last.f == t.f {
			last.k = c.union(last.k, t.k)
		} else {
			out = append(out, t)
		}
	}
	return out
}
