/* sha256.h — the hash that names data and files (FIPS 180-4).
 *
 *   neap_sha256 h;  neap_sha256_init(&h);  neap_sha256_add(&h, p, n);  neap_sha256_hex(&h, text);
 *
 * The struct is plain: copying it forks the hash. */
#ifndef NEAP_BASE_SHA256_H
#define NEAP_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
  uint32_t state[8];
  uint64_t bytes; /* added so far */
  uint8_t block[64];
} neap_sha256;

void neap_sha256_init(neap_sha256 *h);

/* Add n bytes; any number of calls gives the same hash as one. */
void neap_sha256_add(neap_sha256 *h, const void *data, size_t n);

/* End the hash: 32 bytes, or 64 hexadecimal digits and a closing zero. h needs init afterwards. */
void neap_sha256_end(neap_sha256 *h, uint8_t digest[32]);
void neap_sha256_hex(neap_sha256 *h, char text[65]);

/* Private: n blocks of 64 bytes into state, by the processor's own instructions where it has them,
 * and without. Both are the same. */
void neap__sha256_blocks(uint32_t state[8], const uint8_t *blocks, size_t n);
void neap__sha256_blocks_plain(uint32_t state[8], const uint8_t *blocks, size_t n);

/* The hashes of n bytes at a and of n bytes at b: quicker than one after the other. */
void neap_sha256_pair(const void *a, const void *b, size_t n, uint8_t digest_a[32],
                      uint8_t digest_b[32]);

/* The hash of a file's bytes as they lie on disk, compressed or not. */
neap_status neap_sha256_file(const char *path, char text[65]);

#endif
