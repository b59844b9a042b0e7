package orchestrate

// Measures is what the ToolOrchestra paper measures of a run: M = [m_1 … m_n,
// outcome, compute, latency].
type Measures struct {
	Calls   []float64 // how often each tool was called, in an order of the caller's
	Outcome float64   // 1 where the answer was right, else 0
	USD     float64   // what the run cost
	Seconds float64   // what it took
}

// Preference is the paper's vector P, each part from 0 to 1: how much a user
// wants each tool used, the answer right, the cost low and the time short.
type Preference struct {
	Calls                 []float64
	Outcome, USD, Seconds float64
}

// Measure takes the measures of a run. Names are the tools, or their models, in
// the order of Calls; a call counts for each name that it bears.
func (r *Run) Measure(outcome float64, names ...string) Measures {
	m := Measures{Calls: make([]float64, len(names)), Outcome: outcome, Seconds: r.Wall.Seconds(), USD: r.Ledger.Cost().USD}
	for _, c := range r.Calls {
		for i, name := range names {
			if c.Call.Name == name || c.Model == name {
				m.Calls[i]++
			}
		}
	}
	return m
}

// rewards is M with cost and time as rewards: less is more.
func (m *Measures) rewards() []float64 {
	return append(append([]float64(nil), m.Calls...), m.Outcome, -m.USD, -m.Seconds)
}

// vector is P in the order of M.
func (p *Preference) vector() []float64 {
	return append(append([]float64(nil), p.Calls...), p.Outcome, p.USD, p.Seconds)
}

// Rewards are those of a batch of runs of one question (paper, section 3.2):
// each part of M is normalised to 0 … 1 between its least and its most in the
// batch, 0 where they are equal, and the reward is the product with P for the
// runs that were right, 0 for the others. All runs have as many Calls as P.
//
// The released training code normalises cost and latency between their negated
// bounds but inserts the positive values, so that a dearer run scores higher;
// here the cheaper and the faster run does, as the paper says.
func (p *Preference) Rewards(batch []Measures) []float64 {
	out := make([]float64, len(batch))
	want := p.vector()
	all := make([][]float64, len(batch))
	for i := range batch {
		all[i] = batch[i].rewards()
		if len(all[i]) != len(want) {
			panic("orchestrate: a run and the preference differ in their numbers of tools")
		}
	}
	for k, weight := range want {
		low, high := bounds(all, k)
		if low == high {
			continue
		}
		for i := range batch {
			if batch[i].Outcome > 0 {
				out[i] += weight * (all[i][k] - low) / (high - low)
			}
		}
	}
	return out
}

// bounds are the least and the most of column k.
func bounds(rows [][]float64, k int) (low, high float64) {
	for i, r := range rows {
		if i == 0 {
			low, high = r[k], r[k]
		}
		low, high = min(low, r[k]), max(high, r[k])
	}
	return low, high
}

// Score is the preference score of a run against a baseline's (paper, appendix
// L): counts and outcome as m / max(1, baseline), cost and time as baseline /
// max(1, m), multiplied with P. Both must be in the same units; the paper's are
// those of its tables, cents and minutes.
func (p *Preference) Score(m, baseline Measures) float64 {
	if len(m.Calls) != len(p.Calls) || len(baseline.Calls) != len(p.Calls) {
		panic("orchestrate: a run and the preference differ in their numbers of tools")
	}
	var s float64
	for k, weight := range p.Calls {
		s += weight * m.Calls[k] / max(1, baseline.Calls[k])
	}
	s += p.Outcome * m.Outcome / max(1, baseline.Outcome)
	s += p.USD * baseline.USD / max(1, m.USD)
	return s + p.Seconds*baseline.Seconds/max(1, m.Seconds)
}
