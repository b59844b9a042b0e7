package openai

import "context"

// Tokenize is the request of /tokenize: it returns the ids of a text, or of the
// prompt of a conversation. It ends early with ctx.
func (b *Backend) Tokenize(ctx context.Context, body []byte) (*TokenizeResponse, *Error) {
	ids, err := b.tokenize(ctx, body)
	if err != nil {
		return nil, err
	}
	if ids == nil {
		ids = []int32{}
	}
	return &TokenizeResponse{Tokens: ids, Count: len(ids), MaxModelLen: b.Context}, nil
}

func (b *Backend) tokenize(ctx context.Context, body []byte) ([]int32, *Error) {
	o, err := b.parseText(body)
	if err != nil {
		return nil, err
	}
	if _, ok := o.raw("messages"); ok {
		r := &ChatRequest{}
		r.readMessages(o)
		r.readTools(o)
		r.readThinking(o)
		o.only("add_generation_prompt", "the prompt always ends where the assistant begins", "true")
		if err := o.done(); err != nil {
			return nil, err
		}
		_, ids, err := b.ChatPrompt(ctx, r)
		return ids, err
	}
	text, ok := o.str("prompt")
	if !ok {
		o.fail(invalid("prompt", CodeMissing, `"prompt" is missing: a text, or "messages" in its place`))
	}
	special := o.boolean("parse_special", true)
	bos := o.boolean("add_special_tokens", true)
	if err := o.done(); err != nil {
		return nil, err
	}
	return b.encode(ctx, text, special, bos)
}

// parseText splits a body of which "model" may be missing.
func (b *Backend) parseText(body []byte) (*object, *Error) {
	o, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	if model, ok := o.str("model"); ok {
		err = b.checkModel(model)
	}
	return o, err
}

// Detokenize is the request of /detokenize: it returns the text of token ids,
// with U+FFFD for bytes that are not UTF-8.
func (b *Backend) Detokenize(body []byte) (*DetokenizeResponse, *Error) {
	o, err := b.parseText(body)
	if err != nil {
		return nil, err
	}
	raw, ok := o.raw("tokens")
	if !ok {
		return nil, invalid("tokens", CodeMissing, `"tokens" is missing: an array of token ids`)
	}
	ids, err := parseIDs("tokens", raw, maxTokens)
	if err != nil {
		return nil, err
	}
	if err := o.done(); err != nil {
		return nil, err
	}
	if err := b.checkIDs("tokens", ids); err != nil {
		return nil, err
	}
	text, derr := b.Tokenizer.DecodeLossy(ids, false)
	if derr != nil {
		return nil, invalid("tokens", CodeInvalidValue, "\"tokens\": %v", derr)
	}
	return &DetokenizeResponse{Prompt: text}, nil
}
