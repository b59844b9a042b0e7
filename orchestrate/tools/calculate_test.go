package tools

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestCalculate(t *testing.T) {
	for in, want := range map[string]string{
		"1+2*3": "7", "(1+2)*3": "9", "2^10": "1024", "2**-2": "0.25", "-2^2": "-4", "2^3^2": "512", "0.1+0.2": "0.3",
		"1/3": "1/3 ≈ 0.333333333333333", "7//2": "3", "-7//2": "-4", "-7 % 3": "2", "7 % -3": "-2", "5!": "120", "3!!": "720",
		"sqrt(16)": "4", "sqrt(2)": "≈ 1.4142135623731", "(4/9)^0.5": "2/3 ≈ 0.666666666666667", "1_000 × 3": "3000",
		"1e3": "1000", "1.5e-3": "0.0015", "sin(0)": "≈ 0", "pi": "≈ 3.14159265358979", "gcd(12, 18)": "6", "lcm(4,6)": "12",
		"binomial(50, 3)": "19600", "round(2.5)": "3", "round(-2.5)": "-3", "round(3.14159, 2)": "3.14", "floor(-1.5)": "-2",
		"ceil(1.2)": "2", "abs(-3)": "3", "min(3, 1, 2)": "1", "max(1/3, 0.3)": "1/3 ≈ 0.333333333333333", "log(8, 2)": "≈ 3",
		"2^200": "1606938044258990275541962092341162602522202993782792835301376", "1^999999999": "1", "(-1)^999999999": "-1", "0^5": "0",
		"+-+3": "-3", "5 − 3": "2",
	} {
		if got, err := Calculate(in); err != nil || got != want {
			t.Errorf("%s = %s, %v; want %s", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"": "ends", "1+": "ends", "(1": "ends", "1)": "not expected", "1 2": "not expected", "1/0": "division by zero",
		"5 % 0": "division by zero", "0^-1": "division", "sqrt(-1)": "not real", "foo(1)": "no function", "foo": "unknown",
		"9^9^9": "grows", "9^(9^9)": "grows", "99999!": "5000", "(2^60000)^2": "grows", "2^40000*2^40000": "grows", "ln(0)": "finite",
		"1e9999999": "exponent", "log(5)": "base", "(-8)^(1/3)": "not real", "import os": "unknown", "1.2.3": "not expected",
		strings.Repeat("(", 500): "levels", strings.Repeat("-", 500) + "1": "levels", strings.Repeat("1+", 2000): "longer", "min()": "not expected",
	} {
		if got, err := Calculate(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s = %s, %v; want an error with %q", in, got, err, want)
		}
	}
}

// TestCalculateRandom compares with big.Rat on expressions that are built with
// their values.
func TestCalculateRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var build func(depth int) (string, *big.Rat)
	build = func(depth int) (string, *big.Rat) {
		if depth == 0 || r.IntN(4) == 0 {
			n := int64(r.IntN(200))
			return fmt.Sprintf("%d.%d", n/10, n%10), big.NewRat(n, 10)
		}
		a, x := build(depth - 1)
		b, y := build(depth - 1)
		z := new(big.Rat)
		switch op := r.IntN(4); {
		case op == 0:
			return "(" + a + " + " + b + ")", z.Add(x, y)
		case op == 1:
			return "(" + a + "-" + b + ")", z.Sub(x, y)
		case op == 2 || y.Sign() == 0:
			return "(" + a + "*" + b + ")", z.Mul(x, y)
		}
		return "(" + a + "/" + b + ")", z.Quo(x, y)
	}
	for range 500 {
		text, want := build(4)
		got, err := Calculate(text)
		wantText, _ := exact(want).text()
		if err != nil || got != wantText {
			t.Fatalf("%s = %s, %v; want %s", text, got, err, wantText)
		}
	}
}

func FuzzCalculate(f *testing.F) {
	for _, s := range []string{"1+2", "9^9^9", "5!!", "log(2,3)", "round(1/3,5)%2", "((("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := Calculate(s); err == nil && got == "" {
			t.Error("an empty result")
		}
	})
}
