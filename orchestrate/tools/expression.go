package tools

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"unicode"
)

// parser reads an expression by recursive descent:
//
//	sum     = product {("+"|"-") product}
//	product = unary {("*"|"/"|"//"|"%") unary}
//	unary   = ("+"|"-") unary | power
//	power   = postfix ["^" unary]
//	postfix = atom {"!"}
//	atom    = number | name | name "(" sum {"," sum} ")" | "(" sum ")"
type parser struct {
	src []rune
	at  int
}

func (p *parser) space() {
	for p.at < len(p.src) && unicode.IsSpace(p.src[p.at]) {
		p.at++
	}
}

// take consumes s, after white space, where it comes next.
func (p *parser) take(s string) bool {
	p.space()
	if strings.HasPrefix(string(p.src[p.at:min(len(p.src), p.at+len(s))]), s) {
		p.at += len(s)
		return true
	}
	return false
}

func (p *parser) unexpected() error {
	if p.space(); p.at >= len(p.src) {
		return fmt.Errorf("the expression ends where a number, a name or a bracket should follow")
	}
	return fmt.Errorf("%q at character %d is not expected", p.src[p.at], p.at+1)
}

func (p *parser) sum(depth int) (number, error) {
	a, err := p.product(depth)
	for err == nil {
		var b number
		switch {
		case p.take("+"):
			if b, err = p.product(depth); err == nil {
				a, err = binary('+', a, b)
			}
		case p.take("-"):
			if b, err = p.product(depth); err == nil {
				a, err = binary('-', a, b)
			}
		default:
			return a, nil
		}
	}
	return a, err
}

func (p *parser) product(depth int) (number, error) {
	a, err := p.unary(depth)
	for err == nil {
		var op rune
		switch {
		case p.take("*"):
			op = '*'
		case p.take("//"):
			op = '|'
		case p.take("/"):
			op = '/'
		case p.take("%"):
			op = '%'
		default:
			return a, nil
		}
		var b number
		if b, err = p.unary(depth); err == nil {
			a, err = binary(op, a, b)
		}
	}
	return a, err
}

func (p *parser) unary(depth int) (number, error) {
	if depth > maxNesting {
		return number{}, fmt.Errorf("more than %d levels of brackets and signs", maxNesting)
	}
	if p.take("+") {
		return p.unary(depth + 1)
	}
	if p.take("-") {
		a, err := p.unary(depth + 1)
		if err != nil {
			return a, err
		}
		return binary('-', exact(new(big.Rat)), a)
	}
	a, err := p.postfix(depth)
	if err == nil && p.take("^") {
		var b number
		if b, err = p.unary(depth + 1); err == nil {
			a, err = power(a, b)
		}
	}
	return a, err
}

func (p *parser) postfix(depth int) (number, error) {
	a, err := p.atom(depth)
	for err == nil && p.take("!") {
		a, err = factorial(a)
	}
	return a, err
}

func factorial(a number) (number, error) {
	n, ok := a.small()
	if !ok || n < 0 || n > 5000 {
		return a, fmt.Errorf("a factorial is of an integer from 0 to 5000")
	}
	return integer(new(big.Int).MulRange(1, int64(n))), nil
}

func (p *parser) atom(depth int) (number, error) {
	if p.take("(") {
		a, err := p.sum(depth + 1)
		if err == nil && !p.take(")") {
			err = p.unexpected()
		}
		return a, err
	}
	if p.space(); p.at >= len(p.src) {
		return number{}, p.unexpected()
	}
	switch c := p.src[p.at]; {
	case c >= '0' && c <= '9' || c == '.':
		return p.number()
	case unicode.IsLetter(c):
		return p.name(depth)
	}
	return number{}, p.unexpected()
}

// number reads 12, 1.5, .5, 1_000 or 1e-3.
func (p *parser) number() (number, error) {
	start := p.at
	digits := func() {
		for p.at < len(p.src) && (p.src[p.at] >= '0' && p.src[p.at] <= '9' || p.src[p.at] == '_') {
			p.at++
		}
	}
	if digits(); p.at < len(p.src) && p.src[p.at] == '.' {
		p.at++
		digits()
	}
	mantissa, exponent := string(p.src[start:p.at]), ""
	if p.at < len(p.src) && p.src[p.at]|32 == 'e' {
		q := p.at + 1
		if q < len(p.src) && (p.src[q] == '+' || p.src[q] == '-') {
			q++
		}
		if q < len(p.src) && p.src[q] >= '0' && p.src[q] <= '9' {
			from := p.at
			p.at = q
			digits()
			exponent = string(p.src[from:p.at])
		}
	}
	if len(exponent) > 6 {
		return number{}, fmt.Errorf("the exponent of %s%s is too large", mantissa, exponent)
	}
	r, ok := new(big.Rat).SetString(strings.ReplaceAll(mantissa+exponent, "_", ""))
	if !ok {
		return number{}, fmt.Errorf("%q at character %d is not a number", mantissa, start+1)
	}
	return exact(r).bounded()
}

