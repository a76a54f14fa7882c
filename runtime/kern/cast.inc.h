/* cast.inc.h — conversions from T to every dtype. VIA(to) picks the checked conversion of one
 * element: through double for floats, through int64_t for integers. NAME. */

#define CAST_LOOP(Z, to)                                                                           \
  Z *y = z;                                                                                        \
  const T *x = a;                                                                                  \
  bool bad = false;                                                                                \
  if (zs == 1 && as == 1) IVDEP for (int64_t i = 0; i < n; i++) y[i] = VIA(to)(x[i], &bad);        \
  else if (zs == 1 && as == 0 && n > 0) {                                                          \
    Z v = VIA(to)(*x, &bad);                                                                       \
    for (int64_t i = 0; i < n; i++) y[i] = v;                                                      \
  } else                                                                                           \
    for (int64_t i = 0; i < n; i++) y[i * zs] = VIA(to)(x[i * as], &bad);                          \
  return !bad

static bool NAME(to_f64)(UNARY_ARGS) { CAST_LOOP(double, to_f64); }
static bool NAME(to_f32)(UNARY_ARGS) { CAST_LOOP(float, to_f32); }
static bool NAME(to_i64)(UNARY_ARGS) { CAST_LOOP(int64_t, to_i64); }
static bool NAME(to_i32)(UNARY_ARGS) { CAST_LOOP(int32_t, to_i32); }
static bool NAME(to_u8)(UNARY_ARGS) { CAST_LOOP(uint8_t, to_u8); }
static bool NAME(to_bool)(UNARY_ARGS) { CAST_LOOP(uint8_t, to_bool); }
#undef CAST_LOOP
