package openai

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"orchrt/runtime"
	"orchrt/sampler/grammar"
)

// constrain gives the choices of a chat job their masks, so that each answer is
// what tools and response_format allow. Everything that cannot be enforced is
// found here, before any token is made.
func (b *Backend) constrain(j *Job, r *ChatRequest) *Error {
	c := r.Turn
	if len(c.Tools) == 0 && c.Response == nil {
		return nil
	}
	field := "tools"
	if len(c.Tools) == 0 {
		field = "response_format"
	}
	if err := j.checkEnds(field, r.Limits.StopIDs); err != nil {
		return err
	}
	if b.Grammar == nil {
		return internal(errors.New("openai: the backend has no grammar"))
	}
	v, err := b.Grammar()
	var crash *runtime.PanicError
	switch {
	case errors.As(err, &crash):
		return engineError(err)
	case err != nil:
		return invalid(field, CodeUnsupported, "%q: the vocabulary of this model cannot be constrained: %v", field, err)
	}
	if c.EOS = j.Params.EOS; c.Choice == grammar.None {
		c.Tools = nil
	}
	turn, err := v.Compile(c)
	if err != nil {
		return r.compileError(field, err)
	}
	for _, w := range turn.Warnings() {
		j.Warnings = append(j.Warnings, w.String())
	}
	for _, choice := range j.Choices {
		m, err := turn.Matcher(choice.Request.Prompt, choice.Request.MaxTokens)
		if err != nil {
			return r.matchError(choice.Request.MaxTokens, err)
		}
		choice.Request.Mask = m
	}
	return nil
}

// checkEnds refuses what would end an answer elsewhere than its grammar, or keep
// it from ending there.
func (j *Job) checkEnds(field string, stops []int32) *Error {
	const text = `%q does not go together with %q: those decide where the answer may end`
	other := func(id int32) bool { return !slices.Contains(j.Params.EOS, id) }
	switch {
	case j.Params.IgnoreEOS:
		return invalid("ignore_eos", CodeUnsupported, text, "ignore_eos", field)
	case j.Params.MinTokens > 0:
		return invalid("min_tokens", CodeUnsupported, text, "min_tokens", field)
	case slices.ContainsFunc(stops, other):
		return invalid("stop_token_ids", CodeUnsupported, text, "stop_token_ids", field)
	}
	return nil
}

// compileError is the 400 for what a grammar says about tools and formats.
func (r *ChatRequest) compileError(field string, err error) *Error {
	var schema *grammar.SchemaError
	var config *grammar.ConfigError
	switch {
	case errors.As(err, &schema):
		param := "response_format.json_schema.schema"
		if schema.Tool != "" {
			i := slices.IndexFunc(r.Turn.Tools, func(t grammar.Tool) bool { return t.Name == schema.Tool })
			param = "tools[" + strconv.Itoa(i) + "].function.parameters"
		}
		where := ""
		if schema.Path != "" {
			where += " at " + clip(schema.Path)
		}
		if schema.Keyword != "" {
			where += ", keyword " + clip(schema.Keyword)
		}
		return invalid(param, CodeInvalidSchema, "%q: the schema cannot be enforced%s: %s", param, where, clip(schema.Reason))
	case errors.As(err, &config):
		switch config.Field {
		case "Response":
			field = "response_format"
		case "Choice", "Name", "Allowed":
			field = "tool_choice"
		}
		return invalid(field, CodeUnsupported, "%q: %s", field, config.Reason)
	}
	return internal(err)
}

// matchError is the 400 for an answer that cannot be begun, or not completed
// within limit tokens.
func (r *ChatRequest) matchError(limit int, err error) *Error {
	var budget *grammar.BudgetError
	if !errors.As(err, &budget) {
		return invalid("messages", CodeInvalidValue, "\"messages\": %v", err)
	}
	const text = "at least %d tokens are needed for the calls or the document that the answer must hold"
	if field := r.Limits.MaxField; field != "" && r.Limits.MaxTokens == limit {
		return invalid(field, CodeInvalidValue, "%q is %d, but "+text, field, limit, budget.Need)
	}
	return invalid("messages", CodeContextExceeded, "the context leaves %d tokens for the answer, but "+text+"; shorten \"messages\"", limit, budget.Need)
}

// HeaderText is a warning as the value of a header: one line of ASCII.
func HeaderText(s string) string {
	const most = 300
	s = strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f:
			return ' '
		case r > 0x7f:
			return '?'
		}
		return r
	}, s)
	if len(s) > most {
		s = s[:most] + "..."
	}
	return s
}
