package orchestrate

// EventKind says what an Event reports.
type EventKind string

// The kinds of events.
const (
	RoundStarted   EventKind = "round"    // Round; Text is why the answer is forced
	DeltaAdded     EventKind = "delta"    // Delta, where Options.Stream is set
	TurnEnded      EventKind = "turn"     // Turn, USD, Seconds
	RoundLost      EventKind = "lost"     // Text: what was wrong with the turn
	ApprovalWanted EventKind = "approval" // Call, Reason; Text is the id of the question
	CallStarted    EventKind = "call"     // Call
	CallEnded      EventKind = "result"   // Call, Text, Error, USD, Seconds
	RunEnded       EventKind = "end"      // Text is the answer; Finish, Err
)

// Event is something that happened in a run.
type Event struct {
	Run     string
	Kind    EventKind
	Round   int
	Delta   Delta
	Turn    *PolicyTurn
	Call    Call
	Text    string
	Reason  string
	Error   ErrorKind
	Finish  string
	Err     error
	USD     float64
	Seconds float64
}

// send reports an event.
func (x *run) send(e Event) {
	if x.observe == nil {
		return
	}
	e.Run = x.rec.ID
	if e.Round == 0 {
		e.Round = x.rec.Rounds
	}
	x.events.Lock()
	defer x.events.Unlock()
	x.observe(e)
}
