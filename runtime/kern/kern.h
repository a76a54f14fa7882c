/* kern.h — flat loops over raw pointers: the only place where elements are touched in bulk.
 *
 * One source (table.c, gemm.c, conv.c, fft.c, recurrent.c, layers.c, loss.c, update.c, back.c and
 * their .inc.h bodies, once per dtype) is compiled once per instruction set and gives one table of
 * function pointers each; neap_kern_select() picks the best the processor has, or the one
 * NEAP_CPU=scalar|avx2|avx512 asks for. Nothing here allocates, checks shapes, polls for interrupts
 * or knows threads: callers pass rows or blocks that take well under 10 ms.
 *
 * Values. An element's value never depends on its position, stride or neighbours. exp, exp2, expm1,
 * log, log2, log10, log1p, tanh, sigmoid, softplus, erf, pow, sin and cos of f64 and f32 are our
 * own: a table whose instruction set has fused multiply-add uses it there, so tables may differ
 * within the bounds of vec_f64.h and vec_f32.h; so does softmax. atan2, sin and cos beyond 1e6 and
 * the other trigonometric and hyperbolic functions are the C library's (within 1 ulp there) and may
 * differ between machines. Everything else, products of matrices and layers.h apart, gives the same
 * bits in every table.
 *
 * Strides are in elements, may be 0 or negative. z may be exactly a (same address and stride), but
 * must not overlap an input in any other way. */
#ifndef NEAP_KERN_KERN_H
#define NEAP_KERN_KERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/status.h"
#include "kern/back.h"
#include "kern/layers.h"
#include "kern/loss.h"
#include "kern/recurrent.h"
#include "kern/update.h"

typedef enum {
  NEAP_F64,
  NEAP_F32,
  NEAP_I64,
  NEAP_I32,
  NEAP_U8,
  NEAP_BOOL, /* one byte, 0 or 1 */
  NEAP_DTYPE_COUNT
} neap_dtype;

typedef enum {
#define BINARY(name, dtypes) NEAP_OP_##name,
#include "kern/ops.def"
  NEAP_OP_COUNT
} neap_binary_op;

typedef enum {
#define COMPARE(name, dtypes) NEAP_CMP_##name,
#include "kern/ops.def"
  NEAP_CMP_COUNT
} neap_compare_op;

typedef enum {
#define UNARY(name, dtypes, result) NEAP_MAP_##name,
#include "kern/ops.def"
  NEAP_MAP_COUNT
} neap_unary_op;

typedef enum {
#define FOLD(name, dtypes) NEAP_FOLD_##name,
#include "kern/ops.def"
  NEAP_FOLD_COUNT
} neap_fold_op;

/* What a fold over a block leaves behind. Floats answer in f, integers and bool in i.
 *   sum, prod: the value (integers wrap)      dev: f = sum (x - center)^2, g = sum (x - center)
 *   sumabs, maxabs: f, NaN propagating        any, all: i, NaN counting as true
 *   argmin, argmax: value in f or i, NaN when there is one; at is 0 (-1 when n = 0): neap_find_fn
 *   tells where it stands, for which only the block that won has to be read again */
typedef struct {
  double f, g;
  int64_t i, at;
} neap_acc;

/* z = a op b; a, b of the row's dtype; z of the same dtype, or bool for comparisons. Integers
 * wrap; integer division by zero gives 0 here, callers refuse it before. */
typedef void (*neap_binary_fn)(int64_t n, void *z, int64_t zs, const void *a, int64_t as,
                               const void *b, int64_t bs);
typedef void (*neap_unary_fn)(int64_t n, void *z, int64_t zs, const void *a, int64_t as);

/* z = mask ? a : b; mask is bool. */
typedef void (*neap_where_fn)(int64_t n, void *z, int64_t zs, const void *mask, int64_t ms,
                              const void *a, int64_t as, const void *b, int64_t bs);

/* Convert; false when a value does not fit (that element is then 0): NaN or out of range towards an
 * integer. Float to integer truncates towards zero; anything nonzero is true. */
typedef bool (*neap_cast_fn)(int64_t n, void *z, int64_t zs, const void *a, int64_t as);

/* z[i] = x[at[i]]; positions count from first or, negative, from the end of x's size elements.
 * False when one is outside; z is then of no use. */
typedef bool (*neap_take_fn)(int64_t n, void *z, const void *x, const int64_t *at, int64_t first,
                             int64_t size);

/* The first count elements of x whose byte of the mask is 1, moved together. There must be that
 * many; nothing behind z[count - 1] is written. */
typedef void (*neap_compress_fn)(int64_t count, void *z, const void *x, const uint8_t *mask);

