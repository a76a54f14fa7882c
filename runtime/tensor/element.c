#include "tensor/element.h"

#include <string.h>

/* loops over elements that may lie off their alignment ----------------------------------------- */

#define ALL_FIT (-1)

static int64_t from_i8(void *out, const unsigned char *in, int64_t n) {
  int32_t *z = out;
  for (int64_t i = 0; i < n; i++) z[i] = (int8_t)in[i];
  return ALL_FIT;
}

static int64_t from_i16(void *out, const unsigned char *in, int64_t n) {
  int32_t *z = out;
  int16_t v;
  for (int64_t i = 0; i < n; i++) memcpy(&v, in + 2 * i, 2), z[i] = v;
  return ALL_FIT;
}

static int64_t from_u16(void *out, const unsigned char *in, int64_t n) {
  int32_t *z = out;
  uint16_t v;
  for (int64_t i = 0; i < n; i++) memcpy(&v, in + 2 * i, 2), z[i] = v;
  return ALL_FIT;
}

static int64_t from_u32(void *out, const unsigned char *in, int64_t n) {
  int64_t *z = out;
  uint32_t v;
  for (int64_t i = 0; i < n; i++) memcpy(&v, in + 4 * i, 4), z[i] = v;
  return ALL_FIT;
}

static int64_t from_u64(void *out, const unsigned char *in, int64_t n) {
  const int64_t *z = out;
  int64_t either = 0;
  if (n) memcpy(out, in, (size_t)n * 8);
  for (int64_t i = 0; i < n; i++) either |= z[i];
  for (int64_t i = 0; either < 0 && i < n; i++)
    if (z[i] < 0) return i;
  return ALL_FIT;
}

/* IEEE binary16, each value one of f32: its exponent and fraction, moved to their places, are the
 * number times 2^-112; infinities and NaN need the exponent of all ones. */
static int64_t from_f16(void *out, const unsigned char *in, int64_t n) {
  float *z = out;
  for (int64_t i = 0; i < n; i++) {
    uint16_t h;
    memcpy(&h, in + 2 * i, 2);
    uint32_t bits = (uint32_t)(h & 0x7fff) << 13;
    float v;
    memcpy(&v, &bits, 4);
    v *= 0x1p112f;
    memcpy(&bits, &v, 4);
    if ((h & 0x7c00) == 0x7c00) bits = 0x7f800000u | (uint32_t)(h & 0x3ff) << 13;
    bits |= (uint32_t)(h & 0x8000) << 16;
    memcpy(z + i, &bits, 4);
  }
  return ALL_FIT;
}

/* bfloat16: the upper half of an f32. */
static int64_t from_bf16(void *out, const unsigned char *in, int64_t n) {
  float *z = out;
  for (int64_t i = 0; i < n; i++) {
    uint16_t h;
    memcpy(&h, in + 2 * i, 2);
    uint32_t bits = (uint32_t)h << 16;
    memcpy(z + i, &bits, 4);
  }
  return ALL_FIT;
}

/* names ---------------------------------------------------------------------------------------- */

const neap_element neap_elements[NEAP_ELEMENTS] = {
    [NEAP_F64] = {"f8", "float64", "F64", 8, NEAP_F64, NULL},
    [NEAP_F32] = {"f4", "float32", "F32", 4, NEAP_F32, NULL},
    [NEAP_I64] = {"i8", "int64", "I64", 8, NEAP_I64, NULL},
    [NEAP_I32] = {"i4", "int32", "I32", 4, NEAP_I32, NULL},
    [NEAP_U8] = {"u1", "uint8", "U8", 1, NEAP_U8, NULL},
    [NEAP_BOOL] = {"b1", "bool", "BOOL", 1, NEAP_BOOL, NULL},
    [NEAP_DTYPE_COUNT] = {"f2", "float16", "F16", 2, NEAP_F32, from_f16},
    {"", NULL, "BF16", 2, NEAP_F32, from_bf16},
    {"i1", "int8", "I8", 1, NEAP_I32, from_i8},
    {"i2", "int16", "I16", 2, NEAP_I32, from_i16},
    {"u2", "uint16", "U16", 2, NEAP_I32, from_u16},
    {"u4", "uint32", "U32", 4, NEAP_I64, from_u32},
    {"u8", "uint64", "U64", 8, NEAP_I64, from_u64},
    {"M8[ns]", NULL, NULL, 8, NEAP_I64, NULL},
    {"m8[ns]", NULL, NULL, 8, NEAP_I64, NULL},
};

