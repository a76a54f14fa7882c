/* .npz archives from any bytes: refused, or tensors whose every byte is there. */
#include "archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  return fuzz_archive(neap_npz_read, data, n);
}
