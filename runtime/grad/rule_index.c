/* Gradients of choosing elements: masks, positions, where. What was chosen more than once gets the
 * sum, added up in the order of the result. */
#include "base/interrupt.h"
#include "base/pool.h"
#include "grad/rule_rows.h"
#include "grad/rule_steps.h"

static neap_status where_back(neap_node *n) {
  const neap_tensor *mask = neap__node_kept(n, NEAP__KEEP_EXTRA), *g = neap_node_gradient(n, 0);
  neap__steps s;
  neap__steps_begin(&s);
  const neap_tensor *zero = neap__number(&s, g->dtype, 0);
  if (neap_node_wants(n, 0)) neap__give(&s, n, 0, neap__where(&s, mask, g, zero));
  if (neap_node_wants(n, 1)) neap__give(&s, n, 1, neap__where(&s, mask, zero, g));
  return neap__steps_end(&s);
}

static neap_status moved(const neap_node *n) {
  return neap_fail(NEAP_EVALUE, "backward: a position of '%s' is outside; the index was changed",
                   neap__node_taped(n)->kind == NEAP_TAPE_TAKE ? "take" : "gather");
}

/* take: rows of the dimensions behind dim are added, in blocks of columns, for every place before
 * it. */
typedef struct {
  const neap_node *n;
  const neap_back *back;
  size_t each;
  char *z;
  const char *g;
  const int64_t *at;
  int64_t count, size, wide, blocks;
} taking;

enum { BLOCK = 512, PIECE = 1 << 16 };

static neap_status take_blocks(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const taking *t = ctx;
  for (int64_t i = begin; i < end; i++) {
    int64_t place = i / t->blocks, from = i % t->blocks * BLOCK;
    int64_t to = from + BLOCK < t->wide ? from + BLOCK : t->wide, step = PIECE / (to - from);
    char *z = t->z + (size_t)(place * t->size * t->wide) * t->each;
    for (int64_t k = 0; k < t->count; k += step) {
      const char *g = t->g + (size_t)((place * t->count + k) * t->wide) * t->each;
      int64_t rows = t->count - k < step ? t->count - k : step;
      NEAP_TRY(neap_interrupt_check());
      if (!t->back->add_rows(rows, z, g, t->at + k, t->size, t->wide, from, to)) return moved(t->n);
    }
  }
  return NEAP_OK;
}

static neap_status take_into(neap_node *n, neap_tensor *z, const neap_tensor *g,
                             const neap_tensor *at, int dim) {
  int64_t places = 1;
  const neap_kern *k;
  NEAP_TRY(neap_kern_select(&k));
  taking t = {.n = n,
              .back = &k->back[z->dtype],
              .each = neap_dtype_size(z->dtype),
              .z = neap_tensor_data(z),
              .g = neap_tensor_data(g),
              .at = neap_tensor_data(at),
              .count = neap_tensor_numel(at),
              .size = z->size[dim],
              .wide = 1};
  for (int d = 0; d < dim; d++) places *= z->size[d];
  for (int d = dim + 1; d < z->ndim; d++) t.wide *= z->size[d];
  t.blocks = (t.wide + BLOCK - 1) / BLOCK;
  int64_t work = t.count * (t.wide < BLOCK ? t.wide : BLOCK);
  if (work == 0) return NEAP_OK;
  return neap_parallel_for(places * t.blocks, work < PIECE ? PIECE / work : 1, take_blocks, &t);
}

static neap_status take_back(neap_node *n) {
  const neap_tensor *x = neap_node_input(n, 0);
  neap_tensor g = {0}, at = {0}, z = {0};
  neap_status st = neap_node_dense(n, 0, &g);
  if (!st) st = neap_tensor_as(&at, neap__node_kept(n, NEAP__KEEP_EXTRA), NEAP_I64);
  if (!st) st = neap_tensor_init(&z, x->dtype, x->ndim, x->size);
  if (!st) st = take_into(n, &z, &g, &at, neap__node_taped(n)->detail.dim);
  neap_tensor_drop(&g);
  neap_tensor_drop(&at);
  if (st) neap_tensor_drop(&z);
  return st ? st : neap_node_give(n, 0, &z);
}

/* gather: row by row */
typedef struct {
  const neap_node *n;
  const neap_back *back;
  neap__lines z, g, at;
} gathering;

