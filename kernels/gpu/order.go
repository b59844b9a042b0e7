package gpu

// aheadBytes is how much of each of the first and the last of the next matrices is fetched ahead: about
// what their kernel starts with, and well within the second-level cache.
const aheadBytes = 6 << 20

// span is a piece of device memory.
type span struct {
	at    uint64
	bytes uint32
}

// order remembers which matrices are multiplied after which: steps repeat themselves. A kernel whose own weights are
// all under way, while it waits for attention, fetches the first of what comes next (see gemv.cuh).
type order struct {
	last  uint64             // address of the matrix multiplied last
	after map[uint64][2]span // of the matrices multiplied after the one at an address
}

// turn notes that p is multiplied now and returns what followed it the last time, or nothing.
func (o *order) turn(p product) [2]span {
	first, third := p.w[0].Buf, p.w[len(p.w)-1].Buf
	now := [2]span{{addr(first), uint32(min(first.Size, aheadBytes))}}
	if third != first {
		now[1] = span{addr(third), uint32(min(third.Size, aheadBytes))}
	}
	if o.after == nil {
		o.after = map[uint64][2]span{}
	}
	o.after[o.last] = now
	o.last = addr(first)
	return o.after[o.last]
}

// forget forgets all, because memory may be given back.
func (o *order) forget() { *o = order{} }
