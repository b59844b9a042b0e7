package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
	_ "time/tzdata" // zones on machines that have none

	"orchrt/orchestrate"
)

// clockConfig tells the time.
type clockConfig struct {
	Zone string `yaml:"zone"` // where a call names none; "" is UTC
}

func (*clockConfig) harmless() bool { return true }

// check implements spec.
func (c *clockConfig) check(d *decoder, t *toolConfig) {
	if c.Zone == "" {
		c.Zone = "UTC"
	}
	if _, err := time.LoadLocation(c.Zone); err != nil {
		d.fail(t.line, "the clock's zone %q is unknown; want a name such as Europe/Berlin", c.Zone)
	}
	named(t, "clock", "The current date, time and weekday, in any time zone.",
		`{"type": "object", "properties": {"zone": {"type": "string", "description": "IANA time zone, such as Europe/Berlin or America/New_York. Default: `+c.Zone+`"}}, "additionalProperties": false}`)
}

// named gives a built-in the name, description and parameters of its kind.
func named(t *toolConfig, name, description, schema string) {
	if t.Name == "" {
		t.Name = name
	}
	if t.Description == "" {
		t.Description = description
	}
	t.Parameters = json.RawMessage(schema)
}

// open implements spec.
func (c *clockConfig) open(_ context.Context, _ *Set, t *toolConfig) (source, error) {
	tool := t.base()
	tool.Executor = orchestrate.ExecutorFunc(func(_ context.Context, raw json.RawMessage) (orchestrate.Result, error) {
		var args struct{ Zone string }
		if json.Unmarshal(raw, &args) != nil {
			return orchestrate.Result{}, invalid("zone must be the name of a time zone")
		}
		if args.Zone == "" {
			args.Zone = c.Zone
		}
		zone, err := time.LoadLocation(args.Zone)
		if err != nil || args.Zone == "Local" {
			return orchestrate.Result{}, invalid("the time zone %q is unknown; want a name such as Europe/Berlin", args.Zone)
		}
		return orchestrate.Result{Text: clockText(time.Now().In(zone), args.Zone)}, nil
	})
	return one(tool), nil
}

// clockText is a time in words.
func clockText(t time.Time, zone string) string {
	year, week := t.ISOWeek()
	return fmt.Sprintf("%s %s (%s, week %d of %d)", t.Weekday(), t.Format("2006-01-02 15:04:05 -07:00"), zone, week, year)
}

// try implements spec.
func (c *clockConfig) try(context.Context, *Set, *toolConfig) (string, error) {
	return "no key and no network needed", nil
}
