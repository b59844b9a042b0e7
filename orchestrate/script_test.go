package orchestrate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"orchrt/orchestrate"
	"orchrt/orchestrate/profile"
)

// script is a Policy that says what it is told, turn by turn; the last turn is
// repeated.
type script struct {
	mu    sync.Mutex
	turns []orchestrate.PolicyTurn
	seen  []orchestrate.PolicyRequest
	wait  time.Duration // before each turn
}

func (s *script) Next(ctx context.Context, r orchestrate.PolicyRequest) (orchestrate.PolicyTurn, error) {
	if s.wait > 0 {
		select {
		case <-ctx.Done():
			return orchestrate.PolicyTurn{}, ctx.Err()
		case <-time.After(s.wait):
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, r)
	if r.Choice.Mode == orchestrate.ChooseNone {
		return orchestrate.PolicyTurn{Content: "forced", Finish: "stop", Usage: orchestrate.ModelUsage{Input: 10, Output: 5}}, nil
	}
	t := s.turns[min(len(s.seen), len(s.turns))-1]
	return t, nil
}

// calls is a turn with calls: name and arguments in turn.
func calls(pairs ...string) orchestrate.PolicyTurn {
	t := orchestrate.PolicyTurn{Thinking: "hm", Finish: "tool_calls", Usage: orchestrate.ModelUsage{Input: 100, Output: 20, Think: 4}}
	for i := 0; i < len(pairs); i += 2 {
		t.Calls = append(t.Calls, orchestrate.Call{Name: pairs[i], Arguments: pairs[i+1]})
	}
	return t
}

func says(text string) orchestrate.PolicyTurn {
	return orchestrate.PolicyTurn{Content: text, Finish: "stop", Usage: orchestrate.ModelUsage{Input: 100, Output: 7}}
}

const wordSchema = `{"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"], "additionalProperties": false}`

// tool is one that f executes.
func tool(name string, f func(ctx context.Context, args json.RawMessage) (orchestrate.Result, error)) orchestrate.Tool {
	return orchestrate.Tool{Name: name, Description: "does " + name, Schema: json.RawMessage(wordSchema), Executor: orchestrate.ExecutorFunc(f)}
}

// echo answers with its arguments.
func echo(_ context.Context, args json.RawMessage) (orchestrate.Result, error) {
	return orchestrate.Result{Text: "echo " + string(args)}, nil
}

func hang(ctx context.Context, _ json.RawMessage) (orchestrate.Result, error) {
	<-ctx.Done()
	return orchestrate.Result{}, ctx.Err()
}

// runner is one with a script.
func runner(tools []orchestrate.Tool, turns ...orchestrate.PolicyTurn) (*orchestrate.Runner, *script) {
	s := &script{turns: turns}
	return &orchestrate.Runner{Policy: s, Model: "scripted", Profile: profile.Chat{}, Tools: tools, Grace: 300 * time.Millisecond}, s
}

func run(t *testing.T, r *orchestrate.Runner, opt orchestrate.Options) *orchestrate.Run {
	t.Helper()
	var trace bytes.Buffer
	opt.Trace = &trace
	got, err := r.Run(context.Background(), orchestrate.Question{Text: "What?"}, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	replays(t, &trace)
	return got
}

// replays checks that a trace makes the same requests again.
func replays(t *testing.T, trace *bytes.Buffer) *orchestrate.Replayed {
	t.Helper()
	turns := strings.Count(trace.String(), `"kind":"turn"`)
	got, err := orchestrate.Replay(trace, orchestrate.ReplayOptions{Profile: profile.Named})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Prompts) != turns {
		t.Errorf("%d prompts replayed, the trace has %d turns", len(got.Prompts), turns)
	}
	return got
}

func TestPaths(t *testing.T) {
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	short := tool("slow", hang)
	short.Timeout = 20 * time.Millisecond
	deaf := tool("deaf", func(context.Context, json.RawMessage) (orchestrate.Result, error) {
		<-stuck
		return orchestrate.Result{}, nil
	})
	deaf.Timeout = 20 * time.Millisecond
	long := tool("long", func(context.Context, json.RawMessage) (orchestrate.Result, error) {
		return orchestrate.Result{Text: strings.Repeat("é", 5000)}, nil
	})
	long.MaxResult = 1000
	tools := []orchestrate.Tool{tool("echo", echo), short, deaf, long,
		tool("fails", func(context.Context, json.RawMessage) (orchestrate.Result, error) {
			return orchestrate.Result{}, &orchestrate.ToolError{Kind: orchestrate.Unavailable, Message: "the \x1b[31mserver\x00 is down"}
		}),
		tool("secretive", func(context.Context, json.RawMessage) (orchestrate.Result, error) {
			return orchestrate.Result{}, errors.New("password=hunter2")
		}),
		tool("leaks", func(context.Context, json.RawMessage) (orchestrate.Result, error) {
			return orchestrate.Result{Text: "key sk-12345 <|im_end|>\xff\r\nok", Record: map[string]any{"stderr": "sk-12345"}}, nil
		}),
		tool("panics", func(context.Context, json.RawMessage) (orchestrate.Result, error) { panic("boom") }),
	}
	tests := []struct {
		name, tool, args string
		want             string // in the result
		kind             orchestrate.ErrorKind
	}{
		{"success", "echo", `{"word": "a"}`, `echo {"word":"a"}`, ""},
		{"error of the tool", "fails", `{"word": "a"}`, "Error: the server is down", orchestrate.Unavailable},
		{"error without a message", "secretive", `{"word": "a"}`, "Error: the tool failed", orchestrate.Failed},
		{"panic", "panics", `{"word": "a"}`, "Error: the tool failed", orchestrate.Failed},
		{"timeout", "slow", `{"word": "a"}`, "did not answer within 20ms", orchestrate.Timeout},
		{"never returns", "deaf", `{"word": "a"}`, "did not answer within 20ms", orchestrate.Timeout},
		{"wrong type", "echo", `{"word": 1}`, "/word: got number, want string", orchestrate.Invalid},
		{"missing", "echo", `{}`, "missing property 'word'", orchestrate.Invalid},
		{"no JSON", "echo", `{"word`, "not a JSON object", orchestrate.Invalid},
		{"no object", "echo", `[1]`, "not a JSON object", orchestrate.Invalid},
		{"unknown tool", "nothing", `{}`, `there is no tool "nothing"`, orchestrate.Invalid},
		{"clean", "leaks", `{"word": "a"}`, "key [secret] <|im_end|>\uFFFD\nok", ""},
		{"cut", "long", `{"word": "a"}`, " bytes left out …]\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, s := runner(tools, calls(tt.tool, tt.args), says("done"))
			r.Secrets = []string{"sk-12345"}
			got := run(t, r, orchestrate.Options{})
			if got.Answer != "done" || got.Finish != orchestrate.FinishAnswer || len(got.Calls) != 1 {
				t.Fatalf("answer %q, finish %q, %d calls", got.Answer, got.Finish, len(got.Calls))
			}
			c := got.Calls[0]
			if !strings.Contains(c.Text, tt.want) || c.Error != tt.kind || len(c.Text) > 32<<10 {
				t.Errorf("result %q of kind %q, want %q of %q", c.Text, c.Error, tt.want, tt.kind)
			}
			if tt.name == "cut" && len(c.Text) > 1000 {
				t.Errorf("%d bytes, at most 1000", len(c.Text))
			}
			if m := s.seen[1].Messages; m[len(m)-1].Role != "tool" || m[len(m)-1].Content.String() != c.Text {
				t.Errorf("the model saw %+v", m[len(m)-1])
			}
			if want := tt.name == "never returns"; (got.Abandoned > 0) != want {
				t.Errorf("%d abandoned", got.Abandoned)
			}
		})
	}
}

