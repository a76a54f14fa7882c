/* The passes of Fourier transforms of one instruction set; NEAP_KERN_NAME says which. */
#include <stddef.h>
#include <string.h>

#include "kern/kern.h"

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
#define UNROLL _Pragma("GCC unroll 16")
#endif

#define FFT_OF(name) neap__fft_##name
#define FFT(name)    FFT_OF(name)

extern const neap_fft FFT(NEAP_KERN_NAME);

/* cos and sin of 2 pi k/r */
#define HALF_ROOT 0.7071067811865476
static const double cosine_3[] = {1, -0.5, -0.5};
static const double sine_3[] = {0, 0.8660254037844386, -0.8660254037844386};
static const double cosine_5[] = {1, 0.30901699437494745, -0.8090169943749475, -0.8090169943749475,
                                  0.30901699437494745};
static const double sine_5[] = {0, 0.9510565162951535, 0.5877852522924731, -0.5877852522924731,
                                -0.9510565162951535};
static const double cosine_7[] = {1,
                                  0.6234898018587335,
                                  -0.2225209339563144,
                                  -0.9009688679024191,
                                  -0.9009688679024191,
                                  -0.2225209339563144,
                                  0.6234898018587335};
static const double sine_7[] = {0,
                                0.7818314824680298,
                                0.9749279121818236,
                                0.4338837391175581,
                                -0.4338837391175581,
                                -0.9749279121818236,
                                -0.7818314824680298};
static const double cosine_11[] = {1,
                                   0.8412535328311812,
                                   0.41541501300188644,
                                   -0.14231483827328514,
                                   -0.6548607339452851,
                                   -0.9594929736144974,
                                   -0.9594929736144974,
                                   -0.6548607339452851,
                                   -0.14231483827328514,
                                   0.41541501300188644,
                                   0.8412535328311812};
static const double sine_11[] = {0,
                                 0.5406408174555976,
                                 0.9096319953545183,
                                 0.9898214418809327,
                                 0.7557495743542583,
                                 0.28173255684142967,
                                 -0.28173255684142967,
                                 -0.7557495743542583,
                                 -0.9898214418809327,
                                 -0.9096319953545183,
                                 -0.5406408174555976};
static const double cosine_13[] = {1,
                                   0.8854560256532099,
                                   0.5680647467311558,
                                   0.12053668025532305,
                                   -0.3546048870425356,
                                   -0.7485107481711011,
                                   -0.970941817426052,
                                   -0.970941817426052,
                                   -0.7485107481711011,
                                   -0.3546048870425356,
                                   0.12053668025532305,
                                   0.5680647467311558,
                                   0.8854560256532099};
static const double sine_13[] = {0,
                                 0.46472317204376856,
                                 0.8229838658936564,
                                 0.992708874098054,
                                 0.9350162426854148,
                                 0.6631226582407952,
                                 0.23931566428755777,
                                 -0.23931566428755777,
                                 -0.6631226582407952,
                                 -0.9350162426854148,
                                 -0.992708874098054,
                                 -0.8229838658936564,
                                 -0.46472317204376856};

#define VECTOR(n)                                                                                  \
  typedef double v##n __attribute__((vector_size(8 * n)));                                         \
  typedef double u##n __attribute__((vector_size(8 * n), aligned(8), may_alias));
#define V        double
#define U        double
#define NAME(op) op##_1
#include "kern/fft.inc.h"
#undef V
#undef U
#undef NAME

VECTOR(2)
#define V        v2
#define U        u2
#define NAME(op) op##_2
#include "kern/fft.inc.h"
#undef V
#undef U
#undef NAME

#if defined(__AVX2__)
VECTOR(4)
#define V        v4
#define U        u4
#define NAME(op) op##_4
#include "kern/fft.inc.h"
#undef V
#undef U
#undef NAME
#define BY_4(...) __VA_ARGS__
#else
#define BY_4(...)
#endif

