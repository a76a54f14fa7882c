/* ta.h — technical indicators: one recurrence each, for whole series and for streams.
 *
 * An indicator is a small state and a step that takes one bar to one output. A series is the step
 * in a loop, a stream is the same step called once, in the same compiled code: both give the same
 * bits. Steps cost O(1), amortised over a window (cci: O(period)). Formulas and seeds are TA-Lib's
 * where it has the function; windows are summed without subtraction, so nothing drifts.
 *
 * Missing bars, one rule for all: a bar with an input that is NaN or infinite (for logarithms also
 * zero or negative) gives NaN and leaves the state as it was. The other bars give what the series
 * without the missing ones would.
 *
 * Warm-up: the first lookback outputs are NaN, in all columns alike. */
#ifndef NEAP_TA_TA_H
#define NEAP_TA_TA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { NEAP_TA_MAX_INPUTS = 4, NEAP_TA_MAX_PARAMS = 4, NEAP_TA_MAX_OUTPUTS = 3 };

/* What a step reads. SERIES is any series, the close where bars are given. */
typedef enum {
  NEAP_TA_SERIES,
  NEAP_TA_OPEN,
  NEAP_TA_HIGH,
  NEAP_TA_LOW,
  NEAP_TA_CLOSE,
  NEAP_TA_VOLUME
} neap_ta_input;

/* What an output is measured in: how a feature makes it scale-free. */
typedef enum {
  NEAP_TA_RATIO,  /* free of scale already */
  NEAP_TA_PRICE,  /* a level, comparable with the close */
  NEAP_TA_SPREAD, /* a difference of prices */
  NEAP_TA_SQUARE, /* a squared difference of prices */
  NEAP_TA_FLOW,   /* an amount of volume per bar */
  NEAP_TA_TOTAL   /* volume accumulated since the first bar */
} neap_ta_unit;

typedef struct {
  const char *name; /* NULL ends the list */
  bool integer;
  double low, high;    /* the range, ends included */
  double usual, talib; /* the default, and TA-Lib's */
} neap_ta_param;

typedef struct neap_ta_memory neap_ta_memory; /* private */

/* One row of the table from which dispatch, checks, documentation and the Lua face come. */
typedef struct {
  const char *name, *title;
  bool talib; /* TA-Lib has it */
  int inputs, outputs;
  neap_ta_input input[NEAP_TA_MAX_INPUTS];
  neap_ta_param param[NEAP_TA_MAX_PARAMS + 1];
  const char *output[NEAP_TA_MAX_OUTPUTS];
  neap_ta_unit unit[NEAP_TA_MAX_OUTPUTS];
  double low, high; /* range of the outputs; infinite where there is none */
  int64_t (*lookback)(const double *param);
  size_t size; /* private from here on: the state, how it starts, how it runs */
  void (*init)(void *state, const double *param, neap_ta_memory *memory);
  void (*run)(void *state, int64_t n, const double *const *in, double *const *out);
} neap_ta_indicator;

/* The table, ordered by family. */
int neap_ta_count(void);
const neap_ta_indicator *neap_ta_at(int i);

/* The indicator called name, or NULL. */
const neap_ta_indicator *neap_ta_find(const char *name);

/* Number of its parameters. */
int neap_ta_params(const neap_ta_indicator *ta);

/* NEAP_EARG when a parameter is outside its range, not whole where it must be, or fast is not below
 * slow. */
neap_status neap_ta_check(const neap_ta_indicator *ta, const double *param);

/* n bars: in[k] is input k, out[k] output k, all of n elements; out may not overlap in. A series no
 * longer than the lookback gives NaN throughout. */
neap_status neap_ta_run(const neap_ta_indicator *ta, const double *param, int64_t n,
                        const double *const *in, double *const *out);

/* A stream: push one bar (input k in in[k]) and read the outputs. Push never fails. */
typedef struct neap_ta_stream neap_ta_stream;
neap_status neap_ta_stream_new(neap_ta_stream **out, const neap_ta_indicator *ta,
                               const double *param);
void neap_ta_stream_push(neap_ta_stream *s, const double *in, double *out);
/* The same for n bars one after the other, given as in neap_ta_run. */
void neap_ta_stream_run(neap_ta_stream *s, int64_t n, const double *const *in, double *const *out);
void neap_ta_stream_free(neap_ta_stream *s); /* NULL is fine */
const neap_ta_indicator *neap_ta_stream_indicator(const neap_ta_stream *s);

#endif
