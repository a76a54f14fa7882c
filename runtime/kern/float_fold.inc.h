/* float_fold.inc.h — sums and extremes of f64 and f32. T, NAME.
 *
 * Sums run in f64. A segment is summed in LANES lanes, lane k taking the elements k, k + LANES,
 * ..., which are added as a tree; the segments of a block are added in order. So the bits depend
 * neither on the vector width nor on whether a row lies in one piece or is a column. Four segments
 * are under way at once, since one alone waits for its own additions. */

static double NAME(segment_sum)(int64_t n, const T *a) {
  wide s[VECTORS];
  clear(s, VECTORS);
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    UNROLL for (int v = 0; v < VECTORS; v++) s[v] += NAME(load)(a + i + v * DOUBLES);
  UNROLL for (int v = 0; v < VECTORS; v++) {
    s[v] += NAME(load_some)(a + i + v * DOUBLES, n - i - v * DOUBLES);
  }
  return tree_wide(s);
}

/* Each segment is a stream of its own. One of a single page is too short for the processor to look
 * ahead in: what follows is fetched meanwhile. */
static double NAME(four_sums)(double total, const T *a) {
  wide s[4][VECTORS];
  clear(s[0], 4 * VECTORS);
  for (int64_t i = 0; i < SEGMENT; i += LANES) {
    UNROLL for (int q = 0; q < 4; q++) {
      const T *x = a + q * SEGMENT + i;
      if (sizeof(T) * SEGMENT <= 4096) __builtin_prefetch(x + 4 * SEGMENT);
      UNROLL for (int v = 0; v < VECTORS; v++) s[q][v] += NAME(load)(x + v * DOUBLES);
    }
  }
  for (int q = 0; q < 4; q++) total += tree_wide(s[q]);
  return total;
}

static void NAME(sum)(FOLD_ARGS) {
  (void)center;
  const T *a = x;
  double total = 0;
  for (; n >= 4 * SEGMENT; n -= 4 * SEGMENT, a += 4 * SEGMENT) total = NAME(four_sums)(total, a);
  for (; n > SEGMENT; n -= SEGMENT, a += SEGMENT) total += NAME(segment_sum)(SEGMENT, a);
  out->f = total + NAME(segment_sum)(n, a);
}

/* Deviations d from the center: s += d, q += d^2. */
static inline void NAME(deviate)(wide *s, wide *q, wide d) {
  *s += d;
  *q += d * d;
}

static void NAME(segment_dev)(int64_t n, const T *a, double center, neap_acc *out) {
  wide s[VECTORS], q[VECTORS];
  clear(s, VECTORS);
  clear(q, VECTORS);
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    UNROLL for (int v = 0; v < VECTORS; v++) {
      NAME(deviate)(&s[v], &q[v], NAME(load)(a + i + v * DOUBLES) - center);
    }
  }
  UNROLL for (int v = 0; v < VECTORS; v++) {
    int64_t left = n - i - v * DOUBLES;
    wide d = NAME(load_some)(a + i + v * DOUBLES, left) - center;
    NAME(deviate)(&s[v], &q[v], keep_some(d, left));
  }
  out->f += tree_wide(q);
  out->g += tree_wide(s);
}

static void NAME(two_devs)(const T *a, double center, neap_acc *out) {
  wide s[2][VECTORS], q[2][VECTORS];
  clear(s[0], 2 * VECTORS);
  clear(q[0], 2 * VECTORS);
  for (int64_t i = 0; i < SEGMENT; i += LANES) {
    UNROLL for (int h = 0; h < 2; h++) {
      const T *x = a + h * SEGMENT + i;
      UNROLL for (int v = 0; v < VECTORS; v++) {
        NAME(deviate)(&s[h][v], &q[h][v], NAME(load)(x + v * DOUBLES) - center);
      }
    }
  }
  for (int h = 0; h < 2; h++) {
    out->f += tree_wide(q[h]);
    out->g += tree_wide(s[h]);
  }
}

static void NAME(dev)(FOLD_ARGS) {
  const T *a = x;
  out->f = out->g = 0;
  for (; n >= 2 * SEGMENT; n -= 2 * SEGMENT, a += 2 * SEGMENT) NAME(two_devs)(a, center, out);
  for (; n > SEGMENT; n -= SEGMENT, a += SEGMENT) NAME(segment_dev)(SEGMENT, a, center, out);
  NAME(segment_dev)(n, a, center, out);
}

/* columns -------------------------------------------------------------------------------------- */

/* Rows x[0], x[1], ... go to one lane of every column, in order. Rows may lie pages apart, where
 * the processor does not look ahead by itself: ahead tells it. */
static ALWAYS_INLINE void NAME(add_rows)(int rows, int64_t columns, const T *x, int64_t xs,
                                         int64_t ahead, const double *center, double *s,
                                         double *q) {
  for (int64_t j = 0; ahead && j < columns; j += 64 / (int64_t)sizeof(T))
    UNROLL for (int r = 0; r < rows; r++) __builtin_prefetch(x + ahead + r * xs + j);
  for (int64_t j = 0; j < columns; j += DOUBLES) {
    wide sum = load_f64(s + j), squares = q ? load_f64(q + j) : sum;
    UNROLL for (int r = 0; r < rows; r++) {
      wide v = NAME(load_some)(x + r * xs + j, columns - j);
      if (q) v -= load_f64(center + j);
      sum += v;
      if (q) squares += v * v;
    }
    memcpy(s + j, &sum, sizeof sum);
    if (q) memcpy(q + j, &squares, sizeof squares);
  }
}

