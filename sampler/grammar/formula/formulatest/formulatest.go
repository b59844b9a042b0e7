// Package formulatest makes random formulas that know by themselves which values
// belong to them, for tests of packages that work on formulas.
package formulatest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf8"

	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/regex"
	"orchrt/sampler/grammar/value"
)

// Expr is a formula: how to build it, and its meaning, found without the package
// formula.
type Expr struct {
	text  string
	build func(b *builder) formula.F
	holds func(v value.Value) bool
}

type builder struct {
	sp   *formula.Space
	refs map[*Expr]formula.F
}

// String describes the formula.
func (e *Expr) String() string { return e.text }

// Build makes the formula in sp.
func (e *Expr) Build(sp *formula.Space) formula.F {
	return e.build(&builder{sp, map[*Expr]formula.F{}})
}

// Holds reports whether v belongs to the formula.
func (e *Expr) Holds(v value.Value) bool { return e.holds(v) }

// Keys are the keys that formulas and values have.
var Keys = []string{"a", "b", "ab", "c", ""}

// keyLangs are languages of keys, each with its meaning.
var keyLangs = []struct {
	text string
	lang func(*regex.Space) regex.Lang
	has  func(string) bool
}{
	{"a", func(s *regex.Space) regex.Lang { return s.Literal("a") }, func(k string) bool { return k == "a" }},
	{"b", func(s *regex.Space) regex.Lang { return s.Literal("b") }, func(k string) bool { return k == "b" }},
	{"a.*", func(s *regex.Space) regex.Lang { return s.Concat(s.Literal("a"), s.All()) },
		func(k string) bool { return strings.HasPrefix(k, "a") }},
	{".*", (*regex.Space).All, func(string) bool { return true }},
	{"~(a|b)", func(s *regex.Space) regex.Lang { return s.Not(s.Literals([]string{"a", "b"})) },
		func(k string) bool { return k != "a" && k != "b" }},
	{".{0,1}", func(s *regex.Space) regex.Lang { return s.Length(0, 1) }, func(k string) bool { return utf8.RuneCountInString(k) <= 1 }},
	{"a|c", func(s *regex.Space) regex.Lang { return s.Literals([]string{"a", "c"}) },
		func(k string) bool { return k == "a" || k == "c" }},
}

// kinds are sets of kinds.
var kinds = []formula.Kinds{
	formula.Null, formula.Boolean, formula.True, formula.Number, formula.String, formula.Array, formula.Object,
	formula.AnyKind &^ formula.Object, formula.AnyKind &^ formula.Array, formula.Number | formula.String,
}

// gen makes formulas of bounded size.
type gen struct {
	rng  *rand.Rand
	open []*Expr // being defined: they may be referred to below a member or item
}

// Random returns a random formula. A larger size makes larger ones.
func Random(rng *rand.Rand, size int) *Expr {
	g := &gen{rng: rng}
	return g.expr(size, false)
}

// expr makes a formula; inside says that it stands below a member or an item.
func (g *gen) expr(size int, inside bool) *Expr {
	if inside && len(g.open) > 0 && g.rng.IntN(8) == 0 {
		target := g.open[g.rng.IntN(len(g.open))]
		return &Expr{
			text:  "ref",
			build: func(b *builder) formula.F { return b.refs[target] },
			holds: func(v value.Value) bool { return target.holds(v) },
		}
	}
	if size <= 1 {
		return g.atom(0)
	}
	switch g.rng.IntN(6) {
	case 0, 1:
		return g.junction(size, inside)
	case 2:
		return g.recursive(size)
	}
	return g.atom(size)
}

// recursive makes a formula that may refer to itself.
func (g *gen) recursive(size int) *Expr {
	e := &Expr{}
	open := g.open
	g.open = append(slices.Clone(open), e)
	body := g.junction(size, false)
	g.open = open
	e.text = "rec(" + body.text + ")"
	e.holds = func(v value.Value) bool { return body.holds(v) }
	e.build = func(b *builder) formula.F {
		ref := b.sp.Declare()
		b.refs[e] = ref
		b.sp.Define(ref, body.build(b))
		return ref
	}
	return e
}

