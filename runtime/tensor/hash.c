/* The hash of a tensor's contents. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "base/sha256.h"
#include "tensor/files.h"

enum { PIECE = 1 << 20, DIGEST = 32 };

typedef struct {
  const uint8_t *data;
  uint8_t *digests;
} hashing;

/* Bytes begin to end - 1, two pieces; the last chunk may hold less. */
static neap_status hash_pieces(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const hashing *h = ctx;
  uint8_t *digest = h->digests + 2 * chunk * DIGEST;
  if (end - begin == 2 * PIECE) {
    neap_sha256_pair(h->data + begin, h->data + begin + PIECE, PIECE, digest, digest + DIGEST);
    return NEAP_OK;
  }
  for (; begin < end; begin += PIECE, digest += DIGEST) {
    neap_sha256 piece;
    neap_sha256_init(&piece);
    neap_sha256_add(&piece, h->data + begin, (size_t)(end - begin < PIECE ? end - begin : PIECE));
    neap_sha256_end(&piece, digest);
  }
  return NEAP_OK;
}

neap_status neap_tensor_sha256(const neap_tensor *t, char text[65]) {
  neap_tensor plain;
  NEAP_TRY(neap_tensor_as(&plain, t, t->dtype));
  int64_t bytes = neap_tensor_numel(t) * (int64_t)neap_dtype_size(t->dtype);
  int64_t pieces = neap_parallel_chunks(bytes, PIECE);
  hashing h = {neap_tensor_data(&plain), neap_alloc_array(pieces, DIGEST)};
  neap_status st = h.digests ? neap_parallel_for(bytes, 2 * PIECE, hash_pieces, &h) : NEAP_ENOMEM;
  if (!st) {
    char shape[128], head[192];
    snprintf(head, sizeof head, "neap %s %s\n", neap_dtype_name(t->dtype),
             neap_shape_text(t, shape, sizeof shape));
    neap_sha256 all;
    neap_sha256_init(&all);
    neap_sha256_add(&all, head, strlen(head));
    neap_sha256_add(&all, h.digests, (size_t)pieces * DIGEST);
    neap_sha256_hex(&all, text);
  }
  neap_free(h.digests);
  neap_tensor_drop(&plain);
  return st;
}
