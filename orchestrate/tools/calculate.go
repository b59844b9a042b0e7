package tools

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"unicode/utf8"
)

// Bounds of a computation: characters of an expression, levels of brackets, and
// bits of a number, numerator and denominator together.
const (
	maxExpression = 2000
	maxNesting    = 100
	maxBits       = 1 << 16
)

// number is exact, or, once a function has given an irrational value, a
// floating-point approximation.
type number struct {
	exact  *big.Rat
	approx float64 // where exact is nil
}

func exact(r *big.Rat) number    { return number{exact: r} }
func integer(i *big.Int) number  { return number{exact: new(big.Rat).SetInt(i)} }
func approx(x float64) number    { return number{approx: x} }
func (n number) isExact() bool   { return n.exact != nil }
func (n number) isInteger() bool { return n.exact != nil && n.exact.IsInt() }
func (n number) bits() int       { return n.exact.Num().BitLen() + n.exact.Denom().BitLen() }
func (n number) int() *big.Int   { return n.exact.Num() }
func (n number) small() (int, bool) { // an integer that fits
	if !n.isInteger() || !n.int().IsInt64() || n.int().Int64() > math.MaxInt32 || n.int().Int64() < math.MinInt32 {
		return 0, false
	}
	return int(n.int().Int64()), true
}

// float is the nearest floating-point number.
func (n number) float() float64 {
	if n.exact == nil {
		return n.approx
	}
	f, _ := n.exact.Float64()
	return f
}

// Calculate evaluates an arithmetic expression. Rational arithmetic is exact;
// functions with irrational values give 15 digits, marked by ≈. The error says
// what is wrong and at which character.
func Calculate(expression string) (string, error) {
	if len(expression) > maxExpression || !utf8.ValidString(expression) {
		return "", fmt.Errorf("the expression is longer than %d bytes, or no text", maxExpression)
	}
	p := &parser{src: []rune(strings.NewReplacer("×", "*", "·", "*", "÷", "/", "−", "-", "**", "^", "π", "pi").Replace(expression))}
	n, err := p.sum(0)
	if err == nil {
		if p.space(); p.at < len(p.src) {
			err = p.unexpected()
		}
	}
	if err != nil {
		return "", err
	}
	return n.text()
}

// text is a number as people write it.
func (n number) text() (string, error) {
	if n.exact == nil {
		if math.IsNaN(n.approx) || math.IsInf(n.approx, 0) {
			return "", fmt.Errorf("the result is not a finite real number")
		}
		return fmt.Sprintf("≈ %.15g", n.approx), nil
	}
	if n.isInteger() {
		return n.int().String(), nil
	}
	if d, ok := decimals(n.exact.Denom()); ok && d <= 60 {
		return n.exact.FloatString(d), nil
	}
	if n.bits() > 400 {
		return "≈ " + new(big.Float).SetPrec(120).SetRat(n.exact).Text('g', 30), nil
	}
	f := n.float()
	if f == 0 || math.IsInf(f, 0) {
		return n.exact.RatString(), nil
	}
	return fmt.Sprintf("%s ≈ %.15g", n.exact.RatString(), f), nil
}

// decimals is how many digits a fraction of denominator d has after the point,
// where it ends: d has no prime factors but 2 and 5.
func decimals(d *big.Int) (int, bool) {
	rest, count := new(big.Int).Set(d), [2]int{}
	for i, f := range []int64{2, 5} {
		q, m := new(big.Int), new(big.Int)
		for {
			if q.QuoRem(rest, big.NewInt(f), m); m.Sign() != 0 {
				break
			}
			rest.Set(q)
			count[i]++
		}
	}
	return max(count[0], count[1]), rest.IsInt64() && rest.Int64() == 1
}

// bounded returns n unless it is too large to go on with.
func (n number) bounded() (number, error) {
	if n.exact != nil && n.bits() > maxBits {
		return n, fmt.Errorf("a number grows beyond %d bits", maxBits)
	}
	return n, nil
}

// binary applies an operator.
func binary(op rune, a, b number) (number, error) {
	if op == '^' {
		return power(a, b)
	}
	if !a.isExact() || !b.isExact() {
		return floating(op, a.float(), b.float())
	}
	r := new(big.Rat)
	switch op {
	case '+':
		r.Add(a.exact, b.exact)
	case '-':
		r.Sub(a.exact, b.exact)
	case '*':
		r.Mul(a.exact, b.exact)
	default:
		if b.exact.Sign() == 0 {
			return number{}, fmt.Errorf("division by zero")
		}
		r.Quo(a.exact, b.exact)
		if op == '/' {
			break
		}
		q := floor(r)
		if op == '%' { // the sign of the divisor, as in Python
			r.Sub(a.exact, new(big.Rat).Mul(b.exact, q))
		} else {
			r = q
		}
	}
	return exact(r).bounded()
}

func floating(op rune, x, y float64) (number, error) {
	switch op {
	case '+':
		return approx(x + y), nil
	case '-':
		return approx(x - y), nil
	case '*':
		return approx(x * y), nil
	}
	if y == 0 {
		return number{}, fmt.Errorf("division by zero")
	}
	switch op {
	case '/':
		return approx(x / y), nil
	case '%':
		return approx(x - y*math.Floor(x/y)), nil
	}
	return approx(math.Floor(x / y)), nil
}

// floor is the largest integer not above r.
func floor(r *big.Rat) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Div(r.Num(), r.Denom())) // Div rounds down: denominators are positive
}

// power raises a to b: exactly for integers b, and for roots that come out even.
func power(a, b number) (number, error) {
	if n, ok := b.small(); ok && a.isExact() {
		if n < 0 && a.exact.Sign() == 0 {
			return number{}, fmt.Errorf("division by zero: 0 to a negative power")
		}
		k := n
		if k < 0 {
			k = -k
		}
		if a.bits() > 2 && k > 2*maxBits/(a.bits()-1) {
			return number{}, fmt.Errorf("a number grows beyond %d bits", maxBits)
		}
		e := big.NewInt(int64(k))
		num, den := new(big.Int), new(big.Int)
		if a.isInteger() && a.int().IsInt64() && a.int().Int64() >= -1 && a.int().Int64() <= 1 {
			e.SetInt64(int64(k%2)).Add(e, big.NewInt(2*int64(min(k, 1)))) // of -1, 0 and 1 only evenness counts
		}
		num.Exp(a.exact.Num(), e, nil)
		den.Exp(a.exact.Denom(), e, nil)
		if n < 0 {
			num, den = den, num
		}
		return exact(new(big.Rat).SetFrac(num, den)).bounded()
	}
	if b.isExact() && b.exact.Cmp(big.NewRat(1, 2)) == 0 {
		return root(a)
	}
	x, y := a.float(), b.float()
	if x < 0 {
		return number{}, fmt.Errorf("a negative number to a power that is no integer is not real")
	}
	return approx(math.Pow(x, y)), nil
}

// root is the square root, exact where it is rational.
func root(a number) (number, error) {
	if a.isExact() && a.exact.Sign() < 0 || !a.isExact() && a.approx < 0 {
		return number{}, fmt.Errorf("the square root of a negative number is not real")
	}
	if a.isExact() {
		n, d := new(big.Int).Sqrt(a.exact.Num()), new(big.Int).Sqrt(a.exact.Denom())
		if new(big.Int).Mul(n, n).Cmp(a.exact.Num()) == 0 && new(big.Int).Mul(d, d).Cmp(a.exact.Denom()) == 0 {
			return exact(new(big.Rat).SetFrac(n, d)), nil
		}
	}
	return approx(math.Sqrt(a.float())), nil
}
