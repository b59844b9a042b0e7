package openai

import (
	"encoding/json"

	"orchrt/sampler"
)

// ChatCompletion is the response to a chat request without streaming.
type ChatCompletion struct {
	ID                string       `json:"id"`
	Object            string       `json:"object"` // "chat.completion"
	Created           int64        `json:"created"`
	Model             string       `json:"model"`
	Choices           []ChatChoice `json:"choices"`
	Usage             Usage        `json:"usage"`
	SystemFingerprint string       `json:"system_fingerprint"`
	PromptTokenIDs    []int32      `json:"prompt_token_ids,omitempty"` // return_token_ids
	Extension         Extension    `json:"orchrt"`
}

// ChatChoice is one answer.
type ChatChoice struct {
	Index        int           `json:"index"`
	Message      ChatMessage   `json:"message"`
	Logprobs     *ChatLogprobs `json:"logprobs"`
	FinishReason string        `json:"finish_reason"` // stop, length or tool_calls
	StopReason   string        `json:"stop_reason,omitempty"`
	TokenIDs     []int32       `json:"token_ids,omitempty"` // return_token_ids
}

// ChatMessage is the message of an answer. Content is null where the answer
// holds only calls. ToolCalls is an empty list, not null, where there are none:
// clients iterate over it unasked.
type ChatMessage struct {
	Role             string     `json:"role"`
	Content          *string    `json:"content"`
	Refusal          *string    `json:"refusal"`
	ReasoningContent *string    `json:"reasoning_content,omitempty"`
	ToolCalls        []ToolCall `json:"tool_calls"`
}

// ToolCall is one complete call.
type ToolCall struct {
	ID       string   `json:"id"`
	Type     string   `json:"type"` // "function"
	Function Function `json:"function"`
}

// Function is the name and the arguments of a call, these as JSON text.
type Function struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// ChatChunk is one event of a streamed chat response.
type ChatChunk struct {
	ID                string            `json:"id"`
	Object            string            `json:"object"` // "chat.completion.chunk"
	Created           int64             `json:"created"`
	Model             string            `json:"model"`
	SystemFingerprint string            `json:"system_fingerprint"`
	Choices           []ChatChunkChoice `json:"choices"`
	Usage             *Usage            `json:"usage,omitempty"`            // in the last chunk, if asked for
	PromptTokenIDs    []int32           `json:"prompt_token_ids,omitempty"` // in the first chunk of a choice
	Extension         *Extension        `json:"orchrt,omitempty"`           // in the last chunk of a choice
}

// ChatChunkChoice is what a chunk adds to one answer.
type ChatChunkChoice struct {
	Index        int           `json:"index"`
	Delta        Delta         `json:"delta"`
	Logprobs     *ChatLogprobs `json:"logprobs"`
	FinishReason *string       `json:"finish_reason"`
	StopReason   string        `json:"stop_reason,omitempty"`
	TokenIDs     []int32       `json:"token_ids,omitempty"`
}

// Delta is the text, the thinking or the piece of a call that a chunk adds.
type Delta struct {
	Role             string          `json:"role,omitempty"`
	Content          *string         `json:"content,omitempty"`
	ReasoningContent *string         `json:"reasoning_content,omitempty"`
	ToolCalls        []ToolCallDelta `json:"tool_calls,omitempty"`
}

// ToolCallDelta is a piece of call number Index. ID, Type and the name come
// with its first piece.
type ToolCallDelta struct {
	Index    int           `json:"index"`
	ID       string        `json:"id,omitempty"`
	Type     string        `json:"type,omitempty"`
	Function FunctionDelta `json:"function"`
}

// FunctionDelta is a piece of a call's function.
type FunctionDelta struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

// ChatLogprobs holds the log probabilities of the tokens of a choice or chunk.
type ChatLogprobs struct {
	Content []TokenLogprob `json:"content"`
}

// TokenLogprob is the log probability of one token. Token is its text, with
// U+FFFD for bytes that are not UTF-8 by themselves; Bytes are its bytes.
type TokenLogprob struct {
	TopLogprob
	TopLogprobs []TopLogprob `json:"top_logprobs"`
}

// TopLogprob is the log probability of one of the likeliest tokens.
type TopLogprob struct {
	Token   string  `json:"token"`
	Logprob float32 `json:"logprob"`
	Bytes   []int   `json:"bytes"`
}

