"""Drives the server at argv[1] with OpenAI's Python client; prints one JSON object of what it saw."""
import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="key", max_retries=0)
tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]


def ask(text, **more):
    return client.chat.completions.create(model="test-model", messages=[{"role": "user", "content": text}], **more)


def refused(call):
    try:
        call()
    except openai.APIStatusError as e:
        return [type(e).__name__, e.status_code, e.param, e.code]
    return None


seen = {}
r = ask("hello")
seen["text"] = r.choices[0].message.content
# Scripts that run Orchestrator iterate over tool_calls without looking.
seen["no_calls"] = [c.id for c in r.choices[0].message.tool_calls]

r = ask("weather", tools=tools)
seen["calls"] = [[c.function.name, json.loads(c.function.arguments)] for c in r.choices[0].message.tool_calls]
seen["reasoning"] = r.choices[0].message.reasoning_content
seen["finish"] = r.choices[0].finish_reason
seen["content"] = r.choices[0].message.content

text, arguments, usage = "", {}, None
for chunk in ask("weather", tools=tools, stream=True, stream_options={"include_usage": True}):
    usage = chunk.usage or usage
    for choice in chunk.choices:
        text += choice.delta.content or ""
        for call in choice.delta.tool_calls or []:
            arguments[call.index] = arguments.get(call.index, "") + (call.function.arguments or "")
seen["stream_text"] = text
seen["stream_arguments"] = [json.loads(arguments[i]) for i in sorted(arguments)]
seen["usage"] = usage.prompt_tokens + usage.completion_tokens == usage.total_tokens > 0

# The history of a tool call goes back as the client keeps it.
history = [{"role": "user", "content": "weather"}, r.choices[0].message,
           {"role": "tool", "tool_call_id": r.choices[0].message.tool_calls[0].id, "content": "rain"},
           {"role": "user", "content": "hello"}]
r = client.chat.completions.create(model="test-model", messages=history, tools=tools, extra_body={"top_k": 3})
seen["history"] = r.choices[0].finish_reason
seen["top_k"] = r.orchrt["sampling"]["top_k"]

r = client.completions.create(model="test-model", prompt="count", max_tokens=2, logprobs=1)
seen["completion"] = [r.choices[0].text, r.choices[0].finish_reason, r.choices[0].logprobs.tokens]
seen["models"] = [m.id for m in client.models.list()]
seen["model"] = refused(lambda: client.chat.completions.create(model="nobody", messages=[{"role": "user", "content": "a"}]))
seen["long"] = refused(lambda: ask("ab " * 5000))
seen["type"] = refused(lambda: ask("a", temperature="hot"))
print(json.dumps(seen))
