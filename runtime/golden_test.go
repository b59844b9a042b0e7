package runtime

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"orchrt/kernels"
	"orchrt/kernels/cpu"
	"orchrt/kernels/kerneltest"
	"orchrt/runtime/checkpoint"
)

const goldenDir = "../../shared/golden"

// goldenTypes are the files of the golden folder and how far llama.cpp is from
// the exact logits of each, by the folder's README.
var goldenTypes = []struct {
	name  string
	llama float64
}{
	{"F32", 0.00001}, {"F16", 0.0005}, {"BF16", 0.0043}, {"Q4_0", 0.0156}, {"Q4_1", 0.0161}, {"Q5_0", 0.0160},
	{"Q5_1", 0.0163}, {"Q8_0", 0.0153}, {"Q2_K", 0.0220}, {"Q3_K_M", 0.0219}, {"Q4_K_M", 0.0224}, {"Q5_K_M", 0.0221},
	{"Q6_K", 0.0224}, {"IQ1_S", 0.0240}, {"IQ1_M", 0.0233}, {"IQ2_XXS", 0.0229}, {"IQ2_XS", 0.0231}, {"IQ2_M", 0.0229},
	{"IQ3_XXS", 0.0219}, {"IQ3_M", 0.0225}, {"IQ4_NL", 0.0164}, {"IQ4_XS", 0.0220},
}

// goldenSequences reads tokens.txt.
func goldenSequences(t *testing.T) [][]int32 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(goldenDir, "tokens.txt"))
	if os.IsNotExist(err) {
		t.Skipf("no golden files in %s", goldenDir)
	}
	if err != nil {
		t.Fatal(err)
	}
	var seqs [][]int32
	for line := range strings.Lines(string(text)) {
		var ids []int32
		for _, word := range strings.Fields(line) {
			id, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, int32(id))
		}
		seqs = append(seqs, ids)
	}
	return seqs
}

// readNPY reads a float32 array, whatever its shape.
func readNPY(t *testing.T, path string) []float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b, []byte("\x93NUMPY\x01\x00")) || !bytes.Contains(b[:128], []byte("'<f4'")) {
		t.Fatalf("%s: not a float32 array of version 1", path)
	}
	b = b[10+int(binary.LittleEndian.Uint16(b[8:])):]
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

// goldenError returns ‖a−b‖/‖b‖ over all rows of a golden file on a device.
func goldenError(t *testing.T, dev kernels.Device, name string) float64 {
	t.Helper()
	seqs := goldenSequences(t)
	want := readNPY(t, filepath.Join(goldenDir, name+".npy"))
	m := loadFile(t, dev, filepath.Join(goldenDir, name+".gguf"), 256)
	var diff, norm float64
	for _, ids := range seqs {
		err := m.Logits(ids, func(pos int, row []float32) error {
			for _, x := range row {
				d := float64(x) - float64(want[0])
				diff += d * d
				norm += float64(want[0]) * float64(want[0])
				want = want[1:]
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(want) != 0 {
		t.Fatalf("%d logits too few", len(want))
	}
	return math.Sqrt(diff / norm)
}

// loadFile loads a model for the length of a test.
func loadFile(t testing.TB, dev kernels.Device, path string, context int) *Model {
	t.Helper()
	ck, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	m, err := LoadModel(ck, dev, LoadOptions{Context: context})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// TestGoldenOracle proves the wiring: on a device that computes exactly, the
// logits are the exact ones.
func TestGoldenOracle(t *testing.T) {
	goldenSequences(t)
	types := goldenTypes
	if testing.Short() {
		types = types[:1]
	}
	for _, g := range types {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			dev := kerneltest.NewOracle()
			t.Cleanup(func() { dev.Close() })
			if e := goldenError(t, dev, g.name); !(e < 1e-5) {
				t.Errorf("relative error %.2g, want below 1e-5", e)
			}
		})
	}
}

// TestGoldenCPU holds the CPU device against llama.cpp's error and, where it
// computes exactly, against 1e-4.
func TestGoldenCPU(t *testing.T) {
	goldenSequences(t)
	for _, exact := range []bool{false, true} {
		for _, g := range goldenTypes {
			t.Run(g.name+"/exact="+strconv.FormatBool(exact), func(t *testing.T) {
				dev, err := cpu.New(cpu.Options{Exact: exact})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { dev.Close() })
				limit := g.llama
				if exact {
					limit = 1e-4
				}
				e := goldenError(t, dev, g.name)
				t.Logf("relative error %.3g, limit %.3g", e, limit)
				if !(e < limit) {
					t.Errorf("relative error %.3g, want below %.3g", e, limit)
				}
			})
		}
	}
}
