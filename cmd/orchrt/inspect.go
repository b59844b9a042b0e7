package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"orchrt/kernels/gpu/cuda"
	"orchrt/orchestrate/openai"
	"orchrt/runtime/checkpoint"
)

// runInspect prints what a model file holds.
func runInspect(_ context.Context, args []string) int {
	fs := newFlags("inspect", "F", "Shows what a model file holds: architecture, sizes, types of the tensors, tokenizer, template.")
	asJSON := fs.Bool("json", false, "one JSON object, with every tensor")
	all := fs.Bool("tensors", false, "list every tensor instead of one line for the same one of all layers")
	template := fs.Bool("template", false, "print the chat template only")
	if code, done := parseFlags(fs, args, 1, 1); done {
		return code
	}
	ck, err := checkpoint.Open(fs.Arg(0))
	if err != nil {
		return failed("inspect", err)
	}
	defer ck.Close()
	switch {
	case *template:
		_, err = io.WriteString(os.Stdout, ck.ChatTemplate)
	case *asJSON:
		err = inspectJSON(ck, os.Stdout)
	default:
		err = inspectTable(ck, *all, os.Stdout)
	}
	if err != nil {
		return failed("inspect", err)
	}
	return exitOK
}

// inspectJSON prints the summary with the list of tensors.
func inspectJSON(ck *checkpoint.Checkpoint, w io.Writer) error {
	b, err := openai.Marshal(struct {
		checkpoint.Summary
		Device  string                  `json:"device"` // what --device auto is here
		Tensors []checkpoint.TensorInfo `json:"tensors"`
	}{ck.Summary(), chooseAuto(cuda.Devices()).String(), ck.Tensors()})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

// inspectTable prints the summary as a table, then the tensors.
func inspectTable(ck *checkpoint.Checkpoint, all bool, out io.Writer) error {
	s := ck.Summary()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, a ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, printable(fmt.Sprintf(format, a...)))
	}
	row("file", "%s, %s version %d, %s in %d files", s.Path, s.Format, s.Version, size(s.Bytes), len(s.Files))
	row("name", "%s", s.Name)
	row("architecture", "%s, %.3g billion parameters", s.Architecture, float64(s.Parameters)/1e9)
	row("layers", "%d", s.Layers)
	row("hidden, feed-forward", "%d, %d", s.Hidden, s.FFN)
	row("heads", "%d, %d for keys and values, of %d values", s.Heads, s.KVHeads, s.HeadDim)
	row("context", "%d tokens, %s of KV cache per token at 16 bits", s.Context, size(s.KVBytes))
	row("RoPE", "base %s, scaling %s", s.RopeBase, s.Rope)
	row("output matrix", "%s", map[bool]string{true: "the embedding (tied)", false: "its own"}[s.Tied])
	row("weights", "%s, %.2f bits per weight", size(s.WeightBytes), s.BitsPerWeight)
	for _, t := range s.Types {
		row("  "+t.Type, "%d tensors, %s", t.Tensors, size(t.Bytes))
	}
	row("tokenizer", "%s, %d tokens, %d merges, end of generation %v", s.Tokenizer.Pre, s.Tokenizer.Tokens, s.Tokenizer.Merges, s.Tokenizer.EOS)
	row("chat template", "%d bytes", s.ChatTemplate)
	sampling, err := openai.Marshal(s.Sampling)
	if err != nil {
		return err
	}
	row("sampling", "%s", sampling)
	row("runs on", "%s", chooseAuto(cuda.Devices()))
	fmt.Fprintln(w)
	tensorRows(w, ck.Tensors(), all)
	return w.Flush()
}

// layerNumber is what makes the tensors of two layers differ in name.
func layerNumber() *regexp.Regexp { return regexp.MustCompile(`^blk\.\d+\.`) }

// tensorRows prints the tensors; unless all, those that differ only in their
// layer share a line.
func tensorRows(w io.Writer, tensors []checkpoint.TensorInfo, all bool) {
	number := layerNumber()
	type group struct {
		name, typ, shape string
	}
	count := make(map[group]int)
	var order []group
	for _, t := range tensors {
		g := group{t.Name, t.Type, strings.Trim(fmt.Sprint(t.Shape), "[]")}
		if !all {
			g.name = number.ReplaceAllString(t.Name, "blk.*.")
		}
		if !slices.Contains(order, g) {
			order = append(order, g)
		}
		count[g]++
	}
	fmt.Fprint(w, "tensor\ttype\tshape\tcount\n")
	for _, g := range order {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", printable(g.name), g.typ, g.shape, count[g])
	}
}

// printable quotes a text of the file that a terminal might obey.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(s) {
		return strconv.Quote(s)
	}
	return s
}

// size writes a number of bytes for people.
func size(n int64) string {
	v, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.2f %s", v, units[i])
}
