package number

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func dec(tb testing.TB, text string) Decimal {
	tb.Helper()
	d, err := Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func rat(tb testing.TB, text string) *big.Rat {
	tb.Helper()
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		tb.Fatalf("%q is not a number", text)
	}
	return r
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "0.000": "0", "0e99999999999999999999": "0", "-0.0E-5": "0",
		"1": "1", "1.0": "1", "10e-1": "1", "100": "100", "1e2": "100", "0.01": "0.01", "1E-2": "0.01", "-1.50": "-1.5", "123456789012345678901": "123456789012345678901",
		"1e21": "1e21", "-12e30": "-1.2e31", "5e-324": "5e-324", "1.7976931348623157e+308": "1.7976931348623157e308", "0.00001": "0.00001", "0.000001": "1e-6",
		"1e400000000": "1e400000000", "10e399999999": "1e400000000", "1e-0000000000000000000000007": "1e-7",
	} {
		if got := dec(t, text); got.String() != want || got != dec(t, want) {
			t.Errorf("%s is %v, want %s", text, got, want)
		}
	}
	for _, text := range []string{
		"", "-", "+1", "01", "-01", ".5", "1.", "1.e1", "1e", "1e+", "1e1.5", "0x1", "1_0", " 1", "1 ", "--1", "NaN", "Infinity", "1e99999999999999",
		"1e99999999999999999999999999", "-1e-99999999999999999999999999", strings.Repeat("1", maxDigits+1),
	} {
		if d, err := Parse(text); err == nil {
			t.Errorf("%q is %v, want an error", text, d)
		}
	}
	long := strings.Repeat("7", maxDigits)
	if d := dec(t, long+"000e-4099"); d.top != -1 || d.digits != long {
		t.Error("a number of the most digits is misread")
	}
}

func TestDecimals(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		a, b := randomText(rng), randomText(rng)
		x, y := dec(t, a), dec(t, b)
		r, q := rat(t, a), rat(t, b)
		if x.Cmp(y) != r.Cmp(q) || (x == y) != (r.Cmp(q) == 0) {
			t.Fatalf("%s and %s: %d, want %d", a, b, x.Cmp(y), r.Cmp(q))
		}
		if rat(t, x.String()).Cmp(r) != 0 || x.IsInteger() != r.IsInt() || x.Sign() != r.Sign() || x.Neg().Cmp(x) != -r.Sign() {
			t.Fatalf("%s is %v", a, x)
		}
		n, ok := x.Int()
		if want := r.IsInt() && r.Num().IsInt64(); ok != want || ok && r.Cmp(new(big.Rat).SetInt64(int64(n))) != 0 {
			t.Fatalf("%s as int: %d, %v", a, n, ok)
		}
	}
	for _, n := range []int64{0, 1, -1, 10, -120, 1<<63 - 1, -1 << 63} {
		if d := FromInt(n); d != dec(t, strconv.FormatInt(n, 10)) {
			t.Errorf("%d is %v", n, d)
		}
	}
}

// randomText returns the text of a number, often a round one.
func randomText(rng *rand.Rand) string {
	var b strings.Builder
	digits := func(n int) {
		for range 1 + rng.IntN(n) {
			b.WriteByte("0000123459"[rng.IntN(10)])
		}
	}
	if rng.IntN(2) == 0 {
		b.WriteByte('-')
	}
	if rng.IntN(3) == 0 {
		b.WriteByte('0')
	} else {
		b.WriteByte('1' + byte(rng.IntN(9)))
		if rng.IntN(2) == 0 {
			digits(4)
		}
	}
	if rng.IntN(2) == 0 {
		b.WriteByte('.')
		digits(4)
	}
	if rng.IntN(3) == 0 {
		b.WriteString([]string{"e", "E+", "e-", "e-0"}[rng.IntN(4)])
		b.WriteString(strconv.Itoa(rng.IntN(6)))
	}
	return b.String()
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "-1.5e-07", "1e400000000", "01", "1.", "123456789.0001E+20"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text)
		if err != nil || max(d.top, -d.top) > 2000 || len(text) > 40 || strings.ContainsAny(text, "eE") && d.Sign() == 0 {
			return // or big.Rat expands what it need not
		}
		if strings.ContainsAny(text, "_xXpP/ ") || rat(t, text).Cmp(rat(t, d.String())) != 0 {
			t.Fatalf("%q is %v", text, d)
		}
	})
}
