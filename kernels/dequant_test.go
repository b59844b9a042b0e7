package kernels

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"testing"
)

// allTypes are the formats of this package, found from the type table.
func allTypes() []Type {
	var all []Type
	for t := Type(0); t < 256; t++ {
		if _, ok := t.Format(); ok {
			all = append(all, t)
		}
	}
	return all
}

// sameValues reports the first place where got and want differ in a bit; any
// NaN equals any other.
func sameValues(got, want []float32) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d values, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if math.Float32bits(g) != math.Float32bits(w) && (g == g || w == w) {
			return fmt.Errorf("value %d is %v (%#x), want %v (%#x)", i, g, math.Float32bits(g), w, math.Float32bits(w))
		}
	}
	return nil
}

// floats reads n little-endian float32 values.
func floats(r io.Reader, n int) ([]float32, error) {
	out := make([]float32, n)
	return out, binary.Read(r, binary.LittleEndian, out)
}

func TestDequantizeGolden(t *testing.T) {
	file, err := os.ReadFile("testdata/dequant.golden")
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(bytes.NewReader(file))
	for _, ty := range goldenOrder {
		var name string
		var size, n int
		if _, err := fmt.Fscanf(r, "%s %d %d\n", &name, &size, &n); err != nil {
			t.Fatal(err)
		}
		if name != ty.String() {
			t.Fatalf("golden file has %s where %v is due", name, ty)
		}
		blocks := make([]byte, size)
		if _, err := io.ReadFull(r, blocks); err != nil {
			t.Fatal(err)
		}
		want, err := floats(r, n)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, n)
		if err := Dequantize(got, ty, blocks); err != nil {
			t.Fatal(err)
		}
		if err := sameValues(got, want); err != nil {
			t.Errorf("%v: %v", ty, err)
		}
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Error("golden file goes on after the last format")
	}
}

// goldenOrder is the order of the formats in testdata/dequant.golden.
var goldenOrder = []Type{F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K,
	IQ2XXS, IQ2XS, IQ2S, IQ3XXS, IQ3S, IQ1S, IQ1M, IQ4NL, IQ4XS, NVFP4, Int4, Int8}

func TestGoldenHasEveryType(t *testing.T) {
	if len(goldenOrder) != len(allTypes()) {
		t.Fatalf("%d formats in the golden file, %d in the package", len(goldenOrder), len(allTypes()))
	}
}

func TestDequantizeErrors(t *testing.T) {
	for _, c := range []struct {
		values int
		t      Type
		bytes  int
	}{
		{32, Q4_0, 17}, {32, Q4_0, 19}, {31, Q4_0, 18}, {0, Q4_0, 18}, {256, Q6_K, 0}, {2, F16, 3}, {32, 9, 36}, {32, 999, 36},
	} {
		dst := make([]float32, c.values)
		for i := range dst {
			dst[i] = 7
		}
		if err := Dequantize(dst, c.t, make([]byte, c.bytes)); err == nil {
			t.Errorf("%d values of %v from %d bytes: no error", c.values, c.t, c.bytes)
		}
		for i, v := range dst {
			if v != 7 {
				t.Fatalf("%v: value %d was written in spite of the error", c.t, i)
			}
		}
	}
	for _, ty := range allTypes() {
		if err := Dequantize(nil, ty, nil); err != nil {
			t.Errorf("no values of %v: %v", ty, err)
		}
	}
}

func TestCodebooks(t *testing.T) {
	dims := map[Type][2]int{IQ2XXS: {256, 8}, IQ2XS: {512, 8}, IQ2S: {1024, 8}, IQ3XXS: {256, 4}, IQ3S: {512, 4},
		IQ1S: {2048, 8}, IQ1M: {2048, 8}, IQ4NL: {16, 1}, IQ4XS: {16, 1}}
	for _, ty := range allTypes() {
		points, dim := Codebook(ty)
		want, ok := dims[ty]
		if !ok {
			if points != nil || dim != 0 {
				t.Errorf("%v has a codebook", ty)
			}
			continue
		}
		if dim != want[1] || len(points) != want[0]*want[1] {
			t.Errorf("%v: %d values, dim %d; want %d points of %d", ty, len(points), dim, want[0], want[1])
		}
		seen := map[string]bool{}
		for i := 0; i < len(points); i += dim {
			seen[fmt.Sprint(points[i:i+dim])] = true
		}
		if len(seen) != want[0] {
			t.Errorf("%v: %d different points of %d", ty, len(seen), want[0])
		}
	}
	for i, s := range Signs() {
		if int(s&127) != i || bits.OnesCount8(s)%2 != 0 {
			t.Errorf("sign mask %d is %#x", i, s)
		}
	}
}

// TestCodebookServesBlocks decodes a block by the exported tables alone, as a
// device does.
func TestCodebookServesBlocks(t *testing.T) {
	block := make([]byte, 66)
	block[1] = 0x3c // d = 1
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 64 {
		block[2+i] = byte(random.Uint32())
	}
	got := make([]float32, 256)
	if err := Dequantize(got, IQ2XXS, block); err != nil {
		t.Fatal(err)
	}
	points, dim := Codebook(IQ2XXS)
	signs := Signs()
	for i, g := range got {
		q := block[2+i/32*8:]
		word := binary.LittleEndian.Uint32(q[4:])
		want := (0.5 + float32(word>>28)) * 0.25 * float32(points[int(q[i%32/8])*dim+i%8])
		if signs[word>>(i%32/8*7)&127]>>(i%8)&1 != 0 {
			want = -want
		}
		if g != want {
			t.Fatalf("value %d is %v, want %v", i, g, want)
		}
	}
}

func BenchmarkDequantize(b *testing.B) {
	for _, ty := range allTypes() {
		b.Run(ty.String(), func(b *testing.B) {
			src := make([]byte, ty.RowBytes(4096))
			dst := make([]float32, 4096)
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if err := Dequantize(dst, ty, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
