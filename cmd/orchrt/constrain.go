package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"orchrt/orchestrate/openai"
	"orchrt/sampler/grammar"
	"orchrt/sampler/grammar/score"
	"orchrt/sampler/grammar/value"
	"orchrt/tokenizer"
)

// constrainFlags are the flags of constrain.
type constrainFlags struct {
	model, in, style, spelling string
	shuffle, mutate, strict    bool
	fuzz, tokens, limited      int
	jobs                       int
	judge, asJSON, verbose     bool
	seed                       uint64
	limit                      time.Duration
}

// runConstrain scores the constrained decoder on cases, or lets random logits
// write outputs under it.
func runConstrain(ctx context.Context, args []string) int {
	fs := newFlags("constrain", "--model F --in CASES.jsonl [--fuzz N --seed S]",
		"Scores the constrained decoder without running the model, of which only the vocabulary is read.\n"+
			"A case is a JSON line, {\"name\", \"schema\", \"tests\": [{\"valid\", \"data\"}]} or {\"name\", \"tools\",\n"+
			"\"calls\": [{\"name\", \"arguments\"}]}. It passes if the masks let all of its valid instances or calls\n"+
			"through, the end included, and none of its invalid ones. With --fuzz, random logits write N\n"+
			"outputs per case, JSON lines {\"name\", \"schema\", \"text\"} on standard output, for a call also its\n"+
			"\"tool\", whose parameters are the schema and whose arguments the text; the summary then goes to\n"+
			"standard error, and the exit status is 1 if an output broke a promise.")
	f := addConstrainFlags(fs)
	if code, done := parseFlags(fs, args, 0, 0); done {
		return code
	}
	opt, err := f.options()
	if err != nil {
		return usageError(fs, "%v", err)
	}
	tok, err := openTokenizer(f.model)
	if err != nil {
		return failed("constrain", err)
	}
	cases, err := f.readCases(ctx)
	if err != nil {
		return failed("constrain", err)
	}
	scorer, err := newScorer(tok, opt)
	if err != nil {
		return failed("constrain", fmt.Errorf("%s: %w", f.model, err))
	}
	var report *score.Report
	out := io.Writer(os.Stdout)
	if f.fuzz > 0 {
		out = os.Stderr
		report, err = f.fuzzCases(ctx, scorer, cases)
	} else {
		report, err = f.scoreCases(ctx, scorer, cases)
	}
	// What was found until an interruption is shown, too.
	if err = errors.Join(err, f.print(report, out)); err != nil {
		return failed("constrain", err)
	}
	if f.fuzz > 0 && report.Failed+report.TimedOut+report.Panicked > 0 {
		return failed("constrain", fmt.Errorf("%d of %d cases have outputs that must not be", report.Failed+report.TimedOut+report.Panicked, report.Cases))
	}
	return exitOK
}

func addConstrainFlags(fs *pflag.FlagSet) *constrainFlags {
	f := &constrainFlags{}
	fs.StringVarP(&f.model, "model", "m", "", "the model's file, of which the vocabulary is used, or a tokenizer.json")
	fs.StringVarP(&f.in, "in", "i", "", "the cases: JSON lines, .gz and .zst too; - is standard input")
	fs.IntVar(&f.fuzz, "fuzz", 0, "let random logits write `N` outputs for every case instead")
	fs.IntVar(&f.tokens, "fuzz-tokens", 200, "tokens of an output at most, unless the shortest one has more than half of them")
	fs.IntVar(&f.limited, "fuzz-limited", 1, "draw one output in `N` within that limit from its beginning, and complete the others in a short way after it")
	fs.BoolVar(&f.judge, "judge", false, "with --fuzz, validate every output with another JSON Schema validator")
	fs.StringVar(&f.style, "style", "python", "white space of the instances: "+strings.Join(slices.Sorted(maps.Keys(styles())), ", "))
	fs.StringVar(&f.spelling, "whitespace", "default", "white space that the decoder admits: default (trained for calls in the style python, else flexible), trained, flexible")
	fs.BoolVar(&f.shuffle, "shuffle", false, "put the keys of objects into a random order")
	fs.BoolVar(&f.mutate, "mutate", false, "also score instances changed in one place, valid or not as another validator finds them")
	fs.Uint64Var(&f.seed, "seed", 1, "of everything random")
	fs.BoolVar(&f.strict, "strict", true, "refuse a schema that cannot be enforced exactly; otherwise any JSON is accepted for it")
	fs.DurationVar(&f.limit, "timeout", 20*time.Second, "for one case; 0 is none")
	fs.IntVarP(&f.jobs, "jobs", "j", 1, "cases at a time")
	fs.BoolVar(&f.asJSON, "json", false, "print the summary as one JSON object; with --verbose it lists cases too")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "list the cases that did not pass and the slowest ones")
	return f
}

