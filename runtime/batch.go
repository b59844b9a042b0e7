package runtime

import (
	"encoding/binary"
	"fmt"

	"orchrt/kernels"
)

// batchBuilder collects the rows of a step in the host's memory and copies
// them to the device in one piece.
type batchBuilder struct {
	dev  kernels.Device
	buf  kernels.Buf // what is copied
	host []byte      // as long as buf

	ids, pos, slot, seq []int32 // one for each row
	want                []int32 // rows whose logits are wanted
	tables              [][]int32
	pages               int // width of the tables on the device
	maxPages            int
}

// newBatchBuilder allocates room for steps of up to rows rows and wants wanted
// logits of seqs sequences, each of up to pages pages.
func newBatchBuilder(dev kernels.Device, rows, wants, seqs, pages int) (*batchBuilder, error) {
	n := 4*section(rows) + section(wants) + section(seqs*pages)
	buf, err := dev.Alloc(int64(n))
	if err != nil {
		return nil, fmt.Errorf("runtime: batch of %d rows: %w", rows, err)
	}
	return &batchBuilder{dev: dev, buf: buf, host: make([]byte, n), maxPages: pages}, nil
}

// section is the size of n int32 values, rounded up to keep the next aligned.
func section(n int) int { return (4*n + 63) &^ 63 }

func (b *batchBuilder) free() { b.dev.Free(b.buf) }

// reset begins a step.
func (b *batchBuilder) reset() {
	b.ids, b.pos, b.slot, b.seq = b.ids[:0], b.pos[:0], b.slot[:0], b.seq[:0]
	b.want, b.tables, b.pages = b.want[:0], b.tables[:0], 0
}

// add appends a sequence: its tokens at the positions from pos on, and the page
// table that covers all positions up to them.
func (b *batchBuilder) add(ids []int32, pos int, table []int32) {
	seq := int32(len(b.tables))
	b.tables = append(b.tables, table)
	b.pages = max(b.pages, min(tableWidth(len(table)), b.maxPages))
	for i, id := range ids {
		at := pos + i
		b.ids = append(b.ids, id)
		b.pos = append(b.pos, int32(at))
		b.slot = append(b.slot, table[at/kernels.PageTokens]*kernels.PageTokens+int32(at%kernels.PageTokens))
		b.seq = append(b.seq, seq)
	}
}

// tableWidth is the width of page tables for sequences of up to n pages: at most a
// quarter more, so that steps seldom change their shape.
func tableWidth(n int) int {
	unit := 4
	for 8*unit <= n {
		unit *= 2
	}
	return (n + unit - 1) / unit * unit
}

// wantLast asks for the logits of the row added last, and returns where among
// the wanted they will be.
func (b *batchBuilder) wantLast() int {
	b.want = append(b.want, int32(len(b.ids)-1))
	return len(b.want) - 1
}

// upload copies the step to the device; with drawn its ids are there already.
func (b *batchBuilder) upload(drawn bool) Batch {
	off := 0
	put := func(n int, fill func([]byte)) kernels.Buf {
		fill(b.host[off : off+4*n])
		buf := b.buf.Slice(int64(off), int64(4*n))
		off += section(n)
		return buf
	}
	list := func(v []int32) kernels.Buf {
		return put(len(v), func(to []byte) { putInts(to, v) })
	}
	batch := Batch{IDs: list(b.ids), Want: list(b.want), Wants: len(b.want)}
	batch.Rows = kernels.Rows{
		N: len(b.ids), Seqs: len(b.tables), Pages: b.pages,
		Pos: list(b.pos), Slot: list(b.slot), Seq: list(b.seq),
	}
	batch.Rows.Table = put(len(b.tables)*b.pages, b.putTables)
	from := 0
	if drawn {
		from = section(len(b.ids))
	}
	b.dev.Write(b.buf.Slice(int64(from), int64(off-from)), b.host[from:off])
	return batch
}

// putTables writes [seqs, pages], zero beyond the end of a table.
func (b *batchBuilder) putTables(to []byte) {
	clear(to)
	for i, t := range b.tables {
		putInts(to[4*i*b.pages:], t)
	}
}

func putInts(to []byte, v []int32) {
	for i, x := range v {
		binary.LittleEndian.PutUint32(to[4*i:], uint32(x))
	}
}
