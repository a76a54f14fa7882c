/* tensor.h — dense n-dimensional arrays: a refcounted storage seen through strided views.
 *
 * Why views: slice, transpose and reshape cost O(1) and share memory with their source. All sizes
 * and strides are int64_t elements; strides may be 0 (broadcast) or negative (reverse). A tensor
 * has 0 to NEAP_MAX_DIMS dimensions; 0 dimensions hold one element.
 *
 * Dimensions and positions are 0-based here; bindings convert. Every function that fills `out`
 * expects it uninitialised or empty, and leaves it empty on error (safe to drop). An `out` may not
 * be one of the inputs unless the comment says so. Input tensors are borrowed. */
#ifndef NEAP_TENSOR_TENSOR_H
#define NEAP_TENSOR_TENSOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/status.h"
#include "kern/kern.h" /* neap_dtype, names of the operations */
#include "tensor/element.h"

enum { NEAP_MAX_DIMS = 8 };

/* The bytes under one or more views. release frees data by its own kind: heap, mapped file, buffer
 * borrowed from somebody else (owner). */
typedef struct neap_storage {
  atomic_int_fast64_t refs;
  int64_t bytes;
  void *data;
  void (*release)(struct neap_storage *);
  void *owner;
  atomic_uint_fast64_t version; /* raised by every write; lets a tape notice changed inputs */
} neap_storage;

/* Where a tensor came from, for its gradient: opaque here, counted by whoever records (record.h).
 */
typedef struct neap_trace neap_trace;

typedef struct {
  neap_storage *storage; /* NULL = empty or closed */
  int64_t offset;        /* of element (0, 0, ...), in elements */
  neap_dtype dtype;
  int ndim;
  int64_t size[NEAP_MAX_DIMS], stride[NEAP_MAX_DIMS];
  neap_trace *trace; /* NULL: takes part in no gradient; never in results of functions below */
} neap_tensor;

/* dtypes ----------------------------------------------------------------------------------------
 */

const char *neap_dtype_name(neap_dtype dtype); /* "f64", "f32", "i64", "i32", "u8", "bool" */
size_t neap_dtype_size(neap_dtype dtype);
bool neap_dtype_is_float(neap_dtype dtype);

/* The dtype called name, or NEAP_EDTYPE listing the six names. */
neap_status neap_dtype_parse(neap_dtype *out, const char *name);

/* What an operation on a and b computes in: the wider kind; f32 with i64 or i32 gives f64. */
neap_dtype neap_dtype_promote(neap_dtype a, neap_dtype b);

/* making and dropping -----------------------------------------------------------------------------
 */

/* A fresh zero-filled tensor, C order. */
neap_status neap_tensor_init(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size);

/* The same, contents undefined. */
neap_status neap_tensor_init_raw(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size);

/* One dimension of n elements, contents undefined: the usual result of a series function. */
neap_status neap_tensor_init_1d(neap_tensor *out, neap_dtype dtype, int64_t n);

/* n elements start, start + step, ...; in i64 they wrap. */
neap_status neap_tensor_range_f64(neap_tensor *out, double start, double step, int64_t n);
neap_status neap_tensor_range_i64(neap_tensor *out, int64_t start, int64_t step, int64_t n);

/* A tensor over bytes somebody else owns; release(storage) is called with the last view. */
neap_status neap_tensor_wrap(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                             void *data, void (*release)(neap_storage *), void *owner);

/* A value as a tensor without dimensions, without allocating: s->t is valid while s lives, and is
 * never dropped. neap_scalar_i64 fails when v does not fit in dtype. */
typedef struct {
  neap_tensor t;
  neap_storage storage;
  union {
    double f64;
    float f32;
    int64_t i64;
    int32_t i32;
    uint8_t u8;
  } value;
} neap_scalar;
void neap_scalar_f64(neap_scalar *s, neap_dtype dtype, double v); /* dtype f64 or f32 */
neap_status neap_scalar_i64(neap_scalar *s, neap_dtype dtype, int64_t v);

/* Does t belong to a neap_scalar, so that a view of it must not outlive that? */
bool neap_tensor_is_scalar(const neap_tensor *t);

