package regex

import "sort"

// build works out the transitions of a state.
func (x *Lexer) build(st State) bool {
	if !x.s.spend(16) {
		return false
	}
	c := &x.cold[st]
	r := row{goals: make([]goal, 1, 8), as: x.as}
	switch c.mode {
	case inChars:
		edges := x.live(c.lang)
		if x.s.err != nil {
			return false
		}
		c.edges = edges
		r.chars(edges, c.lang)
	case inUTF:
		for b := rune(0); b < 64; b++ {
			r.set(byte(0x80+b), part(c.edges, b<<(6*(c.left-1)), inUTF, c.left-1))
		}
	case inEscape:
		c.edges = x.live(c.lang)
		if x.as == Written {
			c.edges = within(c.edges, escaped)
		}
		r.escapes(c.edges, c.lang)
	case inUnit:
		c.edges = x.live(c.lang)
		if x.as == Written {
			c.edges = within(c.edges, numbered)
		}
		r.units(c)
	case inHex:
		r.digits(func(d rune) goal { return part(c.edges, d<<(4*(c.left-1)), inHex, c.left-1) })
	case inLowMark:
		r.lowMark(c)
	}
	if x.s.err != nil {
		return false
	}
	c.goals = r.goals
	next := make([]State, len(r.goals))
	for i := range next {
		next[i] = unresolved
	}
	next[0] = 0
	shared := x.shapes[r.shape]
	if shared == nil {
		shared = new(shape)
		*shared = r.shape
		x.shapes[r.shape] = shared
		x.s.bytes += 2 * 256
	}
	x.hot[st].shape, x.hot[st].next = shared, next
	x.s.bytes += int64(24 * len(next))
	return true
}

// row collects the transitions of one state.
type row struct {
	shape shape
	goals []goal // goals[0] is dead
	as    Spelling
}

// The characters that Written escapes, and those of them that have no escape of
// two characters; as edges that lead nowhere.
var (
	escaped  = []edge{{lo: 0, hi: 0x1F}, {lo: '"', hi: '"'}, {lo: '\\', hi: '\\'}}
	numbered = []edge{{lo: 0, hi: '\b' - 1}, {lo: '\v', hi: '\v'}, {lo: '\r' + 1, hi: 0x1F}}
)

// within returns what of edges leads on by characters of set.
func within(edges, set []edge) []edge {
	var out []edge
	for _, e := range edges {
		for _, c := range set {
			if lo, hi := max(e.lo, c.lo), min(e.hi, c.hi); lo <= hi {
				out = append(out, edge{lo, hi, e.to})
			}
		}
	}
	return out
}

func (r *row) set(b byte, g goal) {
	if g == (goal{}) {
		return
	}
	// Neighbouring bytes mostly lead to the same goal.
	for i := len(r.goals) - 1; i > 0; i-- {
		if r.goals[i] == g {
			r.shape[b] = uint8(i)
			return
		}
	}
	r.goals = append(r.goals, g)
	r.shape[b] = uint8(len(r.goals) - 1)
}

// part describes the block of 2^bits characters at start: nothing if no edge
// meets it, a language if one edge covers it.
func part(edges []edge, start rune, m mode, left uint8) goal {
	bits := 6 * left
	if m != inUTF {
		bits = 4 * left
	}
	end := start + 1<<bits - 1
	i := sort.Search(len(edges), func(i int) bool { return edges[i].hi >= start })
	switch {
	case i == len(edges) || edges[i].lo > end:
		return goal{}
	case left == 0:
		return goal{mode: inChars, lang: edges[i].to, whole: true}
	case edges[i].lo <= start && edges[i].hi >= end:
		return goal{mode: m, left: left, lang: edges[i].to, whole: true}
	}
	return goal{mode: m, left: left, start: start}
}

// chars sets the bytes that may begin a character.
func (r *row) chars(edges []edge, l Lang) {
	i := 0
	for b := rune(0x20); b < 0x80; b++ {
		for i < len(edges) && edges[i].hi < b {
			i++
		}
		if i == len(edges) {
			break
		}
		if e := edges[i]; e.lo <= b && b != '"' && b != '\\' {
			r.set(byte(b), goal{mode: inChars, lang: e.to, whole: true})
		}
	}
	if len(edges) > 0 && (r.as == Any || len(within(edges, escaped)) > 0) {
		r.set('\\', goal{mode: inEscape, lang: l})
	}
	rest := edges[min(i, len(edges)):]
	if len(rest) == 0 || rest[len(rest)-1].hi < 0x80 {
		return
	}
	for b := rune(0xC2); b <= 0xDF; b++ {
		r.set(byte(b), part(rest, b&0x1F<<6, inUTF, 1))
	}
	for b := rune(0xE0); b <= 0xEF; b++ {
		r.set(byte(b), short(part(rest, b&0xF<<12, inUTF, 2), b == 0xE0, rest))
	}
	for b := rune(0xF0); b <= 0xF4; b++ {
		r.set(byte(b), short(part(rest, b&7<<18, inUTF, 3), b == 0xF0, rest))
	}
}

// short corrects the block of a lead byte below which overlong spellings lie:
// their characters are not reached this way.
func short(g goal, first bool, edges []edge) goal {
	if !first || g == (goal{}) {
		return g
	}
	from, end := rune(0x800), rune(0xFFF)
	if g.left == 3 {
		from, end = 0x10000, 0x3FFFF
	}
	for _, e := range edges {
		if e.hi >= from && e.lo <= end {
			return goal{mode: inUTF, left: g.left, start: 0}
		}
	}
	return goal{}
}

