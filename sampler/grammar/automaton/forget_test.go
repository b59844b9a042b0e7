package automaton_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"orchrt/sampler/grammar/automaton"
)

// TestForget follows a text whose completion is always long, with every state
// of it kept, as a turn keeps those that it may be rolled back to, and asks every
// state behind these for its completion, as a mask near a limit does: some hundred MB where
// each has a text of its own, or what was forgotten is kept alive.
func TestForget(t *testing.T) {
	const members, length = 24, 50
	var names []string
	text := "{"
	for i := range members {
		name := fmt.Sprintf("%02d%s", i, strings.Repeat("x", length))
		names = append(names, `"`+name+`"`)
		text += fmt.Sprintf(`%q: "%d", `, name, i)
	}
	text = text[:len(text)-2] + "}"
	sp, f, err := compile([]byte(`{"type": "object", "additionalProperties": {"type": "string"}, "required": [` + strings.Join(names, ", ") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	const states = 2000
	m, err := automaton.New(sp, f, automaton.Options{MaxStates: states})
	if err != nil {
		t.Fatal(err)
	}
	held := func() int64 {
		var mem runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&mem)
		return int64(mem.HeapAlloc)
	}
	before := held()
	s := m.Start()
	kept := []*automaton.State{s}
	for i := range len(text) {
		for b := 0; b < 256 && i%3 == 0; b++ {
			if next := s.Step(byte(b)); next != nil && next.Distance() == automaton.Far {
				t.Fatalf("no completion behind %q and byte %d", text[:i], b)
			}
		}
		if s = s.Step(text[i]); s == nil {
			t.Fatalf("%q is refused", text[:i+1])
		}
		kept = append(kept, s)
		if m.States() > states+256 {
			t.Fatalf("%d states are remembered, of %d that may be", m.States(), states)
		}
	}
	if got := held() - before; got > 16<<20 {
		t.Errorf("%d MB are held after %d bytes", got>>20, len(text))
	}
	for i, s := range kept { // whatever was forgotten, it goes on from there
		if rest := s.Shortest(nil); follow(s, string(rest)) == nil || len(rest) != s.Distance() || i%16 == 0 && !accepts(m, text[:i]+string(rest)) {
			t.Fatalf("%q is no completion of %q", rest, text[:i])
		}
	}
}
