"""Compares orchrt's logits and greedy tokens with transformers' on the same weights.

The weights are those of a GGUF file, dequantised here. The truth is the model in
float32; transformers in bfloat16 shows what error is usual. orchrt runs the same
tokens in steps of many rows and of one, with the KV cache in f16. It passes where its error is at
most that of bfloat16 and it chooses the same token wherever the truth leaves no
doubt. Without PyTorch the truth is a model in NumPy, for small files.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

from gguf_file import DEQUANTISE, GGUF

NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class NumpyModel:
    """Qwen3 in float32, for small shapes."""

    name = "NumPy in float32"

    def __init__(self, g):
        self.g = g
        self.layers = g.field("block_count")
        self.heads, self.kv_heads = g.field("attention.head_count"), g.field("attention.head_count_kv")
        self.dim = g.field("attention.key_length") or g.field("embedding_length") // self.heads
        self.eps, self.base = g.field("attention.layer_norm_rms_epsilon"), g.field("rope.freq_base")
        self.w = {name: g.tensor(name) for name in g.tensors}

    def norm(self, x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.eps) * self.w[name]

    def rope(self, x):  # [n, heads, dim]
        n, half = x.shape[0], self.dim // 2
        angle = np.arange(n)[:, None] * self.base ** (-np.arange(half) / half)
        c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
        a, b = x[..., :half], x[..., half:]
        return np.concatenate([a * c - b * s, b * c + a * s], -1).astype(np.float32)

    def logits(self, ids):
        w, n = self.w, len(ids)
        x = w["token_embd.weight"][ids]
        hidden = np.triu(np.full((n, n), -np.inf, np.float32), 1)
        for i in range(self.layers):
            p = f"blk.{i}."
            h = self.norm(x, p + "attn_norm.weight")
            q, k, v = (h @ w[p + f"attn_{m}.weight"].T for m in "qkv")
            q = self.rope(self.norm(q.reshape(n, self.heads, self.dim), p + "attn_q_norm.weight"))
            k = self.rope(self.norm(k.reshape(n, self.kv_heads, self.dim), p + "attn_k_norm.weight"))
            k = np.repeat(k, self.heads // self.kv_heads, 1)
            v = np.repeat(v.reshape(n, self.kv_heads, self.dim), self.heads // self.kv_heads, 1)
            score = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(self.dim) + hidden
            score = np.exp(score - score.max(-1, keepdims=True))
            score /= score.sum(-1, keepdims=True)
            x = x + np.einsum("hqk,khd->qhd", score, v).reshape(n, -1) @ w[p + "attn_output.weight"].T
            h = self.norm(x, p + "ffn_norm.weight")
            gate = h @ w[p + "ffn_gate.weight"].T
            x = x + (gate / (1 + np.exp(-gate)) * (h @ w[p + "ffn_up.weight"].T)) @ w[p + "ffn_down.weight"].T
        head = w.get("output.weight", w["token_embd.weight"])
        return self.norm(x, "output_norm.weight") @ head.T

    def greedy(self, ids, n):
        ids = list(ids)
        for _ in range(n):
            ids.append(int(self.logits(np.array(ids))[-1].argmax()))
        return ids


class TorchBits:
    """What gguf_file asks of NumPy, done by PyTorch."""

    def __init__(self, torch):
        self.torch = torch

    def frombits(self, raw, form):
        kinds = {"f32": self.torch.float32, "f16": self.torch.float16, "bf16": self.torch.bfloat16, "s8": self.torch.int8}
        return raw.contiguous().view(kinds[form]).float()

    def concatenate(self, parts, dim):
        return self.torch.cat(parts, dim)


class TransformersModel:
    """Qwen3ForCausalLM with the weights of the file."""

    def __init__(self, g, torch, device):
        import transformers

        self.torch, self.device = torch, device
        self.name = f"transformers {transformers.__version__}, PyTorch {torch.__version__}, on {device}"
        heads, hidden = g.field("attention.head_count"), g.field("embedding_length")
        base = float(g.field("rope.freq_base"))
        config = transformers.Qwen3Config(
            vocab_size=g.tensors["token_embd.weight"][0][0],
            hidden_size=hidden,
            intermediate_size=g.field("feed_forward_length"),
            num_hidden_layers=g.field("block_count"),
            num_attention_heads=heads,
            num_key_value_heads=g.field("attention.head_count_kv"),
            head_dim=g.field("attention.key_length") or hidden // heads,
            rms_norm_eps=g.field("attention.layer_norm_rms_epsilon"),
            max_position_embeddings=g.field("context_length"),
            tie_word_embeddings="output.weight" not in g.tensors,
            rope_theta=base,
            rope_parameters={"rope_type": "default", "rope_theta": base},
            attention_bias=False,
        )
        with torch.device("meta"):
            model = transformers.Qwen3ForCausalLM(config)
        model = model.to_empty(device=device).float().eval()
        model.model.rotary_emb = type(model.model.rotary_emb)(config=config).to(device)
        model.tie_weights()
        self.model = model
        params, bits = dict(model.named_parameters()), TorchBits(torch)
        for name in g.tensors:
            raw, form, shape = g.raw(name)
            to = params.pop(self.hf_name(name))
            with torch.no_grad():
                to.copy_(DEQUANTISE[form](bits, torch.from_numpy(raw.copy()).to(device)).reshape(shape))
        if params:
            raise ValueError(f"the file lacks weights for {sorted(params)}")

    @staticmethod
    def hf_name(name):
        whole = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", "output.weight": "lm_head.weight"}
        if name in whole:
            return whole[name]
        _, layer, kind, _ = name.split(".")
        return f"model.layers.{layer}.{NAMES[kind]}.weight"

    def logits(self, ids):
        with self.torch.inference_mode():
            return self.model(self.torch.tensor([ids], device=self.device)).logits[0].float().cpu().numpy()

    def greedy(self, ids, n):
        torch, ids, past = self.torch, list(ids), None
        feed = torch.tensor([ids], device=self.device)
        with torch.inference_mode():
            for _ in range(n):
                out = self.model(feed, past_key_values=past, use_cache=True)
                past = out.past_key_values
                feed = out.logits[:, -1:].argmax(-1)
                ids.append(int(feed))
        return ids

    def to_bf16(self):
        rotary = self.model.model.rotary_emb
        self.model.bfloat16()
        self.model.model.rotary_emb = rotary.float()  # as from_pretrained keeps it


def ours(args, ids, step):
    """orchrt's logits of ids, `step` tokens at a time."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as tmp:
        tokens, out = os.path.join(tmp, "ids.txt"), os.path.join(tmp, "out.npy")
        with open(tokens, "w") as f:
            f.write(" ".join(map(str, ids)) + "\n")
        subprocess.run(
            [args.orchrt, "logits", "--model", args.model, "--device", args.device, "--tokens", tokens, "--out", out, "--kv", "f16", "--step", str(step)],
            check=True,
            stdout=sys.stderr,
        )
        return np.load(out)


