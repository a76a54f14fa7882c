/* The loops of gradients of one instruction set; NEAP_KERN_NAME says which. */
#include "kern/back.h"

#include <math.h>
#include <string.h>

#include "kern/kern.h"
#include "kern/lanes.h"
#include "kern/vec_f32.h"

#define LN2              0.69314718055994530942
#define LN10             2.30258509299404568402
#define TWO_OVER_ROOT_PI 1.12837916709551257390

/* Lanes of a sum, as in a fold; rows that are worked on side by side; positions looked at before
 * their elements are. */
enum { LANES = 16, SIDE = 4, STEP = 256 };
enum { VECTORS = LANES / DOUBLES };

#define ALWAYS_INLINE inline __attribute__((always_inline))
#if defined(__clang__)
#define IVDEP
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNROLL
#else
#define UNROLL _Pragma("clang loop unroll(full)")
#endif
#else
#define IVDEP  _Pragma("GCC ivdep")
#define UNROLL _Pragma("GCC unroll 8")
#endif

#define BACK_OF(name) neap__back_##name
#define BACK(name)    BACK_OF(name)
extern const neap_back BACK(NEAP_KERN_NAME)[NEAP_DTYPE_COUNT];

#define SLOPE_ARGS int64_t n, void *zp, const void *gp, const void *vp

#define T        double
#define E(fn)    fn
#define M(fn)    fn
#define WIDTH_OF WIDTH
#define NAME(op) op##_f64
#include "kern/back.inc.h"
#undef T
#undef E
#undef M
#undef WIDTH_OF
#undef NAME

#define T        float
#define E(fn)    fn##_f
#define M(fn)    fn##f
#define WIDTH_OF WIDTH_F
#define NAME(op) op##_f32
#include "kern/back.inc.h"
#undef T
#undef E
#undef M
#undef WIDTH_OF
#undef NAME

/* The next elements of g in the lanes whose byte of the mask is 1, as many lanes as a register has:
 * how many they are. */
#if defined(__AVX512F__)
static int64_t fill_f64(int64_t n, void *zp, const void *gp, const uint8_t *mask) {
  double *z = zp;
  const double *g = gp;
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)(mask + i));
    __mmask8 some = (__mmask8)_mm_test_epi8_mask(bytes, bytes);
    _mm512_storeu_pd(z + i, _mm512_maskz_expandloadu_pd(some, g));
    g += __builtin_popcount(some);
  }
  return g - (const double *)gp + fill_rest_f64(n - i, z + i, g, mask + i);
}
static int64_t fill_f32(int64_t n, void *zp, const void *gp, const uint8_t *mask) {
  float *z = zp;
  const float *g = gp;
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(mask + i));
    __mmask16 some = _mm_test_epi8_mask(bytes, bytes);
    _mm512_storeu_ps(z + i, _mm512_maskz_expandloadu_ps(some, g));
    g += __builtin_popcount(some);
  }
  return g - (const float *)gp + fill_rest_f32(n - i, z + i, g, mask + i);
}
#else
#define fill_f64 fill_rest_f64
#define fill_f32 fill_rest_f32
#endif

#define ROW(kind)                                                                                  \
  {                                                                                                \
    .slope = {[NEAP_SLOPE_TIMES] = times_##kind,                                                   \
              [NEAP_SLOPE_MINUS_TIMES] = minus_times_##kind,                                       \
              [NEAP_SLOPE_TIMES_MORE] = times_more_##kind,                                         \
              [NEAP_SLOPE_TIMES_LN2] = times_ln2_##kind,                                           \
              [NEAP_SLOPE_OVER] = over_##kind,                                                     \
              [NEAP_SLOPE_OVER_LN2] = over_ln2_##kind,                                             \
              [NEAP_SLOPE_OVER_LN10] = over_ln10_##kind,                                           \
              [NEAP_SLOPE_OVER_MORE] = over_more_##kind,                                           \
              [NEAP_SLOPE_OVER_TWICE] = over_twice_##kind,                                         \
              [NEAP_SLOPE_RECIPROCAL] = reciprocal_##kind,                                         \
              [NEAP_SLOPE_TWICE] = twice_##kind,                                                   \
              [NEAP_SLOPE_TANGENT] = tangent_##kind,                                               \
              [NEAP_SLOPE_TANH] = tanh_##kind,                                                     \
              [NEAP_SLOPE_SIGMOID] = sigmoid_##kind,                                               \
              [NEAP_SLOPE_ARCSINE] = arcsine_##kind,                                               \
              [NEAP_SLOPE_ARCCOSINE] = arccosine_##kind,                                           \
              [NEAP_SLOPE_ARCTANGENT] = arctangent_##kind,                                         \
              [NEAP_SLOPE_RELU] = relu_##kind,                                                     \
              [NEAP_SLOPE_ABSOLUTE] = absolute_##kind,                                             \
              [NEAP_SLOPE_ERF] = erf_##kind},                                                      \
    .scaled = scaled_##kind, .power = power_##kind, .before = before_##kind, .prod = prod_##kind,  \
    .cumprod = cumprod_##kind, .cumsum = cumsum_##kind, .cummax = cummax_##kind,                   \
    .cummin = cummin_##kind, .dot = dot_##kind, .softmax = softmax_##kind,                         \
    .log_softmax = log_softmax_##kind, .add_at = add_at_##kind, .add_rows = add_rows_##kind,       \
    .fill = fill_##kind                                                                            \
  }
const neap_back BACK(NEAP_KERN_NAME)[NEAP_DTYPE_COUNT] = {
    [NEAP_F64] = ROW(f64), [NEAP_F32] = ROW(f32)};
