/* What a row is within its group: running sums and counts in the order of rows, ranks in the order
 * of values. Ranks sort the whole column once and then go through it with one counter per group. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "frame/group.h"
#include "frame/key.h"

enum { POLL = 1 << 16 };

static neap_status count_rows(neap_tensor *out, const neap_groups *g) {
  NEAP_TRY(neap_tensor_init_1d(out, NEAP_I64, g->rows));
  int64_t *z = neap_tensor_data(out), *count = neap_calloc_array(g->count, sizeof *count);
  neap_status st = count ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = 0; i < g->rows && !st; i++) {
    if (i % POLL == 0) st = neap_interrupt_check();
    z[i] = g->id[i] < 0 ? 0 : ++count[g->id[i]];
  }
  neap_free(count);
  return st;
}

static neap_status sum_floats(neap_tensor *out, const neap_groups *g, const neap_tensor *x) {
  NEAP_TRY(neap_tensor_init_1d(out, x->dtype, g->rows));
  double *sum = neap_calloc_array(g->count, sizeof *sum);
  neap_status st = sum ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = 0; i < g->rows && !st; i++) {
    if (i % POLL == 0) st = neap_interrupt_check();
    double v = neap_tensor_get_f64(x, &i);
    if (g->id[i] < 0) v = NAN;
    else if (v == v) v = sum[g->id[i]] += v;
    neap_tensor_set_f64(out, &i, v);
  }
  neap_free(sum);
  return st;
}

static neap_status sum_whole(neap_tensor *out, const neap_groups *g, const neap_tensor *x) {
  NEAP_TRY(neap_tensor_init_1d(out, NEAP_I64, g->rows));
  uint64_t *sum = neap_calloc_array(g->count, sizeof *sum);
  int64_t *z = neap_tensor_data(out);
  neap_status st = sum ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = 0; i < g->rows && !st; i++) {
    if (i % POLL == 0) st = neap_interrupt_check();
    if (g->id[i] < 0) z[i] = 0;
    else z[i] = (int64_t)(sum[g->id[i]] += (uint64_t)neap_tensor_get_i64(x, &i));
  }
  neap_free(sum);
  return st;
}

/* ranks -----------------------------------------------------------------------------------------
 */

typedef struct {
  const neap_groups *g;
  const int64_t *word, *at; /* at: rows by word */
  int64_t *below, *tied;    /* of each group: ranked so far, and in this run of equals */
  double *z;
} ranking;

/* Rows at[begin .. end) are equal: those of one group share the mean of their ranks. */
static void rank_equals(ranking *r, int64_t begin, int64_t end) {
  for (int64_t k = begin; k < end; k++)
    if (r->g->id[r->at[k]] >= 0) r->tied[r->g->id[r->at[k]]]++;
  for (int64_t k = begin; k < end; k++) {
    int32_t group = r->g->id[r->at[k]];
    if (group >= 0) r->z[r->at[k]] = (double)r->below[group] + (double)(r->tied[group] + 1) / 2;
  }
  for (int64_t k = begin; k < end; k++) {
    int32_t group = r->g->id[r->at[k]];
    if (group < 0) continue;
    r->below[group] += r->tied[group];
    r->tied[group] = 0;
  }
}

static neap_status rank_rows(ranking *r, const int64_t *missing) {
  int64_t n = r->g->rows, since = 0;
  for (int64_t i = 0; i < n; i++) r->z[i] = NAN;
  for (int64_t k = 0; k < n;) {
    int64_t end = k, word = r->word[r->at[k]];
    if (missing && word == *missing) break;
    while (end < n && r->word[r->at[end]] == word) end++;
    rank_equals(r, k, end);
    since += end - k;
    k = end;
    if (since < POLL) continue;
    NEAP_TRY(neap_interrupt_check());
    since = 0;
  }
  return NEAP_OK;
}

static neap_status rank(neap_tensor *out, const neap_groups *g, const neap_series *column,
                        bool share) {
  neap_tensor word, at = {0};
  neap__words w = {.rows = g->rows, .series = column};
  int64_t missing;
  bool has_missing = neap__words_missing(&w, &missing);
  NEAP_TRY(neap_tensor_init_1d(&word, NEAP_I64, g->rows));
  neap_status st = neap__words_all(column, neap_tensor_data(&word));
  if (!st) st = neap_tensor_sort(NULL, &at, &word, 0, false, 0);
  if (!st) st = neap_tensor_init_1d(out, NEAP_F64, g->rows);
  int64_t *count = st ? NULL : neap_calloc_array(2 * g->count, sizeof *count);
  if (!st && !count) st = NEAP_ENOMEM;
  if (!st) {
    ranking r = {g,     neap_tensor_data(&word), neap_tensor_data(&at),
                 count, count + g->count,        neap_tensor_data(out)};
    st = rank_rows(&r, has_missing ? &missing : NULL);
    for (int64_t i = 0; i < g->rows && share; i++)
      if (g->id[i] >= 0) r.z[i] /= (double)r.below[g->id[i]];
  }
  neap_free(count);
  neap_tensor_drop(&at);
  neap_tensor_drop(&word);
  return st;
}

neap_status neap_group_run(neap_tensor *out, neap_groups *g, const neap_series *column,
                           neap_group_running what) {
  neap_status st;
  bool ranks = what == NEAP_GROUP_RANK || what == NEAP_GROUP_PCT_RANK;
  memset(out, 0, sizeof *out);
  if (column && column->values.size[0] != g->rows)
    return neap_fail(NEAP_ESHAPE, "group_by: column '%s' has %lld rows, but the frame has %lld",
                     column->name, (long long)column->values.size[0], (long long)g->rows);
  if (what == NEAP_GROUP_CUMSUM && column->kind != NEAP_COLUMN_NUMBER)
    return neap_fail(NEAP_EDTYPE, "group_by: column '%s' is a %s, which has no cumsum",
                     column->name, neap_column_kind_name(column->kind));
  if (what == NEAP_GROUP_CUMCOUNT) st = count_rows(out, g);
  else if (ranks) st = rank(out, g, column, what == NEAP_GROUP_PCT_RANK);
  else if (neap_dtype_is_float(column->values.dtype)) st = sum_floats(out, g, &column->values);
  else st = sum_whole(out, g, &column->values);
  if (st) neap_tensor_drop(out);
  return st;
}
