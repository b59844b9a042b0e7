package openai

// Response is the response of the Responses API. While it is streamed its
// first events carry it without output.
type Response struct {
	ID                 string             `json:"id"`
	Object             string             `json:"object"` // "response"
	CreatedAt          int64              `json:"created_at"`
	CompletedAt        *int64             `json:"completed_at"` // of a completed one
	Status             string             `json:"status"`       // in_progress, completed, incomplete or failed
	Background         bool               `json:"background"`   // false
	Error              *ResponseError     `json:"error"`
	IncompleteDetails  *IncompleteDetails `json:"incomplete_details"`
	Instructions       *string            `json:"instructions"`
	Model              string             `json:"model"`
	Output             []any              `json:"output"` // *ReasoningItem, *MessageItem, *FunctionCallItem, *MCPCallItem, *MCPApprovalItem
	PreviousResponseID *string            `json:"previous_response_id"`
	ServiceTier        string             `json:"service_tier"` // "default"
	Store              bool               `json:"store"`
	Temperature        float64            `json:"temperature"`
	TopP               float64            `json:"top_p"`
	TopLogprobs        int                `json:"top_logprobs"`
	Truncation         string             `json:"truncation"`      // "disabled"
	Usage              *ResponseUsage     `json:"usage,omitempty"` // absent while in progress
	responseEcho
	Extension *Extension `json:"orchrt,omitempty"` // at the end
}

// ResponseError says why a response failed.
type ResponseError struct {
	Code    string `json:"code"` // server_error or rate_limit_exceeded
	Message string `json:"message"`
}

// IncompleteDetails says why a response ended early.
type IncompleteDetails struct {
	Reason string `json:"reason"` // "max_output_tokens"
}

// ResponseUsage counts the tokens of a response.
type ResponseUsage struct {
	InputTokens   int                 `json:"input_tokens"`
	InputDetails  ResponseInputUsage  `json:"input_tokens_details"`
	OutputTokens  int                 `json:"output_tokens"`
	OutputDetails ResponseOutputUsage `json:"output_tokens_details"`
	TotalTokens   int                 `json:"total_tokens"`
}

// ResponseInputUsage tells how many input tokens the prefix cache had; all of
// them are in it afterwards.
type ResponseInputUsage struct {
	CachedTokens     int `json:"cached_tokens"`
	CacheWriteTokens int `json:"cache_write_tokens"`
}

// ResponseOutputUsage tells how many output tokens were thinking.
type ResponseOutputUsage struct {
	ReasoningTokens int `json:"reasoning_tokens"`
}

// ReasoningItem is an output item with the thinking.
type ReasoningItem struct {
	Type    string          `json:"type"` // "reasoning"
	ID      string          `json:"id"`
	Summary []string        `json:"summary"` // empty
	Content []ReasoningText `json:"content"`
	Status  string          `json:"status"`
}

// ReasoningText is the content part of a ReasoningItem.
type ReasoningText struct {
	Type string `json:"type"` // "reasoning_text"
	Text string `json:"text"`
}

// MessageItem is an output item with text of the answer.
type MessageItem struct {
	Type    string       `json:"type"` // "message"
	ID      string       `json:"id"`
	Status  string       `json:"status"`
	Role    string       `json:"role"` // "assistant"
	Content []OutputText `json:"content"`
}

// OutputText is the content part of a MessageItem.
type OutputText struct {
	Type        string         `json:"type"` // "output_text"
	Text        string         `json:"text"`
	Annotations []string       `json:"annotations"` // empty
	Logprobs    []TokenLogprob `json:"logprobs"`    // empty unless asked for
}

// FunctionCallItem is an output item with a call.
type FunctionCallItem struct {
	Type      string `json:"type"` // "function_call"
	ID        string `json:"id"`
	CallID    string `json:"call_id"` // what function_call_output names
	Name      string `json:"name"`
	Arguments string `json:"arguments"` // JSON text
	Status    string `json:"status"`
}

