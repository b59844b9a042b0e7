package schema

import (
	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/regex"
	"orchrt/sampler/grammar/value"
)

// direct is a space whose formulas are plain functions over values. Nothing is
// simplified and nothing is shared with package formula, so that verdicts tell
// what Compile says and not what becomes of it.
type direct struct {
	rx    *regex.Space
	b     *budget.Budget
	holds []func(v *value.Value) bool
}

func newDirect() *direct {
	b := budget.New(1 << 40)
	d := &direct{rx: regex.NewSpace(b), b: b}
	d.add(func(*value.Value) bool { return false })
	d.add(func(*value.Value) bool { return true })
	return d
}

func (d *direct) add(f func(v *value.Value) bool) formula.F {
	d.holds = append(d.holds, f)
	return formula.F(len(d.holds) - 1)
}

func (d *direct) eval(f formula.F, v *value.Value) bool { return d.holds[f](v) }

func (d *direct) False() formula.F            { return 0 }
func (d *direct) True() formula.F             { return 1 }
func (d *direct) Spending(_ int64, do func()) { do() }
func (d *direct) Err() error                  { return d.b.Err() }
func (d *direct) Budget() *budget.Budget      { return d.b }

func (d *direct) And(fs ...formula.F) formula.F {
	fs = append([]formula.F(nil), fs...)
	for _, f := range fs {
		if f == d.False() {
			return f
		}
	}
	return d.add(func(v *value.Value) bool {
		for _, f := range fs {
			if !d.eval(f, v) {
				return false
			}
		}
		return true
	})
}

func (d *direct) Or(fs ...formula.F) formula.F {
	fs = append([]formula.F(nil), fs...)
	some := false
	for _, f := range fs {
		some = some || f != d.False()
	}
	if !some {
		return d.False()
	}
	return d.add(func(v *value.Value) bool {
		for _, f := range fs {
			if d.eval(f, v) {
				return true
			}
		}
		return false
	})
}

func (d *direct) Not(f formula.F) formula.F {
	return d.add(func(v *value.Value) bool { return !d.eval(f, v) })
}

func (d *direct) Kinds(k formula.Kinds) formula.F {
	return d.add(func(v *value.Value) bool { return k&kindOf(v) != 0 })
}

func (d *direct) Number(s number.Set) formula.F {
	return d.add(func(v *value.Value) bool {
		if v.Kind != value.Number {
			return false
		}
		x, err := number.Parse(v.Text)
		return err == nil && s.Contains(x)
	})
}

func (d *direct) String(l regex.Lang) formula.F {
	return d.add(func(v *value.Value) bool { return v.Kind == value.String && d.rx.Matches(l, v.Text) })
}

func (d *direct) Every(keys regex.Lang, f formula.F) formula.F {
	return d.members(func(m *value.Member) bool { return !d.rx.Matches(keys, m.Key) || d.eval(f, &m.Value) })
}

func (d *direct) Property(name string, f formula.F) formula.F {
	return d.members(func(m *value.Member) bool { return m.Key != name || d.eval(f, &m.Value) })
}

func (d *direct) Properties(names []string, fs []formula.F) formula.F {
	all := []formula.F{d.Kinds(formula.Object)}
	for i, name := range names {
		all = append(all, d.Property(name, fs[i]))
	}
	return d.And(all...)
}

func (d *direct) members(ok func(m *value.Member) bool) formula.F {
	return d.add(func(v *value.Value) bool {
		for i := range v.Members {
			if !ok(&v.Members[i]) {
				return false
			}
		}
		return v.Kind == value.Object
	})
}

func (d *direct) Required(names ...string) formula.F {
	return d.add(func(v *value.Value) bool {
		for _, name := range names {
			if member(v, name) == nil {
				return false
			}
		}
		return v.Kind == value.Object
	})
}

func (d *direct) Others(names []string) regex.Lang { return d.rx.Not(d.rx.Literals(names)) }

func (d *direct) Members(lo, hi int) formula.F {
	return d.add(func(v *value.Value) bool {
		return v.Kind == value.Object && len(v.Members) >= lo && (hi < 0 || len(v.Members) <= hi)
	})
}

func (d *direct) Items(lo, hi int) formula.F {
	return d.add(func(v *value.Value) bool {
		return v.Kind == value.Array && len(v.Items) >= lo && (hi < 0 || len(v.Items) <= hi)
	})
}

func (d *direct) EveryItem(from, to int, f formula.F) formula.F {
	return d.add(func(v *value.Value) bool {
		for i := range v.Items {
			if i >= from && (to < 0 || i <= to) && !d.eval(f, &v.Items[i]) {
				return false
			}
		}
		return v.Kind == value.Array
	})
}

func (d *direct) Contains(lo, hi int, f formula.F) formula.F {
	return d.add(func(v *value.Value) bool {
		n := 0
		for i := range v.Items {
			if d.eval(f, &v.Items[i]) {
				n++
			}
		}
		return v.Kind == value.Array && n >= lo && (hi < 0 || n <= hi)
	})
}

func (d *direct) Unique() formula.F {
	return d.add(func(v *value.Value) bool {
		for i := range v.Items {
			for j := range i {
				if v.Items[i].Equal(v.Items[j]) {
					return false
				}
			}
		}
		return v.Kind == value.Array
	})
}

func (d *direct) Enum(vs []value.Value) formula.F {
	return d.add(func(v *value.Value) bool {
		for i := range vs {
			if v.Equal(vs[i]) {
				return true
			}
		}
		return false
	})
}

func (d *direct) Declare() formula.F { return d.add(nil) }

func (d *direct) Define(ref, f formula.F) {
	d.holds[ref] = func(v *value.Value) bool { return d.eval(f, v) }
}

// Satisfiable does not know; Compile must be right all the same.
func (d *direct) Satisfiable(formula.F) (bool, error) { return true, nil }
