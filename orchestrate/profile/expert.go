package profile

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"orchrt/orchestrate"
	"orchrt/tokenizer/chat"
)

// prose is how a tool's choice of experts is described. The model was trained on
// choices, prices and latencies in words, with no enum in the schema.
type prose struct {
	parameter string // model or expert
	purpose   string // the first sentence
	table     string // between the skills and the table
	title     string // of the parameter; "" for none
}

// The words of the release for each role.
func proseOf(r orchestrate.Role) prose {
	const each = " The table below shows the pricing and latency of each model:\n"
	switch r {
	case orchestrate.RoleReason:
		return prose{"model", "The model used to reason.", " \n", ""}
	case orchestrate.RoleSearch:
		return prose{"model", "The model used to search for missing information.", " The table below shows the pricing and latency:\n", ""}
	case orchestrate.RoleExpert:
		return prose{"expert", "The expert.", each, "Expression"}
	case orchestrate.RoleAnswer:
		return prose{"model", "The model used to answer.", each, ""}
	}
	return prose{"model", "The model used.", each, ""}
}

// describe is the description of the parameter that chooses an expert.
func (p prose) describe(experts []orchestrate.Expert) string {
	var b strings.Builder
	b.WriteString(p.purpose + " Choices: [")
	for i, e := range experts {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(pyString(e.Alias))
	}
	b.WriteString("].")
	for _, e := range experts {
		if e.Skill != "" {
			b.WriteString(" " + e.Skill)
		}
	}
	b.WriteString(p.table + "Model | price per million input tokens | price per million output tokens | average latency")
	for _, e := range experts {
		b.WriteString("\n" + e.Alias + " | " + shownPrice(e) + " | " + shownLatency(e))
	}
	return b.String()
}

func shownPrice(e orchestrate.Expert) string {
	if e.ShownPrice != "" {
		return e.ShownPrice
	}
	return "$" + million(e.Price.Input) + " | $" + million(e.Price.Output)
}

func shownLatency(e orchestrate.Expert) string {
	if e.ShownLatency != "" {
		return e.ShownLatency
	}
	return strconv.FormatFloat(math.Round(e.Latency.Seconds()), 'f', -1, 64) + "s"
}

// million is a price per token as one per million tokens.
func million(perToken float64) string {
	s := strconv.FormatFloat(perToken*1e6, 'f', 6, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// schemas are those of a tool that chooses an expert, and takes a prompt too
// where prompted: as the model reads it, and as it is enforced.
func (p prose) schemas(experts []orchestrate.Expert, prompted bool) (schema, grammar json.RawMessage) {
	title := ""
	if p.title != "" {
		title = `"title": ` + quote(p.title) + `, `
	}
	more, required := "", quote(p.parameter)
	moreGrammar := ""
	if prompted {
		more = `, "prompt": {"description": "What the model is asked; it sees nothing else.", "type": "string"}`
		moreGrammar = `, "prompt": {"type": "string", "minLength": 1}`
		required += `, "prompt"`
	}
	schema = json.RawMessage(`{"properties": {` + quote(p.parameter) + `: {"description": ` + quote(p.describe(experts)) + `, ` + title +
		`"type": "string"}` + more + `}, "required": [` + required + `], "title": "parameters", "type": "object"}`)
	aliases := make([]string, len(experts))
	for i, e := range experts {
		aliases[i] = quote(e.Alias)
	}
	grammar = json.RawMessage(`{"type": "object", "properties": {` + quote(p.parameter) + `: {"type": "string", "enum": [` + strings.Join(aliases, ", ") +
		`]}` + moreGrammar + `}, "required": [` + required + `], "additionalProperties": false}`)
	return schema, grammar
}

// promptedTool is a tool with experts for a chat: the call names one and says
// what to ask it.
func promptedTool(t orchestrate.Tool) orchestrate.Tool {
	p := proseOf(t.Role)
	t.Schema, t.Grammar = p.schemas(t.Experts, true)
	pick := func(args json.RawMessage) (orchestrate.Expert, string) {
		var a map[string]string
		if err := json.Unmarshal(args, &a); err != nil {
			return orchestrate.Expert{}, ""
		}
		for _, e := range t.Experts {
			if e.Alias == a[p.parameter] {
				return e, a["prompt"]
			}
		}
		return orchestrate.Expert{}, ""
	}
	dearest := t.Worst
	t.Worst = func(args json.RawMessage) orchestrate.Cost {
		e, prompt := pick(args)
		if e.Model == nil {
			if dearest != nil {
				return dearest(nil)
			}
			return worstOf(t.Experts)
		}
		return e.Worst(len(prompt) + messageTokens) // a token has a byte at least
	}
	t.Executor = orchestrate.ExecutorFunc(func(ctx context.Context, args json.RawMessage) (orchestrate.Result, error) {
		e, prompt := pick(args)
		reply, usage, err := ask(ctx, e, []chat.Message{text("user", prompt)}, nil)
		return orchestrate.Result{Text: reply.Content, Usage: usage, Record: reply.Record}, err
	})
	return t
}

// worstOf is the most that one request to any of the experts costs.
func worstOf(experts []orchestrate.Expert) orchestrate.Cost {
	var c orchestrate.Cost
	for i := range experts {
		c.USD = max(c.USD, experts[i].Worst(0).USD)
	}
	return c
}

// ask makes one request to an expert. The usage bears the expert's price, and
// comes with an error too.
func ask(ctx context.Context, e orchestrate.Expert, messages []chat.Message, tools []json.RawMessage) (orchestrate.ModelReply, []orchestrate.ModelUsage, error) {
	began := time.Now()
	reply, err := e.Model.Chat(ctx, orchestrate.ModelRequest{Messages: messages, Tools: tools, Temperature: e.Temperature, MaxTokens: e.AnswerTokens()})
	usage := reply.Usage
	priced(usage, e)
	if len(usage) == 1 && usage[0].Seconds == 0 {
		usage[0].Seconds = time.Since(began).Seconds()
	}
	var failed *orchestrate.ToolError
	if errors.As(err, &failed) { // what a failed request cost comes with the error
		priced(failed.Usage, e)
	}
	if err == nil && e.Price.PerRequest > 0 && len(usage) > 0 {
		usage[0].USD += e.Price.PerRequest
	}
	return reply, usage, err
}

// priced gives usage the price and the name of the expert, where it has none.
func priced(usage []orchestrate.ModelUsage, e orchestrate.Expert) {
	for i := range usage {
		if usage[i].Price == nil {
			price := e.Price
			usage[i].Price = &price
		}
		if usage[i].Model == "" {
			usage[i].Model = e.Alias
		}
	}
}
