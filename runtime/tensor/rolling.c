/* Rolling windows without subtraction (docs/adr/0009): a row is cut into blocks of n places, and a
 * window is the tail of one block joined with the head of the next. Heads grow as the window moves,
 * the tails of a block are made in one pass from right to left. What has left the window has left
 * no trace. Sums keep what rounding took from them (Knuth, TAOCP 2, 4.2.2, theorem B), moments are
 * joined by counts, means and squares about the mean (Chan, Golub and LeVeque 1979), so nothing is
 * lost at large offsets either. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tensor/rows.h"
#include "tensor/walk.h"

#define INLINE static inline __attribute__((always_inline))

enum { POLL = 1 << 13 };

/* Of the numbers in a stretch: how many; their sum, extreme or mean; squares about the mean, or
 * what rounding took from the sum. Means are counted from the number that came first, which lies in
 * every window that the part is used in: differences from it are as exact as the window allows. */
typedef struct {
  double count, value, squares, origin;
} part;

typedef struct {
  neap__rows rows; /* f64 */
  neap_rolling op;
  neap_rolling_options o;
  int64_t step, pieces; /* places in a piece of a row, pieces in a row */
  double *out;          /* rows.rows x rows.m */
} rolling;

/* p.value + v, with what that rounds away added to lost. An infinity spoils lost, which is then not
 * used. */
INLINE part plus(part p, double v, double lost) {
  double sum = p.value + v, of_v = sum - p.value, of_p = sum - of_v;
  p.squares += lost + ((p.value - of_p) + (v - of_v));
  p.value = sum;
  return p;
}

INLINE double total(part p) { return isfinite(p.value) ? p.value + p.squares : p.value; }

INLINE part add(neap_rolling op, part p, double v) {
  if (isnan(v)) return p;
  p.count++;
  switch (op) {
  case NEAP_ROLLING_MIN: p.value = p.count == 1 || v < p.value ? v : p.value; break;
  case NEAP_ROLLING_MAX: p.value = p.count == 1 || v > p.value ? v : p.value; break;
  case NEAP_ROLLING_STD: {
    if (p.count == 1) p.origin = v;
    double from = v - p.origin, far = from - p.value;
    p.value += far / p.count;
    p.squares += far * (from - p.value);
    break;
  }
  default: p = plus(p, v, 0);
  }
  return p;
}

INLINE part join(neap_rolling op, part p, part q) {
  if (p.count == 0) return q;
  if (q.count == 0) return p;
  part r = {.count = p.count + q.count};
  switch (op) {
  case NEAP_ROLLING_MIN: r.value = q.value < p.value ? q.value : p.value; break;
  case NEAP_ROLLING_MAX: r.value = q.value > p.value ? q.value : p.value; break;
  case NEAP_ROLLING_STD: {
    double far = q.origin - p.origin + (q.value - p.value);
    r.squares = p.squares + q.squares + far * far * (p.count * q.count / r.count);
    break;
  }
  default:
    r.value = p.value;
    r.squares = p.squares;
    return plus(r, q.value, q.squares);
  }
  return r;
}

INLINE double result(neap_rolling op, part p, const neap_rolling_options *o) {
  if (p.count < (double)o->min_count) return NAN;
  switch (op) {
  case NEAP_ROLLING_MEAN: return total(p) / p.count; /* of no numbers: NaN */
  case NEAP_ROLLING_STD: {
    double free = p.count - o->parameter;
    return free > 0 ? sqrt(p.squares / free) : NAN;
  }
  case NEAP_ROLLING_SUM: return total(p);
  default: return p.count > 0 ? p.value : NAN;
  }
}

/* tails[i] = the places from x[i] to the end of the block of n. */
INLINE neap_status make_tails(neap_rolling op, const double *x, int64_t n, part *tails) {
  part p = {0};
  for (int64_t i = n - 1; i >= 0; i--) {
    if (i % POLL == 0) NEAP_TRY(neap_interrupt_check());
    tails[i] = p = add(op, p, x[i]);
  }
  return NEAP_OK;
}

