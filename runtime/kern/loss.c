/* The losses of one instruction set; NEAP_KERN_NAME says which. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "kern/kern.h"
#include "kern/lanes.h"
#include "kern/vec_f32.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define LOSS_ARGS                                                                                  \
  int64_t n, void *l, void *d, double scale, const void *x, const void *y, const void *a

/* Rows that are judged side by side; classes of which so many rows fit into the nearest cache; and
 * elements in one piece of a row of more classes. */
enum { LINE = 16, FEW = 32, WIDE = 64 };

#define LOSS_OF(name) neap__loss_##name
#define LOSS(name)    LOSS_OF(name)

extern const neap_loss_table LOSS(NEAP_KERN_NAME);

#define BODY "kern/loss.inc.h"
#include "kern/floats.inc.h"

#define ROW(op)                                                                                    \
  { [NEAP_F64] = op##_f64, [NEAP_F32] = op##_f32 }

const neap_loss_table LOSS(NEAP_KERN_NAME) = {
    .each =
        {
            [NEAP_LOSS_MSE] = ROW(mse),
            [NEAP_LOSS_L1] = ROW(l1),
            [NEAP_LOSS_HUBER] = ROW(huber),
            [NEAP_LOSS_QUANTILE] = ROW(quantile),
            [NEAP_LOSS_BCE] = ROW(bce),
            [NEAP_LOSS_KL] = ROW(kl),
            [NEAP_LOSS_KL_LOG] = ROW(kl_log),
        },
    .cross = ROW(cross),
};