/* z[i * zs + j] = x[j * xs + i] for i < rows, j < columns; z and x lie apart. */
typedef void (*neap_transpose_fn)(int64_t rows, int64_t columns, void *z, int64_t zs, const void *x,
                                  int64_t xs);

/* z = exp(x - top) / sum(exp(x - top)), top the largest x unless infinite; NaN spreads. The sum
 * runs like that of a fold. z may be x. */
typedef void (*neap_softmax_fn)(int64_t n, void *z, const void *x);

/* How many elements are below low, inside low .. high (both included), and no NaN. */
typedef struct {
  int64_t below, inside, valid;
} neap_span;
typedef void (*neap_between_fn)(int64_t n, const void *x, double low, double high, neap_span *out);

/* The first count elements inside low .. high, as f64, in order; there must be that many. */
typedef void (*neap_keep_fn)(int64_t count, double *z, const void *x, double low, double high);

/* Sorting. The upper bits of a word are an element's key, an unsigned number whose order is the
 * order wanted: numbers rising (or falling), -0 equal to 0, NaN last either way; the lower bits are
 * its position. All words differ, so every way of sorting them gives the same result, and that
 * is a stable one. Keys are counted from the lowest one, which mostly makes room for the position;
 * where it does not, drop bits of the key are left out, and elements whose words differ in the
 * position alone are still to be put in order. */
typedef struct {
  uint64_t low, high;
} neap_key_range;
typedef struct {
  uint64_t low;
  int position_bits, drop;
  bool descending;
} neap_word_form;

/* The keys of n elements; *range grows to hold them. */
typedef void (*neap_keys_fn)(int64_t n, const void *x, bool descending, uint64_t *keys,
                             neap_key_range *range);

/* Keys into words for the positions from at on, in place. */
typedef void (*neap_pack_fn)(int64_t n, uint64_t *keys, const neap_word_form *form, int64_t at);

/* Words into positions counted from first, in place; and z, unless NULL or bits were dropped, into
 * the elements of the row x that the words are of. */
typedef void (*neap_unpack_fn)(int64_t n, uint64_t *words, const neap_word_form *form,
                               int64_t first, const void *x, void *z);

/* Does one of n words have the same key as its successor, words[n] being the last one? */
typedef bool (*neap_ties_fn)(int64_t n, const uint64_t *words, int position_bits);

/* Sorting different words in place. split moves those up to the pivot, one of the words and not the
 * largest, to the front: neap_split_begin, then split until it is done, each time moving up to
 * blocks of NEAP_SPLIT_BLOCK words; low is then how many there are. n >= NEAP_SPLIT_LEAST for
 * pivot and split. */
enum { NEAP_SPLIT_BLOCK = 32, NEAP_SPLIT_LEAST = 4 * NEAP_SPLIT_BLOCK };
typedef struct {
  uint64_t *w, pivot;
  int64_t left, right, low, high; /* unread words; free places around them */
  uint64_t kept[2 * NEAP_SPLIT_BLOCK];
} neap_split;
typedef struct {
  void (*sort)(int64_t n, uint64_t *words);
  uint64_t (*pivot)(int64_t n, const uint64_t *words);
  bool (*split)(neap_split *s, int64_t blocks);
} neap_words;
void neap_split_begin(neap_split *s, int64_t n, uint64_t *words, uint64_t pivot);

/* Fold n contiguous elements. Sums run in 16 lanes of f64 (integers: i64), combined pairwise; those
 * of floats begin anew after every 1024 elements, and these segments are added in order. */
typedef void (*neap_fold_fn)(int64_t n, const void *x, double center, neap_acc *out);

/* The position of the first element that equals wanted's f or i, or of the first NaN when that is
 * NaN; -1 when there is none. */
typedef int64_t (*neap_find_fn)(int64_t n, const void *x, const neap_acc *wanted);

/* Fold n rows of up to NEAP_COLUMNS columns, xs elements apart, column by column: out[j * step] is
 * what the fold sum, or dev about center[j], of column j alone gives, bit for bit. center is NULL
 * for sum. */
enum { NEAP_COLUMNS = 64 };
typedef void (*neap_columns_fn)(int64_t n, int64_t columns, const void *x, int64_t xs,
                                const double *center, neap_acc *out, int64_t step);

/* The blocks of the draws first, first + 1, ... (n of them) of a stream. low and high have room for
 * n rounded up to a multiple of 8, all of which may be written. */
typedef void (*neap_blocks_fn)(int64_t n, uint64_t *low, uint64_t *high, const neap_rng *r,
                               uint64_t first);

