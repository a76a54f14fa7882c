/* The steps of optimizers of one instruction set; NEAP_KERN_NAME says which. */
#include <math.h>
#include <stdbool.h>

#include "kern/kern.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define UPDATE_ARGS   int64_t n, const neap_update_rows *r, const neap_update_terms *t

#define UPDATE_OF(name) neap__update_##name
#define UPDATE(name)    UPDATE_OF(name)

extern const neap_update_table UPDATE(NEAP_KERN_NAME);

#define TERMS(T)                                                                                   \
  T sign, decay, shrink, rate, a, b, rest_a, rest_b, scale, eps, keep, fresh /* as update.h has */
typedef struct {
  TERMS(double);
} terms_f64;
typedef struct {
  TERMS(float);
} terms_f32;

#define T        double
#define M(fn)    fn
#define NAME(op) op##_f64
#include "kern/update.inc.h"
#undef T
#undef M
#undef NAME

#define T        float
#define M(fn)    fn##f
#define NAME(op) op##_f32
#include "kern/update.inc.h"
#undef T
#undef M
#undef NAME

#define ROW(op)                                                                                    \
  { [NEAP_F64] = op##_f64, [NEAP_F32] = op##_f32 }

const neap_update_table UPDATE(NEAP_KERN_NAME) = {
    [NEAP_UPDATE_SGD] = ROW(sgd),
    [NEAP_UPDATE_SGD_MOMENTUM] = ROW(sgd_momentum),
    [NEAP_UPDATE_SGD_NESTEROV] = ROW(sgd_nesterov),
    [NEAP_UPDATE_ADAM] = ROW(adam),
    [NEAP_UPDATE_AMSGRAD] = ROW(amsgrad),
    [NEAP_UPDATE_RMSPROP] = ROW(rmsprop),
    [NEAP_UPDATE_RMSPROP_MOMENTUM] = ROW(rmsprop_momentum),
    [NEAP_UPDATE_RMSPROP_CENTERED] = ROW(rmsprop_centered),
    [NEAP_UPDATE_RMSPROP_BOTH] = ROW(rmsprop_both),
    [NEAP_UPDATE_LION] = ROW(lion),
    [NEAP_UPDATE_AVERAGE] = ROW(average),
};
