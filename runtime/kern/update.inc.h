/* update.inc.h — the loops of update.h for one dtype. T, M (the C library's suffix), NAME. */

/* sign g + decay p */
static inline T NAME(gradient)(T g, T p, const NAME(terms) * t) {
  return t->sign * g + t->decay * p;
}

static inline NAME(terms) NAME(rounded)(const neap_update_terms *t) {
  return (NAME(terms)){
      .sign = (T)t->sign,
      .decay = (T)t->decay,
      .shrink = (T)t->shrink,
      .rate = (T)t->rate,
      .a = (T)t->a,
      .b = (T)t->b,
      .rest_a = (T)(1 - t->a),
      .rest_b = (T)(1 - t->b),
      .scale = (T)t->scale,
      .eps = (T)t->eps,
      .keep = (T)t->keep,
      .fresh = (T)t->fresh,
  };
}

static void NAME(sgd)(int64_t n, const neap_update_rows *r, const neap_update_terms *given) {
  const NAME(terms) t = NAME(rounded)(given);
  T *restrict p = r->p;
  const T *restrict g = r->g;
  for (int64_t i = 0; i < n; i++) p[i] = t.shrink * p[i] - t.rate * NAME(gradient)(g[i], p[i], &t);
}

static ALWAYS_INLINE void NAME(momentum)(int64_t n, const neap_update_rows *r,
                                         const neap_update_terms *given, bool nesterov) {
  const NAME(terms) t = NAME(rounded)(given);
  T *restrict p = r->p, *restrict s = r->s[0];
  const T *restrict g = r->g;
  for (int64_t i = 0; i < n; i++) {
    T d = NAME(gradient)(g[i], p[i], &t), m = t.keep * s[i] + t.fresh * d;
    s[i] = m;
    p[i] = t.shrink * p[i] - t.rate * (nesterov ? d + t.keep * m : m);
  }
}
static void NAME(sgd_momentum)(UPDATE_ARGS) { NAME(momentum)(n, r, t, false); }
static void NAME(sgd_nesterov)(UPDATE_ARGS) { NAME(momentum)(n, r, t, true); }

/* Kingma and Ba 2015; the largest mean of squares as Reddi, Kale and Kumar 2018. */
static ALWAYS_INLINE void NAME(moments)(int64_t n, const neap_update_rows *r,
                                        const neap_update_terms *given, bool largest) {
  const NAME(terms) t = NAME(rounded)(given);
  T *restrict p = r->p, *restrict s0 = r->s[0], *restrict s1 = r->s[1], *restrict s2 = r->s[2];
  const T *restrict g = r->g;
  for (int64_t i = 0; i < n; i++) {
    T d = NAME(gradient)(g[i], p[i], &t);
    T m = t.a * s0[i] + t.rest_a * d, v = t.b * s1[i] + t.rest_b * d * d;
    s0[i] = m;
    s1[i] = v;
    if (largest) {
      T top = s2[i];
      v = ((v > top) | (v != v)) ? v : top;
      s2[i] = v;
    }
    p[i] = t.shrink * p[i] - t.rate * m / (t.scale * M(sqrt)(v) + t.eps);
  }
}
static void NAME(adam)(UPDATE_ARGS) { NAME(moments)(n, r, t, false); }
static void NAME(amsgrad)(UPDATE_ARGS) { NAME(moments)(n, r, t, true); }

/* Tieleman and Hinton 2012; centered as Graves 2013. */
static ALWAYS_INLINE void NAME(squares)(int64_t n, const neap_update_rows *r,
                                        const neap_update_terms *given, bool momentum,
                                        bool centered) {
  const NAME(terms) t = NAME(rounded)(given);
  T *restrict p = r->p, *restrict s0 = r->s[0], *restrict s1 = r->s[1], *restrict s2 = r->s[2];
  const T *restrict g = r->g;
  for (int64_t i = 0; i < n; i++) {
    T d = NAME(gradient)(g[i], p[i], &t), v = t.a * s0[i] + t.rest_a * d * d;
    s0[i] = v;
    if (centered) {
      T mean = t.a * s2[i] + t.rest_a * d;
      s2[i] = mean;
      v = v - mean * mean;
      v = v < 0 ? 0 : v; /* of equal gradients it is 0, and rounding may go below; NaN stays */
    }
    d = d / (M(sqrt)(v) + t.eps);
    if (momentum) s1[i] = d = t.keep * s1[i] + d;
    p[i] = t.shrink * p[i] - t.rate * d;
  }
}
static void NAME(rmsprop)(UPDATE_ARGS) { NAME(squares)(n, r, t, false, false); }
static void NAME(rmsprop_momentum)(UPDATE_ARGS) { NAME(squares)(n, r, t, true, false); }
static void NAME(rmsprop_centered)(UPDATE_ARGS) { NAME(squares)(n, r, t, false, true); }
static void NAME(rmsprop_both)(UPDATE_ARGS) { NAME(squares)(n, r, t, true, true); }

/* Chen et al. 2023, "Symbolic discovery of optimization algorithms". */
static void NAME(lion)(int64_t n, const neap_update_rows *r, const neap_update_terms *given) {
  const NAME(terms) t = NAME(rounded)(given);
  T *restrict p = r->p, *restrict s = r->s[0];
  const T *restrict g = r->g;
  for (int64_t i = 0; i < n; i++) {
    T d = NAME(gradient)(g[i], p[i], &t), c = t.a * s[i] + t.rest_a * d;
    T sign = c > 0 ? 1 : c < 0 ? -1 : c; /* 0 and NaN are their own */
    s[i] = t.b * s[i] + t.rest_b * d;
    p[i] = t.shrink * p[i] - t.rate * sign;
  }
}

static void NAME(average)(int64_t n, const neap_update_rows *r, const neap_update_terms *given) {
  const NAME(terms) t = NAME(rounded)(given);
  const T *restrict p = r->p;
  T *restrict s = r->s[0];
  for (int64_t i = 0; i < n; i++) s[i] = t.a * s[i] + t.rest_a * p[i];
}
