/* Logistic regression by Newton's method.
 *
 * The unknowns are k blocks of p = f + intercept numbers. Two classes have one block; more have one
 * a class, which leaves a direction without curvature (adding the same vector to all blocks): the
 * gradient has no part along it, so curvature added there keeps the blocks summing to zero and
 * changes nothing else. Every step halves until the loss falls (Armijo), so separable data converge
 * through the penalty. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "eval/eval.h"
#include "linear/matrix.h"
#include "linear/model.h"

typedef struct {
  int64_t n, f, p, size; /* size = k * p unknowns */
  int k;
  bool ones;
  const double *x, *weight;
  const int32_t *code;
  double alpha, total;
  double *q;                               /* n x k: probabilities at the last point measured */
  double *theta, *trial, *gradient, *step; /* size each */
  double *hessian;                         /* size x size */
  double *block;                           /* p x p */
  double *v;                               /* n */
} newton;

/* loss and gradient ---------------------------------------------------------------------------- */

typedef struct {
  newton *s;
  const double *theta;
  double *parts; /* a chunk: gradient, then loss */
} measuring;

/* Logits of a row into q; returns its loss and leaves probabilities. */
static double row_loss(const newton *s, const double *theta, int64_t i, double *q) {
  for (int c = 0; c < s->k; c++) {
    const double *b = theta + c * s->p;
    q[c] = neap__linear_dot(s->f, b, s->x + i * s->f) + (s->ones ? b[s->f] : 0);
  }
  if (s->k > 1) {
    double truth = q[s->code[i]];
    return neap__linear_softmax(s->k, q) - truth;
  }
  double z = q[0];
  q[0] = neap_eval_sigmoid(z);
  return fmax(z, 0) + log1p(exp(-fabs(z))) - (s->code[i] ? z : 0);
}

static void add_gradient(const newton *s, int64_t i, const double *q, double *g) {
  double w = s->weight ? s->weight[i] : 1;
  const double *x = s->x + i * s->f;
  for (int c = 0; c < s->k; c++) {
    double r = w * (q[c] - (s->k > 1 ? s->code[i] == c : s->code[i] == 1)), *to = g + c * s->p;
    for (int64_t j = 0; j < s->f; j++) to[j] += r * x[j];
    if (s->ones) to[s->f] += r;
  }
}

static neap_status measure_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const measuring *m = ctx;
  newton *s = m->s;
  double *g = m->parts + chunk * (s->size + 1);
  for (int64_t i = begin; i < end; i++) {
    if (i % 1024 == 0) NEAP_TRY(neap_interrupt_check());
    double *q = s->q + i * s->k;
    g[s->size] += (s->weight ? s->weight[i] : 1) * row_loss(s, m->theta, i, q);
    add_gradient(s, i, q, g);
  }
  return NEAP_OK;
}

static void add_penalty(const newton *s, const double *theta, double *loss) {
  for (int c = 0; c < s->k; c++)
    for (int64_t j = 0; j < s->f; j++) {
      double b = theta[c * s->p + j];
      *loss += s->alpha / 2 * b * b;
      s->gradient[c * s->p + j] += s->alpha * b;
    }
}

/* Loss at theta; gradient and probabilities are left in s. */
static neap_status measure(newton *s, const double *theta, double *loss) {
  int64_t grain = neap__linear_grain(s->n, s->size + 1);
  int64_t chunks = neap_parallel_chunks(s->n, grain);
  measuring m = {s, theta, neap_calloc_array(chunks, (size_t)(s->size + 1) * sizeof(double))};
  if (!m.parts) return NEAP_ENOMEM;
  neap_status st = neap_parallel_for(s->n, grain, measure_chunk, &m);
  *loss = 0;
  memset(s->gradient, 0, (size_t)s->size * sizeof *s->gradient);
  for (int64_t c = 0; c < chunks; c++) {
    const double *part = m.parts + c * (s->size + 1);
    for (int64_t j = 0; j < s->size; j++) s->gradient[j] += part[j];
    *loss += part[s->size];
  }
  neap_free(m.parts);
  add_penalty(s, theta, loss);
  return st;
}

/* curvature ------------------------------------------------------------------------------------ */

/* Row weights of the block (a, b) of the Hessian, a > b or the only one. */
static void row_weights(newton *s, int a, int b) {
  for (int64_t i = 0; i < s->n; i++) {
    const double *q = s->q + i * s->k;
    double w = s->weight ? s->weight[i] : 1;
    s->v[i] = s->k == 1 ? w * q[0] * (1 - q[0]) : -w * q[a] * q[b];
  }
}

static double *block_row(newton *s, int a, int b, int64_t i) {
  return &s->hessian[(a * s->p + i) * s->size + b * s->p];
}

