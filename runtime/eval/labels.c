/* Labels, and the sample that every metric starts from. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "eval/eval.h"

enum { POLL_ROWS = 1 << 18 };

/* First position whose label is not below v. */
static int lower_bound(int k, const double *label, double v) {
  int low = 0;
  while (k > low) {
    int middle = (low + k) / 2;
    if (label[middle] < v) low = middle + 1;
    else k = middle;
  }
  return low;
}

int neap_eval_label_code(int k, const double *label, double v) {
  int at = lower_bound(k, label, v);
  return at < k && label[at] == v ? at : -1;
}

static neap_status check_label(double v, int64_t row, const char *name) {
  if (fabs(v) <= 9007199254740992.0 && v == floor(v)) return NEAP_OK;
  return neap_fail(NEAP_EVALUE, "%s[%lld] is %.17g, but labels are integers", name,
                   (long long)row + 1, v);
}

static neap_status add_label(double v, int64_t row, const char *name, int *k, double **label) {
  int at = lower_bound(*k, *label, v);
  if (at < *k && (*label)[at] == v) return NEAP_OK;
  NEAP_TRY(check_label(v, row, name));
  if (*k == NEAP_MAX_CLASSES)
    return neap_fail(NEAP_EVALUE, "%s holds more than %d distinct labels", name, NEAP_MAX_CLASSES);
  memmove(*label + at + 1, *label + at, (size_t)(*k - at) * sizeof **label);
  (*label)[at] = v + 0.0; /* -0 becomes 0 */
  ++*k;
  return NEAP_OK;
}

neap_status neap_eval_labels(int64_t n, const double *y, const char *name, int *k, double **label) {
  if (!*label) *label = neap_alloc_array(NEAP_MAX_CLASSES, sizeof **label);
  if (!*label) return NEAP_ENOMEM;
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    NEAP_TRY(add_label(y[i], i, name, k, label));
  }
  return NEAP_OK;
}

/* reading the rows ----------------------------------------------------------------------------- */

/* The sample under construction: y of the kept rows, and the row each came from. */
typedef struct {
  const neap_sample_spec *spec;
  neap_sample s;
  double *y;
  int64_t columns; /* of s.p so far */
} builder;

/* What makes row i unusable: the name of the argument that holds a NaN, or NULL. */
static const char *nan_in_row(const neap_sample_spec *q, int64_t i) {
  if (isnan(q->y[i])) return "y";
  for (int64_t c = 0; c < q->columns; c++)
    if (isnan(q->p[i * q->columns + c])) return "p";
  return q->weight && isnan(q->weight[i]) ? "weights" : NULL;
}

static neap_status keep_row(builder *b, int64_t i) {
  const neap_sample_spec *q = b->spec;
  const char *bad = nan_in_row(q, i);
  if (bad && q->skip_nan) return NEAP_OK;
  if (bad)
    return neap_fail(NEAP_EVALUE, "%s[%lld] is NaN (skip_nan = true leaves such rows out)", bad,
                     (long long)i + 1);
  NEAP_TRY(check_label(q->y[i], i, "y"));
  double w = q->weight ? q->weight[i] : 1;
  if (!(w >= 0) || isinf(w))
    return neap_fail(NEAP_EVALUE, "weights[%lld] is %.17g, must be finite and not negative",
                     (long long)i + 1, w);
  int64_t at = b->s.n++;
  b->y[at] = q->y[i];
  b->s.row[at] = i;
  if (b->s.weight) b->s.weight[at] = w;
  b->s.total += w;
  memcpy(b->s.p + at * q->columns, q->p + i * q->columns, (size_t)q->columns * sizeof(double));
  return NEAP_OK;
}

static neap_status read_rows(builder *b) {
  const neap_sample_spec *q = b->spec;
  neap_sample *s = &b->s;
  b->columns = q->columns;
  b->y = neap_alloc_array(q->n, sizeof *b->y);
  s->row = b->y ? neap_alloc_array(q->n, sizeof *s->row) : NULL;
  s->p = s->row ? neap_alloc_array(q->n, (size_t)q->columns * sizeof *s->p) : NULL;
  if (s->p && q->weight) s->weight = neap_alloc_array(q->n, sizeof *s->weight);
  if (!s->p || (q->weight && !s->weight)) return NEAP_ENOMEM;
  for (int64_t i = 0; i < q->n; i++) {
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    NEAP_TRY(keep_row(b, i));
  }
  if (s->n == 0) return neap_fail(NEAP_EVALUE, "no row is left without NaN");
  if (!(s->total > 0)) return neap_fail(NEAP_EVALUE, "all weights are 0");
  return NEAP_OK;
}

/* classes -------------------------------------------------------------------------------------- */

/* Turn a single label into the pair it belongs to: 0/1 or -1/1. */
static neap_status complete_pair(neap_sample *s) {
  double only = s->label[0];
  if (only != 0 && only != 1 && only != -1)
    return neap_fail(NEAP_EVALUE, "y holds one class only (%.17g): name all with classes = {...}",
                     only);
  s->label[0] = only == -1 ? -1 : 0;
  s->label[1] = 1;
  s->k = 2;
  return NEAP_OK;
}

static neap_status known_labels(builder *b) {
  const neap_sample_spec *q = b->spec;
  NEAP_TRY(neap_eval_labels(q->labels, q->label, "classes", &b->s.k, &b->s.label));
  if (b->s.k != q->labels || b->s.k < 2)
    return neap_fail(NEAP_EARG, "classes must name at least two different labels, got %d of %d",
                     b->s.k, q->labels);
  return NEAP_OK;
}

