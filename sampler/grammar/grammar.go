package grammar

import (
	"fmt"
	"slices"
	"sync"

	"orchrt/sampler/grammar/vocab"
)

// Vocabulary is a model's vocabulary, prepared for masks, with a cache of what
// was compiled for it. It is built once for a model and is safe for concurrent use.
type Vocabulary struct {
	table *vocab.Table

	// The added tokens that structure a turn, -1 where there is none:
	imStart, think, endThink, call, endCall int32
	newline                                 int32 // an ordinary token

	mu    sync.Mutex
	units lru[*unit]
	turns lru[*Turn]
}

// How much is cached.
const (
	maxUnits      = 128
	maxTurns      = 64
	maxSchemaText = 16 << 20  // bytes of schemas in either cache
	maxMemory     = 512 << 20 // bytes of what was found out about the schemas, about
)

// NewVocabulary prepares the vocabulary of src, whose pre-tokeniser must be
// Qwen's. It takes a while: some 200 ms for Qwen3's.
func NewVocabulary(src vocab.Source) (*Vocabulary, error) {
	table, err := vocab.New(src)
	if err != nil {
		return nil, err
	}
	v := &Vocabulary{
		table:    table,
		imStart:  table.Special("<|im_start|>"),
		think:    table.Special("<think>"),
		endThink: table.Special("</think>"),
		call:     table.Special("<tool_call>"),
		endCall:  table.Special("</tool_call>"),
	}
	ids, ok := table.Encode(nil, []byte("\n"))
	if !ok || len(ids) != 1 {
		return nil, fmt.Errorf("grammar: the vocabulary has no token for a newline")
	}
	v.newline = ids[0]
	v.units = newLRU[*unit](maxUnits, maxSchemaText)
	v.turns = newLRU[*Turn](maxTurns, maxSchemaText)
	return v, nil
}

// Size is the number of ids.
func (v *Vocabulary) Size() int { return v.table.Size() }

// unit returns the unit of a spec, cached or new.
func (v *Vocabulary) unit(s spec) (*unit, error) {
	key := s.key()
	v.mu.Lock()
	u, ok := v.units.get(key)
	v.trim(maxMemory)
	v.mu.Unlock()
	if ok && !u.worn() {
		return u, nil
	}
	u, err := v.compile(s)
	if err != nil {
		return nil, err
	}
	u.key = key
	v.mu.Lock()
	defer v.mu.Unlock()
	v.units.put(key, u, len(key))
	return u, nil
}

// use counts units that a turn was found with as used last, those that had to make
// room for others too: the turn holds them. v is locked.
func (v *Vocabulary) use(units []*unit) {
	for _, u := range units {
		if _, ok := v.units.get(u.key); !ok {
			v.units.put(u.key, u, len(u.key))
		}
	}
	v.trim(maxMemory)
}

// trim lets go of the units used longest ago, but for the last one, and of the
// turns that hold them, where units hold more than some bytes together. v is
// locked.
func (v *Vocabulary) trim(most int64) {
	used, gone := int64(0), map[*unit]bool{}
	v.units.keep(func(u *unit) bool {
		size := u.size.Load()
		if used > 0 && used+size > most {
			gone[u] = true
			return false
		}
		used += size
		return true
	})
	if len(gone) > 0 {
		v.turns.keep(func(t *Turn) bool {
			return !slices.ContainsFunc(t.units, func(u *unit) bool { return gone[u] })
		})
	}
}

// Table returns the tokens.
func (v *Vocabulary) Table() *vocab.Table { return v.table }
