package schema

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

type object = map[string]any

// randomSchema makes a schema about the members a, b, c and short arrays, full
// of branches that evaluate different parts of a value.
func randomSchema(r *rand.Rand, depth int) any {
	sub := func() any { return randomSchema(r, depth-1) }
	list := func() []any {
		l := make([]any, 1+r.IntN(3))
		for i := range l {
			l[i] = sub()
		}
		return l
	}
	key := func() string { return string(rune('a' + r.IntN(3))) }
	if depth <= 0 {
		switch r.IntN(9) {
		case 0:
			return false
		case 1:
			return true
		case 2:
			return object{"type": []string{"object", "array", "integer", "string", "null"}[r.IntN(5)]}
		case 3:
			return object{"required": []any{key()}}
		case 4:
			return object{"enum": []any{1, "a", nil, []any{1}}[r.IntN(3):]}
		case 5:
			return object{"minimum": r.IntN(3), "maxLength": r.IntN(2)}
		case 6:
			return object{"minItems": r.IntN(3), "maxProperties": r.IntN(3)}
		case 7:
			return object{"properties": object{key(): true}}
		}
		return object{"$ref": "#/$defs/d"}
	}
	s := object{}
	for range 1 + r.IntN(3) {
		switch r.IntN(19) {
		case 0:
			s["properties"] = object{key(): sub(), key(): sub()}
		case 1:
			s["patternProperties"] = object{"^[ab]$": sub()}
		case 2:
			s["additionalProperties"] = sub()
		case 3, 4:
			s["unevaluatedProperties"] = randomSchema(r, 0)
		case 5, 6:
			s["unevaluatedItems"] = randomSchema(r, 0)
		case 7:
			s["prefixItems"] = list()
		case 8:
			s["items"] = sub()
		case 9:
			s["contains"] = sub()
			if r.IntN(2) == 0 {
				s["minContains"] = r.IntN(3)
			}
		case 10:
			s["anyOf"] = list()
		case 11:
			s["oneOf"] = list()
		case 12:
			s["allOf"] = list()
		case 13:
			s["not"] = sub()
		case 14:
			s["if"], s["then"] = sub(), sub()
		case 15:
			s["if"], s["else"] = sub(), sub()
		case 16:
			s["dependentSchemas"] = object{key(): sub()}
		case 17:
			s["propertyNames"] = object{"not": object{"enum": []any{key(), key()}}}
		case 18:
			s["dependentRequired"] = object{key(): []any{key()}}
		}
	}
	return s
}

func randomValue(r *rand.Rand, depth int) any {
	switch k := r.IntN(10); {
	case depth > 0 && k < 5:
		o := object{}
		for range r.IntN(4) {
			o[string(rune('a'+r.IntN(4)))] = randomValue(r, depth-1)
		}
		return o
	case depth > 0 && k < 8:
		l := make([]any, r.IntN(4))
		for i := range l {
			l[i] = randomValue(r, depth-1)
		}
		return l
	}
	return []any{nil, true, 0, 1, 2.5, "", "a", "ab"}[r.IntN(8)]
}

// TestRandom compares verdicts about random values under random schemas with
// those of another validator.
func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	rounds, valid, verdicts, refused := 400, 0, 0, 0
	if testing.Short() {
		rounds = 100
	}
	for range rounds {
		schema := randomSchema(r, 3)
		if o, ok := schema.(object); ok {
			o["$defs"] = object{"d": randomSchema(r, 1)}
		}
		text, err := json.Marshal(schema)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := reference(text)
		if err != nil {
			continue
		}
		j, err := newJudge(t, text, Options{})
		if err != nil {
			refused++ // a cycle through not or if
			continue
		}
		for range 20 {
			data, err := json.Marshal(randomValue(r, 3))
			if err != nil {
				t.Fatal(err)
			}
			v := parse(t, data)
			decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			want := ref.Validate(decoded) == nil
			verdicts++
			if want {
				valid++
			}
			if got := j.holds(t, &v); got != want {
				t.Fatalf("%s: %s is valid: %v, the reference says %v", text, data, got, want)
			}
		}
	}
	t.Logf("%d verdicts, %d valid; %d schemas refused", verdicts, valid, refused)
	if refused*20 > rounds {
		t.Errorf("%d of %d schemas are refused", refused, rounds)
	}
}
