/* Categorical features: their bins, and the best set of categories to send left.
 *
 * A category is a code, an integer from 0. Codes have bins by falling number of rows, one each as
 * long as there are bins and rows enough, and one together for the others. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/pool.h"
#include "tree/engine.h"

enum { ROWS = 1024, MAX_ENTRIES = 256 };

/* finding them --------------------------------------------------------------------------------- */

typedef struct {
  int64_t rows;
  int32_t code;
} tally;

static neap_status bad_code(int64_t feature, int64_t row, double v) {
  const char *why = v == floor(v) ? "codes lie below 16777216; number the categories 0, 1, 2, ..."
                                  : "codes are integers from 0";
  return neap_fail(NEAP_EVALUE, "gbdt.fit: categorical feature %lld is %g in row %lld; %s",
                   (long long)feature + 1, v, (long long)row + 1, why);
}

neap_status neap__categories_limit(const neap__matrix *x, int64_t column, int64_t *top,
                                   bool *missing) {
  double v[ROWS];
  *top = -1;
  *missing = false;
  for (int64_t begin = 0; begin < x->rows; begin += ROWS) {
    int64_t n = x->rows - begin < ROWS ? x->rows - begin : ROWS;
    neap__matrix_column(x, column, begin, n, v);
    for (int64_t i = 0; i < n; i++) {
      if (isnan(v[i]) || v[i] <= -1) *missing = true;
      else if (v[i] >= NEAP__MAX_CODE || v[i] != floor(v[i]))
        return bad_code(column, begin + i, v[i]);
      else if (v[i] > (double)*top) *top = (int64_t)v[i];
    }
    NEAP_TRY(neap_interrupt_check());
  }
  return NEAP_OK;
}

static neap_status count_codes(const neap__matrix *x, int64_t column, int64_t *rows) {
  double v[ROWS];
  for (int64_t begin = 0; begin < x->rows; begin += ROWS) {
    int64_t n = x->rows - begin < ROWS ? x->rows - begin : ROWS;
    neap__matrix_column(x, column, begin, n, v);
    for (int64_t i = 0; i < n; i++)
      if (v[i] >= 0) rows[(int64_t)v[i]]++;
    NEAP_TRY(neap_interrupt_check());
  }
  return NEAP_OK;
}

static bool comes_before(tally a, tally b) {
  return a.rows != b.rows ? a.rows > b.rows : a.code < b.code;
}

static void sift(tally *a, int64_t n, int64_t i) {
  for (int64_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && comes_before(a[child], a[child + 1])) child++;
    if (!comes_before(a[i], a[child])) return;
    tally t = a[i];
    a[i] = a[child];
    a[child] = t;
  }
}

static void sort_tallies(tally *a, int64_t n) {
  for (int64_t i = n / 2; i-- > 0;) sift(a, n, i);
  for (int64_t m = n; m-- > 1;) {
    tally t = a[0];
    a[0] = a[m];
    a[m] = t;
    sift(a, m, 0);
  }
}

/* Categories with bins of their own: all that have rows enough when they fit, else all but one bin;
 * the most frequent one always. */
static int32_t own_bins(const tally *a, int32_t seen, const neap_gbdt_options *o) {
  int32_t own = 1;
  while (own < seen && a[own].rows >= o->min_data_in_bin && own < o->max_bin) own++;
  return own < seen && own == o->max_bin ? own - 1 : own;
}

static void give_bins(neap__categories *c, const tally *a, const neap_gbdt_options *o) {
  c->own = own_bins(a, c->seen, o);
  bool others = c->own < c->seen;
  memset(c->bin, NEAP__UNSEEN, (size_t)c->limit);
  for (int32_t i = 0; i < c->seen; i++) {
    c->code[i] = a[i].code;
    c->bin[a[i].code] = (uint8_t)(i < c->own ? i : c->own);
  }
  c->missing = (uint8_t)(c->own + others);
  c->unseen = (uint8_t)(o->unseen == NEAP__UNSEEN_OTHER ? c->own : c->missing);
  c->refuse = o->unseen == NEAP__UNSEEN_ERROR;
}

static neap_status find_column(neap__bins *b, const neap__matrix *x, int64_t column,
                               const neap_gbdt_options *o) {
  neap__feature *f = &b->feature[column];
  neap__categories *c = &b->categories[column];
  int64_t top;
  NEAP_TRY(neap__categories_limit(x, column, &top, &f->missing));
  f->categories = c;
  f->bins = 0;
  if (top < 0) return NEAP_OK;
  c->limit = (int32_t)top + 1;
  int64_t *rows = neap_calloc_array(c->limit, sizeof *rows);
  neap_status st = rows ? count_codes(x, column, rows) : NEAP_ENOMEM;
  for (int32_t k = 0; !st && k < c->limit; k++) c->seen += rows[k] > 0;
  tally *a = st ? NULL : neap_alloc_array(c->seen, sizeof *a);
  if (!st) c->code = neap_alloc_array(c->seen, sizeof *c->code);
  if (!st) c->bin = neap_alloc_array(c->limit, 1);
  if (!st && !(a && c->code && c->bin)) st = NEAP_ENOMEM;
  if (!st) {
    for (int32_t k = 0, n = 0; k < c->limit; k++)
      if (rows[k]) a[n++] = (tally){rows[k], k};
    sort_tallies(a, c->seen);
    give_bins(c, a, o);
    f->bins = c->missing;
  }
  neap_free(a);
  neap_free(rows);
  return st;
}

