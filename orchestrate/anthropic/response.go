package anthropic

import (
	"encoding/json"

	"orchrt/orchestrate/openai"
)

// Message is the response of the Messages API. While it is streamed its first
// event carries it without content.
type Message struct {
	ID           string            `json:"id"`
	Type         string            `json:"type"` // "message"
	Role         string            `json:"role"` // "assistant"
	Model        string            `json:"model"`
	Content      []any             `json:"content"` // *ThinkingBlock, *TextBlock, *ToolUseBlock
	StopReason   *string           `json:"stop_reason"`
	StopSequence *string           `json:"stop_sequence"`
	StopDetails  *struct{}         `json:"stop_details"` // null: nothing is refused
	Container    *struct{}         `json:"container"`    // null
	Diagnostics  *struct{}         `json:"diagnostics"`  // null
	Usage        Usage             `json:"usage"`
	Extension    *openai.Extension `json:"orchrt,omitempty"` // at the end
}

// ThinkingBlock is a content block with the thinking.
type ThinkingBlock struct {
	Type      string `json:"type"` // "thinking"
	Thinking  string `json:"thinking"`
	Signature string `json:"signature"`
}

// TextBlock is a content block with text of the answer.
type TextBlock struct {
	Type      string    `json:"type"` // "text"
	Text      string    `json:"text"`
	Citations *struct{} `json:"citations"` // null
}

// ToolUseBlock is a content block with a call. Input is an object; {} where
// the limit on tokens cut the call off.
type ToolUseBlock struct {
	Type   string          `json:"type"` // "tool_use"
	ID     string          `json:"id"`
	Name   string          `json:"name"`
	Input  json.RawMessage `json:"input"`
	Caller Caller          `json:"caller"`
}

// Caller says who calls a tool.
type Caller struct {
	Type string `json:"type"` // "direct"
}

// Usage counts the tokens of a request. Prompt tokens are either input tokens
// or came out of the prefix cache.
type Usage struct {
	InputTokens         int            `json:"input_tokens"`
	CacheCreationTokens int            `json:"cache_creation_input_tokens"` // 0: the cache costs nothing
	CacheReadTokens     int            `json:"cache_read_input_tokens"`
	CacheCreation       *struct{}      `json:"cache_creation"`
	OutputTokens        int            `json:"output_tokens"`
	OutputDetails       *OutputDetails `json:"output_tokens_details"` // null before the end
	ServerToolUse       *struct{}      `json:"server_tool_use"`
	ServiceTier         string         `json:"service_tier"` // "standard"
}

// OutputDetails tells how many output tokens were thinking.
type OutputDetails struct {
	ThinkingTokens int `json:"thinking_tokens"`
}

// Count is the response of /v1/messages/count_tokens.
type Count struct {
	InputTokens int `json:"input_tokens"`
}

// startEvent begins a stream.
type startEvent struct {
	Type    string  `json:"type"` // "message_start"
	Message Message `json:"message"`
}

// blockEvent begins or ends a content block, or adds to it.
type blockEvent struct {
	Type  string      `json:"type"` // content_block_start, content_block_delta, content_block_stop
	Index int         `json:"index"`
	Block any         `json:"content_block,omitempty"`
	Delta *blockDelta `json:"delta,omitempty"`
}

// blockDelta is what a blockEvent adds; which field it has depends on Type.
type blockDelta struct {
	Type      string  `json:"type"` // text_delta, thinking_delta, signature_delta, input_json_delta
	Text      *string `json:"text,omitempty"`
	Thinking  *string `json:"thinking,omitempty"`
	Signature *string `json:"signature,omitempty"`
	JSON      *string `json:"partial_json,omitempty"`
}

// messageDelta carries what is known at the end of a stream.
type messageDelta struct {
	Type      string            `json:"type"` // "message_delta"
	Delta     stopDelta         `json:"delta"`
	Usage     Usage             `json:"usage"`
	Extension *openai.Extension `json:"orchrt"`
}

// stopDelta says why the message ended.
type stopDelta struct {
	StopReason   *string   `json:"stop_reason"`
	StopSequence *string   `json:"stop_sequence"`
	StopDetails  *struct{} `json:"stop_details"`
	Container    *struct{} `json:"container"`
}

// bareEvent is an event that is its type only.
type bareEvent struct {
	Type string `json:"type"` // message_stop, ping
}
