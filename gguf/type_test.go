package gguf

import "testing"

// TestTypes compares the sizes of blocks with a list of their own parts.
func TestTypes(t *testing.T) {
	for _, c := range []struct {
		id            Type
		name          string
		values, bytes int64
	}{
		{0, "F32", 1, 4}, {1, "F16", 1, 2}, {30, "BF16", 1, 2}, {28, "F64", 1, 8},
		{24, "I8", 1, 1}, {25, "I16", 1, 2}, {26, "I32", 1, 4}, {27, "I64", 1, 8},
		{2, "Q4_0", 32, 2 + 16}, {3, "Q4_1", 32, 2 + 2 + 16}, {6, "Q5_0", 32, 2 + 4 + 16}, {7, "Q5_1", 32, 2 + 2 + 4 + 16},
		{8, "Q8_0", 32, 2 + 32}, {9, "Q8_1", 32, 2 + 2 + 32},
		{10, "Q2_K", 256, 16 + 64 + 2 + 2}, {11, "Q3_K", 256, 32 + 64 + 12 + 2}, {12, "Q4_K", 256, 2 + 2 + 12 + 128},
		{13, "Q5_K", 256, 2 + 2 + 12 + 32 + 128}, {14, "Q6_K", 256, 128 + 64 + 16 + 2}, {15, "Q8_K", 256, 4 + 256 + 32},
		{16, "IQ2_XXS", 256, 2 + 64}, {17, "IQ2_XS", 256, 2 + 64 + 8}, {22, "IQ2_S", 256, 2 + 64 + 8 + 8},
		{18, "IQ3_XXS", 256, 2 + 96}, {21, "IQ3_S", 256, 2 + 64 + 8 + 32 + 4}, {19, "IQ1_S", 256, 2 + 32 + 16},
		{29, "IQ1_M", 256, 32 + 16 + 8}, {20, "IQ4_NL", 32, 2 + 16}, {23, "IQ4_XS", 256, 2 + 2 + 4 + 128},
		{34, "TQ1_0", 256, 48 + 4 + 2}, {35, "TQ2_0", 256, 64 + 2}, {39, "MXFP4", 32, 1 + 16}, {40, "NVFP4", 64, 4 + 32},
		{41, "Q1_0", 128, 2 + 16}, {42, "Q2_0", 64, 2 + 16},
	} {
		values, bytes, ok := c.id.Block()
		if !ok || values != c.values || bytes != c.bytes || c.id.String() != c.name || c.id.Removed() {
			t.Errorf("%d: %v, %d values in %d bytes, %v", c.id, c.id, values, bytes, ok)
		}
	}
	for id, name := range map[Type]string{4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8"} {
		if _, _, ok := id.Block(); ok || !id.Removed() || id.String() != name {
			t.Errorf("%d: %v, removed %v", id, id, id.Removed())
		}
	}
	for _, id := range []Type{43, 1000, 1<<32 - 1} {
		if _, _, ok := id.Block(); ok || id.Removed() || id.String() == "" {
			t.Errorf("%d is known", id)
		}
	}
}

func TestSizeOf(t *testing.T) {
	for _, c := range []struct {
		t    Type
		dims []int64
		size int64
	}{
		{F32, []int64{1}, 4}, {Q4_K, []int64{4096, 151936}, 4096 / 256 * 144 * 151936}, {Q8_0, []int64{32, 1, 1, 7}, 238},
		{I8, []int64{1<<63 - 1}, 1<<63 - 1}, {I8, []int64{1 << 31, 1 << 31}, 1 << 62},
	} {
		if n, err := SizeOf(c.t, c.dims); n != c.size || err != nil {
			t.Errorf("%v %v: %d bytes, %v", c.t, c.dims, n, err)
		}
	}
	for _, dims := range [][]int64{nil, {}, {1, 1, 1, 1, 1}, {0}, {-1}, {1 << 62, 2}, {1 << 61}} {
		if n, err := SizeOf(F32, dims); err == nil {
			t.Errorf("%v: %d bytes", dims, n)
		}
	}
}
