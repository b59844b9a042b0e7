// A ring of stages in shared memory: what producers and consumers keep of it.
#pragma once

#include "ptx.cuh"

// A place in a ring and the parity of its turn.
template <int slots> struct Ring {
	int at = 0;
	uint32_t parity = 0;
	ORT_METHOD void next() {
		if (++at == slots) at = 0, parity ^= 1;
	}
};
