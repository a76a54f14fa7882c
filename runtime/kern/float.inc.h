/* float.inc.h — element-wise operations of f64 and f32. T, M (the C library's suffix), E
 * (vec.h's suffix), WIDTH_OF (how many lanes it has), NAME. */

static inline T NAME(add_1)(T a, T b) { return a + b; }
static inline T NAME(sub_1)(T a, T b) { return a - b; }
static inline T NAME(mul_1)(T a, T b) { return a * b; }
static inline T NAME(div_1)(T a, T b) { return a / b; }
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
static void NAME(atan2)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(atan2_1)); }
static void NAME(maximum)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(maximum_1)); }
static void NAME(minimum)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(minimum_1)); }
static void NAME(mod)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(mod_1)); }
static void NAME(floordiv)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(floordiv_1)); }

/* z = f(a) by lanes; what is left at the end takes the same code. */
static ALWAYS_INLINE void NAME(lanes_row)(int64_t n, T *z, const T *a, E(vec) (*f)(E(vec))) {
  int64_t i = 0;
  if (WIDTH_OF > 1)
    for (; i + 4 * WIDTH_OF <= n; i += 4 * WIDTH_OF) {
      E(vec) v[4];
      for (int k = 0; k < 4; k++) v[k] = f(E(load)(a + i + k * WIDTH_OF));
      for (int k = 0; k < 4; k++) E(store)(z + i + k * WIDTH_OF, v[k]);
    }
  IVDEP for (; i + WIDTH_OF <= n; i += WIDTH_OF) E(store)(z + i, f(E(load)(a + i)));
  if (i < n) E(store_some)(z + i, f(E(load_some)(a + i, n - i)), n - i);
}

/* Elements that lie apart are brought together first. */
static ALWAYS_INLINE void NAME(lanes1)(UNARY_ARGS, E(vec) (*f)(E(vec))) {
  T *to = z, row[WIDE];
  const T *from = a;
  if (zs == 1 && as == 1) NAME(lanes_row)(n, to, from, f);
  else
    for (int64_t i = 0; i < n; i += WIDE) {
      int64_t count = n - i < WIDE ? n - i : WIDE;
      for (int64_t k = 0; k < count; k++) row[k] = from[(i + k) * as];
      NAME(lanes_row)(count, row, row, f);
      for (int64_t k = 0; k < count; k++) to[(i + k) * zs] = row[k];
    }
}

/* Elements of x that lie apart, brought together in row. */
static inline const T *NAME(gathered)(int64_t n, T *row, const T *x, int64_t xs) {
  if (xs == 1) return x;
  for (int64_t i = 0; i < n; i++) row[i] = x[i * xs];
  return row;
}

