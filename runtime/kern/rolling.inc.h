/* rolling.inc.h — windows of one width, by doubling: what is known of the 1, 2, 4, ... places from
 * each place on gives that of the next power of two, and a window is put together from those that
 * its width is the sum of. So the tree that joins the places of a window is always the same: its
 * bits depend on the places of the window alone, not on where it stands or what is around it, and
 * nothing is ever subtracted from a running value.
 *
 * Sums keep what rounding took from them (Knuth, TAOCP 2, 4.2.2, theorem B). Moments are joined by
 * counts, means and products about the means (Chan, Golub and LeVeque 1979); a mean is counted from
 * the first number of its stretch, so that an offset of the data costs no digits. */

/* What is known of the stretches of some length, one for each place: of sums, the sum (0) and what
 * was lost (1); of moments, the mean (0), squares (1), cubes (2) and fourths (3); of two series,
 * their means (0, 1), products (2) and squares (3, 4). count is kept where there are gaps. */
enum { STRETCH_FIELDS = 5 };
typedef struct {
  double *f[STRETCH_FIELDS], *count;
} stretches;

/* The series: NaN filled with the next number where there are gaps, then with marks, 1 = a number.
 */
typedef struct {
  const double *x, *u, *mark;
} rolled;

/* z[j] = a[j], of na places, followed by b[j + na], of nb. z may be a. */
#define JOIN_ARGS                                                                                  \
  bool gaps, int64_t m, int64_t na, int64_t nb, const stretches *z, const stretches *a,            \
      const stretches *b

static ALWAYS_INLINE void join_sums(JOIN_ARGS) {
  double *zv = z->f[0], *zl = z->f[1], *zc = z->count;
  const double *av = a->f[0], *al = a->f[1], *bv = b->f[0] + na, *bl = b->f[1] + na;
  const double *ac = a->count, *bc = gaps ? b->count + na : NULL;
  (void)nb;
  IVDEP for (int64_t j = 0; j < m; j++) {
    double v = av[j], w = bv[j], sum = v + w, of_w = sum - v, of_v = sum - of_w;
    zl[j] = (al[j] + bl[j]) + ((v - of_v) + (w - of_w));
    zv[j] = sum;
  }
  if (gaps) IVDEP for (int64_t j = 0; j < m; j++) zc[j] = ac[j] + bc[j];
}

/* The share of b in the numbers of both: 0 of none. */
static ALWAYS_INLINE double share_of(double ca, double cb) {
  double all = ca + cb;
  return cb / (all > 0 ? all : 1);
}

static ALWAYS_INLINE void join_moments(JOIN_ARGS, const double *x) {
  double *zo = z->f[0], *zs = z->f[1], *zc = z->count;
  const double *ao = a->f[0], *as = a->f[1], *bo = b->f[0] + na, *bs = b->f[1] + na, *xb = x + na;
  const double *ac = a->count, *bc = gaps ? b->count + na : NULL;
  double all = (double)na, whole_share = share_of((double)na, (double)nb);
  IVDEP for (int64_t j = 0; j < m; j++) {
    double ca = gaps ? ac[j] : all, cb = gaps ? bc[j] : 1;
    double share = gaps ? share_of(ca, cb) : whole_share;
    double far = (xb[j] - x[j]) + (bo[j] - ao[j]);
    far = cb > 0 ? far : 0;
    zs[j] = (as[j] + bs[j]) + far * far * (ca * share);
    zo[j] = ao[j] + far * share;
    if (gaps) zc[j] = ca + cb;
  }
}

/* Pebay 2008, with the shares of both in place of their counts. */
static ALWAYS_INLINE void join_powers(JOIN_ARGS, const double *x) {
  double *zo = z->f[0], *zs = z->f[1], *z3 = z->f[2], *z4 = z->f[3], *zc = z->count;
  const double *ao = a->f[0], *as = a->f[1], *a3 = a->f[2], *a4 = a->f[3], *xb = x + na;
  const double *bo = b->f[0] + na, *bs = b->f[1] + na, *b3 = b->f[2] + na, *b4 = b->f[3] + na;
  const double *ac = a->count, *bc = gaps ? b->count + na : NULL;
  double all = (double)na;
  double whole_a = share_of((double)nb, (double)na), whole_b = share_of((double)na, (double)nb);
  IVDEP for (int64_t j = 0; j < m; j++) {
    double ca = gaps ? ac[j] : all, cb = gaps ? bc[j] : 1;
    double sa = gaps ? share_of(cb, ca) : whole_a, sb = gaps ? share_of(ca, cb) : whole_b;
    double far = (xb[j] - x[j]) + (bo[j] - ao[j]);
    far = cb > 0 ? far : 0;
    double square = far * far, term = square * (ca * sb), s2 = as[j], t2 = bs[j], s3 = a3[j];
    double t3 = b3[j];
    z4[j] = (a4[j] + b4[j]) + term * square * (sa * sa - sa * sb + sb * sb) +
            6 * square * (sa * sa * t2 + sb * sb * s2) + 4 * far * (sa * t3 - sb * s3);
    z3[j] = (s3 + t3) + term * far * (sa - sb) + 3 * far * (sa * t2 - sb * s2);
    zs[j] = (s2 + t2) + term;
    zo[j] = ao[j] + far * sb;
    if (gaps) zc[j] = ca + cb;
  }
}

