/* The kernels of one instruction set, as one table; NEAP_KERN_NAME says which. Each body file is
 * included once per dtype. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/deviate.h"
#include "kern/kern.h"
#include "kern/lanes.h"
#include "kern/vec_f32.h"

enum { LANES = 16, WIDE = 4 * LANES, SEGMENT = 1024 };

#define ALWAYS_INLINE inline __attribute__((always_inline))
#if defined(__clang__)
#define IVDEP /* clang's pragma warns where a loop stays scalar; its own overlap test does */
#define LANE_LOOP
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNROLL /* their checks prevent it, and a pragma that is not followed is an error */
#else
#define UNROLL _Pragma("clang loop unroll(full)")
#endif
#else
#define IVDEP     _Pragma("GCC ivdep")
#define LANE_LOOP _Pragma("GCC unroll 1") /* unrolled too early, selections stay branches */
#define UNROLL    _Pragma("GCC unroll 16")
#endif
#define BINARY_ARGS                                                                                \
  int64_t n, void *z, int64_t zs, const void *a, int64_t as, const void *b, int64_t bs
#define UNARY_ARGS int64_t n, void *z, int64_t zs, const void *a, int64_t as
#define FOLD_ARGS  int64_t n, const void *x, double center, neap_acc *out

enum { VECTORS = LANES / DOUBLES };

static inline double tree_f(const double *s) {
  double r[LANES];
  for (int k = 0; k < LANES; k++) r[k] = s[k];
  for (int half = LANES / 2; half; half /= 2)
    for (int k = 0; k < half; k++) r[k] = r[k] + r[k + half];
  return r[0];
}

/* The same tree. */
static inline double tree_wide(const wide *s) {
  wide r[VECTORS];
  double lanes[DOUBLES];
  UNROLL for (int v = 0; v < VECTORS; v++) r[v] = s[v];
  UNROLL for (int half = VECTORS / 2; half; half /= 2) {
    UNROLL for (int v = 0; v < half; v++) r[v] = r[v] + r[v + half];
  }
  memcpy(lanes, r, sizeof lanes);
  UNROLL for (int half = DOUBLES / 2; half; half /= 2) {
    UNROLL for (int k = 0; k < half; k++) lanes[k] = lanes[k] + lanes[k + half];
  }
  return lanes[0];
}

static inline void clear(wide *s, int n) { UNROLL for (int v = 0; v < n; v++) s[v] = (wide){0}; }

/* The tree of every column, left in s[0]. */
static void tree_columns(double s[LANES][NEAP_COLUMNS]) {
  for (int half = LANES / 2; half; half /= 2)
    for (int k = 0; k < half; k++)
      for (int j = 0; j < NEAP_COLUMNS; j++) s[k][j] = s[k][j] + s[k + half][j];
}

/* One element from a float (through double) or an integer (through int64_t); *bad when it does not
 * fit, which then gives 0 rather than undefined behaviour. */
static inline double to_f64_f(double v, bool *bad) { return (void)bad, v; }
static inline float to_f32_f(double v, bool *bad) { return (void)bad, (float)v; }
static inline uint8_t to_bool_f(double v, bool *bad) { return (void)bad, v != 0; }
static inline int64_t to_i64_f(double v, bool *bad) {
  bool fits = v >= -0x1p63 && v < 0x1p63;
  *bad |= !fits;
  return fits ? (int64_t)v : 0;
}
static inline int32_t to_i32_f(double v, bool *bad) {
  bool fits = v > -0x1p31 - 1 && v < 0x1p31;
  *bad |= !fits;
  return fits ? (int32_t)v : 0;
}
static inline uint8_t to_u8_f(double v, bool *bad) {
  bool fits = v > -1 && v < 256;
  *bad |= !fits;
  return fits ? (uint8_t)v : 0;
}
static inline double to_f64_i(int64_t v, bool *bad) { return (void)bad, (double)v; }
static inline float to_f32_i(int64_t v, bool *bad) { return (void)bad, (float)v; }
static inline uint8_t to_bool_i(int64_t v, bool *bad) { return (void)bad, v != 0; }
static inline int64_t to_i64_i(int64_t v, bool *bad) { return (void)bad, v; }
static inline int32_t to_i32_i(int64_t v, bool *bad) {
  bool fits = v >= INT32_MIN && v <= INT32_MAX;
  *bad |= !fits;
  return fits ? (int32_t)v : 0;
}
static inline uint8_t to_u8_i(int64_t v, bool *bad) {
  bool fits = v >= 0 && v <= 255;
  *bad |= !fits;
  return fits ? (uint8_t)v : 0;
}