/* Forget the view; the storage goes with its last view. Accepts an empty tensor. */
void neap_tensor_drop(neap_tensor *t);

/* Another view of the same elements, without their trace. */
void neap_tensor_alias(neap_tensor *out, const neap_tensor *t);

/* Count a write to the storage under t: for code that writes through neap_tensor_data, so that a
 * tape notices inputs that were changed. The functions below do it themselves. */
void neap_tensor_touch(const neap_tensor *t);

/* looking -------------------------------------------------------------------------------------- */

int64_t neap_tensor_numel(const neap_tensor *t);
bool neap_tensor_is_contiguous(const neap_tensor *t); /* C order without holes */
bool neap_tensor_same_shape(const neap_tensor *a, const neap_tensor *b);

/* Address of element (0, 0, ...). */
void *neap_tensor_data(const neap_tensor *t);

/* "[32x10]"; "[]" for 0 dimensions. Returns text. */
const char *neap_shape_text(const neap_tensor *t, char *text, size_t length);

/* Element at position[ndim], as the widest type of its kind. */
double neap_tensor_get_f64(const neap_tensor *t, const int64_t *position);
int64_t neap_tensor_get_i64(const neap_tensor *t, const int64_t *position);
void neap_tensor_set_f64(neap_tensor *t, const int64_t *position, double v);
void neap_tensor_set_i64(neap_tensor *t, const int64_t *position, int64_t v);

/* views: O(1), sharing memory ------------------------------------------------------------------ */

/* Positions start, start + step, ... count of them, along dim. Bounds are checked. */
neap_status neap_tensor_slice(neap_tensor *out, const neap_tensor *t, int dim, int64_t start,
                              int64_t count, int64_t step);

/* One position along dim; the dimension disappears. */
neap_status neap_tensor_select(neap_tensor *out, const neap_tensor *t, int dim, int64_t position);

neap_status neap_tensor_transpose(neap_tensor *out, const neap_tensor *t, int a, int b);

/* Same elements in C order under another shape; a view when memory allows, else a copy. One size
 * may be -1: it is inferred. */
neap_status neap_tensor_reshape(neap_tensor *out, const neap_tensor *t, int ndim,
                                const int64_t *size);

/* Stretch dimensions of size 1 (and add leading ones) to the given shape, with stride 0. */
neap_status neap_tensor_expand(neap_tensor *out, const neap_tensor *t, int ndim,
                               const int64_t *size);

/* Dimension d of out is dimension order[d] of t; order holds every dimension once. */
neap_status neap_tensor_permute(neap_tensor *out, const neap_tensor *t, const int *order);

/* As reshape, but NEAP_EARG where that would have to copy. */
neap_status neap_tensor_view(neap_tensor *out, const neap_tensor *t, int ndim, const int64_t *size);

/* Drop dimension dim, which must have size 1. */
neap_status neap_tensor_squeeze(neap_tensor *out, const neap_tensor *t, int dim);

/* Put a dimension of size 1 before dimension dim (at the end when dim = ndim). */
neap_status neap_tensor_unsqueeze(neap_tensor *out, const neap_tensor *t, int dim);

/* copies --------------------------------------------------------------------------------------- */

/* dst[...] = src[...], src broadcast to dst's shape, dtypes converted as by neap_tensor_as.
 * Overlapping memory is handled: dst gets what src held before. When a value does not fit, dst is
 * left partly written. */
neap_status neap_tensor_copy(neap_tensor *dst, const neap_tensor *src);

/* A fresh contiguous copy. */
neap_status neap_tensor_clone(neap_tensor *out, const neap_tensor *t);

/* Converted to dtype: always a contiguous tensor, and a view of t when it already is one of that
 * dtype. This is how a module gets a plain array from whatever the user passed. Float to integer
 * truncates towards zero; NaN and values out of range are errors; anything nonzero is true. */
neap_status neap_tensor_as(neap_tensor *out, const neap_tensor *t, neap_dtype dtype);

