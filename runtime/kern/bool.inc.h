/* bool.inc.h — what arithmetic means for truth: add is or, mul is and, as in NumPy. T, NAME. */

static inline T NAME(or_1)(T a, T b) { return a | b; }
static inline T NAME(and_1)(T a, T b) { return a & b; }
static inline T NAME(xor_1)(T a, T b) { return a ^ b; }
static inline T NAME(not_1)(T a) { return !a; }

static void NAME(add)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(or_1)); }
static void NAME(mul)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(and_1)); }
static void NAME(maximum)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(or_1)); }
static void NAME(minimum)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(and_1)); }
static void NAME(bit_and)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(and_1)); }
static void NAME(bit_or)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(or_1)); }
static void NAME(bit_xor)(BINARY_ARGS) { NAME(each2)(n, z, zs, a, as, b, bs, NAME(xor_1)); }
static void NAME(bit_not)(UNARY_ARGS) { NAME(each1)(n, z, zs, a, as, NAME(not_1)); }
