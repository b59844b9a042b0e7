// The vector types of kern.inc: 64 bytes whatever the instruction set; the
// compiler splits them where registers are narrower.
#ifndef ORT_VECTOR_H
#define ORT_VECTOR_H

#include <stdint.h>

typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));
typedef uint32_t vu __attribute__((vector_size(64)));
typedef uint8_t v64 __attribute__((vector_size(64)));
typedef int8_t v16s __attribute__((vector_size(16)));
typedef uint8_t v16b __attribute__((vector_size(16)));

#endif
