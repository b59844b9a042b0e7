package grammar

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Choice says whether a turn may, must or must not call tools.
type Choice int

// The choices.
const (
	Auto     Choice = iota // text, calls or both
	None                   // no calls
	Required               // at least one call, of any allowed tool
	Named                  // one call, of the tool Config.Name; any number of them with Config.Repeat
)

// Style is how much white space a JSON document may hold.
type Style int

// The styles.
const (
	// Default is Trained for the arguments of calls, Flexible for responses.
	Default Style = iota
	// Trained is the form the model was trained on, which Python's
	// json.dumps(ensure_ascii=False) writes: one space after "," and ":".
	Trained
	// Flexible also takes compact and indented forms; white space is bounded.
	Flexible
)

// Tool is a function that the model may call.
type Tool struct {
	Name string
	// Parameters is the JSON Schema of the arguments, which are an object in
	// any case; nil or null: the tool takes none, and {} is the only object.
	Parameters json.RawMessage
	// Strict makes a schema that cannot be enforced exactly an error. Else common
	// misspellings in it are read as what they mean (schema.Options.Lenient), and
	// where that does not help the arguments are any JSON object; a Warning says so.
	// It also says how nullable: true beside a type is read, which OpenAPI 3.0 adds
	// null to the type by and JSON Schema does not know: null is allowed, and
	// refused where the tool is strict.
	Strict bool
}

// Response asks for a turn whose answer is one JSON document.
type Response struct {
	Schema json.RawMessage // nil or null: any JSON object
	Strict bool            // as in Tool; the generic document is any JSON object
}

// Config says what one turn of the model may be.
type Config struct {
	Tools   []Tool
	Choice  Choice
	Name    string   // the tool, for Named
	Allowed []string // the tools that may be called; nil: all
	// Single allows one call in a turn at most (parallel_tool_calls: false).
	Single bool
	// Repeat lets Named make more than one call, unless Single is set.
	Repeat bool
	// Response makes the answer a JSON document; calls remain possible.
	Response *Response
	// EOS are the ids that end a turn; the first is the one that the model
	// was trained to write. At least one.
	EOS []int32
	// Style is that of the arguments of calls and of the response.
	Style Style
	// CallsWhileThinking lets <tool_call> end the thinking. Without it the
	// token is masked there, so that every call stands after </think>, where
	// clients look for it.
	CallsWhileThinking bool
}

// SchemaError reports a schema that cannot be enforced, or is none.
type SchemaError struct {
	Tool    string // whose parameters these are; empty for a response
	Path    string // JSON pointer into the schema
	Keyword string // may be empty
	Reason  string
	// Unsatisfiable tells a schema that was understood and that no value
	// satisfies from one that is no schema or takes too much work.
	Unsatisfiable bool
}

func (e *SchemaError) Error() string {
	var b strings.Builder
	if e.Tool == "" {
		b.WriteString("grammar: response schema")
	} else {
		fmt.Fprintf(&b, "grammar: parameters of tool %q", e.Tool)
	}
	if e.Path != "" {
		fmt.Fprintf(&b, ", at %s", e.Path)
	}
	if e.Keyword != "" {
		fmt.Fprintf(&b, ", keyword %s", e.Keyword)
	}
	return b.String() + ": " + e.Reason
}

// ConfigError reports a Config that makes no sense, whatever the schemas say.
type ConfigError struct {
	Field  string // of Config
	Reason string
}

func (e *ConfigError) Error() string { return "grammar: " + e.Field + ": " + e.Reason }

// BudgetError reports a turn that cannot be completed within its tokens.
type BudgetError struct {
	Max  int // the tokens there are
	Need int // the tokens of the shortest turn that was found
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("grammar: the shortest possible turn takes %d tokens, the limit is %d", e.Need, e.Max)
}

// TokenError reports a token that is not allowed where it came.
type TokenError struct {
	ID    int32
	Where string
}

func (e *TokenError) Error() string {
	return fmt.Sprintf("grammar: token %d is not allowed %s", e.ID, e.Where)
}

// Warning says that the schema of a tool that is not strict cannot be enforced
// as it stands, and what is done instead.
type Warning struct {
	Tool    string // empty for the response
	Path    string // JSON pointer into the schema
	Keyword string
	Reason  string
	// Meaning is what the keyword is read as; empty: the schema is not read at
	// all, and the arguments are any JSON object.
	Meaning string
	More    int // keywords of the schema beside this one that are read as something else
}

func (w Warning) String() string {
	e := SchemaError{Tool: w.Tool, Path: w.Path, Keyword: w.Keyword, Reason: w.Reason}
	text := strings.TrimPrefix(e.Error(), "grammar: ")
	switch {
	case w.Meaning == "":
		return text + "; any JSON object is accepted instead"
	case w.More > 0:
		return fmt.Sprintf("%s; it is read as %s, and %d other keywords likewise", text, w.Meaning, w.More)
	}
	return text + "; it is read as " + w.Meaning
}
