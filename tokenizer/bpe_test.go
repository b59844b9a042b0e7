package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

// slowMerge is the definition: join the leftmost pair of lowest rank until there is none.
func slowMerge(tok *Tokenizer, word string) []int32 {
	var ids []uint32
	for i := range len(word) {
		ids = append(ids, tok.bytes[word[i]])
	}
	for {
		best, at := noRank, -1
		for i := 1; i < len(ids); i++ {
			if r := tok.pairs.rank(ids[i-1], ids[i]); r < best {
				best, at = r, i-1
			}
		}
		if at < 0 {
			break
		}
		ids[at] = tok.results[best]
		ids = slices.Delete(ids, at+1, at+2)
	}
	out := make([]int32, len(ids))
	for i, id := range ids {
		out[i] = int32(id)
	}
	return out
}

func TestMerge(t *testing.T) {
	tiny := mustNew(t, tinyVocab("a+a", "aa+aa", "a+b", "b+a", "ab+ab", "aa+b", "b+b", "aaaa+aaaa", "bb+ab"))
	odd := mustNew(t, tinyVocab("aaaa+aaaa", "aa+aa", "ab+ab", "a+b", "aa+b", "bb+ab", "a+a", "b+a", "b+b")) // longer tokens first
	big := qwen3(t)
	g := newGenerator(9, nil)
	ofTiny, ofBig, ofOdd := newScratch(), newScratch(), newScratch()
	for i := range 9000 {
		tok, s, word := tiny, ofTiny, g.repeat(120, func() string { return pick(g, []string{"a", "a", "b", "c"}) })
		switch i % 3 {
		case 0:
			tok, s, word = big, ofBig, g.longWord()
		case 1:
			tok, s = odd, ofOdd
		}
		want := slowMerge(tok, word)
		if got := tok.mergeLong(nil, word, s); !slices.Equal(got, want) {
			t.Fatalf("%q by queue: got %v, want %v", word, got, want)
		}
		if got := tok.merge(nil, word, s); !slices.Equal(got, want) {
			t.Fatalf("%q: got %v, want %v", word, got, want)
		}
		for range 2 { // into the cache and out of it
			if got := tok.appendWord(nil, "x"+word+"y", 1, 1+len(word), s); !slices.Equal(got, want) {
				t.Fatalf("%q through the cache: got %v, want %v", word, got, want)
			}
		}
	}
}

// A quadratic merge would need minutes here.
func TestMergeGiantWord(t *testing.T) {
	tok := qwen3(t)
	for _, c := range []string{"a", "xy", "\u7684\u4e00\u662f", " ", "=-"} {
		text := strings.Repeat(c, 300_000/len(c))
		ids := mustEncode(t, tok, text, true)
		if got, err := tok.Decode(ids, false); err != nil || got != text {
			t.Errorf("%d bytes of %q do not come back: %v", len(text), c, err)
		}
	}
}

// Words that differ only behind the bytes of a key's lower words, or by zero bytes, must not share an entry.
func TestCacheKeys(t *testing.T) {
	seen := make(map[wordKey]string)
	check := func(w string) {
		for _, around := range []string{"", "............................................................"} {
			k := keyAt("ab"+w+around, 2, 2+len(w))
			if other, ok := seen[k]; ok && other != w {
				t.Errorf("%q and %q have one key", w, other)
			}
			if j := keyAt(w, 0, len(w)); j != k {
				t.Errorf("%q: key %x at the end of the text, %x within", w, j, k)
			}
			seen[k] = w
		}
	}
	for n := 1; n <= cachedWord; n++ {
		for i := range n {
			b := []byte(strings.Repeat("\x00", n))
			check(string(b))
			b[i] = 'x'
			check(string(b))
			b[i] = 0xff
			check(string(b))
		}
	}
}

func TestEncodeAllocatesOnlyTheResult(t *testing.T) {
	tok := qwen3(t)
	text := strings.Repeat("func main() { fmt.Println(\"Hello, \u4e16\u754c\", 42) } // it's <|im_end|>\n", 50)
	ids := mustEncode(t, tok, text, true)
	n := testing.AllocsPerRun(20, func() {
		if _, err := tok.AppendEncode(ids[:0], text, false); err != nil {
			t.Error(err)
		}
	})
	if n > 1 { // the pool may be emptied in between
		t.Errorf("%v allocations", n)
	}
}
