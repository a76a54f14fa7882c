#include "store/store.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/pool.h"
#include "base/text.h"
#include "store/codec.h"

enum { BATCH = 64 }; /* chunks that are on their way to the disk together */

/* boxes and the parts of chunks in them -------------------------------------------------------- */

typedef struct {
  const neap_grid *g;
  int64_t low[NEAP_MAX_DIMS], high[NEAP_MAX_DIMS];    /* low <= position < high */
  int64_t first[NEAP_MAX_DIMS], count[NEAP_MAX_DIMS]; /* the chunks that it meets */
  int64_t chunks, batch; /* how many; the first one of the batch being written */
  neap_tensor t;         /* its elements */
  neap_writer *staged[BATCH];
} box;

/* What one chunk and the box have in common, counted from the first element of each. */
typedef struct {
  char *path;
  int64_t inside[NEAP_MAX_DIMS], outside[NEAP_MAX_DIMS], n[NEAP_MAX_DIMS];
  bool whole; /* all of the chunk */
} part;

static void box_init(box *b, const neap_grid *g, const int64_t *low, const int64_t *high) {
  *b = (box){.g = g, .chunks = 1};
  for (int d = 0; d < g->ndim; d++) {
    b->low[d] = low[d];
    b->high[d] = high[d];
    b->first[d] = low[d] / g->chunk[d];
    b->count[d] = high[d] > low[d] ? (high[d] - 1) / g->chunk[d] + 1 - b->first[d] : 0;
    b->chunks *= b->count[d];
  }
}

/* The file of chunk number i of the box, for neap_free. */
static char *path_of(const box *b, int64_t i) {
  const neap_grid *g = b->g;
  int64_t at[NEAP_MAX_DIMS];
  neap_text t = {0};
  for (int d = g->ndim - 1; d >= 0; i /= b->count[d], d--) at[d] = b->first[d] + i % b->count[d];
  neap_text_format(&t, "%s/%s", g->path, g->prefix ? g->prefix : g->ndim ? "" : "0");
  for (int d = 0; d < g->ndim; d++)
    neap_text_format(&t, "%s%lld", d || g->prefix ? g->between : "", (long long)at[d]);
  if (!t.failed) return t.data;
  neap_text_drop(&t);
  return NULL;
}

static neap_status part_init(part *p, const box *b, int64_t i) {
  const neap_grid *g = b->g;
  p->path = path_of(b, i);
  p->whole = true;
  for (int d = g->ndim - 1; d >= 0; i /= b->count[d], d--) {
    int64_t begin = (b->first[d] + i % b->count[d]) * g->chunk[d], end = begin + g->chunk[d];
    int64_t from = begin > b->low[d] ? begin : b->low[d], to = end < b->high[d] ? end : b->high[d];
    p->inside[d] = from - begin;
    p->outside[d] = from - b->low[d];
    p->n[d] = to - from;
    p->whole = p->whole && p->n[d] == g->chunk[d];
  }
  return p->path ? NEAP_OK : NEAP_ENOMEM;
}

/* n elements of t from position from on, per dim. */
static neap_status window(neap_tensor *out, const neap_tensor *t, const int64_t *from,
                          const int64_t *n) {
  neap_status st = NEAP_OK;
  neap_tensor_alias(out, t);
  for (int d = 0; !st && d < t->ndim; d++) {
    neap_tensor whole = *out;
    st = neap_tensor_slice(out, &whole, d, from[d], n[d], 1);
    neap_tensor_drop(&whole);
  }
  return st;
}

/* fn, which may meet a chunk twice, over n chunks by the pool. Memory that cannot be had there is
 * looked for on this thread, where garbage can be collected, chunk by chunk. */
static neap_status each_chunk(int64_t n, neap_parallel_fn fn, box *b) {
  neap_status st = neap_parallel_for(n, 1, fn, b);
  if (st != NEAP_ENOMEM || !neap_alloc_reclaim()) return st;
  for (int64_t i = 0; i < n; i++) NEAP_TRY(fn(b, i, i, i + 1));
  return NEAP_OK;
}

/* reading -------------------------------------------------------------------------------------- */

static neap_status read_file(const char *path, unsigned char **data, size_t *n) {
  neap_bytes *b;
  *data = NULL;
  NEAP_TRY(neap_bytes_open(&b, path));
  *n = (size_t)neap_bytes_size(b);
  *data = neap_alloc(*n);
  neap_status st = *data ? neap_bytes_read(b, 0, *data, (int64_t)*n) : NEAP_ENOMEM;
  neap_bytes_close(b);
  return st;
}