def compare(truth, got, greedy_from, ids):
    """How far got is from the truth, both [rows, vocab]."""
    error = got.astype(np.float64) - truth
    rms = np.sqrt((error**2).mean())
    order = np.partition(truth, -2, axis=-1)
    margin = order[:, -1] - order[:, -2]
    same = truth.argmax(-1) == got.argmax(-1)
    clear = margin > 8 * rms  # no rounding of this size explains another choice
    new = slice(greedy_from, len(ids) - 1)  # rows whose next token the truth chose
    chosen = got[new].argmax(-1) == np.array(ids[greedy_from + 1 :])
    return {
        "relative_error": float(np.linalg.norm(error) / np.linalg.norm(truth.astype(np.float64))),
        "largest_error_over_rms_of_logits": float(np.abs(error).max() / truth.std()),
        "same_choice": float(same.mean()),
        "clear_rows": int(clear.sum()),
        "clear_rows_that_differ": int((clear & ~same).sum()),
        "greedy_tokens": int(chosen.size),
        "greedy_tokens_that_differ": int((~chosen).sum()),
        "greedy_tokens_that_differ_clearly": int((~chosen & clear[new]).sum()),
    }


def load(g, device):
    try:
        import torch
        import transformers  # noqa: F401
    except ImportError:
        return NumpyModel(g)
    torch.backends.cuda.matmul.allow_tf32 = False
    where = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    return TransformersModel(g, torch, where)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--orchrt", default="./orchrt")
    p.add_argument("--model", required=True)
    p.add_argument("--device", default="cuda")
    p.add_argument("--prompt", type=int, default=96, help="random tokens")
    p.add_argument("--generate", type=int, default=32, help="greedy tokens after them")
    p.add_argument("--tolerance", type=float, default=0.02, help="relative error that passes where there is no bfloat16 to compare with")
    args = p.parse_args()
    begin = time.time()
    g = GGUF(args.model)
    model = load(g, args.device)
    vocab = g.tensors["token_embd.weight"][0][0]
    ids = np.random.default_rng(7).integers(0, min(vocab, 150000), args.prompt).tolist()
    ids = model.greedy(ids, args.generate)
    truth = model.logits(ids)
    result = {"reference": model.name, "tokens": len(ids), "loading_s": round(time.time() - begin, 1)}
    limit = args.tolerance
    if hasattr(model, "to_bf16"):
        model.to_bf16()
        result["transformers_bf16"] = compare(truth, model.logits(ids), args.prompt - 1, ids)
        limit = result["transformers_bf16"]["relative_error"]
        name, device = model.name, model.device
        del model
        if device == "cuda":
            import torch

            torch.cuda.empty_cache()
    result["limit"] = limit
    result["passed"] = True
    for name, step in (("orchrt_many_rows", 512), ("orchrt_one_row", 1)):
        r = compare(truth, ours(args, ids, step), args.prompt - 1, ids)
        r["passed"] = r["relative_error"] <= limit and r["clear_rows_that_differ"] == 0 and r["greedy_tokens_that_differ_clearly"] == 0
        result["passed"] = result["passed"] and r["passed"]
        result[name] = r
    result["seconds"] = round(time.time() - begin, 1)
    print(json.dumps(result, indent=1))
    sys.exit(0 if result["passed"] else 1)


if __name__ == "__main__":
    main()
