/* codec.h — private to store: the bytes of one chunk, packed and unpacked. path stands in messages.
 */
#ifndef NEAP_STORE_CODEC_H
#define NEAP_STORE_CODEC_H

#include "store/store.h"

/* n bytes packed and summed into *out, for neap_free. */
neap_status neap__pack(char **out, size_t *packed, const void *data, size_t n,
                       const neap_chunk_format *f);

/* The n bytes of a file into exactly want bytes at out. NEAP_EFORMAT when they are others. */
neap_status neap__unpack(void *out, size_t want, const unsigned char *data, size_t n,
                         const neap_chunk_format *f, const char *path);

/* NEAP_EFORMAT "chunk 'path' is damaged: what". */
neap_status neap__damaged(const char *path, const char *what);

/* zlib's or gzip's stream, zstd's frame: the bytes that came of it, -1 when damaged. */
int64_t neap__inflate(void *out, size_t room, const unsigned char *data, size_t n);

/* A block of LZ4: the bytes that came of it, -1 when damaged.
 * https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md */
int64_t neap__lz4(unsigned char *out, size_t room, const unsigned char *data, size_t n);

/* A container of Blosc 1 into exactly want bytes.
 * https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst */
neap_status neap__blosc(unsigned char *out, size_t want, const unsigned char *data, size_t n,
                        const char *path);

#endif
