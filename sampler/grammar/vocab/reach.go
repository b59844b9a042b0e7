package vocab

// Reach returns a bound on the Distance of the states behind the tokens that s
// allows.
func (k *Masks[S, L]) Reach(s S) int {
	if d, ok := k.reach[s]; ok {
		return d
	}
	most := 0
	seen := map[S]bool{}
	look := func(_ int32, next S) {
		if !seen[next] {
			seen[next] = true
			most = max(most, k.m.Distance(next))
		}
	}
	if text, ok := k.m.Text(s); ok {
		k.walkQuoted(s, text, nil, look)
		most = max(most, k.textReach(text)+k.m.Rest(s))
	} else {
		Walk(k.t.all, s, k.m.Step, look)
	}
	k.used += entryMemory
	k.reach[s] = most
	return most
}

// textReach bounds the TextDistance behind the tokens that a text allows.
func (k *Masks[S, L]) textReach(text L) int {
	if d, ok := k.textMost[text]; ok {
		return d
	}
	most, ok := k.m.TextMost(text)
	if !ok {
		most = 0
		seen := map[L]bool{}
		Walk(k.t.text.plain, text, k.m.StepText, func(_ int32, next L) {
			if !seen[next] {
				seen[next] = true
				most = max(most, k.m.TextDistance(next))
			}
		})
	}
	k.used += entryMemory
	k.textMost[text] = most
	return most
}

// entryMemory is what an entry of Masks.reach or Masks.textMost takes, about.
const entryMemory = 48

// Near writes into buf tokens that s allows and behind which ok holds. Of those
// that stay in a string it asks instead that their distance, by Rest, is at most
// most. In names, where Rest is an estimate, it leaves out tokens of several
// bytes if there are many.
func (k *Masks[S, L]) Near(buf []uint64, s S, most int, ok func(S) bool) {
	clear(buf)
	known := map[S]bool{}
	look := func(id int32, next S) {
		fits, asked := known[next]
		if !asked {
			fits = ok(next)
			known[next] = fits
		}
		if fits {
			buf[id>>6] |= 1 << (id & 63)
		}
	}
	text, in := k.m.Text(s)
	named := in && k.m.Named(s)
	if !in || named && k.inText(text).Len() <= fewTokens {
		Walk(k.t.all, s, k.m.Step, look)
		return
	}
	if named {
		k.walkQuoted(s, text, nil, look)
		Walk(k.t.single, s, k.m.Step, look)
		return
	}
	most -= k.m.Rest(s)
	lookText := func(id int32, next L) {
		if k.m.TextDistance(next) <= most {
			buf[id>>6] |= 1 << (id & 63)
		}
	}
	k.walkQuoted(s, text, lookText, look)
	switch {
	case most < 0:
	case k.textReach(text) <= most:
		k.inText(text).addTo(buf)
	default:
		Walk(k.t.text.plain, text, k.m.StepText, lookText)
	}
}

// fewTokens is from how many tokens in a name Near leaves some out.
const fewTokens = 256

// walkQuoted walks the tokens with a quotation mark in them where s is in a
// text. The bytes before the one that closes the string move only the text.
// inside is called for the tokens that do not close it, unless it is nil, and
// behind for the others.
func (k *Masks[S, L]) walkQuoted(s S, text L, inside func(int32, L), behind func(int32, S)) {
	states, texts, nodes := make([]S, k.t.quoted.all.depth+1), k.textStack, k.t.quoted.all.nodes
	texts[0] = text
	const open = maxTokenBytes + 1
	closed := open // the depth of the node that closed the string
	for i := 0; i < len(nodes); {
		n := &nodes[i]
		d := int(n.depth)
		k.read[d-1] = n.byte
		var ok bool
		if closed < d {
			states[d], ok = k.m.Step(states[d-1], n.byte)
		} else {
			closed = open
			texts[d], ok = k.m.StepText(texts[d-1], n.byte)
			if !ok && n.byte == '"' && k.m.Accepts(texts[d-1]) {
				if states[d], ok = k.m.Close(s, k.read[:d-1], texts[d-1]); ok {
					closed = d
				}
			}
		}
		switch {
		case !ok:
			i = int(n.skip)
			continue
		case n.token < 0:
		case closed <= d:
			behind(n.token, states[d])
		case inside != nil:
			inside(n.token, texts[d])
		}
		i++
	}
}