/* Numbers from blocks, as deviate.h says; one reads high only if it has to. z lies apart. */
typedef void (*neap_deviate_fn)(int64_t n, double *z, const uint64_t *low, const uint64_t *high);
typedef void (*neap_student_fn)(int64_t n, double *z, const uint64_t *low, const uint64_t *high,
                                const double *df, int64_t ds);

/* z += a x; z and x lie apart. */
typedef void (*neap_add_scaled_fn)(int64_t n, double *z, double a, const double *x);

/* Windows that roll over a series. The first eight of these have a kernel for windows of one width.
 */
typedef enum {
  NEAP_ROLLING_SUM,
  NEAP_ROLLING_MEAN,
  NEAP_ROLLING_STD, /* over count - parameter; NaN when that is not positive */
  NEAP_ROLLING_VAR, /* the same */
  NEAP_ROLLING_COV, /* the same, of the places where two series have numbers */
  NEAP_ROLLING_CORR,
  NEAP_ROLLING_SKEW, /* with the corrections for small samples that pandas and Excel make; of 3 */
  NEAP_ROLLING_KURT, /* of 4 numbers at least */
  NEAP_ROLLING_MIN,
  NEAP_ROLLING_MAX,
  NEAP_ROLLING_FIRST, /* the first number and the last */
  NEAP_ROLLING_LAST,
  NEAP_ROLLING_COUNT,    /* of numbers; min_count is for the others */
  NEAP_ROLLING_QUANTILE, /* parameter in [0, 1], linear interpolation */
  NEAP_ROLLING_RANK,     /* of the last place, from 1, the mean of equals; parameter 1: of count */
  NEAP_ROLLING_MEDIAN,   /* the quantile 0.5, whatever parameter is */
  NEAP_ROLLINGS
} neap_rolling;

/* "sum", "mean", ... in the order of neap_rolling, then NULL. */
extern const char *const neap_rolling_names[NEAP_ROLLINGS + 1];

typedef struct {
  int64_t n;         /* places in a window, 1 at least: this one and the n - 1 before */
  int64_t min_count; /* NaN where fewer numbers are in the window; 0 to n */
  double parameter;
} neap_rolling_options;

/* y[j] = op of the o->n places x[j], x[j + 1], ... for j < n, and of u beside them for the two that
 * need it; NaN is as if absent. The bits of y[j] depend on these places alone. space: room for
 * NEAP_ROLLING_SPACE numbers for each of the n + o->n - 1 places. */
enum { NEAP_ROLLING_SPACE = 21 };
typedef void (*neap_rolling_fn)(neap_rolling op, int64_t n, double *y, const double *x,
                                const double *u, const neap_rolling_options *o, double *space);

/* products of matrices
 *
 * The dtypes are f64, f32 and i64 (wrapping). A product is a sum of stretches of k, each from zero:
 *   c = a[:, 1..S] b[1..S, :] + a[:, S+1..2S] b[S+1..2S, :] + ...,  S = NEAP_STRETCH,
 * the stretches added in order, and the terms of a stretch in order, by fused multiply-add where
 * the instruction set has it. So an element's bits depend on its row of a and its column of b
 * alone: not on the sizes m and n, its place, the strides or how the work is cut. They are the same
 * in the avx2 and avx512 tables; scalar rounds products before they are added. S is no multiple of
 * a power of two above 8, so that stretches side by side use all of a cache. */
enum { NEAP_STRETCH = 376 };

/* Columns of b, k x n, as multiply reads them fastest: panels of `panel` columns side by side, each
 * k rows of adjacent elements, the last filled up with zeros: z holds k n elements, n rounded up to
 * whole panels. */
typedef void (*neap_gemm_pack_fn)(int64_t k, int64_t n, void *z, const void *b, int64_t row,
                                  int64_t column);

/* c = a b, or c += a b: c is m x n, of rows cs apart and adjacent columns; 1 <= k <= NEAP_STRETCH.
 * Rows of a are as apart, its columns at. bs = 0: b is packed. Otherwise rows of b are bs apart,
 * its columns adjacent, and n is a multiple of half a panel; cheaper than packing when m is at most
 * `rows`, or b is in the nearest cache. */
typedef void (*neap_gemm_fn)(int64_t m, int64_t n, int64_t k, void *c, int64_t cs, const void *a,
                             int64_t as, int64_t at, const void *b, int64_t bs, bool add);

/* c[i] = or += the product of row i of a and row i of b, for i < n, when rows have adjacent
 * elements; 1 <= k <= NEAP_STRETCH. With as = 0 all share one row. The bits are those of multiply.
 */
