/* Convolutions and windows of one instruction set; NEAP_KERN_NAME says which. */
#include <stddef.h>

#include "kern/kern.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))
#include "kern/gemm.h"

#define CONV_OF(name) neap__conv_##name
#define CONV(name)    CONV_OF(name)

extern const neap_conv CONV(NEAP_KERN_NAME)[NEAP_DTYPE_COUNT];

/* a > b ? a : b in every lane. */
#if defined(__AVX512F__)
static inline gemm_f64 larger_all_f64(gemm_f64 a, gemm_f64 b) {
  return (gemm_f64)_mm512_max_pd((__m512d)a, (__m512d)b);
}
static inline gemm_f32 larger_all_f32(gemm_f32 a, gemm_f32 b) {
  return (gemm_f32)_mm512_max_ps((__m512)a, (__m512)b);
}
#elif defined(__AVX2__)
static inline gemm_f64 larger_all_f64(gemm_f64 a, gemm_f64 b) {
  return (gemm_f64)_mm256_max_pd((__m256d)a, (__m256d)b);
}
static inline gemm_f32 larger_all_f32(gemm_f32 a, gemm_f32 b) {
  return (gemm_f32)_mm256_max_ps((__m256)a, (__m256)b);
}
#else
static inline gemm_f64 larger_all_f64(gemm_f64 a, gemm_f64 b) {
  for (int i = 0; i < 2; i++) a[i] = a[i] > b[i] ? a[i] : b[i];
  return a;
}
static inline gemm_f32 larger_all_f32(gemm_f32 a, gemm_f32 b) {
  for (int i = 0; i < 4; i++) a[i] = a[i] > b[i] ? a[i] : b[i];
  return a;
}
#endif

#define BODY "kern/conv.inc.h"
#include "kern/floats.inc.h"

#define ROW(kind)                                                                                  \
  {                                                                                                \
    .taps = taps_##kind, .lanes = lanes_##kind, .lanes_back = lanes_back_##kind,                   \
    .unbend = unbend_##kind, .add_rows = add_rows_##kind, .max = window_max_##kind,                \
    .sum = window_sum_##kind, .max_back = window_max_back_##kind,                                  \
    .sum_back = window_sum_back_##kind                                                             \
  }
const neap_conv CONV(NEAP_KERN_NAME)[NEAP_DTYPE_COUNT] = {
    [NEAP_F64] = ROW(f64), [NEAP_F32] = ROW(f32)};
