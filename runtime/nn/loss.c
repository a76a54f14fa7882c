/* Losses of pairs of elements. */
#include "nn/loss.h"

#include <math.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/pool.h"
#include "nn/check.h"
#include "nn/loss_parts.h"

static const char *const names[NEAP_LOSSES] = {
    "mse", "l1", "huber", "quantile", "bce_with_logits", "kl_div", "kl_div"};

typedef struct {
  neap__nn_loss s;
  neap_loss_fn fn;
  neap_tensor y, third; /* contiguous; third may be empty */
  int64_t levels;       /* elements of x for each of y */
  int64_t period;       /* elements of third */
  neap_scalar one;      /* third, where none is given */
} job;

static bool is_kl(neap_loss kind) { return kind == NEAP_LOSS_KL || kind == NEAP_LOSS_KL_LOG; }

/* The operands of n elements from first on, in place or spread out in the room given. */
static const void *y_of(const job *j, int64_t first, int64_t n, void *room) {
  if (j->levels == 1) return neap__nn_loss_at(&j->y, first);
  neap__nn_loss_spread(j->s.dtype, n, room, neap_tensor_data(&j->y), first, j->levels, INT64_MAX);
  return room;
}

static const void *third_of(const job *j, int64_t first, int64_t n, void *room) {
  if (!j->third.storage) return NULL;
  neap__nn_loss_spread(j->s.dtype, n, room, neap_tensor_data(&j->third), first, 1, j->period);
  return room;
}

static void *slope_at(const job *j, int64_t first) {
  return j->s.slope.storage ? neap__nn_loss_at(&j->s.slope, first) : NULL;
}

/* One loss per element: up to NEAP__LOSS_BLOCK of them. */
static void elements(job *j, int64_t first, int64_t n, double *sum) {
  neap__nn_loss_room l, room[3];
  neap__nn_loss *s = &j->s;
  neap_binary_fn times = s->kern->binary[NEAP_OP_mul][s->dtype];
  const void *w = neap__nn_loss_weights(s, first, n, &room[0]);
  void *d = slope_at(j, first);
  j->fn(n, &l, d, neap__nn_loss_scale(s), neap__nn_loss_at(&s->x, first),
        y_of(j, first, n, &room[1]), third_of(j, first, n, &room[2]));
  if (w) times(n, &l, 1, &l, 1, w, 1);
  if (w && d) times(n, d, 1, d, 1, w, 1);
  neap__nn_loss_put(s, first, n, &l, sum);
}

/* One loss per row of width elements. */
static neap_status row(job *j, int64_t at, double *sum) {
  neap__nn_loss_room l, weight;
  neap__nn_loss *s = &j->s;
  int64_t end = (at + 1) * s->width;
  double total = 0;
  const void *w = neap__nn_loss_weights(s, at, 1, &weight);
  for (int64_t from = at * s->width, n; from < end; from += n) {
    NEAP_TRY(neap_interrupt_check());
    n = end - from < NEAP__LOSS_BLOCK ? end - from : NEAP__LOSS_BLOCK;
    void *d = slope_at(j, from);
    j->fn(n, &l, d, neap__nn_loss_scale(s), neap__nn_loss_at(&s->x, from),
          neap__nn_loss_at(&j->y, from), NULL);
    if (w && d) s->kern->binary[NEAP_OP_mul][s->dtype](n, d, 1, d, 1, w, 0);
    for (int64_t i = 0; i < n; i++) total += neap__nn_get(s->dtype, &l, i);
  }
  if (w) total *= neap__nn_get(s->dtype, w, 0);
  neap__nn_set(s->dtype, &l, 0, total);
  neap__nn_loss_put(s, at, 1, &l, sum);
  return NEAP_OK;
}

static neap_status chunk(void *ctx, int64_t number_of, int64_t begin, int64_t end) {
  job *j = ctx;
  double sum = 0;
  if (j->s.dims < j->s.x.ndim) {
    for (int64_t i = begin; i < end; i++) NEAP_TRY(row(j, i, &sum));
  } else {
    for (int64_t i = begin; i < end; i += NEAP__LOSS_BLOCK)
      elements(j, i, end - i < NEAP__LOSS_BLOCK ? end - i : NEAP__LOSS_BLOCK, &sum);
  }
  j->s.partial[number_of] = sum;
  return NEAP_OK;
}

