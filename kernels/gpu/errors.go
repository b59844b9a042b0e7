package gpu

import "fmt"

// Error implements error.
func (e *OutOfMemoryError) Error() string {
	return fmt.Sprintf("gpu: no room for %.2f GB more: %.2f of %.2f GB are free, %.2f GB too few",
		float64(e.Asked)/1e9, float64(e.Free)/1e9, float64(e.Total)/1e9, float64(e.Asked-e.Free)/1e9)
}
