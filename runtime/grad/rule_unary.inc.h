/* rule_unary.inc.h — the gradients of element-wise functions for one dtype: z = what flows back for
 * g, from v, which is the argument x, the result y, or a function of x (see the table in
 * rule_unary.c). Included once per dtype with T and NAME set. z may be g or v. */
#define SLOPE(op, expression)                                                                      \
  static void NAME(op)(int64_t n, void *zp, const void *gp, const void *vp) {                      \
    T *z = zp;                                                                                     \
    const T *gs = gp, *vs = vp;                                                                    \
    for (int64_t i = 0; i < n; i++) {                                                              \
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
SLOPE(absolute, v > 0 ? g : v < 0 ? -g : g * (v * 0))
SLOPE(erf, g *(v *(T)TWO_OVER_ROOT_PI))

#undef SLOPE
#undef T
#undef NAME