/* Windows that end at places [from, to) of the row x; from begins a block. */
INLINE neap_status roll(neap_rolling op, const rolling *r, const double *x, int64_t from,
                        int64_t to, part *tails, double *y) {
  int64_t n = r->o.n;
  for (int64_t block = from; block < to; block += n) {
    int64_t length = to - block < n ? to - block : n;
    part head = {0};
    if (block > 0) NEAP_TRY(make_tails(op, x + block - n, n, tails));
    for (int64_t i = 0; i < length; i++) {
      if (i % POLL == 0) NEAP_TRY(neap_interrupt_check());
      head = add(op, head, x[block + i]);
      bool whole = block == 0 || i == n - 1;
      y[block + i] = result(op, whole ? head : join(op, tails[i + 1], head), &r->o);
    }
  }
  return NEAP_OK;
}

static neap_status roll_sum(const rolling *r, const double *x, int64_t a, int64_t b, part *tails,
                            double *y) {
  return roll(NEAP_ROLLING_SUM, r, x, a, b, tails, y);
}

static neap_status roll_mean(const rolling *r, const double *x, int64_t a, int64_t b, part *tails,
                             double *y) {
  return roll(NEAP_ROLLING_MEAN, r, x, a, b, tails, y);
}

static neap_status roll_std(const rolling *r, const double *x, int64_t a, int64_t b, part *tails,
                            double *y) {
  return roll(NEAP_ROLLING_STD, r, x, a, b, tails, y);
}

static neap_status roll_min(const rolling *r, const double *x, int64_t a, int64_t b, part *tails,
                            double *y) {
  return roll(NEAP_ROLLING_MIN, r, x, a, b, tails, y);
}

static neap_status roll_max(const rolling *r, const double *x, int64_t a, int64_t b, part *tails,
                            double *y) {
  return roll(NEAP_ROLLING_MAX, r, x, a, b, tails, y);
}

/* quantiles of few numbers: those of the window in rising order -------------------------------- */

enum { FEW = 200 };

/* Between the numbers a and b around a rank; equal ones also keep infinities out of the difference.
 */
static double between(double a, double b, double share) {
  if (share == 0 || a == b) return a + 0.0; /* -0 becomes 0 */
  return share < 0.5 ? a + (b - a) * share : b - (b - a) * (1 - share);
}

/* Where v stands, or would, among sorted[0..count). */
static int64_t place(const double *sorted, int64_t count, double v) {
  int64_t low = 0;
  while (count > 0) {
    int64_t half = count / 2;
    bool right = sorted[low + half] < v;
    low += right ? half + 1 : 0;
    count = right ? count - half - 1 : half;
  }
  return low;
}

static int64_t insert(double *sorted, int64_t count, double v) {
  if (isnan(v)) return count;
  int64_t at = place(sorted, count, v);
  memmove(sorted + at + 1, sorted + at, (size_t)(count - at) * sizeof *sorted);
  sorted[at] = v;
  return count + 1;
}

static int64_t take_out(double *sorted, int64_t count, double v) {
  if (isnan(v)) return count;
  int64_t at = place(sorted, count, v);
  memmove(sorted + at, sorted + at + 1, (size_t)(count - at - 1) * sizeof *sorted);
  return count - 1;
}

static double at_rank(const double *sorted, int64_t count, const neap_rolling_options *o) {
  if (count < o->min_count || count == 0) return NAN;
  double rank = o->parameter * (double)(count - 1), below = floor(rank);
  int64_t low = (int64_t)below;
  return between(sorted[low], sorted[low + 1 < count ? low + 1 : low], rank - below);
}

static neap_status roll_few(const rolling *r, const double *x, int64_t from, int64_t to,
                            double *y) {
  double sorted[FEW];
  int64_t n = r->o.n, count = 0, first = from - n + 1 > 0 ? from - n + 1 : 0;
  for (int64_t i = first; i < to; i++) {
    if ((i - first) % POLL == 0) NEAP_TRY(neap_interrupt_check());
    if (i - n >= first) count = take_out(sorted, count, x[i - n]);
    count = insert(sorted, count, x[i]);
    if (i >= from) y[i] = at_rank(sorted, count, &r->o);
  }
  return NEAP_OK;
}

/* quantiles of many ---------------------------------------------------------------------------- */

