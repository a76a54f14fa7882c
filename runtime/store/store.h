/* store.h — the chunks that stored arrays consist of: one file each, compressed and summed.
 *
 * A chunk file holds the elements in C order, little-endian, then as a zstd frame, then with a
 * CRC-32C behind it: Zarr version 3's codecs "bytes", "zstd" and "crc32c", in this order. What an
 * array is, and which chunks belong to it, Lua knows (neap.zarr). */
#ifndef NEAP_STORE_STORE_H
#define NEAP_STORE_STORE_H

#include "tensor/tensor.h"

typedef struct {
  bool zstd, crc32c;
  int level; /* of zstd, 1 to 22, for writing */
} neap_chunk_codecs;

/* Write t as a chunk, whole or not at all. */
neap_status neap_chunk_write(const char *path, const neap_tensor *t, neap_chunk_codecs c);

/* Read a chunk of the given dtype and shape. NEAP_EFORMAT when its length, its sum or its frame is
 * not what they must be. */
neap_status neap_chunk_read(neap_tensor *out, const char *path, neap_dtype dtype, int ndim,
                            const int64_t *size, neap_chunk_codecs c);

/* The same into the contiguous t; on failure its elements are undefined. */
neap_status neap_chunk_read_into(neap_tensor *t, const char *path, neap_chunk_codecs c);

/* The Castagnoli CRC of n bytes (RFC 3720, B.4). */
uint32_t neap_crc32c(const void *data, size_t n);

#endif
