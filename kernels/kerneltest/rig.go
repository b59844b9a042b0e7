package kerneltest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"orchrt/kernels"
)

// guard is the number of bytes before and after the memory of each array.
const guard = 64

// guardByte fills the guards: as float32 it is a NaN, so that a device that
// reads them is noticed as well.
const guardByte = 0xff

// rig holds a device under test and the oracle with the same arrays on both.
type rig struct {
	dev, ref kernels.Device
	opt      Options
	random   *rand.Rand
	arrays   []*array
	weights  []weight
	scratch  []kernels.Buf // on the oracle
	errs     []error
}

// array is a span of memory on both devices. On the device under test it lies
// between guards.
type array struct {
	name  string
	whole kernels.Buf // on the device, with the guards
	bufs  [2]kernels.Buf
	data  []byte // what the device holds
}

// weight is a matrix on both devices.
type weight struct {
	t    kernels.Type
	on   [2]kernels.Weight
	out  int
	in   int
	rows []byte // as in the file
}

// side is one of the two devices: 0 the one under test, 1 the oracle.
type side struct {
	kernels.Device
	i int
}

func (s side) buf(a *array) kernels.Buf       { return a.bufs[s.i] }
func (s side) weight(w weight) kernels.Weight { return w.on[s.i] }
func (s side) mat(a *array, rows, cols int) kernels.Mat {
	return kernels.Mat{Buf: a.bufs[s.i], Rows: rows, Cols: cols}
}

// both runs f on the device under test and on the oracle.
func (r *rig) both(f func(s side)) {
	f(side{r.dev, 0})
	f(side{r.ref, 1})
}

// failf records a fault.
func (r *rig) failf(format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf(format, args...))
	if len(r.errs) >= 10 {
		panic(errStop)
	}
}

// must ends the case on an error that is not the device's subject here.
func (r *rig) must(err error) {
	if err != nil {
		r.errs = append(r.errs, err)
		panic(errStop)
	}
}

// bytes puts data on both devices.
func (r *rig) bytes(name string, data []byte) *array {
	n := int64(len(data))
	whole, err := r.dev.Alloc(n + 2*guard)
	r.must(err)
	fence := bytes.Repeat([]byte{guardByte}, int(n)+2*guard)
	r.dev.Write(whole, fence)
	a := &array{name: name, whole: whole, data: bytes.Clone(data)}
	a.bufs[0] = whole.Slice(guard, n)
	a.bufs[1], err = r.ref.Alloc(n)
	r.must(err)
	r.arrays = append(r.arrays, a)
	r.set(a, data)
	return a
}

// set replaces the contents of a on both devices.
func (r *rig) set(a *array, data []byte) {
	r.both(func(s side) { s.Write(s.buf(a), data) })
	copy(a.data, data)
}

// f32 puts float32 values on both devices.
func (r *rig) f32(name string, x []float32) *array { return r.bytes(name, encode(x)) }

// i32 puts int32 values on both devices.
func (r *rig) i32(name string, x []int32) *array { return r.bytes(name, encode(x)) }

// junk is a float32 array of n NaNs, for outputs that are to be overwritten.
func (r *rig) junk(name string, n int) *array {
	return r.bytes(name, bytes.Repeat([]byte{guardByte}, 4*n))
}

// encode is x as it lies in the host's memory.
func encode[T float32 | int32](x []T) []byte {
	b, err := binary.Append(nil, binary.NativeEndian, x)
	if err != nil {
		panic(err)
	}
	return b
}

// decode is the float32 values of b.
func decode(b []byte) []float32 {
	x := make([]float32, len(b)/4)
	if _, err := binary.Decode(b, binary.NativeEndian, x); err != nil {
		panic(err)
	}
	return x
}

// pack loads a matrix of file bytes on both devices.
func (r *rig) pack(t kernels.Type, out, in int, rows []byte) weight {
	w := weight{t: t, out: out, in: in, rows: rows}
	r.both(func(s side) {
		var err error
		w.on[s.i], err = s.Pack(t, out, in, bytes.NewReader(rows))
		r.must(err)
		if got := w.on[s.i]; got.Type != t || got.Out != out || got.In != in {
			r.failf("Pack of [%d, %d] %v gave [%d, %d] %v", out, in, t, got.Out, got.In, got.Type)
		}
	})
	r.weights = append(r.weights, w)
	return w
}