static ALWAYS_INLINE void join_pairs(bool squares, JOIN_ARGS, const double *x, const double *u) {
  double *zx = z->f[0], *zu = z->f[1], *zp = z->f[2], *zs = z->f[3], *zt = z->f[4], *zc = z->count;
  const double *ax = a->f[0], *au = a->f[1], *ap = a->f[2], *as = a->f[3], *at = a->f[4];
  const double *bx = b->f[0] + na, *bu = b->f[1] + na, *bp = b->f[2] + na;
  const double *bs = squares ? b->f[3] + na : NULL, *bt = squares ? b->f[4] + na : NULL;
  const double *ac = a->count, *bc = gaps ? b->count + na : NULL, *xb = x + na, *ub = u + na;
  double all = (double)na, whole_share = share_of((double)na, (double)nb);
  IVDEP for (int64_t j = 0; j < m; j++) {
    double ca = gaps ? ac[j] : all, cb = gaps ? bc[j] : 1;
    double share = gaps ? share_of(ca, cb) : whole_share;
    double far_x = (xb[j] - x[j]) + (bx[j] - ax[j]), far_u = (ub[j] - u[j]) + (bu[j] - au[j]);
    far_x = cb > 0 ? far_x : 0;
    far_u = cb > 0 ? far_u : 0;
    zp[j] = (ap[j] + bp[j]) + far_x * far_u * (ca * share);
    if (squares) zs[j] = (as[j] + bs[j]) + far_x * far_x * (ca * share);
    if (squares) zt[j] = (at[j] + bt[j]) + far_u * far_u * (ca * share);
    zx[j] = ax[j] + far_x * share;
    zu[j] = au[j] + far_u * share;
    if (gaps) zc[j] = ca + cb;
  }
}

static ALWAYS_INLINE void join_stretches(neap_rolling op, JOIN_ARGS, const rolled *r) {
  switch (op) {
  case NEAP_ROLLING_SUM:
  case NEAP_ROLLING_MEAN: join_sums(gaps, m, na, nb, z, a, b); break;
  case NEAP_ROLLING_STD:
  case NEAP_ROLLING_VAR: join_moments(gaps, m, na, nb, z, a, b, r->x); break;
  case NEAP_ROLLING_SKEW:
  case NEAP_ROLLING_KURT: join_powers(gaps, m, na, nb, z, a, b, r->x); break;
  default: join_pairs(op == NEAP_ROLLING_CORR, gaps, m, na, nb, z, a, b, r->x, r->u);
  }
}

/* G1 and G2 of Joanes and Gill 1998; 0 and -3 of equal numbers. */
static ALWAYS_INLINE double skewness(double n, double squares, double cubes) {
  double v = n * sqrt(n - 1) / (n - 2) * (cubes / squares / sqrt(squares));
  v = squares == 0 ? 0 : v;
  return n < 3 ? (double)NAN : v;
}

static ALWAYS_INLINE double kurtosis(double n, double squares, double fourths) {
  double ratio = fourths / squares / squares;
  double v = (n - 1) / ((n - 2) * (n - 3)) * (n * (n + 1) * ratio - 3 * (n - 1));
  v = squares == 0 ? -3 : v;
  return n < 4 ? (double)NAN : v;
}