func (g *gen) junction(size int, inside bool) *Expr {
	n := 2 + g.rng.IntN(3)
	kids := make([]*Expr, n)
	texts := make([]string, n)
	for i := range kids {
		kids[i] = g.expr(size/2, inside)
		if g.rng.IntN(4) == 0 {
			kids[i] = negate(kids[i])
		}
		texts[i] = kids[i].text
	}
	and := g.rng.IntN(2) == 0
	join := " | "
	if and {
		join = " & "
	}
	return &Expr{
		text: "(" + strings.Join(texts, join) + ")",
		build: func(b *builder) formula.F {
			fs := make([]formula.F, n)
			for i, k := range kids {
				fs[i] = k.build(b)
			}
			if and {
				return b.sp.And(fs...)
			}
			return b.sp.Or(fs...)
		},
		holds: func(v value.Value) bool {
			for _, k := range kids {
				if k.holds(v) != and {
					return !and
				}
			}
			return and
		},
	}
}

func negate(e *Expr) *Expr {
	return &Expr{
		text:  "!" + e.text,
		build: func(b *builder) formula.F { return b.sp.Not(e.build(b)) },
		holds: func(v value.Value) bool { return !e.holds(v) },
	}
}

// atom makes an atom; one of objects or arrays needs a size.
func (g *gen) atom(size int) *Expr {
	if size <= 0 || g.rng.IntN(5) == 0 {
		return g.scalar()
	}
	if g.rng.IntN(2) == 0 {
		return g.object(size)
	}
	return g.array(size)
}

func (g *gen) scalar() *Expr {
	switch g.rng.IntN(5) {
	case 0:
		lo := g.rng.IntN(3)
		return &Expr{
			text:  fmt.Sprintf("num>=%d", lo),
			build: func(b *builder) formula.F { return b.sp.Number(number.AtLeast(decimal(lo))) },
			holds: func(v value.Value) bool { return v.Kind == value.Number && parse(v.Text).Cmp(decimal(lo)) >= 0 },
		}
	case 1:
		return constant(Value(g.rng, g.rng.IntN(3)))
	case 2:
		l := keyLangs[g.rng.IntN(len(keyLangs))]
		return &Expr{
			text:  "str " + l.text,
			build: func(b *builder) formula.F { return b.sp.String(l.lang(b.sp.Regex)) },
			holds: func(v value.Value) bool { return v.Kind == value.String && l.has(v.Text) },
		}
	case 3:
		vs := []value.Value{Value(g.rng, 1), Value(g.rng, 1)}
		return &Expr{
			text:  fmt.Sprintf("enum%v", vs),
			build: func(b *builder) formula.F { return b.sp.Enum(vs) },
			holds: func(v value.Value) bool { return v.Equal(vs[0]) || v.Equal(vs[1]) },
		}
	}
	k := kinds[g.rng.IntN(len(kinds))]
	return &Expr{
		text:  fmt.Sprintf("kinds%b", k),
		build: func(b *builder) formula.F { return b.sp.Kinds(k) },
		holds: func(v value.Value) bool { return k>>v.Kind&1 != 0 },
	}
}

func constant(c value.Value) *Expr {
	return &Expr{
		text:  "const " + c.String(),
		build: func(b *builder) formula.F { return b.sp.Const(c) },
		holds: func(v value.Value) bool { return v.Equal(c) },
	}
}

func decimal(n int) number.Decimal { return parse(fmt.Sprint(n)) }

func parse(text string) number.Decimal {
	d, err := number.Parse(text)
	if err != nil {
		panic(err)
	}
	return d
}

