package grammar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"orchrt/sampler/grammar/automaton"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/value"
	"orchrt/sampler/grammar/vocab"
)

// Compile builds the automaton of a turn. What was compiled before is taken
// from a cache. Errors are *ConfigError and *SchemaError.
func (v *Vocabulary) Compile(c Config) (*Turn, error) {
	key, err := json.Marshal(c)
	if err != nil {
		return v.compileTurn(c) // finds the schema that is not JSON
	}
	v.mu.Lock()
	t, ok := v.turns.get(string(key))
	if ok {
		v.use(t.units)
	}
	v.mu.Unlock()
	if ok && !t.worn() {
		return t, nil
	}
	if t, err = v.compileTurn(c); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.turns.put(string(key), t, len(key))
	return t, nil
}

func (v *Vocabulary) compileTurn(c Config) (*Turn, error) {
	if err := v.check(c); err != nil {
		return nil, err
	}
	t := v.newTurn(c.EOS)
	t.single = c.Single || c.Choice == Named && !c.Repeat
	t.early = c.CallsWhileThinking
	if err := t.addTools(c); err != nil {
		return nil, err
	}
	if c.Choice == Required || c.Choice == Named {
		t.gap = newGap(nil)
	}
	if c.Response == nil {
		return t, nil
	}
	s := spec{schema: string(c.Response.Schema), kinds: formula.AnyKind, style: c.Style.or(Flexible), strict: c.Response.Strict}
	if absent(c.Response.Schema) {
		s.schema, s.kinds = "", formula.Object
	}
	u, err := v.unit(s)
	if err != nil {
		return nil, err
	}
	t.add("", u)
	if t.gap == nil {
		t.gap = newGap(u)
	}
	return t, nil
}

func (v *Vocabulary) newTurn(eos []int32) *Turn {
	return &Turn{v: v, eos: slices.Clone(eos), sets: map[cursor]*vocab.Set{}}
}

// newGap is the white space that the model writes behind </think>.
func newGap(u *unit) *wrapper {
	return &wrapper{texts: []string{"\n\n"}, units: []*unit{u}, blank: true}
}

// addTools compiles the tools, also those that may not be called.
func (t *Turn) addTools(c Config) error {
	var texts []string
	var units []*unit
	for _, tool := range c.Tools {
		s := spec{
			schema: string(tool.Parameters), empty: absent(tool.Parameters), kinds: formula.Object,
			style: c.Style.or(Trained), suffix: "}\n", strict: tool.Strict,
		}
		u, err := t.v.unit(s)
		if err != nil {
			if e, ok := err.(*SchemaError); ok {
				named := *e
				named.Tool = tool.Name
				return &named
			}
			return err
		}
		t.add(tool.Name, u)
		if c.mayCall(tool.Name) {
			texts = append(texts, callHead(tool.Name))
			units = append(units, u)
		}
	}
	if len(texts) > 0 {
		t.calls = newWrapper(texts, units)
	}
	return nil
}

// absent reports that a schema was not given.
func absent(schema json.RawMessage) bool {
	text := bytes.TrimSpace(schema)
	return len(text) == 0 || string(text) == "null"
}

// callHead is what the model was trained to write between <tool_call> and the
// arguments. "}\n" follows them.
func callHead(name string) string {
	v := value.Value{Kind: value.String, Text: name}
	return "\n{\"name\": " + string(value.Append(nil, v, value.Python)) + ", \"arguments\": "
}

// mayCall reports whether a tool may be called.
func (c *Config) mayCall(name string) bool {
	switch {
	case c.Choice == None, c.Choice == Named && name != c.Name:
		return false
	}
	return c.Allowed == nil || slices.Contains(c.Allowed, name)
}

// add notes a unit of the turn, and whether its schema is not enforced.
func (t *Turn) add(tool string, u *unit) {
	t.units = append(t.units, u)
	if u.warning != nil {
		w := *u.warning
		w.Tool = tool
		t.warnings = append(t.warnings, w)
	}
}

// or is the style with another one for Default.
func (s Style) or(other Style) automaton.Style {
	if s == Default {
		s = other
	}
	if s == Trained {
		return automaton.Trained
	}
	return automaton.Flexible
}

// check reports what in a Config makes no sense, whatever its schemas.
func (v *Vocabulary) check(c Config) error {
	if err := v.checkEOS(c.EOS); err != nil {
		return err
	}
	names := map[string]bool{}
	for i, tool := range c.Tools {
		field := fmt.Sprintf("Tools[%d].Name", i)
		switch {
		case tool.Name == "":
			return &ConfigError{field, "is empty"}
		case !utf8.ValidString(tool.Name):
			return &ConfigError{field, "is not valid UTF-8"}
		case names[tool.Name]:
			return &ConfigError{field, fmt.Sprintf("two tools have the name %q", tool.Name)}
		}
		names[tool.Name] = true
	}
	if len(c.Tools) > 0 && (v.call < 0 || v.endCall < 0) {
		return &ConfigError{"Tools", "the model has no tokens <tool_call> and </tool_call>: it cannot call tools"}
	}
	return c.checkChoice(names)
}

func (c *Config) checkChoice(names map[string]bool) error {
	for _, name := range c.Allowed {
		if !names[name] {
			return &ConfigError{"Allowed", fmt.Sprintf("there is no tool %q", name)}
		}
	}
	switch {
	case c.Choice < Auto || c.Choice > Named:
		return &ConfigError{"Choice", "is none of Auto, None, Required and Named"}
	case c.Style < Default || c.Style > Flexible:
		return &ConfigError{"Style", "is none of Default, Trained and Flexible"}
	case c.Choice == Named && !names[c.Name]:
		return &ConfigError{"Name", fmt.Sprintf("there is no tool %q", c.Name)}
	case c.Choice == Named && !c.mayCall(c.Name):
		return &ConfigError{"Name", fmt.Sprintf("tool %q is not among the allowed ones", c.Name)}
	case c.Choice == Required && len(c.Tools) == 0:
		return &ConfigError{"Choice", "a call is required and there are no tools"}
	case c.Choice == Required && c.Allowed != nil && len(c.Allowed) == 0:
		return &ConfigError{"Choice", "a call is required and no tool is allowed"}
	}
	return nil
}

func (v *Vocabulary) checkEOS(eos []int32) error {
	if len(eos) == 0 {
		return &ConfigError{"EOS", "no token ends the turn"}
	}
	for _, id := range eos {
		if id < 0 || int(id) >= v.Size() || v.table.IsOrdinary(id) {
			return &ConfigError{"EOS", fmt.Sprintf("token %d is not one that can end a turn", id)}
		}
		switch id {
		case v.think, v.endThink, v.call, v.endCall:
			return &ConfigError{"EOS", fmt.Sprintf("token %d has another meaning in a turn", id)}
		}
	}
	return nil
}
