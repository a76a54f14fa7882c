/* Chunks of stored arrays: the first byte says how they are packed and whether they are summed, the
 * second how many bytes they claim to hold, in eighths of a kilobyte. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "store/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (n < 2) return 0;
  int64_t live = neap_alloc_live();
  neap_chunk_format f = {.element = &neap_elements[NEAP_F64], .packing = data[0] & 3};
  size_t want = (size_t)data[1] * 128;
  f.crc32c = data[0] & 4;
  unsigned char *out = neap_calloc_array((int64_t)want, 1); /* its end is the block's */
  unsigned char *in = neap_alloc(n - 2);
  memcpy(in, data + 2, n - 2);
  neap_status st = neap__unpack(out, want, in, n - 2, &f, "input");
  unsigned long sum = 0;
  for (size_t i = 0; !st && i < want; i++) sum += out[i];
  if (sum > want * 255) abort();
  neap_free(in);
  neap_free(out);
  if (neap_alloc_live() != live) abort();
  return 0;
}