// name reads a constant or a call.
func (p *parser) name(depth int) (number, error) {
	start := p.at
	for p.at < len(p.src) && (unicode.IsLetter(p.src[p.at]) || p.at > start && (unicode.IsDigit(p.src[p.at]) || p.src[p.at] == '_')) {
		p.at++
	}
	name := strings.ToLower(string(p.src[start:p.at]))
	if !p.take("(") {
		switch name {
		case "pi":
			return approx(math.Pi), nil
		case "e":
			return approx(math.E), nil
		}
		return number{}, fmt.Errorf("the name %s at character %d is unknown, or wants brackets", name, start+1)
	}
	var args []number
	for {
		a, err := p.sum(depth + 1)
		if err != nil {
			return a, err
		}
		if args = append(args, a); p.take(",") {
			continue
		}
		if !p.take(")") {
			return a, p.unexpected()
		}
		return call(name, args)
	}
}

// call applies a function.
func call(name string, a []number) (number, error) {
	real := map[string]func(float64) float64{"exp": math.Exp, "ln": math.Log, "log2": math.Log2, "log10": math.Log10,
		"sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "asin": math.Asin, "acos": math.Acos, "atan": math.Atan,
		"sinh": math.Sinh, "cosh": math.Cosh, "tanh": math.Tanh, "cbrt": math.Cbrt}
	if f := real[name]; f != nil && len(a) == 1 {
		return finite(name, f(a[0].float()))
	}
	switch {
	case name == "log" && len(a) == 2:
		return finite(name, math.Log(a[0].float())/math.Log(a[1].float()))
	case name == "log" && len(a) == 1:
		return number{}, fmt.Errorf("log of what base? write ln(x), log10(x) or log(x, base)")
	case name == "sqrt" && len(a) == 1:
		return root(a[0])
	case name == "factorial" && len(a) == 1:
		return factorial(a[0])
	case name == "min" || name == "max":
		return slices.MaxFunc(a, func(x, y number) int {
			c := compare(x, y)
			if name == "min" {
				c = -c
			}
			return c
		}), nil
	case slices.Contains([]string{"abs", "floor", "ceil", "round"}, name) && len(a) == 1, name == "round" && len(a) == 2:
		return rounded(name, a)
	case name == "gcd" || name == "lcm" || name == "binomial" && len(a) == 2:
		return integers(name, a)
	}
	return number{}, fmt.Errorf("there is no function %s of %d arguments", name, len(a))
}

func finite(name string, x float64) (number, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return number{}, fmt.Errorf("%s has no finite value there", name)
	}
	return approx(x), nil
}

// compare orders two numbers.
func compare(x, y number) int {
	if x.isExact() && y.isExact() {
		return x.exact.Cmp(y.exact)
	}
	switch d := x.float() - y.float(); {
	case d < 0:
		return -1
	case d > 0:
		return 1
	}
	return 0
}

// rounded is abs, floor, ceil, and round: half away from zero, to so many places.
func rounded(name string, a []number) (number, error) {
	r := a[0].exact
	if r == nil {
		if math.IsNaN(a[0].approx) || math.IsInf(a[0].approx, 0) {
			return finite(name, a[0].approx)
		}
		if name == "abs" {
			return approx(math.Abs(a[0].approx)), nil
		}
		r = new(big.Rat).SetFloat64(a[0].approx)
	}
	one, half := big.NewRat(1, 1), big.NewRat(1, 2)
	switch name {
	case "abs":
		return exact(new(big.Rat).Abs(r)), nil
	case "floor":
		return exact(floor(r)), nil
	case "ceil":
		f := floor(r)
		if f.Cmp(r) != 0 {
			f.Add(f, one)
		}
		return exact(f), nil
	}
	scale := new(big.Rat).Set(one)
	if len(a) == 2 {
		places, ok := a[1].small()
		if !ok || places < 0 || places > 100 {
			return number{}, fmt.Errorf("round wants 0 to 100 places")
		}
		scale.SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil))
	}
	m := new(big.Rat).Mul(new(big.Rat).Abs(r), scale)
	m = floor(m.Add(m, half))
	if r.Sign() < 0 {
		m.Neg(m)
	}
	return exact(m.Quo(m, scale)).bounded()
}

// integers is gcd, lcm and binomial.
func integers(name string, a []number) (number, error) {
	for _, n := range a {
		if !n.isInteger() {
			return number{}, fmt.Errorf("%s is of integers", name)
		}
	}
	if name == "binomial" {
		n, ok1 := a[0].small()
		k, ok2 := a[1].small()
		if !ok1 || !ok2 || n < 0 || k < 0 || n > 20000 {
			return number{}, fmt.Errorf("binomial is of integers from 0 to 20000")
		}
		return integer(new(big.Int).Binomial(int64(n), int64(k))).bounded()
	}
	out := new(big.Int).Abs(a[0].int())
	for _, n := range a[1:] {
		x := new(big.Int).Abs(n.int())
		g := new(big.Int).GCD(nil, nil, out, x)
		if name == "gcd" {
			out = g
		} else if g.Sign() != 0 {
			out.Mul(out, x.Quo(x, g))
		}
		if out.BitLen() > maxBits {
			return number{}, fmt.Errorf("a number grows beyond %d bits", maxBits)
		}
	}
	return integer(out), nil
}
