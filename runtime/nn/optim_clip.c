/* Clipping of gradients. */
#include <math.h>

#include "nn/optim.h"

/* a = a op v for the gradients of n parameters. */
static neap_status each(int64_t n, neap_tensor *const *p, neap_binary_op op, double v) {
  for (int64_t i = 0; i < n; i++) {
    const neap_tensor *g = neap_grad_of(p[i]);
    neap_tensor view;
    neap_scalar s;
    if (!g) continue;
    neap_scalar_f64(&s, g->dtype, v);
    neap_tensor_alias(&view, g);
    neap_status st = neap_tensor_binary_into(&view, op, &s.t);
    neap_tensor_drop(&view);
    if (st) return st;
  }
  return NEAP_OK;
}

/* The norm of a vector from those of its parts. */
static double joined(double norm, double part, double kind) {
  if (kind == 1) return norm + part;
  if (kind == 2) return sqrt(norm * norm + part * part);
  return part > norm || part != part ? part : norm;
}

neap_status neap_optim_clip_norm(double *norm, int64_t n, neap_tensor *const *p, double max,
                                 double kind, bool finite) {
  neap_reduce_options o = {.parameter = kind, .name = "clip_norm"};
  neap_scalar part;
  *norm = 0;
  for (int64_t i = 0; i < n; i++) {
    const neap_tensor *g = neap_grad_of(p[i]);
    if (!g || neap_tensor_numel(g) == 0) continue;
    NEAP_TRY(neap_tensor_reduce_all(&part, NEAP_NORM, g, &o));
    if (finite && !isfinite(part.value.f64))
      return neap_fail(NEAP_EVALUE, "clip_norm: the gradient of parameter %lld has the norm %g",
                       (long long)i + 1, part.value.f64);
    *norm = *norm != *norm ? *norm : joined(*norm, part.value.f64, kind);
  }
  double factor = max / (*norm + 1e-6);
  return factor >= 1 ? NEAP_OK : each(n, p, NEAP_OP_mul, factor);
}

neap_status neap_optim_clip_value(int64_t n, neap_tensor *const *p, double max) {
  NEAP_TRY(each(n, p, NEAP_OP_minimum, max));
  return each(n, p, NEAP_OP_maximum, -max);
}
