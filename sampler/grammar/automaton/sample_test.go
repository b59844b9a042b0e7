package automaton_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/klauspost/compress/zstd"

	"orchrt/sampler/grammar/automaton"
	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/schema"
	"orchrt/sampler/grammar/value"
)

// sample is a schema with instances.
type sample struct {
	Name   string
	Schema json.RawMessage
	Tests  []struct {
		Valid bool
		Data  json.RawMessage
	}
}

// eachSample calls f with every nth schema of the sample of MaskBench.
func eachSample(t testing.TB, n int, f func(sample)) {
	t.Helper()
	file, err := os.Open("../../../../shared/schemas/maskbench-sample.jsonl.zst")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("../shared/schemas is not on this machine")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 64<<20)
	for i := 0; lines.Scan(); i++ {
		if i%n != 0 {
			continue
		}
		var s sample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		f(s)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// compileBudget is what a schema of the sample may take.
const compileBudget = 2_000_000

// compile makes the formula of a schema; an error says that it is refused.
func compile(text []byte) (*formula.Space, formula.F, error) {
	doc, err := value.Parse(text, value.Limits{LastWins: true})
	if err != nil {
		return nil, 0, err
	}
	sp := formula.NewSpace(budget.New(compileBudget))
	f, err := schema.Compile(sp, doc, schema.Options{})
	return sp, f, err
}

// draft4 is the one schema of the sample whose verdicts are those of draft-04 in
// that 12345.0 is no integer.
const draft4 = "Github_easy---o24544.json"

// TestSample checks machines of real schemas against their instances in several
// spellings, and random walks against Eval.
func TestSample(t *testing.T) {
	every := 40
	if os.Getenv("GRAMMAR_SAMPLE") == "all" {
		every = 1
	}
	rng := rand.New(rand.NewPCG(9, 10))
	schemas, refused, instances, wrong := 0, 0, 0, 0
	eachSample(t, every, func(s sample) {
		sp, f, err := compile(s.Schema)
		if err != nil {
			refused++
			t.Logf("%s: %v", s.Name, err)
			return
		}
		schemas++
		for _, style := range []automaton.Style{automaton.Trained, automaton.Flexible} {
			m, err := automaton.New(sp, f, automaton.Options{Style: style})
			if err != nil && !errors.Is(err, automaton.ErrUnsatisfiable) {
				refused++
				t.Logf("%s: %v", s.Name, err)
				return
			}
			for _, test := range s.Tests {
				v, err := value.Parse(test.Data, value.Limits{})
				if err != nil {
					continue // duplicate keys or lone surrogates
				}
				for _, spelling := range styles[style] {
					v := value.Shuffle(v, rng)
					instances++
					got := m != nil && accepts(m, string(value.Append(nil, v, spelling)))
					if got == test.Valid {
						continue
					}
					if s.Name == draft4 {
						break
					}
					if formula.Eval(sp, f, v) != got {
						t.Errorf("%s: machine %v and Eval differ: %.200s", s.Name, got, v)
					} else {
						wrong++
						t.Logf("%s: valid %v, accepted %v: %.300s", s.Name, test.Valid, got, v)
					}
					break
				}
				if m != nil && m.Err() != nil {
					t.Errorf("%s: %v", s.Name, m.Err())
					return
				}
			}
			if m != nil {
				stroll(t, rng, s.Name, sp, f, m)
			}
		}
	})
	t.Logf("%d schemas, %d refused, %d spellings, %d differ from the sample's verdict", schemas, refused, instances, wrong)
	if wrong > 0 || schemas < 50 {
		t.Errorf("%d spellings of %d differ, over %d schemas", wrong, instances, schemas)
	}
}

// stroll takes random bytes and lets Eval judge the completed document.
func stroll(t *testing.T, rng *rand.Rand, name string, sp *formula.Space, f formula.F, m *automaton.Machine) {
	t.Helper()
	s := m.Start()
	var text []byte
	for range 150 {
		var next []byte
		for b := range 256 {
			if s.Step(byte(b)) != nil {
				next = append(next, byte(b))
			}
		}
		if len(next) == 0 {
			break
		}
		b := next[rng.IntN(len(next))]
		s, text = s.Step(b), append(text, b)
	}
	rest := s.Shortest(nil)
	end := follow(s, string(rest))
	if end == nil || !end.Final() {
		t.Errorf("%s: %q is not completed by %q; %v", name, text, rest, m.Err())
		return
	}
	v, err := value.Parse(append(text, rest...), value.Limits{})
	if err != nil || !formula.Eval(sp, f, v) {
		t.Errorf("%s: %s is completed, but is not valid; %v", name, text, err)
	}
}
