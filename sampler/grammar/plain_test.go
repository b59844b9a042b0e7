package grammar

import (
	"bufio"
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/klauspost/compress/zstd"

	"orchrt/sampler/grammar/value"
	"orchrt/sampler/grammar/vocab"
)

// maskBench are real schemas with instances: see
// ../shared/knowledge/constrained.md, section 5.
const maskBench = "../../../shared/schemas/maskbench-sample.jsonl.zst"

type benchEntry struct {
	Name   string
	Schema json.RawMessage
	Tests  []struct {
		Valid bool
		Data  json.RawMessage
	}
}

// benchEntries reads every nth schema of the sample.
func benchEntries(t testing.TB, nth int) []benchEntry {
	f, err := os.Open(maskBench)
	if os.IsNotExist(err) {
		t.Skip("no ", maskBench)
	} else if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 64<<20)
	var entries []benchEntry
	for i := 0; lines.Scan(); i++ {
		if i%nth != 0 {
			continue
		}
		var e benchEntry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return entries
}

// plainStep is the machine with none of what makes masks quick.
func plainStep(s state, b byte) (state, bool) {
	next := s.Step(b)
	return next, next != nil
}

// plainSet is the set of tokens that s allows, found token by token.
func plainSet(u *unit, s state) []uint64 {
	buf := make([]uint64, u.v.table.Words())
	vocab.Walk(u.v.table.Trie(), s, plainStep, func(id int32, _ state) { buf[id>>6] |= 1 << (id & 63) })
	return buf
}

// TestPlain compares the masks on the way through instances of real schemas
// with plain walks.
func TestPlain(t *testing.T) {
	v := qwenVocabulary()
	r := rand.New(rand.NewPCG(11, 12))
	buf := make([]uint64, v.table.Words())
	masks := 0
	for _, e := range benchEntries(t, 250) {
		for _, style := range []Style{Trained, Flexible} {
			doc, err := v.CompileSchema(e.Schema, SchemaOptions{Strict: true, Style: style, EOS: []int32{imEnd}})
			if err != nil {
				t.Errorf("%s: %v", e.Name, err)
				continue
			}
			for _, test := range e.Tests {
				data, err := value.Parse(test.Data, value.Limits{})
				if err != nil {
					continue
				}
				ids, err := qwen().Encode(data.String(), false)
				if err != nil {
					t.Fatal(err)
				}
				s := doc.u.start
				for _, id := range ids {
					next, ok := cursor{u: doc.u, s: s}.advance(v.table.Bytes(id))
					if r.IntN(100) == 0 || !ok {
						masks++
						got, want := doc.u.masks.Of(s).Fill(buf), plainSet(doc.u, s)
						for i, w := range want {
							if got[i] != w {
								t.Fatalf("%s, %v: word %d is %064b, want %064b, after %q", e.Name, style, i, got[i], w, data)
							}
						}
					}
					if !ok {
						break
					}
					s = next.s
				}
			}
		}
	}
	t.Logf("%d masks", masks)
}

// FuzzSplits checks that where splits says a word ends, tokens end in whatever text.
func FuzzSplits(f *testing.F) {
	for _, s := range []string{`{"name": "it's", "a": [1, 2.5e3]}`, "a \n b", "\u00a0\"x", "_x__y z9'S"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ids, err := qwen().Encode(text, false)
		if err != nil {
			t.Skip()
		}
		if again, err := qwen().Decode(ids, false); err != nil || again != text {
			t.Skip() // normalised
		}
		ends, at := map[int]bool{}, 0
		for _, id := range ids {
			at += len(qwen().Bytes(id))
			ends[at] = true
		}
		for i := 1; i < len(text); i++ {
			if !splits([]byte(text[:i]), text[i]) {
				continue
			}
			if !ends[i] {
				t.Fatalf("%q: a token reaches over %d", text, i)
			}
			left, err := qwen().Encode(text[:i], false)
			if err != nil {
				t.Fatal(err)
			}
			for j, id := range left {
				if ids[j] != id {
					t.Fatalf("%q: the tokens of the first %d bytes depend on what follows", text, i)
				}
			}
		}
	})
}
