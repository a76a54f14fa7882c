#include "tensor/fft.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tensor/walk.h"

enum { LANES = NEAP_FFT_LANES, SHORT = 64, WHOLE = 1 << 14, PASSES = 64 };

/* Passes of transforms of n points. */
typedef struct {
  int64_t n;
  int passes, radix[PASSES];
  double *w; /* of all passes but the last, which needs none */
} ladder;

typedef enum { SIDE_BY_SIDE, AS_WHOLE, IN_BLOCKS, BY_CONVOLUTION } way;

struct neap__fft {
  int64_t n;
  way way;
  const neap_kern *k;
  ladder first, second; /* n = first.n second.n */
  double *grid;         /* AS_WHOLE: exp(-2 pi i k1 j2/n) at [k1 second.n + j2], in parts */
  neap__half_turns half;
  neap__fft *inner; /* BY_CONVOLUTION: of inner->n >= 2 n - 1 points */
  double *chirp;    /* exp(-pi i j^2/n), pairs */
  double *filter;   /* the transform of its conjugate over inner->n, pairs */
};

/* roots of unity ------------------------------------------------------------------------------- */

/* cos and sin of an angle high + low of 0 to pi/4, by their series. */
static void cos_sin(double high, double low, double *c, double *s) {
  double z = high * high, half = 0.5 * z, one = 1 - half;
  double even = 1.0 / 20922789888000, odd = 1.0 / 355687428096000;
  even = even * z - 1.0 / 87178291200;
  even = even * z + 1.0 / 479001600;
  even = even * z - 1.0 / 3628800;
  even = even * z + 1.0 / 40320;
  even = even * z - 1.0 / 720;
  even = even * z + 1.0 / 24;
  odd = odd * z - 1.0 / 1307674368000;
  odd = odd * z + 1.0 / 6227020800;
  odd = odd * z - 1.0 / 39916800;
  odd = odd * z + 1.0 / 362880;
  odd = odd * z - 1.0 / 5040;
  odd = odd * z + 1.0 / 120;
  odd = odd * z - 1.0 / 6;
  *c = one + (((1 - one) - half) + (z * z * even - high * low));
  *s = high + (low * one + high * z * odd);
}

/* unit is pi/4n */
static void root_of(double *root, int64_t k, int64_t n, long double unit) {
  int64_t octant = 8 * k / n, rest = 8 * k - octant * n;
  if (octant & 1) rest = n - rest;
  long double angle = (long double)rest * unit;
  double high = (double)angle, c, s;
  cos_sin(high, (double)(angle - (long double)high), &c, &s);
  bool across = (octant + 1) & 2;
  root[0] = across ? s : c;
  root[1] = across ? -c : -s;
  if (octant >= 2 && octant < 6) root[0] = -root[0];
  if (octant >= 4) root[1] = -root[1];
}

static long double eighth_over(int64_t n) {
  return 0.785398163397448309615660845819876L / (long double)n;
}

void neap__root(double *root, int64_t k, int64_t n) { root_of(root, k, n, eighth_over(n)); }

/* All n roots, as pairs; computed where no symmetry gives them. */
static double *all_roots(int64_t n) {
  double *w = neap_alloc_array(n, 2 * sizeof *w);
  if (!w) return NULL;
  long double unit = eighth_over(n);
  int64_t own = n % 8 == 0 ? n / 8 : n % 4 == 0 ? n / 4 : n / 2;
  for (int64_t k = 0; k <= own && k < n; k++) root_of(w + 2 * k, k, n, unit);
  for (int64_t k = own + 1; n % 8 == 0 && k <= n / 4; k++) {
    w[2 * k] = -w[2 * (n / 4 - k) + 1];
    w[2 * k + 1] = -w[2 * (n / 4 - k)];
  }
  for (int64_t k = n / 4 + 1; n % 4 == 0 && k <= n / 2; k++) {
    w[2 * k] = -w[2 * (n / 2 - k)];
    w[2 * k + 1] = w[2 * (n / 2 - k) + 1];
  }
  for (int64_t k = n / 2 + 1; k < n; k++) {
    w[2 * k] = w[2 * (n - k)];
    w[2 * k + 1] = -w[2 * (n - k) + 1];
  }
  return w;
}

