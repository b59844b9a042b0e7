package number

import (
	"cmp"
	"fmt"
	"math/big"
	"math/bits"
	"strconv"
)

// A modulus is the positive number 2^two·5^five·odd, where 2 and 5 do not divide
// odd. Multiples are those by integers.
type modulus struct {
	two, five int32
	odd       uint64
}

const (
	maxPeriod     = 1 << 58 // of a modulus without its powers of ten; leaves room for 10·r + 9
	maxBoundPlace = 1000    // of the bounds, points and moduli of a Set
)

var (
	one    = modulus{odd: 1}
	bigOne = big.NewInt(1)
)

// newModulus takes a positive number apart.
func newModulus(d Decimal) (modulus, error) {
	if d.Sign() <= 0 {
		return modulus{}, fmt.Errorf("multiples of %s: it must be greater than 0", quote(d.String()))
	}
	n, err := strconv.ParseUint(d.digits, 10, 64)
	if err != nil || n >= maxPeriod {
		return modulus{}, fmt.Errorf("multiples of %s: its significant digits must be below 2^58", quote(d.String()))
	}
	if max(d.top, -d.top) > maxBoundPlace {
		return modulus{}, errPlace(d)
	}
	two, five := bits.TrailingZeros64(n), 0
	for n >>= two; n%5 == 0; n /= 5 {
		five++
	}
	return modulus{int32(two + d.last()), int32(five + d.last()), n}, nil
}

// base returns m as d·10^place, where 10 does not divide d.
func (m modulus) base() (d uint64, place int) {
	q := min(m.two, m.five)
	d = m.odd << (m.two - q)
	for range m.five - q {
		d *= 5
	}
	return d, int(q)
}

func (m modulus) decimal() Decimal {
	d, q := m.base()
	return fromBig(new(big.Int).SetUint64(d), q)
}

// divides reports whether n is a multiple of m.
func (m modulus) divides(n modulus) bool {
	return m.two <= n.two && m.five <= n.five && n.odd%m.odd == 0
}

func (m modulus) cmp(n modulus) int {
	return cmp.Or(cmp.Compare(m.two, n.two), cmp.Compare(m.five, n.five), cmp.Compare(m.odd, n.odd))
}

// lcm returns the least common multiple, if it is not too large for a modulus.
func (m modulus) lcm(n modulus) (modulus, bool) {
	l := modulus{max(m.two, n.two), max(m.five, n.five), 0}
	hi, lo := bits.Mul64(m.odd/gcd(m.odd, n.odd), n.odd)
	if l.odd = lo; hi != 0 {
		return l, false
	}
	q := min(l.two, l.five)
	_, ok := period(l.odd, int(l.two-q), int(l.five-q))
	return l, ok
}

// period returns odd·2^two·5^five, if that is not too large.
func period(odd uint64, two, five int) (uint64, bool) {
	if two >= 58 || five >= 25 {
		return 0, false
	}
	n := odd
	for range five {
		if n *= 5; n >= maxPeriod {
			return 0, false
		}
	}
	return n << two, bits.Len64(n)+two <= 58
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// isMultiple reports whether d is a multiple of m.
func (d Decimal) isMultiple(m modulus) bool {
	if d.digits == "" {
		return true
	}
	// 10 does not divide the digits as an integer, so 2 or 5 does not, and one
	// of them cannot make up for a place below that of m.
	w := d.last()
	two, five := int(m.two)-w, int(m.five)-w
	if min(two, five) > 0 {
		return false
	}
	p, ok := period(m.odd, max(two, 0), max(five, 0))
	return ok && remainder(d.digits, p) == 0
}

// remainder returns the number written in digits modulo m < 2^59.
func remainder(digits string, m uint64) (r uint64) {
	for i := range len(digits) {
		r = (r*10 + uint64(digits[i]-'0')) % m
	}
	return r
}

// common returns x and y as integers times one power of ten.
func common(x, y Decimal) (a, b *big.Int, place int) {
	place = min(x.last(), y.last())
	return x.scaled(place), y.scaled(place), place
}

// scaled returns the integer d/10^place.
func (d Decimal) scaled(place int) *big.Int {
	n := new(big.Int)
	if d.digits == "" {
		return n
	}
	n.SetString(d.digits, 10)
	if k := d.last() - place; k > 0 {
		n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(k)), nil))
	}
	if d.neg {
		n.Neg(n)
	}
	return n
}

// quotient returns the floor of x/m, and whether m divides x; x is not negative.
func (m modulus) quotient(x Decimal) (k *big.Int, exact bool) {
	if x.digits == "" {
		return new(big.Int), true
	}
	a, b, _ := common(x, m.decimal())
	rest := new(big.Int)
	k, rest = a.QuoRem(a, b, rest)
	return k, rest.Sign() == 0
}

// times returns k·m.
func (m modulus) times(k *big.Int) Decimal {
	d, q := m.base()
	return fromBig(new(big.Int).Mul(k, new(big.Int).SetUint64(d)), q)
}

func errPlace(d Decimal) error {
	return fmt.Errorf("number %s: bounds, constants and moduli are supported from 1e-%d to 1e%d", quote(d.String()), maxBoundPlace, maxBoundPlace)
}
