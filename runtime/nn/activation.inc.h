/* activation.inc.h — activations of one dtype: T, NAME. activation.c includes it for each. x, y, g
 * and d are pieces of at most ACTIVATION_PIECE elements; s is room for as many. */

/* y = f(x) */
static void NAME(forward)(const activation *a, const neap_kern *k, int64_t n, T *y, const T *x,
                          T *s) {
  T p = (T)a->parameter;
  switch (a->kind) {
  case NEAP_LEAKY_RELU:
    for (int64_t i = 0; i < n; i++) y[i] = x[i] > 0 ? x[i] : p * x[i];
    break;
  case NEAP_ELU:
    k->unary[NEAP_MAP_expm1][DTYPE](n, s, 1, x, 1);
    for (int64_t i = 0; i < n; i++) y[i] = x[i] > 0 ? x[i] : p * s[i];
    break;
  case NEAP_SILU:
    k->unary[NEAP_MAP_sigmoid][DTYPE](n, s, 1, x, 1);
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * s[i];
    break;
  case NEAP_GELU:
    for (int64_t i = 0; i < n; i++) s[i] = x[i] * (T)ROOT_HALF;
    k->unary[NEAP_MAP_erf][DTYPE](n, s, 1, s, 1);
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * ((T)0.5 * (s[i] + 1));
    break;
  }
}

/* d = g f'(x), where v is y or x, whichever the kind keeps. */
static void NAME(backward)(const activation *a, const neap_kern *k, int64_t n, T *d, const T *g,
                           const T *v, T *s) {
  T p = (T)a->parameter;
  switch (a->kind) {
  case NEAP_LEAKY_RELU:
    for (int64_t i = 0; i < n; i++) d[i] = v[i] > 0 ? g[i] : p * g[i];
    break;
  case NEAP_ELU: /* p exp(x) = y + p */
    for (int64_t i = 0; i < n; i++) d[i] = v[i] > 0 ? g[i] : (v[i] + p) * g[i];
    break;
  case NEAP_SILU: /* s + x s (1 - s) */
    k->unary[NEAP_MAP_sigmoid][DTYPE](n, s, 1, v, 1);
    for (int64_t i = 0; i < n; i++) d[i] = g[i] * (s[i] + v[i] * s[i] * (1 - s[i]));
    break;
  case NEAP_GELU: /* P(x) + x p(x), P and p of the standard normal distribution */
    for (int64_t i = 0; i < n; i++) d[i] = v[i] * (T)ROOT_HALF;
    k->unary[NEAP_MAP_erf][DTYPE](n, d, 1, d, 1);
    for (int64_t i = 0; i < n; i++) s[i] = (T)-0.5 * v[i] * v[i];
    k->unary[NEAP_MAP_exp][DTYPE](n, s, 1, s, 1);
    for (int64_t i = 0; i < n; i++)
      d[i] = g[i] * ((T)0.5 * (d[i] + 1) + v[i] * s[i] * (T)DENSITY_AT_0);
    break;
  }
}

#undef T
#undef NAME
#undef DTYPE