typedef struct {
  neap__bins *b;
  const neap__matrix *x;
  const neap_gbdt_options *o;
} find_job;

static neap_status find_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const find_job *job = ctx;
  for (int64_t k = begin; k < end; k++)
    if (job->o->columns->categorical[k]) NEAP_TRY(find_column(job->b, job->x, k, job->o));
  return NEAP_OK;
}

neap_status neap__categories_find(neap__bins *b, const neap__matrix *x,
                                  const neap_gbdt_options *o) {
  if (!o->columns || !o->columns->categorical) return NEAP_OK;
  if (o->cat_encoding == NEAP_CATEGORIES_ORDERED) return neap__ordered_finish(b, o);
  b->categories = neap_calloc_array(x->columns, sizeof *b->categories);
  if (!b->categories) return NEAP_ENOMEM;
  return neap_parallel_for(x->columns, 1, find_chunk, &(find_job){b, x, o});
}

void neap__categories_drop(neap__categories *all, int64_t columns) {
  for (int64_t k = 0; all && k < columns; k++) {
    neap_free(all[k].code);
    neap_free(all[k].bin);
    neap_free(all[k].value);
    neap_free(all[k].table);
  }
  neap_free(all);
}

/* A number is the code it has without its fraction, as when a tree is walked. */
neap_status neap__categories_fill(const neap__feature *f, const double *v, int64_t n, int64_t first,
                                  uint8_t *out, int64_t stride) {
  const neap__categories *c = f->categories;
  for (int64_t i = 0; i < n; i++) {
    uint8_t bin = c->missing;
    if (v[i] > -1) bin = v[i] < c->limit ? c->bin[(int32_t)v[i]] : NEAP__UNSEEN;
    if (v[i] > -1 && bin == NEAP__UNSEEN) {
      if (c->refuse)
        return neap_fail(NEAP_EVALUE,
                         "gbdt.fit: valid: categorical feature %d is %g in row %lld, which "
                         "training did not have",
                         f->input + 1, v[i], (long long)(first + i) + 1);
      bin = c->unseen;
    }
    out[i * stride] = bin;
  }
  return NEAP_OK;
}

char *neap__categories_text(const neap__categories *c) {
  char *text = neap_alloc_array((int64_t)c->seen + 2, 12); /* "-1:" twice and codes of 8 digits */
  if (!text) return NULL;
  memcpy(text, "-1", 3);
  size_t n = 2;
  for (int32_t i = 0; i < c->seen; i++) {
    if (i == c->own) {
      memcpy(text + n, ":-1", 3);
      n += 3;
    }
    text[n++] = ':';
    n += neap_integer_print(text + n, c->code[i]);
  }
  return text;
}

/* splitting ------------------------------------------------------------------------------------ */

typedef struct {
  double ratio; /* g / (h + cat_smooth) */
  int32_t bin;
} entry;

static void put_bin(uint64_t set[4], int32_t bin) { set[bin / 64] |= (uint64_t)1 << bin % 64; }
static bool has_bin(const uint64_t set[4], int32_t bin) { return set[bin / 64] >> bin % 64 & 1; }

static void one_against_rest(const neap__cell *h, int32_t cells, int32_t index,
                             const neap__whole *w, neap__split *found) {
  int32_t only = neap__random_cut(w, index, cells);
  for (int32_t b = 0; b < cells; b++) {
    if (only >= 0 && b != only) continue;
    if (!neap__side_enough(h[b], w) || !neap__side_enough(w->total - h[b], w)) continue;
    double gain = neap__cut_gain(w, h[b], 0, 0);
    if (!(gain > found->gain)) continue;
    found->gain = gain;
    found->left = h[b];
    memset(found->set, 0, sizeof found->set);
    put_bin(found->set, b);
  }
}

/* By rising ratio, ties by bin: Shell's sort with Ciura's gaps. */
static void sort_entries(entry *e, int32_t n) {
  static const int32_t gaps[] = {132, 57, 23, 10, 4, 1};
  for (size_t k = 0; k < sizeof gaps / sizeof *gaps; k++)
    for (int32_t i = gaps[k]; i < n; i++) {
      entry t = e[i];
      int32_t at = i;
      for (; at >= gaps[k]; at -= gaps[k]) {
        const entry *p = &e[at - gaps[k]];
        if (p->ratio < t.ratio || (p->ratio == t.ratio && p->bin < t.bin)) break;
        e[at] = *p;
      }
      e[at] = t;
    }
}

