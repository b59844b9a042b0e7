package gpu

import (
	"fmt"

	"orchrt/kernels"
)

// Limits of draw.cu.
const (
	drawMost   = 256
	drawShared = 8*drawMost + 16
)

// drawArgs mirrors DrawArgs of draw.cu.
type drawArgs struct {
	ids, top, draws uint64
	k, n            int32
}

// Draw implements kernels.Drawer.
func (d *Device) Draw(ids, top kernels.Buf, k int, draws kernels.Buf) {
	kernels.CheckDraw(ids, top, k, draws)
	if k > drawMost {
		panic(fmt.Sprintf("gpu: Draw of %d tokens, at most %d", k, drawMost))
	}
	n := int(draws.Size / kernels.DrawParamsBytes)
	if !d.ready(n) {
		return
	}
	launch(d, "draw", Grid{X: n, Threads: 32, Shared: drawShared, Overlap: true},
		drawArgs{ids: addr(ids), top: addr(top), draws: addr(draws), k: int32(k), n: int32(n)})
}

// Later implements kernels.Drawer.
func (d *Device) Later(b kernels.Buf) func(dst []byte) error {
	var read func([]byte) error
	if d.err == nil {
		var err error
		read, err = d.drv.Later(addr(b), b.Size)
		d.fail(err)
	}
	return func(dst []byte) error {
		if int64(len(dst)) != b.Size {
			panic("gpu: Later read into another size than the buffer's")
		}
		if d.err == nil {
			d.fail(read(dst))
		}
		return d.err
	}
}
