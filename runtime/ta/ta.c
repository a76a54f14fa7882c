/* The table of indicators, checks of parameters, and how series and streams run a step. */
#include "ta/ta.h"

#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "ta/window.h"

int neap_ta_count(void) {
  return neap__ta_averages_count + neap__ta_momentum_count + neap__ta_trend_count +
         neap__ta_volatility_count + neap__ta_volume_count;
}

const neap_ta_indicator *neap_ta_at(int i) {
  const struct {
    const neap_ta_indicator *rows;
    int count;
  } families[] = {
      {neap__ta_averages, neap__ta_averages_count},
      {neap__ta_momentum, neap__ta_momentum_count},
      {neap__ta_trend, neap__ta_trend_count},
      {neap__ta_volatility, neap__ta_volatility_count},
      {neap__ta_volume, neap__ta_volume_count},
  };
  for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
    if (i < families[f].count) return &families[f].rows[i];
    i -= families[f].count;
  }
  return NULL;
}

const neap_ta_indicator *neap_ta_find(const char *name) {
  for (int i = 0; i < neap_ta_count(); i++)
    if (strcmp(neap_ta_at(i)->name, name) == 0) return neap_ta_at(i);
  return NULL;
}

int neap_ta_params(const neap_ta_indicator *ta) {
  int n = 0;
  while (ta->param[n].name) n++;
  return n;
}

static int param_called(const neap_ta_indicator *ta, const char *name) {
  for (int i = 0; i < neap_ta_params(ta); i++)
    if (strcmp(ta->param[i].name, name) == 0) return i;
  return -1;
}

neap_status neap_ta_check(const neap_ta_indicator *ta, const double *param) {
  for (int i = 0; i < neap_ta_params(ta); i++) {
    const neap_ta_param *p = &ta->param[i];
    if (!(param[i] >= p->low && param[i] <= p->high))
      return neap_fail(NEAP_EARG, "%s: %s is %.14g, outside %.14g to %.14g", ta->name, p->name,
                       param[i], p->low, p->high);
    if (p->integer && param[i] != floor(param[i]))
      return neap_fail(NEAP_EARG, "%s: %s is %.14g, a whole number is needed", ta->name, p->name,
                       param[i]);
  }
  int fast = param_called(ta, "fast"), slow = param_called(ta, "slow");
  if (fast >= 0 && slow >= 0 && param[fast] >= param[slow])
    return neap_fail(NEAP_EARG, "%s: fast is %.14g and slow %.14g, fast must be below slow",
                     ta->name, param[fast], param[slow]);
  return NEAP_OK;
}

struct neap_ta_stream {
  const neap_ta_indicator *ta;
  neap_ta_memory memory;
  _Alignas(64) unsigned char state[]; /* ta->size bytes, then the buffers */
};

neap_status neap_ta_stream_new(neap_ta_stream **out, const neap_ta_indicator *ta,
                               const double *param) {
  *out = NULL;
  NEAP_TRY(neap_ta_check(ta, param));
  _Alignas(64) unsigned char scratch[1024];
  if (ta->size > sizeof scratch) return neap_fail(NEAP_EARG, "%s: state too large", ta->name);
  neap_ta_memory memory = {0};
  ta->init(scratch, param, &memory);
  size_t state = (ta->size + 63) / 64 * 64;
  neap_ta_stream *s = neap_alloc(sizeof *s + state + (size_t)memory.used * sizeof(double));
  if (!s) return NEAP_ENOMEM;
  s->ta = ta;
  s->memory = (neap_ta_memory){.base = (double *)(void *)(s->state + state)};
  ta->init(s->state, param, &s->memory);
  *out = s;
  return NEAP_OK;
}

void neap_ta_stream_push(neap_ta_stream *s, const double *in, double *out) {
  const double *inputs[NEAP_TA_MAX_INPUTS];
  double *outputs[NEAP_TA_MAX_OUTPUTS];
  for (int k = 0; k < s->ta->inputs; k++) inputs[k] = &in[k];
  for (int k = 0; k < s->ta->outputs; k++) outputs[k] = &out[k];
  s->ta->run(s->state, 1, inputs, outputs);
}

void neap_ta_stream_run(neap_ta_stream *s, int64_t n, const double *const *in, double *const *out) {
  s->ta->run(s->state, n, in, out);
}

void neap_ta_stream_free(neap_ta_stream *s) { neap_free(s); }

const neap_ta_indicator *neap_ta_stream_indicator(const neap_ta_stream *s) { return s->ta; }

/* Bars between two looks at the interrupt flag: at most about a millisecond. */
static int64_t stride(int64_t lookback) {
  int64_t bars = ((int64_t)1 << 21) / (lookback + 32);
  return bars < 64 ? 64 : bars;
}

neap_status neap_ta_run(const neap_ta_indicator *ta, const double *param, int64_t n,
                        const double *const *in, double *const *out) {
  neap_ta_stream *s = NULL;
  NEAP_TRY(neap_ta_stream_new(&s, ta, param));
  int64_t step = stride(ta->lookback(param));
  neap_status st = NEAP_OK;
  for (int64_t i = 0; i < n && !st; i += step) {
    const double *inputs[NEAP_TA_MAX_INPUTS];
    double *outputs[NEAP_TA_MAX_OUTPUTS];
    for (int k = 0; k < ta->inputs; k++) inputs[k] = in[k] + i;
    for (int k = 0; k < ta->outputs; k++) outputs[k] = out[k] + i;
    neap_ta_stream_run(s, n - i < step ? n - i : step, inputs, outputs);
    st = neap_interrupt_check();
  }
  neap_ta_stream_free(s);
  return st;
}
