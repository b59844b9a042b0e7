package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
)

// npyWriter writes a matrix of float32 in NumPy's format, version 1.0, row by
// row. The first failure sticks and comes back from Close.
type npyWriter struct {
	w    *bufio.Writer
	buf  []byte
	err  error
	left int // rows to come
	cols int
}

// newNPY starts a matrix [rows, cols].
func newNPY(w io.Writer, rows, cols int) *npyWriter {
	n := &npyWriter{w: bufio.NewWriterSize(w, 1<<20), left: rows, cols: cols}
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, cols)
	const preamble = 10 // magic, version, length: with them the header fills whole blocks of 64
	pad := 64 - (preamble+len(dict)+1)%64
	header := dict + strings.Repeat(" ", pad%64) + "\n"
	_, n.err = n.w.WriteString("\x93NUMPY\x01\x00" + string([]byte{byte(len(header)), byte(len(header) >> 8)}) + header)
	return n
}

// Row writes one row.
func (n *npyWriter) Row(row []float32) {
	if n.err != nil {
		return
	}
	if len(row) != n.cols || n.left == 0 {
		n.err = fmt.Errorf("a row of %d values with %d rows to come, want %d values", len(row), n.left, n.cols)
		return
	}
	n.left--
	n.buf = n.buf[:0]
	for _, v := range row {
		n.buf = binary.LittleEndian.AppendUint32(n.buf, math.Float32bits(v))
	}
	_, n.err = n.w.Write(n.buf)
}

// Close flushes and returns the first failure.
func (n *npyWriter) Close() error {
	if n.err == nil && n.left > 0 {
		n.err = fmt.Errorf("%d rows are missing", n.left)
	}
	if n.err != nil {
		return n.err
	}
	return n.w.Flush()
}