// MCPCallItem is an output item with a call that the server has executed. The
// form is the one in which OpenAI's API gives the calls of MCP servers.
type MCPCallItem struct {
	Type      string  `json:"type"` // "mcp_call"
	ID        string  `json:"id"`
	Server    string  `json:"server_label"`
	Name      string  `json:"name"`
	Arguments string  `json:"arguments"`           // JSON text
	Approval  *string `json:"approval_request_id"` // of the request that was agreed to
	Status    string  `json:"status"`              // calling, completed, failed or incomplete
	Output    *string `json:"output"`
	Error     *string `json:"error"`
	// Cost is what orchrt adds once the call has ended.
	Cost *MCPCallCost `json:"orchrt,omitempty"`
}

// MCPCallCost is what a call took.
type MCPCallCost struct {
	Round   int     `json:"round"`
	USD     float64 `json:"usd"`
	Seconds float64 `json:"seconds"`
}

// MCPApprovalItem is an output item with a call that waits for the client's
// mcp_approval_response.
type MCPApprovalItem struct {
	Type      string `json:"type"` // "mcp_approval_request"
	ID        string `json:"id"`
	Server    string `json:"server_label"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// mcpEvent is a stream event about the state of a call.
type mcpEvent struct {
	Type     string `json:"type"`
	Sequence int    `json:"sequence_number"`
	ItemID   string `json:"item_id"`
	Index    int    `json:"output_index"`
}

// toolEvent is a stream event that OpenAI's API does not have; clients that do
// not know it pass over it.
type toolEvent struct {
	Type     string     `json:"type"` // "response.orchrt.progress"
	Sequence int        `json:"sequence_number"`
	Event    *ToolEvent `json:"event"`
}

// DeletedResponse is the answer to the deletion of a stored response.
type DeletedResponse struct {
	ID      string `json:"id"`
	Object  string `json:"object"` // "response"
	Deleted bool   `json:"deleted"`
}

// responseEvent is a stream event about the response as a whole.
type responseEvent struct {
	Type     string   `json:"type"`
	Sequence int      `json:"sequence_number"`
	Response Response `json:"response"`
}

// itemEvent is a stream event about an item as a whole.
type itemEvent struct {
	Type     string `json:"type"`
	Sequence int    `json:"sequence_number"`
	Index    int    `json:"output_index"`
	Item     any    `json:"item"`
}

// partEvent is a stream event about the content part of an item.
type partEvent struct {
	Type         string `json:"type"`
	Sequence     int    `json:"sequence_number"`
	ItemID       string `json:"item_id"`
	Index        int    `json:"output_index"`
	ContentIndex int    `json:"content_index"` // 0
	Part         any    `json:"part"`
}

// textEvent is a stream event about the text of a content part.
type textEvent struct {
	Type         string          `json:"type"`
	Sequence     int             `json:"sequence_number"`
	ItemID       string          `json:"item_id"`
	Index        int             `json:"output_index"`
	ContentIndex int             `json:"content_index"` // 0
	Delta        *string         `json:"delta,omitempty"`
	Text         *string         `json:"text,omitempty"`
	Logprobs     *[]TokenLogprob `json:"logprobs,omitempty"` // of output_text
}

// argumentsEvent is a stream event about the arguments of a call.
type argumentsEvent struct {
	Type      string  `json:"type"`
	Sequence  int     `json:"sequence_number"`
	ItemID    string  `json:"item_id"`
	Index     int     `json:"output_index"`
	Delta     *string `json:"delta,omitempty"`
	Name      string  `json:"name,omitempty"` // with Arguments
	Arguments *string `json:"arguments,omitempty"`
}

// failureEvent is a stream event about an error before the response began.
type failureEvent struct {
	Type     string  `json:"type"` // "error"
	Sequence int     `json:"sequence_number"`
	Code     *string `json:"code"`
	Message  string  `json:"message"`
	Param    *string `json:"param"`
}
