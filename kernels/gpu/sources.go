package gpu

import "embed"

// Sources holds the kernels' sources and what the emulator adds to them. They are embedded for
// two reasons: the emulator compiles exactly what the package was built from, and Go's
// build cache sees every change to them (of itself it does not look at .cu files).
//
//go:embed *.cu* emu/*.h emu/*.cc
var Sources embed.FS
