/* int.inc.h — element-wise operations of i64, i32 and u8. T, ACC (its unsigned type), NAME.
 * Everything that can overflow is computed unsigned: integers wrap. */

static inline T NAME(add_1)(T a, T b) { return (T)((ACC)a + (ACC)b); }
static inline T NAME(sub_1)(T a, T b) { return (T)((ACC)a - (ACC)b); }
static inline T NAME(mul_1)(T a, T b) { return (T)((ACC)a * (ACC)b); }
static inline T NAME(maximum_1)(T a, T b) { return a > b ? a : b; }
static inline T NAME(minimum_1)(T a, T b) { return a < b ? a : b; }
static inline T NAME(bit_and_1)(T a, T b) { return (T)(a & b); }
static inline T NAME(bit_or_1)(T a, T b) { return (T)(a | b); }
static inline T NAME(bit_xor_1)(T a, T b) { return (T)(a ^ b); }

/* b = -1 apart: the smallest integer divided by it overflows, and traps on x86. */
static inline T NAME(floordiv_1)(T a, T b) {
  if (b == 0) return 0;
  if (b == (T)-1 && (T)-1 < (T)1) return (T)((ACC)0 - (ACC)a);
  T q = (T)(a / b), r = (T)(a % b);
  return r != 0 && ((r < (T)1) != (b < (T)1)) ? (T)(q - 1) : q;
}
static inline T NAME(mod_1)(T a, T b) {
  if (b == 0 || (b == (T)-1 && (T)-1 < (T)1)) return 0;
  T r = (T)(a % b);
  return r != 0 && ((r < (T)1) != (b < (T)1)) ? (T)(r + b) : r;
}
static inline T NAME(pow_1)(T a, T b) {
  ACC result = 1, base = (ACC)a;
  for (ACC e = (ACC)b; e; e = (ACC)(e >> 1)) {
    if (e & 1) result = (ACC)(result * base);
    base = (ACC)(base * base);
  }
  return (T)result;
}

static void NAME(add)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(add_1)); }
static void NAME(sub)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(sub_1)); }
static void NAME(mul)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(mul_1)); }
static void NAME(maximum)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(maximum_1)); }
static void NAME(minimum)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(minimum_1)); }
static void NAME(bit_and)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(bit_and_1)); }
static void NAME(bit_or)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(bit_or_1)); }
static void NAME(bit_xor)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(bit_xor_1)); }
static void NAME(floordiv)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(floordiv_1)); }
static void NAME(mod)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(mod_1)); }
static void NAME(pow)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(pow_1)); }

static inline T NAME(neg_1)(T a) { return (T)((ACC)0 - (ACC)a); }
static inline T NAME(sign_1)(T a) { return (T)((a > (T)0) - (a < (T)1 && a != 0)); }
static inline T NAME(abs_1)(T a) { return a < (T)1 && a != 0 ? NAME(neg_1)(a) : a; }
static inline T NAME(square_1)(T a) { return NAME(mul_1)(a, a); }
static inline T NAME(relu_1)(T a) { return a > (T)0 ? a : (T)0; }
static inline T NAME(bit_not_1)(T a) { return (T)~a; }

static void NAME(neg)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(neg_1)); }
static void NAME(abs)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(abs_1)); }
static void NAME(sign)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(sign_1)); }
static void NAME(square)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(square_1)); }
static void NAME(relu)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(relu_1)); }
static void NAME(bit_not)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(bit_not_1)); }
