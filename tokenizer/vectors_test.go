package tokenizer

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// vectorFile holds texts and the ids that Hugging Face `tokenizers` gives them with Qwen3's vocabulary: JSON lines,
// made by TestVerifyTokenizerVectors.
const vectorFile = "testdata/vectors.jsonl.gz"

type vector struct {
	Text  string  `json:"text"`
	IDs   []int32 `json:"ids"`             // with added tokens recognised
	Plain []int32 `json:"plain,omitempty"` // without, where that differs
}

func readVectors(t testing.TB) (vectors []vector) {
	t.Helper()
	f, err := os.Open(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("%s line %d: %v", vectorFile, len(vectors)+1, err)
		}
		vectors = append(vectors, v)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return vectors
}

func TestVectors(t *testing.T) {
	vocab := qwen3Vocab(t)
	vectors := readVectors(t)
	if len(vectors) < 2000 {
		t.Fatalf("%d vectors, expected 2000 or more", len(vectors))
	}
	gguf := Vocab{Tokens: vocab.Tokens, Types: vocab.Types, Merges: vocab.Merges, Pre: "qwen2", BOS: -1, EOS: 151645, PAD: 151643}
	gguf.Pad(151936)
	for name, tok := range map[string]*Tokenizer{"json": mustNew(t, vocab), "gguf": mustNew(t, gguf)} {
		for _, v := range vectors {
			if got := mustEncode(t, tok, v.Text, true); !slices.Equal(got, v.IDs) {
				t.Errorf("%s: %.200q: got %v, want %v", name, v.Text, got, v.IDs)
			}
			plain := v.Plain
			if plain == nil {
				plain = v.IDs
			}
			if got := mustEncode(t, tok, v.Text, false); !slices.Equal(got, plain) {
				t.Errorf("%s: %.200q as ordinary text: got %v, want %v", name, v.Text, got, plain)
			}
			checkRoundTrip(t, tok, v.Text)
		}
	}
}

// checkRoundTrip encodes text both ways and checks that decoding, at once and as a stream, gives its normal form.
func checkRoundTrip(t testing.TB, tok *Tokenizer, text string) {
	t.Helper()
	for _, special := range []bool{false, true} {
		ids := mustEncode(t, tok, text, special)
		got, err := tok.Decode(ids, false)
		if err != nil {
			t.Fatalf("%.200q: Decode: %v", text, err)
		}
		want, err := tok.Normalize(text)
		if err != nil {
			t.Fatal(err)
		}
		if special { // the text between added tokens is normalised by itself
			if want, err = tok.Normalize(got); err != nil {
				t.Fatal(err)
			}
			if other, _ := tok.Normalize(text); other != want {
				t.Fatalf("%.200q: decoded %.200q is another text", text, got)
			}
		} else if got != want {
			t.Fatalf("%.200q: decoded %.200q, want %.200q", text, got, want)
		}
		if s := stream(t, tok, ids, false); s != got {
			t.Fatalf("%.200q: streamed %.200q, want %.200q", text, s, got)
		}
	}
}
