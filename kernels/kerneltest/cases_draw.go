package kerneltest

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"orchrt/kernels"
)

// checkDraw: tokens are drawn as DrawParams says from what Top found, and what is read
// later is what there was when the copy was queued. It applies to devices that draw.
func checkDraw(r *rig) {
	dev, ok := r.dev.(kernels.Drawer)
	if !ok {
		return
	}
	for range 12 {
		vocab := []int{1, 50, 1000, 5000}[r.random.IntN(4)]
		c := r.topCase(vocab, 1+r.random.IntN(min(dev.MaxTop(vocab), 64)), 1+r.random.IntN(6))
		r.draw(dev, c)
	}
}

// drawParams are parameters of every sort for the rows of c, in any order.
func (r *rig) drawParams(c topCase) []kernels.DrawParams {
	var list []kernels.DrawParams
	for range 1 + r.random.IntN(2*len(c.rows)) {
		p := kernels.DrawParams{TopP: 1, U: r.random.Float64(), Row: int32(r.random.IntN(len(c.rows))), K: int32(1 + r.random.IntN(c.k))}
		p.Temperature = []float64{0, 0.2, 0.6, 1, 3}[r.random.IntN(5)]
		if r.random.IntN(2) == 0 {
			p.TopP = []float64{0, 0.3, 0.8, 0.95}[r.random.IntN(4)]
		}
		if r.random.IntN(2) == 0 {
			p.MinP = []float64{0.01, 0.3, 1}[r.random.IntN(3)]
		}
		if r.random.IntN(4) == 0 {
			p.U = []float64{0, math.Nextafter(1, 0)}[r.random.IntN(2)]
		}
		list = append(list, p)
	}
	return list
}

// draw runs a case and compares, but for tokens at the edge of two.
func (r *rig) draw(dev kernels.Drawer, c topCase) {
	defer r.scope()()
	y, args := r.topArgs(c)
	logits := r.f32("logits", slices.Concat(c.logits...))
	d := side{dev, 0}
	dev.Top(d.buf(y), d.mat(logits, len(c.logits), c.cols), &args)
	params := r.drawParams(c)
	raw, _ := binary.Append(nil, binary.NativeEndian, params)
	ids, draws := r.junk("ids", len(params)), r.bytes("draws", raw)
	dev.Draw(d.buf(ids), d.buf(y), c.k, d.buf(draws))
	got := make([]byte, len(ids.data))
	read := dev.Later(d.buf(ids))
	dev.Write(d.buf(ids), bytes.Repeat([]byte{1}, len(got)))
	if err := read(got); err != nil {
		r.failf("Later: %v", err)
	}
	r.settle("Draw", y, ids)
	each := len(y.data) / len(c.rows)
	for i, p := range params {
		found, broken := c.best(int(p.Row))
		if broken >= 0 {
			continue
		}
		id := int32(binary.NativeEndian.Uint32(got[4*i:]))
		if want, near := drawOf(found, p); !slices.Contains(near, id) {
			r.failf("Draw %+v of %v gave %d, want %d", p, found, id, want)
		}
		shown := int32(binary.NativeEndian.Uint32(y.data[int(p.Row)*each+12:]))
		if !slices.ContainsFunc(params, func(q kernels.DrawParams) bool { return q.Row == p.Row && q != p }) && shown != id {
			r.failf("Draw gave %d and noted %d", id, shown)
		}
	}
}

// drawOf draws in the plainest way; near are the tokens that a rounding error
// in the sums could give as well.
func drawOf(found []kernels.TopToken, p kernels.DrawParams) (want int32, near []int32) {
	const slack = 1e-9
	list := slices.Clone(found)
	slices.SortStableFunc(list, func(a, b kernels.TopToken) int {
		return cmp.Or(cmp.Compare(b.Logit, a.Logit), cmp.Compare(a.ID, b.ID))
	})
	list = list[:min(int(p.K), len(list))]
	if len(list) == 0 {
		return 0, []int32{0}
	}
	if p.Temperature == 0 {
		return list[0].ID, []int32{list[0].ID}
	}
	high := float64(list[0].Logit)
	weight := func(t kernels.TopToken) float64 {
		return math.Exp((float64(t.Logit) - high) / p.Temperature)
	}
	mass, sum := 0.0, 0.0
	for _, t := range list {
		mass += weight(t)
	}
	for i, t := range list {
		if i > 0 && p.TopP < 1 && sum >= p.TopP*mass || weight(t) < p.MinP {
			list = list[:i]
			break
		}
		sum += weight(t)
	}
	slices.SortFunc(list, func(a, b kernels.TopToken) int { return cmp.Compare(a.ID, b.ID) })
	want, left := list[len(list)-1].ID, p.U*sum
	drawn := false
	for _, t := range list {
		before := left
		left -= weight(t)
		if left < slack*mass && before > -slack*mass {
			near = append(near, t.ID)
		}
		if left < 0 && !drawn {
			want, drawn = t.ID, true
		}
	}
	return want, append(near, want)
}
