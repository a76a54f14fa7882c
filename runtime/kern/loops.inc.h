/* loops.inc.h — how an operation on one element becomes a loop. The operation is a constant
 * function pointer of a function inlined here, so each caller gets its own vectorised copy. */

static ALWAYS_INLINE void NAME(each2)(int64_t n, void *zp, int64_t zs, const void *ap, int64_t as,
                                      const void *bp, int64_t bs, T (*f)(T, T)) {
  T *z = zp;
  const T *a = ap, *b = bp;
  if (zs == 1 && as == 1 && bs == 1) {
    IVDEP for (int64_t i = 0; i < n; i++) z[i] = f(a[i], b[i]);
  } else if (zs == 1 && as == 1 && bs == 0) {
    T v = *b;
    IVDEP for (int64_t i = 0; i < n; i++) z[i] = f(a[i], v);
  } else if (zs == 1 && as == 0 && bs == 1) {
    T v = *a;
    IVDEP for (int64_t i = 0; i < n; i++) z[i] = f(v, b[i]);
  } else {
    for (int64_t i = 0; i < n; i++) z[i * zs] = f(a[i * as], b[i * bs]);
  }
}

static ALWAYS_INLINE void NAME(test2)(int64_t n, void *zp, int64_t zs, const void *ap, int64_t as,
                                      const void *bp, int64_t bs, bool (*f)(T, T)) {
  uint8_t *z = zp;
  const T *a = ap, *b = bp;
  if (zs == 1 && as == 1 && bs == 1) {
    IVDEP for (int64_t i = 0; i < n; i++) z[i] = f(a[i], b[i]);
  } else if (zs == 1 && as == 1 && bs == 0) {
    T v = *b;
    IVDEP for (int64_t i = 0; i < n; i++) z[i] = f(a[i], v);
  } else {
    for (int64_t i = 0; i < n; i++) z[i * zs] = f(a[i * as], b[i * bs]);
  }
}

static ALWAYS_INLINE void NAME(each1)(int64_t n, void *zp, int64_t zs, const void *ap, int64_t as,
                                      T (*f)(T)) {
  T *z = zp;
  const T *a = ap;
  if (zs == 1 && as == 1) {
    IVDEP for (int64_t i = 0; i < n; i++) z[i] = f(a[i]);
  } else {
    for (int64_t i = 0; i < n; i++) z[i * zs] = f(a[i * as]);
  }
}

/* Both sides are read and one is chosen: a select, not a branch on the mask. */
static ALWAYS_INLINE void NAME(choose)(int64_t n, T *z, const uint8_t *m, const T *a, int64_t as,
                                       const T *b, int64_t bs) {
  IVDEP for (int64_t i = 0; i < n; i++) {
    T yes = a[i * as], no = b[i * bs];
    z[i] = m[i] ? yes : no;
  }
}

static void NAME(where)(int64_t n, void *zp, int64_t zs, const void *mp, int64_t ms, const void *ap,
                        int64_t as, const void *bp, int64_t bs) {
  T *z = zp;
  const uint8_t *m = mp;
  const T *a = ap, *b = bp;
  bool plain = zs == 1 && ms == 1;
  if (plain && as == 1 && bs == 1) NAME(choose)(n, z, m, a, 1, b, 1);
  else if (plain && as == 1 && bs == 0) NAME(choose)(n, z, m, a, 1, &(T){*b}, 0);
  else if (plain && as == 0 && bs == 1) NAME(choose)(n, z, m, &(T){*a}, 0, b, 1);
  else if (plain && as == 0 && bs == 0) NAME(choose)(n, z, m, &(T){*a}, 0, &(T){*b}, 0);
  else {
    for (int64_t i = 0; i < n; i++) {
      T yes = a[i * as], no = b[i * bs];
      z[i * zs] = m[i * ms] ? yes : no;
    }
  }
}

static inline bool NAME(eq_1)(T a, T b) { return a == b; }
static inline bool NAME(ne_1)(T a, T b) { return a != b; }
static inline bool NAME(lt_1)(T a, T b) { return a < b; }
static inline bool NAME(gt_1)(T a, T b) { return a > b; }
static inline bool NAME(le_1)(T a, T b) { return a <= b; }
static void NAME(eq)(BINARY_ARGS) { NAME(test2)(n, z, zs, a, as, b, bs, NAME(eq_1)); }
static void NAME(ne)(BINARY_ARGS) { NAME(test2)(n, z, zs, a, as, b, bs, NAME(ne_1)); }
static void NAME(lt)(BINARY_ARGS) { NAME(test2)(n, z, zs, a, as, b, bs, NAME(lt_1)); }
static void NAME(le)(BINARY_ARGS) { NAME(test2)(n, z, zs, a, as, b, bs, NAME(le_1)); }
static void NAME(gt)(BINARY_ARGS) { NAME(test2)(n, z, zs, b, bs, a, as, NAME(lt_1)); }
static void NAME(ge)(BINARY_ARGS) { NAME(test2)(n, z, zs, b, bs, a, as, NAME(le_1)); }
