package regex

import "slices"

// Classes such as \p{L} have hundreds of ranges, and all languages in which they
// stand have as many edges, most of which lead to the same few languages. Such a
// node's derivatives are kept by the parts of a partition of the code points: two
// nodes mostly have the same partition or two whose product is known, so that what
// is made of their derivatives is made once for each part.

// manyRanges is from how many ranges a partition pays.
const manyRanges = 64

// partition sorts ranges of code points into parts. Equal ones are one.
type partition struct {
	ranges []crange // sorted and disjoint
	part   []uint8  // by range
	parts  int

	// Once covered was asked for: by part, the classes that have a character in it,
	// and those that have all of theirs in parts.
	classes []Classes
	covers  Classes
}

// noPart stands for the code points of no part, and maxParts bounds how many there
// may be.
const (
	noPart   = 255
	maxParts = 128
)

// parted is a language's derivatives by the parts of a partition: none for those
// that lead nowhere.
type parted struct {
	by *partition
	to []Lang
}

// product is the coarsest partition of the code points of two: a and b are their
// parts by its own, noPart where one has none.
type product struct {
	by   *partition
	a, b []uint8
}

type partitions struct {
	known    map[uint64][]*partition // by a hash of what they are
	products map[[2]*partition]*product
	full     *partition // one part of all
}

// partition returns the one of ranges whose parts are numbered by their first range.
func (s *Space) partition(ranges []crange, part []uint8, parts int) *partition {
	h := uint64(parts)
	for i, r := range ranges {
		h = mix2(h^uint64(r.lo)<<32, uint64(r.hi)<<8|uint64(part[i]))
	}
	for _, p := range s.parts.known[h] {
		if slices.Equal(p.ranges, ranges) && slices.Equal(p.part, part) {
			return p
		}
	}
	if s.parts.known == nil {
		s.parts.known, s.parts.products = make(map[uint64][]*partition), make(map[[2]*partition]*product)
	}
	p := &partition{ranges: slices.Clip(ranges), part: slices.Clip(part), parts: parts}
	s.parts.known[h] = append(s.parts.known[h], p)
	s.bytes += int64(96 + 9*len(ranges))
	return p
}

// edgeParts returns the partition of a list of edges by where they lead.
func (s *Space) edgeParts(list []edge) (parted, bool) {
	ranges, part := make([]crange, len(list)), make([]uint8, len(list))
	var to []Lang
	for i, e := range list {
		k := slices.Index(to, e.to)
		if k < 0 {
			if k = len(to); k == maxParts {
				return parted{}, false
			}
			to = append(to, e.to)
		}
		ranges[i], part[i] = crange{e.lo, e.hi}, uint8(k)
	}
	if !s.spend(1 + len(list)/4) {
		return parted{}, false
	}
	return parted{s.partition(ranges, part, len(to)), to}, true
}

// allCode is the partition with one part of all code points.
func (s *Space) allCode() *partition {
	if s.parts.full == nil {
		s.parts.full = s.partition(fullRanges(), []uint8{0, 0}, 1)
	}
	return s.parts.full
}

// product returns the product of two partitions, ok false if it has too many parts.
func (s *Space) product(a, b *partition) (x *product, ok bool) {
	if x, ok := s.parts.products[[2]*partition{a, b}]; ok {
		return x, x.by != nil
	}
	x = &product{}
	var ranges []crange
	var part []uint8
	numbers := map[[2]uint8]uint8{}
	i, j := 0, 0
	for cur := rune(0); i < len(a.ranges) || j < len(b.ranges); {
		key, end := [2]uint8{noPart, noPart}, rune(maxRune)
		take := func(p *partition, at int, of *uint8) {
			switch {
			case at == len(p.ranges):
			case p.ranges[at].lo <= cur:
				*of, end = p.part[at], min(end, p.ranges[at].hi)
			default:
				end = min(end, p.ranges[at].lo-1)
			}
		}
		take(a, i, &key[0])
		take(b, j, &key[1])
		if key[0] != noPart || key[1] != noPart {
			k, ok := numbers[key]
			if !ok {
				if len(numbers) == maxParts {
					s.parts.products[[2]*partition{a, b}] = &product{}
					return nil, false
				}
				k = uint8(len(numbers))
				numbers[key] = k
				x.a, x.b = append(x.a, key[0]), append(x.b, key[1])
			}
			ranges, part = append(ranges, crange{cur, end}), append(part, k)
		}
		cur = end + 1
		for i < len(a.ranges) && a.ranges[i].hi < cur {
			i++
		}
		for j < len(b.ranges) && b.ranges[j].hi < cur {
			j++
		}
	}
	if !s.spend(8 + len(ranges)/2) {
		return nil, false
	}
	x.by = s.partition(ranges, part, len(numbers))
	s.parts.products[[2]*partition{a, b}] = x
	s.bytes += int64(96 + 2*len(numbers))
	return x, true
}

