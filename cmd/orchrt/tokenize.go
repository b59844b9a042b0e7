package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"orchrt/orchestrate/openai"
	"orchrt/runtime/checkpoint"
	"orchrt/tokenizer"
)

// runTokenize turns JSON lines of text into ids, or of ids into text.
func runTokenize(ctx context.Context, args []string) int {
	fs := newFlags("tokenize", "--model F [< LINES]",
		"Reads JSON lines {\"text\": …} from standard input and writes {\"ids\": […]}; with --decode the\nother way. The spellings of special tokens in a text become those tokens unless --no-special\nis given.")
	model := fs.StringP("model", "m", "", "the model's file, or a tokenizer.json")
	decode := fs.Bool("decode", false, "read {\"ids\": […]} and write {\"text\": …}")
	plain := fs.Bool("no-special", false, "special tokens' spellings are ordinary text; with --decode, leave special tokens out")
	lossy := fs.Bool("lossy", false, "with --decode, write U+FFFD for bytes that are not UTF-8 instead of failing")
	if code, done := parseFlags(fs, args, 0, 0); done {
		return code
	}
	if *model == "" {
		return usageError(fs, "--model names no file")
	}
	tok, err := openTokenizer(*model)
	if err != nil {
		return failed("tokenize", err)
	}
	convert := func(line []byte) (any, error) { return encodeLine(tok, line, !*plain) }
	if *decode {
		convert = func(line []byte) (any, error) { return decodeLine(tok, line, *plain, *lossy) }
	}
	if err := eachLine(ctx, standardInput(ctx), os.Stdout, convert); err != nil {
		return failed("tokenize", err)
	}
	return exitOK
}

// openTokenizer reads the tokenizer of a model file or of a tokenizer.json.
func openTokenizer(file string) (*tokenizer.Tokenizer, error) {
	if strings.HasSuffix(file, ".json") {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		tok, err := tokenizer.FromJSON(bufio.NewReader(f))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return tok, nil
	}
	ck, err := checkpoint.Open(file)
	if err != nil {
		return nil, err
	}
	defer ck.Close()
	tok, err := tokenizer.New(ck.Vocab)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return tok, nil
}

// textLine and idsLine are the two kinds of lines.
type textLine struct {
	Text *string `json:"text"`
}

type idsLine struct {
	IDs []*int32 `json:"ids"` // pointers tell null from 0
}

// readLine reads a line of JSON into v and says in words what is wrong with it.
func readLine(line []byte, v any) error {
	if err := openai.CheckJSON(line); err != nil {
		return err
	}
	err := json.Unmarshal(line, v)
	var bad *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &bad):
		return err
	case bad.Field == "":
		return fmt.Errorf("a line must be a JSON object, not a JSON %s", bad.Value)
	case bad.Field == "text":
		return fmt.Errorf("\"text\" must be a string, not a JSON %s", bad.Value)
	}
	return fmt.Errorf("%q must be an array of token ids, whole numbers of 32 bits; there is a JSON %s", bad.Field, bad.Value)
}

func encodeLine(tok *tokenizer.Tokenizer, line []byte, special bool) (any, error) {
	var in textLine
	if err := readLine(line, &in); err != nil {
		return nil, err
	}
	if in.Text == nil {
		return nil, errors.New(`"text" is missing`)
	}
	ids, err := tok.Encode(*in.Text, special)
	if ids == nil {
		ids = []int32{}
	}
	return struct {
		IDs []int32 `json:"ids"`
	}{ids}, err
}

func decodeLine(tok *tokenizer.Tokenizer, line []byte, skip, lossy bool) (any, error) {
	var in idsLine
	if err := readLine(line, &in); err != nil {
		return nil, err
	}
	if in.IDs == nil {
		return nil, errors.New(`"ids" is missing`)
	}
	ids := make([]int32, len(in.IDs))
	for i, id := range in.IDs {
		if id == nil {
			return nil, fmt.Errorf("\"ids\": null at index %d is no token id", i)
		}
		ids[i] = *id
	}
	decode := tok.Decode
	if lossy {
		decode = tok.DecodeLossy
	}
	text, err := decode(ids, skip)
	return textLine{&text}, err
}

// eachLine converts the JSON lines of r, however long, and writes the results.
// Errors name the line.
func eachLine(ctx context.Context, r io.Reader, w io.Writer, convert func([]byte) (any, error)) error {
	in, out := bufio.NewReaderSize(r, 1<<20), bufio.NewWriterSize(w, 1<<16)
	for n := 1; ctx.Err() == nil; n++ {
		line, rerr := in.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			v, err := convert(line)
			if err != nil {
				out.Flush()
				return fmt.Errorf("line %d: %w", n, err)
			}
			b, err := openai.Marshal(v)
			if err != nil {
				return err
			}
			out.Write(append(b, '\n'))
		}
		if in.Buffered() == 0 { // a reader on the other end of a pipe gets its answer now
			if err := out.Flush(); err != nil {
				return err
			}
		}
		if rerr == io.EOF {
			return out.Flush()
		}
		if rerr != nil {
			return rerr
		}
	}
	out.Flush()
	return context.Cause(ctx)
}
