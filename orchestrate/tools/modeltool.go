package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	sdk "github.com/openai/openai-go/v3"

	"orchrt/orchestrate"
	"orchrt/tokenizer/chat"
)

// modelTool asks a model one question.
type modelTool struct {
	Model  string `yaml:"model"`        // a name under models
	Prompt string `yaml:"prompt,plain"` // with {argument}s; "" is {prompt}

	endpoint *modelConfig
	all      map[string]*modelConfig
	prompt   template
}

func (*modelTool) harmless() bool { return true }

// bind finds the model.
func (c *modelTool) bind(d *decoder, t *toolConfig, models map[string]*modelConfig) {
	if c.endpoint, c.all = models[c.Model], models; c.endpoint == nil {
		d.fail(t.line, "tool %s: model %q is not under models; there are %s", t.Name, c.Model, nameList(models))
	}
}

// check implements spec.
func (c *modelTool) check(d *decoder, t *toolConfig) {
	if len(t.Parameters) == 0 {
		t.Parameters = json.RawMessage(`{"type": "object", "properties": {"prompt": {"type": "string", "description": "The whole question, with all that is needed to answer it"}}, "required": ["prompt"], "additionalProperties": false}`)
	}
	if c.Prompt == "" {
		c.Prompt = "{prompt}"
	}
	c.prompt = d.template(t, "prompt", c.Prompt)
	if c.endpoint != nil && t.Latency == 0 {
		t.Latency = c.endpoint.Latency
	}
}

// open implements spec.
func (c *modelTool) open(_ context.Context, s *Set, t *toolConfig) (source, error) {
	params, err := readParameters(t.Parameters)
	if err != nil {
		return nil, err
	}
	e := s.endpoint(c.endpoint, c.all)
	tool := t.base()
	tool.Worst = e.worst
	tool.Executor = orchestrate.ExecutorFunc(func(ctx context.Context, raw json.RawMessage) (orchestrate.Result, error) {
		args, err := params.arguments(raw)
		if err != nil {
			return orchestrate.Result{}, err
		}
		text := c.prompt.fill(args, nil)
		reply, err := e.Chat(ctx, orchestrate.ModelRequest{Messages: []chat.Message{{Role: "user", Content: chat.Text(text)}}})
		if err != nil {
			return orchestrate.Result{}, err
		}
		out := orchestrate.Result{Text: reply.Content, Usage: reply.Usage, Record: reply.Record}
		if reply.Finish == "length" {
			out.Text += "\n[the answer was cut at its limit of tokens]"
		}
		return out, nil
	})
	return one(tool), nil
}

// worst is the most that a call costs: the prompt, a token a byte, and the
// longest answer, of the model and of each that may stand in for it.
func (e *endpoint) worst(args json.RawMessage) orchestrate.Cost {
	const unknown = 4000 // tokens of a prompt that is not there yet
	var total orchestrate.Cost
	for _, m := range append([]*endpoint{e}, e.fallback...) {
		input := len(args) + len(m.System) + 64
		if len(args) == 0 {
			input += unknown
		}
		read := m.Price.Input
		if c := m.Price.CacheRead; c != nil {
			read = max(read, *c)
		}
		total.USD += float64(input)*read + float64(m.MaxTokens)*m.Price.Output + m.Price.PerRequest
	}
	return total
}

// try implements spec.
func (c *modelTool) try(ctx context.Context, s *Set, _ *toolConfig) (string, error) {
	return s.tryModel(ctx, c.endpoint, c.all)
}

// tryModel asks an endpoint, and those that stand in for it, for the list of its
// models; one that has none, for one token.
func (s *Set) tryModel(ctx context.Context, m *modelConfig, all map[string]*modelConfig) (string, error) {
	e := s.endpoint(m, all)
	var seen string
	for _, m := range append([]*endpoint{e}, e.fallback...) {
		text, err := m.try(ctx)
		if err != nil {
			return "", fmt.Errorf("model %s: %w", m.name, err)
		}
		if seen == "" {
			seen = text
		}
	}
	return seen, nil
}

