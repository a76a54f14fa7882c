/* Fitting calibrators.
 *
 * Temperature has one convex unknown, 1/T, found by Newton inside a shrinking bracket. Platt and
 * beta are logistic regressions of two and three unknowns on smoothed targets (Platt 1999), so the
 * optimum is finite even when the classes separate; Newton with step halving finds it. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "eval/calibrate.h"

enum { POLL_ROWS = 1 << 16, MAX_STEPS = 200 };

static const char *const names[NEAP_CAL_COUNT] = {"none", "temperature", "platt", "isotonic",
                                                  "beta"};

const char *neap_cal_name(neap_cal_method method) { return names[method]; }

neap_status neap_cal_parse(neap_cal_method *out, const char *name) {
  for (int i = 0; i < NEAP_CAL_COUNT; i++)
    if (strcmp(names[i], name) == 0) {
      *out = (neap_cal_method)i;
      return NEAP_OK;
    }
  return neap_fail(NEAP_EARG, "method '%s' is not one of none temperature platt isotonic beta",
                   name);
}

static double weight_of(const neap_sample *s, int64_t i) { return s->weight ? s->weight[i] : 1; }

/* temperature ---------------------------------------------------------------------------------- */

/* Slope and curvature in b = 1/T of -log softmax(b z)[truth], two classes being z = (0, z). */
static void row_two(double z, bool truth, double b, double *slope, double *curve) {
  double s = neap_eval_sigmoid(b * z);
  *slope = (s - truth) * z;
  *curve = s * (1 - s) * z * z;
}

static void row_many(int k, const double *z, int truth, double b, double *slope, double *curve) {
  double top = z[0], sum = 0, first = 0, second = 0;
  for (int c = 1; c < k; c++) top = fmax(top, z[c]);
  for (int c = 0; c < k; c++) {
    double q = exp(b * (z[c] - top)), d = z[c] - z[truth];
    sum += q;
    first += q * d;
    second += q * d * d;
  }
  *slope = first / sum;
  *curve = second / sum - *slope * *slope;
}

static neap_status temperature_slope(const neap_sample *s, const double *z, double b, double *slope,
                                     double *curve) {
  *slope = *curve = 0;
  for (int64_t i = 0; i < s->n; i++) {
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    double g, h, w = weight_of(s, i);
    if (s->columns == 1) row_two(z[i], s->code[i], b, &g, &h);
    else row_many(s->columns, z + i * s->columns, s->code[i], b, &g, &h);
    *slope += w * g;
    *curve += w * h;
  }
  return NEAP_OK;
}

/* The root of the rising slope in [0.01, 100], or the end where it does not change sign. */
static neap_status fit_inverse(const neap_sample *s, const double *z, double *out) {
  double low = 0.01, high = 100, g, h;
  NEAP_TRY(temperature_slope(s, z, low, &g, &h));
  *out = low;
  if (g >= 0) return NEAP_OK;
  NEAP_TRY(temperature_slope(s, z, high, &g, &h));
  *out = high;
  if (g <= 0) return NEAP_OK;
  double b = 1;
  for (int step = 0; step < MAX_STEPS; step++) {
    NEAP_TRY(temperature_slope(s, z, b, &g, &h));
    if (g < 0) low = b;
    else high = b;
    double next = b - g / h;
    if (!(next > low && next < high)) next = sqrt(low * high);
    if (fabs(next - b) <= 1e-14 * b) break;
    b = next;
  }
  *out = b;
  return NEAP_OK;
}

static neap_status fit_temperature(neap_calibrator *c, const neap_sample *s) {
  int64_t n = s->n * s->columns;
  double *z = neap_alloc_array(n, sizeof *z), inverse = 1;
  if (!z) return NEAP_ENOMEM;
  for (int64_t i = 0; i < n; i++) z[i] = neap__eval_logit(c, s->p[i]);
  neap_status st = fit_inverse(s, z, &inverse);
  c->param[0] = 1 / inverse;
  neap_free(z);
  return st;
}

/* logistic regression of at most three unknowns ------------------------------------------------ */

