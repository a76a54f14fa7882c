/* rule_loops.h — private to grad: the loops of rule_rows.inc.h by dtype. */
#ifndef NEAP_GRAD_RULE_LOOPS_H
#define NEAP_GRAD_RULE_LOOPS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  void (*prod)(int64_t m, bool skip, void *z, const void *g, const void *x);
  void (*scan[4])(int64_t m, bool skip, void *z, const void *g, const void *x); /* by neap_scan */
  void (*softmax)(int64_t m, bool skip, void *z, const void *g, const void *y);
  void (*log_softmax)(int64_t m, bool skip, void *z, const void *g, const void *y);
  bool (*add_at)(int64_t m, void *z, const void *g, const int64_t *at, int64_t size);
  bool (*add_rows)(int64_t m, void *z, const void *g, const int64_t *at, int64_t size, int64_t wide,
                   int64_t from, int64_t to);
  void (*fill)(int64_t n, void *z, const void *g, const uint8_t *mask);
} neap__loops;

/* By dtype: f64, f32. */
extern const neap__loops neap__rule_loops[2];

#endif