func (m *endpoint) try(ctx context.Context) (string, error) {
	models := sdk.NewModelService(m.options...)
	page, err := models.List(ctx)
	if err == nil && len(page.Data) > 0 {
		var ids []string
		for _, d := range page.Data {
			ids = append(ids, d.ID)
		}
		if slices.Contains(ids, m.Model) {
			return "the endpoint serves " + m.Model, nil
		}
		if len(ids) > 5 {
			ids = append(ids[:5], "…")
		}
		return "", failure(orchestrate.Failed, nil, "the endpoint does not serve %q; it lists %q: correct model", m.Model, ids)
	}
	if err != nil {
		if f := m.classify(ctx, err); f.told.Kind != orchestrate.Failed {
			return "", f.told
		}
	}
	one := *m
	zero := 0
	config := *m.modelConfig
	config.Retries = &zero
	one.modelConfig = &config
	if _, err := one.attempt(ctx, orchestrate.ModelRequest{MaxTokens: 1,
		Messages: []chat.Message{{Role: "user", Content: chat.Text("Hi")}}}); err != nil {
		return "", err.told
	}
	return m.Model + " answers", nil
}

// expertsTool is a tool with a role, which a profile plays with models.
type expertsTool struct {
	Experts []expertConfig `yaml:"experts"`

	all map[string]*modelConfig
}

type expertConfig struct {
	Alias        string             `yaml:"alias"`
	Model        string             `yaml:"model"`
	Skill        string             `yaml:"skill,plain"`
	ShownPrice   string             `yaml:"shown_price,plain"`
	ShownLatency string             `yaml:"shown_latency,plain"`
	Price        *orchestrate.Price `yaml:"price"`
	Latency      Duration           `yaml:"latency"`
	Temperature  *float64           `yaml:"temperature"`
	MaxTokens    int                `yaml:"max_tokens"`
	Context      int                `yaml:"context"`
}

func (*expertsTool) harmless() bool { return true }

// bind finds the models.
func (c *expertsTool) bind(d *decoder, t *toolConfig, models map[string]*modelConfig) {
	c.all = models
	seen := make(map[string]bool)
	for _, e := range c.Experts {
		if models[e.Model] == nil {
			d.fail(t.line, "tool %s: expert %q: model %q is not under models; there are %s", t.Name, e.Alias, e.Model, nameList(models))
		}
		if e.Alias == "" || seen[e.Alias] {
			d.fail(t.line, "tool %s: the alias %q is empty or there twice", t.Name, e.Alias)
		}
		if e.MaxTokens < 0 || e.Context < 0 {
			d.fail(t.line, "tool %s: expert %q: max_tokens and context must not be below 0", t.Name, e.Alias)
		}
		seen[e.Alias] = true
	}
}

// check implements spec.
func (c *expertsTool) check(d *decoder, t *toolConfig) {
	if len(c.Experts) == 0 {
		d.fail(t.line, "tool %s: experts is missing: a list of alias and model", t.Name)
	}
}

// open implements spec.
func (c *expertsTool) open(_ context.Context, s *Set, t *toolConfig) (source, error) {
	tool := t.base()
	for _, e := range c.Experts {
		m := c.all[e.Model]
		x := orchestrate.Expert{Alias: e.Alias, Skill: e.Skill, ShownPrice: e.ShownPrice, ShownLatency: e.ShownLatency,
			Price: m.Price, Latency: time.Duration(m.Latency), Temperature: e.Temperature, MaxTokens: m.MaxTokens,
			Context: m.Context, Model: s.endpoint(m, c.all)}
		if e.Price != nil {
			x.Price = *e.Price
		}
		if e.Latency > 0 {
			x.Latency = time.Duration(e.Latency)
		}
		if e.MaxTokens > 0 {
			x.MaxTokens = e.MaxTokens
		}
		if e.Context > 0 {
			x.Context = e.Context
		}
		tool.Experts = append(tool.Experts, x)
	}
	return one(tool), nil
}

// try implements spec.
func (c *expertsTool) try(ctx context.Context, s *Set, _ *toolConfig) (string, error) {
	tried := make(map[string]bool)
	for _, e := range c.Experts {
		if !tried[e.Model] {
			tried[e.Model] = true
			if _, err := s.tryModel(ctx, c.all[e.Model], c.all); err != nil {
				return "", err
			}
		}
	}
	return fmt.Sprintf("%d experts, %d models", len(c.Experts), len(tried)), nil
}