/* Eight elements of one width, for exchanging them. */
typedef uint64_t vector_64 __attribute__((vector_size(64)));
typedef uint32_t vector_32 __attribute__((vector_size(32)));
typedef uint8_t vector_8 __attribute__((vector_size(8)));

#if defined(__AVX512F__)
/* The elements whose byte of the mask is 1, written together; how many. All lanes are written. */
static inline int64_t compress_8_of_64(uint64_t *z, const uint64_t *x, const uint8_t *mask) {
  __m128i bytes = _mm_loadl_epi64((const void *)mask);
  __mmask8 k = (__mmask8)_mm_test_epi8_mask(bytes, bytes);
  _mm512_storeu_si512(z, _mm512_maskz_compress_epi64(k, _mm512_loadu_si512(x)));
  return __builtin_popcount(k);
}

static inline int64_t compress_16_of_32(uint32_t *z, const uint32_t *x, const uint8_t *mask) {
  __m128i bytes = _mm_loadu_si128((const void *)mask);
  __mmask16 k = _mm_test_epi8_mask(bytes, bytes);
  _mm512_storeu_si512(z, _mm512_maskz_compress_epi32(k, _mm512_loadu_si512(x)));
  return __builtin_popcount(k);
}
#endif

/* Negative numbers have all bits flipped, others the sign bit: unsigned order is then numeric. */
#define TOP(b)     (8 * sizeof(b) - 1)
#define KEY(b)     ((b) ^ (((BITS)0 - ((b) >> TOP(b))) | (BITS)1 << TOP(b)))
#define BITS_OF(k) ((k) ^ ((((k) >> TOP(k)) - 1) | (BITS)1 << TOP(k)))
#define VAGUE(v)   (!((v) < 0 || (v) > 0)) /* -0 and 0, NaN */
#define VIA(to)    to##_f
#define FIELD      f
#define FIELD_TYPE double
#define IS_NAN(v)  ((v) != (v))
#define ACC        double

#define T        double
#define BITS     uint64_t
#define M(fn)    fn
#define E(fn)    fn
#define WIDTH_OF WIDTH
#define NAME(op) op##_f64
#include "kern/loops.inc.h"

#include "kern/cast.inc.h"
#include "kern/top.inc.h"

#include "kern/float.inc.h"
#include "kern/float_fold.inc.h"
#include "kern/fold.inc.h"
#include "kern/order.inc.h"
#undef BITS
#undef T
#undef M
#undef E
#undef WIDTH_OF
#undef NAME

#define T        float
#define BITS     uint32_t
#define M(fn)    fn##f
#define E(fn)    fn##_f
#define WIDTH_OF WIDTH_F
#define NAME(op) op##_f32
#include "kern/loops.inc.h"

#include "kern/cast.inc.h"
#include "kern/top.inc.h"

#include "kern/float.inc.h"
#include "kern/float_fold.inc.h"
#include "kern/fold.inc.h"
#include "kern/order.inc.h"
#undef BITS
#undef T
#undef M
#undef E
#undef WIDTH_OF
#undef NAME

#undef KEY
#undef BITS_OF
#undef VAGUE
#undef VIA
#undef FIELD
#undef FIELD_TYPE
#undef IS_NAN
#undef ACC
#define KEY(b)     ((b) ^ (BITS)1 << TOP(b))
#define BITS_OF(k) KEY(k)
#define VAGUE(v)   false
#define VIA(to)    to##_i
#define FIELD      i
#define FIELD_TYPE int64_t
#define IS_NAN(v)  false

/* Element-wise integers wrap in their own unsigned type, folds in 64 bits. */
#define T        int64_t
#define BITS     uint64_t
#define ACC      uint64_t
#define NAME(op) op##_i64
#include "kern/loops.inc.h"

