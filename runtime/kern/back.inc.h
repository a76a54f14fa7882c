/* back.inc.h — the loops of back.h for one dtype: T, E (vec.h's suffix), M (the C library's),
 * WIDTH_OF, NAME. */

/* element by element --------------------------------------------------------------------------- */

#define SLOPE(op, expression)                                                                      \
  static void NAME(op)(SLOPE_ARGS) {                                                               \
    T *z = zp;                                                                                     \
    const T *gs = gp, *vs = vp;                                                                    \
    IVDEP for (int64_t i = 0; i < n; i++) {                                                        \
      T g = gs[i], v = vs[i];                                                                      \
      z[i] = (expression);                                                                         \
    }                                                                                              \
  }

SLOPE(times, g *v)
SLOPE(minus_times, -(g *v))
SLOPE(times_more, g *(v + 1))
SLOPE(times_ln2, g *(v *(T)LN2))
SLOPE(over, g / v)
SLOPE(over_ln2, g / (v * (T)LN2))
SLOPE(over_ln10, g / (v * (T)LN10))
SLOPE(over_more, g / (v + 1))
SLOPE(over_twice, g / (v + v))
SLOPE(reciprocal, -(g *(v *v)))
SLOPE(twice, g *(v + v))
SLOPE(tangent, g *(1 + v * v))
SLOPE(tanh, g *(1 - v * v))
SLOPE(sigmoid, g *((1 - v) * v))
SLOPE(arcsine, g / (T)sqrt(1 - (double)v * (double)v))
SLOPE(arccosine, -(g / (T)sqrt(1 - (double)v * (double)v)))
SLOPE(arctangent, g / (1 + v * v))
SLOPE(relu, v <= 0 ? 0 : g)
SLOPE(absolute, g *(v > 0 ? 1 : v < 0 ? -1 : v * 0))
SLOPE(erf, g *(v *(T)TWO_OVER_ROOT_PI))
#undef SLOPE

static void NAME(scaled)(int64_t n, void *zp, const void *gp, const void *vp, double p) {
  T *z = zp, factor = (T)p;
  const T *g = gp, *v = vp;
  IVDEP for (int64_t i = 0; i < n; i++) z[i] = g[i] * (v[i] * factor);
}

/* As C's pow has it, also of -0 and -inf. */
static inline T NAME(root)(T x) { return x == -(T)INFINITY ? (T)INFINITY : M(sqrt)(x + 0); }

static void NAME(power)(int64_t n, void *zp, const void *gp, const void *xp, double p) {
  T *z = zp, factor = (T)p;
  const T *g = gp, *x = xp;
  if (p == 2) IVDEP for (int64_t i = 0; i < n; i++) z[i] = g[i] * (x[i] * factor);
  else if (p == 3) IVDEP for (int64_t i = 0; i < n; i++) z[i] = g[i] * (x[i] * x[i] * factor);
  else if (p == 1.5)
    IVDEP for (int64_t i = 0; i < n; i++) z[i] = g[i] * (NAME(root)(x[i]) * factor);
  else IVDEP for (int64_t i = 0; i < n; i++) z[i] = g[i] * (factor / NAME(root)(x[i]));
}

/* running -------------------------------------------------------------------------------------- */

/* A loop over count rows at once, row by row of a chain of results each: one alone would wait for
 * itself. */
typedef void (*NAME(side_fn))(int count, bool skip, const neap_back_rows *r, int64_t row,
                              neap_back_state *s);

static ALWAYS_INLINE void NAME(sides)(const neap_back_rows *r, neap_back_state *s,
                                      NAME(side_fn) fn) {
  int64_t i = 0;
  for (; i + SIDE <= r->rows; i += SIDE) {
    if (r->skip) fn(SIDE, true, r, i, s + i);
    else fn(SIDE, false, r, i, s + i);
  }
  for (; i < r->rows; i++) {
    if (r->skip) fn(1, true, r, i, s + i);
    else fn(1, false, r, i, s + i);
  }
}

#define SIDE_ARGS int count, bool skip, const neap_back_rows *r, int64_t row, neap_back_state *s
#define AT(k)     ((row + (k)) * r->step + i)

