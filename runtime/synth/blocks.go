package synth

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"orchrt/kernels"

	"github.com/x448/float16"
)

// A generator turns uniformly random bytes into blocks of one format, in place.
//
// Float formats become exactly normal values. In block formats the quants stay
// uniform and so do the scales above them: the product of two uniform variables
// has a kurtosis of 3.24, close to the normal distribution's 3 (the codebooks of
// the IQ types bring it to between 2.5 and 5). Only
// the fields that hold a block's float scale, and the offsets of formats with
// one, are written over, with scales that give the wanted standard deviation.
type generator struct {
	bytes  int // of a block
	layout layout
	d, min [256]uint16 // f16 scales that a block picks from; min = middle·d
	scale  float64     // of the whole tensor, beside its blocks; 1 but for NVFP4

	normal []uint32 // [65536] float formats: quantiles of the distribution, bits of the format
}

// layout is where a format keeps what cannot be random.
type layout struct {
	d      int                      // offset of the f16 scale
	min    int                      // offset of the f16 scale of the offsets; 0: none
	middle float64                  // mean of the quants: min = middle·d centres the values on 0
	levels bool                     // sub-blocks have scales of their own, so d varies little
	signed bool                     // quants are not centred on 0: half of the scales are negative
	fix    func(b []byte)           // what else must hold; nil: nothing
	putD   func(b []byte, d uint16) // where the scale is not in one place; nil: it is
}

// layoutOf is the layout of a block format, as in GGUF files.
func layoutOf(t kernels.Type) (layout, bool) {
	switch t {
	case kernels.Q4_0, kernels.Q5_0, kernels.IQ4NL:
		return layout{signed: true}, true
	case kernels.Q4_1:
		return layout{min: 2, middle: -7.5}, true
	case kernels.Q5_1:
		return layout{min: 2, middle: -15.5}, true
	case kernels.Q8_0:
		return layout{fix: func(b []byte) { noMinus128(b[2:]) }}, true
	case kernels.Q2_K:
		return layout{d: 80, min: 82, middle: 1.5, levels: true, fix: centreQ2K}, true
	case kernels.Q3_K:
		return layout{d: 108, levels: true}, true
	case kernels.Q4_K:
		return layout{min: 2, middle: 7.5, levels: true, fix: centreQ45K}, true
	case kernels.Q5_K:
		return layout{min: 2, middle: 15.5, levels: true, fix: centreQ45K}, true
	case kernels.Q6_K:
		return layout{d: 208, levels: true, fix: func(b []byte) { noMinus128(b[192:208]) }}, true
	case kernels.IQ1S, kernels.IQ2XXS, kernels.IQ2XS, kernels.IQ2S, kernels.IQ3XXS, kernels.IQ3S, kernels.IQ4XS:
		return layout{levels: true}, true
	case kernels.NVFP4:
		return layout{levels: true, fix: scalesNVFP4, putD: func([]byte, uint16) {}}, true
	case kernels.IQ1M:
		return layout{levels: true, putD: putIQ1M}, true
	}
	return layout{}, false
}

// noMinus128 replaces -128, which no quantiser writes and some int8 kernels
// could not negate.
func noMinus128(q []byte) {
	for i, b := range q {
		if b == 0x80 {
			q[i] = 0x81
		}
	}
}

// centreQ2K sets the 4-bit offset scale (high) of each sub-block to the scale
// (low) with its last bit turned, so that they differ but agree in the mean.
func centreQ2K(b []byte) {
	for i := range 16 {
		low := b[i] & 15
		b[i] = low | (low^1)<<4
	}
}

// centreQ45K does the same with the 6-bit scales of Q4_K and Q5_K: 4 bytes with
// the low scales, 4 with the low offsets, 4 with the low nibbles of the high
// ones, whose upper two bits stand on top of the first eight bytes.
func centreQ45K(b []byte) {
	s := b[4:16]
	for i := range 4 {
		s[4+i] = s[i] ^ 1
		low := s[8+i] & 15
		s[8+i] = low | (low^1)<<4
	}
}

// scalesNVFP4 makes the four scales, in E4M3, numbers from 0.75 to 1.25: the codes 0x34 (0.75) to 0x3a.
func scalesNVFP4(b []byte) {
	for i := range 4 {
		b[i] = 0x34 + b[i]%7
	}
}