func (g *gen) object(size int) *Expr {
	l := keyLangs[g.rng.IntN(len(keyLangs))]
	lo, hi := g.rng.IntN(3), g.rng.IntN(4)
	switch g.rng.IntN(6) {
	case 0, 1:
		sub := g.expr(size-1, true)
		return &Expr{
			text:  fmt.Sprintf("every[%s: %s]", l.text, sub.text),
			build: func(b *builder) formula.F { return b.sp.Every(l.lang(b.sp.Regex), sub.build(b)) },
			holds: func(v value.Value) bool {
				return v.Kind == value.Object && count(v, l.has, sub.holds) == count(v, l.has, any)
			},
		}
	case 2:
		sub := g.expr(size-1, true)
		return &Expr{
			text:  fmt.Sprintf("some[%s: %s]", l.text, sub.text),
			build: func(b *builder) formula.F { return b.sp.Some(l.lang(b.sp.Regex), sub.build(b)) },
			holds: func(v value.Value) bool { return v.Kind == value.Object && count(v, l.has, sub.holds) > 0 },
		}
	case 3:
		keys := []string{Keys[g.rng.IntN(len(Keys))], Keys[g.rng.IntN(len(Keys))]}
		return &Expr{
			text:  fmt.Sprintf("required%q", keys),
			build: func(b *builder) formula.F { return b.sp.Required(keys...) },
			holds: func(v value.Value) bool {
				is := func(k string) func(string) bool { return func(s string) bool { return s == k } }
				return v.Kind == value.Object && count(v, is(keys[0]), any) > 0 && count(v, is(keys[1]), any) > 0
			},
		}
	case 4:
		subs := []*Expr{g.expr(size/2, true), g.expr(size/2, true)}
		return &Expr{
			text: fmt.Sprintf("props{a: %s, c: %s, others: false}", subs[0].text, subs[1].text),
			build: func(b *builder) formula.F {
				fs := []formula.F{subs[0].build(b), subs[1].build(b)}
				closed := b.sp.Every(b.sp.Others([]string{"c", "a"}), b.sp.False())
				return b.sp.And(b.sp.Properties([]string{"a", "c"}, fs), closed)
			},
			holds: func(v value.Value) bool {
				if v.Kind != value.Object {
					return false
				}
				return !slices.ContainsFunc(v.Members, func(m value.Member) bool {
					return !(m.Key == "a" && subs[0].holds(m.Value) || m.Key == "c" && subs[1].holds(m.Value))
				})
			},
		}
	}
	return &Expr{
		text:  fmt.Sprintf("members[%d,%d]", lo, hi-1),
		build: func(b *builder) formula.F { return b.sp.Members(lo, hi-1) },
		holds: func(v value.Value) bool {
			return v.Kind == value.Object && len(v.Members) >= lo && (hi == 0 || len(v.Members) < hi)
		},
	}
}

func any(value.Value) bool { return true }

func count(v value.Value, key func(string) bool, holds func(value.Value) bool) int {
	n := 0
	for _, m := range v.Members {
		if key(m.Key) && holds(m.Value) {
			n++
		}
	}
	return n
}

func (g *gen) array(size int) *Expr {
	lo, hi := g.rng.IntN(3), g.rng.IntN(4)
	switch g.rng.IntN(6) {
	case 0, 1:
		sub := g.expr(size-1, true)
		return &Expr{
			text:  fmt.Sprintf("items[%d..%d: %s]", lo, hi-1, sub.text),
			build: func(b *builder) formula.F { return b.sp.EveryItem(lo, hi-1, sub.build(b)) },
			holds: func(v value.Value) bool {
				for i, item := range v.Items {
					if i >= lo && (hi == 0 || i < hi) && !sub.holds(item) {
						return false
					}
				}
				return v.Kind == value.Array
			},
		}
	case 2:
		return &Expr{
			text:  "unique",
			build: func(b *builder) formula.F { return b.sp.Unique() },
			holds: func(v value.Value) bool {
				for i, item := range v.Items {
					if slices.ContainsFunc(v.Items[:i], item.Equal) {
						return false
					}
				}
				return v.Kind == value.Array
			},
		}
	case 3, 4:
		sub := g.expr(size-1, true)
		return &Expr{
			text:  fmt.Sprintf("contains[%d,%d: %s]", lo, hi-1, sub.text),
			build: func(b *builder) formula.F { return b.sp.Contains(lo, hi-1, sub.build(b)) },
			holds: func(v value.Value) bool {
				n := 0
				for _, item := range v.Items {
					if sub.holds(item) {
						n++
					}
				}
				return v.Kind == value.Array && n >= lo && (hi == 0 || n < hi)
			},
		}
	}
	return &Expr{
		text:  fmt.Sprintf("length[%d,%d]", lo, hi-1),
		build: func(b *builder) formula.F { return b.sp.Items(lo, hi-1) },
		holds: func(v value.Value) bool {
			return v.Kind == value.Array && len(v.Items) >= lo && (hi == 0 || len(v.Items) < hi)
		},
	}
}
