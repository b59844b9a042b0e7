package testdata

import (
	"encoding/json"
	"io"
	"testing"
)

func TestQwen3Tokenizer(t *testing.T) {
	if len(qwen3) > 3<<20 {
		t.Errorf("%d bytes embedded, at most 3 MiB", len(qwen3))
	}
	data := readQwen3(t)
	var file struct {
		Added []struct{ ID int } `json:"added_tokens"`
		Model struct {
			Vocab  map[string]int
			Merges []any
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	got := [...]int{len(file.Model.Vocab), len(file.Model.Merges), len(file.Added)}
	if want := [...]int{151643, 151387, 26}; got != want {
		t.Errorf("tokens, merges, added tokens: got %v, want %v", got, want)
	}
}

func readQwen3(t *testing.T) []byte {
	t.Helper()
	r, err := Qwen3Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
