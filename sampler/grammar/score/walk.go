package score

import (
	"fmt"
	"math"
	"unicode/utf8"

	"orchrt/sampler/grammar"
	"orchrt/sampler/grammar/value"
)

// score compiles a case and runs its instances.
func (s *Scorer) score(a *attempt) {
	f := a.compile()
	if f == nil {
		a.nothing()
		return
	}
	for i, t := range a.c.Tests {
		doc, err := value.Parse(t.Data, value.Limits{LastWins: true})
		if err != nil {
			a.Skipped++ // lone surrogates, too deep
			continue
		}
		a.instance(f, i, doc, t.Valid)
	}
	for i, c := range a.c.Calls {
		args, err := value.Parse(c.Arguments, value.Limits{LastWins: true})
		if err != nil {
			a.Skipped++
			continue
		}
		a.call(f, i, c.Name, args)
	}
	if len(a.c.Calls) > 1 && a.Skipped == 0 {
		a.allCalls(f)
	}
}

// nothing decides about a schema that was refused because no value satisfies it:
// that is right where all instances are invalid.
func (a *attempt) nothing() {
	if a.Refusal == nil || !a.Refusal.Unsatisfiable || len(a.c.Tests) == 0 {
		return
	}
	for _, t := range a.c.Tests {
		if t.Valid {
			return
		}
	}
	a.Outcome = Passed
	a.Tests += len(a.c.Tests)
}

// compile builds the grammar of the case and takes its first mask. nil: the
// case is over.
func (a *attempt) compile() follower {
	var f follower
	var err error
	spelling := a.s.opt.Spelling
	t0 := clock()
	if a.c.hasCalls() {
		if spelling == grammar.Default && a.s.opt.Style != value.Python {
			spelling = grammar.Flexible
		}
		f, err = a.s.dec.turn(a.tools(), spelling)
	} else {
		f, err = a.s.dec.document(a.c.Schema, !a.s.opt.Lenient, spelling)
	}
	t1 := clock()
	a.compiled = true
	a.CompileMS = a.ms(t0, t1)
	if err != nil {
		a.refuse(err)
		return nil
	}
	if a.s.opt.Lenient { // what is strict is enforced, whatever is said of it
		a.Warnings = len(f.warnings())
	}
	m, err := f.start(0)
	if err != nil {
		a.fail(Failed, err.Error())
		return nil
	}
	t2 := clock()
	m.Allowed(a.set)
	t3 := clock()
	a.FirstMS = a.ms(t0, t3)
	a.masks = append(a.masks, a.ns(t2, t3))
	return f
}

// tools are the tools of the case as a server would compile them.
func (a *attempt) tools() []grammar.Tool {
	var list []grammar.Tool
	for i := range a.c.Tools {
		f := &a.c.Tools[i].Function
		strict := f.Strict || !a.s.opt.Lenient
		list = append(list, grammar.Tool{Name: f.Name, Parameters: f.Parameters, Strict: strict})
	}
	return list
}

// ns is the time between two readings of the clock.
func (a *attempt) ns(t0, t1 int64) uint32 {
	return uint32(min(max(0, t1-t0-a.s.cost), math.MaxUint32))
}

func (a *attempt) ms(t0, t1 int64) float64 { return float64(max(0, t1-t0-a.s.cost)) / 1e6 }

// write returns the text of an instance.
func (a *attempt) write(v value.Value) []byte {
	if a.s.opt.Shuffle {
		v = value.Shuffle(v, a.rng)
	}
	return value.Append(nil, v, a.s.opt.Style)
}

// instance scores one instance of a schema, and its mutants.
func (a *attempt) instance(f follower, test int, v value.Value, valid bool) {
	if a.Outcome == TimedOut {
		return
	}
	text := a.write(v)
	ids, canonical, err := encode(a.toks[:0], a.s.src, string(text))
	if err != nil {
		a.Skipped++ // the vocabulary cannot write it
		return
	}
	a.toks = ids
	a.Tests++
	if a.verdict(f, test, ids, valid) && valid && canonical {
		a.force(f, test, ids)
	}
	if a.s.opt.Mutate {
		a.mutateInstance(f, test, v, valid)
	}
}

// call scores one call of a tool in a turn of its own, and its mutants.
func (a *attempt) call(f follower, test int, name string, args value.Value) {
	if a.Outcome == TimedOut {
		return
	}
	ids, canonical, err := a.s.appendCall(a.toks[:0], name, a.write(args))
	if err != nil {
		a.Skipped++ // the vocabulary cannot write it
		return
	}
	a.toks = ids
	a.Tests++
	if a.verdict(f, test, ids, true) && canonical {
		a.force(f, test, ids)
	}
	if a.s.opt.Mutate {
		a.mutateCall(f, test, name, args)
	}
}