static neap_status gather_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const gathering *s = ctx;
  size_t each = neap_dtype_size(s->g.t.dtype);
  for (int64_t i = begin; i < end; i++) {
    const char *g = neap__line(&s->g, i);
    const int64_t *at = neap__line(&s->at, i);
    for (int64_t k = 0; k < s->g.m; k += PIECE) {
      int64_t count = s->g.m - k < PIECE ? s->g.m - k : PIECE;
      NEAP_TRY(neap_interrupt_check());
      if (!s->back->add_at(count, neap__line(&s->z, i), g + (size_t)k * each, at + k, s->z.m))
        return moved(s->n);
    }
  }
  return NEAP_OK;
}

/* The index as i64 with the sizes of the result, to which it was stretched. */
static neap_status whole_index(neap_tensor *out, neap_node *n) {
  const neap_tensor *g = neap_node_gradient(n, 0);
  neap_tensor whole;
  NEAP_TRY(neap_tensor_as(&whole, neap__node_kept(n, NEAP__KEEP_EXTRA), NEAP_I64));
  neap_status st = neap_tensor_expand(out, &whole, g->ndim, g->size);
  neap_tensor_drop(&whole);
  return st;
}

static neap_status gather_back(neap_node *n) {
  unsigned dims = 1u << neap__node_taped(n)->detail.dim;
  const neap_kern *k;
  NEAP_TRY(neap_kern_select(&k));
  gathering s = {.n = n, .back = &k->back[neap_node_input(n, 0)->dtype]};
  neap_tensor index = {0};
  neap_status st = whole_index(&index, n);
  if (!st) st = neap__lines_of(&s.at, &index, dims);
  if (!st) st = neap__lines_of(&s.g, neap_node_gradient(n, 0), dims);
  if (!st) st = neap__lines_like(&s.z, neap_node_input(n, 0), dims);
  if (!st) st = neap__lines_each(&s.g, gather_rows, &s);
  neap_tensor_drop(&index);
  neap_tensor_drop(&s.at.t);
  neap_tensor_drop(&s.g.t);
  if (st) neap_tensor_drop(&s.z.t);
  return st ? st : neap__give_lines(n, &s.z);
}

/* index by a mask of the same shape */
static neap_status fill(neap_tensor *z, const neap_tensor *g, const neap_tensor *mask) {
  const neap_kern *k;
  size_t each = neap_dtype_size(z->dtype);
  char *to = neap_tensor_data(z);
  const char *from = neap_tensor_data(g);
  const uint8_t *m = neap_tensor_data(mask);
  int64_t n = neap_tensor_numel(z);
  NEAP_TRY(neap_kern_select(&k));
  for (int64_t i = 0; i < n; i += PIECE) {
    int64_t count = n - i < PIECE ? n - i : PIECE;
    NEAP_TRY(neap_interrupt_check());
    from += (size_t)k->back[z->dtype].fill(count, to + (size_t)i * each, from, m + i) * each;
  }
  return NEAP_OK;
}

static neap_status take_where_back(neap_node *n) {
  const neap_tensor *x = neap_node_input(n, 0);
  neap_tensor g = {0}, mask = {0}, z = {0};
  neap_status st = neap_node_dense(n, 0, &g);
  if (!st) st = neap_tensor_as(&mask, neap__node_kept(n, NEAP__KEEP_EXTRA), NEAP_BOOL);
  if (!st) st = neap_tensor_init_raw(&z, x->dtype, x->ndim, x->size);
  if (!st) st = fill(&z, &g, &mask);
  neap_tensor_drop(&g);
  neap_tensor_drop(&mask);
  if (st) neap_tensor_drop(&z);
  return st ? st : neap_node_give(n, 0, &z);
}

const neap__rule neap__where_rule = {{"where", where_back, NULL}, NEAP__KEEP_EXTRA};
const neap__rule neap__take_rule = {{"take", take_back, NULL}, NEAP__KEEP_EXTRA};
const neap__rule neap__gather_rule = {{"gather", gather_back, NULL}, NEAP__KEEP_EXTRA};
const neap__rule neap__take_where_rule = {{"index", take_where_back, NULL}, NEAP__KEEP_EXTRA};
