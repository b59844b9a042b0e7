package budget

import (
	"errors"
	"testing"
)

func TestSpend(t *testing.T) {
	b := New(10)
	for _, n := range []int{4, 6, 0} {
		if err := b.Spend(n); err != nil {
			t.Fatalf("Spend(%d): %v", n, err)
		}
	}
	var exceeded *ExceededError
	if err := b.Spend(1); !errors.As(err, &exceeded) || exceeded.Limit != 10 {
		t.Fatalf("Spend beyond the limit: %v", err)
	}
	if err := b.Spend(0); err == nil || b.Err() == nil || b.Left() != 0 {
		t.Fatal("an exceeded budget does not stay exceeded")
	}
	b.Renew(3)
	if b.Err() != nil || b.Left() != 3 || b.Spend(3) != nil || b.Spend(1) == nil {
		t.Fatal("Renew does not grant its steps")
	}
	if b.Spent() != 13 {
		t.Fatalf("%d steps of 10 and 3 were spent", b.Spent())
	}
}

func TestNil(t *testing.T) {
	var b *Budget
	if b.Spend(1<<30) != nil || b.Err() != nil || b.Left() < 1<<40 || b.Spent() != 0 {
		t.Fatal("a nil budget runs out")
	}
	b.Renew(1)
}
