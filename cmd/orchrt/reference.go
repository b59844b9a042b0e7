package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
)

// reference compares rows of logits with those of a .npy file, which it reads
// along. A nil reference compares nothing.
type reference struct {
	file *os.File
	r    *bufio.Reader
	buf  []byte

	rows, agree int     // rows so far, and those with the same likeliest token
	diff, norm  float64 // sums of squares
}

// openReference opens a matrix [rows, cols] of float32; "" gives nil.
func openReference(name string, rows, cols int) (*reference, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	ref := &reference{file: f, r: bufio.NewReaderSize(f, 1<<20), buf: make([]byte, 4*cols)}
	if err := ref.header(rows, cols); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return ref, nil
}

// header reads the header and checks type and shape.
func (ref *reference) header(rows, cols int) error {
	start := make([]byte, 10)
	if _, err := io.ReadFull(ref.r, start); err != nil || string(start[:8]) != "\x93NUMPY\x01\x00" {
		return fmt.Errorf("is no .npy file of version 1.0")
	}
	text := make([]byte, binary.LittleEndian.Uint16(start[8:]))
	if _, err := io.ReadFull(ref.r, text); err != nil {
		return fmt.Errorf("the header is cut off")
	}
	want := fmt.Sprintf(`'descr': *'<f4', *'fortran_order': *False, *'shape': *\(%d, *%d\)`, rows, cols)
	if !regexp.MustCompile(want).Match(text) {
		return fmt.Errorf("the header is %q, want float32 in the shape (%d, %d)", text, rows, cols)
	}
	return nil
}

// row compares the next row.
func (ref *reference) row(row []float32) error {
	if ref == nil {
		return nil
	}
	if _, err := io.ReadFull(ref.r, ref.buf); err != nil {
		return fmt.Errorf("%s: row %d: %w", ref.file.Name(), ref.rows, err)
	}
	best, bestRef := 0, 0
	top, topRef := math.Inf(-1), math.Inf(-1)
	for i, v := range row {
		a := float64(v)
		b := float64(math.Float32frombits(binary.LittleEndian.Uint32(ref.buf[4*i:])))
		ref.diff += (a - b) * (a - b)
		ref.norm += b * b
		if a > top {
			top, best = a, i
		}
		if b > topRef {
			topRef, bestRef = b, i
		}
	}
	ref.rows++
	if best == bestRef {
		ref.agree++
	}
	return nil
}

// print writes the result.
func (ref *reference) print(w io.Writer) {
	if ref != nil {
		fmt.Fprintf(w, "relative error %.3g, top-1 agreement %d of %d rows (%.1f %%)\n",
			math.Sqrt(ref.diff/ref.norm), ref.agree, ref.rows, 100*float64(ref.agree)/float64(max(ref.rows, 1)))
	}
}

func (ref *reference) close() {
	if ref != nil {
		ref.file.Close()
	}
}
