"""A GGUF file as NumPy arrays: metadata, and tensors dequantised to float32.

Written from the format's description, apart from orchrt's own reader, so that the two
check each other. Block formats: F32, F16, BF16, Q8_0, Q4_K, Q6_K.
"""

import mmap
import struct

import numpy as np

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
# number in the file -> (name, values of a block, bytes of a block)
_FORMATS = {0: ("F32", 1, 4), 1: ("F16", 1, 2), 30: ("BF16", 1, 2), 8: ("Q8_0", 32, 34), 12: ("Q4_K", 256, 144), 14: ("Q6_K", 256, 210)}


class GGUF:
    """fields: key -> value; tensors: name -> (shape, outermost first; number of the format; offset)."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.data = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, version, tensors, fields = struct.unpack_from("<IIQQ", self.data, 0)
        if magic != 0x46554747 or version not in (2, 3):
            raise ValueError(f"{path} is no GGUF file of version 2 or 3")
        self.at = 24
        self.fields = {}
        for _ in range(fields):
            key = self._string()
            self.fields[key] = self._value(self._scalar("<I"))
        self.tensors = {}
        for _ in range(tensors):
            name = self._string()
            dims = [self._scalar("<Q") for _ in range(self._scalar("<I"))]
            kind, offset = self._scalar("<I"), self._scalar("<Q")
            self.tensors[name] = (dims[::-1], kind, offset)
        align = self.fields.get("general.alignment", 32)
        self.start = (self.at + align - 1) // align * align

    def _scalar(self, form):
        (v,) = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return v

    def _string(self):
        n = self._scalar("<Q")
        s = self.data[self.at : self.at + n]
        self.at += n
        return s.decode("utf-8", "replace")

    def _value(self, kind):
        if kind == 8:
            return self._string()
        if kind == 9:
            inner, n = self._scalar("<I"), self._scalar("<Q")
            return [self._value(inner) for _ in range(n)]
        return self._scalar(_SCALARS[kind])

    def field(self, key, default=None):
        """A field of the architecture, such as block_count."""
        return self.fields.get(self.fields["general.architecture"] + "." + key, default)

    def raw(self, name):
        """The bytes of a tensor, with the name of its format and its shape."""
        shape, kind, offset = self.tensors[name]
        form, values, size = _FORMATS[kind]
        n = int(np.prod(shape)) // values * size
        return np.frombuffer(self.data, np.uint8, n, self.start + offset), form, shape

    def tensor(self, name):
        """A tensor as float32."""
        raw, form, shape = self.raw(name)
        return DEQUANTISE[form](np, raw).reshape(shape)


# The functions take NumPy or a module that looks like it (see parity.py), so
# that a GPU can do the work.


def _halves(xp, raw):
    return xp.frombits(raw, "f16") if hasattr(xp, "frombits") else np.ascontiguousarray(raw).view("<f2").astype(np.float32)


def _f32(xp, raw):
    return xp.frombits(raw, "f32") if hasattr(xp, "frombits") else raw.view("<f4").copy()


def _bf16(xp, raw):
    return xp.frombits(raw, "bf16") if hasattr(xp, "frombits") else (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)


def _signed(xp, raw):
    return xp.frombits(raw, "s8") if hasattr(xp, "frombits") else np.ascontiguousarray(raw).view(np.int8).astype(np.float32)


def _floats(xp, v):
    return v.float() if hasattr(v, "float") else v.astype(np.float32)


def _q8_0(xp, raw):
    b = raw.reshape(-1, 34)
    return _halves(xp, b[:, :2]).reshape(-1, 1) * _signed(xp, b[:, 2:]).reshape(-1, 32)


def _q4_k(xp, raw):
    b = raw.reshape(-1, 144)
    d, m = _halves(xp, b[:, 0:2]).reshape(-1, 1), _halves(xp, b[:, 2:4]).reshape(-1, 1)
    s = b[:, 4:16]  # 8 scales and 8 minima of 6 bits
    low, mid, high = s[:, 0:4], s[:, 4:8], s[:, 8:12]
    join = xp.concatenate
    scale = join([low & 63, (high & 15) | ((low >> 6) << 4)], 1)
    least = join([mid & 63, (high >> 4) | ((mid >> 6) << 4)], 1)
    q = b[:, 16:].reshape(-1, 4, 1, 32)
    q = join([q & 15, q >> 4], 2).reshape(-1, 8, 32)
    scale, least = (d * _floats(xp, scale)).reshape(-1, 8, 1), (m * _floats(xp, least)).reshape(-1, 8, 1)
    return scale * _floats(xp, q) - least


def _q6_k(xp, raw):
    b = raw.reshape(-1, 210)
    low, high = b[:, :128].reshape(-1, 2, 2, 32), b[:, 128:192].reshape(-1, 2, 32)
    scale, d = _signed(xp, b[:, 192:208]).reshape(-1, 16, 1), _halves(xp, b[:, 208:210]).reshape(-1, 1, 1)
    rows = []
    for i in range(4):
        nibble = low[:, :, i % 2] & 15 if i < 2 else low[:, :, i % 2] >> 4
        rows.append((nibble | (((high >> (2 * i)) & 3) << 4)).reshape(-1, 2, 1, 32))
    q = _floats(xp, xp.concatenate(rows, 2)) - 32
    return d * scale * q.reshape(-1, 16, 16)


DEQUANTISE = {
    "F32": _f32,
    "F16": _halves,
    "BF16": _bf16,
    "Q8_0": _q8_0,
    "Q4_K": _q4_k,
    "Q6_K": _q6_k,
}