/* Bins with rows enough to judge them, in the order of their gradients. */
static int32_t list_entries(const neap__cell *h, int32_t cells, const neap__whole *w, entry *e) {
  int32_t n = 0;
  for (int32_t b = 0; b < cells; b++) {
    int64_t rows = neap__cell_rows(h[b], w->s);
    if (rows == 0 || (double)rows < w->r->cat_smooth) continue;
    double under = neap__cell_h(h[b], w->s) + w->r->cat_smooth;
    e[n++] = (entry){under > 0 ? neap__cell_g(h[b], w->s) / under : 0, b};
  }
  sort_entries(e, n);
  return n;
}

/* Prefixes from one end: a cut is weighed once min_data_per_group more rows have come, and leaves
 * as many on the other side. Returns the length of the best, 0 when none is better. */
static int32_t scan_prefixes(const neap__cell *h, const entry *e, int32_t n, int32_t step,
                             int32_t index, const neap__whole *w, neap__split *found) {
  int64_t most = (n + 1) / 2 < w->r->most ? (n + 1) / 2 : w->r->most, group = 0;
  neap__cell left = {0, 0};
  int32_t best = 0, only = neap__random_cut(w, index, (int32_t)most);
  for (int32_t i = 0; i < most; i++) {
    neap__cell cell = h[e[step > 0 ? i : n - 1 - i].bin], right;
    left += cell;
    right = w->total - left;
    group += neap__cell_rows(cell, w->s);
    if (!neap__side_enough(left, w)) continue;
    if (!neap__side_enough(right, w) || neap__cell_rows(right, w->s) < w->r->group) break;
    if (group < w->r->group) continue;
    group = 0;
    if (only >= 0 && i != only) continue;
    double gain = neap__cut_gain(w, left, w->r->cat_l2, 0);
    if (!(gain > found->gain)) continue;
    found->gain = gain;
    found->left = left;
    best = i + 1;
  }
  return best;
}

static void prefixes(const neap__cell *h, int32_t cells, int32_t index, const neap__whole *w,
                     neap__split *found) {
  entry e[MAX_ENTRIES];
  int32_t n = list_entries(h, cells, w, e);
  for (int32_t step = 1; step >= -1; step -= 2) {
    int32_t length = scan_prefixes(h, e, n, step, index, w, found);
    if (length == 0) continue;
    memset(found->set, 0, sizeof found->set);
    for (int32_t i = 0; i < length; i++) put_bin(found->set, e[step > 0 ? i : n - 1 - i].bin);
  }
}

/* Change sides: the bins that have rows and are not in the set. */
static void turn(const neap__cell *h, int32_t cells, const neap__whole *w, neap__split *s) {
  uint64_t set[4] = {0};
  for (int32_t b = 0; b < cells; b++)
    if (neap__cell_rows(h[b], w->s) > 0 && !has_bin(s->set, b)) put_bin(set, b);
  memcpy(s->set, set, sizeof set);
  s->left = w->total - s->left;
}

void neap__split_category(const neap__feature *f, int32_t index, const neap__cell *h,
                          const neap__whole *w, neap__split *best) {
  double least = neap__least_gain(w, best);
  neap__split found = {.gain = least, .feature = index, .sorted = f->bins > w->r->onehot};
  int32_t cells = f->bins + f->missing;
  if (found.sorted) prefixes(h, cells, index, w, &found);
  else one_against_rest(h, cells, index, w, &found);
  if (!(found.gain > least)) return;
  bool any = f->missing && neap__cell_rows(h[f->bins], w->s) > 0;
  bool larger = 2 * neap__cell_rows(found.left, w->s) > neap__cell_rows(w->total, w->s);
  if (any ? has_bin(found.set, f->bins) : larger) turn(h, cells, w, &found);
  *best = found;
}

/* the set of codes in a tree ------------------------------------------------------------------- */

void neap__categories_measure(const neap__split *s, const neap__categories *c, int64_t *cats,
                              int64_t *words) {
  int32_t top = 0;
  for (int32_t i = 0; i < c->seen; i++)
    if (has_bin(s->set, c->bin[c->code[i]]) && c->code[i] > top) top = c->code[i];
  *cats += 1;
  *words += top / 32 + 1;
}

void neap__categories_store(const neap__split *s, const neap__categories *c, neap__tree *t,
                            int64_t *cats) {
  int64_t which = *cats, words = 0;
  int32_t begin = t->cat_boundary[which];
  neap__categories_measure(s, c, cats, &words);
  t->cat_boundary[which + 1] = begin + (int32_t)words;
  for (int32_t i = 0; i < c->seen; i++) {
    int32_t code = c->code[i];
    if (has_bin(s->set, c->bin[code])) t->cat_bits[begin + code / 32] |= (uint32_t)1 << code % 32;
  }
}
