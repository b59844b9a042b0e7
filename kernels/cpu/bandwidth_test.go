package cpu

import (
	"bytes"
	"math"
	"testing"

	"orchrt/kernels"
)

// TestBandwidthIsOfTheBestWay: the measure is the highest of its ways, each of
// which reads at a rate that memory can have.
func TestBandwidthIsOfTheBestWay(t *testing.T) {
	d, err := New(Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	best, ways := d.measureReads()
	most := 0.0
	for i, w := range ways {
		if w < 1e7 || w > 1e13 || math.IsNaN(w) {
			t.Errorf("way %d reads %g bytes/s", i, w)
		}
		most = max(most, w)
	}
	if best != most {
		t.Errorf("measured %g, but the best of %g is %g", best, ways, most)
	}
}

// TestBandwidthReadsWeights: what is read are packed weights and nothing else
// that is allocated, which may be untouched.
func TestBandwidthReadsWeights(t *testing.T) {
	d, err := New(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Alloc(1 << 31); err != nil {
		t.Fatal(err)
	}
	want := int64(0)
	for range 3 {
		w, err := d.Pack(kernels.F32, 32, 64, bytes.NewReader(make([]byte, 4*32*64)))
		if err != nil {
			t.Fatal(err)
		}
		want += w.Buf.Size
	}
	base, size := d.packedSpans()
	got := int64(0)
	for i, n := range size {
		if i > 0 && base[i] < base[i-1] {
			t.Errorf("span %d stands before the one before it", i)
		}
		got += int64(n)
	}
	if len(base) != 3 || got != want {
		t.Errorf("%d spans of %d bytes, want the 3 matrices' %d", len(base), got, want)
	}
}