/* Row i of a segment goes to lane i % LANES of every column. */
static ALWAYS_INLINE void NAME(add_segment)(int64_t n, int64_t columns, const T *x, int64_t xs,
                                            const double *center, double s[LANES][NEAP_COLUMNS],
                                            double q[LANES][NEAP_COLUMNS]) {
  int64_t i = 0;
  for (; i + 4 * LANES <= n; i += 4 * LANES) {
    int64_t next = i + 8 * LANES <= n ? 4 * LANES * xs : 0;
    for (int k = 0; k < LANES; k++) {
      const T *top = x + (i + k) * xs;
      NAME(add_rows)(4, columns, top, LANES * xs, next, center, s[k], q ? q[k] : NULL);
    }
  }
  for (; i < n; i++)
    NAME(add_rows)(1, columns, x + i * xs, 0, 0, center, s[i % LANES], q ? q[i % LANES] : NULL);
}

/* The next segment. A strip as wide as it may be gets loops of known length. */
static void NAME(strip)(int64_t n, int64_t columns, const T *x, int64_t xs, const double *center,
                        double s[LANES][NEAP_COLUMNS], double q[LANES][NEAP_COLUMNS]) {
  bool full = columns == NEAP_COLUMNS;
  if (n > SEGMENT) n = SEGMENT;
  if (full && q) NAME(add_segment)(n, NEAP_COLUMNS, x, xs, center, s, q);
  else if (full) NAME(add_segment)(n, NEAP_COLUMNS, x, xs, NULL, s, NULL);
  else if (q) NAME(add_segment)(n, columns, x, xs, center, s, q);
  else NAME(add_segment)(n, columns, x, xs, NULL, s, NULL);
  tree_columns(s);
  if (q) tree_columns(q);
}

static void NAME(columns)(int64_t n, int64_t columns, const void *xp, int64_t xs,
                          const double *center, neap_acc *out, int64_t step) {
  const T *x = xp;
  double middle[NEAP_COLUMNS] = {0};
  for (int64_t j = 0; center && j < columns; j++) middle[j] = center[j];
  for (int64_t j = 0; j < columns; j++) out[j * step] = (neap_acc){0};
  for (int64_t from = 0; from == 0 || from < n; from += SEGMENT) {
    double s[LANES][NEAP_COLUMNS] = {{0}}, q[LANES][NEAP_COLUMNS];
    if (center) memset(q, 0, sizeof q);
    NAME(strip)(n - from, columns, x + from * xs, xs, middle, s, center ? q : NULL);
    for (int64_t j = 0; j < columns; j++) {
      neap_acc *acc = &out[j * step];
      if (center) acc->f += q[0][j];
      *(center ? &acc->g : &acc->f) += s[0][j];
    }
  }
}

/* extremes ------------------------------------------------------------------------------------- */

static bool NAME(has_nan)(int64_t n, const T *a) {
  int found = 0;
  for (int64_t i = 0; i < n; i++) found |= a[i] != a[i];
  return found;
}

/* Four registers of candidates, and of sums: a NaN makes the result NaN, and the sum is NaN then,
 * and else only when infinities of both signs met. The last stretch overlaps the one before it. */
static ALWAYS_INLINE void NAME(extreme)(int64_t n, const T *a, neap_acc *out,
                                        NAME(pack) (*pick)(NAME(pack), NAME(pack)),
                                        bool (*beats)(T, T)) {
  enum { EACH = sizeof(NAME(pack)) / sizeof(T), STRETCH = 4 * EACH };
  T top[EACH], sums[EACH], best = n > 0 ? a[0] : 0, sum = 0;
  int64_t i = 0;
  out->at = n > 0 ? 0 : -1;
  if (n >= STRETCH) {
    NAME(pack) s[4], t[4] = {{0}};
    UNROLL for (int k = 0; k < 4; k++) s[k] = NAME(pack_load)(a + k * EACH);
    while (i < n) {
      UNROLL for (int k = 0; k < 4; k++) {
        NAME(pack) v = NAME(pack_load)(a + i + k * EACH);
        s[k] = pick(v, s[k]);
        t[k] += v;
      }
      i = i + STRETCH < n && i + 2 * STRETCH > n ? n - STRETCH : i + STRETCH;
    }
    s[0] = pick(pick(s[3], s[2]), pick(s[1], s[0]));
    t[0] = (t[0] + t[1]) + (t[2] + t[3]);
    memcpy(top, &s[0], sizeof top);
    memcpy(sums, &t[0], sizeof sums);
    for (int k = 0; k < EACH; k++) {
      best = beats(top[k], best) ? top[k] : best;
      sum += sums[k];
    }
  }
  for (; i < n; i++) {
    best = beats(a[i], best) ? a[i] : best;
    sum += a[i];
  }
  out->f = sum != sum && NAME(has_nan)(n, a) ? NAN : (double)best;
}

static void NAME(argmax)(FOLD_ARGS) {
  (void)center;
  NAME(extreme)(n, x, out, NAME(larger), NAME(gt_1));
}

static void NAME(argmin)(FOLD_ARGS) {
  (void)center;
  NAME(extreme)(n, x, out, NAME(smaller), NAME(lt_1));
}
