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

#include "base/status.h"

enum { NEAP_MAX_DIMS = 8 };

typedef enum {
  NEAP_F64,
  NEAP_F32,
  NEAP_I64,
  NEAP_I32,
  NEAP_U8,
  NEAP_BOOL, /* one byte, 0 or 1 */
  NEAP_DTYPE_COUNT
} neap_dtype;

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

typedef struct {
  neap_storage *storage; /* NULL = empty or closed */
  int64_t offset;        /* of element (0, 0, ...), in elements */
  neap_dtype dtype;
  int ndim;
  int64_t size[NEAP_MAX_DIMS], stride[NEAP_MAX_DIMS];
} neap_tensor;

/* dtypes ----------------------------------------------------------------------------------------
 */

const char *neap_dtype_name(neap_dtype dtype); /* "f64", "f32", "i64", "i32", "u8", "bool" */
size_t neap_dtype_size(neap_dtype dtype);
bool neap_dtype_is_float(neap_dtype dtype);

/* The dtype called name, or NEAP_EDTYPE listing the six names. */
neap_status neap_dtype_parse(neap_dtype *out, const char *name);

/* making and dropping -----------------------------------------------------------------------------
 */

/* A fresh zero-filled tensor, C order. */
neap_status neap_tensor_init(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size);

/* The same, contents undefined. */
neap_status neap_tensor_init_raw(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size);

/* One dimension of n elements, contents undefined: the usual result of a series function. */
neap_status neap_tensor_init_1d(neap_tensor *out, neap_dtype dtype, int64_t n);

/* A tensor over bytes somebody else owns; release(storage) is called with the last view. */
neap_status neap_tensor_wrap(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                             void *data, void (*release)(neap_storage *), void *owner);

/* Forget the view; the storage goes with its last view. Accepts an empty tensor. */
void neap_tensor_drop(neap_tensor *t);

/* Another view of the same elements. */
void neap_tensor_alias(neap_tensor *out, const neap_tensor *t);

/* looking
 * ------------------------------------------------------------------------------------------ */

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

/* views: O(1), sharing memory
 * ----------------------------------------------------------------------- */

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

/* copies
 * --------------------------------------------------------------------------------------------- */

/* dst[...] = src[...], shapes equal, dtypes converted as by neap_tensor_to. Regions may not overlap
 * unless both are the same view. */
neap_status neap_tensor_copy(neap_tensor *dst, const neap_tensor *src);

/* A fresh contiguous copy. */
neap_status neap_tensor_clone(neap_tensor *out, const neap_tensor *t);

/* Converted to dtype: always a contiguous tensor, and a view of t when it already is one of that
 * dtype. This is how a module gets a plain array from whatever the user passed. Float to integer
 * truncates towards zero; NaN and values out of range are errors; anything nonzero is true. */
neap_status neap_tensor_as(neap_tensor *out, const neap_tensor *t, neap_dtype dtype);

#endif
