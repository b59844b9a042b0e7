package emu

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"orchrt/kernels/gpu"
)

// format is a small binary floating-point format, by its definition alone.
type format struct {
	exponent, mantissa int  // bits
	finite             bool // E4M3: no infinities, all ones are NaN, and conversions saturate
}

var (
	half  = format{exponent: 5, mantissa: 10}
	brain = format{exponent: 8, mantissa: 7}
	e4m3  = format{exponent: 4, mantissa: 3, finite: true}
)

// signBit is the place of the sign.
func (f format) signBit() uint32 { return 1 << (f.exponent + f.mantissa) }

// value is what bits stand for.
func (f format) value(bits uint32) float64 {
	sign := 1.0
	if bits&f.signBit() != 0 {
		sign = -1
	}
	bits &= f.signBit() - 1
	e, m := int(bits>>f.mantissa), float64(bits&(1<<f.mantissa-1))
	bias, top := 1<<(f.exponent-1)-1, 1<<f.exponent-1
	switch {
	case f.finite && bits == f.signBit()-1, !f.finite && e == top && m != 0:
		return math.NaN()
	case !f.finite && e == top:
		return math.Inf(int(sign))
	case e == 0:
		return sign * math.Ldexp(m, 1-bias-f.mantissa)
	}
	return sign * math.Ldexp(1+math.Ldexp(m, -f.mantissa), e-bias)
}

// magnitudes are the finite values from 0 up: entry i is that of the bits i.
func (f format) magnitudes() []float64 {
	var all []float64
	for i := uint32(0); i < f.signBit(); i++ {
		if v := f.value(i); !math.IsNaN(v) && !math.IsInf(v, 0) {
			all = append(all, v)
		}
	}
	return all
}

// round is x in the format: the nearest value, of two the even one. all are its magnitudes.
func (f format) round(x *big.Float, all []float64) uint32 {
	sign := uint32(0)
	if x.Signbit() {
		sign = f.signBit()
	}
	size := new(big.Float).Abs(x)
	i, exact := slices.BinarySearchFunc(all, size, func(v float64, x *big.Float) int { return big.NewFloat(v).Cmp(x) })
	if exact {
		return sign | uint32(i)
	}
	if i == len(all) { // beyond the greatest: as if the next one were there too
		last := all[i-1]
		over := new(big.Float).SetPrec(200).Sub(size, big.NewFloat(last))
		if f.finite || over.Cmp(big.NewFloat((last-all[i-2])/2)) < 0 {
			return sign | uint32(i-1)
		}
		return sign | uint32(i)
	}
	below := new(big.Float).SetPrec(2000).Sub(size, big.NewFloat(all[i-1]))
	above := new(big.Float).SetPrec(2000).Sub(big.NewFloat(all[i]), size)
	if c := below.Cmp(above); c < 0 || c == 0 && i%2 == 1 {
		i--
	}
	return sign | uint32(i)
}

// samples are float32 values that a conversion to f has to tell apart: all values, the middles between neighbours, what lies
// directly beside either, and the ends of float32.
func (f format) samples() []float32 {
	all := f.magnitudes()
	last := all[len(all)-1] + (all[len(all)-1]-all[len(all)-2])/2
	x := []float32{float32(math.Inf(1)), math.MaxFloat32, math.SmallestNonzeroFloat32, 0x1p-126, float32(last)}
	for i, v := range all {
		x = append(x, float32(v))
		if i > 0 {
			x = append(x, float32((v+all[i-1])/2))
		}
	}
	for _, v := range slices.Clone(x) {
		x = append(x, math.Nextafter32(v, -1), math.Nextafter32(v, float32(math.Inf(1))))
	}
	for _, v := range slices.Clone(x) {
		x = append(x, -v)
	}
	return x
}

// convert runs a kernel of convert.cu on n values in groups of `each` words.
func convert(t *testing.T, d *Driver, kernel string, what int, in []uint32, each int) []uint32 {
	t.Helper()
	n := len(in) / each
	at, err := d.Alloc(int64(4 * len(in)))
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.Alloc(int64(4 * n))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := binary.Append(nil, binary.NativeEndian, in)
	if err := d.Write(at, b); err != nil {
		t.Fatal(err)
	}
	if err := launch(d, kernel, gpu.Grid{X: (n + 255) / 256, Threads: 256}, faultArgs{out, at, int32(n), int32(what)}); err != nil {
		t.Fatal(err)
	}
	return values[uint32](t, d, out, n)
}

