package openai

// Frame is one server-sent event. Data is its JSON; where Text is set the
// event's data is that instead.
type Frame struct {
	Name string // "" for an event without a name
	Data any
	Text string
}

// Answer is the form in which one of the APIs gives what a Job generates. All
// methods belong to the goroutine that reads the job's events.
type Answer interface {
	// Job is what runs.
	Job() *Job
	// Whole reads the events to their end and makes the response without
	// streaming. After an error the caller cancels the context of Run.
	Whole(events <-chan Event) (any, *Error)
	// Frames are what an event adds to the stream. The event must not be Failed.
	Frames(e Event) []Frame
	// End are the frames after the last event of the last choice.
	End() []Frame
	// Fail are the frames that end a stream, part of which has gone out, with
	// an error.
	Fail(err *Error) []Frame
	// Ping is what a stream sends into a long silence; false for a comment.
	Ping() (Frame, bool)
}

// Answer gives a chat or completions job in OpenAI's form.
func (j *Job) Answer() Answer {
	if j.lead != nil {
		j.lead.separate = true
	}
	return chunkAnswer{j}
}

// chunkAnswer streams chunks without names and ends them with [DONE].
type chunkAnswer struct{ j *Job }

func (a chunkAnswer) Job() *Job { return a.j }

func (a chunkAnswer) Whole(events <-chan Event) (any, *Error) { return a.j.Response(events) }

func (a chunkAnswer) Frames(e Event) []Frame {
	var out []Frame
	for _, c := range a.j.Chunks(e) {
		out = append(out, Frame{Data: c})
	}
	return out
}

func (a chunkAnswer) End() []Frame {
	done := Frame{Text: "[DONE]"}
	if last := a.j.Last(); last != nil {
		return []Frame{{Data: last}, done}
	}
	return []Frame{done}
}

func (a chunkAnswer) Fail(err *Error) []Frame { return []Frame{{Data: err.Body()}} }

func (a chunkAnswer) Ping() (Frame, bool) { return Frame{}, false }

// Report is the Extension of a job that has ended.
func (j *Job) Report() *Extension { return j.extension(j.Choices...) }
