package score

import (
	"bytes"
	"fmt"

	"orchrt/sampler/grammar/value"
	"orchrt/sampler/grammar/vocab"
)

// encode returns tokens whose bytes are text exactly. They are the canonical
// ones unless the tokenizer would compose characters of text (NFC): then each
// character stands for itself, as its own tokens or as tokens of its bytes.
func encode(dst []int32, src vocab.Source, text string) (_ []int32, canonical bool, err error) {
	n := len(dst)
	dst, err = src.AppendEncode(dst, text, false)
	if err != nil || string(bytesOf(src, dst[n:])) == text {
		return dst, true, err
	}
	dst = dst[:n]
	for _, r := range text {
		char := string(r)
		at := len(dst)
		if dst, err = src.AppendEncode(dst, char, false); err != nil {
			return nil, false, err
		}
		if string(bytesOf(src, dst[at:])) == char {
			continue
		}
		dst = dst[:at]
		for i := range len(char) {
			id, ok := src.ID(char[i : i+1])
			if !ok {
				return nil, false, fmt.Errorf("the vocabulary has no token for byte %#02x", char[i])
			}
			dst = append(dst, id)
		}
	}
	return dst, false, nil
}

// bytesOf returns the text of tokens.
func bytesOf(src vocab.Source, ids []int32) []byte {
	var b bytes.Buffer
	for _, id := range ids {
		b.Write(src.Bytes(id))
	}
	return b.Bytes()
}

// appendCall appends the tokens of a call as the model writes it.
func (s *Scorer) appendCall(dst []int32, name string, arguments []byte) (_ []int32, canonical bool, err error) {
	text := value.AppendString([]byte("\n{\"name\": "), name)
	text = append(append(append(text, ", \"arguments\": "...), arguments...), "}\n"...)
	dst, canonical, err = encode(append(dst, s.ids.call), s.src, string(text))
	return append(dst, s.ids.endCall), canonical, err
}
