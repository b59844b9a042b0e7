package gpu

import "orchrt/kernels"

// Geometry of top.cu.
const (
	topThreads = 256
	topChunk   = 16 * topThreads // logits of a block, and keys that the last block merges
	topShared  = 4*topChunk + 8*topThreads/32 + 8
)

// topArgs mirrors TopArgs of top.cu.
type topArgs struct {
	logits, row, mask, masks, first, edits, y uint64
	part, broken, counter                     uint64
	cols, vocab, words, k                     int32
}

// MaxTop implements kernels.Chooser: the candidates of all blocks of a row must
// fit the last one.
func (d *Device) MaxTop(vocab int) int {
	chunks := (vocab + topChunk - 1) / topChunk
	return min(topChunk/max(chunks, 1), topChunk/16)
}

// Top implements kernels.Chooser.
func (d *Device) Top(y kernels.Buf, logits kernels.Mat, c *kernels.Choice) {
	kernels.CheckTop(y, logits, c, d.MaxTop(c.Vocab))
	if !d.ready(c.N) {
		return
	}
	chunks := (c.Vocab + topChunk - 1) / topChunk
	stride := (chunks*c.K + 1) &^ 1
	launch(d, "top", Grid{X: chunks, Y: c.N, Threads: topThreads, Shared: topShared, Overlap: true}, topArgs{
		logits: addr(logits.Buf), row: addr(c.Row), mask: addr(c.Mask), masks: addr(c.Masks),
		first: addr(c.First), edits: addr(c.Edits), y: addr(y),
		part:    addr(d.working("top keys", 8*int64(c.N)*int64(stride))),
		broken:  addr(d.working("top broken", 4*int64(c.N)*int64(chunks))),
		counter: addr(d.working("top counters", 4*int64(c.N))),
		cols:    int32(logits.Cols), vocab: int32(c.Vocab), words: int32((c.Vocab + 63) / 64), k: int32(c.K),
	})
}
