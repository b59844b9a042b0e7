package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// mutate returns v changed in one place: a member or item dropped, renamed,
// repeated or replaced, a string or number altered.
func mutate(r *rand.Rand, v any) any {
	spare := []any{nil, true, json.Number("0"), json.Number("-1.5"), json.Number("1e3"), "", "a", "2020-02-30", []any{}, map[string]any{}, map[string]any{"a": nil}}
	switch x := v.(type) {
	case map[string]any:
		if len(x) > 0 && r.IntN(6) > 0 {
			key := slices.Sorted(maps.Keys(x))[r.IntN(len(x))]
			y := maps.Clone(x)
			switch r.IntN(6) {
			case 0:
				delete(y, key)
			case 1:
				delete(y, key)
				y[key+"x"] = x[key]
			case 2:
				y[fmt.Sprintf("x%d", r.IntN(3))] = x[key]
			default:
				y[key] = mutate(r, x[key])
			}
			return y
		}
	case []any:
		if len(x) > 0 && r.IntN(6) > 0 {
			i := r.IntN(len(x))
			switch r.IntN(5) {
			case 0:
				return slices.Delete(slices.Clone(x), i, i+1)
			case 1:
				return append(slices.Clone(x), x[i])
			default:
				y := slices.Clone(x)
				y[i] = mutate(r, x[i])
				return y
			}
		}
	case string:
		switch runes := []rune(x); r.IntN(4) {
		case 0:
			return x + string(rune('a'+r.IntN(26)))
		case 1:
			if len(runes) > 0 {
				i := r.IntN(len(runes))
				return string(slices.Delete(runes, i, i+1))
			}
		case 2:
			return x + x + x
		}
	case json.Number:
		switch r.IntN(4) {
		case 0:
			return json.Number(fmt.Sprintf("%d", r.IntN(2001)-1000))
		case 1:
			return json.Number("-" + string(x))
		case 2:
			return x + "e0"
		}
		if len(x) > 0 && x[0] == '-' {
			return x[1:]
		}
	}
	return spare[r.IntN(len(spare))]
}

// TestReference compares verdicts about mutated instances with those of
// another validator.
func TestReference(t *testing.T) {
	list := groups(t, maskBenchFile)
	step, rounds := 4, 8
	if testing.Short() {
		step = 20
	}
	r := rand.New(rand.NewPCG(1, 2))
	verdicts, valid, strict := 0, 0, 0
	for i := r.IntN(step); i < len(list); i += step {
		g := list[i]
		ref, err := reference(g.Schema)
		if err != nil {
			continue
		}
		j, err := newJudge(t, g.Schema, Options{})
		if err != nil {
			t.Errorf("%s: %v", g.Name, err)
			continue
		}
		loose, err := newJudge(t, g.Schema, Options{FormatAnnotation: true})
		if err != nil {
			t.Errorf("%s: %v", g.Name, err)
			continue
		}
		for _, c := range g.Tests {
			data, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.Data))
			if err != nil {
				t.Fatal(err)
			}
			for range rounds {
				data := mutate(r, data)
				if r.IntN(3) == 0 {
					data = mutate(r, data)
				}
				text, err := json.Marshal(data)
				if err != nil || bytes.Contains(text, []byte("--")) {
					continue
				}
				v := parse(t, text)
				want := ref.Validate(data) == nil
				verdicts++
				if want {
					valid++
				}
				if got := j.holds(t, &v); got != want {
					if want && loose.holds(t, &v) {
						strict++ // a format that is read more strictly, as package regex documents
						continue
					}
					t.Errorf("%s: %s is valid: %v, the reference says %v", g.Name, text, got, want)
				}
			}
		}
	}
	t.Logf("%d verdicts, %d valid, %d of them refused for their format", verdicts, valid, strict)
	if strict*1000 > valid {
		t.Errorf("formats refuse %d of %d valid instances", strict, valid)
	}
}

func reference(schema []byte) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("http://schema.test/s.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("http://schema.test/s.json")
}