/* The numbers of a piece of a row, sorted once, and how many of each stretch of them are in the
 * window: tree[k] counts those of the k & -k places of the order up to place k, from 1 on (Fenwick
 * 1994). */
typedef struct {
  int64_t n, count, top; /* places, numbers in the window, the largest power of 2 up to n */
  const double *sorted;
  int64_t *place, *tree;
} ordered;

static void change(ordered *t, int64_t k, int64_t by) {
  for (t->count += by; k <= t->n; k += k & -k) t->tree[k] += by;
}

/* The number at a rank, from 0, among those in the window. */
static double ranked(const ordered *t, int64_t rank) {
  int64_t at = 0;
  for (int64_t step = t->top; step; step /= 2) {
    bool right = at + step <= t->n && t->tree[at + step] <= rank;
    rank -= right ? t->tree[at + step] : 0;
    at += right ? step : 0;
  }
  return t->sorted[at];
}

static double at_quantile(const ordered *t, const neap_rolling_options *o) {
  if (t->count < o->min_count || t->count == 0) return NAN;
  double rank = o->parameter * (double)(t->count - 1), below = floor(rank), share = rank - below;
  double a = ranked(t, (int64_t)below);
  return share == 0 ? between(a, a, 0) : between(a, ranked(t, (int64_t)below + 1), share);
}

static neap_status roll_ordered(const rolling *r, const double *x, int64_t first, int64_t from,
                                int64_t to, ordered *t, double *y) {
  int64_t n = r->o.n;
  for (int64_t i = first; i < to; i++) {
    if ((i - first) % POLL == 0) NEAP_TRY(neap_interrupt_check());
    if (i - n >= first && !isnan(x[i - n])) change(t, t->place[i - n - first], -1);
    if (!isnan(x[i])) change(t, t->place[i - first], 1);
    if (i >= from) y[i] = at_quantile(t, &r->o);
  }
  return NEAP_OK;
}

static neap_status order_piece(ordered *t, neap_tensor *sorted, const neap_tensor *piece) {
  neap_tensor at;
  NEAP_TRY(neap_tensor_sort(sorted, &at, piece, 0, false, 0));
  t->n = neap_tensor_numel(piece);
  t->top = (int64_t)1 << (63 - __builtin_clzll((uint64_t)t->n));
  t->sorted = neap_tensor_data(sorted);
  t->place = neap_alloc_array(t->n, sizeof *t->place);
  t->tree = neap_calloc_array(t->n + 1, sizeof *t->tree);
  neap_status st = t->place && t->tree ? NEAP_OK : NEAP_ENOMEM;
  const int64_t *from = neap_tensor_data(&at);
  for (int64_t k = 0; !st && k < t->n; k++) {
    if (k % NEAP__GRAIN == 0) st = neap_interrupt_check();
    t->place[from[k]] = k + 1;
  }
  neap_tensor_drop(&at);
  return st;
}

static neap_status roll_many(const rolling *r, int64_t row, int64_t from, int64_t to, double *y) {
  int64_t first = from - r->o.n + 1 > 0 ? from - r->o.n + 1 : 0, start = row * r->rows.m;
  neap_tensor line = r->rows.t, piece, sorted = {0}; /* line: the same memory as one dimension */
  line.ndim = 1;
  line.size[0] = neap_tensor_numel(&r->rows.t);
  line.stride[0] = 1;
  NEAP_TRY(neap_tensor_slice(&piece, &line, 0, start + first, to - first, 1));
  ordered t = {0};
  neap_status st = order_piece(&t, &sorted, &piece);
  const double *x = neap_tensor_data(&r->rows.t);
  if (!st) st = roll_ordered(r, x + start, first, from, to, &t, y);
  neap_free(t.place);
  neap_free(t.tree);
  neap_tensor_drop(&sorted);
  neap_tensor_drop(&piece);
  return st;
}

static neap_status roll_quantile(const rolling *r, int64_t row, int64_t from, int64_t to,
                                 double *y) {
  if (r->o.n > FEW) return roll_many(r, row, from, to, y);
  return roll_few(r, (const double *)neap_tensor_data(&r->rows.t) + row * r->rows.m, from, to, y);
}