/* Several tensors of one shape, but for dimension dim, one after the other along dim. The dtype is
 * the promoted one. stack puts them along a new dimension dim. */
neap_status neap_tensor_cat(neap_tensor *out, int n, const neap_tensor *const *t, int dim);
neap_status neap_tensor_stack(neap_tensor *out, int n, const neap_tensor *const *t, int dim);

/* element-wise: operands broadcast, dtypes promote --------------------------------------------- */

/* out = a op b. Operations without a loop for the promoted dtype compute bools in i64 and integers
 * in f64 (so division of integers gives f64). Integers wrap; integer division by zero and negative
 * integer powers of integers are NEAP_EVALUE. */
neap_status neap_tensor_binary(neap_tensor *out, neap_binary_op op, const neap_tensor *a,
                               const neap_tensor *b);

/* a = a op b; b is broadcast to a. NEAP_EDTYPE when the result would not have a's dtype. b may
 * overlap a in any way. */
neap_status neap_tensor_binary_into(neap_tensor *a, neap_binary_op op, const neap_tensor *b);

/* A bool per element; any comparison with NaN is false but ne. */
neap_status neap_tensor_compare(neap_tensor *out, neap_compare_op op, const neap_tensor *a,
                                const neap_tensor *b);

/* out = op(a). Integers go to f64 where op has no integer form; rounding leaves them alone. */
neap_status neap_tensor_unary(neap_tensor *out, neap_unary_op op, const neap_tensor *a);
neap_status neap_tensor_unary_into(neap_tensor *a, neap_unary_op op);

/* mask ? a : b, all three broadcast; mask is bool, a and b promote. */
neap_status neap_tensor_where(neap_tensor *out, const neap_tensor *mask, const neap_tensor *a,
                              const neap_tensor *b);

/* selecting by index tensors and masks --------------------------------------------------------- */

/* Flat positions, in C order and counted from first, of the elements that are not 0: i64. */
neap_status neap_tensor_nonzero(neap_tensor *out, const neap_tensor *t, int64_t first);

/* The positions index[...] (i64, counted from first, negative from the end; any shape) along dim;
 * in out, index's dimensions stand where dim was. */
neap_status neap_tensor_take(neap_tensor *out, const neap_tensor *t, int dim,
                             const neap_tensor *index, int64_t first);

/* The elements at positions index (i64, counted from first, negative from the end) along dim: out
 * has index's shape, and out[.., i, ..] = t[.., index[.., i, ..], ..]. index has t's sizes, or 1,
 * but along dim. scatter is the way back, t[.., index[.., i, ..], ..] = src[.., i, ..]; src is
 * broadcast to index, and of equal positions the last wins. */
neap_status neap_tensor_gather(neap_tensor *out, const neap_tensor *t, int dim,
                               const neap_tensor *index, int64_t first);
neap_status neap_tensor_scatter(neap_tensor *t, int dim, const neap_tensor *index, int64_t first,
                                const neap_tensor *src);

/* The elements of t where mask, bool and of t's shape, is true: one dimension, in C order. */
neap_status neap_tensor_take_where(neap_tensor *out, const neap_tensor *t, const neap_tensor *mask);

/* t[index[i], ...] = src[i, ...] along dimension 0, index of one dimension; src is broadcast. */
neap_status neap_tensor_put(neap_tensor *t, const neap_tensor *index, int64_t first,
                            const neap_tensor *src);

/* t = value where mask is true; mask covers the leading dimensions of t, value has none. */
neap_status neap_tensor_fill_where(neap_tensor *t, const neap_tensor *mask,
                                   const neap_tensor *value);

/* random numbers ------------------------------------------------------------------------------- */

/* r advances by one draw per element, whatever the thread count. Element i is a function of r's
 * seed, stream and next + i only. */

/* Uniform in [0, 1) and standard normal; dtype f64 or f32. */
neap_status neap_tensor_rand(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                             neap_rng *r);
neap_status neap_tensor_randn(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                              neap_rng *r);

/* Integers low <= k <= high, i64. */
neap_status neap_tensor_randint(neap_tensor *out, int64_t low, int64_t high, int ndim,
                                const int64_t *size, neap_rng *r);