// putIQ1M spreads the scale over the top nibbles of IQ1_M's four scale words.
func putIQ1M(b []byte, d uint16) {
	for i := range 4 {
		w := b[48+2*i:]
		nibble := d >> (4 * i) & 15
		w[1] = w[1]&15 | byte(nibble)<<4
	}
}

// newGenerator returns a generator of values with that standard deviation and,
// for float formats, mean.
func newGenerator(t kernels.Type, mean, std float64) (*generator, error) {
	f, ok := t.Format()
	if !ok {
		return nil, fmt.Errorf("synth: %v is not a weight format", t)
	}
	g := &generator{bytes: f.Bytes, scale: 1}
	switch t {
	case kernels.F32, kernels.F16, kernels.BF16:
		g.normal = normalTable(t, mean, std)
		return g, nil
	}
	if g.layout, ok = layoutOf(t); !ok {
		return nil, fmt.Errorf("synth: no generator for %v", t)
	}
	const probe = 1.0 / 16
	g.setScales(probe)
	rms, err := g.rms(t, f.Values)
	if err != nil {
		return nil, err
	}
	if t == kernels.NVFP4 { // its own scales are too coarse for that
		g.scale = std / rms
		return g, nil
	}
	g.setScales(probe * std / rms)
	return g, nil
}

// setScales fills the table of scales: evenly spread over 0…2·unit where they
// alone vary, over 0.75…1.25·unit where sub-blocks have theirs.
func (g *generator) setScales(unit float64) {
	for i := range g.d {
		x := 2 * (float64(i) + 0.5) / 256
		switch {
		case g.layout.levels:
			x = 0.75 + x/4
		case g.layout.signed:
			x = 2*x - 2
		}
		d := float16.Fromfloat32(float32(x * unit))
		g.d[i] = d.Bits()
		g.min[i] = float16.Fromfloat32(float32(g.layout.middle * float64(d.Float32()))).Bits()
	}
}

// rms measures the root mean square of the values that g gives.
func (g *generator) rms(t kernels.Type, values int) (float64, error) {
	const blocks = 4096
	b := make([]byte, blocks*g.bytes)
	dst := make([]float32, blocks*values)
	g.fill(b, [4]uint64{uint64(t)})
	if err := kernels.Dequantize(dst, t, b); err != nil {
		return 0, err
	}
	var sum float64
	for _, v := range dst {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(dst))), nil
}

// normalTable holds the 65536 quantiles of a normal distribution.
func normalTable(t kernels.Type, mean, std float64) []uint32 {
	table := make([]uint32, 1<<16)
	for i := range table {
		z := math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/float64(len(table))-1)
		v := float32(mean + std*z)
		switch t {
		case kernels.F32:
			table[i] = math.Float32bits(v)
		case kernels.F16:
			table[i] = uint32(float16.Fromfloat32(v).Bits())
		case kernels.BF16: // to nearest, ties to even
			bits := math.Float32bits(v)
			table[i] = (bits + 0x7fff + bits>>16&1) >> 16
		}
	}
	return table
}

// fill sets b, whole blocks, to what key determines.
func (g *generator) fill(b []byte, key [4]uint64) {
	var seed [32]byte
	for i, k := range key {
		binary.LittleEndian.PutUint64(seed[8*i:], k)
	}
	rand.NewChaCha8(seed).Read(b) // never fails
	switch {
	case g.normal == nil:
		for i := 0; i < len(b); i += g.bytes {
			g.shape(b[i : i+g.bytes])
		}
	case g.bytes == 4:
		for i := 0; i < len(b); i += 4 {
			binary.LittleEndian.PutUint32(b[i:], g.normal[binary.LittleEndian.Uint16(b[i:])])
		}
	default:
		for i := 0; i < len(b); i += 2 {
			binary.LittleEndian.PutUint16(b[i:], uint16(g.normal[binary.LittleEndian.Uint16(b[i:])]))
		}
	}
}

// shape makes one block of random bytes a valid one. The byte that lies where
// the scale goes picks the scale.
func (g *generator) shape(b []byte) {
	l := &g.layout
	pick := b[l.d]
	if l.fix != nil {
		l.fix(b)
	}
	if l.putD != nil {
		l.putD(b, g.d[pick])
		return
	}
	binary.LittleEndian.PutUint16(b[l.d:], g.d[pick])
	if l.min != 0 {
		binary.LittleEndian.PutUint16(b[l.min:], g.min[pick])
	}
}