// allCalls scores the turn that makes all calls of the case.
func (a *attempt) allCalls(f follower) {
	ids := a.toks[:0]
	for i, c := range a.c.Calls {
		args, err := value.Parse(c.Arguments, value.Limits{LastWins: true})
		if err != nil {
			return
		}
		if i > 0 {
			if ids, err = a.s.src.AppendEncode(ids, "\n", false); err != nil {
				return
			}
		}
		if ids, _, err = a.s.appendCall(ids, c.Name, a.write(args)); err != nil {
			return
		}
	}
	a.toks = ids
	a.Tests++
	a.verdict(f, len(a.c.Calls), ids, true)
}

// verdict runs an instance and counts how it came out.
func (a *attempt) verdict(f follower, test int, ids []int32, valid bool) (accepted bool) {
	if valid {
		a.Valid++
	}
	accepted, where := a.walk(f, test, ids)
	switch {
	case a.Outcome == TimedOut || accepted == valid:
	case valid:
		a.ValidRefused++
		a.fault(validRefused, test, string(bytesOf(a.s.src, ids)), "%s", where)
	default:
		a.InvalidAccepted++
		a.fault(invalidAccepted, test, string(bytesOf(a.s.src, ids)), "every token and the end are allowed")
	}
	return accepted
}

// walk asks for a mask before every token and after the last, and says where
// the instance was refused.
func (a *attempt) walk(f follower, test int, ids []int32) (accepted bool, where string) {
	m, err := f.start(0)
	if err != nil {
		return false, err.Error()
	}
	inCall := false
	for i := 0; i <= len(ids); i++ {
		id := a.s.ids.eos
		if i < len(ids) {
			id = ids[i]
		}
		if a.late() {
			a.fail(TimedOut, errLate.Error())
			return false, ""
		}
		t0 := clock()
		set := m.Allowed(a.set)
		t1 := clock()
		a.masks = append(a.masks, a.ns(t0, t1))
		if stray, ok := a.s.stray(set, a.c.hasCalls(), inCall); ok {
			a.fault(strayToken, test, string(bytesOf(a.s.src, ids[:i])), "token %d", stray)
		}
		t2 := clock()
		err := m.Accept(id)
		a.accepts = append(a.accepts, a.ns(t2, clock()))
		if has(set, id) != (err == nil) {
			a.fault(inconsistent, test, string(bytesOf(a.s.src, ids[:i])), "token %d: the mask has it: %v; Accept: %v", id, has(set, id), err)
			return false, "mask and matcher disagree"
		}
		if err != nil {
			return false, a.where(ids, i)
		}
		if a.c.hasCalls() {
			inCall = id == a.s.ids.call || inCall && id != a.s.ids.endCall
		}
	}
	if !m.Done() {
		a.fault(inconsistent, test, string(bytesOf(a.s.src, ids)), "the end was accepted and the matcher is not done")
	}
	return true, ""
}

// where says in words which token was refused.
func (a *attempt) where(ids []int32, i int) string {
	before := bytesOf(a.s.src, ids[:i])
	tail := before[max(0, len(before)-60):]
	for len(tail) > 0 && !utf8.RuneStart(tail[0]) {
		tail = tail[1:]
	}
	what := "the end"
	if i < len(ids) {
		what = fmt.Sprintf("token %d %q", ids[i], a.s.src.Bytes(ids[i]))
	}
	return fmt.Sprintf("%s is refused at byte %d, after %q", what, len(before), tail)
}

// has reports that a set of tokens, nil for all, has id.
func has(set []uint64, id int32) bool {
	return set == nil || int(id/64) < len(set) && set[id/64]>>(id%64)&1 == 1
}

// stray finds an added token in a mask that must have none: in a document any
// but the end of turn, in a call any but its end.
func (s *Scorer) stray(set []uint64, calls, inCall bool) (id int32, ok bool) {
	fine := s.ids.eos
	switch {
	case calls && !inCall:
		return 0, false
	case calls:
		fine = s.ids.endCall
	}
	for i, w := range s.added {
		if set != nil {
			w &= set[i]
		}
		if w == 0 {
			continue
		}
		for b := range int32(64) {
			if w>>b&1 == 1 && int32(i)*64+b != fine {
				return int32(i)*64 + b, true
			}
		}
	}
	return 0, false
}

// force counts the tokens of a valid instance that the matcher knows before
// they are drawn, and those that it would write differently.
func (a *attempt) force(f follower, test int, ids []int32) {
	m, err := f.start(0)
	if err != nil {
		return
	}
	var forced []int32
	a.tokens += len(ids)
	for i := 0; i < len(ids); {
		n := 1
		forced = m.Forced(forced[:0])
		same := 0
		for same < len(forced) && i+same < len(ids) && forced[same] == ids[i+same] {
			same++
		}
		a.forced += same
		if same < len(forced) {
			a.oddForced += len(forced) - same
		}
		n = max(n, same)
		for _, id := range ids[i : i+n] {
			if err := m.Accept(id); err != nil {
				if same > 0 {
					a.fault(badForced, test, string(bytesOf(a.s.src, ids[:i])), "token %d: %v", id, err)
				}
				return
			}
		}
		i += n
	}
}

// parse reads JSON exactly: duplicate keys are an error.
func parse(text []byte) (value.Value, error) { return value.Parse(text, value.Limits{}) }
