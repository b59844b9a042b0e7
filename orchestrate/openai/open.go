package openai

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"orchrt/runtime"
	"orchrt/runtime/checkpoint"
	"orchrt/sampler"
	"orchrt/sampler/grammar"
	"orchrt/tokenizer"
	"orchrt/tokenizer/chat"
)

// ModelOptions say how a checkpoint appears to requests.
type ModelOptions struct {
	File       string           // its path, for the default name
	Names      []string         // names in place of the default ones
	Context    int              // tokens of prompt and answer together; 0: the model's own
	Overrides  sampler.Settings // defaults that go before the file's
	MaxChoices int              // 0: 16
	Template   string           // a chat template in place of the file's
	Version    string           // of the program, for the fingerprint
}

// NewBackend makes the backend of a checkpoint, whose sequences g runs. It does
// not keep ck. A g of nil is enough for rendering and tokenizing.
func NewBackend(ck *checkpoint.Checkpoint, g Generator, opt ModelOptions) (*Backend, error) {
	tok, err := tokenizer.New(ck.Vocab)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", opt.File, err)
	}
	b := &Backend{Generator: g, Tokenizer: tok, Names: opt.Names, Created: time.Now(), Context: opt.Context,
		Vocab: ck.Config.Vocab, Overrides: opt.Overrides, MaxChoices: opt.MaxChoices,
		Grammar: sync.OnceValues(func() (*grammar.Vocabulary, error) { return newVocabulary(tok) })}
	if b.Context == 0 {
		b.Context = ck.Config.Context
	}
	if b.MaxChoices == 0 {
		b.MaxChoices = 16
	}
	if len(b.Names) == 0 {
		b.Names = defaultNames(ck.Name, opt.File)
	}
	if info, err := os.Stat(opt.File); err == nil {
		b.Created = info.ModTime()
	}
	b.Defaults, b.NoThinking = defaultParams(ck, true), defaultParams(ck, false)
	b.Fingerprint = fingerprint(ck, opt.Version)
	text := ck.ChatTemplate
	if opt.Template != "" {
		text = opt.Template
	}
	if text == "" {
		return b, nil
	}
	if b.Template, err = chat.New(text, templateOptions(tok)); err != nil {
		return nil, fmt.Errorf("%s: chat template: %w", opt.File, err)
	}
	return b, nil
}

// newVocabulary prepares tok's vocabulary. A panic is an error: it may happen in
// the background, and answers without tools do not need the vocabulary.
func newVocabulary(tok *tokenizer.Tokenizer) (v *grammar.Vocabulary, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &runtime.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return grammar.NewVocabulary(tok)
}

// defaultParams are Qwen3's recommendation under the file's own.
func defaultParams(ck *checkpoint.Checkpoint, thinking bool) sampler.Params {
	p := sampler.Defaults(thinking).With(ck.Sampling)
	p.EOS, p.Suppress = ck.EOS, ck.Suppress
	return p
}

// defaultNames are the file's name and the one that it gives itself, which may
// be a sentence.
func defaultNames(name, file string) []string {
	base := strings.TrimSuffix(filepath.Base(file), ".gguf")
	if name == "" || name == base {
		return []string{base}
	}
	return []string{base, name}
}

// fingerprint changes with whatever changes answers: program, shapes, formats.
func fingerprint(ck *checkpoint.Checkpoint, version string) string {
	s := ck.Summary()
	h := sha256.New()
	fmt.Fprintln(h, version, s.Name, s.Bytes, s.Parameters, s.Types)
	return "fp_" + hex.EncodeToString(h.Sum(nil)[:6])
}

// templateOptions tell a template what the tokenizer knows.
func templateOptions(tok *tokenizer.Tokenizer) chat.Options {
	var o chat.Options
	for _, a := range tok.Added() {
		o.Added = append(o.Added, a.Text)
	}
	if id := tok.BOS(); id >= 0 {
		o.BOS = string(tok.Bytes(id))
	}
	if id := tok.EOS(); id >= 0 {
		o.EOS = string(tok.Bytes(id))
	}
	return o
}
