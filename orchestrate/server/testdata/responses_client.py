"""Drives /v1/responses at argv[1] with OpenAI's Python client; prints one JSON object of what it saw."""
import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="key", max_retries=0)
tools = [{"type": "function", "name": name, "parameters": {"type": "object"}, "strict": False} for name in ("get_weather", "get_time")]


def outline(response):
    out = []
    for item in response.output:
        if item.type == "message":
            out.append(["message", item.content[0].text])
        elif item.type == "reasoning":
            out.append(["reasoning", item.content[0].text])
        else:
            out.append([item.name, json.loads(item.arguments)])
    return out


seen = {}
r = client.responses.create(model="test-model", input="hello")
seen["text"] = [r.output_text, r.status]
first = client.responses.create(model="test-model", input="weather", tools=tools)
seen["calls"] = outline(first)

events = []
with client.responses.stream(model="test-model", input="weather", tools=tools) as stream:
    for event in stream:
        if not events or events[-1] != event.type:
            events.append(event.type)
    seen["stream"] = outline(stream.get_final_response())
seen["events"] = events

results = [{"type": "function_call_output", "call_id": i.call_id, "output": "rain, hello"} for i in first.output if i.type == "function_call"]
history = [{"role": "user", "content": "weather"}] + first.output + results
items = client.responses.create(model="test-model", input=history, tools=tools, store=False)
stored = client.responses.create(model="test-model", input=results, tools=tools, previous_response_id=first.id)
seen["turns"] = [items.output_text, stored.output_text, items.usage.input_tokens == stored.usage.input_tokens]
seen["stored"] = client.responses.retrieve(first.id).output == first.output
client.responses.delete(first.id)
try:
    client.responses.retrieve(first.id)
except openai.NotFoundError as e:
    seen["deleted"] = e.code
try:
    client.responses.create(model="test-model", input="a", truncation="auto")
except openai.BadRequestError as e:
    seen["refused"] = [e.param, e.code]
r = client.responses.create(model="test-model", input="count", max_output_tokens=3)
seen["incomplete"] = [r.status, r.incomplete_details.reason, r.output[0].status]
r = client.responses.create(model="test-model", input="count", include=["message.output_text.logprobs"], top_logprobs=1)
seen["logprobs"] = "".join(t.token for t in r.output[0].content[0].logprobs)
print(json.dumps(seen))
