//go:build verify

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
)

// TestVerifyToolsPython sends tools and schemas with OpenAI's Python client to a
// model of random weights: calls and documents must be valid, and its streaming
// helper must make of the chunks what comes whole.
func TestVerifyToolsPython(t *testing.T) {
	python := os.Getenv("ORCHRT_VERIFY_PYTHON")
	if python == "" {
		python = filepath.Join("..", "..", ".verify", "venv", "bin", "python")
	}
	_, url := toolServer(t)
	cmd := exec.Command(python, "testdata/tools_client.py", url, "12")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", python, err)
	}
	var got map[string]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if n, _ := got["whole"].(float64); n < 12 || got["stream"] != got["whole"] {
		t.Errorf("%v calls whole, %v streamed; want 12 at least", got["whole"], got["stream"])
	}
	delete(got, "whole")
	delete(got, "stream")
	want := map[string]any{"equal": 12.0, "bad": []any{}, "none": true, "format": true,
		"error": []any{"tools[0].function.parameters", "invalid_schema", true}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the client saw %s\nwant %v", out, want)
	}
}
