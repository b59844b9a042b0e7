package automaton_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"orchrt/sampler/grammar/automaton"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/value"
)

// TestBranches reads objects of which one of several branches that overlap must
// hold: a member may tell hundreds of sets of them apart.
func TestBranches(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	names := []string{"a", "b", "c", "d", "e", "f"}
	closed := func() map[string]any {
		props := map[string]any{}
		for _, name := range names {
			if rng.IntN(2) == 0 {
				props[name] = map[string]any{"type": []string{"integer", "string", "boolean"}[rng.IntN(3)]}
			}
		}
		return map[string]any{"type": "object", "properties": props, "additionalProperties": false}
	}
	scalars := []any{1, "x", true}
	object := func() map[string]any {
		o := map[string]any{}
		for range rng.IntN(3) {
			o[names[rng.IntN(len(names))]] = scalars[rng.IntN(len(scalars))]
		}
		return o
	}
	accepted, refused := 0, 0
	for n := range 15 {
		var branches []any
		for i := range 7 {
			props := map[string]any{"kind": map[string]any{"const": fmt.Sprint(i)}, "options": closed()}
			branch := map[string]any{"type": "object", "properties": props}
			if more := map[string]any{"type": "object", "additionalProperties": closed()}; n%3 == 0 {
				branch["additionalProperties"] = more
			} else {
				props["more"] = more
			}
			branches = append(branches, branch)
		}
		all := map[string]any{"oneOf": branches}
		if n%3 == 2 { // which keys may come depends on those before
			all["minProperties"] = 2
			all["propertyNames"] = map[string]any{"enum": []string{"kind", "options", "more"}}
		}
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		sp, f, err := compile(text)
		if err != nil {
			t.Fatal(err)
		}
		m, err := automaton.New(sp, f, automaton.Options{StepBudget: 20_000_000})
		if err != nil {
			t.Fatal(err)
		}
		for range 150 {
			instance := map[string]any{}
			for _, key := range []string{"options", "more", "kind"} {
				switch {
				case rng.IntN(3) == 0:
				case key == "kind":
					instance[key] = fmt.Sprint(rng.IntN(8))
				case key == "options":
					instance[key] = object()
				default:
					instance[key] = map[string]any{"x": object()}
				}
			}
			data, err := json.Marshal(instance)
			if err != nil {
				t.Fatal(err)
			}
			v, err := value.Parse(data, value.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			v = value.Shuffle(v, rng)
			want := formula.Eval(sp, f, v)
			if got := accepts(m, v.String()); got != want || m.Err() != nil {
				t.Fatalf("%s: %s: accepted %v, want %v; %v", text, v, got, want, m.Err())
			}
			if want {
				accepted++
			} else {
				refused++
			}
		}
		for range 5 {
			stroll(t, rng, "branches", sp, f, m)
		}
	}
	if accepted < 200 || refused < 200 {
		t.Errorf("%d were accepted and %d refused", accepted, refused)
	}
}
