"""Prints the Unicode data that Hugging Face `tokenizers` works with, as Go.

The tables are asked of the library itself, character by character, because its two Unicode users follow
different editions of the standard: the NFC normaliser an old one, the regular expressions a recent one.
Text must be split and normalised as it was when the model was trained, whatever Unicode says today.

    python gen_unicode.py classes > ../tables_classes.go
    python gen_unicode.py nfc > ../tables_nfc.go
"""

import sys

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CHARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)
nfc = normalizers.NFC().normalize_str
nfd = normalizers.NFD().normalize_str


def ranges(values):
    """[(first, last, value)] of runs of equal value in a dict char -> value."""
    out = []
    for c in sorted(values):
        if out and out[-1][1] == c - 1 and out[-1][2] == values[c]:
            out[-1][1] = c
        else:
            out.append([c, c, values[c]])
    return out


def matching(pattern):
    """The characters that a one-character pattern matches: Split removes them."""
    split = pre_tokenizers.Split(Regex(pattern), behavior="removed")
    return {c: 0 for c in CHARS if not split.pre_tokenize_str(chr(c))}


def swaps(a, b):
    """Whether canonical ordering exchanges two characters that do not decompose."""
    return nfd(a + b) == b + a and a != b


def combining_classes():
    """char -> canonical combining class, for classes other than 0.

    The order of two marks shows which class is lower; one known character per class turns that into a number.
    """
    import unicodedata

    known = {}
    for c in CHARS:
        k = unicodedata.combining(chr(c))
        if k and k not in known and nfd(chr(c)) == chr(c):
            if swaps(chr(c), "\u0334") or swaps("\u0345", chr(c)) or k in (1, 240):
                known[k] = chr(c)
    known[1], known[240] = "\u0334", "\u0345"
    order = sorted(known)
    for low, high in zip(order, order[1:]):
        assert swaps(known[high], known[low]), (low, high)
    out = {}
    for c in CHARS:
        ch = chr(c)
        if nfd(ch) != ch:
            continue
        above = [k for k in order if swaps(ch, known[k])] if swaps(ch, known[1]) else []
        below = [k for k in order if swaps(known[k], ch)] if swaps(known[240], ch) else []
        if not above and not below:
            continue
        equal = [k for k in order if k not in above and k not in below]
        assert len(equal) == 1, (hex(c), above, below)
        out[c] = equal[0]
    return out


def escape(s):
    return "".join("\\u%04X" % ord(x) if ord(x) < 0x10000 else "\\U%08X" % ord(x) for x in s)


def decompositions():
    """Entries "<char><mark><full decomposition>", mark '=' where NFC composes the parts again, else '~'."""
    full = {chr(c): nfd(chr(c)) for c in CHARS if c not in HANGUL and nfd(chr(c)) != chr(c)}
    composed = {d: c for c, d in full.items() if nfc(c) == c}
    for d in composed:
        assert len(d) == 2 or d[:-1] in composed, d
    return [escape(c) + ("=" if nfc(c) == c else "~") + escape(d) for c, d in sorted(full.items())]


def emit_ranges(name, comment, rows, width):
    print(f"\n// {name} {comment}\nvar {name} = [...][{width}]rune{{")
    line = "\t"
    for row in rows:
        item = "{" + ", ".join("0x%04X" % v if i < 2 else str(v) for i, v in enumerate(row[:width])) + "}, "
        if len(line) + len(item) > 118:
            print(line.rstrip())
            line = "\t"
        line += item
    print(line.rstrip() + "\n}")


def emit_text(name, comment, entries):
    print(f"\n// {name} {comment}\nconst {name} = \"\" +")
    lines, line = [], ""
    for e in entries:
        if len(line) + len(e) + 1 > 112:
            lines.append(line)
            line = ""
        line += e + " "
    lines.append(line.rstrip())
    print(" +\n".join('\t"' + x + '"' for x in lines))


def classes():
    letters, numbers, word = matching(r"\p{L}"), matching(r"\p{N}"), words()
    emit_ranges("letterRanges", r"are the characters of \p{L}: first, last.", ranges(letters), 2)
    emit_ranges("numberRanges", r"are the characters of \p{N}: first, last.", ranges(numbers), 2)
    emit_ranges("spaceRanges", r"are the characters of \s: first, last.", ranges(matching(r"\s")), 2)
    both = {**letters, **numbers}
    emit_ranges("wordRanges", r"are the characters of \w beyond \p{L} and \p{N}: first, last.",
                ranges({c: 0 for c in word if c not in both}), 2)
    emit_ranges("nonWordRanges", r"are the characters of \p{L} and \p{N} that \w leaves out: first, last.",
                ranges({c: 0 for c in both if c not in word}), 2)


def nfc_tables():
    emit_ranges("combiningRanges", "are the canonical combining classes other than 0: first, last, class.",
                ranges(combining_classes()), 3)
    emit_text("decompositions",
              "lists full canonical decompositions as char, mark, parts: '=' where NFC composes the parts again,\n"
              "// '~' where it does not. Hangul syllables follow a formula instead.", decompositions())


def words():
    """\\w as added tokens with single_word see it: a neighbour of \\w keeps the token from matching."""
    t = tokenizers.Tokenizer(tokenizers.models.BPE(vocab={"a": 0}, merges=[]))
    t.add_tokens([tokenizers.AddedToken("#", single_word=True, normalized=False)])
    return {c for c in CHARS if c != ord("#") and t.token_to_id("#") not in t.encode("#" + chr(c)).ids}


if __name__ == "__main__":
    print(f"// Code generated by testdata/gen_unicode.py from tokenizers {tokenizers.__version__}. DO NOT EDIT.")
    print("\npackage tokenizer")
    {"classes": classes, "nfc": nfc_tables}[sys.argv[1]]()
