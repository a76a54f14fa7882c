/* The products of matrices of one instruction set; NEAP_KERN_NAME says which. */
#include <stddef.h>

#include "kern/kern.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))
#include "kern/gemm.h"
#if defined(__AVX512F__)
#include "kern/gemm_dots.h"
#endif

#define TABLE_OF(name) neap__kern_##name
#define TABLE(name)    TABLE_OF(name)
#define GEMM_OF(name)  neap__gemm_##name
#define GEMM(name)     GEMM_OF(name)

extern const neap_kern TABLE(NEAP_KERN_NAME);
extern const neap_gemm GEMM(NEAP_KERN_NAME)[NEAP_DTYPE_COUNT];

#define T        double
#define DTYPE    NEAP_F64
#define NAME(op) op##_f64
#if defined(__AVX512F__)
#define REGISTER    __m512d
#define DOTS_SHARED 16
#define DOTS_OWN    16
#endif
#include "kern/gemm.inc.h"
#undef T
#undef DTYPE
#undef NAME
#undef REGISTER
#undef DOTS_SHARED
#undef DOTS_OWN

#define T        float
#define DTYPE    NEAP_F32
#define NAME(op) op##_f32
#if defined(__AVX512F__)
#define REGISTER    __m512
#define DOTS_SHARED 32
#define DOTS_OWN    16
#endif
#include "kern/gemm.inc.h"
#undef T
#undef DTYPE
#undef NAME
#undef REGISTER
#undef DOTS_SHARED
#undef DOTS_OWN

#define T        uint64_t
#define DTYPE    NEAP_I64
#define NAME(op) op##_i64
#include "kern/gemm.inc.h"
#undef T
#undef DTYPE
#undef NAME

#define ROW(kind, T)                                                                               \
  {                                                                                                \
    .rows = GEMM_ROWS, .panel = 2 * GEMM_BYTES / sizeof(T), .few = GEMM_FEW,                       \
    .wide = 8 * GEMM_BYTES / sizeof(T), .pack = gemm_pack_##kind,                                  \
    .multiply = gemm_multiply_##kind, .dots = gemm_dots_##kind                                     \
  }
const neap_gemm GEMM(NEAP_KERN_NAME)[NEAP_DTYPE_COUNT] = {
    [NEAP_F64] = ROW(f64, double), [NEAP_F32] = ROW(f32, float), [NEAP_I64] = ROW(i64, uint64_t)};
