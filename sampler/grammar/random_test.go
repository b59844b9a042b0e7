package grammar

import (
	"encoding/json"
	"errors"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// drawer draws tokens from masks as a model without sense would.
type drawer struct {
	r   *rand.Rand
	buf []uint64
}

func newDrawer(seed uint64) *drawer {
	return &drawer{rand.New(rand.NewPCG(seed, 1)), make([]uint64, (qwenVocabulary().Size()+63)/64)}
}

// draw picks a token, often one of the short ones that structure documents and
// turns, so that they end.
func (d *drawer) draw(m *Matcher) (int32, bool) {
	set := m.Allowed(d.buf)
	if d.r.IntN(100) < 40 {
		short := []int32{151668, 151657, 151658, 151645, 1, 9207, 95642, 30975, 92, 60, 25, 788, 497, 220, 330, 11, 15, 16, 198, 532}
		i := d.r.IntN(len(short))
		for j := range short {
			if id := short[(i+j)%len(short)]; set[id>>6]>>(id&63)&1 != 0 {
				return id, true
			}
		}
	}
	n := 0
	for _, w := range set {
		n += bits.OnesCount64(w)
	}
	if n == 0 {
		return 0, false
	}
	k := d.r.IntN(n)
	for i, w := range set {
		if c := bits.OnesCount64(w); k >= c {
			k -= c
			continue
		}
		for ; k > 0; k-- {
			w &= w - 1
		}
		return int32(i<<6 + bits.TrailingZeros64(w)), true
	}
	panic("unreachable")
}

// turn draws a whole turn of up to some tokens, sometimes taking tokens back, and
// taking what is forced.
func (d *drawer) turn(t *testing.T, m *Matcher, most int) []int32 {
	t.Helper()
	var ids []int32
	for !m.Done() && len(ids) < most {
		if d.r.IntN(8) == 0 && len(ids) > 0 {
			n := 1 + d.r.IntN(min(len(ids), 4))
			if err := m.Rollback(n); err != nil {
				t.Fatal(err)
			}
			for _, id := range ids[len(ids)-n:] {
				if !allows(t, m, id) {
					t.Fatalf("%q is not allowed any more after a rollback", spell([]int32{id}))
				}
				if err := m.Accept(id); err != nil {
					t.Fatal(err)
				}
			}
		}
		next := m.Forced(nil)
		if len(next) == 0 || d.r.IntN(2) == 0 {
			id, ok := d.draw(m)
			if !ok {
				t.Fatalf("no token is allowed after %q", spell(ids))
			}
			next = []int32{id}
		}
		for _, id := range next {
			if err := m.Accept(id); err != nil {
				t.Fatalf("after %q: %v", spell(ids), err)
			}
			ids = append(ids, id)
		}
	}
	return ids
}

// schemas are what random documents are judged by.
var schemas = []string{
	`{}`,
	`{"type": "object", "properties": {"a": {"type": "string", "maxLength": 12}, "b": {"type": "array", "items": {"enum": ["x", "y", 1, null]}, "maxItems": 4}}, "required": ["b"], "additionalProperties": false}`,
	`{"type": "object", "patternProperties": {"^x": {"type": "boolean"}}, "minProperties": 2, "maxProperties": 4, "additionalProperties": {"type": "string", "pattern": "^[a-z]{2,8}$"}}`,
	`{"$defs": {"tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/tree"}, "right": {"$ref": "#/$defs/tree"}, "v": {"type": "integer", "minimum": -5, "maximum": 500}}, "required": ["v"], "additionalProperties": false}}, "$ref": "#/$defs/tree"}`,
	`{"oneOf": [{"type": "string", "minLength": 3}, {"type": "string", "maxLength": 5}, {"type": "integer"}]}`,
	`{"type": "array", "items": {"type": "string", "format": "date"}, "minItems": 1, "uniqueItems": true, "maxItems": 3}`,
	`{"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}, "to": {"type": "string", "format": "email"}, "id": {"type": "string", "format": "uuid"}}, "required": ["at", "to", "id"]}`,
	`{"not": {"type": ["object", "array"]}}`,
	`{"type": "string", "pattern": "^(\\([0-9]{3}\\))?[0-9]{3}-[0-9]{4}$"}`,
}

func TestRandomDocuments(t *testing.T) {
	v := qwenVocabulary()
	d := newDrawer(7)
	for _, text := range schemas {
		schema := judge(t, text)
		doc, err := v.CompileSchema([]byte(text), SchemaOptions{Strict: true, EOS: []int32{imEnd}})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for max := 4; max < 150; max += 9 {
			m, err := doc.Matcher(max)
			if tooFew := (*BudgetError)(nil); errors.As(err, &tooFew) {
				continue
			} else if err != nil {
				t.Fatal(err)
			}
			ids := d.turn(t, m, 1000)
			if len(ids) > max || ids[len(ids)-1] != imEnd {
				t.Errorf("%s: %d tokens of %d, %q", text, len(ids), max, spell(ids))
				continue
			}
			judged(t, schema, ids[:len(ids)-1])
		}
	}
}

func judge(t *testing.T, schema string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("mem:schema", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:schema")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// judged checks that tokens are ordinary and spell a valid document.
func judged(t *testing.T, schema *jsonschema.Schema, ids []int32) {
	t.Helper()
	for _, id := range ids {
		if id >= endOfText {
			t.Fatalf("added token %d in %q", id, spell(ids))
		}
	}
	text, err := qwen().Decode(ids, false)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("%q: %v", text, err)
	}
}

// TestLimits draws turns that owe something with every small limit.
func TestLimits(t *testing.T) {
	d := newDrawer(3)
	parameters := judge(t, string(weather.Parameters))
	configs := []Config{
		{Tools: tools, Choice: Required},
		{Tools: tools, Choice: Named, Name: "get_weather"},
		{Tools: tools},
		{Tools: tools, Response: answerSchema},
		{Response: answerSchema},
	}
	for _, c := range configs {
		turn := compile(t, c)
		for _, prompt := range []string{asked, noThinking, inThinking, asked + "<think>hm</think>"} {
			least := 0
			for max := 1; max < 50; max++ {
				m, err := turn.Matcher(encode(t, prompt), max)
				if tooFew := (*BudgetError)(nil); errors.As(err, &tooFew) {
					least = tooFew.Need
					continue
				} else if err != nil {
					t.Fatal(err)
				}
				if max < least {
					t.Errorf("%d tokens are possible, the error said that it takes %d", max, least)
				}
				ids := d.turn(t, m, max)
				checkTurn(t, c, m, ids, parameters)
			}
			if least > 40 {
				t.Errorf("a turn takes %d tokens", least)
			}
		}
	}
}

// checkTurn checks that a turn within its limit has what it must have, whole.
func checkTurn(t *testing.T, c Config, m *Matcher, ids []int32, parameters *jsonschema.Schema) {
	t.Helper()
	text := spell(ids)
	owes := c.Choice == Required || c.Choice == Named || c.Response != nil
	calls := strings.Count(text, "<tool_call>\n")
	if (owes || calls > 0) && !m.Done() {
		t.Errorf("%q is cut", text)
		return
	}
	if c.Response != nil && calls == 0 {
		_, answer, found := strings.Cut(text, "</think>")
		if !found {
			answer = text
		}
		var v struct{ Rain *bool }
		if err := json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimSuffix(answer, end), "<|endoftext|>")), &v); err != nil || v.Rain == nil {
			t.Errorf("%q: %v", text, err)
		}
		return
	}
	if owes && calls == 0 {
		t.Errorf("%q has no call", text)
	}
	for _, part := range strings.Split(text, "<tool_call>\n")[1:] {
		part, _, found := strings.Cut(part, "\n</tool_call>")
		var call struct {
			Name      string
			Arguments any
		}
		if err := json.Unmarshal([]byte(part), &call); !found || err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if call.Name == "get_weather" {
			if err := parameters.Validate(call.Arguments); err != nil {
				t.Errorf("%q: %v", part, err)
			}
		}
	}
}