/* passes --------------------------------------------------------------------------------------- */

static const int radices[] = {8, 4, 2, 3, 5, 7, 11, 13};
enum { RADICES = sizeof radices / sizeof *radices };

/* n without the factors of our passes. */
static int64_t left_over(int64_t n) {
  for (int i = 2; i < RADICES; i++)
    while (n % radices[i] == 0) n /= radices[i];
  return n;
}

static void choose_radices(ladder *l) {
  int64_t n = l->n;
  for (int i = 0; i < RADICES; i++)
    for (; n % radices[i] == 0; n /= radices[i]) {
      if (radices[i] == 8 && n == 16) break; /* 4 4 is better than 8 2 */
      l->radix[l->passes++] = radices[i];
    }
}

/* roots: all of l->n stride, so that every stride-th is one of l->n. */
static neap_status ladder_init(ladder *l, int64_t n, const double *roots, int64_t stride) {
  l->n = n;
  choose_radices(l);
  int64_t length = n, count = 1, at = 0;
  for (int i = 0; i < l->passes; length /= l->radix[i++]) count += length;
  l->w = neap_alloc_array(count, 2 * sizeof *l->w);
  if (!l->w) return NEAP_ENOMEM;
  length = n;
  for (int i = 0; i + 1 < l->passes; length /= l->radix[i++])
    for (int64_t p = 0; p < length / l->radix[i]; p++)
      for (int64_t k = 1; k < l->radix[i]; k++, at += 2)
        memcpy(l->w + at, roots + 2 * p * k * (n / length) * stride, 2 * sizeof *l->w);
  return NEAP_OK;
}

/* Real and imaginary parts of s sequences side by side. */
typedef struct {
  double *re, *im;
} parts;

/* All passes over what is in a; b is room for as much. Returns the one that holds the result. */
static parts climb(const neap__fft *f, const ladder *l, int64_t s, parts a, parts b) {
  int64_t length = l->n;
  const double *w = l->w;
  for (int i = 0; i < l->passes; i++) {
    int64_t r = l->radix[i], m = length / r;
    f->k->fft->pass[r](m, s, b.re, b.im, a.re, a.im, w);
    parts other = a;
    a = b, b = other;
    w += 2 * (r - 1) * m;
    s *= r;
    length = m;
  }
  return a;
}

/* up to 64 points ------------------------------------------------------------------------------ */

typedef struct {
  const neap__fft *f;
  const neap__fft_rows *r;
  parts middle; /* IN_BLOCKS: [k1 / LANES][j2][k1 % LANES] */
} running;

static void read_rows(const running *run, int64_t rows, int64_t n, parts to, int64_t ts,
                      const double *x, int64_t xs) {
  bool turned = run->r->inverse; /* re and im change places, and in the result back */
  run->f->k->fft->part(rows, n, turned ? to.im : to.re, turned ? to.re : to.im, ts, x, xs);
}

static void write_rows(const running *run, int64_t rows, int64_t n, double *z, int64_t zs,
                       parts from, int64_t fs) {
  bool turned = run->r->inverse;
  run->f->k->fft->join(rows, n, z, zs, turned ? from.im : from.re, turned ? from.re : from.im, fs,
                       run->r->scale);
}

/* to[columns][rows] = from[rows][columns] */
static void turn(const neap__fft *f, int64_t rows, int64_t columns, parts to, int64_t ts,
                 parts from, int64_t fs) {
  f->k->transpose[NEAP_F64](columns, rows, to.re, ts, from.re, fs);
  f->k->transpose[NEAP_F64](columns, rows, to.im, ts, from.im, fs);
}