/* first, first + 1, ... (n of them) in random order, i64. */
neap_status neap_tensor_permutation(neap_tensor *out, int64_t n, int64_t first, neap_rng *r);

/* Distributions and their parameters a and b; NEAP_EVALUE names the first value not allowed. */
typedef enum {
  NEAP_BERNOULLI,   /* 0 <= p <= 1: bool */
  NEAP_EXPONENTIAL, /* rate > 0 */
  NEAP_GAMMA,       /* shape > 0, scale > 0 */
  NEAP_BETA,        /* a, b in 1e-300 .. 1e300 */
  NEAP_STUDENT_T,   /* df > 0, INFINITY included */
  NEAP_POISSON,     /* 0 <= rate <= 1e15: i64 */
  NEAP_BINOMIAL,    /* whole 0 <= n <= 1e15, 0 <= p <= 1: i64 */
  NEAP_DISTRIBUTIONS
} neap_distribution;

/* dtype f64 or f32, computed in f64; ignored for bool and i64. The parameters (b NULL where there
 * is one) broadcast to size, or to each other when ndim is -1. */
neap_status neap_tensor_random(neap_tensor *out, neap_distribution kind, neap_dtype dtype, int ndim,
                               const int64_t *size, const neap_tensor *a, const neap_tensor *b,
                               neap_rng *r);

/* k of the n positions first, first + 1, ... without replacement, in random order: i64. Memory and
 * time grow with k only. */
neap_status neap_tensor_sample(neap_tensor *out, int64_t n, int64_t k, int64_t first, neap_rng *r);

/* k positions drawn one after the other with probabilities proportional to weights (one dimension,
 * finite, at least 0), counted from first. Without replacement r advances by one draw per weight.
 */
neap_status neap_tensor_sample_weighted(neap_tensor *out, const neap_tensor *weights, int64_t k,
                                        bool replace, int64_t first, neap_rng *r);

/* How many of so many trials (at most 1e15) fall into each category of probability p, one dimension
 * that sums to 1 within 1e-6: i64, a row for each place of size. r advances by one draw per row. */
neap_status neap_tensor_multinomial(neap_tensor *out, int64_t trials, const neap_tensor *p,
                                    int ndim, const int64_t *size, neap_rng *r);

/* rows x d normal vectors, f64. NEAP_EVALUE when cov is not finite, not symmetric, or has an
 * eigenvalue below 0 (beyond rounding). */
neap_status neap_tensor_multivariate_normal(neap_tensor *out, const neap_tensor *mean,
                                            const neap_tensor *cov, int64_t rows, neap_rng *r);

/* printing ------------------------------------------------------------------------------------- */

/* "tensor<f64>[2] {4, 6}", or a line with dtype and shape and then rows in aligned columns, six
 * significant digits, the middle left out so that lines fit into width. Never more than length
 * bytes, closing zero included. Returns text. */
const char *neap_tensor_print(char *text, size_t length, const neap_tensor *t, int width);

/* reductions ----------------------------------------------------------------------------------- */

typedef enum {
  NEAP_SUM,  /* 0 for none; i64 for integers and bool */
  NEAP_PROD, /* 1 for none; i64 for integers and bool */
  NEAP_MEAN, /* NaN for none; f64 for integers and bool */
  NEAP_VAR,  /* by two passes, sum of squares over n - parameter; NaN when that is not positive */
  NEAP_STD,  /* its root */
  NEAP_NORM, /* parameter 1, 2 or INFINITY */
  NEAP_ANY,  /* NaN counts as true */
  NEAP_ALL,  /* true for none */
  NEAP_COUNT /* elements (that are not NaN, with skip_nan), i64 */
} neap_reduction;

typedef struct {
  unsigned dims;    /* bit d: reduce over dimension d; 0 = over all */
  bool keepdim;     /* reduced dimensions stay, with size 1 */
  bool skip_nan;    /* NaN as if absent; else it propagates */
  double parameter; /* see neap_reduction */
  const char *name; /* for messages; NULL: the reduction's own */
} neap_reduce_options;