// each returns derivatives by the same partition, made of those of p.
func (p parted) each(by func(Lang) Lang) parted {
	to := make([]Lang, len(p.to))
	for i, l := range p.to {
		if l != none {
			to[i] = by(l)
		}
	}
	return parted{p.by, to}
}

// joinParts is sweep by parts.
func (s *Space) joinParts(list []parted, need int, join func([]Lang) Lang) (parted, bool) {
	by := list[0].by
	// Of each part, what the parts of the list before are.
	of := [][]uint8{make([]uint8, by.parts)}
	for i := range of[0] {
		of[0][i] = uint8(i)
	}
	for _, p := range list[1:] {
		x, ok := s.product(by, p.by)
		if !ok {
			return parted{}, false
		}
		for k, old := range of {
			moved := make([]uint8, len(x.a))
			for i, a := range x.a {
				if moved[i] = noPart; a != noPart {
					moved[i] = old[a]
				}
			}
			of[k] = moved
		}
		by, of = x.by, append(of, x.b)
	}
	to := make([]Lang, by.parts)
	active := make([]Lang, 0, len(list))
	for i := range to {
		active = active[:0]
		for k, p := range list {
			if part := of[k][i]; part != noPart && p.to[part] != none {
				active = append(active, p.to[part])
			}
		}
		if len(active) >= max(need, 1) {
			to[i] = join(active)
		}
	}
	return parted{by, to}, s.spend(1 + by.parts*len(list)/4)
}

// alive returns the derivatives that hold a string.
func (s *Space) alive(p parted) parted {
	return p.each(func(to Lang) Lang {
		if s.live(to) {
			return to
		}
		return none
	})
}

// edges lists derivatives by range.
func (p parted) edges() []edge {
	out := make([]edge, 0, len(p.by.ranges))
	for i, r := range p.by.ranges {
		to := p.to[p.by.part[i]]
		if to == none {
			continue
		}
		if n := len(out); n > 0 && out[n-1].to == to && out[n-1].hi+1 == r.lo {
			out[n-1].hi = r.hi
			continue
		}
		out = append(out, edge{r.lo, r.hi, to})
	}
	return out
}

// partsOf returns the derivatives of l by parts, ok if it has many ranges or if any
// is set.
func (s *Space) partsOf(l Lang, any bool) (p parted, ok bool) {
	s.expand(l)
	n := s.at(l)
	switch {
	case s.err != nil:
		return p, false
	case n.parted != nil:
		return *n.parted, true
	case any && n.done:
		return s.edgeParts(n.edges)
	}
	return p, false
}

// nodeParts returns the derivatives of n by parts if those that it is made of have
// many ranges.
func (s *Space) nodeParts(n *node) (p parted, ok bool) {
	switch n.kind {
	case kConcat:
		a, b := Lang(n.x), Lang(n.y)
		p, ok = s.partsOf(a, false)
		if s.null(a) != yes {
			if !ok {
				return p, false
			}
			return p.each(func(to Lang) Lang { return s.concat(to, b) }), true
		}
		q, okQ := s.partsOf(b, ok)
		if !ok && okQ {
			p, ok = s.partsOf(a, true)
		}
		if !ok || !okQ {
			return p, false
		}
		return s.joinParts([]parted{p.each(func(to Lang) Lang { return s.concat(to, b) }), q}, 1, s.union)
	case kRepeat:
		if p, ok = s.partsOf(Lang(n.x), false); ok {
			rest := s.Repeat(Lang(n.x), max(n.min-1, 0), lessOne(n.max))
			p = p.each(func(to Lang) Lang { return s.concat(to, rest) })
		}
		return p, ok
	case kNot:
		if p, ok = s.partsOf(Lang(n.x), false); ok {
			// Where p leads nowhere, All may follow; join must see that.
			return s.joinParts([]parted{p, {s.allCode(), []Lang{empty}}}, 1, func(to []Lang) Lang {
				if len(to) == 1 {
					return all
				}
				return s.Not(to[0])
			})
		}
		return p, ok
	case kUnion:
		return s.memberParts(n.list, 1, s.union)
	case kInter:
		if l, left, isLess := s.lessOneOf(n.list); isLess {
			if p, ok = s.partsOf(l, false); ok {
				p = p.each(func(to Lang) Lang { return s.inter2(to, left) })
			}
			return p, ok
		}
		return s.memberParts(n.list, len(n.list), s.inter)
	}
	return p, false
}

// memberParts is sweep over the members of a list, if one of them has many ranges.
func (s *Space) memberParts(list []Lang, need int, join func([]Lang) Lang) (p parted, ok bool) {
	if !slices.ContainsFunc(list, func(l Lang) bool { _, ok := s.partsOf(l, false); return ok }) {
		return p, false
	}
	var all []parted
	for _, l := range list {
		p, ok := s.partsOf(l, true)
		if !ok {
			return p, false
		}
		all = append(all, p)
	}
	return s.joinParts(all, need, join)
}
