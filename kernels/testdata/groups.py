"""Writes groups.golden: quantised matrices as checkpoints hold them, with their values.

A JSON array of cases: the method of the checkpoint, the shape [out, in], bits and
group size, the tensors (little-endian, base64) and the float32 values that the package
compressed-tensors gives for them. It packs the tensors of its own formats itself; those of
AutoAWQ are random, read by its converter.

Needs compressed-tensors 0.20.0 with PyTorch, which testdata/verify leaves out
for its size.

    python groups.py > groups.golden
"""

import base64
import json
import sys

import torch
from compressed_tensors.compressors.nvfp4.base import NVFP4PackedCompressor
from compressed_tensors.compressors.nvfp4.helpers import unpack_fp4_from_uint8
from compressed_tensors.compressors.pack_quantized.base import PackedQuantizationCompressor
from compressed_tensors.compressors.pack_quantized.helpers import unpack_from_int32
from compressed_tensors.entrypoints.convert.converters.autoawq import AutoAWQConverter
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from compressed_tensors.quantization.lifecycle.forward import dequantize
from compressed_tensors.quantization.utils import calculate_qparams, generate_gparam

FLOAT = torch.float32


def raw(tensor):
    data = tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
    return base64.b64encode(data).decode()


def case(method, shape, bits, group, tensors, values):
    return {"method": method, "shape": list(shape), "bits": bits, "group": group,
            "tensors": {k: raw(v) for k, v in tensors.items()}, "values": raw(values.to(FLOAT))}


def weights(out, columns):
    """A matrix whose groups are of very different sizes and not centred on 0."""
    w = torch.randn(out, columns) * 0.02 + 0.01 * torch.randn(out, columns // 32).repeat_interleave(32, 1)
    return w * torch.exp2(torch.randint(-3, 4, (out, columns // 32))).repeat_interleave(32, 1)


def packed(shape, bits, group, symmetric, dtype):
    """compressed-tensors, pack-quantized; group 0: one scale a row."""
    args = QuantizationArgs(num_bits=bits, type="int", symmetric=symmetric, strategy="group" if group else "channel",
                            group_size=group or None)
    scheme = QuantizationScheme(targets=["Linear"], weights=args)
    w = weights(*shape)
    parts = w.reshape(shape[0], -1, group or shape[1])
    scale, zero = calculate_qparams(parts.amin(-1), parts.amax(-1), args)
    scale = scale.to(dtype)
    state = {"weight": w.to(dtype), "weight_scale": scale}
    if not symmetric:
        state["weight_zero_point"] = zero.to(torch.int8)
    tensors = PackedQuantizationCompressor.compress(state, scheme)
    codes = unpack_from_int32(tensors["weight_packed"], bits, torch.Size(shape))
    values = dequantize(codes, scale.to(FLOAT), None if symmetric else zero.to(torch.int8), args, FLOAT)
    return case("pack-quantized " + str(dtype).removeprefix("torch."), shape, bits, group, tensors, values)


def awq(shape, group):
    """AutoAWQ, version gemm."""
    out, columns = shape
    word = lambda *size: torch.randint(-2**31, 2**31, size, dtype=torch.int64).to(torch.int32)
    tensors = {"qweight": word(columns, out // 8), "qzeros": word(columns // group, out // 8),
               "scales": (torch.rand(columns // group, out) * 0.01).to(torch.float16)}
    codes, scale, zero = AutoAWQConverter(group_size=group)._convert_gemm_module(
        tensors["qweight"], tensors["scales"], tensors["qzeros"])
    args = QuantizationArgs(num_bits=4, type="int", symmetric=False, strategy="group", group_size=group)
    return case("awq", shape, 4, group, tensors, dequantize(codes, scale.to(FLOAT), zero, args, FLOAT))


def nvfp4(shape):
    """compressed-tensors, nvfp4-pack-quantized."""
    args = QuantizationArgs(num_bits=4, type="float", symmetric=True, strategy="tensor_group", group_size=16,
                            scale_dtype=torch.float8_e4m3fn)
    w = weights(*shape)
    whole = generate_gparam(w.min(), w.max())
    parts = w.reshape(shape[0], -1, 16)
    scale, _ = calculate_qparams(parts.amin(-1), parts.amax(-1), args, global_scale=whole)
    state = {"weight": w, "weight_scale": scale, "weight_global_scale": whole}
    tensors = NVFP4PackedCompressor.compress(state, QuantizationScheme(targets=["Linear"], weights=args))
    codes = unpack_fp4_from_uint8(tensors["weight_packed"], *shape, dtype=FLOAT)
    values = dequantize(codes, tensors["weight_scale"].to(FLOAT), None, args, FLOAT, whole)
    return case("nvfp4-pack-quantized", shape, 4, 16, tensors, values)


def main():
    torch.manual_seed(1)
    cases = [
        packed((8, 128), 4, 32, True, torch.bfloat16),
        packed((8, 128), 4, 32, False, torch.bfloat16),
        packed((8, 256), 4, 128, False, torch.float16),
        packed((8, 128), 4, 0, True, torch.bfloat16),
        packed((8, 128), 8, 32, False, torch.bfloat16),
        packed((8, 128), 8, 0, True, torch.float16),
        awq((16, 256), 128),
        nvfp4((8, 128)),
    ]
    sys.stdout.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")


if __name__ == "__main__":
    main()
