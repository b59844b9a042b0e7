//go:build verify

package chat

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"orchrt/tokenizer"
)

// TestVerifyChat compares with transformers, live: thousands of generated
// conversations, byte by byte, and for Qwen3's templates id by id. The ids of
// the reference are made with its own sanitising of control tokens, so they
// also show that text of the request never becomes one.
func TestVerifyChat(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	python := os.Getenv("ORCHRT_VERIFY_PYTHON")
	if python == "" {
		python = filepath.Join(root, ".verify", "venv", "bin", "python")
	}
	vocabulary := filepath.Join(root, ".verify", "package", "models", "tokenizer.json")
	f, err := os.Open(vocabulary)
	if err != nil {
		t.Fatalf("%v; make verify installs it", err)
	}
	defer f.Close()
	tok, err := tokenizer.FromJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, filepath.Join("testdata", "reference.py"), filepath.Join("testdata", "templates"), vocabulary, "2400", "2026")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v; make verify installs it", python, err)
	}
	v := &idVerifier{t: t, tok: tok, added: make(map[int32]bool)}
	for _, a := range tok.Added() {
		v.added[a.ID] = true
	}
	counts := checkReference(t, bytes.NewReader(out), v.check)
	t.Logf("conversations compared: %v; ids compared: %d, and in %d conversations that spell control tokens, those and the text between",
		counts, v.ids, v.hostile)
	for name, n := range counts {
		if n < 480 || strings.HasPrefix(name, "qwen3") && n < 2400 {
			t.Errorf("%s: only %d conversations compared", name, n)
		}
	}
	if len(counts) < 7 || v.ids == 0 || v.hostile == 0 {
		t.Errorf("templates compared: %d, ids: %d, hostile: %d", len(counts), v.ids, v.hostile)
	}
}

// idVerifier compares token ids.
type idVerifier struct {
	t            *testing.T
	tok          *tokenizer.Tokenizer
	added        map[int32]bool
	ids, hostile int
	failed       int
}

func (v *idVerifier) check(c *referenceCase, p Prompt) {
	if c.IDs == nil || v.failed >= 5 {
		return
	}
	got, err := p.Encode(context.Background(), v.tok)
	if err != nil {
		v.t.Errorf("%v\n%s", err, c.Body)
		return
	}
	v.ids += len(got)
	if c.Plain && !slices.Equal(got, c.IDs) {
		i := 0
		for i < min(len(got), len(c.IDs)) && got[i] == c.IDs[i] {
			i++
		}
		v.failed++
		v.t.Errorf("ids differ at %d: got %v, want %v\n%s", i, got[i:min(len(got), i+8)], c.IDs[i:min(len(c.IDs), i+8)], c.Body)
	}
	if c.Plain {
		return
	}
	// The reference cuts ordinary text where it spells a control token, which
	// no tokenizer would; so only the text can be compared there.
	v.hostile++
	if got, want := v.outline(got), v.outline(c.IDs); got != want {
		v.failed++
		v.t.Errorf("got  %q\nwant %q\n%s", got, want, c.Body)
	}
}

// outline writes control tokens by number and decodes the text between them.
func (v *idVerifier) outline(ids []int32) string {
	var b strings.Builder
	for len(ids) > 0 {
		n := slices.IndexFunc(ids, func(id int32) bool { return v.added[id] })
		if n < 0 {
			n = len(ids)
		}
		text, err := v.tok.Decode(ids[:n], false)
		if err != nil {
			v.t.Error(err)
		}
		b.WriteString(text)
		if n < len(ids) {
			fmt.Fprintf(&b, "⟦%d⟧", ids[n])
			n++
		}
		ids = ids[n:]
	}
	return b.String()
}
