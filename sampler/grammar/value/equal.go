package value

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Equal reports whether v and w are equal as JSON Schema defines it.
func (v Value) Equal(w Value) bool {
	if v.Kind != w.Kind || len(v.Items) != len(w.Items) || len(v.Members) != len(w.Members) {
		return false
	}
	switch v.Kind {
	case Number:
		var a, b [64]byte
		return v.Text == w.Text || bytes.Equal(appendNumber(a[:0], v.Text), appendNumber(b[:0], w.Text))
	case String:
		return v.Text == w.Text
	case Array:
		for i := range v.Items {
			if !v.Items[i].Equal(w.Items[i]) {
				return false
			}
		}
	case Object:
		a, b := v.Members, w.Members
		if !slices.EqualFunc(a, b, func(x, y Member) bool { return x.Key == y.Key }) {
			a, b = sorted(a), sorted(b)
		}
		for i := range a {
			if a[i].Key != b[i].Key || !a[i].Value.Equal(b[i].Value) {
				return false
			}
		}
	}
	return true
}

func sorted(ms []Member) []Member {
	byKey := func(x, y Member) int { return cmp.Compare(x.Key, y.Key) }
	if slices.IsSortedFunc(ms, byKey) {
		return ms
	}
	ms = slices.Clone(ms)
	slices.SortStableFunc(ms, byKey)
	return ms
}

// Canonical returns a JSON text that two values share exactly if they are equal:
// no white space, keys sorted by their bytes, numbers as an integer that does
// not end in 0 with the exponent that is left.
func (v Value) Canonical() string { return string(AppendCanonical(nil, v)) }

// AppendCanonical appends the canonical text of v to dst.
func AppendCanonical(dst []byte, v Value) []byte {
	switch v.Kind {
	case Number:
		return appendNumber(dst, v.Text)
	case String:
		return AppendString(dst, v.Text)
	case Array:
		dst = append(dst, '[')
		for i := range v.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendCanonical(dst, v.Items[i])
		}
		return append(dst, ']')
	case Object:
		dst = append(dst, '{')
		for i, m := range sorted(v.Members) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(AppendString(dst, m.Key), ':')
			dst = AppendCanonical(dst, m.Value)
		}
		return append(dst, '}')
	}
	return append(dst, v.Kind.String()...)
}

// appendNumber appends the canonical text of the number text: nothing is
// expanded, so an exponent of any size costs no more than its digits.
func appendNumber(dst []byte, text string) []byte {
	mantissa, exponent := text, ""
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent = text[:i], text[i+1:]
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	digits := whole
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		digits = whole + fraction
	}
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return append(dst, '0')
	}
	if text[0] == '-' {
		dst = append(dst, '-')
	}
	shift := -len(fraction)
	if n := len(digits); fraction == "" {
		digits = strings.TrimRight(digits, "0")
		shift = n - len(digits)
	}
	dst = append(dst, digits...)
	return appendExponent(dst, exponent, shift)
}

// appendExponent appends the exponent of text plus shift, unless it is 0.
func appendExponent(dst []byte, text string, shift int) []byte {
	negative := strings.HasPrefix(text, "-")
	text = strings.TrimLeft(text, "+-0")
	if negative {
		shift = -shift
	}
	// The exponent is head·10^17 + tail; a head is there to borrow from only if
	// the tail is full.
	const low = 17
	head, tail := "", text
	if n := len(text); n > low {
		head, tail = text[:n-low], text[n-low:]
	}
	e, _ := strconv.ParseInt("0"+tail, 10, 64)
	e += int64(shift)
	if head == "" {
		if e == 0 {
			return dst
		}
		if negative {
			e = -e
		}
		return strconv.AppendInt(append(dst, 'e'), e, 10)
	}
	digits := []byte(head)
	if e >= 1e17 {
		e -= 1e17
		digits = increment(digits)
	} else if e < 0 {
		e += 1e17
		digits = decrement(digits)
	}
	dst = append(dst, 'e')
	if negative {
		dst = append(dst, '-')
	}
	if len(digits) == 0 {
		return strconv.AppendInt(dst, e, 10)
	}
	dst = append(dst, digits...)
	tail = strconv.FormatInt(e, 10)
	dst = append(dst, "00000000000000000"[len(tail):]...)
	return append(dst, tail...)
}

// increment adds 1 to a number written in digits.
func increment(digits []byte) []byte {
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i] != '9' {
			digits[i]++
			return digits
		}
		digits[i] = '0'
	}
	return append([]byte{'1'}, digits...)
}

// decrement takes 1 from a positive number written in digits; 0 becomes empty.
func decrement(digits []byte) []byte {
	i := len(digits) - 1
	for ; digits[i] == '0'; i-- {
		digits[i] = '9'
	}
	digits[i]--
	return bytes.TrimLeft(digits, "0")
}