func TestParallelKeepsOrder(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	all := make(chan struct{})
	meet := tool("meet", func(ctx context.Context, args json.RawMessage) (orchestrate.Result, error) {
		mu.Lock()
		if running++; running == 20 {
			close(all)
		}
		most = max(most, running)
		mu.Unlock()
		select {
		case <-all:
		case <-ctx.Done():
		}
		return orchestrate.Result{Text: string(args)}, ctx.Err()
	})
	var pairs []string
	for i := range 20 {
		pairs = append(pairs, "meet", fmt.Sprintf(`{"word":"%d"}`, i))
	}
	r, _ := runner([]orchestrate.Tool{meet}, calls(pairs...), says("done"))
	got := run(t, r, orchestrate.Options{})
	if most != 20 {
		t.Errorf("%d calls ran at the same time, want 20", most)
	}
	for i, c := range got.Calls {
		if want := fmt.Sprintf(`{"word":"%d"}`, i); c.Text != want {
			t.Errorf("result %d is %q, want %q", i, c.Text, want)
		}
	}
}

func TestRepeatedCallsEnd(t *testing.T) {
	n := 0
	r, s := runner([]orchestrate.Tool{tool("echo", func(ctx context.Context, a json.RawMessage) (orchestrate.Result, error) {
		n++
		return echo(ctx, a)
	})}, calls("echo", `{"word": "a"}`))
	got := run(t, r, orchestrate.Options{})
	if n != 3 || got.Answer != "forced" || got.Forced == "" {
		t.Errorf("%d executions, answer %q, forced by %q", n, got.Answer, got.Forced)
	}
	if !strings.Contains(got.Calls[1].Text, "made 1 times before") || got.Calls[3].Error != orchestrate.Repeated {
		t.Errorf("the model was told %q and %q", got.Calls[1].Text, got.Calls[3].Text)
	}
	if last := s.seen[len(s.seen)-1]; last.Choice.Mode != orchestrate.ChooseNone {
		t.Errorf("the last turn may call: %+v", last.Choice)
	}
}

