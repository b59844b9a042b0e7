package orchestrate_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"orchrt/orchestrate"
	"orchrt/orchestrate/profile"
)

func TestInvalidBudget(t *testing.T) {
	r, _ := runner(nil, says("done"))
	for _, l := range []orchestrate.Limits{{USD: -1}, {USD: math.NaN()}, {Seconds: math.Inf(1)}, {Seconds: -0.1}} {
		if _, err := r.Run(context.Background(), orchestrate.Question{Text: "?"}, orchestrate.Options{Budget: l}, nil); err == nil {
			t.Errorf("%+v is no error", l)
		}
	}
}

// TestSharedBudget has a thousand runs at once spend from one budget: whatever
// they do, it holds.
func TestSharedBudget(t *testing.T) {
	for _, limit := range []float64{0.05, 1, 30} {
		paid := tool("paid", func(_ context.Context, args json.RawMessage) (orchestrate.Result, error) {
			return orchestrate.Result{Text: "ok", Queries: 1}, nil
		})
		paid.Price.PerQuery = 0.01
		b, err := orchestrate.NewBudget(orchestrate.Limits{USD: limit})
		if err != nil {
			t.Fatal(err)
		}
		ledger := &orchestrate.Ledger{}
		price := orchestrate.Price{Input: 1e-6, Output: 2e-5}
		var wg sync.WaitGroup
		var mu sync.Mutex
		answered, refused := 0, 0
		for range 1000 {
			wg.Go(func() {
				s := &script{turns: []orchestrate.PolicyTurn{calls("paid", `{"word":"1"}`, "paid", `{"word":"2"}`), calls("paid", `{"word":"3"}`), says("done")}}
				r := &orchestrate.Runner{Policy: s, Price: price, Context: 4096, Profile: profile.Chat{}, Tools: []orchestrate.Tool{paid}, Budget: b, Ledger: ledger}
				got, err := r.Run(context.Background(), orchestrate.Question{Text: "?"}, orchestrate.Options{MaxTokens: 100, FinalTokens: 100}, nil)
				var poor *orchestrate.BudgetError
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errors.As(err, &poor):
					refused++
				case err != nil:
					t.Error(err)
				case got.Overrun > 0:
					t.Errorf("%d overruns", got.Overrun)
				case got.Answer != "":
					answered++
				}
			})
		}
		wg.Wait()
		spent := b.Spent()
		if spent.USD > limit+1e-12 {
			t.Errorf("spent $%v of $%v", spent.USD, limit)
		}
		if d := math.Abs(ledger.Cost().USD - spent.USD); d > 1e-9 {
			t.Errorf("the ledger has $%v, the budget $%v", ledger.Cost().USD, spent.USD)
		}
		if left := b.Left().USD; math.Abs(left-(limit-spent.USD)) > 1e-9 {
			t.Errorf("$%v left of $%v after $%v: something stays reserved", left, limit, spent.USD)
		}
		if answered == 0 || limit < 1 && refused == 0 {
			t.Errorf("budget $%v: %d answered, %d refused", limit, answered, refused)
		}
	}
}

func TestBudgetNearlyUsed(t *testing.T) {
	paid := tool("paid", func(context.Context, json.RawMessage) (orchestrate.Result, error) {
		return orchestrate.Result{Text: "ok", Queries: 1}, nil
	})
	paid.Price.PerQuery = 0.02
	r, s := runner([]orchestrate.Tool{paid}, calls("paid", `{"word":"1"}`), calls("paid", `{"word":"2"}`), calls("paid", `{"word":"3"}`), calls("paid", `{"word":"4"}`), calls("paid", `{"word":"5"}`))
	r.Price, r.Context = orchestrate.Price{Output: 1e-6}, 2000
	got := run(t, r, orchestrate.Options{Budget: orchestrate.Limits{USD: 0.05}, FinalTokens: 500, MaxTokens: 500})
	if got.Answer != "forced" || got.Ledger.Cost().USD > 0.05 || len(s.seen) != 5 {
		t.Errorf("answer %q after %d turns for $%v", got.Answer, len(s.seen), got.Ledger.Cost().USD)
	}
	if got.Calls[2].Error != orchestrate.Exhausted {
		t.Errorf("the third call: %+v", got.Calls[2])
	}
	_, err := r.Run(context.Background(), orchestrate.Question{Text: "?"}, orchestrate.Options{Budget: orchestrate.Limits{USD: 1e-5}}, nil)
	if poor := (*orchestrate.BudgetError)(nil); !errors.As(err, &poor) {
		t.Errorf("a budget too small for one answer: %v", err)
	}
}