typedef void (*neap_dots_fn)(int64_t n, int64_t k, void *c, const void *a, int64_t as,
                             const void *b, int64_t bs, bool add);

typedef struct {
  int rows, panel;
  int few, wide; /* with m at most few, wide columns in one call are faster than a panel */
  neap_gemm_pack_fn pack;
  neap_gemm_fn multiply;
  neap_dots_fn dots;
} neap_gemm;

/* convolutions and windows
 *
 * Of f64 and f32. Places hold adjacent channels. What one output reads are taps: count[0] times
 * count[1] stretches of k adjacent elements, step[0] and step[1] apart. */
typedef struct {
  int64_t k, count[2], step[2];
} neap_taps;

/* Activations that are known from their result alone. */
typedef enum {
  NEAP_BEND_NONE,
  NEAP_BEND_RELU,
  NEAP_BEND_LEAKY, /* v < 0 ? slope v : v */
  NEAP_BEND_TANH,
  NEAP_BEND_SIGMOID
} neap_bend;

typedef struct {
  /* y[i, j] = b[j] + the sum over the taps of x[i] times w, m rows of n columns, xs and ys apart;
   * then, unless slope is NULL, v < 0 ? *slope v : v, 0 <= *slope <= 1. w: for each panel of
   * columns (gemm's width, the last filled up with zeros) a row of b and a row of w for each
   * element of x, in the order of the taps. Sums are in that order, from b on, by fused
   * multiply-add where the set has it. m >= 1. */
  void (*taps)(int64_t m, int64_t n, const neap_taps *t, void *y, int64_t ys, const void *x,
               int64_t xs, const void *w, const double *slope);
  /* The same where column j of y reads column j of x alone: w has n columns, a row for each tap
   * behind that of b, and nothing is fused. Back: dw, without a row of b, += x times the gradient
   * g. */
  void (*lanes)(int64_t m, int64_t n, const neap_taps *t, void *y, int64_t ys, const void *x,
                int64_t xs, const void *w, const double *slope);
  void (*lanes_back)(int64_t m, int64_t n, const neap_taps *t, void *dw, const void *x, int64_t xs,
                     const void *g, int64_t gs);
  /* z = g times the slope of the activation where its result is y; z may be g. Where v was 0 or
   * less, the slope of ReLU is 0 and that of its leaky form is slope. */
  void (*unbend)(neap_bend bend, double slope, int64_t n, void *z, const void *g, const void *y);
  /* z[j] += the sum of the m elements of column j, rows being xs apart. */
  void (*add_rows)(int64_t m, int64_t n, void *z, const void *x, int64_t xs);
  /* y[i, j] = the largest of the taps of x[i, j], NaN if there is one, or scale times their sum;
   * k is not used. Back: the gradient g of y is added to dx, to the first of the largest. dx has
   * x's strides, g has y's. */
  void (*max)(int64_t m, int64_t n, const neap_taps *t, void *y, int64_t ys, const void *x,
              int64_t xs);
  void (*sum)(int64_t m, int64_t n, const neap_taps *t, double scale, void *y, int64_t ys,
              const void *x, int64_t xs);
  void (*max_back)(int64_t m, int64_t n, const neap_taps *t, void *dx, const void *x, int64_t xs,
                   const void *y, const void *g, int64_t ys);
  void (*sum_back)(int64_t m, int64_t n, const neap_taps *t, double scale, void *dx, int64_t xs,
                   const void *g, int64_t ys);
} neap_conv;

/* Fourier transforms
 *
 * Of s sequences at once, whose real and imaginary parts lie apart: place j of sequence q is at
 * [j * s + q]. A transform of length n = r m begins with one of m for each of r classes:
 *   z[(r p + k) s + q] = u^(p k) sum_j x[(p + m j) s + q] v^(j k),  u, v = exp(-2 pi i/n), (.../r)
 * for p < m and k < r; then follow those of length m with r s for s, and the last, with m = 1,
 * leaves all in order (Stockham's, decimated in frequency). w holds u^(p k) for k from 1 as real
 * and imaginary part, p by p. z and x lie apart. No multiply-add is fused: all tables give the same
 * bits. */
typedef void (*neap_fft_pass_fn)(int64_t m, int64_t s, double *zr, double *zi, const double *xr,
                                 const double *xi, const double *w);
