package runtime

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// check reports the first thing that does not hold in a pool.
func (p *pagePool) check() error {
	n := len(p.refs)
	state := make([]int, n)
	for _, page := range p.free {
		state[page]++
		if p.refs[page] != 0 || p.known[page] {
			return fmt.Errorf("free page %d has %d holders, known %v", page, p.refs[page], p.known[page])
		}
	}
	idle := 0
	for page := p.next[n]; page != int32(n); page = p.next[page] {
		state[page]++
		idle++
		if p.refs[page] != 0 || !p.known[page] {
			return fmt.Errorf("idle page %d has %d holders, known %v", page, p.refs[page], p.known[page])
		}
		if p.prev[p.next[page]] != page {
			return fmt.Errorf("the ring is broken at page %d", page)
		}
	}
	held, known := 0, 0
	for page := range n {
		if p.refs[page] > 0 {
			held++
			state[page]++
		}
		if p.known[page] {
			known++
			if p.byKey[p.keys[page]] != int32(page) {
				return fmt.Errorf("page %d is not found under its key", page)
			}
		}
		if state[page] != 1 {
			return fmt.Errorf("page %d is in %d states", page, state[page])
		}
	}
	if idle != p.idle || held != p.held || known != len(p.byKey) {
		return fmt.Errorf("counted %d idle, %d held, %d known pages, want %d, %d, %d", idle, held, known, p.idle, p.held, len(p.byKey))
	}
	return nil
}

// TestPagePool does random things to a pool and checks it after each.
func TestPagePool(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	p := newPagePool(9)
	key := func(i int) pageKey { return pageKey{byte(i), byte(i >> 8)} }
	var seqs [][]int32
	for step := range 20000 {
		switch random.IntN(5) {
		case 0, 1:
			page, ok := p.alloc()
			if ok != (p.held <= 9 && ok) {
				t.Fatal("alloc")
			}
			if !ok && p.held != 9 {
				t.Fatalf("step %d: no page with %d of 9 held", step, p.held)
			}
			if ok {
				seqs = append(seqs, []int32{page})
			}
		case 2:
			if page, ok := p.find(key(random.IntN(30))); ok {
				p.take(page)
				seqs = append(seqs, []int32{page})
			}
		case 3:
			if len(seqs) > 0 {
				p.publish(seqs[random.IntN(len(seqs))][0], key(random.IntN(30)))
			}
		case 4:
			if len(seqs) > 0 {
				i := random.IntN(len(seqs))
				p.releaseAll(seqs[i])
				seqs[i] = seqs[len(seqs)-1]
				seqs = seqs[:len(seqs)-1]
			}
		}
		if err := p.check(); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
	}
}

// TestPagePoolEvicts: the pages not used for longest go first, and of one
// sequence the last ones.
func TestPagePoolEvicts(t *testing.T) {
	p := newPagePool(4)
	var pages []int32
	for i := range 4 {
		page, _ := p.alloc()
		p.publish(page, pageKey{byte(i)})
		pages = append(pages, page)
	}
	p.releaseAll(pages[:2])
	p.releaseAll(pages[2:])
	for _, want := range []int32{pages[1], pages[0], pages[3], pages[2]} {
		if page, ok := p.alloc(); !ok || page != want {
			t.Errorf("alloc gave page %d, want %d", page, want)
		}
	}
	if _, ok := p.alloc(); ok {
		t.Error("a fifth page of four")
	}
	if len(p.byKey) != 0 {
		t.Errorf("%d pages known after all were given away", len(p.byKey))
	}
}