static ALWAYS_INLINE void NAME(before_side)(SIDE_ARGS) {
  T *z = r->z;
  const T *x = r->x;
  double value[SIDE];
  UNROLL for (int k = 0; k < count; k++) value[k] = s[k].value;
  for (int64_t i = r->from; i < r->from + r->n; i++) {
    UNROLL for (int k = 0; k < count; k++) {
      T v = x[AT(k)];
      z[AT(k)] = (T)value[k];
      value[k] *= skip && v != v ? 1 : (double)v;
    }
  }
  UNROLL for (int k = 0; k < count; k++) s[k].value = value[k];
}

/* z[i] *= value, to which g[i] is added first where each has a g of its own. */
static ALWAYS_INLINE void NAME(behind_side)(SIDE_ARGS, bool each) {
  T *z = r->z;
  const T *g = r->g, *x = r->x;
  double value[SIDE];
  UNROLL for (int k = 0; k < count; k++) value[k] = s[k].value;
  for (int64_t i = r->from + r->n - 1; i >= r->from; i--) {
    UNROLL for (int k = 0; k < count; k++) {
      T v = x[AT(k)];
      bool absent = skip && v != v;
      if (each) value[k] += (double)g[AT(k)];
      z[AT(k)] = absent ? 0 : (T)((double)z[AT(k)] * value[k]);
      value[k] *= absent ? 1 : (double)v;
    }
  }
  UNROLL for (int k = 0; k < count; k++) s[k].value = value[k];
}

static ALWAYS_INLINE void NAME(prod_side)(SIDE_ARGS) {
  NAME(behind_side)(count, skip, r, row, s, false);
}
static ALWAYS_INLINE void NAME(cumprod_side)(SIDE_ARGS) {
  NAME(behind_side)(count, skip, r, row, s, true);
}

static ALWAYS_INLINE void NAME(cumsum_side)(SIDE_ARGS) {
  T *z = r->z;
  const T *g = r->g, *x = r->x;
  double value[SIDE];
  UNROLL for (int k = 0; k < count; k++) value[k] = s[k].value;
  for (int64_t i = r->from + r->n - 1; i >= r->from; i--) {
    UNROLL for (int k = 0; k < count; k++) {
      value[k] += (double)g[AT(k)];
      z[AT(k)] = skip && x[AT(k)] != x[AT(k)] ? 0 : (T)value[k];
    }
  }
  UNROLL for (int k = 0; k < count; k++) s[k].value = value[k];
}

/* What the present extreme has got so far is kept in value and written each time: that needs no
 * branch, and no reading of what was just written. Before the first one that is a 0. */
static ALWAYS_INLINE void NAME(running_side)(SIDE_ARGS, bool largest) {
  T *z = r->z, value[SIDE], top[SIDE];
  const T *g = r->g, *x = r->x;
  int64_t at[SIDE];
  UNROLL for (int k = 0; k < count; k++) {
    value[k] = (T)s[k].value;
    top[k] = (T)s[k].top;
    at[k] = s[k].at;
  }
  for (int64_t i = r->from; i < r->from + r->n; i++) {
    UNROLL for (int k = 0; k < count; k++) {
      T v = x[AT(k)];
      bool over = largest ? v >= top[k] : v <= top[k]; /* nothing is over a NaN */
      if (!skip) over |= v != v;
      at[k] = over ? i : at[k];
      top[k] = over ? v : top[k];
      value[k] = at[k] < 0 ? 0 : (over ? 0 : value[k]) + g[AT(k)];
      z[(row + k) * r->step + (at[k] < 0 ? 0 : at[k])] = value[k];
    }
  }
  UNROLL for (int k = 0; k < count; k++) {
    s[k] = (neap_back_state){(double)value[k], (double)top[k], at[k]};
  }
}

static ALWAYS_INLINE void NAME(cummax_side)(SIDE_ARGS) {
  NAME(running_side)(count, skip, r, row, s, true);
}
static ALWAYS_INLINE void NAME(cummin_side)(SIDE_ARGS) {
  NAME(running_side)(count, skip, r, row, s, false);
}
#undef AT
#undef SIDE_ARGS

