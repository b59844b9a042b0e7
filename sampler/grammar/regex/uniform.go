package regex

// Classes is a set of character classes, by which the tokens of a vocabulary can
// be sorted beforehand: the characters of ASCII that are neither letters nor
// digits, one by one, then the digits, the lower-case and the upper-case letters,
// then the white space beyond ASCII that patterns know, and the others by the
// first byte of their UTF-8, some of these together.
type Classes uint64

// LowerCase is the class of the letters from a to z, which most tokens have.
const LowerCase Classes = 1 << 1

// NumClasses is how many classes there are.
const NumClasses = 55

// classRange says that the characters from lo to hi are of a class.
type classRange struct {
	lo, hi rune
	class  uint8
}

// classRanges lists all characters of Text in order.
var classRanges = makeClassRanges()

func makeClassRanges() (list []classRange) {
	next := uint8(3) // after digits, lower case and upper case
	for r := ' '; r <= '\x7f'; r++ {
		switch {
		case r == '"' || r == '\\':
		case r == '0':
			list = append(list, classRange{'0', '9', 0})
		case r == 'a':
			list = append(list, classRange{'a', 'z', 1})
		case r == 'A':
			list = append(list, classRange{'A', 'Z', 2})
		case r > '0' && r <= '9' || r > 'a' && r <= 'z' || r > 'A' && r <= 'Z':
		default:
			list = append(list, classRange{r, r, next})
			next++
		}
	}
	space := next
	next++
	last := rune(0x7f)
	for _, hi := range []rune{ // the ends of blocks that UTF-8 begins alike
		0xbf, 0xff, 0x27f, 0x3ff, 0x47f, 0x5ff, 0x6ff, 0x7ff, 0xfff, 0x1fff, 0x2fff, 0x3fff,
		0x9fff, surrLow - 1, 0xefff, 0xffff, 0x3ffff, 0xfffff, maxRune,
	} {
		lo := last + 1
		if lo == surrLow {
			lo = surrHigh + 1
		}
		for _, r := range spaceSet() {
			if r.lo < lo || r.hi > hi {
				continue
			}
			if lo < r.lo {
				list = append(list, classRange{lo, r.lo - 1, next})
			}
			list = append(list, classRange{r.lo, r.hi, space})
			lo = r.hi + 1
		}
		if lo <= hi {
			list = append(list, classRange{lo, hi, next})
		}
		last, next = hi, next+1
	}
	return list
}

// ClassOf returns the class of a character of Text.
func ClassOf(r rune) int {
	for _, c := range classRanges {
		if r <= c.hi {
			return int(c.class)
		}
	}
	panic("regex: no such character")
}

// link says where most characters lead from a language, and the classes of
// which some lead elsewhere.
type link struct {
	to     Lang
	except Classes
}

// Uniform follows characters from st that all lead to one language, from there
// to one, and so on: n times, or as often as it can. Every string of up to chars
// characters of classes not in except keeps st alive. 255 stands for any number.
func (x *Lexer) Uniform(st State, n int) (except Classes, chars int) {
	c := &x.cold[st]
	if st == 0 || c.mode != inChars {
		return 0, 0
	}
	for l := c.lang; chars < n; chars++ {
		next, ok := x.s.link(l)
		if !ok {
			break
		}
		except |= next.except
		if next.to == l {
			return except, 255
		}
		l = next.to
	}
	return except, chars
}

// link returns where most characters of l lead. ok is false if they lead nowhere.
func (s *Space) link(l Lang) (link, bool) {
	if v, ok := s.links[l]; ok {
		return v, v.to != none
	}
	v := link{}
	edges := s.edges(l)
	widest := rune(-1)
	for _, e := range edges {
		if e.hi-e.lo > widest && s.live(e.to) {
			v.to, widest = e.to, e.hi-e.lo
		}
	}
	if v.to != none {
		v.except = elsewhere(edges, v.to)
	}
	if !s.spend(8) {
		return link{}, false
	}
	if s.links == nil {
		s.links = make(map[Lang]link)
	}
	s.links[l] = v
	s.bytes += 32
	return v, v.to != none
}

// elsewhere returns the classes of which not all characters lead to a language.
func elsewhere(edges []edge, to Lang) (except Classes) {
	i := 0
	for _, c := range classRanges {
		for next := c.lo; next <= c.hi; next = edges[i].hi + 1 {
			for i < len(edges) && edges[i].hi < next {
				i++
			}
			if i == len(edges) || edges[i].lo > next || edges[i].to != to {
				except |= 1 << c.class
				break
			}
		}
	}
	return except
}

// ByClass says where the characters of each class lead from a state between two
// characters.
type ByClass struct {
	Live  Classes // those that all lead to one state, which is in Next
	Mixed Classes // those of which some lead elsewhere than others
	Next  [NumClasses]State
}

// ByClass returns where the classes lead from a state, nil within a character.
func (x *Lexer) ByClass(st State) *ByClass {
	c := &x.cold[st]
	if st == 0 || c.mode != inChars {
		return nil
	}
	if by, ok := x.byClass[st]; ok {
		return by
	}
	if !x.s.spend(NumClasses) {
		return nil
	}
	by := &ByClass{}
	edges := x.s.edges(c.lang)
	var seen Classes
	var to [NumClasses]Lang
	i := 0
	for _, r := range classRanges {
		for i < len(edges) && edges[i].hi < r.lo {
			i++
		}
		l := none
		if i < len(edges) && edges[i].lo <= r.hi {
			if l = edges[i].to; edges[i].lo > r.lo || edges[i].hi < r.hi {
				by.Mixed |= 1 << r.class
			}
		}
		if seen>>r.class&1 != 0 && to[r.class] != l {
			by.Mixed |= 1 << r.class
		}
		seen |= 1 << r.class
		to[r.class] = l
	}
	for class, l := range to {
		if by.Mixed>>class&1 == 0 && x.s.live(l) {
			by.Live |= 1 << class
			by.Next[class] = x.char(l)
		}
	}
	if x.s.err != nil {
		return nil
	}
	x.s.bytes += 4*NumClasses + 64
	x.byClass[st] = by
	return by
}