/* Is every single-column prediction one of the classes? */
static bool all_labels(const neap_sample *s) {
  for (int64_t i = 0; i < s->n; i++)
    if (neap_eval_label_code(s->k, s->label, s->p[i]) < 0) return false;
  return true;
}

static bool guesses_are_labels(const builder *b) {
  if (b->spec->kind != NEAP_GUESS_AUTO || b->columns != 1)
    return b->spec->kind == NEAP_GUESS_LABELS;
  return b->s.k > 2 || all_labels(&b->s);
}

static neap_status find_classes(builder *b, bool *labels) {
  neap_sample *s = &b->s;
  bool known = b->spec->label != NULL;
  if (known) NEAP_TRY(known_labels(b));
  else NEAP_TRY(neap_eval_labels(s->n, b->y, "y", &s->k, &s->label));
  *labels = guesses_are_labels(b);
  if (*labels && b->columns != 1)
    return neap_fail(NEAP_ESHAPE, "predicted labels have one column, got %lld",
                     (long long)b->columns);
  if (*labels && !known) NEAP_TRY(neap_eval_labels(s->n, s->p, "p", &s->k, &s->label));
  return s->k == 1 ? complete_pair(s) : NEAP_OK;
}

/* Bring p to one column for two classes, k columns for more. */
static neap_status fit_columns(builder *b) {
  neap_sample *s = &b->s;
  if (b->columns == 2 && s->k == 2) {
    for (int64_t i = 0; i < s->n; i++) s->p[i] = s->p[2 * i + 1];
    b->columns = 1;
  }
  if (b->columns != (s->k == 2 ? 1 : s->k))
    return neap_fail(NEAP_ESHAPE,
                     "p has %lld columns, but there are %d classes "
                     "(classes = {...} names those missing from y)",
                     (long long)b->columns, s->k);
  s->columns = (int)b->columns;
  return NEAP_OK;
}

/* codes ---------------------------------------------------------------------------------------- */

static neap_status code_column(const builder *b, const double *v, const char *name, int32_t **out) {
  const neap_sample *s = &b->s;
  *out = neap_alloc_array(s->n, sizeof **out);
  if (!*out) return NEAP_ENOMEM;
  for (int64_t i = 0; i < s->n; i++) {
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    int code = neap_eval_label_code(s->k, s->label, v[i]);
    if (code < 0)
      return neap_fail(NEAP_EVALUE, "%s[%lld] is %.17g, which is not among the classes", name,
                       (long long)b->s.row[i] + 1, v[i]);
    (*out)[i] = code;
  }
  return NEAP_OK;
}

/* The class with the largest probability, the first of equals; two classes by the threshold. */
static int32_t guess_row(const neap_sample *s, const double *p, double threshold) {
  if (s->columns == 1) return p[0] > threshold;
  int best = 0;
  for (int c = 1; c < s->columns; c++)
    if (p[c] > p[best]) best = c;
  return best;
}

static neap_status guess_from_scores(builder *b) {
  neap_sample *s = &b->s;
  s->guess = neap_alloc_array(s->n, sizeof *s->guess);
  if (!s->guess) return NEAP_ENOMEM;
  for (int64_t i = 0; i < s->n; i++) {
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    const double *p = s->p + i * s->columns;
    for (int c = 0; c < s->columns; c++)
      if (!(p[c] >= 0 && p[c] <= 1))
        return neap_fail(NEAP_EVALUE, "p[%lld] is %.17g, neither a label of y nor a probability",
                         (long long)b->s.row[i] + 1, p[c]);
    s->guess[i] = guess_row(s, p, b->spec->threshold);
  }
  return NEAP_OK;
}

static neap_status build(builder *b) {
  neap_sample *s = &b->s;
  bool labels = false;
  NEAP_TRY(read_rows(b));
  NEAP_TRY(find_classes(b, &labels));
  NEAP_TRY(code_column(b, b->y, "y", &s->code));
  if (labels) return code_column(b, s->p, "p", &s->guess);
  NEAP_TRY(fit_columns(b));
  return b->spec->kind == NEAP_GUESS_AUTO ? guess_from_scores(b) : NEAP_OK;
}

static bool only_one_class(const neap_sample *s) {
  for (int64_t i = 1; i < s->n; i++)
    if (s->code[i] != s->code[0]) return false;
  return true;
}

neap_status neap_eval_sample(neap_sample *out, const neap_sample_spec *spec) {
  *out = (neap_sample){0};
  if (spec->n == 0) return neap_fail(NEAP_EVALUE, "no rows");
  builder b = {.spec = spec};
  neap_status st = build(&b);
  neap_free(b.y);
  if (st) {
    neap_eval_sample_drop(&b.s);
    return st;
  }
  b.s.one_class = only_one_class(&b.s);
  *out = b.s;
  if (out->columns == 0) {
    neap_free(out->p);
    out->p = NULL;
  }
  if (out->n == spec->n) {
    neap_free(out->row);
    out->row = NULL;
  }
  return NEAP_OK;
}

void neap_eval_sample_drop(neap_sample *s) {
  neap_free(s->label);
  neap_free(s->code);
  neap_free(s->guess);
  neap_free(s->p);
  neap_free(s->weight);
  neap_free(s->row);
  *s = (neap_sample){0};
}
