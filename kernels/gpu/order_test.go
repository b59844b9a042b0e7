package gpu

import (
	"testing"

	"orchrt/kernels"
)

// TestOrder: what follows a matrix is known from the second time on, and not after memory was given back.
func TestOrder(t *testing.T) {
	matrix := func(at uintptr, size int64) kernels.Weight {
		return kernels.Weight{Buf: kernels.Buf{Addr: at, Size: size}}
	}
	o, pair := product{w: []kernels.Weight{matrix(100, 5000)}}, product{w: []kernels.Weight{matrix(200, 9000), matrix(300, 20<<20)}}
	var d order
	for step := range 3 {
		if got := d.turn(o); got != [2]span{} && step == 0 || step > 0 && got != [2]span{{200, 9000}, {300, 6 << 20}} {
			t.Errorf("step %d: after the first comes %v", step, got)
		}
		if got := d.turn(pair); got != [2]span{} && step == 0 || step > 0 && got != [2]span{{100, 5000}, {}} {
			t.Errorf("step %d: after the second comes %v", step, got)
		}
	}
	d.forget()
	if got := d.turn(o); got != [2]span{} {
		t.Errorf("after memory was given back: %v", got)
	}
}
