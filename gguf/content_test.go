package gguf

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckModel(t *testing.T) {
	arch := entry{keyArchitecture, "qwen3"}
	for name, c := range map[string]struct {
		keys    []entry
		content string
		class   error // nil: a model
		says    string
	}{
		"model":                  {[]entry{arch, {keyType, "model"}}, ContentModel, nil, ""},
		"model without a type":   {[]entry{arch}, ContentModel, nil, ""},
		"imatrix":                {[]entry{{keyType, "imatrix"}, {"imatrix.chunk_count", uint32(4)}}, ContentImatrix, ErrNotModel, "calibration data"},
		"imatrix without a type": {[]entry{{"imatrix.chunk_count", uint32(4)}}, ContentImatrix, ErrNotModel, "calibration data"},
		"adapter":                {[]entry{arch, {keyType, "adapter"}}, ContentAdapter, ErrNotModel, "LoRA"},
		"adapter without a type": {[]entry{arch, {"adapter.type", "lora"}}, ContentAdapter, ErrNotModel, "LoRA"},
		"projector":              {[]entry{{keyArchitecture, "clip"}, {keyType, "mmproj"}}, ContentProjector, ErrNotModel, "mmproj"},
		"projector by its keys":  {[]entry{{keyArchitecture, "clip"}}, ContentProjector, ErrNotModel, "mmproj"},
		"control vector":         {[]entry{{keyArchitecture, "controlvector"}}, ContentControlVector, ErrNotModel, "control vector"},
		"unknown type":           {[]entry{arch, {keyType, "dataset"}}, "dataset", ErrNotModel, `"dataset"`},
		"no architecture":        {[]entry{{keyType, "model"}}, "", ErrMissing, keyArchitecture},
		"empty architecture":     {[]entry{{keyArchitecture, ""}}, "", ErrNotModel, "empty"},
		"nothing":                {nil, "", ErrMissing, keyArchitecture},
		"type of a kind":         {[]entry{arch, {keyType, uint32(1)}}, "", ErrKind, keyType},
		"architecture of a kind": {[]entry{{keyArchitecture, true}}, "", ErrKind, keyArchitecture},
	} {
		f := mustRead(t, write(t, c.keys, sampleTensors()))
		content, _ := f.Content()
		err := f.CheckModel()
		if content != c.content || !errors.Is(err, c.class) || (err != nil && !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %q, %v; expected %q, %v: %s", name, content, err, c.content, c.class, c.says)
		}
	}
	f := mustRead(t, write(t, []entry{arch}, nil))
	if err := f.CheckModel(); !errors.Is(err, ErrNotModel) || !strings.Contains(err.Error(), "vocabulary") {
		t.Error(err)
	}
}
