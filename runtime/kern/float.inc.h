/* float.inc.h — element-wise operations of f64 and f32. T, M (the C library's suffix), E
 * (elementary.h's suffix), NAME. */

static inline T NAME(add_1)(T a, T b) { return a + b; }
static inline T NAME(sub_1)(T a, T b) { return a - b; }
static inline T NAME(mul_1)(T a, T b) { return a * b; }
static inline T NAME(div_1)(T a, T b) { return a / b; }
static inline T NAME(pow_1)(T a, T b) { return b == 2 ? a * a : M(pow)(a, b); }
static inline T NAME(atan2_1)(T a, T b) { return M(atan2)(a, b); }
static inline T NAME(maximum_1)(T a, T b) { return ((a > b) | (a != a)) ? a : b; }
static inline T NAME(minimum_1)(T a, T b) { return ((a < b) | (a != a)) ? a : b; }

/* The remainder has the sign of the divisor, as in Lua, Python and NumPy. */
static inline T NAME(mod_1)(T a, T b) {
  T m = M(fmod)(a, b);
  if (m == 0) return M(copysign)(m, b);
  return (m < 0) != (b < 0) ? m + b : m;
}

/* The whole number q with a = q b + mod(a, b), rounded; a / 0 is as in a division. */
static inline T NAME(floordiv_1)(T a, T b) {
  if (b == 0) return a / b;
  T m = M(fmod)(a, b), q = (a - m) / b;
  if (m != 0 && (m < 0) != (b < 0)) q -= 1;
  if (q == 0) return M(copysign)(0, a / b);
  T whole = M(floor)(q);
  return q - whole > (T)0.5 ? whole + 1 : whole;
}

static void NAME(add)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(add_1)); }
static void NAME(sub)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(sub_1)); }
static void NAME(mul)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(mul_1)); }
static void NAME(div)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(div_1)); }
static void NAME(pow)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(pow_1)); }
static void NAME(atan2)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(atan2_1)); }
static void NAME(maximum)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(maximum_1)); }
static void NAME(minimum)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(minimum_1)); }
static void NAME(mod)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(mod_1)); }
static void NAME(floordiv)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(floordiv_1)); }

static inline T NAME(neg_1)(T a) { return -a; }
static inline T NAME(abs_1)(T a) { return M(fabs)(a); }
static inline T NAME(sign_1)(T a) { return a != a ? a : (T)((a > 0) - (a < 0)); }
static inline T NAME(square_1)(T a) { return a * a; }
static inline T NAME(relu_1)(T a) { return ((a > 0) | (a != a)) ? a : 0; }
static inline T NAME(floor_1)(T a) { return M(floor)(a); }
static inline T NAME(ceil_1)(T a) { return M(ceil)(a); }
static inline T NAME(round_1)(T a) { return M(rint)(a); } /* half to even, as in NumPy */
static inline T NAME(trunc_1)(T a) { return M(trunc)(a); }
static inline T NAME(sqrt_1)(T a) { return M(sqrt)(a); }
static inline T NAME(reciprocal_1)(T a) { return 1 / a; }
static inline T NAME(exp2_1)(T a) { return M(exp2)(a); }
static inline T NAME(log2_1)(T a) { return M(log2)(a); }
static inline T NAME(log10_1)(T a) { return M(log10)(a); }
static inline T NAME(sin_1)(T a) { return E(elementary_sin)(a); }
static inline T NAME(cos_1)(T a) { return E(elementary_cos)(a); }
static inline T NAME(sin_any)(T a) {
  return M(fabs)(a) > (T)TRIG_LIMIT ? M(sin)(a) : NAME(sin_1)(a);
}
static inline T NAME(cos_any)(T a) {
  return M(fabs)(a) > (T)TRIG_LIMIT ? M(cos)(a) : NAME(cos_1)(a);
}
static inline T NAME(tan_1)(T a) { return M(tan)(a); }
static inline T NAME(asin_1)(T a) { return M(asin)(a); }
static inline T NAME(acos_1)(T a) { return M(acos)(a); }
static inline T NAME(atan_1)(T a) { return M(atan)(a); }
static inline T NAME(sinh_1)(T a) { return M(sinh)(a); }
static inline T NAME(cosh_1)(T a) { return M(cosh)(a); }
static inline T NAME(erf_1)(T a) { return M(erf)(a); }
static inline T NAME(exp_1)(T a) { return E(elementary_exp)(a); }
static inline T NAME(expm1_1)(T a) { return E(elementary_expm1)(a); }
static inline T NAME(log_1)(T a) { return E(elementary_log)(a); }
static inline T NAME(log1p_1)(T a) { return E(elementary_log1p)(a); }
static inline T NAME(tanh_1)(T a) { return E(elementary_tanh)(a); }
static inline T NAME(sigmoid_1)(T a) { return E(elementary_sigmoid)(a); }
static inline T NAME(softplus_1)(T a) { return E(elementary_softplus)(a); }

