/* layers.h — loops of neural layers between products of matrices: normalisation, the softmax of
 * attention, dropout. Pointers are to elements of one dtype, f64 or f32; so are the sums, which run
 * in as many lanes as a register has. Their order, and with it the last bits, depends on the table
 * and on n, but not on the place of a row.
 *
 * Nothing is hidden: a NaN reaches every result that depends on it. */
#ifndef NEAP_KERN_LAYERS_H
#define NEAP_KERN_LAYERS_H

#include <stdbool.h>
#include <stdint.h>

/* Scores s of queries (rows, ss apart) and keys (columns). What is looked at are
 *   t = scale s + bias  in the first n columns; with causal of row i only in the first
 *   first + i + 1 of them. Other columns of the n count as masked. */
typedef struct {
  int64_t rows, n, ss;
  double scale;
  bool causal;
  int64_t first;
  const void *bias; /* rows bs apart; NULL for zeros */
  int64_t bs;
} neap_scores;

typedef struct {
  /* Rows of n adjacent elements: y = (x - mean) rstd w + b, mean and rstd = 1 / sqrt(var + eps) of
   * the row, both kept; var is over n. w and b may be NULL. y may be x. */
  void (*norm)(int64_t rows, int64_t n, void *y, const void *x, const void *w, const void *b,
               double eps, void *mean, void *rstd);

  /* The way back, with h = (x - mean) rstd and g = dy w:
   *   dx = rstd (g - mean(g) - h mean(g h)), dw += sum dy h, db += sum dy over the rows.
   * w may be NULL, and so may dx and, together, dw and db. */
  void (*norm_back)(int64_t rows, int64_t n, void *dx, const void *dy, const void *x, const void *w,
                    const void *mean, const void *rstd, void *dw, void *db);

  /* z = (x - mean[j]) scale[j] + shift[j] in column j of n; z may be x. */
  void (*affine)(int64_t rows, int64_t n, void *z, const void *x, const void *mean,
                 const void *scale, const void *shift);

  /* z = dy a[j] + (x - mean[j]) b[j] + c[j]; z may be dy. */
  void (*affine_back)(int64_t rows, int64_t n, void *z, const void *dy, const void *x,
                      const void *mean, const void *a, const void *b, const void *c);

  /* dot[j] += sum dy (x - mean[j]), sum[j] += sum dy over the rows. */
  void (*affine_sums)(int64_t rows, int64_t n, const void *dy, const void *x, const void *mean,
                      void *dot, void *sum);

  /* s = exp(t - max t), 0 where masked; of each row log sum exp t to lse, 1 / sum s to share. Of a
   * row without any key that is left, s is 0 and share infinite. */
  void (*soften)(void *s, const neap_scores *o, void *lse, void *share);

  /* With p = exp(t - lse) and dp the gradient of p: dp = scale p (dp - sum p dp), s = p. */
  void (*soften_back)(void *s, void *dp, const neap_scores *o, const void *lse);

  /* z = x, rows of n elements, zs and xs apart. */
  void (*rows)(int64_t rows, int64_t n, void *z, int64_t zs, const void *x, int64_t xs);

  /* Rows of n elements, zs apart, times share[row]. */
  void (*share)(int64_t rows, int64_t n, void *z, int64_t zs, const void *share);

  /* z = x scale where the random word is at least threshold, else x 0. z may be x. */
  void (*drop)(int64_t n, void *z, const void *x, const uint32_t *words, uint32_t threshold,
               double scale);
} neap_layers;

#endif
