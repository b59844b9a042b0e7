"""Writes dequant.golden: blocks of every format with their values.

For each format a line "TYPE BYTES VALUES", the blocks, and the float32 values
that the gguf package gives for them (dequantize.py for those that it lacks). The
blocks are random bytes, seeded.

    python golden.py > dequant.golden
"""

import sys

import numpy as np
from dequantize import GROUPS, dequantize
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

NAMES = """F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ2_XXS IQ2_XS
IQ2_S IQ3_XXS IQ3_S IQ1_S IQ1_M IQ4_NL IQ4_XS NVFP4 INT4 INT8""".split()


def main():
    np.seterr(all="ignore")
    random = np.random.default_rng(1)
    for name in NAMES:
        if name in GROUPS:
            values, size = 32, 3 + 4 * GROUPS[name]
        else:
            values, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
        blocks = random.integers(0, 256, size * (512 // values), dtype=np.uint8)
        out = dequantize(blocks, name).astype("<f4")
        sys.stdout.buffer.write(f"{name} {blocks.size} {out.size}\n".encode())
        sys.stdout.buffer.write(blocks.tobytes() + out.tobytes())


if __name__ == "__main__":
    main()
