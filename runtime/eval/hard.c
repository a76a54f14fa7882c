/* Metrics of guessed classes, all from one confusion matrix. */
#include <math.h>
#include <string.h>

#include "eval/eval.h"

void neap_eval_confusion(const neap_sample *s, double *m) {
  memset(m, 0, (size_t)s->k * (size_t)s->k * sizeof *m);
  for (int64_t i = 0; i < s->n; i++)
    m[(int64_t)s->code[i] * s->k + s->guess[i]] += s->weight ? s->weight[i] : 1;
}

static double row_sum(int k, const double *m, int c) {
  double sum = 0;
  for (int j = 0; j < k; j++) sum += m[(int64_t)c * k + j];
  return sum;
}

static double column_sum(int k, const double *m, int c) {
  double sum = 0;
  for (int i = 0; i < k; i++) sum += m[(int64_t)i * k + c];
  return sum;
}

static double hits(int k, const double *m) {
  double sum = 0;
  for (int c = 0; c < k; c++) sum += m[(int64_t)c * k + c];
  return sum;
}

static double total(int k, const double *m) {
  double sum = 0;
  for (int c = 0; c < k; c++) sum += row_sum(k, m, c);
  return sum;
}

static double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

double neap_eval_accuracy(int k, const double *m) { return share(hits(k, m), total(k, m)); }

double neap_eval_balanced_accuracy(int k, const double *m) {
  double sum = 0;
  int present = 0;
  for (int c = 0; c < k; c++) {
    double support = row_sum(k, m, c);
    if (!(support > 0)) continue;
    sum += m[(int64_t)c * k + c] / support;
    present++;
  }
  return present ? sum / present : 0;
}

/* (c s - t.p) / sqrt((s^2 - p.p)(s^2 - t.t)) with c hits, s rows, t and p class totals; each
 * product is divided by s^2 so that nothing overflows. */
double neap_eval_mcc(int k, const double *m) {
  double s = total(k, m), tp = 0, tt = 0, pp = 0;
  for (int c = 0; c < k; c++) {
    double t = row_sum(k, m, c) / s, p = column_sum(k, m, c) / s;
    tp += t * p;
    tt += t * t;
    pp += p * p;
  }
  double spread = (1 - pp) * (1 - tt);
  return spread > 1e-30 ? (hits(k, m) / s - tp) / sqrt(spread) : 0;
}

static neap_prf prf_of(double hit, double guessed, double truth) {
  return (neap_prf){share(hit, guessed), share(hit, truth), share(2 * hit, guessed + truth)};
}

static neap_prf prf_class(int k, const double *m, int c) {
  return prf_of(m[(int64_t)c * k + c], column_sum(k, m, c), row_sum(k, m, c));
}

neap_prf neap_eval_prf(int k, const double *m, neap_average average, int positive) {
  if (average == NEAP_AVERAGE_ONE) return prf_class(k, m, positive);
  double all = total(k, m);
  if (average == NEAP_AVERAGE_MICRO) return prf_of(hits(k, m), all, all);
  neap_prf sum = {0};
  for (int c = 0; c < k; c++) {
    double w = average == NEAP_AVERAGE_MACRO ? 1.0 / k : share(row_sum(k, m, c), all);
    neap_prf one = prf_class(k, m, c);
    sum.precision += w * one.precision;
    sum.recall += w * one.recall;
    sum.f1 += w * one.f1;
  }
  return sum;
}
