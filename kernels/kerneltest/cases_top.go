package kerneltest

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"orchrt/kernels"
)

// topCase is one call of Top: what it chooses among, as the host has it.
type topCase struct {
	vocab, cols, k int
	logits         [][]float32 // [rows of logits][cols]
	rows           []int32     // of logits
	masks          [][]uint64  // of each row, nil for none
	edits          [][]kernels.LogitEdit
}

// checkTop: the tokens found are the best, whatever ties, masks, edits and
// broken logits there are. It applies to devices that choose.
func checkTop(r *rig) {
	dev, ok := r.dev.(kernels.Chooser)
	if !ok {
		return
	}
	for _, vocab := range []int{1, 63, 64, 1000, 4096, 4097, 40_000} {
		limit := dev.MaxTop(vocab)
		if limit < 1 {
			r.failf("MaxTop of %d tokens is %d", vocab, limit)
			return
		}
		for _, k := range []int{1, 2, 20, limit} {
			if k <= limit {
				r.top(dev, r.topCase(vocab, k, 1+r.random.IntN(5)))
			}
		}
	}
}

// topCase makes up a call for n rows, in any order and perhaps the same twice.
func (r *rig) topCase(vocab, k, n int) topCase {
	c := topCase{vocab: vocab, cols: vocab + r.random.IntN(70), k: k}
	for range n {
		c.logits = append(c.logits, r.logitRow(c.cols, vocab))
		c.rows = append(c.rows, int32(r.random.IntN(len(c.logits))))
		var mask []uint64
		if r.random.IntN(2) == 0 {
			mask = r.maskOf(vocab)
		}
		c.masks = append(c.masks, mask)
		c.edits = append(c.edits, r.logitEdits(vocab))
	}
	return c
}

// logitRow is a row with ties, or -Inf, or broken logits; those beyond vocab
// are the highest.
func (r *rig) logitRow(cols, vocab int) []float32 {
	x := r.normal(cols)
	kind := r.random.IntN(6)
	for i := range x {
		switch {
		case i >= vocab:
			x[i] = 1000
		case kind == 1:
			x[i] = float32(math.Round(float64(x[i]))) // zeros of both signs among them
		case kind == 2 && r.random.IntN(8) > 0:
			x[i] = float32(math.Inf(-1))
		case kind == 3 && r.random.IntN(vocab) == 0:
			x[i] = float32(math.NaN())
		case kind == 4 && r.random.IntN(vocab) == 0:
			x[i] = float32(math.Inf(1))
		case kind == 5:
			x[i] = 0.5
		}
	}
	return x
}

// maskOf allows many tokens, few, one or none.
func (r *rig) maskOf(vocab int) []uint64 {
	m := make([]uint64, (vocab+63)/64)
	share := []int{1, 2, 100, vocab, 1 << 40}[r.random.IntN(5)]
	for i := range vocab {
		if r.random.IntN(share) == 0 {
			m[i/64] |= 1 << (i % 64)
		}
	}
	return m
}

func (r *rig) logitEdits(vocab int) []kernels.LogitEdit {
	var list []kernels.LogitEdit
	for _, id := range r.random.Perm(vocab)[:r.random.IntN(min(vocab, 300)+1)] {
		e := kernels.LogitEdit{ID: int32(id), Bias: 8 * r.random.Float32(), Penalty: 0.5 + r.random.Float32(), Less: r.random.Float32() - 0.5}
		if r.random.IntN(4) == 0 {
			e.Bias = float32(math.Inf(-1))
		}
		list = append(list, e)
	}
	return list
}

// top runs a case and compares.
func (r *rig) top(dev kernels.Chooser, c topCase) {
	defer r.scope()()
	y, args := r.topArgs(c)
	logits := r.f32("logits", slices.Concat(c.logits...))
	d := side{dev, 0}
	dev.Top(d.buf(y), d.mat(logits, len(c.logits), c.cols), &args)
	r.settle("Top", y)
	each := len(y.data) / len(c.rows)
	for i := range c.rows {
		if err := c.compare(i, y.data[i*each:][:each]); err != nil {
			r.failf("Top of %d among %d tokens, row %d: %v", c.k, c.vocab, i, err)
		}
	}
}

// topArgs puts a case on the device, and makes room for its output.
func (r *rig) topArgs(c topCase) (y *array, args kernels.Choice) {
	var mask, first []int32
	var masks, edits []byte
	words := (c.vocab + 63) / 64
	count := 0
	for i, m := range c.masks {
		mask = append(mask, -1)
		if m != nil {
			mask[i] = int32(len(masks) / (8 * words))
			masks, _ = binary.Append(masks, binary.NativeEndian, m)
		}
		first = append(first, int32(count))
		edits, _ = binary.Append(edits, binary.NativeEndian, c.edits[i])
		count += len(c.edits[i])
	}
	first = append(first, int32(count))
	args = kernels.Choice{N: len(c.rows), K: c.k, Vocab: c.vocab}
	d := side{r.dev, 0}
	args.Row, args.Mask, args.First = d.buf(r.i32("row", c.rows)), d.buf(r.i32("mask", mask)), d.buf(r.i32("first", first))
	args.Masks, args.Edits = d.buf(r.bytes("masks", masks)), d.buf(r.bytes("edits", edits))
	return r.junk("top", int(args.TopBytes()/4)), args
}

// compare holds a row of Top's output against the best tokens.
func (c *topCase) compare(i int, out []byte) error {
	want, broken := c.best(i)
	head := int32(binary.NativeEndian.Uint32(out))
	if broken >= 0 || head < 0 {
		if id := int(binary.NativeEndian.Uint32(out[4:])); broken < 0 || head != -1 || id != broken {
			return fmt.Errorf("found %d tokens, broken logit of token %d; the first broken one is %d (-1: none)", head, id, broken)
		}
		return nil
	}
	var got []kernels.TopToken
	for b := out[kernels.TopHeadBytes:]; len(got) < int(min(head, int32(c.k))); b = b[kernels.TopTokenBytes:] {
		got = append(got, kernels.TopToken{ID: int32(binary.NativeEndian.Uint32(b)), Logit: math.Float32frombits(binary.NativeEndian.Uint32(b[4:]))})
	}
	byID := func(a, b kernels.TopToken) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortFunc(got, byID)
	slices.SortFunc(want, byID)
	if int(head) != len(want) || !slices.Equal(got, want) {
		return fmt.Errorf("found %d: %v, want %d: %v", head, got, len(want), want)
	}
	return nil
}

// best is what row i must find, or the first broken logit's token; -1: none.
func (c *topCase) best(i int) (list []kernels.TopToken, broken int) {
	x := slices.Clone(c.logits[c.rows[i]][:c.vocab])
	for _, e := range c.edits[i] {
		v := x[e.ID] + e.Bias
		if v > 0 {
			v /= e.Penalty
		} else {
			v *= e.Penalty
		}
		x[e.ID] = v - e.Less
	}
	for id, v := range x {
		if m := c.masks[i]; m != nil && m[id/64]>>(id%64)&1 == 0 || math.IsInf(float64(v), -1) {
			continue
		}
		if v-v != 0 {
			return nil, id
		}
		list = append(list, kernels.TopToken{ID: int32(id), Logit: v})
	}
	slices.SortStableFunc(list, func(a, b kernels.TopToken) int { return cmp.Compare(b.Logit, a.Logit) })
	return list[:min(c.k, len(list))], -1
}
