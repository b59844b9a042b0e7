"""The reference for the tests: Hugging Face `tokenizers` on a tokenizer.json.

    python reference.py TOKENIZER.json OPERATION < REQUEST > ANSWER

Requests and answers are lists of items, each a uint32 count and that many elements: bytes of UTF-8 text, or uint32 ids,
all little-endian.

    encode   texts -> ids, added tokens recognised
    plain    texts -> ids, with no added tokens in the vocabulary
    decode   ids -> texts, special tokens kept
    skip     ids -> texts, special tokens skipped
    nfc      texts -> texts, normalised
    time     groups of texts, an empty text after each -> one line per group on stderr: seconds of processor time
             for encoding the group text by text on one thread, best of three
"""

import json
import os
import struct
import sys
import time

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false" if sys.argv[2] == "time" else "true")
from tokenizers import Tokenizer  # noqa: E402


def items(width):
    data = sys.stdin.buffer.read()
    at = 0
    while at < len(data):
        (n,) = struct.unpack_from("<I", data, at)
        at += 4
        yield data[at : at + n * width]
        at += n * width


def texts():
    return [x.decode() for x in items(1)]


def ids():
    return [list(struct.unpack("<%dI" % (len(x) // 4), x)) for x in items(4)]


def answer_ids(encodings):
    out = sys.stdout.buffer
    for e in encodings:
        out.write(struct.pack("<%dI" % (1 + len(e.ids)), len(e.ids), *e.ids))


def answer_texts(strings):
    out = sys.stdout.buffer
    for s in strings:
        b = s.encode()
        out.write(struct.pack("<I", len(b)) + b)


def main():
    path, operation = sys.argv[1:]
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if operation == "plain":
        spec = json.loads(text)
        spec["added_tokens"] = []
        text = json.dumps(spec)
    tok = Tokenizer.from_str(text)
    if operation in ("encode", "plain"):
        request = texts()
        for i in range(0, len(request), 4096):
            answer_ids(tok.encode_batch_fast(request[i : i + 4096], add_special_tokens=False))
    elif operation in ("decode", "skip"):
        answer_texts(tok.decode(x, skip_special_tokens=operation == "skip") for x in ids())
    elif operation == "nfc":
        answer_texts(tok.normalizer.normalize_str(x) for x in texts())
    elif operation == "time":
        for group in groups(texts()):
            print(best(lambda: [tok.encode_batch_fast([x], add_special_tokens=False) for x in group]), file=sys.stderr)
    else:
        sys.exit(f"reference.py: unknown operation {operation}")


def groups(strings):
    group = []
    for s in strings:
        if s:
            group.append(s)
        else:
            yield group
            group = []


def best(f):
    times = []
    for _ in range(3):
        start = time.thread_time()
        f()
        times.append(time.thread_time() - start)
    return min(times)


main()
