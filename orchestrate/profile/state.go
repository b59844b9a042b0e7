package profile

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"orchrt/orchestrate"
)

// variant is one form of the state that is rendered each turn, as one program of
// the release has it.
type variant struct {
	name      string
	system    string
	ending    string
	docChars  int    // characters of each document
	docEnd    string // after each document
	separator string // between documents and code
	always    bool   // the separator stands even where there is no code
	attempts  int    // tokens of attempts
	code      int    // tokens of code and attempts
	whole     int    // tokens of the context
	less      bool   // whole counts the problem
	single    bool   // only the first valid call is executed
	once      bool   // search is offered only while there are no documents
	tokens    int    // of a turn
	query     int    // shortest query that is sent, in characters
	limit     int    // documents of a search
	asked     string // what the search expert is asked
	answer    string // before the problem, for the answer expert
}

const codeSeparator = "\npython code and execution outputs:\n"

// variants are the forms of the release: eval_hle.py, eval_frames.py and
// generation_quick3.py of the training.
func variants() []variant {
	const system = "You are good at using tools."
	const few = "Instead of directly answering the question, please write a query to search for a piece of relevant and missing information. The query should be a few key words about the information to search or a short sentence. Wrap the query within <query> and </query>."
	const concise = "Instead of directly answering the question, please think hard and write a concise query to search Wikipedia. Wrap the query within <query> and </query>."
	return []variant{
		{name: "toolorchestra-hle-1", system: system, ending: "Choose an appropriate tool.'", docChars: 1200, docEnd: " ...\n\n",
			separator: codeSeparator, attempts: 8000, code: 12000, whole: 27000, less: true, single: true, tokens: 12000,
			query: 5, limit: 50, asked: few, answer: "\n\nProblem:\n"},
		{name: "toolorchestra-frames-1", system: system, ending: "Choose an appropriate tool.", docChars: 4000, docEnd: "\n\n",
			separator: codeSeparator, always: true, attempts: 8000, code: 12000, whole: 24000, once: true, tokens: 12000,
			query: 10, limit: 150, asked: concise, answer: "\n\n"},
		{name: "toolorchestra-train-1", system: system + " ", ending: "Choose an approriate tool.", docChars: 4000, docEnd: "\n\n",
			attempts: 8000, code: 16000, whole: 24000, tokens: 8000,
			query: 10, limit: 30, asked: few, answer: "\n\nProblem:\n"},
	}
}

// state is what a question has brought to light.
type state struct {
	documents []string
	code      []codeRun
	attempts  []attempt // none while answer ends the episode
}

// codeRun is code with what it printed.
type codeRun struct {
	Code   string `json:"code"`
	Output string `json:"output"`
}

// attempt is an answer that did not end the episode.
type attempt struct{ model, answer string }

// user is the user message of a turn; whole bounds the tokens of its context
// where it is not 0.
func (v *variant) user(tok orchestrate.Tokenizer, problem string, s *state, whole int) (string, error) {
	c, err := v.context(tok, problem, s, whole)
	return "Problem: " + problem + "\n\n" + c + "\n\n" + v.ending, err
}

// context is the state as a prompt has it: the newest is kept where it does not
// fit.
func (v *variant) context(tok orchestrate.Tokenizer, problem string, s *state, whole int) (string, error) {
	if whole == 0 {
		whole = v.whole
	}
	if v.less {
		n, err := count(tok, problem)
		if err != nil {
			return "", err
		}
		whole -= n
	}
	attempts, _, err := cut(tok, s.attemptText(), v.attempts)
	if err != nil {
		return "", err
	}
	if attempts != "" && !strings.HasPrefix(attempts, "Attempt") {
		attempts = "Attempt answer: " + attempts
	}
	code, n, err := cut(tok, s.codeText()+attempts, v.code)
	if err != nil {
		return "", err
	}
	if code != "" && !strings.HasPrefix(code, "```") {
		code = "```\n" + code
	}
	if n >= whole { // nothing is left for documents
		return code, nil
	}
	docs := s.documentText(v.docChars, v.docEnd)
	all := docs + code
	if v.always || code != "" {
		all = docs + v.separator + code
	}
	out, _, err := cut(tok, all, whole)
	if docs != "" {
		out = "Documents:\n" + out
	}
	return out, err
}

func (s *state) documentText(chars int, end string) string {
	var b strings.Builder
	for i, d := range s.documents {
		fmt.Fprintf(&b, "Doc %d: %s%s", i+1, firstChars(d, chars), end)
	}
	return b.String()
}

func (s *state) codeText() string {
	var b strings.Builder
	for _, c := range s.code {
		b.WriteString("```python\n" + c.Code + "\n```\n\n```output\n" + c.Output + "\n```\n\n")
	}
	return b.String()
}

func (s *state) attemptText() string {
	var b strings.Builder
	for i, a := range s.attempts {
		fmt.Fprintf(&b, "Attempt%d answer by %s: %s\n", i+1, a.model, a.answer)
	}
	return b.String()
}

// firstChars are the first n characters of s; 0 is all.
func firstChars(s string, n int) string {
	if n == 0 || len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// cut keeps the last limit tokens of s, whole characters of them, and returns
// how many tokens s has. Like the release it returns text that went through the
// tokenizer, which composes characters (NFC), even where nothing is cut.
func cut(tok orchestrate.Tokenizer, s string, limit int) (string, int, error) {
	if s == "" {
		return "", 0, nil
	}
	ids, err := tok.Encode(s, false)
	if err != nil {
		return "", 0, err
	}
	var b []byte
	kept := ids[max(len(ids)-max(limit, 0), 0):]
	for _, id := range kept {
		b = append(b, tok.Bytes(id)...)
	}
	if len(kept) < len(ids) {
		for len(b) > 0 && !utf8.RuneStart(b[0]) {
			b = b[1:]
		}
	}
	return string(b), len(ids), nil
}