static neap_status side_by_side(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const running *run = ctx;
  const neap__fft_rows *r = run->r;
  int64_t n = run->f->n;
  double room[4][SHORT * LANES];
  memset(room[0], 0, (size_t)(n * LANES) * sizeof(double)); /* lanes that nobody fills */
  memset(room[1], 0, (size_t)(n * LANES) * sizeof(double));
  for (int64_t row = begin; row < end; row += LANES) {
    parts a = {room[0], room[1]}, b = {room[2], room[3]};
    int64_t rows = end - row < LANES ? end - row : LANES;
    read_rows(run, rows, n, b, n, r->x + row * r->xs, r->xs);
    turn(run->f, rows, n, a, LANES, b, n);
    a = climb(run->f, &run->f->first, LANES, a, b);
    b = a.re == room[0] ? (parts){room[2], room[3]} : (parts){room[0], room[1]};
    turn(run->f, n, rows, b, n, a, LANES);
    write_rows(run, rows, n, r->z + row * r->zs, r->zs, b, n);
  }
  return NEAP_OK;
}

/* as a whole ----------------------------------------------------------------------------------- */

static neap_status as_whole(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const running *run = ctx;
  const neap__fft *f = run->f;
  const neap__fft_rows *r = run->r;
  int64_t n = f->n, n1 = f->first.n, n2 = f->second.n;
  double *room = neap_alloc_array(4 * n, sizeof *room);
  if (!room) return NEAP_ENOMEM;
  for (int64_t row = begin; row < end; row++) {
    parts a = {room, room + n}, b = {room + 2 * n, room + 3 * n};
    read_rows(run, 1, n, a, n, r->x + row * r->xs, 0);
    parts y = climb(f, &f->first, n2, a, b), z = y.re == a.re ? b : a;
    f->k->fft->times(n, y.re, y.im, f->grid, f->grid + n);
    turn(f, n1, n2, z, n1, y, n2);
    y = climb(f, &f->second, n1, z, y);
    write_rows(run, 1, n, r->z + row * r->zs, 0, y, n);
  }
  neap_free(room);
  return NEAP_OK;
}

/* in blocks ------------------------------------------------------------------------------------ */

/* Eight lanes from place j on: times exp(-2 pi i k j/n) for k < n1. With k = h L + l that is the
 * product of two roots, h of one kind and l of the other. */
static neap_status twist(const neap__fft *f, int64_t j, parts y) {
  int64_t n1 = f->first.n, length = 1;
  long double unit = eighth_over(f->n);
  while (length * length < n1) length *= 2;
  int64_t coarse = (n1 + length - 1) / length, count = (length + coarse) * LANES;
  double *w = neap_alloc_array(count + LANES, 2 * sizeof *w);
  if (!w) return NEAP_ENOMEM;
  double *im = w + count, *c = im + count;
  for (int64_t i = 0; i < length + coarse; i++)
    for (int64_t q = 0; q < LANES; q++) {
      int64_t k = i < length ? i : (i - length) * length;
      root_of(c, (j + q) % f->second.n * k, f->n, unit);
      w[i * LANES + q] = c[0], im[i * LANES + q] = c[1];
    }
  for (int64_t h = 0; h < coarse; h++) {
    int64_t from = h * length, rows = n1 - from < length ? n1 - from : length;
    const double *br = w + (length + h) * LANES, *bi = im + (length + h) * LANES;
    f->k->fft->twist(rows, y.re + from * LANES, y.im + from * LANES, w, im, br, bi);
  }
  neap_free(w);
  return NEAP_OK;
}