func TestRoundsForceAnAnswer(t *testing.T) {
	r, s := runner([]orchestrate.Tool{tool("echo", echo)}, calls("echo", `{"word":"1"}`), calls("echo", `{"word":"2"}`), calls("echo", `{"word":"3"}`))
	got := run(t, r, orchestrate.Options{MaxRounds: 3})
	if got.Answer != "forced" || len(s.seen) != 3 || len(got.Calls) != 2 {
		t.Errorf("answer %q after %d turns and %d calls", got.Answer, len(s.seen), len(got.Calls))
	}
}

func TestLostTurns(t *testing.T) {
	r, _ := runner(nil, orchestrate.PolicyTurn{Thinking: "…", Finish: "length"}, says("done"))
	if got := run(t, r, orchestrate.Options{}); got.Answer != "done" || got.Rounds != 2 {
		t.Errorf("answer %q after %d rounds", got.Answer, got.Rounds)
	}
	r, _ = runner(nil, orchestrate.PolicyTurn{Finish: "stop"})
	if _, err := r.Run(context.Background(), orchestrate.Question{Text: "?"}, orchestrate.Options{}, nil); err == nil {
		t.Error("empty turns for ever are no error")
	}
	r, s := runner(nil, says("late"))
	s.wait = 30 * time.Millisecond
	if _, err := r.Run(context.Background(), orchestrate.Question{Text: "?"}, orchestrate.Options{TurnTimeout: time.Millisecond}, nil); err == nil {
		t.Error("turns that never end in time are no error")
	}
}

func TestClientTools(t *testing.T) {
	client := tool("client", nil)
	client.Executor = nil
	r, _ := runner([]orchestrate.Tool{client, tool("echo", echo)}, calls("client", `{"word":"a"}`, "echo", `{"word":"b"}`))
	got := run(t, r, orchestrate.Options{})
	if got.Finish != orchestrate.FinishCalls || len(got.Pending) != 1 || got.Pending[0].Name != "client" || len(got.Calls) != 1 {
		t.Errorf("finish %q, pending %v, calls %v", got.Finish, got.Pending, got.Calls)
	}
	if m := got.Messages; len(m) != 3 || m[2].Role != "tool" || len(m[1].ToolCalls) != 2 {
		t.Errorf("messages %+v", m)
	}
}

func TestCancel(t *testing.T) {
	stubborn := tool("hang", hang)
	for name, turns := range map[string][]orchestrate.PolicyTurn{"turn": {says("never")}, "call": {calls("hang", `{"word":"a"}`)}, "approval": {calls("asks", `{"word":"a"}`)}} {
		t.Run(name, func(t *testing.T) {
			asks := tool("asks", echo)
			asks.Approval = orchestrate.Ask
			r, s := runner([]orchestrate.Tool{stubborn, asks}, turns...)
			if name == "turn" {
				s.wait = time.Hour
			}
			r.Approve = func(ctx context.Context, _ orchestrate.ApprovalQuestion) orchestrate.ApprovalAnswer {
				<-ctx.Done()
				return orchestrate.ApprovalAnswer{Approve: true}
			}
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(20*time.Millisecond, cancel)
			got, err := r.Run(ctx, orchestrate.Question{Text: "?"}, orchestrate.Options{}, nil)
			if !errors.Is(err, context.Canceled) || got.Finish != orchestrate.FinishCancelled || got.Abandoned != 0 {
				t.Errorf("finish %q, %d abandoned, error %v", got.Finish, got.Abandoned, err)
			}
		})
	}
}
