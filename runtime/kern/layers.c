/* The loops of layers of one instruction set; NEAP_KERN_NAME says which. */
#include "kern/layers.h"

#include <math.h>
#include <string.h>

#include "kern/kern.h"
#include "kern/lanes.h"
#include "kern/vec_f32.h"

#if defined(__clang__)
#define IVDEP
#else
#define IVDEP _Pragma("GCC ivdep")
#endif
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Rows that are worked on side by side. */
enum { GROUP = 16 };

/* Of registers: the sum of the lanes, the largest; the first n elements of memory, up to all lanes,
 * the others 0; writing the first n lanes; -inf in the lanes from n on. */
#if defined(__AVX512F__)

static inline double total_f64(pack_f64 v) { return _mm512_reduce_add_pd(v); }
static inline float total_f32(pack_f32 v) { return _mm512_reduce_add_ps(v); }
static inline double most_f64(pack_f64 v) { return _mm512_reduce_max_pd(v); }
static inline float most_f32(pack_f32 v) { return _mm512_reduce_max_ps(v); }
static inline __mmask16 first_16(int64_t n) {
  return n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1);
}
static inline pack_f64 some_f64(const double *p, int64_t n) {
  return _mm512_maskz_loadu_pd(first(n), p);
}
static inline pack_f32 some_f32(const float *p, int64_t n) {
  return _mm512_maskz_loadu_ps(first_16(n), p);
}
static inline void put_f64(double *p, pack_f64 v, int64_t n) {
  _mm512_mask_storeu_pd(p, first(n), v);
}
static inline void put_f32(float *p, pack_f32 v, int64_t n) {
  _mm512_mask_storeu_ps(p, first_16(n), v);
}
static inline pack_f64 low_from_f64(pack_f64 v, int64_t n) {
  return _mm512_mask_mov_pd(_mm512_set1_pd(-INFINITY), first(n), v);
}
static inline pack_f32 low_from_f32(pack_f32 v, int64_t n) {
  return _mm512_mask_mov_ps(_mm512_set1_ps(-INFINITY), first_16(n), v);
}

#else

#define LANES(T, kind)                                                                             \
  enum { PACK_##kind = sizeof(pack_##kind) / sizeof(T) };                                          \
  static inline T total_##kind(pack_##kind v) {                                                    \
    T lane[PACK_##kind];                                                                           \
    memcpy(lane, &v, sizeof lane);                                                                 \
    for (int half = PACK_##kind / 2; half; half /= 2)                                              \
      for (int k = 0; k < half; k++) lane[k] += lane[k + half];                                    \
    return lane[0];                                                                                \
  }                                                                                                \
  static inline T most_##kind(pack_##kind v) {                                                     \
    T lane[PACK_##kind];                                                                           \
    memcpy(lane, &v, sizeof lane);                                                                 \
    for (int half = PACK_##kind / 2; half; half /= 2)                                              \
      for (int k = 0; k < half; k++)                                                               \
        lane[k] = lane[k] > lane[k + half] ? lane[k] : lane[k + half];                             \
    return lane[0];                                                                                \
  }
LANES(double, f64)
LANES(float, f32)
#undef LANES

#if defined(__AVX2__)

static inline __m256i first_8(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n < 8 ? (int)n : 8),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline pack_f64 some_f64(const double *p, int64_t n) {
  return _mm256_maskload_pd(p, first(n));
}
static inline pack_f32 some_f32(const float *p, int64_t n) {
  return _mm256_maskload_ps(p, first_8(n));
}
static inline void put_f64(double *p, pack_f64 v, int64_t n) {
  _mm256_maskstore_pd(p, first(n), v);
}
static inline void put_f32(float *p, pack_f32 v, int64_t n) {
  _mm256_maskstore_ps(p, first_8(n), v);
}
static inline pack_f64 low_from_f64(pack_f64 v, int64_t n) {
  return _mm256_blendv_pd(_mm256_set1_pd(-INFINITY), v, _mm256_castsi256_pd(first(n)));
}
static inline pack_f32 low_from_f32(pack_f32 v, int64_t n) {
  return _mm256_blendv_ps(_mm256_set1_ps(-INFINITY), v, _mm256_castsi256_ps(first_8(n)));
}

#else

#define LANES(T, kind)                                                                             \
  static inline pack_##kind some_or_##kind(const T *p, int64_t n, T rest) {                        \
    T lane[PACK_##kind];                                                                           \
    pack_##kind v;                                                                                 \
    for (int k = 0; k < PACK_##kind; k++) lane[k] = k < n ? p[k] : rest;                           \
    memcpy(&v, lane, sizeof v);                                                                    \
    return v;                                                                                      \
  }                                                                                                \
  static inline pack_##kind some_##kind(const T *p, int64_t n) {                                   \
    return n >= PACK_##kind ? pack_load_##kind(p) : some_or_##kind(p, n, 0);                       \
  }                                                                                                \
  static inline void put_##kind(T *p, pack_##kind v, int64_t n) {                                  \
    T lane[PACK_##kind];                                                                           \
    memcpy(lane, &v, sizeof lane);                                                                 \
    for (int k = 0; k < PACK_##kind && k < n; k++) p[k] = lane[k];                                 \
  }                                                                                                \
  static inline pack_##kind low_from_##kind(pack_##kind v, int64_t n) {                            \
    T lane[PACK_##kind];                                                                           \
    memcpy(lane, &v, sizeof lane);                                                                 \
    return some_or_##kind(lane, n, -(T)INFINITY);                                                  \
  }
LANES(double, f64)
LANES(float, f32)
#undef LANES

#endif
#endif

#define LAYERS_OF(name) neap__layers_##name
#define LAYERS(name)    LAYERS_OF(name)
extern const neap_layers LAYERS(NEAP_KERN_NAME)[NEAP_DTYPE_COUNT];

#define BODY "kern/layers.inc.h"
#include "kern/floats.inc.h"

#define ROW(kind)                                                                                  \
  {                                                                                                \
    .norm = norm_##kind, .norm_back = norm_back_##kind, .affine = affine_##kind,                   \
    .affine_back = affine_back_##kind, .affine_sums = affine_sums_##kind, .soften = soften_##kind, \
    .soften_back = soften_back_##kind, .rows = rows_##kind, .share = share_##kind,                 \
    .drop = drop_##kind                                                                            \
  }
const neap_layers LAYERS(NEAP_KERN_NAME)[NEAP_DTYPE_COUNT] = {
    [NEAP_F64] = ROW(f64), [NEAP_F32] = ROW(f32)};
