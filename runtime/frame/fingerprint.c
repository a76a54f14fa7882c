#include "frame/fingerprint.h"

#include <string.h>

#include "base/interrupt.h"

enum { PIECE = 1 << 20 };

static void add_integer(neap_sha256 *h, int64_t v) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)((uint64_t)v >> (8 * i));
  neap_sha256_add(h, bytes, sizeof bytes);
}

void neap_fingerprint_text(neap_sha256 *h, const char *text, size_t n) {
  neap_sha256_add(h, "text", 4);
  add_integer(h, (int64_t)n);
  neap_sha256_add(h, text, n);
}

neap_status neap_fingerprint_tensor(neap_sha256 *h, const neap_tensor *t) {
  const char *dtype = neap_dtype_name(t->dtype);
  neap_sha256_add(h, "tens", 4);
  add_integer(h, (int64_t)strlen(dtype));
  neap_sha256_add(h, dtype, strlen(dtype));
  add_integer(h, t->ndim);
  for (int d = 0; d < t->ndim; d++) add_integer(h, t->size[d]);
  const char *bytes = neap_tensor_data(t);
  size_t left = (size_t)neap_tensor_numel(t) * neap_dtype_size(t->dtype);
  while (left > 0) {
    size_t n = left < PIECE ? left : PIECE;
    NEAP_TRY(neap_interrupt_check());
    neap_sha256_add(h, bytes, n);
    bytes += n;
    left -= n;
  }
  return NEAP_OK;
}
