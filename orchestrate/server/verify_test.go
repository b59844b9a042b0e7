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

// verify runs a client of testdata against the server and compares what it saw.
func verify(t *testing.T, client, want string) {
	t.Helper()
	python := os.Getenv("ORCHRT_VERIFY_PYTHON")
	if python == "" {
		python = filepath.Join("..", "..", ".verify", "venv", "bin", "python")
	}
	_, hs := start(t, &script{}, Options{})
	cmd := exec.Command(python, "testdata/"+client, hs.URL)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", python, err)
	}
	var got, expected any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if err := json.Unmarshal([]byte(want), &expected); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, expected) {
		t.Errorf("the client saw\n%s\nwant\n%s", out, want)
	}
}

// TestVerifyOpenAIPython drives the server with OpenAI's Python client.
func TestVerifyOpenAIPython(t *testing.T) {
	args := `{"city": "Köln", "days": [1, 2]}`
	verify(t, "openai_client.py", `{
		"text": "Grüß dich, 世界 👩‍👩‍👧!", "no_calls": [],
		"calls": [["get_weather", `+args+`], ["get_time", {}]], "reasoning": "A tool helps.", "finish": "tool_calls", "content": null,
		"stream_text": "", "stream_arguments": [`+args+`, {}], "usage": true, "history": "stop", "top_k": 3,
		"completion": ["one two", "length", ["one", " two"]], "models": ["test-model", "alias"],
		"model": ["NotFoundError", 404, "model", "model_not_found"],
		"long": ["BadRequestError", 400, "messages", "context_length_exceeded"],
		"type": ["BadRequestError", 400, "temperature", "invalid_type"]}`)
}

// TestVerifyResponses drives /v1/responses with OpenAI's Python client.
func TestVerifyResponses(t *testing.T) {
	output := `[["reasoning", "A tool helps."], ["get_weather", {"city": "Köln", "days": [1, 2]}], ["get_time", {}]]`
	call := `"response.output_item.added", "response.function_call_arguments.delta", "response.function_call_arguments.done", "response.output_item.done"`
	verify(t, "responses_client.py", `{
		"text": ["Grüß dich, 世界 👩‍👩‍👧!", "completed"], "calls": `+output+`, "stream": `+output+`,
		"events": ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
			"response.reasoning_text.delta", "response.reasoning_text.done", "response.content_part.done", "response.output_item.done",
			`+call+`, `+call+`, "response.completed"],
		"turns": ["Grüß dich, 世界 👩‍👩‍👧!", "Grüß dich, 世界 👩‍👩‍👧!", true], "stored": true, "deleted": "response_not_found",
		"refused": ["truncation", "unsupported_parameter"], "incomplete": ["incomplete", "max_output_tokens", "incomplete"],
		"logprobs": "one two three four five six"}`)
}

// TestVerifyMessages drives /v1/messages with Anthropic's Python client.
func TestVerifyMessages(t *testing.T) {
	output := `[["thinking", "A tool helps."], ["get_weather", {"city": "Köln", "days": [1, 2]}], ["get_time", {}]]`
	block := `"content_block_start", "content_block_delta", "content_block_stop"`
	verify(t, "messages_client.py", `{
		"text": ["Grüß dich, 世界 👩‍👩‍👧!", "end_turn"], "calls": [`+output+`, "tool_use"], "stream": [`+output+`, "tool_use", true],
		"events": ["message_start", `+block+`, `+block+`, `+block+`, "message_delta", "message_stop"], "turns": [["text", "Grüß dich, 世界 👩‍👩‍👧!"]], "count": true,
		"stop": ["one two ", "stop_sequence", "three"], "model": ["NotFoundError", "not_found_error", true],
		"refused": ["BadRequestError", "invalid_request_error", true]}`)
}
