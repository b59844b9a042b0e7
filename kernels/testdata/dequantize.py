"""The gguf package's dequantiser behind a pipe, and that of the formats it lacks.

Reads requests until the end of the input: a line "TYPE BYTES", then that many
bytes of blocks. Answers each with the float32 values, little-endian.

    python dequantize.py < requests > values
"""

import sys

import numpy as np
from gguf import quants
from gguf.constants import GGMLQuantizationType


# Values of a block: bits of a code.
GROUPS = {"INT4": 4, "INT8": 8}


def dequantize(blocks, name):
    """float32 values of blocks (uint8): d f16, zero u8, 32 codes, the lowest bits first; d * (code - zero)."""
    if name not in GROUPS:
        return quants.dequantize(blocks, GGMLQuantizationType[name])
    bits = GROUPS[name]
    blocks = blocks.reshape(-1, 3 + 4 * bits)
    d = blocks[:, :2].copy().view("<f2").astype("<f4")
    planes = np.unpackbits(blocks[:, 3:], axis=1, bitorder="little").reshape(-1, 32, bits)
    codes = planes.astype(np.int32) @ (1 << np.arange(bits, dtype=np.int32))
    zero = (blocks[:, 2:3] & (2**bits - 1)).astype(np.int32)
    return (d * (codes - zero).astype("<f4")).reshape(-1)


def main():
    np.seterr(all="ignore")
    while line := sys.stdin.buffer.readline():
        name, size = line.split()
        blocks = np.frombuffer(sys.stdin.buffer.read(int(size)), dtype=np.uint8)
        values = dequantize(blocks, name.decode())
        sys.stdout.buffer.write(values.astype("<f4", copy=False).tobytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
