"""Drives the server at argv[1] with OpenAI's Python client and random tools; prints one JSON object of what it saw."""
import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="key", max_retries=0)
parameters = {"type": "object", "additionalProperties": False, "required": ["city", "unit"], "properties": {
    "city": {"type": "string", "minLength": 1, "maxLength": 8}, "unit": {"enum": ["celsius", "fahrenheit"]},
    "days": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 9}, "maxItems": 3}}}
tools = [{"type": "function", "function": {"name": n, "strict": True, "parameters": parameters}} for n in ("get_weather", "get_climate")]


def ask(**more):
    return dict(model="tiny", messages=[{"role": "user", "content": "hi"}], max_completion_tokens=200, tools=tools, **more)


def valid(name, arguments):
    a = json.loads(arguments)
    return (name in ("get_weather", "get_climate") and set(a) <= set(parameters["properties"]) and 1 <= len(a["city"]) <= 8
            and a["unit"] in ("celsius", "fahrenheit") and all(d in range(1, 10) for d in a.get("days", [])))


seen = {"whole": 0, "stream": 0, "equal": 0, "bad": []}
for seed in range(int(sys.argv[2])):
    named = {"type": "function", "function": {"name": "get_climate"}}
    choice = ["required", named, "required"][seed % 3]
    request = ask(seed=seed, temperature=1.0, tool_choice=choice, parallel_tool_calls=seed % 3 != 2)
    r = client.chat.completions.create(**request).choices[0]
    whole = [[c.function.name, c.function.arguments] for c in r.message.tool_calls]
    ok = r.finish_reason == "tool_calls" and r.message.content is None and whole and all(valid(*c) for c in whole)
    ok = ok and (seed % 3 != 1 or all(c[0] == "get_climate" for c in whole)) and (seed % 3 != 2 or len(whole) == 1)
    with client.chat.completions.stream(**request, stream_options={"include_usage": True}) as s:
        done = [e for e in s if e.type == "tool_calls.function.arguments.done"]
        final = s.get_final_completion()
    m = final.choices[0].message
    streamed = [[c.function.name, c.function.arguments] for c in m.tool_calls]
    ids = {c.id for c in m.tool_calls}
    seen["whole"] += len(whole)
    seen["stream"] += len(streamed)
    seen["equal"] += streamed == whole and [[e.name, e.arguments] for e in done] == whole and len(ids) == len(whole)
    if not ok or final.choices[0].finish_reason != "tool_calls" or not final.usage:
        seen["bad"].append([seed, whole, streamed])

text = client.chat.completions.create(**ask(tool_choice="none", seed=1)).choices[0].message
seen["none"] = not text.tool_calls
schema = {"name": "answer", "strict": True, "schema": parameters}
r = client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "hi"}], max_tokens=200,
                                   response_format={"type": "json_schema", "json_schema": schema})
seen["format"] = valid("get_weather", r.choices[0].message.content)
try:
    bad = {"type": "object", "properties": {"x": {"pattern": "(a)\\1"}}}
    client.chat.completions.create(**ask() | {"tools": [{"type": "function", "function": {"name": "f", "strict": True, "parameters": bad}}]})
except openai.BadRequestError as e:
    seen["error"] = [e.param, e.code, "/properties/x" in e.message]
print(json.dumps(seen))