/* Columns begin to end, eight at once: transformed, turned, and put where rows are found. */
static neap_status first_blocks(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const running *run = ctx;
  const neap__fft *f = run->f;
  int64_t n1 = f->first.n, n2 = f->second.n, part = n1 * LANES;
  double *room = neap_alloc_array(4 * part, sizeof *room);
  if (!room) return NEAP_ENOMEM;
  neap_status st = NEAP_OK;
  for (int64_t j = begin; !st && j < end; j += LANES) {
    parts a = {room, room + part}, b = {room + 2 * part, room + 3 * part};
    int64_t columns = end - j < LANES ? end - j : LANES;
    if (columns < LANES) memset(room, 0, (size_t)(2 * part) * sizeof *room);
    read_rows(run, n1, columns, a, LANES, run->r->x + 2 * j, 2 * n2);
    a = climb(f, &f->first, LANES, a, b);
    st = twist(f, j, a);
    for (int64_t k = 0; !st && k < n1; k += LANES) {
      int64_t to = k * n2 + j * LANES, rows = n1 - k < LANES ? n1 - k : LANES;
      parts z = {run->middle.re + to, run->middle.im + to};
      parts y = {a.re + k * LANES, a.im + k * LANES};
      turn(f, rows, columns, z, LANES, y, LANES);
    }
  }
  neap_free(room);
  return st;
}

/* Rows begin to end of the middle, eight at once, into their columns of the result. */
static neap_status second_blocks(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const running *run = ctx;
  const neap__fft *f = run->f;
  int64_t n1 = f->first.n, n2 = f->second.n, part = n2 * LANES;
  double *room = neap_alloc_array(2 * part, sizeof *room);
  if (!room) return NEAP_ENOMEM;
  for (int64_t k = begin; k < end; k += LANES) {
    parts a = {run->middle.re + k * n2, run->middle.im + k * n2}, b = {room, room + part};
    a = climb(f, &f->second, LANES, a, b);
    int64_t rows = n1 - k < LANES ? n1 - k : LANES;
    write_rows(run, n2, rows, run->r->z + 2 * k, 2 * n1, a, LANES);
  }
  neap_free(room);
  return NEAP_OK;
}

static neap_status in_blocks(running *run) {
  int64_t n1 = run->f->first.n, n2 = run->f->second.n, groups = (n1 + LANES - 1) / LANES;
  int64_t count = groups * LANES * n2, last = (groups - 1) * LANES * n2;
  double *room = neap_alloc_array(count, 2 * sizeof *room);
  if (!room) return NEAP_ENOMEM;
  run->middle = (parts){room, room + count};
  if (n1 % LANES) { /* lanes that nobody fills */
    memset(run->middle.re + last, 0, (size_t)(LANES * n2) * sizeof *room);
    memset(run->middle.im + last, 0, (size_t)(LANES * n2) * sizeof *room);
  }
  neap_status st = neap_parallel_for(n2, 4 * LANES, first_blocks, run);
  if (!st) st = neap_parallel_for(n1, 4 * LANES, second_blocks, run);
  neap_free(room);
  return st;
}

/* by convolution ------------------------------------------------------------------------------- */

/* jk = (j^2 + k^2 - (k-j)^2) / 2 makes the sum a convolution with the chirp's conjugate, between
 * two products with the chirp. */
static void pairs_times(int64_t n, double *z, const double *x, const double *w, bool conjugate) {
  double sign = conjugate ? -1 : 1;
  for (int64_t i = 0; i < n; i++) {
    double xr = x[2 * i], xi = sign * x[2 * i + 1];
    double re = xr * w[2 * i] - xi * w[2 * i + 1], im = xr * w[2 * i + 1] + xi * w[2 * i];
    z[2 * i] = re;
    z[2 * i + 1] = im;
  }
}

static neap_status convolve(const running *run, double *room, const double *x, double *z) {
  const neap__fft *f = run->f;
  int64_t n = f->n, m = f->inner->n;
  neap__fft_rows there = {.rows = 1, .z = room, .x = room, .scale = 1}, back = there;
  back.inverse = true;
  pairs_times(n, room, x, f->chirp, run->r->inverse);
  memset(room + 2 * n, 0, (size_t)(m - n) * 2 * sizeof *room);
  NEAP_TRY(neap__fft_run(f->inner, &there));
  pairs_times(m, room, room, f->filter, false);
  NEAP_TRY(neap__fft_run(f->inner, &back));
  pairs_times(n, room, room, f->chirp, false);
  double re = run->r->scale, im = run->r->inverse ? -re : re;
  for (int64_t i = 0; i < n; i++) {
    z[2 * i] = room[2 * i] * re;
    z[2 * i + 1] = room[2 * i + 1] * im;
  }
  return NEAP_OK;
}

