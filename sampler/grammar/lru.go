package grammar

import "container/list"

// lru is a cache of the values used last, bounded by their number and size.
type lru[V any] struct {
	order   *list.List // of *slot[V], used last first
	slots   map[string]*list.Element
	size    int
	most    int // entries
	maxSize int
}

type slot[V any] struct {
	key   string
	value V
	size  int
}

func newLRU[V any](most, maxSize int) lru[V] {
	return lru[V]{order: list.New(), slots: map[string]*list.Element{}, most: most, maxSize: maxSize}
}

func (c *lru[V]) get(key string) (v V, ok bool) {
	e, ok := c.slots[key]
	if !ok {
		return v, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*slot[V]).value, true
}

// put sets the value of a key. One larger than the cache is not kept.
func (c *lru[V]) put(key string, v V, size int) {
	if e, ok := c.slots[key]; ok {
		c.drop(e)
	}
	if size > c.maxSize {
		return
	}
	c.slots[key] = c.order.PushFront(&slot[V]{key, v, size})
	c.size += size
	for len(c.slots) > c.most || c.size > c.maxSize {
		c.drop(c.order.Back())
	}
}

func (c *lru[V]) drop(e *list.Element) {
	s := c.order.Remove(e).(*slot[V])
	delete(c.slots, s.key)
	c.size -= s.size
}

// keep drops what keep does not hold for. It is asked from the value used last
// to that used first.
func (c *lru[V]) keep(keep func(V) bool) {
	for e := c.order.Front(); e != nil; {
		next := e.Next()
		if !keep(e.Value.(*slot[V]).value) {
			c.drop(e)
		}
		e = next
	}
}
