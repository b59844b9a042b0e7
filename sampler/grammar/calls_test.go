package grammar

import (
	"bufio"
	"encoding/json"
	"io/fs"
	"os"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"orchrt/sampler/grammar/value"
)

// toolCalls are public tool definitions with right calls: see
// ../shared/knowledge/constrained.md, section 5.
const toolCalls = "../../../shared/schemas/tool-calls.jsonl.zst"

type callEntry struct {
	Name  string
	Tools []struct {
		Function struct {
			Name       string
			Parameters json.RawMessage
		}
	}
	Calls []struct {
		Name      string
		Arguments json.RawMessage
	}
}

// callEntries reads every nth entry of the file.
func callEntries(t testing.TB, nth int) []callEntry {
	f, err := os.Open(toolCalls)
	if err != nil {
		if os.IsNotExist(err) || err == fs.ErrNotExist {
			t.Skip("no ", toolCalls)
		}
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 16<<20)
	var entries []callEntry
	for i := 0; lines.Scan(); i++ {
		if i%nth != 0 {
			continue
		}
		var e callEntry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return entries
}

// config is the configuration that offers an entry's tools.
func (e *callEntry) config() Config {
	c := Config{EOS: []int32{imEnd}}
	for _, tool := range e.Tools {
		c.Tools = append(c.Tools, Tool{Name: tool.Function.Name, Parameters: tool.Function.Parameters, Strict: true})
	}
	return c
}

// tokens returns the canonical tokens of the entry's calls as the template
// writes them, with the end of turn.
func (e *callEntry) tokens(t testing.TB) []int32 {
	var text []byte
	for i, call := range e.Calls {
		if i > 0 {
			text = append(text, '\n')
		}
		arguments, err := value.Parse(call.Arguments, value.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, "<tool_call>"+callHead(call.Name)...)
		text = value.Append(text, arguments, value.Python)
		text = append(text, "}\n</tool_call>"...)
	}
	return encode(t, string(text)+end)
}

// TestCalls follows the model's own tokenisation of right calls token by token:
// each is allowed, and what is forced is what comes.
func TestCalls(t *testing.T) {
	all, forced := 0, 0
	for _, e := range callEntries(t, 8) {
		turn, err := qwenVocabulary().Compile(e.config())
		if err != nil {
			t.Errorf("%s: %v", e.Name, err)
			continue
		}
		m, err := turn.Matcher(encode(t, asked), 0)
		if err != nil {
			t.Fatal(err)
		}
		ids := e.tokens(t)
		known := 0 // tokens that were forced and have not come yet
		for i, id := range ids {
			if known == 0 {
				must := m.Forced(nil)
				known = len(must)
				if rest := ids[i:]; len(must) > len(rest) || !slices.Equal(must, rest[:len(must)]) {
					t.Errorf("%s: forced %q, comes %q", e.Name, spell(must), spell(rest[:min(len(rest), 10)]))
					break
				}
				forced += known
			}
			known = max(known-1, 0)
			if !allows(t, m, id) {
				t.Errorf("%s: %q is not allowed after %q", e.Name, spell(ids[i:i+1]), spell(ids[:i]))
				break
			}
			if err := m.Accept(id); err != nil {
				t.Fatal(err)
			}
		}
		all += len(ids)
	}
	t.Logf("%d of %d tokens are forced, %.1f %%", forced, all, 100*float64(forced)/float64(all))
	if forced*100 < all*20 {
		t.Errorf("%d of %d tokens are forced, less than 20 %%", forced, all)
	}
}

// spell returns what tokens stand for.
func spell(ids []int32) string {
	s, err := qwen().DecodeLossy(ids, false)
	if err != nil {
		panic(err)
	}
	return s
}