static neap_status by_convolution(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const running *run = ctx;
  const neap__fft_rows *r = run->r;
  double *room = neap_alloc_array(run->f->inner->n, 2 * sizeof *room);
  if (!room) return NEAP_ENOMEM;
  neap_status st = NEAP_OK;
  for (int64_t row = begin; !st && row < end; row++)
    st = convolve(run, room, r->x + row * r->xs, r->z + row * r->zs);
  neap_free(room);
  return st;
}

/* plans ---------------------------------------------------------------------------------------- */

/* n = n1 n2 with n1 the largest factor up to the root of n. */
static neap_status plan_split(neap__fft *f) {
  int64_t n1 = (int64_t)sqrt((double)f->n), n = f->n;
  while (n1 > 1 && n % n1) n1--;
  int64_t n2 = n / n1;
  bool whole = n <= WHOLE;
  f->way = whole ? AS_WHOLE : IN_BLOCKS;
  double *roots = all_roots(whole ? n : n1), *more = whole ? NULL : all_roots(n2);
  neap_status st = roots && (whole || more) ? NEAP_OK : NEAP_ENOMEM;
  if (!st) st = ladder_init(&f->first, n1, roots, whole ? n2 : 1);
  if (!st) st = ladder_init(&f->second, n2, whole ? roots : more, whole ? n1 : 1);
  if (!st && whole && !(f->grid = neap_alloc_array(n, 2 * sizeof *f->grid))) st = NEAP_ENOMEM;
  for (int64_t k = 0; !st && whole && k < n1; k++)
    for (int64_t j = 0; j < n2; j++) {
      f->grid[k * n2 + j] = roots[2 * k * j];
      f->grid[n + k * n2 + j] = roots[2 * k * j + 1];
    }
  neap_free(roots);
  neap_free(more);
  return st;
}

/* The best of the lengths 2^a 3^b 5^c from least on. */
static int64_t good_length(int64_t least) {
  int64_t best = INT64_MAX;
  for (int64_t five = 1; five <= 625; five *= 5)
    for (int64_t three = five; three <= 81 * five; three *= 3) {
      int64_t n = three * 8;
      while (n < least) n *= 2;
      if (n < best) best = n;
    }
  return best;
}

/* j runs over the chirp in chunks: exp(-2 pi i (j^2 mod 2n) / (2n)). */
static neap_status make_chirp(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  neap__fft *f = ctx;
  int64_t n2 = 2 * f->n;
  long double unit = eighth_over(n2);
  int64_t square = (int64_t)((__extension__(unsigned __int128) begin * (uint64_t)begin) %
                             (__extension__(unsigned __int128) n2));
  for (int64_t j = begin; j < end; j++) {
    root_of(f->chirp + 2 * j, square, n2, unit);
    square = (square + 2 * j + 1) % n2;
  }
  return NEAP_OK;
}

static neap_status make(neap__fft **out, int64_t n);

static neap_status plan_convolution(neap__fft *f) {
  int64_t n = f->n, m = good_length(2 * n - 1);
  f->way = BY_CONVOLUTION;
  NEAP_TRY(make(&f->inner, m));
  f->chirp = neap_alloc_array(n, 2 * sizeof *f->chirp);
  f->filter = f->chirp ? neap_calloc_array(m, 2 * sizeof *f->filter) : NULL;
  if (!f->filter) return NEAP_ENOMEM;
  NEAP_TRY(neap_parallel_for(n, NEAP__GRAIN, make_chirp, f));
  for (int64_t j = 0; j < n; j++)
    for (int side = 0; side < 1 + (j > 0); side++) {
      double *to = f->filter + 2 * (side ? m - j : j);
      to[0] = f->chirp[2 * j];
      to[1] = -f->chirp[2 * j + 1];
    }
  neap__fft_rows r = {.rows = 1, .z = f->filter, .x = f->filter, .scale = 1 / (double)m};
  return neap__fft_run(f->inner, &r);
}

