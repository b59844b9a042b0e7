package vocab

// Reach returns a bound on the Distance of the states behind the tokens that s
// allows.
func (k *Masks[S, L]) Reach(s S) int {
	if d, ok := k.reach[s]; ok {
		return d
	}
	trie, most := k.t.all, 0
	if text, ok := k.m.Text(s); ok {
		if grow, ok := k.m.Growth(text); ok {
			trie, most = k.t.quoted, k.m.Distance(s)+grow
		}
	}
	seen := map[S]bool{}
	Walk(trie, s, k.m.Step, func(_ int32, next S) {
		if !seen[next] {
			seen[next] = true
			most = max(most, k.m.Distance(next))
		}
	})
	k.used += reachMemory
	k.reach[s] = most
	return most
}

// reachMemory is what an entry of Masks.reach takes, about.
const reachMemory = 48

// Filter writes the tokens into buf that s allows and behind which ok holds. It
// asks ok once for a state, and runs every token.
func (k *Masks[S, L]) Filter(buf []uint64, s S, ok func(S) bool) {
	clear(buf)
	known := map[S]bool{}
	Walk(k.t.all, s, k.m.Step, func(id int32, next S) {
		fits, asked := known[next]
		if !asked {
			fits = ok(next)
			known[next] = fits
		}
		if fits {
			buf[id>>6] |= 1 << (id & 63)
		}
	})
}