static void NAME(neg)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(neg_1)); }
static void NAME(abs)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(abs_1)); }
static void NAME(sign)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(sign_1)); }
static void NAME(square)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(square_1)); }
static void NAME(relu)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(relu_1)); }
static void NAME(floor)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(floor_1)); }
static void NAME(ceil)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(ceil_1)); }
static void NAME(round)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(round_1)); }
static void NAME(trunc)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(trunc_1)); }
static void NAME(sqrt)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(sqrt_1)); }
static void NAME(reciprocal)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(reciprocal_1)); }
static void NAME(exp)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(exp_1)); }
static void NAME(exp2)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(exp2_1)); }
static void NAME(expm1)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(expm1_1)); }
static void NAME(log)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(log_1)); }
static void NAME(log2)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(log2_1)); }
static void NAME(log10)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(log10_1)); }
static void NAME(log1p)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(log1p_1)); }
/* Angles beyond the limit are the C library's business, one by one. */
static bool NAME(large_angles)(int64_t n, const void *ap, int64_t as) {
  const T *a = ap;
  int large = 0;
  for (int64_t i = 0; i < n; i++) large |= M(fabs)(a[i * as]) > (T)TRIG_LIMIT;
  return large;
}
static void NAME(sin)(UNARY_ARGS) {
  if (NAME(large_angles)(n, a, as)) NAME(each1)(n, z, zs, a, as, NAME(sin_any));
  else NAME(each1)(n, z, zs, a, as, NAME(sin_1));
}
static void NAME(cos)(UNARY_ARGS) {
  if (NAME(large_angles)(n, a, as)) NAME(each1)(n, z, zs, a, as, NAME(cos_any));
  else NAME(each1)(n, z, zs, a, as, NAME(cos_1));
}
static void NAME(tan)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(tan_1)); }
static void NAME(asin)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(asin_1)); }
static void NAME(acos)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(acos_1)); }
static void NAME(atan)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(atan_1)); }
static void NAME(sinh)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(sinh_1)); }
static void NAME(cosh)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(cosh_1)); }
static void NAME(tanh)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(tanh_1)); }
static void NAME(sigmoid)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(sigmoid_1)); }
static void NAME(softplus)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(softplus_1)); }
static void NAME(erf)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(erf_1)); }

static void NAME(isnan)(UNARY_ARGS) {
  uint8_t *to = z;
  const T *x = a;
  for (int64_t i = 0; i < n; i++) to[i * zs] = x[i * as] != x[i * as];
}
static void NAME(isinf)(UNARY_ARGS) {
  uint8_t *to = z;
  const T *x = a;
  for (int64_t i = 0; i < n; i++) to[i * zs] = M(fabs)(x[i * as]) == (T)INFINITY;
}
static void NAME(isfinite)(UNARY_ARGS) {
  uint8_t *to = z;
  const T *x = a;
  for (int64_t i = 0; i < n; i++) to[i * zs] = M(fabs)(x[i * as]) < (T)INFINITY;
}

/* The largest of n elements, NaN left out; -inf for none. */
static T NAME(top)(int64_t n, const T *x) {
  T top[LANES], rest = -(T)INFINITY;
  int64_t i = 0;
  for (int k = 0; k < LANES; k++) top[k] = rest;
  for (; i + LANES <= n; i += LANES)
    LANE_LOOP for (int k = 0; k < LANES; k++) top[k] = x[i + k] > top[k] ? x[i + k] : top[k];
  for (int k = 0; i + k < n; k++) top[k] = x[i + k] > top[k] ? x[i + k] : top[k];
  for (int half = LANES / 2; half; half /= 2)
    for (int k = 0; k < half; k++) top[k] = top[k + half] > top[k] ? top[k + half] : top[k];
  return top[0];
}

/* s += z = exp(x - top), LANES of them. */
static inline void NAME(exp_lanes)(T *z, const T *x, T top, double *s) {
  T e[LANES];
  LANE_LOOP for (int k = 0; k < LANES; k++) e[k] = E(elementary_exp)(x[k] - top);
  LANE_LOOP for (int k = 0; k < LANES; k++) s[k] += (double)e[k];
  for (int k = 0; k < LANES; k++) z[k] = e[k];
}

/* Short rows are the usual case, so what is left of one at its end takes the whole width too. */
static void NAME(softmax)(int64_t n, void *zp, const void *xp) {
  T *z = zp;
  const T *x = xp;
  T top = NAME(top)(n, x), last[LANES];
  double s[LANES] = {0};
  int64_t i = 0, left = n % LANES;
  if (top - top != 0) top = 0; /* all -inf, or an inf among them */
  for (; i + LANES <= n; i += LANES) NAME(exp_lanes)(z + i, x + i, top, s);
  for (int k = 0; k < LANES; k++) last[k] = k < left ? x[i + k] : -(T)INFINITY;
  NAME(exp_lanes)(last, last, top, s);
  T total = (T)tree_f(s);
  for (int k = 0; k < left; k++) z[i + k] = last[k];
  IVDEP for (i = 0; i < n; i++) z[i] = z[i] / total;
}

static void NAME(between)(int64_t n, const void *xp, double low, double high, neap_span *out) {
  const T *x = xp;
  T from = (T)low, to = (T)high;
  int64_t below = 0, inside = 0, valid = 0;
  for (int64_t i = 0; i < n; i++) {
    below += x[i] < from;
    inside += (x[i] >= from) & (x[i] <= to);
    valid += x[i] == x[i];
  }
  *out = (neap_span){below, inside, valid};
}

static void NAME(keep)(int64_t count, double *z, const void *xp, double low, double high) {
  const T *x = xp;
  T from = (T)low, to = (T)high;
  for (int64_t i = 0, k = 0; k < count; i++) {
    z[k] = (double)x[i];
    k += (x[i] >= from) & (x[i] <= to);
  }
}
