package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"

	"orchrt/orchestrate"
)

// Config is a configuration that has been read and checked. Nothing has been
// started yet.
type Config struct {
	Path  string
	Notes []string // what was left aside, for people to read

	models  map[string]*modelConfig
	tools   []*toolConfig
	secrets []string
}

// file is the form of tools.yaml.
type file struct {
	Version    int        `yaml:"version"`
	Defaults   Defaults   `yaml:"defaults"`
	Models     *yaml.Node `yaml:"models"`
	Tools      *yaml.Node `yaml:"tools"`
	MCPServers *yaml.Node `yaml:"mcpServers"`
}

// Defaults hold for tools that do not say otherwise.
type Defaults struct {
	Timeout   Duration              `yaml:"timeout"`
	MaxResult Size                  `yaml:"max_result"`
	Approval  *orchestrate.Approval `yaml:"approval"`
}

// common are the keys that every tool has.
type common struct {
	Name        string                `yaml:"name"`
	Type        string                `yaml:"type"`
	Description string                `yaml:"description,plain"`
	Parameters  json.RawMessage       `yaml:"parameters"`
	Grammar     json.RawMessage       `yaml:"grammar"`
	Price       orchestrate.Price     `yaml:"price"`
	Latency     Duration              `yaml:"latency"`
	Timeout     Duration              `yaml:"timeout"`
	MaxResult   Size                  `yaml:"max_result"`
	Approval    *orchestrate.Approval `yaml:"approval"`
	Role        string                `yaml:"role"`
}

// toolConfig is one entry of tools: the common keys, and those of its type.
type toolConfig struct {
	common
	line int
	dir  string // the folder of the file
	spec spec
}

// spec is what a type of tool adds.
type spec interface {
	// check reports faults and fills in what the configuration leaves out.
	check(d *decoder, t *toolConfig)
	// open starts what the tool needs and returns where its calls go. What it
	// starts ends with s.
	open(ctx context.Context, s *Set, t *toolConfig) (source, error)
	// try does the least that shows that calls can work, and says what it saw.
	try(ctx context.Context, s *Set, t *toolConfig) (string, error)
}

// source gives tools: one, or those of an MCP server as they are now.
type source func() []orchestrate.Tool

// Duration is a time such as 20s or 1m30s.
type Duration time.Duration

// Size is a number of bytes: 4096, 32KiB, 1MiB.
type Size int64

// Secret is a string that no message shows.
type Secret string

// String hides the value.
func (Secret) String() string { return "[secret]" }

// GoString hides the value.
func (Secret) GoString() string { return "[secret]" }

// maxConfig bounds the file.
const maxConfig = 4 << 20

// Load reads a configuration. The error lists everything that is wrong with it.
func Load(path string) (*Config, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Size() > maxConfig || !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %d bytes and of mode %v; want a file of at most %d", path, st.Size(), st.Mode(), maxConfig)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, os.LookupEnv)
}

// Parse reads the text of a configuration. Relative paths in it are from the
// folder of path. Lookup is os.LookupEnv.
func Parse(path string, data []byte, lookup func(string) (string, bool)) (*Config, error) {
	root, err := readTree(path, data)
	if err != nil {
		return nil, err
	}
	d := &decoder{path: path, lookup: lookup, dir: filepath.Dir(path)}
	c := d.config(root)
	if err := d.err(); err != nil {
		return nil, err
	}
	return c, nil
}