// styles are the values of --style.
func styles() map[string]value.Style {
	return map[string]value.Style{
		"python": value.Python, "compact": value.Compact, "indent2": value.Indent2,
		"indent4": value.Indent4, "tab": value.Tab,
	}
}

// options checks the flags.
func (f *constrainFlags) options() (score.Options, error) {
	opt := score.Options{Lenient: !f.strict, Shuffle: f.shuffle, Mutate: f.mutate, Seed: f.seed, Limit: f.limit, Jobs: f.jobs}
	style, ok := styles()[f.style]
	spelling, known := map[string]grammar.Style{
		"default": grammar.Default, "trained": grammar.Trained, "flexible": grammar.Flexible,
	}[f.spelling]
	opt.Style, opt.Spelling = style, spelling
	switch {
	case f.model == "":
		return opt, fmt.Errorf("--model names no file")
	case f.in == "":
		return opt, fmt.Errorf("--in names no file")
	case !ok:
		return opt, fmt.Errorf("--style %q is none of %s", f.style, strings.Join(slices.Sorted(maps.Keys(styles())), ", "))
	case !known:
		return opt, fmt.Errorf("--whitespace %q is none of default, trained, flexible", f.spelling)
	case f.fuzz < 0:
		return opt, fmt.Errorf("--fuzz must not be negative, it is %d", f.fuzz)
	case f.tokens < 1:
		return opt, fmt.Errorf("--fuzz-tokens must be at least 1, it is %d", f.tokens)
	case f.limited < 1:
		return opt, fmt.Errorf("--fuzz-limited must be at least 1, it is %d", f.limited)
	case f.jobs < 1:
		return opt, fmt.Errorf("--jobs must be at least 1, it is %d", f.jobs)
	case f.limit < 0:
		return opt, fmt.Errorf("--timeout must not be negative, it is %v", f.limit)
	case f.judge && f.fuzz == 0:
		return opt, fmt.Errorf("--judge validates outputs, which only --fuzz makes")
	case f.fuzz > 0 && (f.mutate || f.shuffle):
		return opt, fmt.Errorf("--fuzz writes outputs of its own, which --mutate and --shuffle do not change")
	}
	return opt, nil
}

func (f *constrainFlags) readCases(ctx context.Context) ([]score.Case, error) {
	b, err := readArgument(ctx, f.in)
	if err != nil {
		return nil, err
	}
	cases, err := score.Read(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.in, err)
	}
	return cases, nil
}

// newScorer prepares the vocabulary.
func newScorer(tok *tokenizer.Tokenizer, opt score.Options) (*score.Scorer, error) {
	v, err := grammar.NewVocabulary(tok)
	if err != nil {
		return nil, err
	}
	eos := tok.EOS()
	if eos < 0 {
		if id, ok := tok.ID("<|im_end|>"); ok {
			eos = id
		}
	}
	return score.New(v, tok, eos, opt)
}

func (f *constrainFlags) scoreCases(ctx context.Context, s *score.Scorer, cases []score.Case) (*score.Report, error) {
	bar := newProgress("scoring", "cases")
	defer bar.Done()
	report := &score.Report{}
	// The garbage collector's work is part of a mask's time where it is the
	// decoder's garbage; the cases themselves are none.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	err := s.Run(ctx, cases, func(r *score.Result) {
		report.Add(r)
		bar.Update(int64(report.Cases), int64(len(cases)))
	})
	report.Finish()
	return report, err
}