// random weights [out, in] whose products with unit activations are about unit.
func (r *rig) weight(t kernels.Type, out, in int) weight {
	scale := tensorScale(r.random, t)
	return r.pack(t, out, in, randomRows(r.random, t, out, in, 1/float64(scale))).times(scale)
}

// tensorScale is a scale for a whole tensor of t: often 1, but for NVFP4, whose blocks
// hold no small values.
func tensorScale(random *rand.Rand, t kernels.Type) float32 {
	if t == kernels.NVFP4 {
		return float32(0.5+random.Float64()) / 8192
	}
	return []float32{1, 1, 0.3, 5}[random.IntN(4)]
}

// times is w with all values multiplied by scale.
func (w weight) times(scale float32) weight {
	w.on[0].Scale *= scale
	w.on[1].Scale *= scale
	return w
}

// normal is n values of the normal distribution.
func (r *rig) normal(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.random.NormFloat64())
	}
	return x
}

// gains is n weights of a norm, between a half and one and a half.
func (r *rig) gains(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 0.5 + r.random.Float32()
	}
	return x
}

// scope returns a function that frees the arrays made since.
func (r *rig) scope() func() {
	n := len(r.arrays)
	return func() {
		for _, a := range r.arrays[n:] {
			r.dev.Free(a.whole)
			r.ref.Free(a.bufs[1])
		}
		r.arrays = r.arrays[:n]
	}
}

// release frees all arrays and weights.
func (r *rig) release() {
	for _, a := range r.arrays {
		r.dev.Free(a.whole)
		r.ref.Free(a.bufs[1])
	}
	for _, w := range r.weights {
		r.dev.Free(w.on[0].Buf)
		r.ref.Free(w.on[1].Buf)
	}
	for _, b := range r.scratch {
		r.ref.Free(b)
	}
	r.arrays, r.weights, r.scratch = nil, nil, nil
}

// settle reads back all arrays and reports damaged guards and arrays, other
// than those of changed, that are not as they were.
func (r *rig) settle(what string, changed ...*array) {
	for _, a := range r.arrays {
		n := len(a.data)
		whole := make([]byte, n+2*guard)
		r.must(r.dev.Read(whole, a.whole))
		for i := range guard {
			if whole[i] != guardByte || whole[guard+n+i] != guardByte {
				r.failf("%s: memory around %s, %d bytes, was written", what, a.name, n)
				break
			}
		}
		inner := whole[guard:][:n]
		if !slices.Contains(changed, a) && !bytes.Equal(inner, a.data) {
			r.failf("%s: %s was changed", what, a.name)
		}
		a.data = inner
	}
}

// want is what the oracle holds of a.
func (r *rig) want(a *array) []byte {
	b := make([]byte, len(a.data))
	r.must(r.ref.Read(b, a.bufs[1]))
	return b
}

// compare settles the operation `what` and holds its float32 output against
// the oracle's. floor is the least root mean square that errors are taken
// relative to, for outputs of few values.
func (r *rig) compare(what string, out *array, tol, floor float64, changed ...*array) {
	r.settle(what, append(changed, out)...)
	if err := closeTo(decode(out.data), decode(r.want(out)), tol, floor); err != nil {
		r.failf("%s: %s: %v", what, out.name, err)
	}
}

// closeTo holds got against want within the relative error tol (see Options).
// The bound on the mean is widened for few values, whose mean scatters.
func closeTo(got, want []float32, tol, floor float64) error {
	if len(want) == 0 {
		return nil
	}
	var sum, errSum, worst float64
	at := 0
	for i, w := range want {
		d := math.Abs(float64(got[i]) - float64(w))
		if !(d < math.Inf(1)) {
			return fmt.Errorf("value %d is %v, want %v", i, got[i], w)
		}
		sum += float64(w) * float64(w)
		errSum += d * d
		if d > worst {
			worst, at = d, i
		}
	}
	n := float64(len(want))
	rms := max(math.Sqrt(sum/n), floor)
	if worst > 8*tol*rms {
		return fmt.Errorf("value %d is %v, want %v: off by %.2g of the root mean square, bound %.2g",
			at, got[at], want[at], worst/rms, 8*tol)
	}
	if e := math.Sqrt(errSum/n) / rms; e > tol*(1+4/math.Sqrt(n)) {
		return fmt.Errorf("relative error %.3g, bound %.3g", e, tol)
	}
	return nil
}
