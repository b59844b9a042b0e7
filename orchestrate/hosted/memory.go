package hosted

import (
	"container/list"
	"sync"

	"orchrt/orchestrate"
	"orchrt/tokenizer/chat"
)

// Memory keeps what happened on the server before a call went back to the
// client, so that the model finds it again when the client comes back with the
// result. Those used longest ago make room. A nil one keeps nothing: the model
// then sees the client's messages alone.
type Memory struct {
	bytes int

	mu   sync.Mutex
	used int
	by   map[memoryKey]*list.Element
	last *list.List // of *memory, the last used in front
}

// memoryKey is a call that went back to a client.
type memoryKey struct{ owner, call string }

type memory struct {
	keys     []memoryKey
	messages []chat.Message
	size     int
}

// NewMemory returns one that takes about so many bytes.
func NewMemory(bytes int) *Memory {
	return &Memory{bytes: bytes, by: make(map[memoryKey]*list.Element), last: list.New()}
}

// keep remembers the messages of a run that ended with calls for the client.
func (m *Memory) keep(owner string, calls []orchestrate.Call, messages []chat.Message) {
	if m == nil || len(calls) == 0 {
		return
	}
	e := &memory{messages: messages, size: 256}
	for _, c := range calls {
		e.keys = append(e.keys, memoryKey{owner, c.ID})
	}
	for i := range messages {
		t := orchestrate.MessageLine(messages[i])
		e.size += 256 + len(messages[i].Content.String())
		if t.ReasoningContent != nil {
			e.size += len(*t.ReasoningContent)
		}
		for _, c := range t.ToolCalls {
			e.size += 128 + len(c.Function.Arguments)
		}
	}
	if e.size > m.bytes {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	el := m.last.PushFront(e)
	for _, k := range e.keys {
		m.by[k] = el
	}
	for m.used += e.size; m.used > m.bytes; {
		old := m.last.Remove(m.last.Back()).(*memory)
		m.used -= old.size
		for _, k := range old.keys {
			delete(m.by, k)
		}
	}
}

// restore puts remembered messages in the place of the assistant's messages
// whose calls they ended with.
func (m *Memory) restore(owner string, messages []chat.Message) []chat.Message {
	if m == nil {
		return messages
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []chat.Message
	for i := range messages {
		var el *list.Element
		if calls := messages[i].ToolCalls; len(calls) > 0 {
			el = m.by[memoryKey{owner, calls[0].ID}]
		}
		if el == nil {
			out = append(out, messages[i])
			continue
		}
		m.last.MoveToFront(el)
		out = append(out, el.Value.(*memory).messages...)
	}
	return out
}
