package kerneltest

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/x448/float16"

	"orchrt/kernels"
)

// randomRows is a matrix [out, in] of t in its file's form, made of random
// bits under scales of either sign, with about zero mean and size/√in root mean
// square: times activations of unit size it gives about `size`.
func randomRows(random *rand.Rand, t kernels.Type, out, in int, size float64) []byte {
	rows := make([]byte, t.RowBytes(in)*int64(out))
	f, _ := t.Format()
	if f.Values == 1 {
		for i := range out * in {
			putFloat(rows[i*f.Bytes:], t, float32(random.NormFloat64()*size/math.Sqrt(float64(in))))
		}
		return rows
	}
	for i := range rows {
		rows[i] = byte(random.Uint32())
	}
	unit := size / (blockSize(t) * math.Sqrt(float64(in)))
	for at := 0; at < len(rows); at += f.Bytes {
		scale := (0.5 + random.Float64()) * unit
		if random.IntN(2) == 0 {
			scale = -scale
		}
		setScale(rows[at:][:f.Bytes], t, scale)
	}
	return rows
}

// filledRows is a matrix [len(fills), in] of t, a block format: the bytes of
// row i are all fills[i], under positive scales as in randomRows.
func filledRows(t kernels.Type, in int, fills []byte, size float64) []byte {
	f, _ := t.Format()
	unit := size / (blockSize(t) * math.Sqrt(float64(in)))
	var rows []byte
	for _, fill := range fills {
		start := len(rows)
		for range t.RowBytes(in) {
			rows = append(rows, fill)
		}
		for at := start; at < len(rows); at += f.Bytes {
			setScale(rows[at:][:f.Bytes], t, unit)
		}
	}
	return rows
}

// putFloat stores v at the start of b in t, one of the float types.
func putFloat(b []byte, t kernels.Type, v float32) {
	switch t {
	case kernels.F32:
		binary.LittleEndian.PutUint32(b, math.Float32bits(v))
	case kernels.F16:
		binary.LittleEndian.PutUint16(b, float16.Fromfloat32(v).Bits())
	case kernels.BF16:
		binary.LittleEndian.PutUint16(b, uint16(math.Float32bits(v)>>16))
	default:
		panic("kerneltest: " + t.String() + " is not a float type")
	}
}

// blockSize is the root mean square of a block of random bits of t under the
// scale 1.
func blockSize(t kernels.Type) float64 {
	f, _ := t.Format()
	const blocks = 16
	random := rand.New(rand.NewPCG(1, uint64(t)))
	raw := make([]byte, blocks*f.Bytes)
	for i := range raw {
		raw[i] = byte(random.Uint32())
	}
	for i := range blocks {
		setScale(raw[i*f.Bytes:][:f.Bytes], t, 1)
	}
	values := make([]float32, blocks*f.Values)
	if err := kernels.Dequantize(values, t, raw); err != nil {
		panic(err)
	}
	sum := 0.0
	for _, v := range values {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(values)))
}

// setScale stores d as the scale of block b, and as its minimum what makes the
// mean of random bits zero. One in four zero points stays what it is, the others
// are near the middle of the codes. Scales of NVFP4 have no sign; they lie around d.
func setScale(b []byte, t kernels.Type, d float64) {
	put := func(at int, v float64) {
		binary.LittleEndian.PutUint16(b[at:], float16.Fromfloat32(float32(v)).Bits())
	}
	switch t {
	case kernels.Q4_1:
		put(0, d)
		put(2, -7.5*d)
	case kernels.Q5_1:
		put(0, d)
		put(2, -15.5*d)
	case kernels.Q4_K:
		put(0, d)
		put(2, 7.5*d)
	case kernels.Q5_K:
		put(0, d)
		put(2, 15.5*d)
	case kernels.Q2_K:
		put(80, d)
		put(82, 1.5*d)
	case kernels.Q3_K:
		put(108, d)
	case kernels.Q6_K:
		put(208, d)
	case kernels.NVFP4:
		for i, part := range []float64{1, 0.7, 1.4, 0.9} {
			b[i] = toE4M3(part * math.Abs(d))
		}
	case kernels.Int4:
		put(0, d)
		if b[2]&0x30 != 0 {
			b[2] = b[2]&0xf0 | 6 + b[2]&3
		}
	case kernels.Int8:
		put(0, d)
		if b[2]&0x30 != 0 {
			b[2] = 120 + b[2]&15
		}
	case kernels.IQ1M: // a nibble in the top of each of four words
		bits := float16.Fromfloat32(float32(d)).Bits()
		for i := range 4 {
			b[49+2*i] = b[49+2*i]&15 | byte(bits>>(4*i)&15)<<4
		}
	default:
		put(0, d)
	}
}