/* Copy the symmetric block; of the Hessian only the lower triangle counts. */
static void place_block(newton *s, int a, int b) {
  for (int64_t i = 0; i < s->p; i++)
    for (int64_t j = 0; j < s->p; j++)
      block_row(s, a, b, i)[j] = s->block[j <= i ? i * s->p + j : j * s->p + i];
}

/* q_a (1 - q_a) is the sum of q_a q_b over the others, so a diagonal block is the sum of the blocks
 * in its row and column, turned round. */
static void diagonal_block(newton *s, int a) {
  for (int64_t i = 0; i < s->p; i++) {
    double *to = block_row(s, a, a, i);
    for (int64_t j = 0; j < s->p; j++) to[j] = 0;
    for (int b = 0; b < s->k; b++) {
      const double *from = block_row(s, a > b ? a : b, a > b ? b : a, i);
      for (int64_t j = 0; j < s->p && b != a; j++) to[j] -= from[j];
    }
  }
}

static double *diagonal(newton *s, int64_t j) { return &s->hessian[j * s->size + j]; }

/* Curvature along "the same vector in every block", of the size that the columns have anyway. */
static void add_gauge(newton *s) {
  for (int64_t j = 0; j < s->p; j++) {
    double mean = 0;
    for (int a = 0; a < s->k; a++) mean += *diagonal(s, a * s->p + j) / s->k;
    for (int a = 0; a < s->k; a++)
      for (int b = 0; b <= a; b++) s->hessian[(a * s->p + j) * s->size + b * s->p + j] += mean;
  }
}

static neap_status add_block(newton *s, int a, int b) {
  row_weights(s, a, b);
  NEAP_TRY(neap__linear_gram(s->n, s->f, s->x, s->ones, s->v, s->block));
  place_block(s, a, b);
  return NEAP_OK;
}

static neap_status curvature(newton *s) {
  if (s->k == 1) NEAP_TRY(add_block(s, 0, 0));
  for (int a = 0; a < s->k; a++)
    for (int b = 0; b < a; b++) NEAP_TRY(add_block(s, a, b));
  for (int a = 0; a < s->k && s->k > 1; a++) diagonal_block(s, a);
  for (int a = 0; a < s->k; a++)
    for (int64_t j = 0; j < s->f; j++) *diagonal(s, a * s->p + j) += s->alpha;
  if (s->k > 1) add_gauge(s);
  return NEAP_OK;
}

/* Raise every diagonal element by a share of itself, so that the scale of columns does not matter.
 */
static void stiffen(newton *s, double share) {
  for (int64_t j = 0; j < s->size; j++) {
    double *h = diagonal(s, j);
    *h = *h > 0 ? *h * (1 + share) : 1;
  }
}

/* step = hessian^-1 gradient; where that has no factor (collinear columns and no penalty, rows all
 * but decided) a stiffer one still points downhill. */
static neap_status newton_step(newton *s) {
  int64_t column = 0;
  for (double share = 0; column >= 0 && share<1; share = share> 0 ? 1e3 * share : 1e-12) {
    NEAP_TRY(curvature(s));
    if (share > 0) stiffen(s, share);
    NEAP_TRY(neap__linear_cholesky(s->size, s->hessian, &column));
  }
  memcpy(s->step, s->gradient, (size_t)s->size * sizeof *s->step);
  if (column < 0) neap__linear_solve(s->size, s->hessian, s->step);
  return NEAP_OK;
}

/* descent -------------------------------------------------------------------------------------- */

static double largest(int64_t n, const double *v) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(v[i]));
  return most;
}

/* Halve the step until the loss falls enough. A gain that the rounding of the loss would hide is
 * taken unseen: there Newton's step is as good as exact. *moved tells whether theta changed; if
 * not, what was measured belongs to the old point again. */
static neap_status line_search(newton *s, double gain, double *loss, bool *moved) {
  double before = *loss;
  *moved = true;
  for (double t = 1; t > 1e-12; t /= 2) {
    for (int64_t j = 0; j < s->size; j++) s->trial[j] = s->theta[j] - t * s->step[j];
    NEAP_TRY(measure(s, s->trial, loss));
    if (gain > 1e-11 * before && *loss > before - 1e-4 * t * gain) continue;
    memcpy(s->theta, s->trial, (size_t)s->size * sizeof *s->theta);
    return NEAP_OK;
  }
  *moved = false;
  return measure(s, s->theta, loss);
}

