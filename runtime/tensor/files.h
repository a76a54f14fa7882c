/* files.h — tensors in files that others read and write: .npy mapped, .npz, safetensors.
 *
 * An archive holds tensors by name. Reading treats the file as hostile: nothing is believed that
 * the file's own size does not bear out, and a bad one is NEAP_EFORMAT with the reason. Writing is
 * whole or not at all. The names of an archive that was read rise by their bytes. */
#ifndef NEAP_TENSOR_FILES_H
#define NEAP_TENSOR_FILES_H

#include "base/bytes.h"
#include "base/file.h"
#include "tensor/tensor.h"

/* SHA-256 of dtype, shape and the elements in C order, as 64 hexadecimal digits and a closing zero:
 * the hash of the text "neap f64 [2x3]\n" and of the hashes of pieces of 1 MiB, which are made on
 * all threads. Elements count by their bits. */
neap_status neap_tensor_sha256(const neap_tensor *t, char text[65]);

typedef struct {
  char *name; /* from neap_alloc */
  neap_tensor t;
} neap_named;

typedef struct {
  char *key, *value;
} neap_pair;

typedef struct {
  int64_t n, n_meta;
  neap_named *item;
  neap_pair *meta; /* safetensors' __metadata__, by rising keys */
} neap_archive;

/* Add a view of t (t may be NULL: an empty tensor to fill), or a pair. Names are copied. */
neap_status neap_archive_add(neap_archive *a, const char *name, size_t n, const neap_tensor *t);
neap_status neap_archive_add_meta(neap_archive *a, const char *key, size_t n, const char *value,
                                  size_t n_value);

/* Free all it holds; it is empty and usable again. */
void neap_archive_drop(neap_archive *a);

/* Whether name is wanted: n = 0 wants all. */
typedef struct {
  int64_t n;
  const char *const *names;
} neap_only;

/* The elements of a .npy file where the file keeps them, through neap_file_map. C or Fortran order
 * becomes strides. NEAP_EARG for what cannot be used in place: other byte order, types that are
 * widened, compressed files, elements off their alignment. */
neap_status neap_tensor_map_npy(neap_tensor *out, const char *path);

/* NumPy's .npz: a zip archive of .npy members, stored or deflated, also zip64. Every member's CRC
 * is checked. A name of only that the archive lacks is NEAP_EARG. */
neap_status neap_npz_load(neap_archive *out, const char *path, neap_only only);
neap_status neap_npz_read(neap_archive *out, const neap_bytes *b, neap_only only);

typedef struct {
  bool deflate;
  uint64_t zip64_from; /* sizes and positions from here on use zip64; 0 = where they must */
} neap_npz_options;

/* Members by rising names and without times: equal contents give equal bytes. */
neap_status neap_npz_save(const char *path, neap_archive *a, neap_npz_options o);

/* Hugging Face's safetensors, elements as in element.h; F8 and others are NEAP_EDTYPE. The header
 * is strict JSON of at most 100 MB, without duplicate keys; ranges lie end to end and fill the
 * file. */
neap_status neap_safetensors_load(neap_archive *out, const char *path, neap_only only);
neap_status neap_safetensors_read(neap_archive *out, const neap_bytes *b, neap_only only);

/* Wider elements first, then by rising names, so that every element lies on its alignment; the
 * header is padded with spaces to a multiple of 8. */
neap_status neap_safetensors_save(const char *path, neap_archive *a);

#endif
