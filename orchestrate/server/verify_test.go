//go:build verify

package server

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
)

// TestVerifyOpenAIPython drives the server with OpenAI's Python client.
func TestVerifyOpenAIPython(t *testing.T) {
	python := os.Getenv("ORCHRT_VERIFY_PYTHON")
	if python == "" {
		python = filepath.Join("..", "..", ".verify", "venv", "bin", "python")
	}
	_, hs := start(t, &script{}, Options{})
	cmd := exec.Command(python, "testdata/openai_client.py", hs.URL)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", python, err)
	}
	var got, want any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	args := `{"city": "Köln", "days": [1, 2]}`
	json.Unmarshal([]byte(`{
		"text": "Grüß dich, 世界 👩‍👩‍👧!", "no_calls": [],
		"calls": [["get_weather", `+args+`], ["get_time", {}]], "reasoning": "A tool helps.", "finish": "tool_calls", "content": null,
		"stream_text": "", "stream_arguments": [`+args+`, {}], "usage": true, "history": "stop", "top_k": 3,
		"completion": ["one two", "length", ["one", " two"]], "models": ["test-model", "alias"],
		"model": ["NotFoundError", 404, "model", "model_not_found"],
		"long": ["BadRequestError", 400, "messages", "context_length_exceeded"],
		"type": ["BadRequestError", 400, "temperature", "invalid_type"]}`), &want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the client saw\n%s\nwant\n%v", out, want)
	}
}