/* Sums run in f64 (floats) or wrap in i64, in an order fixed by the number of elements reduced: no
 * thread count, stride or instruction set changes a bit. Results keep a float input's dtype, but a
 * reduction over everything without keepdim gives f64, unrounded. */
neap_status neap_tensor_reduce(neap_tensor *out, neap_reduction op, const neap_tensor *t,
                               const neap_reduce_options *o);

/* The same over everything (dims 0, no keepdim) without making a tensor; floats give f64. */
neap_status neap_tensor_reduce_all(neap_scalar *out, neap_reduction op, const neap_tensor *t,
                                   const neap_reduce_options *o);

/* Extreme values and where they stand (i64, counting from first, in C order over the reduced
 * dimensions). The first of equals; the first NaN wins, unless skip_nan. NEAP_EVALUE when there is
 * nothing to choose from. */
neap_status neap_tensor_extreme(neap_tensor *value, neap_tensor *at, bool largest,
                                const neap_tensor *t, const neap_reduce_options *o, int64_t first);
neap_status neap_tensor_extreme_all(neap_scalar *value, neap_scalar *at, bool largest,
                                    const neap_tensor *t, const neap_reduce_options *o,
                                    int64_t first);

/* order statistics: numbers rising, -0 equal to 0, NaN last ------------------------------------ */

/* Sorted along dim, and where each element came from (i64, counted from first): stable. NaN comes
 * last also when descending. Either out may be NULL. */
neap_status neap_tensor_sort(neap_tensor *values, neap_tensor *at, const neap_tensor *t, int dim,
                             bool descending, int64_t first);

/* The element that stands at place k (from 0) along dim once sorted is there, smaller ones stand
 * before it and larger ones behind, equals beside it, each group in the order it had; and where
 * each came from (i64, counted from first). NaN is larger than any number. */
neap_status neap_tensor_partition(neap_tensor *values, neap_tensor *at, const neap_tensor *t,
                                  int dim, int64_t k, int64_t first);

/* *out = element number rank, 0 <= rank < n, of x in rising order. x has no NaN and changes its
 * order: what is not above *out comes before place rank, what is not below it behind. */
neap_status neap_select_rank(double *x, int64_t n, int64_t rank, double *out);

/* Quantiles q[0..n) in [0, 1] with linear interpolation between the two nearest elements, as f64:
 * dimension 0 of out runs over q, the rest is as in a reduction. NaN where a NaN takes part (unless
 * skip_nan) or nothing does. */
neap_status neap_tensor_quantile(neap_tensor *out, const neap_tensor *t, int n, const double *q,
                                 const neap_reduce_options *o);

/* The different elements in rising order and how often each occurs (i64); NaN equals NaN. */
neap_status neap_tensor_unique(neap_tensor *values, neap_tensor *counts, const neap_tensor *t);

/* How many elements of the rising one-dimensional tensor sorted are below each v (or, with right,
 * not above it), plus first: where v would be inserted. NaN counts as the largest. Integers are
 * compared in i64, all else in f64. */
neap_status neap_tensor_searchsorted(neap_tensor *out, const neap_tensor *sorted,
                                     const neap_tensor *v, bool right, int64_t first);

/* running along dim ---------------------------------------------------------------------------- */

typedef enum { NEAP_CUMSUM, NEAP_CUMPROD, NEAP_CUMMAX, NEAP_CUMMIN } neap_scan;

/* out[i] = op of t[0..i]. Sums and products run in f64 or (integers, wrapping) i64; NaN stays from
 * its first occurrence on, or with skip_nan is as if absent (the extreme of none is NaN). */
neap_status neap_tensor_scan(neap_tensor *out, neap_scan op, const neap_tensor *t, int dim,
                             bool skip_nan);

/* exp(t) / sum(exp(t)) along dim, without overflow; t is f64 or f32. A NaN makes its row NaN. */
neap_status neap_tensor_softmax(neap_tensor *out, const neap_tensor *t, int dim);

/* windows that roll over series ---------------------------------------------------------------- */