/* count elements of the chunk in file `path` to out, in the order of the file. */
static neap_status read_elements(const neap_grid *g, void *out, int64_t count, const char *path) {
  const neap_chunk_format *f = &g->format;
  unsigned char *data, *raw = out;
  size_t n = 0, want = (size_t)(count * f->element->size);
  neap_status st = read_file(path, &data, &n);
  if (!st && f->element->widen) {
    raw = neap_alloc(want);
    if (!raw) st = NEAP_ENOMEM;
  }
  if (!st) st = neap__unpack(raw, want, data, n, f, path);
  if (!st && f->element->widen)
    st = neap_element_widen(f->element, f->swapped, out, raw, count, 0, path);
  else if (!st) neap_element_settle(f->element, f->swapped, out, count);
  if (raw != out) neap_free(raw);
  neap_free(data);
  return st;
}

static bool in_order(const neap_grid *g) {
  bool plain = true;
  for (int d = 0; d < g->ndim; d++) plain = plain && g->order[d] == d;
  return plain;
}

/* A whole chunk as a tensor in the array's order: its file's elements, or fill without a file. */
static neap_status read_chunk(neap_tensor *out, const neap_grid *g, const char *path) {
  neap_tensor stored;
  int64_t size[NEAP_MAX_DIMS];
  int back[NEAP_MAX_DIMS];
  for (int d = 0; d < g->ndim; d++) {
    size[d] = g->chunk[g->order[d]];
    back[g->order[d]] = d;
  }
  NEAP_TRY(neap_tensor_init_raw(&stored, g->format.element->dtype, g->ndim, size));
  neap_status st = neap_file_exists(path) ? read_elements(g, neap_tensor_data(&stored),
                                                          neap_tensor_numel(&stored), path)
                                          : neap_tensor_copy(&stored, &g->fill.t);
  if (!st) st = neap_tensor_permute(out, &stored, back);
  neap_tensor_drop(&stored);
  return st;
}

static neap_status read_part(const box *b, const part *p, neap_tensor *to) {
  neap_tensor chunk = {0}, from = {0};
  if (!neap_file_exists(p->path)) return neap_tensor_copy(to, &b->g->fill.t);
  if (p->whole && in_order(b->g) && neap_tensor_is_contiguous(to))
    return read_elements(b->g, neap_tensor_data(to), neap_tensor_numel(to), p->path);
  neap_status st = read_chunk(&chunk, b->g, p->path);
  if (!st) st = window(&from, &chunk, p->inside, p->n);
  if (!st) st = neap_tensor_copy(to, &from);
  neap_tensor_drop(&from);
  neap_tensor_drop(&chunk);
  return st;
}

static neap_status read_parts(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const box *b = ctx;
  neap_status st = NEAP_OK;
  for (int64_t i = begin; !st && i < end; i++) {
    part p;
    neap_tensor to = {0};
    st = part_init(&p, b, i);
    if (!st) st = window(&to, &b->t, p.outside, p.n);
    if (!st) st = read_part(b, &p, &to);
    neap_tensor_drop(&to);
    neap_free(p.path);
  }
  return st;
}

neap_status neap_grid_read(const neap_grid *g, neap_tensor *out, const int64_t *low,
                           const int64_t *high) {
  box b;
  int64_t size[NEAP_MAX_DIMS];
  box_init(&b, g, low, high);
  for (int d = 0; d < g->ndim; d++) size[d] = high[d] - low[d];
  NEAP_TRY(neap_tensor_init_raw(out, g->format.element->dtype, g->ndim, size));
  neap_tensor_alias(&b.t, out);
  neap_status st = each_chunk(b.chunks, read_parts, &b);
  neap_tensor_drop(&b.t);
  if (st) neap_tensor_drop(out);
  return st;
}

/* writing -------------------------------------------------------------------------------------- */

/* What chunk i holds after the write, contiguous. */
static neap_status compose(neap_tensor *out, const box *b, const part *p) {
  neap_tensor from = {0}, to = {0};
  neap_status st = window(&from, &b->t, p->outside, p->n);
  if (!st && p->whole) st = neap_tensor_as(out, &from, from.dtype);
  else if (!st) {
    st = read_chunk(out, b->g, p->path);
    if (!st) st = window(&to, out, p->inside, p->n);
    if (!st) st = neap_tensor_copy(&to, &from);
  }
  neap_tensor_drop(&to);
  neap_tensor_drop(&from);
  return st;
}

static neap_status make_folder_of(char *path) {
  char *slash = strrchr(path, '/');
  *slash = 0;
  neap_status st = neap_file_exists(path) ? NEAP_OK : neap_folder_make(path);
  *slash = '/';
  return st;
}

