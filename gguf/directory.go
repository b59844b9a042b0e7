package gguf

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// directory reads n tensors' entries.
func (p *parser) directory(n uint64) error {
	names := make(map[string]struct{}, min(n, 1024))
	for i := range n {
		start := p.off
		name, err := p.name(fmt.Sprintf("tensor %d", i), MaxNameLen)
		if err != nil {
			return err
		}
		p.tensor = name
		if _, ok := names[name]; ok {
			return p.fail(ErrFormat, start, "the tensor stands in the file twice")
		}
		names[name] = struct{}{}
		t := &Tensor{Name: name, sh: p.sh}
		if err := p.entry(t); err != nil {
			return err
		}
		p.sh.tensors = append(p.sh.tensors, t)
		p.tensor = ""
	}
	return nil
}

// entry reads what follows a tensor's name. Offset is still relative to the
// data, which place corrects.
func (p *parser) entry(t *Tensor) error {
	if err := p.need(4, "the number of dimensions"); err != nil {
		return err
	}
	dims, err := p.u32()
	if err != nil {
		return err
	}
	if dims < 1 || dims > MaxDims {
		return p.fail(ErrFormat, p.off-4, "%d dimensions, there must be 1 to %d: the file is damaged", dims, MaxDims)
	}
	if err := p.need(8*int64(dims)+12, "the tensor's entry"); err != nil {
		return err
	}
	t.entry = p.off
	t.Dims = make([]int64, dims)
	for i := range t.Dims {
		d, err := p.u64()
		if err != nil {
			return err
		}
		t.Dims[i] = int64(d)
	}
	id, err := p.u32()
	if err != nil {
		return err
	}
	t.Type = Type(id)
	if t.Size, err = SizeOf(t.Type, t.Dims); err != nil {
		return p.fail(ErrFormat, t.entry, "%v", err)
	}
	off, err := p.u64()
	t.Offset = int64(off)
	return err
}

// SizeOf is the number of bytes of a tensor of type t with dimensions dims,
// fastest first: rows of dims[0] values, one after the other. It is an error
// where there are not 1 to MaxDims positive dimensions, where a row is not a
// whole number of blocks, where the type is unknown or removed, or where the
// size overflows an int64.
func SizeOf(t Type, dims []int64) (int64, error) {
	values, bytes, ok := t.Block()
	switch {
	case t.Removed():
		return 0, fmt.Errorf("type %v (%d) was removed from the format: quantise the model anew", t, uint32(t))
	case !ok:
		return 0, fmt.Errorf("type %d is unknown: the file is damaged, or newer than this program", uint32(t))
	case len(dims) < 1 || len(dims) > MaxDims:
		return 0, fmt.Errorf("%d dimensions, there must be 1 to %d", len(dims), MaxDims)
	}
	for i, d := range dims {
		if d <= 0 {
			return 0, fmt.Errorf("dimension %d is %d, it must be positive", i, d)
		}
	}
	if dims[0]%values != 0 {
		return 0, fmt.Errorf("rows of %d values are not a multiple of %v's blocks of %d", dims[0], t, values)
	}
	// values ≥ bytes/8, so that the size may overflow where the product of the
	// dimensions does not, and the other way round.
	count, size := uint64(dims[0]), uint64(bytes)
	hi, size := bits.Mul64(size, uint64(dims[0]/values))
	for _, d := range dims[1:] {
		var h1, h2 uint64
		h1, count = bits.Mul64(count, uint64(d))
		h2, size = bits.Mul64(size, uint64(d))
		hi |= h1 | h2 | count>>63 | size>>63
	}
	if hi != 0 || size > math.MaxInt64 {
		return 0, fmt.Errorf("dimensions %v: the size overflows", dims)
	}
	return int64(size), nil
}

// place checks where the tensors' data lie and makes Offset count from the
// start of the file.
func (p *parser) place() error {
	for _, t := range p.sh.tensors {
		p.tensor = t.Name
		at := t.entry + 8*int64(len(t.Dims)) + 4
		room := p.sh.size - p.sh.data // negative where the padding is missing
		switch outside := t.Offset < 0 || t.Offset > room || t.Size > room-t.Offset; {
		case t.Offset%p.sh.align != 0:
			return p.fail(ErrFormat, at, "offset %d is not a multiple of the alignment %d: the file is damaged", uint64(t.Offset), p.sh.align)
		case outside:
			return p.fail(ErrTruncated, at, "its %d bytes from byte %d on do not lie within the file of %d bytes: it is incomplete or damaged, fetch it again",
				t.Size, uint64(p.sh.data)+uint64(t.Offset), p.sh.size)
		}
		t.Offset += p.sh.data
	}
	p.tensor = ""
	return p.overlap()
}

// overlap checks that no two tensors share a byte.
func (p *parser) overlap() error {
	byOffset := func(a, b *Tensor) int { return cmp.Compare(a.Offset, b.Offset) }
	list := p.sh.tensors
	if !slices.IsSortedFunc(list, byOffset) {
		list = slices.Clone(list)
		slices.SortFunc(list, byOffset)
	}
	for i := 1; i < len(list); i++ {
		if a, b := list[i-1], list[i]; a.Offset+a.Size > b.Offset {
			p.tensor = b.Name
			return p.fail(ErrFormat, b.Offset, "its bytes overlap those of tensor %q: the file is damaged", a.Name)
		}
	}
	return nil
}
