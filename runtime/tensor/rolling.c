/* Rolling windows: which of the ways of computing them, cut into pieces for the pool.
 *
 * Windows of one width, up to WIDE places, of sums and moments go through the kernel in tiles, and
 * depend on nothing but their places, where a series is long enough to fill one. The rest is done
 * in stretches that begin at fixed places of a series, as long as its longest window or longer. */
#include "tensor/rolling.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tensor/rows.h"
#include "tensor/walk.h"

enum { WIDE = 4096, TILE = 512 };

/* Places from .. to - 1 of one series, or (to = 0) several whole ones. */
typedef struct {
  int64_t series, end, from, to;
} piece;

typedef struct {
  neap__rolling r;
  const neap_kern *kern;
  neap_rolling_options tile; /* n = width of the windows; 0: not by tiles */
  piece *piece;
  int64_t count, room;
} rolling;

/* tiles ---------------------------------------------------------------------------------------- */

static bool has_kernel(neap_rolling op) { return op <= NEAP_ROLLING_KURT; }

/* Results of a tile: it reads width - 1 places more, all of them from the nearest caches. */
static int64_t tile_of(int64_t width) { return 3 * width < TILE ? TILE : 3 * width; }

/* The inputs of a tile, from place start on; those before the series are NaN. */
static const double *inputs(const double *x, const neap__stretch *s, int64_t start, int64_t n,
                            double *space) {
  if (start >= s->first) return x + start;
  int64_t missing = s->first - start < n ? s->first - start : n;
  for (int64_t j = 0; j < missing; j++) space[j] = NAN;
  memcpy(space + missing, x + s->first, (size_t)(n - missing) * sizeof *x);
  return space;
}

static neap_status roll_tiles(const rolling *q, const neap__stretch *s, double *space) {
  const neap__rolling *r = &q->r;
  int64_t width = q->tile.n, tile = tile_of(width);
  for (int64_t i = s->from; i < s->to; i += tile) {
    int64_t n = s->to - i < tile ? s->to - i : tile, places = n + width - 1;
    int64_t start = i - r->w->skip - (width - 1);
    NEAP_TRY(neap_interrupt_check());
    const double *x = inputs(r->x, s, start, places, space);
    const double *u = r->u ? inputs(r->u, s, start, places, space + places) : NULL;
    q->kern->rolling(r->op, n, r->y + i, x, u, &q->tile, space + 2 * places);
  }
  return NEAP_OK;
}

static int64_t tile_space(int64_t width, int64_t length) {
  int64_t tile = tile_of(width);
  return (NEAP_ROLLING_SPACE + 2) * ((tile < length ? tile : length) + width);
}

/* pieces --------------------------------------------------------------------------------------- */

static neap_status add_piece(rolling *q, piece p) {
  if (q->count == q->room) {
    int64_t room = q->room ? 2 * q->room : 16;
    piece *more = neap_realloc_array(q->piece, room, sizeof *more);
    if (!more) return NEAP_ENOMEM;
    q->piece = more;
    q->room = room;
  }
  q->piece[q->count++] = p;
  return NEAP_OK;
}

static neap__stretch series(const rolling *q, int64_t k) {
  const neap_windows *w = q->r.w;
  int64_t first = w->offset ? w->offset[k] : k * w->length;
  int64_t last = w->offset ? w->offset[k + 1] : first + w->length;
  return (neap__stretch){first, last, first, last};
}

/* How many places a stretch of a series needs, so that the work of starting it does not count. */
static int64_t step_of(const rolling *q, const neap__stretch *s) {
  int64_t longest = 0;
  if (q->tile.n) return NEAP__GRAIN;
  if (!q->r.w->begin) longest = q->r.w->before + 1;
  else
    for (int64_t i = s->first; i < s->last; i++) {
      int64_t length = neap__high(&q->r, s, i) - neap__low(&q->r, s, i);
      longest = length > longest ? length : longest;
    }
  return longest > NEAP__GRAIN ? longest : NEAP__GRAIN;
}

static neap_status cut_series(rolling *q, int64_t k, const neap__stretch *s) {
  int64_t step = step_of(q, s);
  for (int64_t from = s->first; from < s->last; from += step) {
    NEAP_TRY(neap_interrupt_check());
    NEAP_TRY(add_piece(q, (piece){k, k + 1, from, s->last - from > step ? from + step : s->last}));
    if (s->last - from <= step) break;
  }
  return NEAP_OK;
}

/* Short series are put together until they are a grain, long ones are cut. */
static neap_status cut(rolling *q) {
  int64_t open = 0, begun = 0;
  for (int64_t k = 0; k < q->r.w->series; k++) {
    neap__stretch s = series(q, k);
    bool is_long = s.last - s.first > NEAP__GRAIN;
    if (open && (is_long || open + s.last - s.first > NEAP__GRAIN)) {
      NEAP_TRY(add_piece(q, (piece){begun, k, 0, 0}));
      open = 0;
    }
    if (is_long) NEAP_TRY(cut_series(q, k, &s));
    else {
      if (!open) begun = k;
      open += s.last - s.first;
    }
  }
  return open ? add_piece(q, (piece){begun, q->r.w->series, 0, 0}) : NEAP_OK;
}