// Completion is the response to a completions request, and, with its Object the
// same, each chunk of a streamed one.
type Completion struct {
	ID                string             `json:"id"`
	Object            string             `json:"object"` // "text_completion"
	Created           int64              `json:"created"`
	Model             string             `json:"model"`
	Choices           []CompletionChoice `json:"choices"`
	Usage             *Usage             `json:"usage,omitempty"`
	SystemFingerprint string             `json:"system_fingerprint"`
	Extension         *Extension         `json:"orchrt,omitempty"`
}

// CompletionChoice is one completed prompt, or what a chunk adds to it.
type CompletionChoice struct {
	Index          int                 `json:"index"`
	Text           string              `json:"text"`
	Logprobs       *CompletionLogprobs `json:"logprobs"`
	FinishReason   *string             `json:"finish_reason"` // stop or length
	StopReason     string              `json:"stop_reason,omitempty"`
	PromptTokenIDs []int32             `json:"prompt_token_ids,omitempty"`
	TokenIDs       []int32             `json:"token_ids,omitempty"`
}

// CompletionLogprobs holds the log probabilities of a completion's tokens, in
// the older form of parallel arrays. TextOffset counts characters.
type CompletionLogprobs struct {
	Tokens        []string             `json:"tokens"`
	TokenLogprobs []float32            `json:"token_logprobs"`
	TopLogprobs   []map[string]float32 `json:"top_logprobs"`
	TextOffset    []int                `json:"text_offset"`
}

// Usage counts the tokens of a request.
type Usage struct {
	PromptTokens     int               `json:"prompt_tokens"`
	CompletionTokens int               `json:"completion_tokens"`
	TotalTokens      int               `json:"total_tokens"`
	PromptDetails    PromptDetails     `json:"prompt_tokens_details"`
	CompletionDetail CompletionDetails `json:"completion_tokens_details"`
}

// PromptDetails tells how many prompt tokens came out of the prefix cache.
type PromptDetails struct {
	CachedTokens int `json:"cached_tokens"`
}

// CompletionDetails tells how many generated tokens were thinking.
type CompletionDetails struct {
	ReasoningTokens int `json:"reasoning_tokens"`
}

// Extension is what orchrt adds to OpenAI's responses: the sampling parameters
// that were in force, the limit on tokens, and times.
type Extension struct {
	Sampling  sampler.Params `json:"sampling"`
	MaxTokens int            `json:"max_tokens"`
	Thinking  *bool          `json:"thinking,omitempty"` // of chat requests
	Warnings  []string       `json:"warnings,omitempty"` // schemas that are not enforced, and why
	Timings   Timings        `json:"timings"`
	Run       any            `json:"run,omitempty"` // of a job with tools that the server executes
}

// Timings are seconds, from admission on.
type Timings struct {
	Queue           float64 `json:"queue"` // of the choice whose first token came first
	FirstToken      float64 `json:"time_to_first_token"`
	Total           float64 `json:"total"`
	TokensPerSecond float64 `json:"tokens_per_second"` // after the first token
}

// Model is an entry of ModelList.
type Model struct {
	ID          string `json:"id"`
	Object      string `json:"object"` // "model"
	Created     int64  `json:"created"`
	OwnedBy     string `json:"owned_by"`
	MaxModelLen int    `json:"max_model_len"` // tokens of prompt and answer together
}

// ModelList is the response of /v1/models.
type ModelList struct {
	Object string  `json:"object"` // "list"
	Data   []Model `json:"data"`
}

// TokenizeResponse is the response of /tokenize.
type TokenizeResponse struct {
	Tokens      []int32 `json:"tokens"`
	Count       int     `json:"count"`
	MaxModelLen int     `json:"max_model_len"`
}

// DetokenizeResponse is the response of /detokenize.
type DetokenizeResponse struct {
	Prompt string `json:"prompt"`
}

// Marshal writes v as JSON with no HTML escapes and no line feed at its end.
func Marshal(v any) ([]byte, error) {
	var b jsonBuffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b[:len(b)-1], nil
}

// jsonBuffer collects what an encoder writes.
type jsonBuffer []byte

// Write appends p.
func (b *jsonBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}
