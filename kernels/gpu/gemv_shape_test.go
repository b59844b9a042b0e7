package gpu

import (
	"testing"

	"orchrt/kernels"
)

// TestGemvShape: what fits the shared memory of GPUs, for the matrices of Qwen3-8B and larger. On GPUs with bulk
// copies two blocks must fit a multiprocessor at one row, with 64 KB or more on their way in each.
func TestGemvShape(t *testing.T) {
	h200 := Info{Major: 9, SharedPerBlock: 227 << 10, SharedPerSM: 228 << 10}
	ada := Info{Major: 8, Minor: 9, SharedPerBlock: 99 << 10, SharedPerSM: 100 << 10}
	for _, c := range []struct {
		gpu          Info
		t, third     kernels.Type
		in, rows     int
		fits, stages int
	}{
		{h200, kernels.Q4_K, kernels.Q4_K, 4096, 1, 1, 5},
		{h200, kernels.Q4_K, kernels.Q4_K, 12288, 1, 1, 4},
		{h200, kernels.Q4_K, kernels.Q6_K, 4096, 1, 1, 3},
		{h200, kernels.Q6_K, kernels.Q6_K, 12288, 1, 1, 3},
		{h200, kernels.Q4_K, kernels.Q4_K, 12288, 3, 3, 7},
		{h200, kernels.F32, kernels.F32, 12288, 3, 3, 2},
		{h200, kernels.Q4_K, kernels.Q4_K, 1 << 20, 1, 0, 0},
		{ada, kernels.Q4_K, kernels.Q4_K, 12288, 3, 1, 3},
		{ada, kernels.Q4_K, kernels.Q4_K, 4096, 3, 3, 3},
		{ada, kernels.F32, kernels.F32, 12288, 1, 0, 0},
	} {
		d := &Device{info: c.gpu}
		shape := d.gemvShapeOf(c.t, c.third, c.in)
		fits, stages := shape.fit(c.rows, c.gpu.SharedPerBlock, c.gpu.SharedPerSM)
		ring := gemvWarps * stages * shape.unit
		if all := ring + shape.fixed(fits); all > c.gpu.SharedPerBlock || c.gpu.Major == 9 && c.rows == 1 && fits == 1 &&
			(2*(all+1024) > c.gpu.SharedPerSM || ring < 64<<10) {
			t.Errorf("%v, %v, %d columns, %d rows: a ring of %d bytes in a block of %d", c.t, c.third, c.in, c.rows, ring, all)
		}
		if fits != c.fits || stages != c.stages {
			t.Errorf("%v, %v, %d columns, %d rows on %d.%d: %d rows with %d stages, want %d with %d", c.t, c.third, c.in, c.rows,
				c.gpu.Major, c.gpu.Minor, fits, stages, c.fits, c.stages)
		}
	}
}
