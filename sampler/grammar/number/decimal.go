package number

import (
	"cmp"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// A Decimal is an exact decimal number. Equal numbers are equal Decimals (==),
// and the zero Decimal is 0; there is no negative zero.
type Decimal struct {
	neg    bool
	digits string // significant ones: neither end is '0'; "" is 0
	top    int    // the place of the first digit: 0 for ones, 2 for hundreds, -1 for tenths
}

const (
	maxDigits = 4096    // significant digits of a Decimal
	maxPlace  = 1 << 40 // of the first digit of a Decimal, above or below the point
)

// Parse reads a number as RFC 8259 writes it. It refuses, beside what is not a
// number, those with more than 4096 significant digits or beyond 10^±2^40.
func Parse(text string) (Decimal, error) {
	s := scan(text)
	if s.err != "" {
		return Decimal{}, fmt.Errorf("%s is not a JSON number: %s", quote(text), s.err)
	}
	digits := strings.TrimLeft(s.whole+s.fraction, "0")
	if digits == "" {
		return Decimal{}, nil
	}
	top := len(digits) - 1 - len(s.fraction)
	if digits = strings.TrimRight(digits, "0"); len(digits) > maxDigits {
		return Decimal{}, fmt.Errorf("number %s has more than %d significant digits", quote(text), maxDigits)
	}
	e := strings.TrimLeft(s.exponent, "+-0")
	n, err := strconv.Atoi("0" + e)
	if err != nil || n > 2*maxPlace {
		return Decimal{}, fmt.Errorf("number %s has an exponent that is too large", quote(text))
	}
	if strings.HasPrefix(s.exponent, "-") {
		n = -n
	}
	if top += n; max(top, -top) > maxPlace {
		return Decimal{}, fmt.Errorf("number %s has an exponent that is too large", quote(text))
	}
	return Decimal{text[0] == '-', digits, top}, nil
}

func quote(text string) string {
	if len(text) > 48 {
		return fmt.Sprintf("%q…", text[:40])
	}
	return strconv.Quote(text)
}

// scanned is a number's text in its parts.
type scanned struct {
	whole, fraction, exponent string // the exponent with its sign
	err                       string
}

func scan(text string) (s scanned) {
	rest := strings.TrimPrefix(text, "-")
	run := func() string {
		n := 0
		for n < len(rest) && '0' <= rest[n] && rest[n] <= '9' {
			n++
		}
		digits := rest[:n]
		rest = rest[n:]
		return digits
	}
	s.whole = run()
	if s.whole == "" {
		s.err = "digits are missing"
	} else if len(s.whole) > 1 && s.whole[0] == '0' {
		s.err = "it begins with a 0"
	}
	if strings.HasPrefix(rest, ".") {
		rest = rest[1:]
		if s.fraction = run(); s.fraction == "" {
			s.err = "digits are missing after the point"
		}
	}
	if rest != "" && rest[0]|0x20 == 'e' {
		rest = rest[1:]
		sign := ""
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			sign, rest = rest[:1], rest[1:]
		}
		digits := run()
		if digits == "" {
			s.err = "digits are missing in the exponent"
		}
		s.exponent = sign + digits
	}
	if rest != "" && s.err == "" {
		s.err = "something follows it"
	}
	return s
}

// FromInt returns n.
func FromInt(n int64) Decimal { return fromBig(big.NewInt(n), 0) }

// fromBig returns n·10^place.
func fromBig(n *big.Int, place int) Decimal {
	if n.Sign() == 0 {
		return Decimal{}
	}
	digits := n.String()
	neg := digits[0] == '-'
	if neg {
		digits = digits[1:]
	}
	top := len(digits) - 1 + place
	return Decimal{neg, strings.TrimRight(digits, "0"), top}
}

// last is the place of the last significant digit.
func (d Decimal) last() int { return d.top - len(d.digits) + 1 }

// Sign returns -1, 0 or 1.
func (d Decimal) Sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.neg:
		return -1
	}
	return 1
}

// Neg returns -d.
func (d Decimal) Neg() Decimal {
	d.neg = !d.neg && d.digits != ""
	return d
}

func (d Decimal) abs() Decimal {
	d.neg = false
	return d
}

// Cmp returns -1, 0 or 1 as d is less than, equal to or greater than e.
func (d Decimal) Cmp(e Decimal) int {
	if c := cmp.Compare(d.Sign(), e.Sign()); c != 0 || d.digits == "" {
		return c
	}
	c := cmpAbs(d, e)
	if d.neg {
		return -c
	}
	return c
}

// cmpAbs compares two numbers that are not 0 by their magnitudes. Digits without
// zeros at the end compare as strings do.
func cmpAbs(d, e Decimal) int {
	if c := cmp.Compare(d.top, e.top); c != 0 {
		return c
	}
	return strings.Compare(d.digits, e.digits)
}

// IsInteger reports whether d is an integer, however it was written.
func (d Decimal) IsInteger() bool { return d.digits == "" || d.last() >= 0 }

// Int returns d as an int, if it is one.
func (d Decimal) Int() (n int, ok bool) {
	if !d.IsInteger() || d.top > 18 {
		return 0, false
	}
	n, err := strconv.Atoi(d.String())
	return n, err == nil
}

// String returns the shorter of d without and with an exponent.
func (d Decimal) String() string { return string(d.append(nil)) }

func (d Decimal) append(dst []byte) []byte {
	if d.digits == "" {
		return append(dst, '0')
	}
	if d.neg {
		dst = append(dst, '-')
	}
	n := len(d.digits)
	switch {
	case d.top >= n-1 && d.top < 21:
		dst = append(dst, d.digits...)
		return zeros(dst, d.top-n+1)
	case d.top >= 0 && d.top < n-1:
		dst = append(dst, d.digits[:d.top+1]...)
		return append(append(dst, '.'), d.digits[d.top+1:]...)
	case d.top < 0 && d.top >= -5:
		return append(zeros(append(dst, "0."...), -d.top-1), d.digits...)
	}
	dst = append(dst, d.digits[0])
	if n > 1 {
		dst = append(append(dst, '.'), d.digits[1:]...)
	}
	return strconv.AppendInt(append(dst, 'e'), int64(d.top), 10)
}

func zeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '0')
	}
	return dst
}
