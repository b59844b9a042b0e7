package grammar

import (
	"fmt"
	"strings"
	"testing"

	"orchrt/sampler/grammar/value"
)

// TestSlack estimates from schemas of which the least values are known, about.
func TestSlack(t *testing.T) {
	chain := `{"$ref": "#/$defs/k0", "$defs": {`
	for i := range 60 {
		chain += fmt.Sprintf(`"k%d": {"allOf": [{"$ref": "#/$defs/k%d"}, {"$ref": "#/$defs/k%d"}]}, `, i, i+1, i+1)
	}
	var many strings.Builder
	for i := range 20 {
		fmt.Fprintf(&many, `"k%d": {}, `, i)
	}
	for _, c := range []struct {
		schema string
		most   int // minSlack + 4*most is the estimate
	}{
		{`{}`, 4},
		{`true`, 0},
		{`{"minLength": 10}`, 14},
		{`{"properties": {"a": {"minLength": 10}}}`, 14},
		{`{"properties": {"a": {"minLength": 10}}, "required": ["a", "bc"]}`, 4 + 9 + 14 + 10},
		{`{"properties": {` + many.String() + `"a": {"minLength": 10}}, "required": ["a", "bc"]}`, 4 + 9 + 14 + 10},
		{`{"minItems": 3, "items": {"const": "abc"}}`, 4 + 3*(2+9)},
		{`{"anyOf": [{"const": 1}, {"enum": ["a", "abcdefgh"]}]}`, 4 + 4 + 10},
		{`{"$ref": "#/$defs/x~1y", "$defs": {"x/y": {"minLength": 10}}}`, 4 + 14},
		{`{"properties": {"a": {"$ref": "#"}}, "required": ["a"]}`, 4 + 9 + 8}, // within itself it counts little
		{`{"minLength": 1000000000}`, maxSlack},
		{chain + `"k60": {"minLength": 10}}}`, maxSlack},
		{chain + `"k60": true}}`, maxSlack},
	} {
		v, err := value.Parse([]byte(c.schema), value.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := slack(&v), min(minSlack+4*c.most, maxSlack); got != want {
			t.Errorf("%.80s: %d, want %d", c.schema, got, want)
		}
	}
}