#define SIDES(op)                                                                                  \
  static void NAME(op)(const neap_back_rows *r, neap_back_state *s) {                              \
    NAME(sides)(r, s, NAME(op##_side));                                                            \
  }
SIDES(before)
SIDES(prod)
SIDES(cumprod)
SIDES(cumsum)
SIDES(cummax)
SIDES(cummin)
#undef SIDES

/* softmax -------------------------------------------------------------------------------------- */

static double NAME(dot)(int64_t n, const void *ap, const void *bp) {
  const T *a = ap, *b = bp;
  wide s[VECTORS];
  double lane[LANES];
  int64_t i = 0;
  memset(s, 0, sizeof s);
  for (; i + LANES <= n; i += LANES) {
    UNROLL for (int v = 0; v < VECTORS; v++) {
      s[v] += NAME(load)(a + i + v * DOUBLES) * NAME(load)(b + i + v * DOUBLES);
    }
  }
  UNROLL for (int v = 0; v < VECTORS; v++) {
    int64_t left = n - i - v * DOUBLES;
    s[v] += NAME(load_some)(a + i + v * DOUBLES, left) * NAME(load_some)(b + i + v * DOUBLES, left);
  }
  memcpy(lane, s, sizeof lane);
  for (int half = LANES / 2; half; half /= 2)
    for (int k = 0; k < half; k++) lane[k] += lane[k + half];
  return lane[0];
}

static void NAME(softmax)(int64_t n, void *zp, const void *gp, const void *yp, double dot) {
  T *z = zp, less = (T)dot;
  const T *g = gp, *y = yp;
  IVDEP for (int64_t i = 0; i < n; i++) z[i] = y[i] * (g[i] - less);
}

static void NAME(log_softmax)(int64_t n, void *zp, const void *gp, const void *yp, double sum) {
  T *z = zp;
  const T *g = gp, *y = yp;
  E(vec) all = E(all_of)((T)sum);
  int64_t i = 0;
  IVDEP for (; i + WIDTH_OF <= n; i += WIDTH_OF)
      E(store)(z + i, E(load)(g + i) - E(vec_exp)(E(load)(y + i)) * all);
  if (i < n) E(store_some)
  (z + i, E(load_some)(g + i, n - i) - E(vec_exp)(E(load_some)(y + i, n - i)) * all, n - i);
}

/* choosing ------------------------------------------------------------------------------------- */

/* Do n positions count from 1, and none beyond size? */
static inline bool NAME(plain)(int64_t n, const int64_t *at, int64_t size) {
  uint64_t furthest = 0;
  for (int64_t i = 0; i < n; i++) {
    uint64_t k = (uint64_t)at[i] - 1;
    furthest = k > furthest ? k : furthest;
  }
  return furthest < (uint64_t)size;
}

static bool NAME(add_at)(int64_t n, void *zp, const void *gp, const int64_t *at, int64_t size) {
  T *z = zp;
  const T *g = gp;
  for (int64_t from = 0; from < n; from += STEP, at += STEP, g += STEP) {
    int64_t m = n - from < STEP ? n - from : STEP;
    if (NAME(plain)(m, at, size)) {
      for (int64_t i = 0; i < m; i++) z[at[i] - 1] += g[i];
      continue;
    }
    for (int64_t i = 0; i < m; i++) {
      int64_t k = at[i] < 0 ? size + at[i] : at[i] - 1;
      if (k < 0 || k >= size) return false;
      z[k] += g[i];
    }
  }
  return true;
}

static bool NAME(add_rows)(int64_t n, void *zp, const void *gp, const int64_t *at, int64_t size,
                           int64_t step, int64_t from, int64_t to) {
  const T *g = gp;
  for (int64_t i = 0; i < n; i++, g += step) {
    int64_t k = at[i] < 0 ? size + at[i] : at[i] - 1;
    if (k < 0 || k >= size) return false;
    T *z = (T *)zp + k * step;
    IVDEP for (int64_t j = from; j < to; j++) z[j] += g[j];
  }
  return true;
}

static int64_t NAME(fill_rest)(int64_t n, void *zp, const void *gp, const uint8_t *mask) {
  static const T zero = 0;
  T *z = zp;
  const T *g = gp;
  int64_t k = 0;
  for (int64_t i = 0; i < n; i++) {
    z[i] = *(mask[i] ? g + k : &zero);
    k += mask[i];
  }
  return k;
}
