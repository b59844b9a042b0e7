package regex

import (
	"fmt"
	"testing"
)

// TestManyNames takes names out of a large set, and excludes more and more,
// without making the set anew each time.
func TestManyNames(t *testing.T) {
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("name-%d-%x", i, i*7919)
	}
	s := newSpace()
	x := NewLexer(s)
	l := s.Literals(names)
	if n, ok := s.Size(l, 20_000); n != len(names) || !ok {
		t.Fatalf("size %d, %v", n, ok)
	}
	before := s.Bytes()
	left, others := l, s.Not(l)
	for i, name := range names[:100] {
		left = s.Minus(left, s.Literal(name))
		others = s.Minus(others, s.Literal(fmt.Sprint("other", i)))
		if st := x.Start(left); st == 0 || run(x, st, name[:5]) == 0 {
			t.Fatalf("no names are left after %d", i+1)
		}
	}
	if grown := s.Bytes() - before; grown > 4<<20 {
		t.Errorf("excluding 100 of %d names took %d bytes", len(names), grown)
	}
	for i, name := range names[:200] {
		if got := s.Matches(left, name); got != (i >= 100) {
			t.Errorf("%q: got %v", name, got)
		}
		if s.Matches(others, name) || s.Matches(others, fmt.Sprint("other", i)) != (i >= 100) {
			t.Errorf("%d: the others are wrong", i)
		}
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
}
