/* Ordered target statistics of categorical features (Prokhorenkova, Gusev, Vorobev, Dorogush,
 * Gulin: CatBoost, unbiased boosting with categorical features, 2018): in training the value of a
 * row is the mean label of the earlier rows of its category,
 *   (sum of w y + prior_weight prior) / (sum of w + prior_weight),
 * so no row sees its own label. The prior is the mean label of all earlier rows, 0 before the first
 * label is known. Finished trees know nothing of it: over all rows each category has one value, a
 * cut of values is a set of categories, and a tree stores that set. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tree/engine.h"

enum { ROWS = 1024, POLL_ROWS = 1 << 14 };

/* statistics ----------------------------------------------------------------------------------- */

typedef struct {
  double sum, weight;
} tally;

typedef struct {
  neap__bins *b;
  const neap__matrix *x;
  neap__labelled labels;
  const neap_gbdt_options *o;
  const int32_t *order; /* rows from first to last; NULL: as they stand */
} encode_job;

static double value_of(tally t, tally all, double prior_weight) {
  double prior = all.weight > 0 ? all.sum / all.weight : 0;
  double under = t.weight + prior_weight;
  return under > 0 ? (t.sum + prior_weight * prior) / under : prior;
}

static int64_t row_at(const encode_job *job, int64_t place) {
  return job->order ? job->order[place] : place;
}

static void learn(const encode_job *job, int64_t place, const int32_t *code, tally *of,
                  tally *all) {
  int64_t row = row_at(job, place);
  double w = job->labels.weight ? (double)job->labels.weight[row] : 1;
  all->sum += w * job->labels.y[row];
  all->weight += w;
  if (code[row] < 0) return;
  of[code[row]].sum += w * job->labels.y[row];
  of[code[row]].weight += w;
}

static neap_status check_value(double v, int64_t column, int64_t row) {
  if (isfinite(v)) return NEAP_OK;
  return neap_fail(NEAP_EVALUE,
                   "gbdt.fit: categorical feature %lld: the labels of rows before row %lld have no "
                   "finite mean",
                   (long long)column + 1, (long long)row + 1);
}

/* Values of all rows, each from the labels known when it comes; of ends as the tallies of all. */
static neap_status follow_rows(const encode_job *job, int64_t column, const int32_t *code,
                               tally *of, tally *all) {
  double *value = job->b->categories[column].value;
  int64_t n = job->x->rows, delay = job->o->cat_delay;
  for (int64_t place = 0; place < n; place++) {
    if (place % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    if (place > delay) learn(job, place - 1 - delay, code, of, all);
    int64_t row = row_at(job, place);
    value[row] = NAN;
    if (code[row] < 0) continue;
    value[row] = value_of(of[code[row]], *all, job->o->cat_prior_weight);
    NEAP_TRY(check_value(value[row], column, row));
  }
  for (int64_t place = n - 1 - delay > 0 ? n - 1 - delay : 0; place < n; place++)
    learn(job, place, code, of, all);
  return neap_interrupt_check();
}

/* The codes of a column, -1 for missing ones; bin[code] = 0 marks those there are. */
static neap_status read_codes(const neap__matrix *x, int64_t column, int32_t *code, uint8_t *bin) {
  double v[ROWS];
  for (int64_t begin = 0; begin < x->rows; begin += ROWS) {
    int64_t n = x->rows - begin < ROWS ? x->rows - begin : ROWS;
    neap__matrix_column(x, column, begin, n, v);
    for (int64_t i = 0; i < n; i++) {
      code[begin + i] = v[i] >= 0 ? (int32_t)v[i] : -1;
      if (v[i] >= 0) bin[(int32_t)v[i]] = 0;
    }
    NEAP_TRY(neap_interrupt_check());
  }
  return NEAP_OK;
}

static neap_status fill_table(const encode_job *job, int64_t column, const tally *of, tally all) {
  neap__categories *c = &job->b->categories[column];
  for (int32_t k = 0; k <= c->limit; k++) {
    c->table[k] = value_of(k < c->limit ? of[k] : (tally){0}, all, job->o->cat_prior_weight);
    NEAP_TRY(check_value(c->table[k], column, job->x->rows));
  }
  return NEAP_OK;
}

static neap_status encode_column(const encode_job *job, int64_t column) {
  neap__categories *c = &job->b->categories[column];
  bool missing;
  int64_t top;
  NEAP_TRY(neap__categories_limit(job->x, column, &top, &missing));
  job->b->feature[column].missing = missing;
  c->ordered = true;
  c->limit = (int32_t)top + 1;
  c->value = neap_alloc_array(job->x->rows, sizeof *c->value);
  c->table = neap_alloc_array((int64_t)c->limit + 1, sizeof *c->table);
  c->bin = neap_alloc_array((int64_t)c->limit + 1, 1);
  int32_t *code = neap_alloc_array(job->x->rows, sizeof *code);
  tally *of = neap_calloc_array((int64_t)c->limit + 1, sizeof *of), all = {0};
  neap_status st = c->value && c->table && c->bin && code && of ? NEAP_OK : NEAP_ENOMEM;
  if (!st) {
    memset(c->bin, NEAP__UNSEEN, (size_t)c->limit + 1);
    st = read_codes(job->x, column, code, c->bin);
  }
  if (!st) st = follow_rows(job, column, code, of, &all);
  if (!st) st = fill_table(job, column, of, all);
  neap_free(of);
  neap_free(code);
  return st;
}

static neap_status encode_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const encode_job *job = ctx;
  for (int64_t k = begin; k < end; k++)
    if (job->o->columns->categorical[k]) NEAP_TRY(encode_column(job, k));
  return NEAP_OK;
}

