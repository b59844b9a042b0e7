"""The reference for TestVerifyGGUF: the gguf package's reader and writer.

    verify.py write FOLDER   writes files of every kind of value and every type
    verify.py read FILE...   prints what each file holds, a JSON object a line
"""

import hashlib
import json
import math
import struct
import sys

import numpy as np
from gguf import GGUFEndian, GGUFReader, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFValueType

# This type has another size in the gguf package than in ggml; no file has it.
SKIPPED = {GGMLQuantizationType.Q8_1}

FLOATS = {GGUFValueType.FLOAT32, GGUFValueType.FLOAT64}


def spell(value, kind):
    """A value as text that holds all of its bits."""
    if kind in FLOATS:
        return struct.pack(">d", value).hex()
    if kind == GGUFValueType.BOOL:
        return "true" if value else "false"
    return str(value)


def describe(path):
    reader = GGUFReader(path)
    keys = []
    for field in reader.fields.values():
        if field.name.startswith("GGUF."):
            continue
        kind = field.types[0]
        value = field.contents()
        if kind == GGUFValueType.ARRAY:
            # The reader does not keep the kind of an empty array's elements.
            elem = int(field.types[-1]) if len(value) else -1
            keys.append([field.name, int(kind), elem, [spell(x, field.types[-1]) for x in value]])
        else:
            keys.append([field.name, int(kind), int(kind), [spell(value, kind)]])
    tensors = [
        [t.name, [int(d) for d in t.shape], int(t.tensor_type), int(t.data_offset), int(t.n_bytes),
         hashlib.sha256(t.data.tobytes()).hexdigest()]
        for t in reader.tensors
    ]
    version = int(reader.fields["GGUF.version"].contents())
    return {"version": version, "alignment": int(reader.alignment), "keys": keys, "tensors": tensors}


def add_values(w):
    kinds = [
        ("UINT8", [0, 255]), ("INT8", [-128, 127]), ("UINT16", [0, 65535]), ("INT16", [-32768, 32767]),
        ("UINT32", [0, 2**32 - 1]), ("INT32", [-(2**31), 2**31 - 1]), ("UINT64", [0, 2**64 - 1]),
        ("INT64", [-(2**63), 2**63 - 1]), ("FLOAT32", [1e-6, -math.inf, 2.0**-149]), ("FLOAT64", [math.pi, math.inf]),
        ("BOOL", [True, False]), ("STRING", ["", "naïve 日本語 🙂\x00\n", "<|im_start|>"]),
    ]
    for name, values in kinds:
        kind = GGUFValueType[name]
        for i, value in enumerate(values):
            w.add_key_value(f"one.{name}.{i}", value, kind)
        w.add_key_value(f"all.{name}", values, GGUFValueType.ARRAY, sub_type=kind)


def add_tensors(w):
    rng = np.random.default_rng(1)
    for kind, (values, size) in GGML_QUANT_SIZES.items():
        if kind not in SKIPPED:
            data = rng.integers(0, 256, (3, 2 * size), dtype=np.uint8)
            w.add_tensor(f"t.{kind.name}", data, raw_dtype=kind)
    w.add_tensor("t.four", rng.standard_normal((2, 3, 4, 5), dtype=np.float32))


def finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def write(folder):
    for name, options in {
        "plain.gguf": {},
        "big.gguf": {"endianess": GGUFEndian.BIG},
        "split.gguf": {"split_max_tensors": 10, "small_first_shard": True},
    }.items():
        w = GGUFWriter(f"{folder}/{name}", "qwen3", **options)
        add_values(w)
        add_tensors(w)
        finish(w)
    w = GGUFWriter(f"{folder}/aligned.gguf", "qwen3")
    w.add_custom_alignment(256)
    add_tensors(w)
    finish(w)


if sys.argv[1] == "write":
    write(sys.argv[2])
else:
    for path in sys.argv[2:]:
        print(json.dumps(describe(path)))
