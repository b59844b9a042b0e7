//go:build verify

package kernels

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
)

// verifyPython is the interpreter of the reference packages.
func verifyPython() string {
	if p := os.Getenv("ORCHRT_VERIFY_PYTHON"); p != "" {
		return p
	}
	return "../.verify/venv/bin/python"
}

// halfScales are the offsets of the float16 scales in a block of t.
func halfScales(t Type) []int {
	switch t {
	case Q4_0, Q5_0, Q8_0, IQ4NL, IQ2XXS, IQ2XS, IQ2S, IQ3XXS, IQ3S, IQ1S, IQ4XS, Int4, Int8:
		return []int{0}
	case Q4_1, Q5_1, Q4_K, Q5_K:
		return []int{0, 2}
	case Q2_K:
		return []int{80, 82}
	case Q3_K:
		return []int{108}
	case Q6_K:
		return []int{208}
	}
	return nil // the scales of IQ1_M and NVFP4 are spread or bytes; random ones reach them
}

// verifyBlocks are n blocks of random bytes of t. The scales of the first ones
// go through the special float16 values; the rest take any pattern.
func verifyBlocks(t Type, n int, random *rand.Rand) []byte {
	f, _ := t.Format()
	blocks := make([]byte, n*f.Bytes)
	for i := range blocks {
		blocks[i] = byte(random.Uint32())
	}
	// ±0, least and greatest subnormal, least normal, greatest, ±Inf, NaNs
	special := []uint16{0, 0x8000, 1, 0x8001, 0x03ff, 0x0400, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0xfe00, 0x7c01}
	for i := range n {
		for k, at := range halfScales(t) {
			if i < len(special)*len(special) {
				pick := i % len(special)
				if k == 1 {
					pick = i / len(special)
				}
				binary.LittleEndian.PutUint16(blocks[i*f.Bytes+at:], special[pick])
			}
		}
	}
	return blocks
}

// everyHalf is every pattern of 16 bits.
func everyHalf() []byte {
	out := make([]byte, 2<<16)
	for i := range 1 << 16 {
		binary.LittleEndian.PutUint16(out[2*i:], uint16(i))
	}
	return out
}

// TestVerifyDequantize compares every format with the gguf package (Int4 and Int8
// with their formula in numpy): 2048 blocks
// of random bytes with scales of every kind, and all values of the 16-bit types.
// The values agree to the last bit, where not NaN on both sides: with a NaN or
// infinite scale both give what IEEE arithmetic gives.
func TestVerifyDequantize(t *testing.T) {
	cmd := exec.Command(verifyPython(), "testdata/dequantize.py")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	answers := bufio.NewReaderSize(out, 1<<20)
	for _, ty := range allTypes() {
		blocks := verifyBlocks(ty, 2048, random)
		if ty == F16 || ty == BF16 {
			blocks = everyHalf()
		}
		f, _ := ty.Format()
		got := make([]float32, len(blocks)/f.Bytes*f.Values)
		if err := Dequantize(got, ty, blocks); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(in, "%s %d\n", ty, len(blocks))
		if _, err := in.Write(blocks); err != nil {
			t.Fatalf("%v: %v\n%s", ty, err, &stderr)
		}
		want, err := floats(answers, len(got))
		if err != nil {
			t.Fatalf("%v: %v\n%s", ty, err, &stderr)
		}
		if err := sameValues(got, want); err != nil {
			t.Errorf("%v: %v", ty, err)
		}
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &stderr)
	}
}

// TestVerifyGenerated: the committed codebooks and golden blocks are what their
// scripts write today.
func TestVerifyGenerated(t *testing.T) {
	for script, file := range map[string]string{"testdata/grids.py": "grids.go", "testdata/golden.py": "testdata/dequant.golden"} {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := exec.Command(verifyPython(), script).Output()
		if err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what %s writes", file, script)
		}
	}
}