static ALWAYS_INLINE double rolled_to(neap_rolling op, const stretches *s, int64_t j, double count,
                                      const neap_rolling_options *o) {
  double v = s->f[0][j], w = s->f[1][j], over = count - o->parameter;
  switch (op) {
  case NEAP_ROLLING_SUM: return v - v == 0 ? v + w : v; /* an infinity has spoilt what was lost */
  case NEAP_ROLLING_MEAN: return (v - v == 0 ? v + w : v) / count;
  case NEAP_ROLLING_VAR: return over > 0 ? w / over : (double)NAN;
  case NEAP_ROLLING_STD: return over > 0 ? sqrt(w / over) : (double)NAN;
  case NEAP_ROLLING_SKEW: return skewness(count, w, s->f[2][j]);
  case NEAP_ROLLING_KURT: return kurtosis(count, w, s->f[3][j]);
  case NEAP_ROLLING_COV: return over > 0 ? s->f[2][j] / over : (double)NAN;
  default: {
    double corr = s->f[2][j] / (sqrt(s->f[3][j]) * sqrt(s->f[4][j]));
    corr = corr > 1 ? 1 : corr;
    return corr < -1 ? -1 : corr;
  }
  }
}

/* v + w, with what that rounds away added to *lost. */
static ALWAYS_INLINE double sum_of(double v, double w, double *lost) {
  double sum = v + w, of_w = sum - v, of_v = sum - of_w;
  *lost += (v - of_v) + (w - of_w);
  return sum;
}

/* The joins of 1 and 1, and of 2 and 2 places, in one pass over numbers without gaps; all is the
 * sum of the first `low` of them. Returns low, the lowest two bits of the width. */
static ALWAYS_INLINE int64_t begin_sums(int64_t places, int64_t n, const double *x, int64_t low,
                                        const stretches *a, const stretches *all) {
  double *v = a->f[0], *l = a->f[1], *av = all->f[0], *al = all->f[1];
  IVDEP for (int64_t j = 0; j < places - 3; j++) {
    double lost = 0, back = 0, two = sum_of(x[j], x[j + 1], &lost);
    double next = sum_of(x[j + 2], x[j + 3], &back);
    lost = lost + back;
    v[j] = sum_of(two, next, &lost);
    l[j] = lost;
  }
  if (low == 1) memcpy(av, x, (size_t)n * sizeof *x);
  if (low == 1) memset(al, 0, (size_t)n * sizeof *x);
  if (low < 2) return low;
  IVDEP for (int64_t j = 0; j < n; j++) {
    double lost = 0, two = sum_of(x[j + low - 2], x[j + low - 1], &lost);
    av[j] = low == 2 ? two : sum_of(x[j], two, &lost);
    al[j] = lost;
  }
  return low;
}

/* Of one place: its number, or the mean 0 from itself and squares 0 (NaN of an infinity). */
static ALWAYS_INLINE void begin_stretches(neap_rolling op, bool gaps, int64_t n, const rolled *r,
                                          const stretches *a) {
  bool sums = op == NEAP_ROLLING_SUM || op == NEAP_ROLLING_MEAN;
  bool pairs = op == NEAP_ROLLING_COV || op == NEAP_ROLLING_CORR;
  double *value = sums ? a->f[0] : pairs ? a->f[2] : a->f[1];
  for (int f = 0; f < STRETCH_FIELDS; f++)
    if (a->f[f] && a->f[f] != value) memset(a->f[f], 0, (size_t)n * sizeof(double));
  if (gaps) memcpy(a->count, r->mark, (size_t)n * sizeof(double));
  const double *x = r->x, *u = r->u, *mark = r->mark;
  for (int64_t j = 0; j < n; j++) {
    double v = sums ? x[j] : x[j] - x[j];
    if (pairs) v += u[j] - u[j];
    value[j] = !gaps || mark[j] > 0 ? v : 0;
  }
}

static ALWAYS_INLINE void roll_tile(neap_rolling op, bool gaps, int64_t n, double *y,
                                    const rolled *r, const neap_rolling_options *o,
                                    stretches part[3]) {
  stretches *a = &part[0], *b = &part[1], *all = &part[2];
  int64_t width = o->n, places = n + width - 1, length = 0;
  bool sums = op == NEAP_ROLLING_SUM || op == NEAP_ROLLING_MEAN, four = sums && !gaps && width > 3;
  if (four) length = begin_sums(places, n, r->x, width & 3, a, all);
  else begin_stretches(op, gaps, places, r, a);
  for (int64_t k = four ? 4 : 1;; k *= 2) {
    if (width & k && length) join_stretches(op, gaps, n, length, k, all, all, a, r);
    if (width & k && !length) {
      for (int f = 0; f < STRETCH_FIELDS; f++)
        if (a->f[f]) memcpy(all->f[f], a->f[f], (size_t)n * sizeof(double));
      if (gaps) memcpy(all->count, a->count, (size_t)n * sizeof(double));
    }
    length += width & k;
    if (length == width) break;
    join_stretches(op, gaps, places - 2 * k + 1, k, k, b, a, a, r);
    stretches *other = a;
    a = b;
    b = other;
  }
  double least = (double)o->min_count, full = (double)width;
  for (int64_t j = 0; j < n; j++) {
    double count = gaps ? all->count[j] : full, v = rolled_to(op, all, j, count, o);
    y[j] = count < least ? (double)NAN : v;
  }
}