// TestWiden: every value of the small formats, to float32 (E4M3 in pairs to f16).
func TestWiden(t *testing.T) {
	d := open(t, Options{})
	for _, c := range []struct {
		what int
		name string
		from format
	}{{0, "f16", half}, {1, "f16 without the processor's instruction", half}, {2, "bf16", brain}, {3, "e4m3", e4m3}} {
		in := make([]uint32, 2*c.from.signBit())
		for i := range in {
			in[i] = uint32(i)
			if c.from == e4m3 {
				in[i] |= uint32(255-i) << 8
			}
		}
		for i, got := range convert(t, d, "convert", c.what, in, 1) {
			check := func(bits uint32, x float64) {
				want := c.from.value(bits)
				if math.IsNaN(want) != math.IsNaN(x) || !math.IsNaN(want) && (x != want || math.Signbit(x) != math.Signbit(want)) {
					t.Fatalf("%s %#x is %v, want %v", c.name, bits, x, want)
				}
			}
			if c.from == e4m3 {
				check(uint32(i), half.value(got&0xffff))
				check(uint32(255-i), half.value(got>>16))
			} else {
				check(uint32(i), float64(math.Float32frombits(got)))
			}
		}
	}
}

// TestNarrow: float32 to the small formats at every place where the result changes.
func TestNarrow(t *testing.T) {
	d := open(t, Options{})
	for _, c := range []struct {
		what  int
		name  string
		to    format
		shift int // of the second value, that of -x; 0: there is none
	}{{4, "f16", half, 0}, {5, "f16 without the processor's instruction", half, 0}, {6, "f16 pairs", half, 16},
		{7, "bf16", brain, 0}, {8, "bf16 pairs", brain, 16}, {9, "e4m3 pairs", e4m3, 8}} {
		all, x := c.to.magnitudes(), append(c.to.samples(), float32(math.NaN()))
		in := make([]uint32, len(x))
		for i, v := range x {
			in[i] = math.Float32bits(v)
		}
		low := uint32(2)*c.to.signBit() - 1
		for i, got := range convert(t, d, "convert", c.what, in, 1) {
			check := func(v float32, got uint32) {
				if v != v {
					if !math.IsNaN(c.to.value(got)) {
						t.Fatalf("%s of NaN is %#x", c.name, got)
					}
					return
				}
				if want := c.to.round(big.NewFloat(float64(v)), all); got != want {
					t.Fatalf("%s of %v (%#x) is %#x, want %#x", c.name, v, math.Float32bits(v), got, want)
				}
			}
			check(x[i], got&low)
			if c.shift > 0 {
				check(-x[i], got>>c.shift&low)
			}
		}
	}
}

// TestHalves: sums and products of f16 are those of exact arithmetic, rounded once.
func TestHalves(t *testing.T) {
	d := open(t, Options{})
	all := half.magnitudes()
	random := rand.New(rand.NewPCG(1, 2))
	finite := func() uint32 { return uint32(random.IntN(len(all))) | uint32(random.IntN(2))<<15 }
	in := make([]uint32, 3*40000)
	for i := range in {
		in[i] = finite() | finite()<<16
		if i%3 == 2 && i%4 == 0 { // a sum that all but cancels
			for s := 0; s < 32; s += 16 {
				a, b := half.value(in[i-2]>>s&0xffff), half.value(in[i-1]>>s&0xffff)
				if near := half.round(big.NewFloat(-a*b), all); near&0x7fff < uint32(len(all)) {
					in[i] = in[i]&^(0xffff<<s) | near<<s
				}
			}
		}
	}
	exact := []func(a, b, c *big.Float) *big.Float{
		func(a, b, c *big.Float) *big.Float { return new(big.Float).Add(new(big.Float).Mul(a, b), c) },
		func(a, b, _ *big.Float) *big.Float { return new(big.Float).Mul(a, b) },
		func(a, b, _ *big.Float) *big.Float { return new(big.Float).Sub(a, b) },
	}
	for what, name := range []string{"fma", "mul", "sub"} {
		for i, got := range convert(t, d, "convert_h2", what, in, 3) {
			for s := 0; s < 32; s += 16 {
				var x [3]*big.Float
				for k := range x {
					x[k] = new(big.Float).SetPrec(200).SetFloat64(half.value(in[3*i+k] >> s & 0xffff))
				}
				want, g := half.round(exact[what](x[0], x[1], x[2]), all), got>>s&0xffff
				if g != want && (g|want)&0x7fff != 0 { // of zeros, big.Float's sign is not IEEE 754's
					t.Fatalf("%s of %v, %v, %v is %#x, want %#x", name, x[0], x[1], x[2], g, want)
				}
			}
		}
	}
}