static neap_status descend(newton *s, const neap_linear_options *o, neap_linear *m) {
  double loss, small = o->tolerance * s->total;
  bool moved = true;
  NEAP_TRY(measure(s, s->theta, &loss));
  while (moved && !(m->converged = largest(s->size, s->gradient) <= small)) {
    if (m->iterations == o->max_iterations) break;
    NEAP_TRY(newton_step(s));
    double gain = neap__linear_dot(s->size, s->gradient, s->step);
    if ((m->converged = gain <= 1e-20 * loss)) break; /* nothing is left to gain */
    NEAP_TRY(line_search(s, gain, &loss, &moved));
    m->iterations++;
  }
  return NEAP_OK;
}

/* setting up ----------------------------------------------------------------------------------- */

static neap_status newton_alloc(newton *s) {
  s->q = neap_alloc_array(s->n, (size_t)s->k * sizeof *s->q);
  s->v = s->q ? neap_alloc_array(s->n, sizeof *s->v) : NULL;
  s->theta = s->v ? neap_calloc_array(4 * s->size, sizeof *s->theta) : NULL;
  s->hessian = s->theta ? neap_calloc_array(s->size * s->size, sizeof *s->hessian) : NULL;
  s->block = s->hessian ? neap_calloc_array(s->p * s->p, sizeof *s->block) : NULL;
  if (!s->block) return NEAP_ENOMEM;
  s->trial = s->theta + s->size;
  s->gradient = s->trial + s->size;
  s->step = s->gradient + s->size;
  return NEAP_OK;
}

static void newton_free(newton *s) {
  neap_free(s->q);
  neap_free(s->v);
  neap_free(s->theta);
  neap_free(s->hessian);
  neap_free(s->block);
}

static neap_status code_labels(neap_linear *m, int64_t n, const double *y, const double *weight,
                               int32_t **code) {
  NEAP_TRY(neap_eval_labels(n, y, "y", &m->classes, &m->label));
  *code = neap_alloc_array(n, sizeof **code);
  double *mass = *code ? neap_calloc_array(m->classes, sizeof *mass) : NULL;
  if (!mass) return NEAP_ENOMEM;
  int present = 0;
  for (int64_t i = 0; i < n; i++) {
    (*code)[i] = neap_eval_label_code(m->classes, m->label, y[i]);
    mass[(*code)[i]] += weight ? weight[i] : 1;
  }
  for (int c = 0; c < m->classes; c++) present += mass[c] > 0;
  neap_free(mass);
  if (m->classes < 2) return neap_fail(NEAP_EVALUE, "y holds one class only (%.17g)", m->label[0]);
  if (present < m->classes)
    return neap_fail(NEAP_EVALUE, "a class of y has no weight: %d of %d have", present, m->classes);
  return NEAP_OK;
}

static void keep_solution(neap_linear *m, const newton *s) {
  for (int c = 0; c < s->k; c++) {
    memcpy(m->coef + c * s->f, s->theta + c * s->p, (size_t)s->f * sizeof *m->coef);
    if (s->ones) m->offset[c] = s->theta[c * s->p + s->f];
  }
}

static neap_status solve(neap_linear *m, newton *s, const neap_linear_options *o) {
  s->p = s->f + s->ones;
  s->k = m->classes == 2 ? 1 : m->classes;
  s->size = s->k * s->p;
  if (s->size > NEAP_LINEAR_MAX)
    return neap_fail(NEAP_ESHAPE, "%lld unknowns (columns times classes), at most %d",
                     (long long)s->size, NEAP_LINEAR_MAX);
  neap_status st = neap__linear_alloc(m, s->f, s->k, o->standardize);
  double *scaled = NULL;
  if (!st && o->standardize) {
    neap__linear_moments(s->n, s->f, s->x, s->weight, true, true, m->mean, m->scale);
    st = neap__linear_scaled(&scaled, s->n, s->f, s->x, m->mean, m->scale);
    s->x = scaled;
  }
  if (!st) st = newton_alloc(s);
  if (!st) st = descend(s, o, m);
  if (!st) keep_solution(m, s);
  newton_free(s);
  neap_free(scaled);
  return st;
}

neap_status neap_linear_logistic(neap_linear *out, int64_t n, int64_t f, const double *x,
                                 const double *y, const double *weight,
                                 const neap_linear_options *o) {
  *out = (neap_linear){0};
  neap_linear m = {0};
  newton s = {.n = n, .f = f, .x = x, .weight = weight, .alpha = o->alpha, .ones = o->intercept};
  int32_t *code = NULL;
  neap_status st = neap__linear_check(n, f, x, weight, &s.total);
  if (!st) st = code_labels(&m, n, y, weight, &code);
  s.code = code;
  if (!st) st = solve(&m, &s, o);
  neap_free(code);
  if (st) neap_linear_drop(&m);
  *out = m;
  return st;
}
