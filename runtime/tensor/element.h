/* element.h — part of tensor.h: numbers as files hold them, and the dtype that they become here.
 *
 * Six kinds are our own dtypes. Of the others each becomes the narrowest of ours that holds all its
 * values: f16 and bfloat16 f32; i8, i16 and u16 i32; u32 i64; and u64, which has no such dtype,
 * i64, a value above 2^63 - 1 being an error. NumPy's times in nanoseconds, datetime64[ns] and
 * timedelta64[ns], are i64 as they stand, NaT included. */
#ifndef NEAP_TENSOR_ELEMENT_H
#define NEAP_TENSOR_ELEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "kern/kern.h"

typedef struct {
  const char *code;        /* NumPy's, without the byte order: "f2" */
  const char *zarr;        /* Zarr version 3's: "float16"; NULL: it has none */
  const char *safetensors; /* "F16"; NULL: it has none */
  int size;                /* bytes in a file */
  neap_dtype dtype;        /* what it becomes */
  int64_t (*widen)(void *out, const unsigned char *in, int64_t n); /* NULL: nothing to do */
} neap_element;

/* Our own dtypes first, each at its number. */
enum { NEAP_ELEMENTS = NEAP_DTYPE_COUNT + 9 };
extern const neap_element neap_elements[NEAP_ELEMENTS];

/* The element of that name in one of the three vocabularies, or NULL. */
const neap_element *neap_element_of_code(const char *code);
const neap_element *neap_element_of_zarr(const char *name);
const neap_element *neap_element_of_safetensors(const char *name);

/* What there is to do about a kind that cannot be read, by NumPy's code without byte order:
 * "complex numbers: save x.real and x.imag". */
const char *neap_element_advice(const char *code);

/* Whether this machine keeps the low byte first. */
bool neap_host_is_little(void);

/* n elements that are no widening, read in place: swapped from the other byte order, and every true
 * becomes 1. */
void neap_element_settle(const neap_element *e, bool swapped, void *data, int64_t n);

/* n widened elements of in, which is swapped in place where asked for, into out. first is the
 * number of the first one in its file, name stands in the message: NEAP_EVALUE for one that does
 * not fit. */
neap_status neap_element_widen(const neap_element *e, bool swapped, void *out, void *in, int64_t n,
                               int64_t first, const char *name);

#endif
