package orchestrate

import (
	"fmt"
	"path"
	"slices"
	"time"
)

// Selection restricts the tools of a run. Names are those of tools, patterns of
// path.Match, or tool:alias for one Expert.
type Selection struct {
	Allow      []string      // only these; nil: all
	Deny       []string      // not these
	MaxPrice   float64       // dollars that one call may cost at most; 0: no cap
	MaxLatency time.Duration // typical latency of a call; 0: no cap
}

// apply returns the tools that s leaves; those of the client stay. A name that fits nothing is an error:
// a misspelt denial would allow.
func (s Selection) apply(tools []Tool) ([]Tool, error) {
	for _, list := range [][]string{s.Allow, s.Deny} {
		for _, pattern := range list {
			if err := known(pattern, tools); err != nil {
				return nil, err
			}
		}
	}
	var out []Tool
	for _, t := range tools {
		if len(t.Experts) == 0 {
			if t.Client() || s.keeps(t.Name, "", t.worst(nil).USD, t.Latency) || helper(t.Role) && !matches(s.Deny, t.Name) {
				out = append(out, t)
			}
			continue
		}
		t.Experts = slices.DeleteFunc(slices.Clone(t.Experts), func(e Expert) bool {
			return !s.keeps(t.Name, e.Alias, e.worst(0).USD, e.Latency)
		})
		if len(t.Experts) > 0 {
			out = append(out, t)
		}
	}
	return out, nil
}

// helper reports a role that is never offered by itself.
func helper(r Role) bool { return r == RoleCode || r == RoleRetrieve }

// keeps reports whether a tool, or an expert of one, stays.
func (s Selection) keeps(tool, alias string, usd float64, latency time.Duration) bool {
	allowed := len(s.Allow) == 0 || matches(s.Allow, tool) || alias != "" && matches(s.Allow, tool+":"+alias)
	denied := matches(s.Deny, tool) || alias != "" && matches(s.Deny, tool+":"+alias)
	return allowed && !denied && (s.MaxPrice <= 0 || usd <= s.MaxPrice) && (s.MaxLatency <= 0 || latency <= s.MaxLatency)
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name)
		return ok || p == name
	})
}

// known reports a pattern that fits no tool and no expert.
func known(pattern string, tools []Tool) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("orchestrate: %q is no pattern of tool names: %w", pattern, err)
	}
	one := []string{pattern}
	for _, t := range tools {
		if matches(one, t.Name) {
			return nil
		}
		for _, e := range t.Experts {
			if matches(one, t.Name+":"+e.Alias) {
				return nil
			}
		}
	}
	return fmt.Errorf("orchestrate: no tool is called %q; there are %v", pattern, names(tools))
}

func names(tools []Tool) []string {
	out := make([]string, len(tools))
	for i, t := range tools {
		out[i] = t.Name
	}
	return out
}

// worst is the most that a call may cost; args nil is any call.
func (t *Tool) worst(args []byte) Cost {
	seconds := t.timeout().Seconds()
	if t.Worst != nil {
		c := t.Worst(args)
		if c.Seconds == 0 {
			c.Seconds = seconds
		}
		return c
	}
	c := Cost{USD: t.Price.PerRequest + t.Price.PerQuery + t.Price.PerSecond*seconds, Seconds: seconds}
	var most float64
	for _, e := range t.Experts {
		most = max(most, e.worst(0).USD)
	}
	c.USD += most
	return c
}

// Worst is the most that one request of input tokens to the expert costs.
func (e *Expert) Worst(input int) Cost { return e.worst(input) }

func (e *Expert) worst(input int) Cost {
	if input == 0 {
		input = e.StateTokens() + promptSlack
	}
	return Cost{USD: float64(input)*e.Price.highestInput() + float64(e.AnswerTokens())*e.Price.Output + e.Price.PerRequest}
}

// promptSlack is what instructions and the problem may add to the state in an
// expert's prompt, in tokens, where they have not been counted yet.
const promptSlack = 4000

// StateTokens is Context or its default.
func (e *Expert) StateTokens() int {
	if e.Context > 0 {
		return e.Context
	}
	return 24000
}

// AnswerTokens is MaxTokens or its default.
func (e *Expert) AnswerTokens() int {
	if e.MaxTokens > 0 {
		return e.MaxTokens
	}
	return DefaultExpertTokens
}