/* rows ----------------------------------------------------------------------------------------- */

static neap_status run_piece(const rolling *r, int64_t piece, void *space) {
  int64_t m = r->rows.m, row = piece / r->pieces, from = piece % r->pieces * r->step;
  int64_t to = m - from < r->step ? m : from + r->step;
  const void *data = neap__row(&r->rows, row);
  double *y = r->out + row * m;
  switch (r->op) {
  case NEAP_ROLLING_SUM: return roll_sum(r, data, from, to, space, y);
  case NEAP_ROLLING_MEAN: return roll_mean(r, data, from, to, space, y);
  case NEAP_ROLLING_STD: return roll_std(r, data, from, to, space, y);
  case NEAP_ROLLING_MIN: return roll_min(r, data, from, to, space, y);
  case NEAP_ROLLING_MAX: return roll_max(r, data, from, to, space, y);
  default: return roll_quantile(r, row, from, to, y);
  }
}

static neap_status run_pieces(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const rolling *r = ctx;
  void *space = neap_alloc_array(r->op == NEAP_ROLLING_QUANTILE ? 0 : r->o.n, sizeof(part));
  if (!space) return NEAP_ENOMEM;
  neap_status st = NEAP_OK;
  for (int64_t piece = begin; !st && piece < end; piece++) st = run_piece(r, piece, space);
  neap_free(space);
  return st;
}

/* Pieces begin with a block and have NEAP__GRAIN places at least. */
static neap_status run(rolling *r) {
  int64_t m = r->rows.m;
  if (m == 0 || r->rows.rows == 0) return NEAP_OK;
  if (r->o.n > m) r->o.n = m; /* such a window is never full: min_count has seen to that */
  r->step = (NEAP__GRAIN / r->o.n + 1) * r->o.n;
  r->pieces = (m - 1) / r->step + 1;
  int64_t grain = NEAP__GRAIN / (m < r->step ? m : r->step);
  return neap_parallel_for(r->rows.rows * r->pieces, grain > 0 ? grain : 1, run_pieces, r);
}

/* Results, in the order of the rows, as t is laid out and typed. */
static neap_status in_order(neap_tensor *out, const rolling *r, neap_tensor *flat,
                            neap_dtype dtype) {
  neap_tensor turned;
  int back[NEAP_MAX_DIMS];
  for (int d = 0; d < flat->ndim; d++) back[r->rows.order[d]] = d;
  NEAP_TRY(neap_tensor_permute(&turned, flat, back));
  neap_status st = neap_tensor_as(out, &turned, dtype == NEAP_F32 ? NEAP_F32 : NEAP_F64);
  neap_tensor_drop(&turned);
  return st;
}

neap_status neap_tensor_rolling(neap_tensor *out, neap_rolling op, const neap_tensor *t, int dim,
                                const neap_rolling_options *o) {
  rolling r = {.op = op, .o = *o};
  neap_tensor wide = {0}, flat = {0};
  memset(out, 0, sizeof *out);
  if (o->n < 1)
    return neap_fail(NEAP_EARG, "rolling: a window of %lld; 1 is the least", (long long)o->n);
  if (o->min_count < 0 || o->min_count > o->n)
    return neap_fail(NEAP_EARG, "rolling: min_count is %lld, the window %lld",
                     (long long)o->min_count, (long long)o->n);
  if (op == NEAP_ROLLING_QUANTILE && !(o->parameter >= 0 && o->parameter <= 1))
    return neap_fail(NEAP_EARG, "rolling_quantile: q is %g, outside 0 to 1", o->parameter);
  NEAP_TRY(neap_tensor_as(&wide, t, NEAP_F64));
  neap_status st = neap__rows_init(&r.rows, "rolling", &wide, 1u << dim);
  if (!st) st = neap_tensor_init_raw(&flat, NEAP_F64, r.rows.t.ndim, r.rows.t.size);
  if (!st) {
    r.out = neap_tensor_data(&flat);
    st = run(&r);
  }
  if (!st) st = in_order(out, &r, &flat, t->dtype);
  neap_tensor_drop(&flat);
  neap_tensor_drop(&r.rows.t);
  neap_tensor_drop(&wide);
  return st;
}
