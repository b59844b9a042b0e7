package tools

import (
	"fmt"
	"strings"
)

// template is text with {name} in it for arguments; {{ and }} stand for braces.
type template struct {
	parts []part
	src   string
}

// part is literal text, or an argument where name is not "".
type part struct{ text, name string }

// parseTemplate reads a template.
func parseTemplate(s string) (template, error) {
	t := template{src: s}
	var lit strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "{{") || strings.HasPrefix(s[i:], "}}"):
			lit.WriteByte(s[i])
			i++
		case s[i] == '}':
			return t, fmt.Errorf("a } without {; write }} for the character itself")
		case s[i] == '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 || !argumentName(s[i+1:i+end]) {
				return t, fmt.Errorf("{ begins no {argument}; write {{ for the character itself")
			}
			if lit.Len() > 0 {
				t.parts = append(t.parts, part{text: lit.String()})
				lit.Reset()
			}
			t.parts = append(t.parts, part{name: s[i+1 : i+end]})
			i += end
		default:
			lit.WriteByte(s[i])
		}
	}
	if lit.Len() > 0 {
		t.parts = append(t.parts, part{text: lit.String()})
	}
	return t, nil
}

func argumentName(s string) bool {
	for _, c := range []byte(s) {
		if c != '_' && c != '-' && c != '.' && (c < '0' || c > '9') && (c|32 < 'a' || c|32 > 'z') {
			return false
		}
	}
	return s != ""
}

// names are the arguments it uses.
func (t template) names() (out []string) {
	for _, p := range t.parts {
		if p.name != "" {
			out = append(out, p.name)
		}
	}
	return out
}

// only is the argument that makes up the whole template; "" where none does.
func (t template) only() string {
	if len(t.parts) == 1 {
		return t.parts[0].name
	}
	return ""
}

// fill puts arguments in, each through escape; absent ones are empty.
func (t template) fill(a arguments, escape func(string) string) string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.name == "" {
			b.WriteString(p.text)
			continue
		}
		v, _ := a.text(p.name)
		if escape != nil {
			v = escape(v)
		}
		b.WriteString(v)
	}
	return b.String()
}

// missing is the first argument of t that a lacks; "" where it has all.
func (t template) missing(a arguments) string {
	for _, n := range t.names() {
		if _, ok := a.text(n); !ok {
			return n
		}
	}
	return ""
}

// template parses s, and reports arguments that the parameters do not have.
func (d *decoder) template(t *toolConfig, key, s string) template {
	tmpl, err := parseTemplate(s)
	if err != nil {
		d.fail(t.line, "tool %s: %s: %v", t.Name, key, err)
		return template{}
	}
	p, err := readParameters(t.Parameters)
	if err != nil {
		return tmpl // schemaFault says so
	}
	for _, name := range tmpl.names() {
		if _, ok := p.properties[name]; !ok {
			d.fail(t.line, "tool %s: %s uses {%s}, which is no property of its parameters", t.Name, key, name)
		}
	}
	return tmpl
}
