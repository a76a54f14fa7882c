/* store.h — arrays in folders, cut into chunks of one file each: Zarr's form of them.
 *
 * A grid knows how an array is cut and how its chunks are packed; which arrays there are, and what
 * their metadata say, Lua knows (neap.zarr). The chunks that a box of the array meets are read,
 * unpacked, packed and written by the pool, each by one thread: the same bytes at any thread count.
 *
 * What is on disk when: a write puts every chunk into a temporary file at the top of the array's
 * folder; syncs that file; renames it to its place; and when all are placed syncs the folders they
 * lie in. So no chunk is ever half written, and when neap_grid_write has returned, all of them
 * survive a loss of power. Whoever writes metadata after it has chunks first and metadata last. */
#ifndef NEAP_STORE_STORE_H
#define NEAP_STORE_STORE_H

#include "tensor/tensor.h"

typedef enum {
  NEAP_PACK_NONE,
  NEAP_PACK_ZSTD,
  NEAP_PACK_ZLIB,
  NEAP_PACK_BLOSC, /* read only */
  NEAP_PACK_GZIP
} neap_packing;

/* The elements of a chunk in a file: in the memory order `order`, then packed, then with a CRC-32C
 * behind them. Either wrapping of deflate, zlib's or gzip's, is read as the other too. */
typedef struct {
  const neap_element *element;
  bool swapped; /* of the other byte order */
  neap_packing packing;
  int level; /* for writing: of zstd 1 to 22, of deflate 1 to 9 */
  bool crc32c;
} neap_chunk_format;

typedef struct {
  const char *path;    /* the array's folder */
  const char *prefix;  /* "c", or NULL: keys have none */
  const char *between; /* "/" or "." */
  int ndim;
  int64_t chunk[NEAP_MAX_DIMS]; /* sizes of a chunk */
  int order[NEAP_MAX_DIMS];     /* dimension d of a chunk in its file is dimension order[d] */
  neap_chunk_format format;
  neap_scalar fill; /* of the element's dtype: what a missing chunk holds */
} neap_grid;

/* The box low[d] <= position < high[d] into a fresh tensor. Reads the files of the chunks that the
 * box meets, and no other; a missing one is fill. NEAP_EFORMAT for a damaged one. */
neap_status neap_grid_read(const neap_grid *g, neap_tensor *out, const int64_t *low,
                           const int64_t *high);

/* x, of the element's dtype, at position low. Chunks that it covers in part keep the rest. Only
 * for formats that are written: elements that are not widened, order and bytes of this machine, any
 * packing but Blosc; others are NEAP_EARG. */
neap_status neap_grid_write(const neap_grid *g, const int64_t *low, const neap_tensor *x);

/* Remove what writers that are gone left at the top of the folder: temporary files named by the
 * number of a process that no longer runs. Only for the one who writes the array. */
neap_status neap_grid_sweep(const neap_grid *g);

/* The Castagnoli CRC of n bytes (RFC 3720, B.4), by the processor's instruction where it has one;
 * and by a table anywhere, for comparison. */
uint32_t neap_crc32c(const void *data, size_t n);
uint32_t neap_crc32c_table(const void *data, size_t n);

#endif
