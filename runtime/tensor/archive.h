/* archive.h — private: what the file formats of this folder share. */
#ifndef NEAP_TENSOR_ARCHIVE_H
#define NEAP_TENSOR_ARCHIVE_H

#include "tensor/files.h"

/* Where .npy bytes come from: a file or a member of an archive. */
typedef struct {
  const char *name; /* for messages: "load 'name': ..." */
  neap_status (*read)(void *ctx, void *buf, size_t n, size_t *got);
  void *ctx;
  int64_t total; /* bytes there must be, -1 when unknown */
} neap__npy_source;

neap_status neap__npy_load(neap_tensor *out, const neap__npy_source *source);

/* Magic and dict into out; its length, a multiple of 64. */
enum { NEAP__NPY_HEADER = 640 };
size_t neap__npy_header(char *out, const neap_tensor *t);

/* zlib's crc32: n more bytes to the sum, 0 at first. */
uint32_t neap__crc32(uint32_t crc, const void *data, size_t n);

bool neap__wanted(neap_only only, const char *name);

/* NEAP_EARG, naming it, when one of only is not in a. */
neap_status neap__all_found(const neap_archive *a, neap_only only, const char *path);

/* Bring items and pairs in order; NEAP_EFORMAT, naming it, when two names are equal. */
neap_status neap__archive_sort(neap_archive *a, const char *path);

/* Open path, read it as a format does, close it. */
neap_status neap__archive_load(neap_archive *out, const char *path, neap_only only,
                               neap_status (*read)(neap_archive *, const neap_bytes *, neap_only));

/* Whether n bytes are UTF-8 without a zero byte. */
bool neap__is_text(const char *data, size_t n);

#endif
