package kerneltest

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"orchrt/kernels"
)

// choosing is the oracle with a plain Top, whose arguments change may falsify.
type choosing struct {
	kernels.Device
	change func(c *topCase)
	after  func(found []kernels.TopToken) []kernels.TopToken
	wrong  func(broken int) int
}

func (d choosing) MaxTop(int) int { return 64 }

func (d choosing) ints(b kernels.Buf) []int32 {
	raw := make([]byte, b.Size)
	if err := d.Read(raw, b); err != nil {
		panic(err)
	}
	v := make([]int32, len(raw)/4)
	binary.Decode(raw, binary.NativeEndian, v)
	return v
}

func (d choosing) Top(y kernels.Buf, logits kernels.Mat, a *kernels.Choice) {
	kernels.CheckTop(y, logits, a, d.MaxTop(a.Vocab))
	c := topCase{vocab: a.Vocab, cols: logits.Cols, k: a.K, rows: d.ints(a.Row)}
	flat := d.ints(logits.Buf)
	for i := range logits.Rows {
		row := make([]float32, logits.Cols)
		for j := range row {
			row[j] = math.Float32frombits(uint32(flat[i*logits.Cols+j]))
		}
		c.logits = append(c.logits, row)
	}
	words, masks, first, edits := (a.Vocab+63)/64, d.ints(a.Masks), d.ints(a.First), d.ints(a.Edits)
	for i, m := range d.ints(a.Mask) {
		var mask []uint64
		for w := 0; m >= 0 && w < words; w++ {
			at := 2 * (int(m)*words + w)
			mask = append(mask, uint64(uint32(masks[at]))|uint64(uint32(masks[at+1]))<<32)
		}
		var list []kernels.LogitEdit
		for e := first[i]; e < first[i+1]; e++ {
			v := edits[4*e:][:4]
			f := func(x int32) float32 { return math.Float32frombits(uint32(x)) }
			list = append(list, kernels.LogitEdit{ID: v[0], Bias: f(v[1]), Penalty: f(v[2]), Less: f(v[3])})
		}
		c.masks, c.edits = append(c.masks, mask), append(c.edits, list)
	}
	d.change(&c)
	var out []int32
	for i := range c.rows {
		list, broken := c.best(i)
		list, broken = d.after(list), d.wrong(broken)
		head := []int32{int32(len(list)), 0, 0, 0}
		if broken >= 0 {
			head[0], head[1] = -1, int32(broken)
		}
		out = append(out, head...)
		for j := range a.K {
			var t kernels.TopToken
			if j < len(list) {
				t = list[j]
			}
			out = append(out, t.ID, int32(math.Float32bits(t.Logit)))
		}
	}
	d.Write(y, encode(out))
}

// TestTopFaults: the suite takes a right Top and finds each fault of a wrong one.
func TestTopFaults(t *testing.T) {
	right := choosing{Device: NewOracle(), change: func(*topCase) {}, after: func(l []kernels.TopToken) []kernels.TopToken { return l },
		wrong: func(b int) int { return b }}
	if errs := faultsFound(t, "Top", func() kernels.Device { return right }); len(errs) > 0 {
		t.Errorf("faults in a right device: %v", errs)
	}
	for name, spoil := range map[string]func(d *choosing){
		"masks ignored":  func(d *choosing) { d.change = func(c *topCase) { clear(c.masks) } },
		"edits ignored":  func(d *choosing) { d.change = func(c *topCase) { clear(c.edits) } },
		"wrong row":      func(d *choosing) { d.change = func(c *topCase) { clear(c.rows) } },
		"padding chosen": func(d *choosing) { d.change = func(c *topCase) { c.vocab = c.cols; clear(c.masks) } },
		"last mask bit": func(d *choosing) {
			d.change = func(c *topCase) {
				for _, m := range c.masks {
					if m != nil {
						m[len(m)-1] = 0
					}
				}
			}
		},
		"ties to the highest id": func(d *choosing) {
			d.change = func(c *topCase) {
				for _, row := range c.logits {
					slices.Reverse(row[:c.vocab])
				}
				for i := range c.masks {
					c.masks[i] = nil
				}
			}
		},
		"one too few": func(d *choosing) {
			d.after = func(l []kernels.TopToken) []kernels.TopToken { return l[:max(len(l)-1, 0)] }
		},
		"broken logits taken": func(d *choosing) { d.wrong = func(int) int { return -1 } },
	} {
		t.Run(name, func(t *testing.T) {
			d := right
			d.Device = NewOracle()
			spoil(&d)
			if errs := faultsFound(t, "Top", func() kernels.Device { return d }); len(errs) == 0 {
				t.Error("the suite did not notice")
			}
		})
	}
}