static neap_status check(neap_loss kind, const neap_tensor *x, const neap_tensor *y) {
  char a[128], b[128];
  NEAP_TRY(neap__nn_one_dtype(names[kind], 2, (const neap_tensor *[]){y, x},
                              (const char *[]){"y", "x"}));
  bool fits = neap_tensor_same_shape(x, y);
  if (kind == NEAP_LOSS_QUANTILE) {
    fits = x->ndim == y->ndim + 1;
    for (int d = 0; fits && d < y->ndim; d++) fits = x->size[d] == y->size[d];
  }
  if (!fits)
    return neap_fail(NEAP_ESHAPE, "%s: x %s and y %s %s", names[kind],
                     neap_shape_text(x, a, sizeof a), neap_shape_text(y, b, sizeof b),
                     kind == NEAP_LOSS_QUANTILE
                         ? "do not fit; x has y's shape and one more dim, of the levels"
                         : "must have the same shape; a dim of size 1 is removed by :squeeze(dim)");
  if (is_kl(kind) && x->ndim == 0)
    return neap_fail(NEAP_ESHAPE, "kl_div: x has no dims; its last one holds the probabilities");
  return NEAP_OK;
}

/* One number, or as many as the last dimension has. */
static neap_status take_third(job *j, neap_loss kind, const neap_tensor *third) {
  static const char *const what[NEAP_LOSSES] = {
      [NEAP_LOSS_HUBER] = "delta", [NEAP_LOSS_QUANTILE] = "levels", [NEAP_LOSS_BCE] = "pos_weight"};
  const neap_tensor *x = &j->s.x;
  if (!third && kind != NEAP_LOSS_BCE) return NEAP_OK;
  neap_scalar_f64(&j->one, j->s.dtype, 1);
  if (!third) third = &j->one.t;
  j->period = neap_tensor_numel(third);
  int64_t last = x->ndim > 0 ? x->size[x->ndim - 1] : 1;
  if (third->ndim > 1 || j->period < 1 || (j->period != 1 && j->period != last) ||
      (kind == NEAP_LOSS_QUANTILE && j->period != last))
    return neap_fail(NEAP_ESHAPE, "%s: %s has %lld numbers, the last dim of x %lld", names[kind],
                     what[kind], (long long)j->period, (long long)last);
  return neap__nn_loss_numbers(&j->third, third, j->s.dtype, names[kind], what[kind]);
}

static neap_status run(job *j, neap_tensor *out, neap_loss kind, const neap_tensor *x,
                       const neap_tensor *y, const neap_tensor *third, const neap_loss_options *o) {
  const neap_tensor *in[] = {x, y};
  int inputs = kind <= NEAP_LOSS_HUBER ? 2 : 1;
  NEAP_TRY(neap__nn_loss_begin(&j->s, names[kind], x, x->ndim - is_kl(kind), o));
  NEAP_TRY(neap_tensor_as(&j->y, y, j->s.dtype));
  NEAP_TRY(take_third(j, kind, third));
  NEAP_TRY(neap__nn_loss_open(&j->s, inputs, in));
  j->fn = j->s.kern->loss->each[kind][j->s.dtype];
  j->levels = kind == NEAP_LOSS_QUANTILE ? j->period : 1;
  NEAP_TRY(neap_parallel_for(j->s.rows, j->s.chunk, chunk, j));
  return neap__nn_loss_end(&j->s, out, inputs, in);
}

neap_status neap_nn_loss(neap_tensor *out, neap_loss kind, const neap_tensor *x,
                         const neap_tensor *y, const neap_tensor *third,
                         const neap_loss_options *o) {
  job j = {0};
  memset(out, 0, sizeof *out);
  NEAP_TRY(check(kind, x, y));
  neap_status st = run(&j, out, kind, x, y, third, o);
  neap_tensor_drop(&j.y);
  neap_tensor_drop(&j.third);
  neap__nn_loss_drop(&j.s);
  return st;
}