/* Minimise the mean of w (softplus(f theta) - t f theta) over the unknowns that are not fixed. */
typedef struct {
  int64_t n;
  int d;
  const double *f, *target, *weight;
  double total;
  bool fixed[3];
} logistic;

typedef struct {
  double loss, g[3], h[3][3];
} moments;

static void add_moments(const logistic *l, int64_t i, const double *theta, moments *m) {
  const double *f = l->f + i * l->d;
  double eta = 0, w = l->weight[i];
  for (int j = 0; j < l->d; j++) eta += f[j] * theta[j];
  double q = neap_eval_sigmoid(eta), v = w * q * (1 - q);
  m->loss += w * (neap__eval_softplus(eta) - l->target[i] * eta);
  for (int j = 0; j < l->d; j++) {
    m->g[j] += w * (q - l->target[i]) * f[j];
    for (int k = 0; k <= j; k++) m->h[j][k] += v * f[j] * f[k];
  }
}

static neap_status measure(const logistic *l, const double *theta, moments *m) {
  *m = (moments){0};
  for (int64_t i = 0; i < l->n; i++) {
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    add_moments(l, i, theta, m);
  }
  m->loss /= l->total;
  for (int j = 0; j < l->d; j++) {
    m->g[j] = l->fixed[j] ? 0 : m->g[j] / l->total;
    for (int k = 0; k <= j; k++)
      m->h[j][k] = l->fixed[j] || l->fixed[k] ? 0 : m->h[j][k] / l->total;
    m->h[j][j] = l->fixed[j] ? 1 : m->h[j][j] + 1e-12; /* constant features stay solvable */
  }
  return NEAP_OK;
}

/* step = h^-1 g by Cholesky, in place of m->h. */
static void newton_step(int d, moments *m, double *step) {
  double(*h)[3] = m->h;
  for (int j = 0; j < d; j++)
    for (int k = 0; k <= j; k++) {
      double sum = h[j][k];
      for (int i = 0; i < k; i++) sum -= h[j][i] * h[k][i];
      h[j][k] = j == k ? sqrt(fmax(sum, 1e-14)) : sum / h[k][k];
    }
  for (int j = 0; j < d; j++) {
    step[j] = m->g[j];
    for (int i = 0; i < j; i++) step[j] -= h[j][i] * step[i];
    step[j] /= h[j][j];
  }
  for (int j = d - 1; j >= 0; j--) {
    for (int i = j + 1; i < d; i++) step[j] -= h[i][j] * step[i];
    step[j] /= h[j][j];
  }
}

static double dot(int d, const double *a, const double *b) {
  double sum = 0;
  for (int j = 0; j < d; j++) sum += a[j] * b[j];
  return sum;
}

/* Halve the step until the loss falls enough. A gain that the rounding of the loss would hide is
 * taken unseen: there Newton's step is as good as exact. */
static neap_status line_search(const logistic *l, double *theta, const double *step, double gain,
                               moments *m, bool *moved) {
  double before = m->loss;
  *moved = true;
  for (double t = 1; t > 1e-10; t /= 2) {
    double next[3];
    for (int j = 0; j < l->d; j++) next[j] = theta[j] - t * step[j];
    NEAP_TRY(measure(l, next, m));
    if (gain > 1e-11 * before && m->loss > before - 1e-4 * t * gain) continue;
    memcpy(theta, next, (size_t)l->d * sizeof *theta);
    return NEAP_OK;
  }
  *moved = false;
  return NEAP_OK;
}

static neap_status minimise(const logistic *l, double *theta) {
  moments m;
  bool moved = true;
  NEAP_TRY(measure(l, theta, &m));
  for (int i = 0; i < MAX_STEPS && moved; i++) {
    double step[3];
    newton_step(l->d, &m, step);
    double gain = dot(l->d, m.g, step);
    if (!(gain > 1e-24)) break;
    NEAP_TRY(line_search(l, theta, step, gain, &m, &moved));
  }
  return NEAP_OK;
}

/* platt and beta ------------------------------------------------------------------------------- */

static void features(const neap_calibrator *c, double p, double *f) {
  if (c->method == NEAP_CAL_PLATT) {
    f[0] = neap__eval_logit(c, p);
    f[1] = 1;
    return;
  }
  neap__eval_log_pair(c, p, &f[0], &f[1]);
  f[1] = -f[1];
  f[2] = 1;
}