static neap_status plan_short(neap__fft *f) {
  double *roots = all_roots(f->n);
  neap_status st = roots ? ladder_init(&f->first, f->n, roots, 1) : NEAP_ENOMEM;
  f->way = SIDE_BY_SIDE;
  neap_free(roots);
  return st;
}

static neap_status half_turns_init(neap__half_turns *h, int64_t n) {
  int64_t length = 16;
  while (length * length < n / 2) length *= 2;
  int64_t count = n / 2 / length + 1;
  h->length = length;
  h->fine = neap_alloc_array(length + count, 2 * sizeof *h->fine);
  if (!h->fine) return NEAP_ENOMEM;
  h->coarse = h->fine + 2 * length;
  for (int64_t k = 0; k < length; k++) neap__root(h->fine + 2 * k, k % (2 * n), 2 * n);
  for (int64_t k = 0; k < count; k++) neap__root(h->coarse + 2 * k, k * length, 2 * n);
  return NEAP_OK;
}

static void drop(neap__fft *f) {
  if (!f) return;
  drop(f->inner);
  neap_free(f->first.w);
  neap_free(f->second.w);
  neap_free(f->half.fine);
  neap_free(f->grid);
  neap_free(f->chirp);
  neap_free(f->filter);
  neap_free(f);
}

static neap_status make(neap__fft **out, int64_t n) {
  *out = NULL;
  if (n > (int64_t)1 << 48)
    return neap_fail(NEAP_ESHAPE, "fft: %lld points, 2^48 at most", (long long)n);
  neap__fft *f = neap_calloc_array(1, sizeof *f);
  if (!f) return NEAP_ENOMEM;
  f->n = n;
  neap_status st = neap_kern_select(&f->k);
  if (!st) st = half_turns_init(&f->half, n);
  if (!st && left_over(n) > 1) st = plan_convolution(f);
  else if (!st) st = n <= SHORT ? plan_short(f) : plan_split(f);
  if (st) drop(f);
  else *out = f;
  return st;
}

/* Owned by nobody, so that two threads never share it. */
static _Atomic(neap__fft *) kept;

neap_status neap__fft_take(neap__fft **out, int64_t n) {
  neap__fft *f = atomic_exchange(&kept, NULL);
  if (f && f->n == n) {
    *out = f;
    return NEAP_OK;
  }
  drop(f);
  return make(out, n);
}

void neap__fft_give(neap__fft *f) {
  if (f && f->n <= WHOLE) f = atomic_exchange(&kept, f);
  drop(f);
}

const neap__half_turns *neap__fft_half_turns(const neap__fft *f) { return &f->half; }

/* Rows side by side on the pool, but long ones after each other, with the pool inside. */
neap_status neap__fft_run(const neap__fft *f, const neap__fft_rows *r) {
  running run = {f, r, {NULL, NULL}};
  int64_t grain = NEAP__GRAIN / f->n;
  grain = grain < 1 ? 1 : (grain + LANES - 1) / LANES * LANES;
  if (f->way == SIDE_BY_SIDE) return neap_parallel_for(r->rows, grain, side_by_side, &run);
  if (f->way == AS_WHOLE) return neap_parallel_for(r->rows, grain, as_whole, &run);
  if (f->way == BY_CONVOLUTION && f->inner->way != IN_BLOCKS)
    return neap_parallel_for(r->rows, grain, by_convolution, &run);
  if (f->way == BY_CONVOLUTION) return by_convolution(&run, 0, 0, r->rows);
  neap_status st = NEAP_OK;
  for (int64_t row = 0; !st && row < r->rows; row++) {
    neap__fft_rows one = *r;
    one.x += row * r->xs;
    one.z += row * r->zs;
    run.r = &one;
    st = in_blocks(&run);
  }
  return st;
}