const neap_element *neap_element_of_code(const char *code) {
  for (int i = 0; i < NEAP_ELEMENTS; i++)
    if (*code && strcmp(neap_elements[i].code, code) == 0) return &neap_elements[i];
  return NULL;
}

const neap_element *neap_element_of_zarr(const char *name) {
  for (int i = 0; i < NEAP_ELEMENTS; i++)
    if (neap_elements[i].zarr && strcmp(neap_elements[i].zarr, name) == 0) return &neap_elements[i];
  return NULL;
}

const neap_element *neap_element_of_safetensors(const char *name) {
  for (int i = 0; i < NEAP_ELEMENTS; i++)
    if (neap_elements[i].safetensors && strcmp(neap_elements[i].safetensors, name) == 0)
      return &neap_elements[i];
  return NULL;
}

const char *neap_element_advice(const char *code) {
  switch (*code) {
  case 'c': return "complex numbers: save x.real and x.imag";
  case 'f': return "a float of another width: save x.astype('float64')";
  case 'O': return "Python objects: save x.astype('float64'), or the type that they are of";
  case 'S':
  case 'a':
  case 'U': return "texts: save numpy.unique(x, return_inverse=True)[1], or the numbers in them";
  case 'M': return "times in another unit: save x.astype('datetime64[ns]')";
  case 'm': return "durations in another unit: save x.astype('timedelta64[ns]')";
  case 'V': return "records: save each field as an array, several in a .npz file";
  default: return "only numbers can be read";
  }
}

/* reading -------------------------------------------------------------------------------------- */

bool neap_host_is_little(void) {
  const uint16_t one = 1;
  return *(const unsigned char *)&one == 1;
}

static void swap(unsigned char *p, int64_t n, int size) {
  uint64_t v8;
  uint32_t v4;
  for (int64_t i = 0; size == 8 && i < n; i++, p += 8)
    memcpy(&v8, p, 8), v8 = __builtin_bswap64(v8), memcpy(p, &v8, 8);
  for (int64_t i = 0; size == 4 && i < n; i++, p += 4)
    memcpy(&v4, p, 4), v4 = __builtin_bswap32(v4), memcpy(p, &v4, 4);
  for (int64_t i = 0; size == 2 && i < n; i++, p += 2) {
    unsigned char low = p[0];
    p[0] = p[1];
    p[1] = low;
  }
}

/* Eight at a time, since nearly all files hold nothing but 0 and 1. */
static void settle_bools(unsigned char *p, int64_t n) {
  int64_t i = 0;
  for (uint64_t word; i + 8 <= n; i += 8) {
    memcpy(&word, p + i, 8);
    for (int k = 0; (word & 0xfefefefefefefefeu) && k < 8; k++) p[i + k] = p[i + k] != 0;
  }
  for (; i < n; i++) p[i] = p[i] != 0;
}

void neap_element_settle(const neap_element *e, bool swapped, void *data, int64_t n) {
  if (swapped) swap(data, n, e->size);
  if (e->dtype == NEAP_BOOL) settle_bools(data, n);
}

neap_status neap_element_widen(const neap_element *e, bool swapped, void *out, void *in, int64_t n,
                               int64_t first, const char *name) {
  if (swapped) swap(in, n, e->size);
  int64_t bad = e->widen(out, in, n);
  if (bad == ALL_FIT) return NEAP_OK;
  uint64_t v;
  memcpy(&v, (const char *)out + 8 * bad, 8);
  return neap_fail(NEAP_EVALUE,
                   "load '%s': element %lld, %llu, is above the largest i64 (2^63 - 1); save "
                   "x.astype('float64'), or smaller numbers",
                   name, (long long)(first + bad) + 1, (unsigned long long)v);
}