enum { NEAP_FFT_RADIX = 13, NEAP_FFT_LANES = 8 };
typedef struct {
  neap_fft_pass_fn pass[NEAP_FFT_RADIX + 1]; /* by r; NULL where there is none */
  /* z *= w */
  void (*times)(int64_t n, double *zr, double *zi, const double *wr, const double *wi);
  /* z[i] *= v[i] w in rows of NEAP_FFT_LANES, of which w is one */
  void (*twist)(int64_t rows, double *zr, double *zi, const double *vr, const double *vi,
                const double *wr, const double *wi);
  /* Rows of pairs into parts, zs and xs doubles apart; and back, times scale. */
  void (*part)(int64_t rows, int64_t n, double *re, double *im, int64_t zs, const double *x,
               int64_t xs);
  void (*join)(int64_t rows, int64_t n, double *z, int64_t zs, const double *re, const double *im,
               int64_t xs, double scale);
} neap_fft;

typedef struct {
  const char *name;
  neap_binary_fn binary[NEAP_OP_COUNT][NEAP_DTYPE_COUNT]; /* NULL: dtype not supported */
  neap_binary_fn compare[NEAP_CMP_COUNT][NEAP_DTYPE_COUNT];
  neap_unary_fn unary[NEAP_MAP_COUNT][NEAP_DTYPE_COUNT];
  neap_fold_fn fold[NEAP_FOLD_COUNT][NEAP_DTYPE_COUNT];
  neap_where_fn where[NEAP_DTYPE_COUNT];
  neap_take_fn take[NEAP_DTYPE_COUNT];
  neap_compress_fn compress[NEAP_DTYPE_COUNT];
  neap_transpose_fn transpose[NEAP_DTYPE_COUNT];
  neap_softmax_fn softmax[NEAP_DTYPE_COUNT];
  neap_between_fn between[NEAP_DTYPE_COUNT];
  neap_keep_fn keep[NEAP_DTYPE_COUNT];
  neap_columns_fn columns[NEAP_DTYPE_COUNT];
  neap_find_fn find[NEAP_DTYPE_COUNT];
  neap_keys_fn keys[NEAP_DTYPE_COUNT];
  neap_pack_fn pack;
  neap_unpack_fn unpack[NEAP_DTYPE_COUNT];
  neap_ties_fn ties;
  neap_words words;      /* NULL: the table has none */
  const neap_gemm *gemm; /* by dtype */
  const neap_conv *conv; /* by dtype */
  const neap_fft *fft;
  const neap_cell_kern (*cells)[2]; /* by neap_cell, then NEAP_F64 or NEAP_F32 */
  neap_cast_fn cast[NEAP_DTYPE_COUNT][NEAP_DTYPE_COUNT]; /* [to][from] */
  neap_blocks_fn blocks;
  neap_deviate_fn unit, short_unit, exponential, normal; /* short_unit fits f32 exactly */
  neap_student_fn student;
  neap_add_scaled_fn add_scaled;
  neap_rolling_fn rolling;
  const neap_layers *layers; /* by dtype: f64, f32 */
  const neap_loss_table *loss;
  const neap_update_table *update;
  const neap_back *back; /* by dtype: f64, f32 */
} neap_kern;

/* The table to use; decided at the first call. NEAP_EARG when NEAP_CPU names no table, or one that
 * this processor cannot run. */
neap_status neap_kern_select(const neap_kern **out);

/* Table number i from 0 (scalar first), or NULL past the last one that this processor can run. */
const neap_kern *neap_kern_at(int i);

/* out = into followed by next, for partial results of blocks in order. */
void neap_kern_merge(neap_fold_op op, neap_dtype dtype, neap_acc *into, const neap_acc *next);

/* Names for messages: "add", "exp", ... and whether a unary gives a bool. */
extern const char *const neap_binary_names[NEAP_OP_COUNT];
extern const char *const neap_compare_names[NEAP_CMP_COUNT];
extern const char *const neap_unary_names[NEAP_MAP_COUNT];
bool neap_unary_is_test(neap_unary_op op);

/* Sorting by radix, for tables without .words: add the digits of n words, of 8 bits from bit number
 * from on, to the counts of every pass; turn the counts of a pass into places, false when all n
 * words have the same digit, so that the pass changes nothing; put n words where places says for
 * the digit at bit number from, moving places on. Few words, up to some 50, by insertion. */
enum { NEAP_RADIX = 256, NEAP_RADIX_PASSES = 8 };
void neap_radix_count(int64_t n, const uint64_t *words, int from, int passes,
                      int64_t counts[NEAP_RADIX_PASSES][NEAP_RADIX]);
bool neap_radix_places(int64_t n, int64_t counts[NEAP_RADIX]);
void neap_radix_scatter(int64_t n, const uint64_t *words, uint64_t *to, int from,
                        int64_t places[NEAP_RADIX]);
void neap_sort_few(int64_t n, uint64_t *words);

#endif