func (f *constrainFlags) fuzzCases(ctx context.Context, s *score.Scorer, cases []score.Case) (*score.Report, error) {
	bar := newProgress("drawing", "cases")
	defer bar.Done()
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	var werr error
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	report := &score.Report{}
	err := s.Fuzz(ctx, cases, score.FuzzOptions{N: f.fuzz, Tokens: f.tokens, Judge: f.judge, Limited: f.limited}, func(r *score.Result) {
		for _, o := range r.Outputs {
			b, err := openai.Marshal(o)
			if err == nil {
				_, err = out.Write(append(b, '\n'))
			}
			if err != nil && werr == nil {
				werr = err
				stop(err)
			}
		}
		report.Add(r)
		bar.Update(int64(report.Cases), int64(len(cases)))
	})
	if e := out.Flush(); err == nil {
		err = e
	}
	report.Finish()
	return report, err
}

// print writes the summary.
func (f *constrainFlags) print(p *score.Report, out io.Writer) error {
	if f.asJSON {
		if !f.verbose {
			p.Results, p.Slowest = nil, nil
		}
		b, err := openai.Marshal(p)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s\n", b)
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if f.verbose {
		printResults(w, p)
	}
	printCounts(w, p, f.fuzz > 0)
	printTimes(w, p)
	return w.Flush()
}

// printResults lists the cases that did not pass, then the slowest.
func printResults(w io.Writer, p *score.Report) {
	for _, r := range p.Results {
		fmt.Fprintf(w, "%s: %s %s\n", printable(string(r.Outcome)), printable(r.Name), printable(r.Error))
		for _, fault := range r.Faults {
			fmt.Fprintf(w, "    %s (%d): %s\n", fault.Kind, fault.Test, printable(fault.Detail))
			if fault.Text != "" {
				fmt.Fprintf(w, "        %s\n", printable(fault.Text))
			}
		}
	}
	for _, r := range p.Slowest {
		fmt.Fprintf(w, "slow: %s: compiled in %.3f ms, longest mask %.1f µs\n", printable(r.Name), r.CompileMS, r.MaxMaskUS)
	}
}

func printCounts(w io.Writer, p *score.Report, fuzz bool) {
	row := func(name, format string, a ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, a...)) }
	some := func(name string, n int) {
		if n > 0 {
			row(name, "%d", n)
		}
	}
	row("cases", "%d", p.Cases)
	row("passed", "%d (%.2f %%)", p.Passed, 100*float64(p.Passed)/float64(max(1, p.Cases)))
	row("refused schemas", "%d", p.Refused)
	if fuzz {
		row("outputs", "%d", p.Outputs)
		row("judged", "%d", p.Judged)
		row("invalid", "%d", p.InvalidAccepted)
	} else {
		row("instances", "%d, %d of them valid", p.Tests, p.Valid)
		row("valid refused", "%d", p.ValidRefused)
		row("invalid accepted", "%d", p.InvalidAccepted)
	}
	row("broken promises", "%d", p.Broken)
	some("timed out", p.TimedOut)
	some("panicked", p.Panicked)
	some("not enforced", p.Warnings)
	some("not written", p.Skipped)
	some("not judged", p.Unjudged)
	for _, kind := range slices.Sorted(maps.Keys(p.Mutants)) {
		m := p.Mutants[kind]
		row("mutants: "+kind, "%d of %d invalid ones accepted, %d of %d valid ones refused", m.InvalidAccepted, m.Invalid, m.ValidRefused, m.Valid)
	}
	if p.Tokens > 0 {
		row("forced tokens", "%.1f %% of %d, %d not canonical", 100*p.ForcedShare, p.Tokens, p.OddForced)
	}
}

func printTimes(w io.Writer, p *score.Report) {
	fmt.Fprintf(w, "\ntime\tn\tmean\tp50\tp90\tp99\tp99.9\tmax\n")
	for _, t := range []struct {
		name string
		q    score.Quantiles
	}{{"mask, µs", p.MaskUS}, {"accept, µs", p.AcceptUS}, {"compile, ms", p.CompileMS}, {"to first mask, ms", p.FirstMS}} {
		if t.q.N > 0 {
			fmt.Fprintf(w, "%s\t%d\t%.3g\t%.3g\t%.3g\t%.3g\t%.3g\t%.4g\n", t.name, t.q.N, t.q.Mean, t.q.P50, t.q.P90, t.q.P99, t.q.P999, t.q.Max)
		}
	}
}