/* All rows in random order (Fisher and Yates). */
static neap_status draw_order(int64_t n, int64_t seed, int32_t **out) {
  neap_rng rng = neap_rng_make((uint64_t)seed);
  rng = neap_rng_split(&rng, "gbdt/categories", 15);
  int32_t *order = neap_alloc_array(n, sizeof *order);
  if (!order) return NEAP_ENOMEM;
  for (int64_t i = 0; i < n; i++) {
    int64_t k = (int64_t)neap_rng_below(&rng, (uint64_t)i + 1);
    if (k < i) order[i] = order[k];
    order[k] = (int32_t)i;
  }
  *out = order;
  return NEAP_OK;
}

neap_status neap__ordered_encode(neap__bins *b, const neap__matrix *x, neap__labelled labels,
                                 const neap_gbdt_options *o) {
  if (o->cat_encoding != NEAP_CATEGORIES_ORDERED || !o->columns || !o->columns->categorical)
    return NEAP_OK;
  int32_t *order = NULL;
  b->categories = neap_calloc_array(x->columns, sizeof *b->categories);
  if (!b->categories) return NEAP_ENOMEM;
  if (o->cat_order == NEAP_ORDER_RANDOM) NEAP_TRY(draw_order(x->rows, o->seed, &order));
  neap_status st =
      neap_parallel_for(x->columns, 1, encode_chunk, &(encode_job){b, x, labels, o, order});
  neap_free(order);
  return st;
}

/* bins and splits ------------------------------------------------------------------------------ */

static neap_status finish_column(neap__feature *f, neap__categories *c,
                                 const neap_gbdt_options *o) {
  f->categories = c;
  for (int32_t k = 0; k < c->limit; k++) c->seen += c->bin[k] != NEAP__UNSEEN;
  c->own = c->seen;
  c->code = neap_alloc_array((int64_t)c->seen + 1, sizeof *c->code);
  if (!c->code) return NEAP_ENOMEM;
  for (int32_t k = 0, n = 0; k < c->limit; k++) {
    if (c->bin[k] == NEAP__UNSEEN) continue;
    c->code[n++] = k;
    c->bin[k] = neap__bin_of(f->bound, c->table[k]);
  }
  c->prior = neap__bin_of(f->bound, c->table[c->limit]);
  c->missing = c->unseen = (uint8_t)f->bins;
  c->refuse = o->unseen == NEAP__UNSEEN_ERROR;
  neap_free(c->table);
  c->table = NULL;
  return NEAP_OK;
}

neap_status neap__ordered_finish(neap__bins *b, const neap_gbdt_options *o) {
  for (int64_t k = 0; k < b->columns; k++)
    if (b->categories[k].ordered) NEAP_TRY(finish_column(&b->feature[k], &b->categories[k], o));
  return NEAP_OK;
}

static void put_bins(uint64_t set[4], int32_t first, int32_t until) {
  for (int32_t b = first; b < until; b++) set[b / 64] |= (uint64_t)1 << b % 64;
}

void neap__ordered_set(const neap__feature *f, const neap__cell *h, const neap__whole *w,
                       neap__split *s) {
  bool any = f->missing && neap__cell_rows(h[f->bins], w->s) > 0;
  bool turn = any ? s->missing_left : f->categories->prior <= s->bin;
  memset(s->set, 0, sizeof s->set);
  if (turn) put_bins(s->set, s->bin + 1, f->bins);
  else put_bins(s->set, 0, s->bin + 1);
  if (turn) s->left = w->total - s->left;
  s->missing_left = false;
}