#include "kern/cast.inc.h"
#include "kern/fold.inc.h"
#include "kern/order.inc.h"
#undef BITS
#include "kern/int.inc.h"
#include "kern/int_fold.inc.h"
#undef T
#undef ACC
#undef NAME

#define T        int32_t
#define BITS     uint32_t
#define ACC      uint32_t
#define NAME(op) op##_i32
#include "kern/loops.inc.h"

#include "kern/int.inc.h"
#undef ACC
#define ACC uint64_t
#include "kern/cast.inc.h"
#include "kern/fold.inc.h"
#include "kern/int_fold.inc.h"
#include "kern/order.inc.h"
#undef BITS
#undef T
#undef ACC
#undef NAME

#undef KEY
#define KEY(b)   (b)
#define T        uint8_t
#define BITS     uint8_t
#define ACC      uint8_t
#define NAME(op) op##_u8
#include "kern/loops.inc.h"

#include "kern/int.inc.h"
#undef ACC
#define ACC uint64_t
#include "kern/cast.inc.h"
#include "kern/fold.inc.h"
#include "kern/int_fold.inc.h"
#include "kern/order.inc.h"
#undef BITS
#undef NAME

#define NAME(op) op##_bool
#include "kern/loops.inc.h"

#include "kern/bool.inc.h"
#include "kern/cast.inc.h"
#include "kern/fold.inc.h"
#include "kern/int_fold.inc.h"
#undef T
#undef ACC
#undef NAME

#define T        uint64_t
#define VECTOR   vector_64
#define NAME(op) op##_64
#if defined(__AVX512F__)
#define COMPRESS       compress_8_of_64
#define COMPRESS_LANES 8
#endif
#include "kern/move.inc.h"
#undef T
#undef VECTOR
#undef NAME
#undef COMPRESS
#undef COMPRESS_LANES

#define T        uint32_t
#define VECTOR   vector_32
#define NAME(op) op##_32
#if defined(__AVX512F__)
#define COMPRESS       compress_16_of_32
#define COMPRESS_LANES 16
#endif
#include "kern/move.inc.h"
#undef T
#undef VECTOR
#undef NAME
#undef COMPRESS
#undef COMPRESS_LANES

#define T        uint8_t
#define VECTOR   vector_8
#define NAME(op) op##_8
#include "kern/move.inc.h"
#undef T
#undef VECTOR
#undef NAME

static void pack(int64_t n, uint64_t *keys, const neap_word_form *form, int64_t at) {
  uint64_t low = form->low, position = (uint64_t)at;
  int bits = form->position_bits, drop = form->drop;
  for (int64_t i = 0; i < n; i++)
    keys[i] = (keys[i] - low) >> drop << bits | (position + (uint64_t)i);
}

static bool ties(int64_t n, const uint64_t *words, int position_bits) {
  uint64_t found = 0;
  for (int64_t i = 0; i < n; i++) found |= (words[i] ^ words[i + 1]) >> position_bits == 0;
  return found;
}

#if defined(__AVX512F__)
#include "kern/words_avx512.h"
#define WORDS                                                                                      \
  { sort_words, pivot_words, split_words }
#else
#define WORDS                                                                                      \
  { NULL, NULL, NULL }
#endif

