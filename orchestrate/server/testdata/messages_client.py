"""Drives /v1/messages at argv[1] with Anthropic's Python client; prints one JSON object of what it saw."""
import json
import sys

import anthropic

client = anthropic.Anthropic(base_url=sys.argv[1], api_key="key", max_retries=0)
tools = [{"name": name, "input_schema": {"type": "object"}} for name in ("get_weather", "get_time")]
thinking = {"type": "enabled", "budget_tokens": 1024}


def outline(message):
    out = []
    for block in message.content:
        if block.type == "text":
            out.append(["text", block.text])
        elif block.type == "thinking":
            out.append(["thinking", block.thinking])
        else:
            out.append([block.name, block.input])
    return out


def ask(text, **more):
    return {"model": "test-model", "max_tokens": 2000, "messages": [{"role": "user", "content": text}]} | more


seen = {}
r = client.messages.create(**ask("hello"))
seen["text"] = [r.content[0].text, r.stop_reason]
first = client.messages.create(**ask("weather", tools=tools, thinking=thinking))
seen["calls"] = [outline(first), first.stop_reason]

events = []
with client.messages.stream(**ask("weather", tools=tools, thinking=thinking)) as stream:
    for event in stream:
        # The client adds events of its own between those of the wire.
        if event.type.startswith(("message", "content_block")) and events[-1:] != [event.type]:
            events.append(event.type)
    final = stream.get_final_message()
seen["stream"] = [outline(final), final.stop_reason, final.usage == first.usage]
seen["events"] = events

messages = [{"role": "user", "content": "weather"}, {"role": "assistant", "content": first.content},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": b.id, "content": "rain, hello"} for b in first.content if b.type == "tool_use"]}]
r = client.messages.create(**ask("", messages=messages, tools=tools, thinking=thinking, system="Be brief."))
seen["turns"] = outline(r)
n = client.messages.count_tokens(model="test-model", messages=messages, tools=tools, thinking=thinking, system="Be brief.")
seen["count"] = n.input_tokens == r.usage.input_tokens + (r.usage.cache_read_input_tokens or 0)
r = client.messages.create(**ask("count", stop_sequences=["three"]))
seen["stop"] = [r.content[0].text, r.stop_reason, r.stop_sequence]
for name, more in (("model", {"model": "nobody"}), ("refused", {"tool_choice": {"type": "sometimes"}})):
    try:
        client.messages.create(**ask("a", **more))
    except anthropic.APIStatusError as e:
        seen[name] = [type(e).__name__, e.body["error"]["type"], e.request_id == e.body["request_id"]]
print(json.dumps(seen))
