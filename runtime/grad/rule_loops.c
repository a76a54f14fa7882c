/* The loops of rules, for both float dtypes. */
#include "grad/rule_loops.h"

#include <math.h>

#include "kern/kern.h"

#define T        double
#define NAME(op) op##_f64
#include "grad/rule_rows.inc.h"
#define T        float
#define NAME(op) op##_f32
#include "grad/rule_rows.inc.h"

#define ROW(kind)                                                                                  \
  {                                                                                                \
    .prod = prod_##kind, .scan = {cumsum_##kind, cumprod_##kind, cummax_##kind, cummin_##kind},    \
    .softmax = softmax_##kind, .log_softmax = log_softmax_##kind, .add_at = add_at_##kind,         \
    .add_rows = add_rows_##kind, .fill = fill_##kind                                               \
  }
const neap__loops neap__rule_loops[2] = {[NEAP_F64] = ROW(f64), [NEAP_F32] = ROW(f32)};
