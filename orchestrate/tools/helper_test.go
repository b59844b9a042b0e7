package tools

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"orchrt/orchestrate"
)

// fieldsOf are the keys of a struct.
func fieldsOf(p any) (out []string) {
	for _, f := range fields(reflect.ValueOf(p).Elem()) {
		out = append(out, f.name)
	}
	return out
}

// fails checks that a call failed with a kind, and a message that has the text.
func fails(t *testing.T, err error, kind orchestrate.ErrorKind, text string) {
	t.Helper()
	var told *orchestrate.ToolError
	if !errors.As(err, &told) || told.Kind != kind || !strings.Contains(told.Message, text) {
		t.Errorf("got %v (%+v), want %s with %q", err, told, kind, text)
	}
}

// fakeRunner says what it would run.
type fakeRunner struct{}

// Executor implements CodeRunner.
func (fakeRunner) Executor(s CodeSpec) (orchestrate.Executor, error) {
	return orchestrate.ExecutorFunc(func(_ context.Context, args json.RawMessage) (orchestrate.Result, error) {
		return orchestrate.Result{Text: s.Language + " " + s.Mode + " " + string(args)}, nil
	}), nil
}