// escapes sets what may follow a backslash.
func (r *row) escapes(edges []edge, l Lang) {
	for _, e := range [...]struct {
		b byte
		r rune
	}{{'"', '"'}, {'\\', '\\'}, {'/', '/'}, {'b', '\b'}, {'f', '\f'}, {'n', '\n'}, {'r', '\r'}, {'t', '\t'}} {
		r.set(e.b, part(edges, e.r, inHex, 0))
	}
	if r.as == Any || len(within(edges, numbered)) > 0 {
		r.set('u', goal{mode: inUnit, left: 4, lang: l})
	}
}

// digits sets the hexadecimal digits.
func (r *row) digits(to func(d rune) goal) {
	for d := rune(0); d < 16; d++ {
		g := to(d)
		r.set("0123456789abcdef"[d], g)
		if r.as == Any {
			r.set("0123456789ABCDEF"[d], g)
		}
	}
}

// units sets the digits of a UTF-16 unit that may be a surrogate.
func (r *row) units(c *coldState) {
	bits := 4 * (c.left - 1)
	r.digits(func(d rune) goal {
		start := c.start + d<<bits
		end := start + 1<<bits - 1
		switch {
		case end < surrLow || start > surrHigh:
			return part(c.edges, start, inHex, c.left-1)
		case start >= 0xDC00:
			return goal{} // a low surrogate
		case c.left == 1:
			low := 0x10000 + (start-surrLow)<<10
			return lowPart(c.edges, low)
		case start >= surrLow:
			// High surrogates only: is any of their characters alive?
			end = min(end, 0xDBFF)
			if !meets(c.edges, 0x10000+(start-surrLow)<<10, 0x10000+(end-surrLow)<<10+0x3FF) {
				return goal{}
			}
		default: // the block of D000 to DFFF
			if !meets(c.edges, start, surrLow-1) && !meets(c.edges, 0x10000, maxRune) {
				return goal{}
			}
		}
		return goal{mode: inUnit, left: c.left - 1, lang: c.lang, start: start}
	})
}

func meets(edges []edge, lo, hi rune) bool {
	for _, e := range edges {
		if e.lo <= hi && e.hi >= lo {
			return true
		}
	}
	return false
}

// lowPart describes the 1,024 characters that follow a high surrogate.
func lowPart(edges []edge, start rune) goal {
	for _, e := range edges {
		if e.lo <= start && e.hi >= start+0x3FF {
			return goal{mode: inLowMark, left: 6, lang: e.to, whole: true}
		}
	}
	if !meets(edges, start, start+0x3FF) {
		return goal{}
	}
	return goal{mode: inLowMark, left: 6, start: start}
}

// lowMark sets the bytes that begin an escaped low surrogate.
func (r *row) lowMark(c *coldState) {
	same := goal{mode: inLowMark, left: c.left - 1, start: -1}
	switch c.left {
	case 6:
		r.set('\\', same)
	case 5:
		r.set('u', same)
	case 4:
		r.set('d', same)
		r.set('D', same)
	case 3:
		for d := rune(0); d < 4; d++ {
			g := part(c.edges, d<<8, inHex, 2)
			r.set("cdef"[d], g)
			r.set("CDEF"[d], g)
		}
	}
}

// resolve returns the state that a goal of state st stands for.
func (x *Lexer) resolve(st State, g goal) State {
	c := x.cold[st]
	switch {
	case g.mode == inChars:
		return x.char(g.lang)
	case g.mode == inEscape || g.mode == inUnit:
		return x.part(coldState{mode: g.mode, left: g.left, lang: g.lang, start: g.start})
	case g.mode == inLowMark && g.start < 0:
		return x.part(coldState{mode: inLowMark, left: g.left, edges: c.edges})
	}
	size := rune(1) << (6 * g.left)
	switch g.mode {
	case inHex:
		size = 1 << (4 * g.left)
	case inLowMark:
		size = 0x400
	}
	if g.whole {
		return x.part(coldState{mode: g.mode, left: g.left, edges: []edge{{0, size - 1, g.lang}}})
	}
	first := g.start
	if c.mode == inChars && g.start == 0 && g.mode == inUTF {
		// The lead bytes E0 and F0: no overlong spellings.
		first = map[uint8]rune{2: 0x800, 3: 0x10000}[g.left]
	}
	var block []edge
	for _, e := range c.edges {
		if lo, hi := max(e.lo, first), min(e.hi, g.start+size-1); lo <= hi {
			block = append(block, edge{lo - g.start, hi - g.start, e.to})
		}
	}
	return x.part(coldState{mode: g.mode, left: g.left, edges: block})
}

// part returns the state equal to c, made if necessary.
func (x *Lexer) part(c coldState) State {
	key := make([]byte, 0, 16+12*len(c.edges))
	key = append(key, byte(c.mode), c.left)
	key = appendInt32(key, int32(c.lang), c.start)
	for _, e := range c.edges {
		key = appendInt32(key, e.lo, e.hi, int32(e.to))
	}
	st, ok := x.parts[string(key)]
	if !ok {
		if !x.s.spend(4 + len(key)/32) {
			return 0
		}
		st = x.add(c)
		x.parts[string(key)] = st
		x.s.bytes += int64(2 * len(key))
	}
	return st
}

func appendInt32(b []byte, list ...int32) []byte {
	for _, v := range list {
		b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	return b
}