static neap_status stage(const box *b, const part *p, neap_writer **w) {
  neap_tensor chunk = {0};
  char *packed = NULL;
  size_t n = 0;
  neap_status st = compose(&chunk, b, p);
  size_t bytes = st ? 0 : (size_t)(neap_tensor_numel(&chunk) * b->g->format.element->size);
  if (!st) st = neap__pack(&packed, &n, neap_tensor_data(&chunk), bytes, &b->g->format);
  if (!st) st = make_folder_of(p->path);
  if (!st) st = neap_writer_open_in(w, p->path, b->g->path);
  if (!st) st = neap_writer_write(*w, packed, n);
  if (!st) st = neap_writer_stage(*w);
  neap_free(packed);
  neap_tensor_drop(&chunk);
  return st;
}

static neap_status stage_parts(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  box *b = ctx;
  neap_status st = NEAP_OK;
  for (int64_t i = begin; !st && i < end; i++) {
    part p;
    neap_writer_abandon(b->staged[i]);
    b->staged[i] = NULL;
    st = part_init(&p, b, b->batch + i);
    if (!st) st = stage(b, &p, &b->staged[i]);
    neap_free(p.path);
  }
  return st;
}

static neap_status place_parts(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  box *b = ctx;
  for (int64_t i = begin; i < end; i++) {
    neap_writer *w = b->staged[i];
    b->staged[i] = NULL;
    NEAP_TRY(neap_writer_place(w));
  }
  return NEAP_OK;
}

/* Sync every folder between the array's own and the chunk's that the chunk before does not share.
 */
static neap_status sync_folders(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const box *b = ctx;
  neap_status st = NEAP_OK;
  for (int64_t i = begin; !st && i < end; i++) {
    char *path = path_of(b, i), *before = i ? path_of(b, i - 1) : NULL;
    if (!path || (i && !before)) st = NEAP_ENOMEM;
    for (char *p = path ? path + strlen(b->g->path) + 1 : NULL; !st && (p = strchr(p, '/')); p++) {
      if (before && strncmp(path, before, (size_t)(p - path) + 1) == 0) continue;
      *p = 0;
      st = neap_folder_sync(path);
      *p = '/';
    }
    neap_free(before);
    neap_free(path);
  }
  return st;
}

static neap_status write_chunks(box *b) {
  neap_status st = NEAP_OK;
  for (b->batch = 0; !st && b->batch < b->chunks; b->batch += BATCH) {
    int64_t left = b->chunks - b->batch, n = left < BATCH ? left : BATCH;
    st = each_chunk(n, stage_parts, b);
    if (!st) st = neap_parallel_for(n, 1, place_parts, b);
    for (int i = 0; i < BATCH; i++) {
      neap_writer_abandon(b->staged[i]);
      b->staged[i] = NULL;
    }
  }
  if (!st) st = each_chunk(b->chunks, sync_folders, b);
  return st ? st : neap_folder_sync(b->g->path);
}

static neap_status check_written(const neap_grid *g) {
  const neap_chunk_format *f = &g->format;
  bool ours = f->element == &neap_elements[f->element->dtype] && in_order(g) && !f->swapped;
  if (ours && f->packing != NEAP_PACK_BLOSC) return NEAP_OK;
  return neap_fail(NEAP_EARG, "zarr '%s': arrays of this form are only read", g->path);
}

neap_status neap_grid_write(const neap_grid *g, const int64_t *low, const neap_tensor *x) {
  box b;
  int64_t high[NEAP_MAX_DIMS];
  NEAP_TRY(check_written(g));
  for (int d = 0; d < g->ndim; d++) high[d] = low[d] + x->size[d];
  box_init(&b, g, low, high);
  if (b.chunks == 0) return NEAP_OK;
  neap_tensor_alias(&b.t, x);
  neap_status st = write_chunks(&b);
  neap_tensor_drop(&b.t);
  return st;
}

/* leftovers ------------------------------------------------------------------------------------ */

/* The process that "name.<process>-<number>.tmp" names; 0 for other names. */
static long writer_of(const char *name) {
  size_t n = strlen(name);
  if (n < 4 || strcmp(name + n - 4, ".tmp") != 0) return 0;
  const char *end = name + n - 4, *p = end;
  while (p > name && isdigit((unsigned char)p[-1])) p--;
  if (p == name || p == end || *--p != '-') return 0;
  while (p > name && isdigit((unsigned char)p[-1])) p--;
  return p > name && p[-1] == '.' ? strtol(p, NULL, 10) : 0;
}

neap_status neap_grid_sweep(const neap_grid *g) {
  char **names;
  int64_t n;
  neap_status st = NEAP_OK;
  NEAP_TRY(neap_folder_list(g->path, &names, &n));
  for (int64_t i = 0; !st && i < n; i++) {
    long process = writer_of(names[i]);
    if (process <= 0 || kill((pid_t)process, 0) == 0 || errno != ESRCH) continue;
    neap_text t = {0};
    neap_text_format(&t, "%s/%s", g->path, names[i]);
    st = t.failed ? NEAP_ENOMEM : neap_file_remove(t.data);
    neap_text_drop(&t);
  }
  neap_names_free(names, n);
  return st;
}