#define ROLL_TILES(name, op)                                                                       \
  static void name(bool gaps, int64_t n, double *y, const rolled *r,                               \
                   const neap_rolling_options *o, stretches part[3]) {                             \
    if (gaps) roll_tile(op, true, n, y, r, o, part);                                               \
    else roll_tile(op, false, n, y, r, o, part);                                                   \
  }
ROLL_TILES(roll_sums, NEAP_ROLLING_SUM)
ROLL_TILES(roll_means, NEAP_ROLLING_MEAN)
ROLL_TILES(roll_stds, NEAP_ROLLING_STD)
ROLL_TILES(roll_vars, NEAP_ROLLING_VAR)
ROLL_TILES(roll_covs, NEAP_ROLLING_COV)
ROLL_TILES(roll_corrs, NEAP_ROLLING_CORR)
ROLL_TILES(roll_skews, NEAP_ROLLING_SKEW)
ROLL_TILES(roll_kurts, NEAP_ROLLING_KURT)

/* Marks, and numbers in the gaps: the next one, 0 after the last. */
static void fill_gaps(int64_t n, const double *x, const double *u, double *mark, double *to_x,
                      double *to_u) {
  double next = 0, next_u = 0;
  for (int64_t j = n - 1; j >= 0; j--) {
    bool number = x[j] == x[j] && (!u || u[j] == u[j]);
    mark[j] = number;
    to_x[j] = next = number ? x[j] : next;
    if (u) to_u[j] = next_u = number ? u[j] : next_u;
  }
}

static bool has_gaps(int64_t n, const double *x) {
  int64_t gaps = 0;
  for (int64_t j = 0; j < n; j++) gaps |= x[j] != x[j];
  return gaps;
}

static void rolling(neap_rolling op, int64_t n, double *y, const double *x, const double *u,
                    const neap_rolling_options *o, double *space) {
  int64_t places = n + o->n - 1;
  static const int fields_of[] = {
      [NEAP_ROLLING_SUM] = 2,  [NEAP_ROLLING_MEAN] = 2, [NEAP_ROLLING_STD] = 2,
      [NEAP_ROLLING_VAR] = 2,  [NEAP_ROLLING_COV] = 3,  [NEAP_ROLLING_CORR] = 5,
      [NEAP_ROLLING_SKEW] = 4, [NEAP_ROLLING_KURT] = 4};
  int fields = fields_of[op];
  bool gaps = has_gaps(places, x) || (u && has_gaps(places, u));
  stretches part[3];
  memset(part, 0, sizeof part);
  for (int p = 0; p < 3; p++) {
    for (int f = 0; f < fields; f++, space += places) part[p].f[f] = space;
    part[p].count = space;
    space += gaps ? places : 0;
  }
  rolled r = {.x = x, .u = u};
  if (gaps) {
    double *mark = space, *to_x = mark + places, *to_u = to_x + places;
    fill_gaps(places, x, u, mark, to_x, to_u);
    r = (rolled){to_x, to_u, mark};
  }
  switch (op) {
  case NEAP_ROLLING_SUM: roll_sums(gaps, n, y, &r, o, part); break;
  case NEAP_ROLLING_MEAN: roll_means(gaps, n, y, &r, o, part); break;
  case NEAP_ROLLING_STD: roll_stds(gaps, n, y, &r, o, part); break;
  case NEAP_ROLLING_VAR: roll_vars(gaps, n, y, &r, o, part); break;
  case NEAP_ROLLING_COV: roll_covs(gaps, n, y, &r, o, part); break;
  case NEAP_ROLLING_SKEW: roll_skews(gaps, n, y, &r, o, part); break;
  case NEAP_ROLLING_KURT: roll_kurts(gaps, n, y, &r, o, part); break;
  default: roll_corrs(gaps, n, y, &r, o, part);
  }
}
