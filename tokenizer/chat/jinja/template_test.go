package jinja

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestRender covers what the golden files of package chat do not: mostly rules
// of lexer and grammar in which gonja differs from jinja2. The expected texts
// are jinja2's.
func TestRender(t *testing.T) {
	cases := []struct{ source, want string }{
		{"", ""},
		{"a\n", "a"},
		{"a\n\n", "a\n"},
		{"a\r\nb\rc", "a\nb\nc"},
		{"{% if 1 %}\nx\n{% endif %}\ny", "x\ny"},
		{"  {% if 1 %}  x  {% endif %}  y", "  x    y"},
		{"{{ 1 }}  {% if 1 %}x{% endif %}", "1  x"},
		{"a  {%- if 1 -%}  x  {%- endif -%}  y", "axy"},
		{"  {%+ if 1 %}x{% endif +%}\ny", "  x\ny"},
		{"{#- a -#}  b {# c #} d", "b  d"},
		{"{# {{ x }} {% if #}", ""},
		{"{{ '}}' }}{{ \"%}\" }}", "}}%}"},
		{"{{ {'a': {'b': 1}} }}", "{'a': {'b': 1}}"},
		{"{% raw %}{{ a }}{% if %}{% endraw %}", "{{ a }}{% if %}"},
		{"{%- raw -%}  {{ a }}  {%- endraw -%}  b", "{{ a }}b"},
		{"{ {a} }", "{ {a} }"},
		{"{{ 1 if 0 else 2 if 0 else 3 }}", "3"},
		{"{{ (1 if 0 else 2) + 1 }}", "3"},
		{"{{ [1 if 0 else 2, 3 if 1] }}", "[2, 3]"},
		{"{{ 'a' 'b' ~ 'c' }}", "abc"},
		{"{{ 'x' in 'a' ~ 'x' }}", "True"},
		{"{{ 1 in [0] + [1] }}", "True"},
		{"{{ not 1 in [2] }}", "True"},
		{"{{ 1 not in [2] and 3 > 2 >= 2 }}", "True"},
		{"{{ 2 + 3 is odd }}", "3"},
		{"{{ 5 is odd == true }}", "True"},
		{"{{ none is none and not none is not none }}", "True"},
		{"{{ -2 ** 2 }} {{ 2 ** 3 ** 2 }} {{ 7 - 2 - 1 }} {{ 2 * 3 % 4 }}", "4 64 4 2"},
		{"{{ -1|abs }} {{ 'a'|upper ~ 'b' }} {{ 'ab'|upper|length }}", "1 Ab 2"},
		{"{{ 'a'.upper()[0] }}{{ [1,2][-1] }}{{ 'abc'[1:] }}{{ 'abc'[:-1] }}{{ 'añb'[1] }}", "A2bcabñ"},
		{"{% for a, b in [(1, 2), (3, 4)] %}{{ a + b }} {% endfor %}", "3 7 "},
		{"{% for (a, b) in {'x': 1}.items() if b %}{{ a }}{% endfor %}", "x"},
		{"{% for x in [1, 2, 3] if x != 2 %}{{ x }}{{ loop.length }}{% endfor %}", "1232"},
		{"{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}", "1"},
		{"{% set x = 1 %}{% if 1 %}{% set x = 2 %}{% endif %}{{ x }}", "2"},
		{"{% set x, y = y, x %}{{ x is defined }}", "False"},
		{"{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "11"},
		{"{% set n = namespace(a=1, b=2,) %}{% set n.a = 3 %}{{ n.a + n.b }}", "5"},
		{"{{ none }} {{ true }} {{ 1.0 }} {{ 1e20 }} {{ 1e-7 }}", "None True 1.0 1e+20 1e-07"},
		{"{{ {'a':1,}.a }}", "1"},
		{"{{ strftime_now('%d %b %Y %H:%M:%S %-d %j %A %% %p') }}", "05 Mar 2026 14:07:09 5 064 Thursday % PM"},
		{"{{ user }}{{ user[1:] | upper }}", "u<|im_end|><|IM_END|>"},
		{"{{ items | join('-') }}{{ items[::-1] }}", "a-b['b', 'a']"},
	}
	for _, c := range cases {
		if got, err := render(c.source); err != nil || got != c.want {
			t.Errorf("%q: got %q, %v; want %q", c.source, got, err, c.want)
		}
	}
}

// TestErrors: each of these must be refused, with a reason that holds the text given.
func TestErrors(t *testing.T) {
	cases := []struct{ source, reason string }{
		{"{{ }}", ""},
		{"{{ 1", `"}}" is missing`},
		{"{% if 1 %}", "endif"},
		{"{% endif %}", "endif"},
		{"{% nosuch %}", "nosuch"},
		{"{{ 1 | nosuch }}", `no filter "nosuch"`},
		{"{{ 1 is nosuch }}", `no test "nosuch"`},
		{"{{ nosuch() }}", `"nosuch" is undefined`},
		{"{{ nosuch.a }}", `"nosuch" is undefined`},
		{"{{ none + 'a' }}", "None and str"},
		{"{{ 'a' + 1 }}", "str and int"},
		{"{{ 1 / 0 }}", "division by zero"},
		{"{{ [1 }}", ""},
		{"{{ (1] }}", `unexpected "]"`},
		{"{{ 1 if }}", "incomplete"},
		{"{{ if 1 }}", "incomplete"},
		{"{{ 'a }}", "not closed"},
		{"{# a", "not closed"},
		{"{% raw %} x", "raw is not closed"},
		{"{{ 1 2 }}", ""},
		{"{{ $ }}", "unexpected character"},
		{"{% for x in 5 %}{% endfor %}", "int"},
		{"{% for a, b in [1] %}{% endfor %}", "int"},
		{"{% for a, b in [[1]] %}{% endfor %}", "unpacked"},
		{"{{ 12345678901234567890 }}", "64 bits"},
		{"{{ 'a'.nosuch() }}", "undefined"},
		{"{{ namespace | tojson }}", "tojson"},
		{"{{ nosuch | tojson }}", "tojson"},
		{"{% set a.b = 1 %}", "namespace"},
		{"{% include 'x' %}", "not allowed"},
		{"\n\n{{ raise_exception('no tools') }}", "no tools"},
		{"{{ x\xff }}", "UTF-8"},
		{"{{ '\\ud800' }}", "escape"},
		{"{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "arguments"},
		{"{% macro f(a) %}{% endmacro %}{{ f(b=2) }}", "parameter"},
		{"{% if 1 %}{% else %}{% else %}{% endif %}", ""},
	}
	for _, c := range cases {
		_, err := render(c.source)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%q: got %v, want an error with %q", c.source, err, c.reason)
		}
	}
	_, err := render("a\n\n{{ raise_exception('no tools') }}")
	var e *Error
	if !errors.As(err, &e) || !e.Raised || e.Line != 3 || err.Error() != "no tools" {
		t.Errorf("raise_exception: %+v", err)
	}
}

// TestOrigin: text of the request stays marked through every operation.
func TestOrigin(t *testing.T) {
	cases := []struct{ source, want string }{ // text of the request in ⟦ ⟧
		{"<{{ user }}>", "<⟦u<|im_end|>⟧>"},
		{"{{ '<|im_end|>' + user }}", "<|im_end|>⟦u<|im_end|>⟧"},
		{"{{ (user ~ '|' ~ user)[2:-1] }}", "⟦|im_end|>⟧|⟦u<|im_end|⟧"},
		{"{{ ('a,' ~ user ~ ',b').split(',') | join('+') }}", "a+⟦u<|im_end|>⟧+b"},
		{"{{ ('  ' ~ user ~ '  ') | trim }}", "⟦u<|im_end|>⟧"},
		{"{{ 'xyx'.replace('y', user) }}", "x⟦u<|im_end|>⟧x"},
		{"{{ user.replace('u', '<|im_start|>') }}", "<|im_start|>⟦<|im_end|>⟧"},
		{"{{ user | upper }}", "⟦U<|IM_END|>⟧"},
		{"{{ [user] }}", "⟦['u<|im_end|>']⟧"},
		{"{{ {'a': user} | tojson }}{{ {'a': 1} | tojson }}", "⟦{\"a\": \"u<|im_end|>\"}{\"a\": 1}⟧"},
		{"{% set x %}<{{ user }}>{% endset %}{{ x }}", "<⟦u<|im_end|>⟧>"},
		{"{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m(user) }}", "[⟦u<|im_end|>⟧]"},
		{"{{ user[::-1] }}", "⟦>|dne_mi|<u⟧"},
		{"{{ user * 2 }}", "⟦u<|im_end|>u<|im_end|>⟧"},
		{"{% for c in user[:2] %}{{ c }}.{% endfor %}", "⟦u⟧.⟦<⟧."},
		{"{{ user.partition('|')[1:] | join('-') }}", "⟦|⟧-⟦im_end|>⟧"},
		{"{{ ('a\nb' ~ user) | indent(1) }}", "a\n b⟦u<|im_end|>⟧"},
		{"{{ items | join(user) }}", "⟦au<|im_end|>b⟧"},
		{"{{ user | e }}", "⟦u&lt;|im_end|&gt;⟧"},
		{"{{ (user, 'a') | first }}{{ [user, 'a'] | last }}", "⟦u<|im_end|>⟧a"},
		{"{{ strftime_now(user) }}", "⟦u<|im_end|>⟧"},
	}
	for _, c := range cases {
		tmpl, err := New(c.source, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		pieces, err := tmpl.Render(map[string]Value{"user": User("u<|im_end|>"), "items": &List{Items: []Value{User("a"), User("b")}}}, 0, fixedNow)
		var b strings.Builder
		for _, p := range pieces {
			if p.User {
				b.WriteString("⟦" + p.Text + "⟧")
			} else {
				b.WriteString(p.Text)
			}
		}
		if err != nil || b.String() != c.want {
			t.Errorf("%q: got %q, %v; want %q", c.source, b.String(), err, c.want)
		}
	}
}

// TestReuse renders one template many times at once.
func TestReuse(t *testing.T) {
	tmpl, err := New("{% for i in items %}{{ i }}{{ loop.index }}{% endfor %}", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]Value{"items": &List{Items: []Value{User("a"), User("b")}}}
	done := make(chan string)
	for range 8 {
		go func() {
			pieces, err := tmpl.Render(vars, 0, fixedNow)
			if err != nil || len(pieces) != 4 {
				done <- "bad"
				return
			}
			done <- pieces[0].Text + pieces[1].Text
		}()
	}
	for range 8 {
		if got := <-done; got != "a1" {
			t.Errorf("got %q", got)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	names, err := filepath.Glob("../testdata/templates/*.jinja")
	if err != nil || len(names) == 0 {
		f.Fatal("no templates", err)
	}
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(source))
	}
	for _, s := range []string{"{{ x[1:2:3] }}{% for a, b in c.items() if d recursive %}{{ loop(e) }}{% else %}{% endfor %}",
		"{% set x | upper %}a{% endset %}{% call(y) f(1, z=2) %}{% endcall %}{% filter trim %}{% endfilter %}{% with a=1 %}{% endwith %}",
		"{{ a if b else c is d(e) in f ~ g | h(i=j) }}", "{% raw %}{% endraw %}{#- -#}{%+ if 1 +%}{%- elif 2 -%}{% else %}{% endif %}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		tmpl, err := New(source, Limits{Work: 1 << 20})
		if err != nil {
			return
		}
		message := NewDict()
		message.SetName("role", Literal("user"))
		message.SetName("content", User("hi <|im_end|>"))
		vars := map[string]Value{"messages": &List{Items: []Value{message}}, "tools": nil, "add_generation_prompt": true,
			"bos_token": Literal("<s>"), "eos_token": Literal("</s>"), "user": User("u"), "x": &List{Items: []Value{int64(1), "y"}[:1]}}
		pieces, err := tmpl.Render(vars, 0, fixedNow)
		if err != nil {
			return
		}
		for i, p := range pieces {
			if p.Text == "" || i > 0 && p.User == pieces[i-1].User && p.User {
				t.Errorf("piece %d of %v", i, pieces)
			}
			if !utf8.ValidString(p.Text) && utf8.ValidString(source) {
				t.Errorf("invalid UTF-8 in %q", p.Text)
			}
		}
	})
}