#if defined(__AVX512F__)
VECTOR(8)
#define V        v8
#define U        u8
#define NAME(op) op##_8
#include "kern/fft.inc.h"
#undef V
#undef U
#undef NAME
#define BY_8(...) __VA_ARGS__
#else
#define BY_8(...)
#endif

/* All sequences at one place p of a pass; few at a time in the end. */
#define PASS(r)                                                                                    \
  static ALWAYS_INLINE void place_##r(int64_t m, int64_t s, double *zr, double *zi,                \
                                      const double *xr, const double *xi, const double *w) {       \
    int64_t q = 0;                                                                                 \
    BY_8(for (; q + 8 <= s; q += 8) point_##r##_8(m *s, s, zr + q, zi + q, xr + q, xi + q, w);)    \
    BY_4(for (; q + 4 <= s; q += 4) point_##r##_4(m *s, s, zr + q, zi + q, xr + q, xi + q, w);)    \
    for (; q + 2 <= s; q += 2) point_##r##_2(m *s, s, zr + q, zi + q, xr + q, xi + q, w);          \
    if (q < s) point_##r##_1(m *s, s, zr + q, zi + q, xr + q, xi + q, w);                          \
  }                                                                                                \
  static void pass_##r(int64_t m, int64_t s, double *zr, double *zi, const double *xr,             \
                       const double *xi, const double *w) {                                        \
    place_##r(m, s, zr, zi, xr, xi, NULL);                                                         \
    for (int64_t p = 1; p < m; p++)                                                                \
      place_##r(m, s, zr + r * p * s, zi + r * p * s, xr + p * s, xi + p * s,                      \
                w + 2 * (r - 1) * p);                                                              \
  }
PASS(2)
PASS(3)
PASS(4)
PASS(5)
PASS(7)
PASS(8)
PASS(11)
PASS(13)

static void times(int64_t n, double *restrict zr, double *restrict zi, const double *restrict wr,
                  const double *restrict wi) {
  IVDEP for (int64_t i = 0; i < n; i++) {
    double re = zr[i] * wr[i] - zi[i] * wi[i], im = zr[i] * wi[i] + zi[i] * wr[i];
    zr[i] = re;
    zi[i] = im;
  }
}

static void twist(int64_t rows, double *restrict zr, double *restrict zi, const double *restrict vr,
                  const double *restrict vi, const double *restrict wr, const double *restrict wi) {
  for (int64_t i = 0; i < rows * NEAP_FFT_LANES; i += NEAP_FFT_LANES)
    IVDEP for (int q = 0; q < NEAP_FFT_LANES; q++) {
      double fr = vr[i + q] * wr[q] - vi[i + q] * wi[q], fi = vr[i + q] * wi[q] + vi[i + q] * wr[q];
      double re = zr[i + q] * fr - zi[i + q] * fi, im = zr[i + q] * fi + zi[i + q] * fr;
      zr[i + q] = re;
      zi[i + q] = im;
    }
}

static void part(int64_t rows, int64_t n, double *restrict re, double *restrict im, int64_t zs,
                 const double *restrict x, int64_t xs) {
  for (int64_t row = 0; row < rows; row++, re += zs, im += zs, x += xs)
    IVDEP for (int64_t i = 0; i < n; i++) {
      re[i] = x[2 * i];
      im[i] = x[2 * i + 1];
    }
}

static void join(int64_t rows, int64_t n, double *restrict z, int64_t zs, const double *restrict re,
                 const double *restrict im, int64_t xs, double scale) {
  for (int64_t row = 0; row < rows; row++, re += xs, im += xs, z += zs)
    IVDEP for (int64_t i = 0; i < n; i++) {
      z[2 * i] = re[i] * scale;
      z[2 * i + 1] = im[i] * scale;
    }
}

const neap_fft FFT(NEAP_KERN_NAME) = {
    .pass = {[2] = pass_2,
             [3] = pass_3,
             [4] = pass_4,
             [5] = pass_5,
             [7] = pass_7,
             [8] = pass_8,
             [11] = pass_11,
             [13] = pass_13},
    .times = times,
    .twist = twist,
    .part = part,
    .join = join,
};
