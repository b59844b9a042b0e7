package sampler

import (
	"math"
	"math/rand/v2"
	"testing"
)

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

// scanLogits mixes values that are hard for a bit-wise comparison into an
// ordinary bulk.
func scanLogits(r *rand.Rand, n int, shift float32) []float32 {
	odd := []float32{
		-inf, -inf, 0, float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32,
		-math.SmallestNonzeroFloat32, math.MaxFloat32, -math.MaxFloat32, 1, -1,
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64()) + shift
		if r.IntN(100) == 0 {
			x[i] = odd[r.IntN(len(odd))]
		}
	}
	return x
}

func scanMask(r *rand.Rand, n int) []uint64 {
	mask := make([]uint64, (n+63)/64)
	for i := range mask {
		switch r.IntN(5) {
		case 0:
		case 1:
			mask[i] = math.MaxUint64
		case 2:
			mask[i] = r.Uint64()
		case 3:
			mask[i] = 1 << r.IntN(64)
		case 4:
			mask[i] = r.Uint64() | r.Uint64()
		}
	}
	clearTail(mask, n)
	return mask
}

// naiveNext is the definition of view.next.
func naiveNext(v view, i int, floor float32) int {
	for ; i < len(v.logits); i++ {
		allowed := v.mask == nil || v.mask[i/64]>>(i%64)&1 == 1
		if allowed && (v.logits[i] > floor || v.logits[i] != v.logits[i]) {
			return i
		}
	}
	return len(v.logits)
}

func TestNextFindsWhatAPlainLoopFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	floors := []float32{-inf, -math.MaxFloat32, -3, -1, 0, float32(math.Copysign(0, -1)), 1, 2.5, math.MaxFloat32}
	for range 3000 {
		n := 1 + r.IntN(700)
		v := view{logits: scanLogits(r, n, float32(r.IntN(9)-4))}
		if r.IntN(2) == 0 {
			v.mask = scanMask(r, n)
		}
		if r.IntN(3) == 0 {
			v.logits[r.IntN(n)] = [...]float32{nan, -nan, math.Float32frombits(0xffc00000), inf}[r.IntN(4)]
		}
		floor := floors[r.IntN(len(floors))]
		if r.IntN(2) == 0 {
			floor = v.logits[r.IntN(n)]
		}
		if floor != floor {
			continue
		}
		for i := 0; i <= n; i++ {
			if got, want := v.next(i, floor), naiveNext(v, i, floor); got != want {
				t.Fatalf("next(%d, %v) = %d, want %d; n %d, mask %x", i, floor, got, want, n, v.mask)
			}
		}
	}
}

// A block with one loud value anywhere is never called quiet, and one without
// is, where its negative values are small.
func TestQuietBlocksSeesEveryPlace(t *testing.T) {
	for _, floor := range []float32{-inf, -2, -1, 0, 1, 2} {
		for at := range blockSize {
			for _, loud := range []float32{nan, math.Float32frombits(0xffc00000), inf, math.Nextafter32(floor, inf)} {
				x := make([]float32, 2*blockSize)
				for i := range x {
					x[i] = floor
				}
				if got := quietBlocks(x, floor); got != 2 {
					t.Fatalf("floor %v: %d of 2 blocks quiet", floor, got)
				}
				x[blockSize+at] = loud
				if got := quietBlocks(x, floor); got != 1 {
					t.Errorf("floor %v, %v at %d: %d of 1 block quiet", floor, loud, at, got)
				}
			}
		}
	}
}
