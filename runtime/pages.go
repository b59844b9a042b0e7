package runtime

import (
	"crypto/sha256"
	"encoding/binary"

	"orchrt/kernels"
)

// pageKey identifies the content of a full page: the tokens in it and, through
// the key of the page before it, all tokens before those.
type pageKey [sha256.Size]byte

// nextKey is the key of a page that holds ids and follows the page of key prev,
// which is zero for the first. A collision would show one request another's
// cache, hence a cryptographic hash.
func nextKey(prev pageKey, ids []int32) pageKey {
	var text [sha256.Size + 4*kernels.PageTokens]byte
	copy(text[:], prev[:])
	for i, id := range ids {
		binary.LittleEndian.PutUint32(text[sha256.Size+4*i:], uint32(id))
	}
	return sha256.Sum256(text[:])
}

// pagePool hands out the pages of the KV cache. A page is in one of three
// states: held by one or more sequences; idle, which is held by none but with
// content that may be wanted again; or free, without content.
//
// A shared page is full and is never written again, so it needs no copy: a
// sequence that diverges does so in a page of its own.
type pagePool struct {
	refs  []int32 // sequences that hold the page
	keys  []pageKey
	known []bool // the page is in byKey under its key
	byKey map[pageKey]int32
	free  []int32
	held  int // pages with refs > 0

	// The idle pages as a ring, the least recently used first. The entry after
	// the last page is the ring's head.
	next, prev []int32
	idle       int
}

func newPagePool(pages int) *pagePool {
	p := &pagePool{
		refs: make([]int32, pages), keys: make([]pageKey, pages), known: make([]bool, pages),
		byKey: make(map[pageKey]int32),
		next:  make([]int32, pages+1), prev: make([]int32, pages+1),
	}
	for i := range pages {
		p.free = append(p.free, int32(pages-1-i))
	}
	head := int32(pages)
	p.next[head], p.prev[head] = head, head
	return p
}

// available is the number of pages that alloc can give.
func (p *pagePool) available() int { return len(p.free) + p.idle }

// alloc returns a page for one holder to write, at the expense of the idle page
// not used for longest; ok is false where all pages are held.
func (p *pagePool) alloc() (page int32, ok bool) {
	if n := len(p.free); n > 0 {
		page, p.free = p.free[n-1], p.free[:n-1]
	} else if p.idle > 0 {
		page = p.next[len(p.refs)]
		p.unlink(page)
		delete(p.byKey, p.keys[page])
		p.known[page] = false
	} else {
		return 0, false
	}
	p.refs[page] = 1
	p.held++
	return page, true
}

// find returns the page of a key, without taking it.
func (p *pagePool) find(key pageKey) (page int32, ok bool) {
	page, ok = p.byKey[key]
	return page, ok
}

// take adds a holder to a page that find returned.
func (p *pagePool) take(page int32) {
	if p.refs[page] == 0 {
		p.unlink(page)
		p.held++
	}
	p.refs[page]++
}

// publish makes the content of a full page known. If another page has the same
// content already, that one stays known and this one goes with its holder.
func (p *pagePool) publish(page int32, key pageKey) {
	if _, ok := p.byKey[key]; ok || p.known[page] {
		return
	}
	p.keys[page], p.known[page] = key, true
	p.byKey[key] = page
}

// releaseAll takes a holder off each page of a sequence. Later pages become
// idle first: without the earlier ones they could not be found.
func (p *pagePool) releaseAll(pages []int32) {
	for i := len(pages) - 1; i >= 0; i-- {
		p.release(pages[i])
	}
}

func (p *pagePool) release(page int32) {
	p.refs[page]--
	if p.refs[page] > 0 {
		return
	}
	p.held--
	if !p.known[page] {
		p.free = append(p.free, page)
		return
	}
	head := int32(len(p.refs))
	last := p.prev[head]
	p.next[last], p.prev[page] = page, last
	p.next[page], p.prev[head] = head, page
	p.idle++
}

// unlink takes an idle page out of the ring.
func (p *pagePool) unlink(page int32) {
	p.next[p.prev[page]], p.prev[p.next[page]] = p.next[page], p.prev[page]
	p.idle--
}
