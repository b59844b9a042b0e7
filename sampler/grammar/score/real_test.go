package score

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"orchrt/sampler/grammar"
	"orchrt/sampler/grammar/value"
	"orchrt/testdata"
	"orchrt/tokenizer"
)

// The flags make the tests as big as one likes:
//
//	go test ./sampler/grammar/score -run Sound -outputs 30 -every 1 -timeout 2h
var (
	outputs = flag.Int("outputs", 1, "random outputs of each case in TestSound")
	every   = flag.Int("every", 60, "one of so many cases is used")
	where   = flag.String("hostile", "", "also write the hostile schemas as cases to this file")
)

// qwen3 is the vocabulary of Qwen3, made once for all tests.
var qwen3 = sync.OnceValues(func() (*tokenizer.Tokenizer, error) {
	r, err := testdata.Qwen3Tokenizer()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return tokenizer.FromJSON(bufio.NewReader(r))
})

var prepared = sync.OnceValues(func() (*grammar.Vocabulary, error) {
	tok, err := qwen3()
	if err != nil {
		return nil, err
	}
	return grammar.NewVocabulary(tok)
})

func realScorer(tb testing.TB, opt Options) *Scorer {
	tb.Helper()
	tok, err := qwen3()
	if err != nil {
		tb.Fatal(err)
	}
	v, err := prepared()
	if err != nil {
		tb.Fatal(err)
	}
	eos, _ := tok.ID("<|im_end|>")
	s, err := New(v, tok, eos, opt)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// shared reads one of every so many cases of a file in ../shared/schemas.
func shared(tb testing.TB, name string, every int) []Case {
	tb.Helper()
	f, err := os.Open("../../../../shared/schemas/" + name)
	if err != nil {
		tb.Skip("the public cases are not here: ", err)
	}
	defer f.Close()
	cases, err := Read(f)
	if err != nil {
		tb.Fatal(err)
	}
	var some []Case
	for i := 0; i < len(cases); i += every {
		some = append(some, cases[i])
	}
	return some
}

const (
	maskBench = "maskbench-sample.jsonl.zst"
	toolCalls = "tool-calls.jsonl.zst"
	testSuite = "json-schema-test-suite.jsonl.zst"
)

func run(t *testing.T, s *Scorer, cases []Case) *Report {
	t.Helper()
	p := &Report{}
	if err := s.Run(t.Context(), cases, p.Add); err != nil {
		t.Fatal(err)
	}
	p.Finish()
	t.Logf("%d cases, %d passed, %d refused, %d of %d valid refused, %d invalid accepted; masks %.3g µs, at most %.4g; compiled in %.3g ms, at most %.3g",
		p.Cases, p.Passed, p.Refused, p.ValidRefused, p.Valid, p.InvalidAccepted, p.MaskUS.P50, p.MaskUS.Max, p.CompileMS.P50, p.CompileMS.Max)
	return p
}

// explain reports what came out wrong.
func explain(t *testing.T, p *Report) {
	t.Helper()
	for i, r := range p.Results {
		if i == 10 {
			t.Errorf("… and %d more", len(p.Results)-i)
			break
		}
		t.Errorf("%s: %s %s %+v", r.Name, r.Outcome, r.Error, r.Faults[:min(2, len(r.Faults))])
	}
}

func TestMaskBench(t *testing.T) {
	p := run(t, realScorer(t, Options{Limit: time.Minute}), shared(t, maskBench, *every))
	if p.Passed*100 < p.Cases*97 || p.InvalidAccepted+p.ValidRefused+p.Broken+p.TimedOut+p.Panicked > 0 {
		explain(t, p)
	}
}

// TestSpellings has valid instances written with their keys in random order and
// in styles that the model was not trained on.
func TestSpellings(t *testing.T) {
	for i, style := range []value.Style{value.Compact, value.Indent2, value.Tab, value.Python} {
		opt := Options{Style: style, Shuffle: true, Seed: uint64(i), Limit: time.Minute}
		p := run(t, realScorer(t, opt), shared(t, maskBench, 2**every))
		if p.InvalidAccepted+p.ValidRefused+p.Broken+p.TimedOut+p.Panicked > 0 {
			explain(t, p)
		}
	}
}

func TestSuite(t *testing.T) {
	p := run(t, realScorer(t, Options{Limit: time.Minute}), shared(t, testSuite, max(1, *every/30)))
	if p.InvalidAccepted+p.Broken+p.TimedOut+p.Panicked > 0 || p.Passed*100 < p.Cases*85 {
		explain(t, p)
	}
}

func TestToolCalls(t *testing.T) {
	cases := shared(t, toolCalls, *every)
	p := run(t, realScorer(t, Options{Mutate: true, Limit: time.Minute}), cases)
	if p.Passed != p.Cases {
		explain(t, p)
	}
	for _, kind := range []string{"missing key", "other type", "other value", "unknown tool", duplicated} {
		if p.Mutants[kind].Invalid == 0 {
			t.Errorf("no mutants of the kind %q: %+v", kind, p.Mutants)
		}
	}
	if p.ForcedShare < 0.2 || p.OddForced > 0 {
		t.Errorf("%.1f %% of the tokens are forced, %d not canonical", 100*p.ForcedShare, p.OddForced)
	}
}

// TestMutants compares the decoder with the validator on changed instances.
func TestMutants(t *testing.T) {
	p := run(t, realScorer(t, Options{Mutate: true, Limit: time.Minute}), shared(t, maskBench, 2**every))
	if len(p.Mutants) < 6 {
		t.Errorf("%+v", p.Mutants)
	}
	for _, r := range p.Results {
		for _, f := range r.Faults {
			t.Errorf("%s: %s: %s: %s", r.Name, f.Kind, f.Detail, f.Text)
		}
	}
}

// TestSound lets random logits write documents and calls, and judges them by
// another validator.
func TestSound(t *testing.T) {
	cases := append(shared(t, maskBench, *every), shared(t, toolCalls, *every)...)
	s := realScorer(t, Options{Seed: 7, Limit: time.Minute * time.Duration(*outputs)})
	p := &Report{}
	if err := s.Fuzz(t.Context(), cases, FuzzOptions{N: *outputs, Judge: true}, p.Add); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d cases, %d outputs, %d judged", p.Cases, p.Outputs, p.Judged)
	if p.Outputs < p.Cases*95/100 || p.Judged < p.Outputs*9/10 {
		t.Errorf("%d cases give %d outputs, of which %d were judged", p.Cases, p.Outputs, p.Judged)
	}
	p.Results = slices.DeleteFunc(p.Results, func(r *Result) bool { return r.Outcome == Refused })
	explain(t, p)
}

// Bounds on what a hostile schema may cost: steps of package budget and bytes
// allocated, those that are free again too, until it is refused or ready and for
// one mask near a limit on tokens; and bytes for all of a short output.
const (
	compileSteps  = 850_000
	compileBytes  = 72 << 20
	maskSteps     = 3_300_000 // to see how near the limit is, for the mask, and once more where that fails
	maskBytes     = 96 << 20
	outputBytes   = 200 << 20
	hostileTokens = 60
)

// tooLong are schemas whose outputs are not drawn to the end: each mask near a limit
// tries the ends of 2,000 names, or so many ends of 2,000 tokens that it may not look
// for all of them, and finds more of them the next time.
var tooLong = map[string]bool{"many required": true, "ifs": true}

// beyond are the schemas whose outputs allocate more than they may, freed again or
// not: patterns and counts with very many derivatives, of which nothing is shared, and
// choices near the limit, where many ends of hundreds of tokens are tried.
var beyond = map[string]bool{
	"contains and not": true, "overlapping counts": true, "pattern with lengths": true, "satisfiability": true,
}

// TestHostile checks that schemas made to take for ever are refused, and what of
// them, or give a decoder that works, with bounded work and memory.
func TestHostile(t *testing.T) {
	s := realScorer(t, Options{Limit: 2 * time.Minute}) // by the clock, and machines are shared
	schemas := hostile()
	writeHostile(t, schemas)
	for _, name := range hostileNames() {
		t.Run(name, func(t *testing.T) { checkHostile(t, s, name, schemas[name]) })
	}
}

func checkHostile(t *testing.T, real *Scorer, name, schema string) {
	s, m := *real, &meter{decoder: real.dec}
	s.dec = m
	outputs := 1
	if tooLong[name] {
		outputs = 0
	}
	var result *Result
	cases := []Case{{Name: name, Schema: json.RawMessage(schema)}}
	spent := allocated()
	err := s.Fuzz(context.Background(), cases, FuzzOptions{N: outputs, Tokens: hostileTokens}, func(r *Result) { result = r })
	if err != nil {
		t.Fatal(err)
	}
	spent = allocated() - spent
	t.Logf("%-28s %-8s %8.2f ms compiled, %8.2f to the first mask, %9.1f µs longest mask, %4d MB allocated, %3d compiling, %3d for a mask, %7d and %7d steps %.150s",
		name, result.Outcome, result.CompileMS, result.FirstMS, float64(slices.Max(append(result.masks, 0)))/1e3,
		spent>>20, m.compileBytes>>20, m.maskBytes>>20, m.compileSteps, m.maskSteps, result.Error)
	for _, f := range result.Faults {
		t.Errorf("%+v", f)
	}
	if result.Outcome == TimedOut || result.Outcome == Panicked {
		t.Error(result.Error)
	}
	var refused *grammar.SchemaError
	if errors.As(m.err, &refused) && strings.Contains(refused.Reason, "steps") && refused.Path+refused.Keyword == "" {
		t.Errorf("the refusal names no keyword: %v", refused)
	}
	if m.compileSteps > compileSteps || m.maskSteps > maskSteps {
		t.Errorf("%d steps compiling, %d for a mask", m.compileSteps, m.maskSteps)
	}
	if m.compileBytes > compileBytes || m.maskBytes > maskBytes || spent > outputBytes && !beyond[name] {
		t.Errorf("%d MB were allocated compiling, %d for a mask, %d in all", m.compileBytes>>20, m.maskBytes>>20, spent>>20)
	}
}

// meter is a decoder that counts what compiling and the dearest mask take.
type meter struct {
	decoder
	compileSteps, maskSteps int64
	compileBytes, maskBytes uint64
	err                     error
}

func (m *meter) document(schema []byte, strict bool, style grammar.Style) (follower, error) {
	before := allocated()
	f, err := m.decoder.document(schema, strict, style)
	m.compileBytes, m.err = allocated()-before, err
	if err != nil {
		return nil, err
	}
	d := f.(realDocument)
	m.compileSteps = d.d.Steps()
	return meteredDocument{d, m}, nil
}

type meteredDocument struct {
	realDocument
	m *meter
}

func (d meteredDocument) start(maxTokens int) (matcher, error) {
	inner, err := d.realDocument.start(maxTokens)
	return meteredMatcher{inner, d}, err
}

type meteredMatcher struct {
	matcher
	of meteredDocument
}

func (a meteredMatcher) Allowed(buf []uint64) []uint64 {
	m, steps, bytes := a.of.m, a.of.d.Steps(), allocated()
	set := a.matcher.Allowed(buf)
	m.maskSteps = max(m.maskSteps, a.of.d.Steps()-steps)
	m.maskBytes = max(m.maskBytes, allocated()-bytes)
	return set
}

// allocated returns how many bytes were allocated so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// writeHostile writes the schemas where the flag says.
func writeHostile(t *testing.T, schemas map[string]string) {
	t.Helper()
	if *where == "" {
		return
	}
	var lines strings.Builder
	for _, name := range hostileNames() {
		fmt.Fprintf(&lines, "{\"name\":%q,\"schema\":%s}\n", name, schemas[name])
	}
	if err := os.WriteFile(*where, []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