static void NAME(pow)(BINARY_ARGS) {
  T *to = z, left[WIDE], right[WIDE];
  const T *x = a, *y = b;
  if (bs == 0 && n > 0 && *y == 2) { /* x * x is what the lanes give too */
    NAME(each2)(n, z, zs, a, as, a, as, NAME(mul_1));
    return;
  }
  for (int64_t i = 0; i < n; i += WIDE) {
    int64_t count = n - i < WIDE ? n - i : WIDE, k = 0;
    const T *xi = NAME(gathered)(count, left, x + i * as, as);
    const T *yi = NAME(gathered)(count, right, y + i * bs, bs);
    IVDEP for (; k + WIDTH_OF <= count; k += WIDTH_OF)
        E(store)(left + k, E(vec_pow)(E(load)(xi + k), E(load)(yi + k)));
    if (k < count) {
      E(vec) v = E(load_some)(xi + k, count - k), w = E(load_some)(yi + k, count - k);
      E(store_some)(left + k, E(vec_pow)(v, w), count - k);
    }
    for (k = 0; k < count; k++) to[(i + k) * zs] = left[k];
  }
}

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
static inline T NAME(tan_1)(T a) { return M(tan)(a); }
static inline T NAME(asin_1)(T a) { return M(asin)(a); }
static inline T NAME(acos_1)(T a) { return M(acos)(a); }
static inline T NAME(atan_1)(T a) { return M(atan)(a); }
static inline T NAME(sinh_1)(T a) { return M(sinh)(a); }
static inline T NAME(cosh_1)(T a) { return M(cosh)(a); }

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
static void NAME(exp)(UNARY_ARGS) { NAME(lanes1)(n, z, zs, a, as, E(vec_exp)); }
static void NAME(exp2)(UNARY_ARGS) { NAME(lanes1)(n, z, zs, a, as, E(vec_exp2)); }
static void NAME(expm1)(UNARY_ARGS) { NAME(lanes1)(n, z, zs, a, as, E(vec_expm1)); }
static void NAME(log)(UNARY_ARGS) { NAME(lanes1)(n, z, zs, a, as, E(vec_log)); }
static void NAME(log2)(UNARY_ARGS) { NAME(lanes1)(n, z, zs, a, as, E(vec_log2)); }
static void NAME(log10)(UNARY_ARGS) { NAME(lanes1)(n, z, zs, a, as, E(vec_log10)); }
static void NAME(log1p)(UNARY_ARGS) { NAME(lanes1)(n, z, zs, a, as, E(vec_log1p)); }
/* Angles beyond the limit are the C library's business, one by one. */
static ALWAYS_INLINE void NAME(trig)(UNARY_ARGS, E(vec) (*f)(E(vec)), T (*library)(T)) {
  T *to = z;
  const T *from = a;
  int large = 0;
  for (int64_t i = 0; i < n; i++) large |= M(fabs)(from[i * as]) > (T)TRIG_LIMIT;
  if (!large) NAME(lanes1)(n, z, zs, a, as, f);
  else
    for (int64_t i = 0; i < n; i++) {
      T x = from[i * as], v = 0;
      if (M(fabs)(x) > (T)TRIG_LIMIT) v = library(x);
      else NAME(lanes1)(1, &v, 1, &x, 1, f);
      to[i * zs] = v;
    }
}
static void NAME(sin)(UNARY_ARGS) { NAME(trig)(n, z, zs, a, as, E(vec_sin), M(sin)); }
static void NAME(cos)(UNARY_ARGS) { NAME(trig)(n, z, zs, a, as, E(vec_cos), M(cos)); }
static void NAME(tan)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(tan_1)); }
static void NAME(asin)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(asin_1)); }
static void NAME(acos)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(acos_1)); }
static void NAME(atan)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(atan_1)); }
static void NAME(sinh)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(sinh_1)); }
static void NAME(cosh)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(cosh_1)); }
static void NAME(tanh)(UNARY_ARGS) { NAME(lanes1)(n, z, zs, a, as, E(vec_tanh)); }
static void NAME(sigmoid)(UNARY_ARGS) { NAME(lanes1)(n, z, zs, a, as, E(vec_sigmoid)); }
static void NAME(softplus)(UNARY_ARGS) { NAME(lanes1)(n, z, zs, a, as, E(vec_softplus)); }
static void NAME(erf)(UNARY_ARGS) { NAME(lanes1)(n, z, zs, a, as, E(vec_erf)); }

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

/* z = exp(x - top). */
static inline void NAME(exp_below)(int64_t n, T *z, const T *x, T top) {
  int64_t i = 0;
  IVDEP for (; i + WIDTH_OF <= n; i += WIDTH_OF)
      E(store)(z + i, E(vec_exp)(E(load)(x + i) - E(all_of)(top)));
  if (i < n) {
    E(vec) v = E(load_some)(x + i, n - i) - E(all_of)(top);
    E(store_some)(z + i, E(vec_exp)(v), n - i);
  }
}

static void NAME(sum)(FOLD_ARGS); /* float_fold.inc.h */

static void NAME(softmax)(int64_t n, void *zp, const void *xp) {
  T *z = zp, top = NAME(top)(n, xp);
  neap_acc total;
  if (top - top != 0) top = 0; /* all -inf, or an inf among them */
  NAME(exp_below)(n, z, xp, top);
  NAME(sum)(n, z, 0, &total);
  T divisor = (T)total.f;
  IVDEP for (int64_t i = 0; i < n; i++) z[i] = z[i] / divisor;
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
