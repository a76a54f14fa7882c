/* back.h — the way back through operations of tensor: z, what flows back to x, from g, what flows
 * back to the result y. Pointers are to elements of one dtype, f64 or f32. Sums and products along
 * rows run in f64, whatever the dtype, and are rounded once. All tables give the same bits, but
 * where an exponential is taken (log_softmax). A NaN reaches every result that depends on it. */
#ifndef NEAP_KERN_BACK_H
#define NEAP_KERN_BACK_H

#include <stdbool.h>
#include <stdint.h>

/* z of n elements from g and v, which is x, y, or a function of x that the caller made. z may be g
 * or v. */
typedef void (*neap_slope_fn)(int64_t n, void *z, const void *g, const void *v);

typedef enum {
  NEAP_SLOPE_NONE,
  NEAP_SLOPE_TIMES,       /* g v */
  NEAP_SLOPE_MINUS_TIMES, /* -g v */
  NEAP_SLOPE_TIMES_MORE,  /* g (v + 1) */
  NEAP_SLOPE_TIMES_LN2,   /* g v log 2 */
  NEAP_SLOPE_OVER,        /* g / v */
  NEAP_SLOPE_OVER_LN2,    /* g / (v log 2) */
  NEAP_SLOPE_OVER_LN10,   /* g / (v log 10) */
  NEAP_SLOPE_OVER_MORE,   /* g / (v + 1) */
  NEAP_SLOPE_OVER_TWICE,  /* g / 2v */
  NEAP_SLOPE_RECIPROCAL,  /* -g v^2, of y */
  NEAP_SLOPE_TWICE,       /* 2 g v */
  NEAP_SLOPE_TANGENT,     /* g (1 + v^2), of y */
  NEAP_SLOPE_TANH,        /* g (1 - v^2), of y */
  NEAP_SLOPE_SIGMOID,     /* g (1 - v) v, of y */
  NEAP_SLOPE_ARCSINE,     /* g / sqrt(1 - v^2) */
  NEAP_SLOPE_ARCCOSINE,   /* -g / sqrt(1 - v^2) */
  NEAP_SLOPE_ARCTANGENT,  /* g / (1 + v^2) */
  NEAP_SLOPE_RELU,        /* 0 where v <= 0, else g */
  NEAP_SLOPE_ABSOLUTE,    /* g with the sign of v, 0 where v is 0 */
  NEAP_SLOPE_ERF,         /* g v 2 / sqrt(pi) */
  NEAP_SLOPES
} neap_slope;

/* The elements from .. from + n - 1 of some rows, step elements apart, of which z, g and x are the
 * first. Where skip, a NaN of x counts as absent, and gets 0. */
enum { NEAP_BACK_ROWS = 64 };
typedef struct {
  int64_t rows, from, n, step; /* rows up to NEAP_BACK_ROWS */
  bool skip;
  void *z;
  const void *g, *x;
} neap_back_rows;

/* What a row's loop carries from one piece to the next. at is the place of the running extreme top,
 * -1 before the first, and value what flowed back to it. */
typedef struct {
  double value, top;
  int64_t at;
} neap_back_state;
typedef void (*neap_back_fn)(const neap_back_rows *r, neap_back_state *s);

typedef struct {
  neap_slope_fn slope[NEAP_SLOPES];

  /* z = g p v; and of y = x^p: z = g p x^(p - 1), for p = 0.5, 1.5, 2 or 3. z may be g. */
  void (*scaled)(int64_t n, void *z, const void *g, const void *v, double p);
  void (*power)(int64_t n, void *z, const void *g, const void *x, double p);

  /* Running products. First z[i] = the product of x before i: pieces in order, value from 1. Then
   * pieces from the last one on:
   *   prod      z[i] *= value, value *= x[i]; value from g of the only result
   *   cumprod   z[i] *= value += g[i], value *= x[i]; value from 0 */
  neap_back_fn before, prod, cumprod;

  /* z[i] = g[i] + g[i + 1] + ...: pieces from the last one on, value from 0. */
  neap_back_fn cumsum;

  /* Each g is added to z where the extreme up to there stands: the last of equals, or of NaN.
   * Pieces in order, at from -1, top from the lowest (highest) number; z zeros before. */
  neap_back_fn cummax, cummin;

  /* sum a b: in 16 lanes of f64, added as a tree. */
  double (*dot)(int64_t n, const void *a, const void *b);

  /* Of y = softmax x: z = y (g - dot), dot being sum g y. Of y = log softmax x: z = g - exp(y) sum,
   * sum being sum g. */
  void (*softmax)(int64_t n, void *z, const void *g, const void *y, double dot);
  void (*log_softmax)(int64_t n, void *z, const void *g, const void *y, double sum);

  /* z[at[i]] += g[i], in order; positions count from 1 or, negative, from the end of size elements.
   * False when one is outside. */
  bool (*add_at)(int64_t n, void *z, const void *g, const int64_t *at, int64_t size);

  /* Row at[i] of z += row i of g, step elements apart, in columns from .. to - 1. */
  bool (*add_rows)(int64_t n, void *z, const void *g, const int64_t *at, int64_t size, int64_t step,
                   int64_t from, int64_t to);

  /* z[i] = the next element of g where the byte of the mask is 1, else 0; how many it took. */
  int64_t (*fill)(int64_t n, void *z, const void *g, const uint8_t *mask);
} neap_back;

#endif
