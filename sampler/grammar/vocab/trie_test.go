package vocab

import (
	"math/rand/v2"
	"sync"
	"testing"

	"orchrt/testdata"
	"orchrt/tokenizer"
)

// qwen is Qwen3's tokenizer with the rows of the model's embedding.
var qwen = sync.OnceValue(func() *tokenizer.Tokenizer {
	r, err := testdata.Qwen3Tokenizer()
	if err != nil {
		panic(err)
	}
	defer r.Close()
	v, err := tokenizer.ParseJSON(r)
	if err != nil {
		panic(err)
	}
	v.Pad(151936)
	t, err := tokenizer.New(v)
	if err != nil {
		panic(err)
	}
	return t
})

var qwenTable = sync.OnceValue(func() *Table {
	t, err := New(qwen())
	if err != nil {
		panic(err)
	}
	return t
})

func TestTable(t *testing.T) {
	v := qwenTable()
	if v.Size() != 151936 || v.Words() != 2374 {
		t.Errorf("size %d, words %d", v.Size(), v.Words())
	}
	if got := v.all.Tokens(); got != 151643 {
		t.Errorf("%d ordinary tokens, want 151643", got)
	}
	if got := v.all.Len(); got != 333009 {
		t.Errorf("%d nodes, want 333009", got)
	}
	for id := range int32(151936) {
		if v.IsOrdinary(id) != (id < 151643) {
			t.Fatalf("IsOrdinary(%d) = %v", id, v.IsOrdinary(id))
		}
	}
	for spelling, id := range map[string]int32{"<tool_call>": 151657, "</think>": 151668, "<|im_end|>": 151645, "<": -1, "hello": -1} {
		if got := v.Special(spelling); got != id {
			t.Errorf("Special(%q) = %d, want %d", spelling, got, id)
		}
	}
	t.Logf("plain %d/%d, unsure %d, quoted %d/%d, beyond %d/%d, most %d", v.text.plain.Tokens(), v.text.plain.Len(), v.text.unsure.Tokens(),
		v.quoted.all.Tokens(), v.quoted.all.Len(), v.text.beyond.Tokens(), v.text.beyond.Len(), v.text.most)
}

// TestWalk compares the trie with each token run alone, on random automata.
func TestWalk(t *testing.T) {
	v := qwenTable()
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var next [8][256]int
		for s := range next {
			for b := range next[s] {
				next[s][b] = r.IntN(len(next)+6) - 6
			}
		}
		step := func(s int, b byte) (int, bool) { return next[s][b], next[s][b] >= 0 }
		got := map[int32]int{}
		Walk(v.all, 0, step, func(id int32, s int) { got[id] = s })
		for id := range int32(v.Size()) {
			s, ok := 0, v.IsOrdinary(id)
			for _, b := range v.Bytes(id) {
				if ok {
					s, ok = step(s, b)
				}
			}
			if g, found := got[id]; found != ok || ok && g != s {
				t.Fatalf("token %d %q: got %d %v, want %d %v", id, v.Bytes(id), g, found, s, ok)
			}
		}
	}
}

func BenchmarkNew(b *testing.B) {
	src := qwen()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(src); err != nil {
			b.Fatal(err)
		}
	}
}
