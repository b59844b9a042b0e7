package openai

import (
	"unicode/utf8"

	"orchrt/sampler"
)

// completion is the response to a completions request without streaming.
func (j *Job) completion(parts []answer) *Completion {
	u := j.Usage()
	r := &Completion{ID: j.ID, Object: "text_completion", Created: j.Created.Unix(), Model: j.b.Names[0], Usage: &u,
		SystemFingerprint: j.b.Fingerprint, Extension: j.extension(j.Choices...)}
	for i := range parts {
		c := j.Choices[i]
		choice := CompletionChoice{Index: c.Index, Text: c.Echo + parts[i].text.String(),
			Logprobs: j.completionLogprobs(c, parts[i].tokens), FinishReason: &c.Finish, StopReason: c.StopReason,
			TokenIDs: j.ids(parts[i].tokens)}
		if j.tokenIDs {
			choice.PromptTokenIDs = c.Request.Prompt
		}
		r.Choices = append(r.Choices, choice)
	}
	return r
}

// completionChunks are what an event adds to a stream of completions.
func (j *Job) completionChunks(e Event) []any {
	c := e.Choice
	choice := CompletionChoice{Index: c.Index, Text: e.Text, Logprobs: j.completionLogprobs(c, e.Tokens), TokenIDs: j.ids(e.Tokens)}
	if !c.opened {
		c.opened = true
		choice.Text = c.Echo + choice.Text
		if j.tokenIDs {
			choice.PromptTokenIDs = c.Request.Prompt
		}
	}
	r := &Completion{ID: j.ID, Object: "text_completion", Created: j.Created.Unix(), Model: j.b.Names[0],
		SystemFingerprint: j.b.Fingerprint}
	if e.Kind == Finished {
		choice.FinishReason, choice.StopReason = &c.Finish, c.StopReason
		r.Extension = j.extension(c)
	}
	r.Choices = []CompletionChoice{choice}
	return []any{r}
}

// completionLogprobs is nil where the request did not ask for log probabilities.
func (j *Job) completionLogprobs(c *Choice, tokens []sampler.Token) *CompletionLogprobs {
	if j.Params.Logprobs < 0 {
		return nil
	}
	l := &CompletionLogprobs{Tokens: []string{}, TokenLogprobs: []float32{}, TopLogprobs: []map[string]float32{}, TextOffset: []int{}}
	for _, t := range tokens {
		text := validText(j.b.Tokenizer.Bytes(t.ID))
		top := make(map[string]float32, len(t.Top))
		for _, alt := range t.Top {
			name := validText(j.b.Tokenizer.Bytes(alt.ID))
			if _, twice := top[name]; !twice { // of tokens that look the same the likeliest counts
				top[name] = max(alt.Logprob, -9999)
			}
		}
		l.Tokens = append(l.Tokens, text)
		l.TokenLogprobs = append(l.TokenLogprobs, max(t.Logprob, -9999))
		l.TopLogprobs = append(l.TopLogprobs, top)
		l.TextOffset = append(l.TextOffset, c.offset)
		c.offset += utf8.RuneCountInString(text)
	}
	return l
}
