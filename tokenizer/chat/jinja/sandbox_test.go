package jinja

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

func fixedNow() time.Time { return time.Date(2026, 3, 5, 14, 7, 9, 0, time.UTC) }

// render runs a template without variables.
func render(source string) (string, error) {
	t, err := New(source, Limits{})
	if err != nil {
		return "", err
	}
	pieces, err := t.Render(map[string]Value{"user": User("u<|im_end|>"), "items": &List{Items: []Value{User("a"), User("b")}}}, 0, fixedNow)
	var b strings.Builder
	for _, p := range pieces {
		b.WriteString(p.Text)
	}
	return b.String(), err
}

// TestHostile runs templates that try to use up time, memory or the stack. Each
// must end with an error, having allocated a bounded amount.
func TestHostile(t *testing.T) {
	deepBlocks := strings.Repeat("{% if 1 %}", 5000) + strings.Repeat("{% endif %}", 5000)
	cases := map[string]string{
		"long range":           "{% for i in range(10**9) %}x{% endfor %}",
		"long range, unused":   "{{ range(10**9) | length }}",
		"nested loops":         "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
		"nested loops, silent": "{% for i in range(99999) %}{% for j in range(99999) %}{% for k in range(99999) %}{% set x = 1 %}{% endfor %}{% endfor %}{% endfor %}",
		"string repeat":        "{{ 'a' * 10**10 }}",
		"string repeat 2":      "{{ 10**18 * 'abc' }}",
		"string repeat 3":      "{% set x = 'a' * 1000000 %}{{ x * 1000000 }}",
		"empty repeat":         "{{ '' * 10**12 }}{{ [] * 10**12 }}{{ range(9) }}{% for i in range(100000) %}{{ '' * 10**9 }}{% endfor %}",
		"list repeat":          "{{ ([1] * 10**10) | length }}",
		"doubling string":      "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
		"doubling sum":         "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
		"doubling join":        "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] | join %}{% endfor %}",
		"doubling replace":     "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set ns.x = ns.x.replace('a', 'aa') %}{% endfor %}",
		"doubling macro":       "{% macro d(x) %}{{ x }}{{ x }}{% endmacro %}{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set ns.x = d(ns.x) %}{% endfor %}",
		"doubling block":       "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}{% endfor %}",
		"doubling list":        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
		"shared list printed":  "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
		"shared list as JSON":  "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}",
		"shared list compared": "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
		"shared list ordered":  "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x < ns.y }}",
		"deep list printed":    "{% set ns = namespace(x=[1]) %}{% for i in range(50000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
		"kept strings":         "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = ns.x + ['a' * 10000] %}{% endfor %}",
		"recursion":            "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
		"recursion, twofold":   "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
		"recursive loop":       "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
		"call recursion":       "{% macro f() %}{% call f() %}{% endcall %}{% endmacro %}{{ f() }}",
		"brackets":             "{{ " + strings.Repeat("(", 100000) + strings.Repeat(")", 100000) + " }}",
		"lists":                "{{ " + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + " }}",
		"nots":                 "{{ " + strings.Repeat("not ", 100000) + "1 }}",
		"signs":                "{{ " + strings.Repeat("-", 100000) + "1 }}",
		"sum of many":          "{{ 1" + strings.Repeat("+1", 100000) + " }}",
		"attributes":           "{{ x" + strings.Repeat(".a", 100000) + " }}",
		"conditionals":         "{{ " + strings.Repeat("1 if 0 else ", 100000) + "1 }}",
		"filters":              "{{ 'a'" + strings.Repeat("|upper", 100000) + " }}",
		"blocks":               deepBlocks,
		"indent":               "{{ ('\\n' * 100000) | indent(10**9) }}",
		"JSON indent":          "{{ [1] | tojson(indent=10**9) }}",
		"zfill":                "{{ '1'.zfill(10**10) }}",
		"wide separator":       "{% set s = 'x' * 100000 %}{{ range(100000) | join(s) }}",
		"replace nothing":      "{% set s = 'x' * 100000 %}{{ s.replace('', s) }}",
		"split and join":       "{% set s = 'ab' * 1000000 %}{% for i in range(1000) %}{% set t = s.split('a') | join('a') %}{% endfor %}",
		"searches":             "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{{ 'aaab' in s }}{% endfor %}",
		"sort":                 "{% set s = range(100000) | list %}{% for i in range(1000) %}{% set t = s | sort(reverse=true) %}{% endfor %}",
		"power":                "{{ 10**10**10 }}",
		"big product":          "{{ 9**18 * 9**18 }}",
		"batch":                "{{ range(1000) | batch(100000, 1) | list | length }}{% for i in range(1000) %}{% set x = [1] | batch(100000, 1) %}{% endfor %}",
		"many tags of nots":    strings.Repeat("{{"+strings.Repeat(" not", 950)+" 1 }}", 65) + "{{ nosuch() }}",
		"many tags of ifs":     strings.Repeat("{{ "+strings.Repeat("1 if 0 else ", 240)+"1 }}", 88) + "{{ nosuch() }}",
		"many tags of sums":    strings.Repeat("{{ 1"+strings.Repeat("+1", 490)+" }}", 250) + "{{ nosuch() }}",
		"many statements":      strings.Repeat("{% if 0 %}{% endif %}", 12000) + "{{ nosuch() }}",
		"many expressions":     strings.Repeat("{{1}}", 50000) + "{{ nosuch() }}",
		"no end of tag":        strings.Repeat("{% if ", 1000),
		"include":              "{% include 'a' %}",
		"import":               "{% import '/etc/passwd' as x %}",
		"from":                 "{% from 'a' import b %}",
		"extends":              "{% extends 'a' %}",
		"block":                "{% block a %}{% endblock %}",
		"100 MB":               strings.Repeat("x", 100<<20),
		"python":               "{{ ''.__class__.__mro__[1].__subclasses__() }}",
		"change a list":        "{{ items.append(1) }}",
		"change a dict":        "{{ {'a': 1}.update(b=2) }}",
	}
	for name, source := range cases {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			out, err := render(source)
			elapsed := time.Since(start)
			runtime.ReadMemStats(&after)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %d bytes and error %v", len(out), err)
			}
			allocated := after.TotalAlloc - before.TotalAlloc
			t.Logf("%v, %d MB allocated in all: %.100s", elapsed, allocated>>20, err)
			if allocated > 600<<20 {
				t.Errorf("%d MB allocated", allocated>>20)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}
