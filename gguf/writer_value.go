package gguf

// kindOf maps a Go value to its kind in the file; of a slice, elem and n are
// those of its elements. ok is false for a type that has no kind.
func kindOf(value any) (kind, elem Kind, n int, ok bool) {
	switch x := value.(type) {
	case []uint8:
		return Array, Uint8, len(x), true
	case []int8:
		return Array, Int8, len(x), true
	case []uint16:
		return Array, Uint16, len(x), true
	case []int16:
		return Array, Int16, len(x), true
	case []uint32:
		return Array, Uint32, len(x), true
	case []int32:
		return Array, Int32, len(x), true
	case []float32:
		return Array, Float32, len(x), true
	case []bool:
		return Array, Bool, len(x), true
	case []string:
		return Array, String, len(x), true
	case []uint64:
		return Array, Uint64, len(x), true
	case []int64:
		return Array, Int64, len(x), true
	case []float64:
		return Array, Float64, len(x), true
	}
	kind, ok = scalarKind(value)
	return kind, kind, 1, ok
}

func scalarKind(value any) (kind Kind, ok bool) {
	switch value.(type) {
	case uint8:
		return Uint8, true
	case int8:
		return Int8, true
	case uint16:
		return Uint16, true
	case int16:
		return Int16, true
	case uint32:
		return Uint32, true
	case int32:
		return Int32, true
	case float32:
		return Float32, true
	case bool:
		return Bool, true
	case string:
		return String, true
	case uint64:
		return Uint64, true
	case int64:
		return Int64, true
	case float64:
		return Float64, true
	}
	return 0, false
}

// value writes a value that checkValue has let through.
func (w *Writer) value(value any) {
	kind, elem, n, _ := kindOf(value)
	w.number(uint32(kind))
	if kind == Array {
		w.number(uint32(elem))
		w.number(uint64(n))
	}
	switch x := value.(type) {
	case string:
		w.str(x)
	case []string:
		for _, s := range x {
			w.str(s)
		}
	case []uint8:
		w.bytes(x)
	case []int8:
		numbers(w, x)
	case []uint16:
		numbers(w, x)
	case []int16:
		numbers(w, x)
	case []uint32:
		numbers(w, x)
	case []int32:
		numbers(w, x)
	case []float32:
		numbers(w, x)
	case []bool:
		numbers(w, x)
	case []uint64:
		numbers(w, x)
	case []int64:
		numbers(w, x)
	case []float64:
		numbers(w, x)
	default:
		w.number(x)
	}
}

func numbers[T any](w *Writer, list []T) {
	for _, x := range list {
		w.number(x)
	}
}