/* Platt's targets: the posterior means of the two classes under a uniform prior. */
static void smooth_targets(const neap_sample *s, double *target, double *weight) {
  double positive = 0;
  for (int64_t i = 0; i < s->n; i++) positive += s->code[i] ? weight_of(s, i) : 0;
  double high = (positive + 1) / (positive + 2), low = 1 / (s->total - positive + 2);
  for (int64_t i = 0; i < s->n; i++) {
    target[i] = s->code[i] ? high : low;
    weight[i] = weight_of(s, i);
  }
}

/* Beta's slopes may not be negative: a negative one is set to 0 and the rest fitted again. */
static neap_status minimise_rising(logistic *l, double *theta, bool rising) {
  for (int pass = 0; pass < 3; pass++) {
    bool again = false;
    for (int j = 0; j < l->d; j++) theta[j] = 0; /* where the curvature is largest */
    NEAP_TRY(minimise(l, theta));
    for (int j = 0; rising && j < 2; j++) {
      if (theta[j] >= 0) continue;
      l->fixed[j] = again = true;
    }
    if (!again) break;
  }
  return NEAP_OK;
}

static neap_status fit_logistic(neap_calibrator *c, const neap_sample *s) {
  logistic l = {.n = s->n, .d = c->method == NEAP_CAL_PLATT ? 2 : 3, .total = s->total};
  double *block = neap_alloc_array(s->n, (size_t)(l.d + 2) * sizeof *block);
  if (!block) return NEAP_ENOMEM;
  double *target = block + s->n * l.d, *weight = target + s->n;
  for (int64_t i = 0; i < s->n; i++) features(c, s->p[i], block + i * l.d);
  smooth_targets(s, target, weight);
  l.f = block;
  l.target = target;
  l.weight = weight;
  neap_status st = minimise_rising(&l, c->param, c->method == NEAP_CAL_BETA);
  neap_free(block);
  return st;
}

/* all ------------------------------------------------------------------------------------------ */

static neap_status check_input(const neap_sample *s, bool logit) {
  if (!logit) return neap_eval_check_probabilities(s);
  for (int64_t i = 0; i < s->n * s->columns; i++) {
    int64_t row = i / s->columns;
    if (isinf(s->p[i]))
      return neap_fail(NEAP_EVALUE, "p[%lld] is %g, but logits are finite",
                       (long long)(s->row ? s->row[row] : row) + 1, s->p[i]);
  }
  return NEAP_OK;
}

static neap_status check_fit(neap_cal_method method, const neap_sample *s, bool logit) {
  if (s->columns == 0) return neap_fail(NEAP_EARG, "scores are needed, not predicted labels");
  if (s->columns > 1 && method != NEAP_CAL_NONE && method != NEAP_CAL_TEMPERATURE)
    return neap_fail(NEAP_EARG, "%s takes two classes, got %d (temperature takes more)",
                     neap_cal_name(method), s->k);
  if (s->one_class)
    return neap_fail(NEAP_EVALUE, "y holds one class only (%.17g)", s->label[s->code[0]]);
  return check_input(s, logit);
}

neap_status neap_eval_calibrate(neap_calibrator *out, neap_cal_method method, bool logit,
                                const neap_sample *s) {
  *out = (neap_calibrator){.method = method, .logit = logit, .columns = s->columns};
  NEAP_TRY(check_fit(method, s, logit));
  switch (method) {
  case NEAP_CAL_TEMPERATURE: return fit_temperature(out, s);
  case NEAP_CAL_ISOTONIC: return neap__eval_fit_isotonic(out, s);
  case NEAP_CAL_PLATT:
  case NEAP_CAL_BETA: return fit_logistic(out, s);
  case NEAP_CAL_NONE:
  case NEAP_CAL_COUNT: break;
  }
  return NEAP_OK;
}

void neap_eval_calibrator_drop(neap_calibrator *c) {
  neap_free(c->x);
  neap_free(c->y);
  *c = (neap_calibrator){0};
}