/* out[i] = op (neap_rolling, in kern.h) of t[i - n + 1 .. i], and of u beside it, of t's shape, for
 * the covariance and the correlation (NULL for others); in f64 (f32 for f32), of t's shape. NaN is
 * as if absent, so with min_count = n a window with a NaN, or that begins before the first place,
 * gives NaN. Nothing is ever subtracted from a running value: the result does not depend on what
 * has left the window. */
neap_status neap_tensor_rolling(neap_tensor *out, neap_rolling op, const neap_tensor *t,
                                const neap_tensor *u, int dim, const neap_rolling_options *o);

/* Series that lie behind each other in one array, and for each place a window of its series. */
typedef struct {
  int64_t series, length; /* so many of one length */
  const int64_t *offset;  /* or, not NULL: series k has the places offset[k] to offset[k + 1] - 1 */
  int64_t before, skip;   /* of place i the places i - before to i - skip; 0 <= skip <= 1 */
  const int64_t *begin;   /* or, not NULL: the places begin[i] to end[i] - 1, counted over the */
  const int64_t *end;     /* whole array; neither ever falls. end NULL: i + 1 */
} neap_windows;

/* y[i] = op of the window of place i, for all places of all series; o->n is not used. Series and
 * stretches of them are shared out over the pool. */
neap_status neap_windows_roll(double *y, neap_rolling op, const double *x, const double *u,
                              const neap_windows *w, const neap_rolling_options *o);

/* counting ------------------------------------------------------------------------------------- */

/* How often each of the numbers first, first + 1, ... (n of them) occurs; others are NEAP_EVALUE.
 * With weights (of t's shape) their sums, in f64. */
neap_status neap_tensor_bincount(neap_tensor *out, const neap_tensor *t, const neap_tensor *weights,
                                 int64_t n, int64_t first);

/* How many elements lie in [edges[i], edges[i + 1]), the last bin with its right edge; edges rise.
 * NaN and elements outside are not counted. */
neap_status neap_tensor_histogram(neap_tensor *out, const neap_tensor *t, const neap_tensor *edges);

/* products ------------------------------------------------------------------------------------- */

/* Matrix product over the last two dimensions; one-dimensional operands are a row (a) or column
 * (b), and that dimension is not in out; further dimensions broadcast. An element is a sum in the
 * fixed order of kern.h: its bits depend on its row of a and its column of b only, so a row of a
 * product is the product of that row, at any thread count. Zeros hide no NaN. Integers in i64,
 * wrapping. */
neap_status neap_tensor_matmul(neap_tensor *out, const neap_tensor *a, const neap_tensor *b);

/* linear algebra, over LAPACK ------------------------------------------------------------------ */

/* The last two dimensions are the matrix, leading ones a batch. All is computed in f64; results are
 * f32 when the operands are. NEAP_EVALUE names the first element that is not finite; NEAP_EIO when
 * OpenBLAS is missing. */

/* x with a x = b, for square a and b of n (one matrix only) or n x k, by LU with row exchanges.
 * NEAP_EVALUE when a is singular. */
neap_status neap_tensor_solve(neap_tensor *out, const neap_tensor *a, const neap_tensor *b);

/* The inverse of square a. NEAP_EVALUE when it is singular. */
neap_status neap_tensor_inv(neap_tensor *out, const neap_tensor *a);

/* The matrix exponential of square a, by Pade approximation with scaling and squaring (Higham 2005,
 * "The scaling and squaring method for the matrix exponential revisited"). */
neap_status neap_tensor_expm(neap_tensor *out, const neap_tensor *a);

/* As solve for a triangular a, of which the other triangle (and, with unit, the diagonal, taken to
 * be 1) is not used. With transpose a' x = b. */
typedef struct {
  bool upper, transpose, unit;
} neap_triangle;
neap_status neap_tensor_solve_triangular(neap_tensor *out, const neap_tensor *a,
                                         const neap_tensor *b, neap_triangle shape);

/* The lower triangle L with L L' = a, for a symmetric positive definite a, of which only the lower
 * triangle is used. NEAP_EVALUE when it is not positive definite. */
