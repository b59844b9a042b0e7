// Package tokenizer turns text into the token ids of the Qwen3 family and back: byte-level BPE over text that was
// normalised to NFC and split into words.
//
// The vocabulary comes from a GGUF file's metadata ([New]) or from a Hugging Face tokenizer.json ([FromJSON]). The
// reference for every id is the Hugging Face library `tokenizers`; its Unicode tables, of which the normaliser's are
// older than Go's, are part of the definition and stand in tables_*.go.
//
// Text passes five steps, one file each:
//
//	added.go   spellings of added tokens such as <|im_start|> become their ids, where the caller asks for it
//	nfc.go     the text between them is composed (Unicode NFC)
//	scan.go    it is split into words: the pre-tokeniser's regular expression as a scanner
//	cache.go   words met before give their ids at once
//	bpe.go     the others start as bytes and are joined pair by pair in the order of the merge list
//
// Text that is not valid UTF-8 is an error at every entrance (*[UTF8Error]), never replaced.
package tokenizer
