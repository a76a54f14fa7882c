/* Bars as they come from files: what is wrong with them, which rows to keep, how to repair. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/interrupt.h"
#include "frame/frame.h"

static const int64_t hour = NEAP_DAY / 24, longest_pause = 5 * NEAP_DAY;

/* times in order ------------------------------------------------------------------------------- */

typedef struct {
  int64_t time, row;
} stamp;

static int by_time(const void *a, const void *b) {
  const stamp *x = a, *y = b;
  if (x->time != y->time) return x->time < y->time ? -1 : 1;
  return (x->row > y->row) - (x->row < y->row);
}

/* Sort by time; rows of one time stay in the order of the file. */
static void sort_stamps(stamp *s, int64_t n) {
  for (int64_t i = 1; i < n; i++)
    if (s[i].time < s[i - 1].time) {
      qsort(s, (size_t)n, sizeof *s, by_time);
      return;
    }
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
static int64_t day_of(int64_t time) { return floor_div(time, NEAP_DAY); }

/* 1970-01-01 was a Thursday. */
static bool is_saturday(int64_t day) { return ((day + 5) % 7 + 7) % 7 == 0; }

/* faults --------------------------------------------------------------------------------------- */

static bool is_price(double v) { return isfinite(v) && v > 0; }

/* Bit set of the faults of row i by itself. */
static unsigned faults_of(const neap_bars *b, int64_t i) {
  double o = b->open[i], h = b->high[i], l = b->low[i], c = b->close[i];
  unsigned bits = b->time[i] == NEAP_NAT ? 1u << NEAP_BAR_NO_TIME : 0;
  if (!isfinite(o) || !isfinite(h) || !isfinite(l) || !isfinite(c)) bits |= 1u << NEAP_BAR_NAN;
  if (o <= 0 || h <= 0 || l <= 0 || c <= 0) bits |= 1u << NEAP_BAR_NOT_POSITIVE;
  if (h < l || h < o || h < c || l > o || l > c) bits |= 1u << NEAP_BAR_CONTRADICTION;
  return bits;
}

static void count_fault(neap_bar_report *r, neap_bar_fault fault, int64_t row) {
  if (r->count[fault]++ == 0 || row < r->first_row[fault]) r->first_row[fault] = row;
}

/* Faults row by row; fills s with the stamps of rows that have a time, and returns their number. */
static int64_t scan_rows(neap_bar_report *r, const neap_bars *b, stamp *s) {
  int64_t m = 0;
  for (int64_t i = 0; i < b->n; i++) {
    unsigned bits = faults_of(b, i);
    for (int fault = 0; fault <= NEAP_BAR_CONTRADICTION; fault++)
      if (bits >> fault & 1) count_fault(r, (neap_bar_fault)fault, i);
    if (b->volume && b->volume[i] == 0) r->zero_volume++;
    if (b->time[i] == NEAP_NAT) continue;
    if (m > 0 && b->time[i] < s[m - 1].time) count_fault(r, NEAP_BAR_DISORDER, i);
    s[m++] = (stamp){b->time[i], i};
  }
  return m;
}

static bool holds_price(int64_t n, const double *x) {
  for (int64_t i = 0; i < n; i++)
    if (is_price(x[i])) return true;
  return false;
}

/* 1 open, 2 high, 3 low, 4 close: the first without any price; 0 when there is none. */
static int column_without_price(const neap_bars *b) {
  const double *const columns[] = {b->open, b->high, b->low, b->close};
  for (int i = 0; i < 4; i++)
    if (!holds_price(b->n, columns[i])) return i + 1;
  return 0;
}

/* Drop repeated times from sorted stamps, counting them; returns how many are left. */
static int64_t unique_times(neap_bar_report *r, stamp *s, int64_t m) {
  int64_t kept = 0;
  for (int64_t i = 0; i < m; i++)
    if (kept > 0 && s[i].time == s[kept - 1].time) count_fault(r, NEAP_BAR_DUPLICATE, s[i].row);
    else s[kept++] = s[i];
  return kept;
}

/* cadence and gaps ----------------------------------------------------------------------------- */

static int rising(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The step that more than half of all are, hence the median; 0 when there is none. Boyer and Moore:
 * such a step is left over when unequal ones cancel in pairs. */
static int64_t majority(const int64_t *step, int64_t n) {
  int64_t candidate = 0, lead = 0, count = 0;
  for (int64_t i = 0; i < n; i++) {
    if (lead == 0) candidate = step[i];
    lead += step[i] == candidate ? 1 : -1;
  }
  for (int64_t i = 0; i < n; i++) count += step[i] == candidate;
  return 2 * count > n ? candidate : 0;
}

static neap_status find_cadence(neap_bar_report *r, const stamp *s, int64_t m) {
  if (m < 2) return NEAP_OK;
  int64_t n = m - 1, *step = neap_alloc_array(n, sizeof *step), equal = 0;
  if (!step) return NEAP_ENOMEM;
  for (int64_t i = 0; i < n; i++) step[i] = s[i + 1].time - s[i].time;
  r->cadence = majority(step, n);
  if (r->cadence == 0) {
    qsort(step, (size_t)n, sizeof *step, rising);
    r->cadence = step[n / 2];
  }
  for (int64_t i = 0; i < n; i++) equal += step[i] == r->cadence;
  r->regular = (double)equal / (double)n;
  neap_free(step);
  return NEAP_OK;
}

neap_status neap_bars_cadence(int64_t *out, int64_t n, const int64_t *time) {
  neap_bar_report r = {0};
  stamp *s = neap_alloc_array(n, sizeof *s);
  if (!s) return NEAP_ENOMEM;
  int64_t m = 0;
  for (int64_t i = 0; i < n; i++)
    if (time[i] != NEAP_NAT) s[m++] = (stamp){time[i], i};
  sort_stamps(s, m);
  neap_status st = find_cadence(&r, s, unique_times(&r, s, m));
  neap_free(s);
  *out = r.cadence;
  return st;
}

static bool is_gap(int64_t step, int64_t cadence) { return step > cadence + cadence / 2; }

/* A night, a weekend, a holiday: across midnight, or long for a pause within the day. */
static bool is_pause(int64_t from, int64_t to) {
  if (to - from > longest_pause) return false;
  return to - from >= 4 * hour || (to - from >= hour && day_of(from) != day_of(to));
}

/* Whether the market trades around the clock, every day of the week. */
static bool is_continuous(const stamp *s, int64_t m, int64_t cadence) {
  int64_t on_saturday = 0, nights = 0, pauses = 0;
  for (int64_t i = 0; i < m; i++) {
    on_saturday += is_saturday(day_of(s[i].time));
    if (i == 0 || day_of(s[i].time) == day_of(s[i - 1].time)) continue;
    nights += day_of(s[i].time) - day_of(s[i - 1].time);
    int64_t step = s[i].time - s[i - 1].time;
    pauses += is_gap(step, cadence) && is_pause(s[i - 1].time, s[i].time);
  }
  for (int64_t day = day_of(s[0].time) + 1; day < day_of(s[m - 1].time); day++)
    if (is_saturday(day)) return on_saturday * 20 > m;
  return 2 * pauses < nights || nights == 0;
}

/* Bars missing between two; of daily bars in a market with weekends only the weekdays count. */
static int64_t missing_between(const neap_bar_report *r, int64_t from, int64_t to) {
  int64_t missing = (to - from + r->cadence / 2) / r->cadence - 1;
  if (!r->continuous && r->cadence == NEAP_DAY) {
    missing = 0;
    for (int64_t day = day_of(from) + 1; day < day_of(to); day++)
      missing += !is_saturday(day) && !is_saturday(day - 1);
  }
  return missing > 1 ? missing : 1;
}

static void find_gaps(neap_bar_report *r, const stamp *s, int64_t m) {
  for (int64_t i = 0; i + 1 < m; i++) {
    int64_t from = s[i].time, to = s[i + 1].time;
    if (!is_gap(to - from, r->cadence)) continue;
    if (!r->continuous && is_pause(from, to)) {
      r->session_gaps++;
      continue;
    }
    int64_t missing = missing_between(r, from, to);
    r->gaps++;
    r->missing_bars += missing;
    if (to - from > longest_pause) {
      r->holes++;
      r->hole_time += to - from - r->cadence;
    }
    if (missing <= r->longest_gap) continue;
    r->longest_gap = missing;
    r->longest_gap_time = from;
  }
}

neap_status neap_bars_scan(neap_bar_report *out, const neap_bars *bars) {
  neap_bar_report r = {.rows = bars->n, .first_time = NEAP_NAT, .last_time = NEAP_NAT};
  r.longest_gap_time = NEAP_NAT;
  r.without_price = column_without_price(bars);
  for (int fault = 0; fault < NEAP_BAR_FAULTS; fault++) r.first_row[fault] = -1;
  stamp *s = neap_alloc_array(bars->n, sizeof *s);
  if (!s) return NEAP_ENOMEM;
  int64_t m = scan_rows(&r, bars, s);
  sort_stamps(s, m);
  m = unique_times(&r, s, m);
  neap_status st = neap_interrupt_check();
  if (!st) st = find_cadence(&r, s, m);
  if (!st && m > 0) {
    r.first_time = s[0].time;
    r.last_time = s[m - 1].time;
    r.continuous = is_continuous(s, m, r.cadence);
    if (m > 1) find_gaps(&r, s, m);
  }
  neap_free(s);
  if (!st) *out = r;
  return st;
}

/* order ---------------------------------------------------------------------------------------- */

neap_status neap_bars_order(neap_tensor *out, const neap_bars *bars, bool keep_broken,
                            int64_t first) {
  memset(out, 0, sizeof *out);
  stamp *s = neap_alloc_array(bars->n, sizeof *s);
  if (!s) return NEAP_ENOMEM;
  int64_t m = 0, kept = 0;
  for (int64_t i = 0; i < bars->n; i++) {
    unsigned bits = faults_of(bars, i);
    if (keep_broken ? bits & 1u << NEAP_BAR_NO_TIME : bits) continue;
    s[m++] = (stamp){bars->time[i], i};
  }
  sort_stamps(s, m);
  for (int64_t i = 0; i < m; i++) {
    bool same = kept > 0 && s[i].time == s[kept - 1].time;
    if (!same) s[kept++] = s[i];
    else if (!faults_of(bars, s[i].row) || faults_of(bars, s[kept - 1].row)) s[kept - 1] = s[i];
  }
  neap_status st = neap_tensor_init_1d(out, NEAP_I64, kept);
  if (!st) {
    int64_t *row = neap_tensor_data(out);
    for (int64_t i = 0; i < kept; i++) row[i] = s[i].row + first;
  }
  neap_free(s);
  return st;
}

/* repair --------------------------------------------------------------------------------------- */

typedef struct {
  const neap_bars *in;
  const neap_bar_report *report;
  int64_t max_gap;
  neap_bars out; /* arrays NULL while counting; out.n is the next row */
  int64_t repaired, inserted;
} repair;

static void emit(repair *f, int64_t time, const double price[4], double volume) {
  int64_t i = f->out.n++;
  if (!f->out.time) return;
  f->out.time[i] = time;
  f->out.open[i] = price[0];
  f->out.high[i] = price[1];
  f->out.low[i] = price[2];
  f->out.close[i] = price[3];
  if (f->out.volume) f->out.volume[i] = volume;
}

/* The prices of row i made consistent; previous is the close before, 0 for none. */
static bool repair_row(const neap_bars *b, int64_t i, double previous, double price[4]) {
  double o = b->open[i], h = b->high[i], l = b->low[i], c = b->close[i];
  if (!is_price(c)) c = previous;
  if (!is_price(o)) o = previous > 0 ? previous : c;
  h = is_price(h) ? fmax(h, fmax(o, c)) : fmax(o, c);
  l = is_price(l) ? fmin(l, fmin(o, c)) : fmin(o, c);
  price[0] = o;
  price[1] = h;
  price[2] = l;
  price[3] = c;
  return o != b->open[i] || h != b->high[i] || l != b->low[i] || c != b->close[i];
}

static void fill_gap(repair *f, int64_t from, int64_t to, double close) {
  const neap_bar_report *r = f->report;
  if (r->cadence <= 0 || r->regular < 0.5 || !is_gap(to - from, r->cadence)) return;
  if (!r->continuous && (is_pause(from, to) || to - from > longest_pause)) return;
  int64_t missing = missing_between(r, from, to);
  if (missing > f->max_gap) return;
  const double flat[4] = {close, close, close, close};
  for (int64_t k = 1; k <= missing && from + k * r->cadence < to; k++, f->inserted++)
    emit(f, from + k * r->cadence, flat, 0);
}

static void repair_rows(repair *f) {
  const neap_bars *b = f->in;
  f->out.n = f->repaired = f->inserted = 0;
  double previous = 0;
  int64_t before = 0;
  for (int64_t i = 0; i < b->n; i++) {
    double price[4];
    if (previous == 0 && !is_price(b->close[i])) continue;
    if (previous > 0) fill_gap(f, before, b->time[i], previous);
    f->repaired += repair_row(b, i, previous, price);
    emit(f, b->time[i], price, b->volume && !isnan(b->volume[i]) ? b->volume[i] : 0);
    previous = price[3];
    before = b->time[i];
  }
}

neap_status neap_bars_fill(neap_tensor out[6], const neap_bars *bars, const neap_bar_report *report,
                           int64_t max_gap, int64_t *repaired, int64_t *inserted) {
  memset(out, 0, 6 * sizeof *out);
  repair f = {.in = bars, .report = report, .max_gap = max_gap};
  repair_rows(&f);
  int64_t n = f.out.n, columns = bars->volume ? 6 : 5;
  neap_status st = neap_tensor_init_1d(&out[0], NEAP_I64, n);
  for (int64_t i = 1; i < columns && !st; i++) st = neap_tensor_init_1d(&out[i], NEAP_F64, n);
  if (st) {
    for (int64_t i = 0; i < columns; i++) neap_tensor_drop(&out[i]);
    return st;
  }
  f.out.time = neap_tensor_data(&out[0]);
  f.out.open = neap_tensor_data(&out[1]);
  f.out.high = neap_tensor_data(&out[2]);
  f.out.low = neap_tensor_data(&out[3]);
  f.out.close = neap_tensor_data(&out[4]);
  f.out.volume = bars->volume ? neap_tensor_data(&out[5]) : NULL;
  repair_rows(&f);
  *repaired = f.repaired;
  *inserted = f.inserted;
  return NEAP_OK;
}