neap_status neap_tensor_cholesky(neap_tensor *out, const neap_tensor *a);

/* m x k L with a diagonal of 1 and k x n U, k = min(m, n), with row order[i] of a being row i of
 * L U; order is i64, counted from first. */
neap_status neap_tensor_lu(neap_tensor *order, neap_tensor *l, neap_tensor *u, const neap_tensor *a,
                           int64_t first);

/* The determinant of square a; its sign (-1, 0, 1) and the logarithm of its size, which neither
 * overflow nor vanish. Each may be NULL. */
neap_status neap_tensor_det(neap_tensor *det, neap_tensor *sign, neap_tensor *logabs,
                            const neap_tensor *a);

/* a = Q R, Q m x k with orthonormal columns (m x m with full), R upper triangular with a diagonal
 * that is not negative. */
neap_status neap_tensor_qr(neap_tensor *q, neap_tensor *r, const neap_tensor *a, bool full);

/* a = U diag(s) VT, s falling, U m x k and VT k x n (square with full). The element of largest size
 * in each of the first k columns of U, the first of equals, is positive. u and vt may be NULL. */
neap_status neap_tensor_svd(neap_tensor *u, neap_tensor *s, neap_tensor *vt, const neap_tensor *a,
                            bool full);

/* Eigenvalues, rising, of symmetric a, of which only the lower triangle is used, and orthonormal
 * eigenvectors in columns, signs as in svd. vectors may be NULL. */
neap_status neap_tensor_eigh(neap_tensor *values, neap_tensor *vectors, const neap_tensor *a);

/* The shortest x with the least |a x - b|, a being m x n and b m (one matrix only) or m x k; the
 * rank of a (i64) and its singular values s. Values below rcond (less than 0: eps max(m, n)) times
 * the largest count as 0. */
neap_status neap_tensor_lstsq(neap_tensor *x, neap_tensor *rank, neap_tensor *s,
                              const neap_tensor *a, const neap_tensor *b, double rcond);

/* Fourier transforms --------------------------------------------------------------------------- */

/* Complex numbers are pairs (re, im) in a last dimension of 2 more, which dim does not count. A
 * transform of n points x gives y[k] = sum_j x[j] exp(-2 pi i jk/n), an inverse one
 * x[j] = 1/n sum_k y[k] exp(2 pi i jk/n); the factor is another one by norm. Computed in f64; f32
 * for f32. A NaN reaches every number of its row. */
typedef enum {
  NEAP_FFT,   /* of real numbers, or of complex ones, with o->complex */
  NEAP_IFFT,  /* complex to complex */
  NEAP_RFFT,  /* of n real numbers, and only the n/2 + 1 results that determine the others */
  NEAP_IRFFT, /* those back into n real numbers; imaginary parts that must be 0 are not looked at */
} neap_fft_kind;
typedef enum {
  NEAP_FFT_BACKWARD, /* 1/n on the inverse transform */
  NEAP_FFT_ORTHO,    /* 1/sqrt(n) on both */
  NEAP_FFT_FORWARD   /* 1/n on the other */
} neap_fft_norm;
typedef struct {
  bool complex;
  int dim;
  int64_t n; /* points: the first of t, or t and zeros behind; 0: as many as t has, for irfft
                2 (points - 1) */
  neap_fft_norm norm;
} neap_fft_options;
neap_status neap_tensor_fft(neap_tensor *out, neap_fft_kind kind, const neap_tensor *t,
                            const neap_fft_options *o);

/* files ---------------------------------------------------------------------------------------- */

/* One array as NumPy's .npy, version 1.0 (2.0 for a very long header), C order; and back: versions
 * 1 to 3, C or Fortran order, either byte order, elements as in element.h (others are NEAP_EDTYPE
 * and say what to do). Compressed files are read too. */
neap_status neap_tensor_save_npy(const neap_tensor *t, const char *path);
neap_status neap_tensor_load_npy(neap_tensor *out, const char *path);

/* gradients ------------------------------------------------------------------------------------ */

#include "tensor/record.h" /* what bindings tell grad */

#endif
