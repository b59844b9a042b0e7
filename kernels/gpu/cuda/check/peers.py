"""Measures transformers on this GPU: Qwen3-8B in bfloat16 with random weights, run plainly and
through torch.compile with CUDA graphs. Prints one JSON object after each figure."""

import argparse
import json
import statistics
import sys
import time

import torch
import transformers

SHAPES = {
    "qwen3-8b": dict(vocab_size=151936, hidden_size=4096, intermediate_size=12288, num_hidden_layers=36, num_attention_heads=32, num_key_value_heads=8, head_dim=128),
    "tiny": dict(vocab_size=1000, hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=64),
}

report = {}


def note(name, value):
    report[name] = value
    print(json.dumps(report), flush=True)


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def build(shape, device):
    config = transformers.Qwen3Config(tie_word_embeddings=False, max_position_embeddings=40960, **shape)
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = transformers.Qwen3ForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    return model.eval()


def prefill(model, n, device, runs):
    ids = torch.randint(0, model.config.vocab_size, (1, n), device=device)
    times = []
    for _ in range(runs + 1):
        wait(device)
        begin = time.perf_counter()
        model(ids, use_cache=True, logits_to_keep=1).logits.argmax(-1).item()
        times.append(time.perf_counter() - begin)
    return n / statistics.mean(times[1:])


def decode(model, forward, batch, context, steps, device):
    """Tokens a second of all sequences, on a static cache, greedy, the token fed back on the device."""
    cache = transformers.StaticCache(config=model.config, max_cache_len=context + steps + 16)
    ids = torch.randint(0, model.config.vocab_size, (batch, context), device=device)
    for at in range(0, context, 256):  # small pieces: the logits of many rows take much memory
        out = model(ids[:, at : at + 256], past_key_values=cache, logits_to_keep=1,
                    cache_position=torch.arange(at, min(at + 256, context), device=device))
    token = out.logits[:, -1:].argmax(-1)
    position = torch.tensor([context], device=device)
    begin = None
    for i in range(steps + 8):
        if i == 8:
            wait(device)
            begin = time.perf_counter()
        token = forward(token, past_key_values=cache, cache_position=position).logits[:, -1:].argmax(-1).clone()
        position += 1
    wait(device)
    return batch * steps / (time.perf_counter() - begin)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--shape", default="qwen3-8b", choices=SHAPES)
    p.add_argument("--device", default="cuda")
    p.add_argument("--context", type=int, default=1024)
    p.add_argument("--prompt", type=int, default=2048)
    p.add_argument("--steps", type=int, default=64)
    p.add_argument("--batch", type=int, default=64)
    args = p.parse_args()
    note("versions", f"transformers {transformers.__version__}, PyTorch {torch.__version__}")
    with torch.inference_mode():
        model = build(SHAPES[args.shape], args.device)
        note("transformers_bf16_prefill", prefill(model, args.prompt, args.device, 3))
        note("transformers_bf16_batch1", decode(model, model, 1, args.context, args.steps // 2, args.device))
        note("transformers_bf16_many", decode(model, model, args.batch, args.context, args.steps // 2, args.device))
        compiled = torch.compile(model, mode="reduce-overhead" if args.device == "cuda" else "default", fullgraph=False)
        note("torch_compile_bf16_batch1", decode(model, compiled, 1, args.context, args.steps, args.device))
    return 0


if __name__ == "__main__":
    sys.exit(main())