#define ROW_KEYS(op)                                                                               \
  { op##_f64, op##_f32, op##_i64, op##_i32, op##_u8, op##_u8 }

#include "kern/random.inc.h"
#include "kern/rolling.inc.h"

#define ROW_WIDTH(op)                                                                              \
  { op##_64, op##_32, op##_64, op##_32, op##_8, op##_8 }
#define ROW_ALL(op)                                                                                \
  { op##_f64, op##_f32, op##_i64, op##_i32, op##_u8, op##_bool }
#define ROW_NUM(op)                                                                                \
  { op##_f64, op##_f32, op##_i64, op##_i32, op##_u8, NULL }
#define ROW_FLOAT(op)                                                                              \
  { op##_f64, op##_f32 }
#define ROW_BITS(op)                                                                               \
  { NULL, NULL, op##_i64, op##_i32, op##_u8, op##_bool }
#define TABLE_OF(name) neap__kern_##name
#define TABLE(name)    TABLE_OF(name)
#define TEXT_OF(name)  #name
#define TEXT(name)     TEXT_OF(name)

#define GEMM_OF(name) neap__gemm_##name
#define GEMM(name)    GEMM_OF(name)

#define CONV_OF(name) neap__conv_##name
#define CONV(name)    CONV_OF(name)

#define FFT_OF(name) neap__fft_##name
#define FFT(name)    FFT_OF(name)

#define CELLS_OF(name) neap__cells_##name
#define CELLS(name)    CELLS_OF(name)

#define LOSS_OF(name) neap__loss_##name
#define LOSS(name)    LOSS_OF(name)

#define UPDATE_OF(name) neap__update_##name
#define UPDATE(name)    UPDATE_OF(name)

extern const neap_loss_table LOSS(NEAP_KERN_NAME);
extern const neap_update_table UPDATE(NEAP_KERN_NAME);
extern const neap_gemm GEMM(NEAP_KERN_NAME)[NEAP_DTYPE_COUNT];
extern const neap_conv CONV(NEAP_KERN_NAME)[NEAP_DTYPE_COUNT];
extern const neap_fft FFT(NEAP_KERN_NAME);
extern const neap_cell_kern CELLS(NEAP_KERN_NAME)[NEAP_CELLS][2];

#define BACK_OF(name) neap__back_##name
#define BACK(name)    BACK_OF(name)
extern const neap_back BACK(NEAP_KERN_NAME)[NEAP_DTYPE_COUNT];

#define LAYERS_OF(name) neap__layers_##name
#define LAYERS(name)    LAYERS_OF(name)
extern const neap_layers LAYERS(NEAP_KERN_NAME)[NEAP_DTYPE_COUNT];
extern const neap_kern TABLE(NEAP_KERN_NAME);
const neap_kern TABLE(NEAP_KERN_NAME) = {
    .name = TEXT(NEAP_KERN_NAME),
    .binary =
        {
#define BINARY(op, dtypes) [NEAP_OP_##op] = ROW_##dtypes(op),
#include "kern/ops.def"
        },
    .compare =
        {
#define COMPARE(op, dtypes) [NEAP_CMP_##op] = ROW_##dtypes(op),
#include "kern/ops.def"
        },
    .unary =
        {
#define UNARY(op, dtypes, result) [NEAP_MAP_##op] = ROW_##dtypes(op),
#include "kern/ops.def"
        },
    .fold =
        {
#define FOLD(op, dtypes) [NEAP_FOLD_##op] = ROW_##dtypes(op),
#include "kern/ops.def"
        },
    .where = ROW_ALL(where),
    .take = ROW_WIDTH(take),
    .compress = ROW_WIDTH(compress),
    .transpose = ROW_WIDTH(transpose),
    .softmax = ROW_FLOAT(softmax),
    .between = ROW_FLOAT(between),
    .keep = ROW_FLOAT(keep),
    .columns = ROW_FLOAT(columns),
    .find = ROW_ALL(find),
    .keys = ROW_KEYS(keys),
    .pack = pack,
    .unpack = ROW_KEYS(unpack),
    .ties = ties,
    .words = WORDS,
    .blocks = random_blocks,
    .unit = random_unit,
    .short_unit = random_short_unit,
    .exponential = random_exponential,
    .normal = random_normal,
    .student = random_student,
    .add_scaled = random_add_scaled,
    .rolling = rolling,
    .gemm = GEMM(NEAP_KERN_NAME),
    .conv = CONV(NEAP_KERN_NAME),
    .fft = &FFT(NEAP_KERN_NAME),
    .cells = CELLS(NEAP_KERN_NAME),
    .layers = LAYERS(NEAP_KERN_NAME),
    .loss = &LOSS(NEAP_KERN_NAME),
    .update = &UPDATE(NEAP_KERN_NAME),
    .back = BACK(NEAP_KERN_NAME),
    .cast = {ROW_ALL(to_f64), ROW_ALL(to_f32), ROW_ALL(to_i64), ROW_ALL(to_i32), ROW_ALL(to_u8),
             ROW_ALL(to_bool)},
};
