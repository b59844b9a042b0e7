"""The gguf package's dequantiser behind a pipe.

Reads requests until the end of the input: a line "TYPE BYTES", then that many
bytes of blocks. Answers each with the float32 values, little-endian.

    python dequantize.py < requests > values
"""

import sys

import numpy as np
from gguf import quants
from gguf.constants import GGMLQuantizationType


def main():
    np.seterr(all="ignore")
    while line := sys.stdin.buffer.readline():
        name, size = line.split()
        blocks = np.frombuffer(sys.stdin.buffer.read(int(size)), dtype=np.uint8)
        values = quants.dequantize(blocks, GGMLQuantizationType[name.decode()])
        sys.stdout.buffer.write(values.astype("<f4", copy=False).tobytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