static neap_status roll_stretch(const rolling *q, const neap__stretch *s, double *space) {
  if (s->from == s->to) return NEAP_OK;
  if (q->tile.n && s->last - s->first >= q->tile.n) return roll_tiles(q, s, space);
  if (q->r.op < NEAP_ROLLING_QUANTILE) return neap__roll_parts(&q->r, s);
  return neap__roll_order(&q->r, s);
}

static neap_status run_pieces(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const rolling *q = ctx;
  double *space =
      neap_alloc_array(q->tile.n ? tile_space(q->tile.n, NEAP__GRAIN) : 0, sizeof *space);
  neap_status st = space ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t p = begin; p < end; p++) {
    const piece *at = &q->piece[p];
    for (int64_t k = at->series; !st && k < at->end; k++) {
      neap__stretch s = series(q, k);
      if (at->to) s.from = at->from, s.to = at->to;
      st = roll_stretch(q, &s, space);
    }
  }
  neap_free(space);
  return st;
}

neap_status neap_windows_roll(double *y, neap_rolling op, const double *x, const double *u,
                              const neap_windows *w, const neap_rolling_options *o) {
  neap_rolling_options own = *o;
  if (op == NEAP_ROLLING_MEDIAN) own.parameter = 0.5;
  rolling q = {.r = {op, x, u, y, w, &own}};
  int64_t width = w->begin ? 0 : w->before - w->skip + 1;
  if (!w->begin && has_kernel(op) && width > 0 && width <= WIDE) {
    NEAP_TRY(neap_kern_select(&q.kern));
    q.tile = *o;
    q.tile.n = width;
  }
  neap_status st = cut(&q);
  if (!st) st = neap_parallel_for(q.count, 1, run_pieces, &q);
  neap_free(q.piece);
  return st;
}

/* tensors -------------------------------------------------------------------------------------- */

/* Results, in the order of the rows, as t is laid out and typed. */
static neap_status in_order(neap_tensor *out, const neap__rows *rows, neap_tensor *flat,
                            neap_dtype dtype) {
  neap_tensor turned;
  int back[NEAP_MAX_DIMS];
  for (int d = 0; d < flat->ndim; d++) back[rows->order[d]] = d;
  NEAP_TRY(neap_tensor_permute(&turned, flat, back));
  neap_status st = neap_tensor_as(out, &turned, dtype == NEAP_F32 ? NEAP_F32 : NEAP_F64);
  neap_tensor_drop(&turned);
  return st;
}

static neap_status make_rows(neap__rows *rows, const neap_tensor *t, int dim) {
  neap_tensor wide;
  NEAP_TRY(neap_tensor_as(&wide, t, NEAP_F64));
  neap_status st = neap__rows_init(rows, "rolling", &wide, 1u << dim);
  neap_tensor_drop(&wide);
  return st;
}

static neap_status check(neap_rolling op, const neap_tensor *t, const neap_tensor *u,
                         const neap_rolling_options *o) {
  if (o->n < 1)
    return neap_fail(NEAP_EARG, "rolling: a window of %lld; 1 is the least", (long long)o->n);
  if (o->min_count < 0 || o->min_count > o->n)
    return neap_fail(NEAP_EARG, "rolling: min_count is %lld, the window %lld",
                     (long long)o->min_count, (long long)o->n);
  if (op == NEAP_ROLLING_QUANTILE && !(o->parameter >= 0 && o->parameter <= 1))
    return neap_fail(NEAP_EARG, "rolling_quantile: q is %g, outside 0 to 1", o->parameter);
  if (!u == (op == NEAP_ROLLING_COV || op == NEAP_ROLLING_CORR))
    return neap_fail(NEAP_EARG, "rolling_%s: one tensor beside self is for cov and corr",
                     neap_rolling_names[op]);
  return u && !neap_tensor_same_shape(t, u)
             ? neap__mismatch(neap_rolling_names[op], t, u, "windows hold the same places of both")
             : NEAP_OK;
}

neap_status neap_tensor_rolling(neap_tensor *out, neap_rolling op, const neap_tensor *t,
                                const neap_tensor *u, int dim, const neap_rolling_options *o) {
  neap__rows rows = {0}, other = {0};
  neap_tensor flat = {0};
  memset(out, 0, sizeof *out);
  NEAP_TRY(check(op, t, u, o));
  neap_status st = make_rows(&rows, t, dim);
  if (!st && u) st = make_rows(&other, u, dim);
  if (!st) st = neap_tensor_init_raw(&flat, NEAP_F64, rows.t.ndim, rows.t.size);
  if (!st && rows.m > 0) {
    neap_windows w = {.series = rows.rows, .length = rows.m, .before = o->n - 1};
    st = neap_windows_roll(neap_tensor_data(&flat), op, neap_tensor_data(&rows.t),
                           u ? neap_tensor_data(&other.t) : NULL, &w, o);
  }
  neap_dtype dtype = u ? neap_dtype_promote(t->dtype, u->dtype) : t->dtype;
  if (!st) st = in_order(out, &rows, &flat, dtype);
  neap_tensor_drop(&flat);
  neap_tensor_drop(&rows.t);
  neap_tensor_drop(&other.t);
  return st;
}
