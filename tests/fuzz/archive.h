/* archive.h — what an archive that was accepted must be, for the fuzz targets of both formats. */
#ifndef NEAP_TESTS_FUZZ_ARCHIVE_H
#define NEAP_TESTS_FUZZ_ARCHIVE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "tensor/files.h"

static inline void require(bool fact) {
  if (!fact) abort();
}

/* Names rise, every byte of every tensor can be read, bools are 0 or 1. */
static inline void check_archive(const neap_archive *a) {
  unsigned long sum = 0;
  for (int64_t i = 0; i < a->n; i++) {
    const neap_named *item = &a->item[i];
    require(i == 0 || strcmp(a->item[i - 1].name, item->name) < 0);
    const unsigned char *p = neap_tensor_data(&item->t);
    int64_t n = neap_tensor_numel(&item->t) * (int64_t)neap_dtype_size(item->t.dtype);
    for (int64_t k = 0; k < n; k++) {
      sum += p[k];
      require(item->t.dtype != NEAP_BOOL || p[k] <= 1);
    }
  }
  require(sum <= sum + (unsigned long)a->n); /* keeps the reads */
}

/* Read data by read, check what came, and find memory back where it was. */
static inline int fuzz_archive(neap_status (*read)(neap_archive *, const neap_bytes *, neap_only),
                               const uint8_t *data, size_t n) {
  int64_t live = neap_alloc_live();
  neap_bytes *b;
  neap_archive a;
  require(neap_bytes_borrow(&b, data, (int64_t)n, "input") == NEAP_OK);
  if (read(&a, b, (neap_only){0, NULL}) == NEAP_OK) check_archive(&a);
  neap_archive_drop(&a);
  neap_bytes_close(b);
  require(neap_alloc_live() == live);
  return 0;
}

#endif
