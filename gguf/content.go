package gguf

import "strings"

// What a file may hold, as Content returns it.
const (
	ContentModel         = "model"
	ContentImatrix       = "imatrix"        // calibration data of a quantiser
	ContentAdapter       = "adapter"        // LoRA
	ContentProjector     = "mmproj"         // the vision or audio part of a model
	ContentControlVector = "control vector" // directions to add to the activations
)

// Content is what the file holds: its general.type where it has one, else what
// its keys show. It is "" for what cannot be told.
func (f *File) Content() (string, error) {
	kind, err := f.optional(keyType)
	if err != nil || (kind != "" && kind != ContentModel) {
		return kind, err
	}
	arch, err := f.optional(keyArchitecture)
	if err != nil {
		return "", err
	}
	switch {
	case arch == "clip":
		return ContentProjector, nil
	case arch == "controlvector":
		return ContentControlVector, nil
	case f.Has("adapter.type"):
		return ContentAdapter, nil
	case arch != "":
		return ContentModel, nil
	}
	for _, key := range f.keys {
		if strings.HasPrefix(key, "imatrix.") {
			return ContentImatrix, nil
		}
	}
	return "", nil
}

// optional is the string under key, or "" where there is none.
func (f *File) optional(key string) (string, error) {
	if !f.Has(key) {
		return "", nil
	}
	return f.String(key)
}

// CheckModel returns an error that wraps ErrNotModel where the file holds
// something else than a model with its weights, or one that wraps ErrMissing or
// ErrKind where the keys that tell are missing or of the wrong kind.
func (f *File) CheckModel() error {
	content, err := f.Content()
	if err != nil {
		return err
	}
	fail := func(key, reason string) error {
		return &Error{File: f.shards[0].path, Key: key, Offset: -1, Reason: reason, Err: ErrNotModel}
	}
	switch content {
	case ContentModel:
		if len(f.tensors) == 0 {
			return fail("", "the file has no tensors: it is a vocabulary without weights; name the model's .gguf file")
		}
		return nil
	case ContentImatrix:
		return fail(keyType, "an importance matrix (imatrix), which is calibration data and no model: name the model's .gguf file")
	case ContentAdapter:
		return fail(keyType, "an adapter (LoRA), not a model: name the .gguf file of its base model")
	case ContentProjector:
		return fail(keyType, "a multimodal projector (mmproj), not a language model: name the language model's .gguf file")
	case ContentControlVector:
		return fail(keyArchitecture, "a control vector, not a model: name the model's .gguf file")
	case "":
		_, err := f.String(keyArchitecture) // missing, or empty
		if err == nil {
			err = fail(keyArchitecture, "the architecture is empty: the file is damaged")
		}
		return err
	}
	return fail(keyType, "the file is of type \""+content+"\", not a model: name the model's .gguf file")
}
