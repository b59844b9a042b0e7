"""Describes GGUF files with the gguf package: one JSON object a line."""

import json
import sys

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize


def describe(path):
    reader = GGUFReader(path)
    tensors = []
    for t in reader.tensors:
        x = dequantize(t.data, t.tensor_type).astype(np.float64)
        tensors.append({
            "name": t.name,
            "type": t.tensor_type.name,
            "dims": [int(d) for d in t.shape],
            "bytes": int(t.n_bytes),
            "values": int(x.size),
            "finite": bool(np.isfinite(x).all()),
            "mean": float(x.mean()),
            "std": float(x.std()),
        })
    keys = {}
    for name, field in reader.fields.items():
        value = field.contents()
        keys[name] = {"length": len(value)} if isinstance(value, list) else value
    return {"path": path, "tensors": tensors, "keys": keys}


for path in sys.argv[1:]:
    print(json.dumps(describe(path)))