func TestSecondsForceAnAnswer(t *testing.T) {
	r, _ := runner([]orchestrate.Tool{tool("hang", hang)}, calls("hang", `{"word":"1"}`))
	got := run(t, r, orchestrate.Options{Budget: orchestrate.Limits{Seconds: 0.3}})
	if got.Answer != "forced" {
		t.Errorf("answer %q, forced by %q", got.Answer, got.Forced)
	}
	r, s := runner(nil, says("never"))
	s.wait = time.Hour
	got = run(t, r, orchestrate.Options{Budget: orchestrate.Limits{Seconds: 0.2}})
	if got.Finish != orchestrate.FinishBudget {
		t.Errorf("finish %q", got.Finish)
	}
}

func TestLedger(t *testing.T) {
	price := orchestrate.Price{Input: 1e-6, Output: 1e-5}
	expert := tool("expert", func(context.Context, json.RawMessage) (orchestrate.Result, error) {
		return orchestrate.Result{Text: "ok", Usage: []orchestrate.ModelUsage{
			{Model: "a", Input: 1000, Output: 100, Price: &price}, {Model: "b", Input: 10, Output: 1, USD: 0.5}}}, nil
	})
	r, _ := runner([]orchestrate.Tool{expert}, calls("expert", `{"word":"1"}`), says("done"))
	r.Price = orchestrate.Price{Input: 2e-7, Output: 2e-7}
	got := run(t, r, orchestrate.Options{})
	rows := got.Ledger.By(nil)
	if len(rows) != 3 || rows[0].Tool != "" || rows[0].Calls != 2 || rows[0].Input != 200 || rows[0].Output != 27 {
		t.Fatalf("rows %+v", rows)
	}
	if a := rows[1]; a.Model != "a" || math.Abs(a.USD-0.002) > 1e-12 || a.Calls != 1 {
		t.Errorf("row of a: %+v", a)
	}
	want := 227*2e-7 + 0.002 + 0.5
	if total := got.Ledger.Total(); math.Abs(total.USD-want) > 1e-9 || total.Calls != 3 {
		t.Errorf("total %+v, want $%v", total, want)
	}
	if c := got.Calls[0]; c.Model != "a, b" || math.Abs(c.USD-0.502) > 1e-12 {
		t.Errorf("call %+v", c)
	}
}

func TestPreference(t *testing.T) {
	p := orchestrate.Preference{Calls: []float64{1, 0}, Outcome: 1, USD: 1, Seconds: 0.5}
	batch := []orchestrate.Measures{
		{Calls: []float64{2, 0}, Outcome: 1, USD: 1, Seconds: 10}, // dear and fast
		{Calls: []float64{0, 5}, Outcome: 1, USD: 0, Seconds: 20}, // cheap and slow
		{Calls: []float64{2, 0}, Outcome: 0, USD: 0, Seconds: 10}, // wrong
	}
	got := p.Rewards(batch)
	for i, want := range []float64{1 + 1 + 0 + 0.5, 0 + 1 + 1 + 0, 0} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("reward %d is %v, want %v", i, got[i], want)
		}
	}
	base := orchestrate.Measures{Calls: []float64{1, 4}, Outcome: 1, USD: 6, Seconds: 8}
	m := orchestrate.Measures{Calls: []float64{3, 2}, Outcome: 1, USD: 2, Seconds: 0.5}
	if s, want := p.Score(m, base), 3.0/1+1+6.0/2+0.5*8/1; math.Abs(s-want) > 1e-12 {
		t.Errorf("score %v, want %v", s, want)
	}
	cheaper := m
	cheaper.USD = 1
	if p.Score(cheaper, base) <= p.Score(m, base) {
		t.Error("a cheaper run scores no higher")
	}
}

func BenchmarkRound(b *testing.B) {
	b.ReportAllocs()
	turns := []orchestrate.PolicyTurn{calls("echo", `{"word":"1"}`), calls("echo", `{"word":"2"}`), says("done")}
	tools := []orchestrate.Tool{tool("echo", echo)}
	for range b.N {
		r, _ := runner(tools, turns...)
		if _, err := r.Run(context.Background(), orchestrate.Question{Text: "?"}, orchestrate.Options{}, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(3*b.N), "µs/round")
}

// BenchmarkRuns256 has 256 runs at once.
func BenchmarkRuns256(b *testing.B) {
	b.ReportAllocs()
	turns := []orchestrate.PolicyTurn{calls("echo", `{"word":"1"}`), calls("echo", `{"word":"2"}`), says("done")}
	tools := []orchestrate.Tool{tool("echo", echo)}
	for range b.N {
		var wg sync.WaitGroup
		for range 256 {
			wg.Go(func() {
				r, _ := runner(tools, turns...)
				if _, err := r.Run(context.Background(), orchestrate.Question{Text: "?"}, orchestrate.Options{}, nil); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(256*3*b.N), "µs/round")
}
