#include "base/civil.h"

#include <string.h>

/* The calendar repeats every 400 years = 146097 days. Years are counted from March, so that the
 * leap day comes last and months follow 30.6 days apart: day 153 m + 2 over 5. */
int64_t neap_civil_days(int64_t year, int month, int day) {
  int64_t y = month <= 2 ? year - 1 : year;
  int64_t cycle = (y >= 0 ? y : y - 399) / 400, in_cycle = y - cycle * 400;
  int64_t from_march = (month + 9) % 12;
  int64_t in_year = (153 * from_march + 2) / 5 + day - 1;
  return cycle * 146097 + in_cycle * 365 + in_cycle / 4 - in_cycle / 100 + in_year - 719468;
}

static bool is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int neap_civil_month_days(int64_t year, int month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

neap_civil neap_civil_from_days(int64_t days) {
  neap_civil c = {0};
  int64_t z = days + 719468; /* since 0000-03-01 */
  int64_t cycle = floor_div(z, 146097), d = z - cycle * 146097;
  int64_t year = (d - d / 1460 + d / 36524 - d / 146096) / 365;
  int64_t in_year = d - (365 * year + year / 4 - year / 100);
  int64_t from_march = (5 * in_year + 2) / 153;
  c.day = (int)(in_year - (153 * from_march + 2) / 5) + 1;
  c.month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
  c.year = cycle * 400 + year + (c.month <= 2);
  c.weekday = (int)((days + 3) - floor_div(days + 3, 7) * 7) + 1; /* 1970-01-01: a Thursday */
  return c;
}

neap_civil neap_civil_split(int64_t ns) {
  int64_t days = floor_div(ns, NEAP_DAY), rest = (ns % NEAP_DAY + NEAP_DAY) % NEAP_DAY;
  neap_civil c = neap_civil_from_days(days);
  c.nanosecond = (int)(rest % NEAP_SECOND);
  int seconds = (int)(rest / NEAP_SECOND);
  c.hour = seconds / 3600;
  c.minute = seconds / 60 % 60;
  c.second = seconds % 60;
  return c;
}

static bool in_range(const neap_civil *c) {
  return c->year >= -9999 && c->year <= 9999 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
         c->day <= neap_civil_month_days(c->year, c->month) && c->hour >= 0 && c->hour <= 23 &&
         c->minute >= 0 && c->minute <= 59 && c->second >= 0 && c->second <= 59 &&
         c->nanosecond >= 0 && c->nanosecond < NEAP_SECOND;
}

/* seconds * 10^9 + nanosecond, or false: INT64_MIN itself is NaT and no time. */
static bool join_seconds(int64_t seconds, int nanosecond, int64_t *ns) {
  int64_t v;
  if (seconds < 0 && nanosecond) seconds++, nanosecond -= (int)NEAP_SECOND;
  if (__builtin_mul_overflow(seconds, NEAP_SECOND, &v)) return false;
  if (__builtin_add_overflow(v, nanosecond, &v) || v == NEAP_NAT) return false;
  *ns = v;
  return true;
}

static int64_t civil_seconds(const neap_civil *c) {
  int64_t days = neap_civil_days(c->year, c->month, c->day);
  return days * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
}

bool neap_civil_join(const neap_civil *c, int64_t *ns) {
  return in_range(c) && join_seconds(civil_seconds(c), c->nanosecond, ns);
}

/* reading ----------------------------------------------------------------------------------------
 */

typedef struct {
  const char *p, *end;
} cursor;

static bool at_digit(const cursor *c) { return c->p < c->end && (unsigned char)(*c->p - '0') < 10; }

static bool take(cursor *c, char wanted) {
  if (c->p == c->end || *c->p != wanted) return false;
  c->p++;
  return true;
}

/* Exactly count digits. */
static bool number(cursor *c, int count, int *out) {
  int v = 0;
  for (int i = 0; i < count; i++) {
    if (!at_digit(c)) return false;
    v = v * 10 + (*c->p++ - '0');
  }
  *out = v;
  return true;
}

static bool date(cursor *c, neap_civil *t) {
  int year;
  if (!number(c, 4, &year)) return false;
  t->year = year;
  char sign = c->p < c->end ? *c->p : 0;
  bool signs = sign == '-' || sign == '/';
  if (signs) c->p++;
  if (!number(c, 2, &t->month)) return false;
  if (signs && !take(c, sign)) return false;
  return number(c, 2, &t->day);
}

static bool fraction(cursor *c, neap_civil *t) {
  if (!at_digit(c)) return false;
  int unit = (int)NEAP_SECOND;
  for (; at_digit(c); c->p++) {
    unit /= 10;
    if (unit == 0 && *c->p != '0') return false;
    t->nanosecond += (*c->p - '0') * unit;
  }
  return true;
}

static bool time_of_day(cursor *c, neap_civil *t) {
  if (!number(c, 2, &t->hour)) return false;
  bool colons = take(c, ':');
  if (!number(c, 2, &t->minute)) return false;
  if (colons ? !take(c, ':') : !at_digit(c)) return true;
  if (!number(c, 2, &t->second)) return false;
  return take(c, '.') || take(c, ',') ? fraction(c, t) : true;
}

/* Z, UTC, +hh, +hhmm, +hh:mm, after an optional space; absent is fine. */
static bool offset(cursor *c, bool *zoned, int64_t *seconds) {
  if (c->p == c->end) return true;
  take(c, ' ');
  *zoned = true;
  if (take(c, 'Z') || take(c, 'z')) return true;
  if (c->end - c->p == 3 && memcmp(c->p, "UTC", 3) == 0) return c->p += 3, true;
  bool west = take(c, '-');
  int hour, minute = 0;
  if (!west && !take(c, '+')) return false;
  if (!number(c, 2, &hour)) return false;
  if ((take(c, ':') || at_digit(c)) && !number(c, 2, &minute)) return false;
  *seconds = (hour * 3600 + minute * 60) * (west ? -1 : 1);
  return hour <= 23 && minute <= 59;
}

static bool is_nat(const char *text, size_t n) {
  return n == 3 && (text[0] | 32) == 'n' && (text[1] | 32) == 'a' && (text[2] | 32) == 't';
}

bool neap_time_parse(const char *text, size_t n, int64_t *ns, bool *zoned) {
  if (is_nat(text, n)) {
    *ns = NEAP_NAT;
    *zoned = false;
    return true;
  }
  cursor c = {text, text + n};
  neap_civil t = {0};
  bool has_offset = false;
  int64_t east = 0;
  if (!date(&c, &t)) return false;
  if (take(&c, 'T') || take(&c, ' ') || take(&c, 't')) {
    if (!time_of_day(&c, &t) || !offset(&c, &has_offset, &east)) return false;
  }
  if (c.p != c.end || !in_range(&t)) return false;
  if (!join_seconds(civil_seconds(&t) - east, t.nanosecond, ns)) return false;
  *zoned = has_offset;
  return true;
}

/* printing ---------------------------------------------------------------------------------------
 */

static char *put(char *p, int64_t v, int width) {
  for (int i = width - 1; i >= 0; i--, v /= 10) p[i] = (char)('0' + v % 10);
  return p + width;
}

static char *put_fraction(char *p, int nanosecond) {
  if (!nanosecond) return p;
  int width = 9;
  while (nanosecond % 10 == 0) nanosecond /= 10, width--;
  *p++ = '.';
  return put(p, nanosecond, width);
}

static char *put_offset(char *p, int64_t s) {
  *p++ = s < 0 ? '-' : '+';
  s = s < 0 ? -s : s;
  p = put(p, s / 3600, 2);
  *p++ = ':';
  p = put(p, s / 60 % 60, 2);
  if (s % 60 == 0) return p;
  *p++ = ':'; /* local mean time, before about 1920 */
  return put(p, s % 60, 2);
}

static char *put_civil(char *p, const neap_civil *c) {
  p = put(p, c->year, 4);
  *p++ = '-';
  p = put(p, c->month, 2);
  *p++ = '-';
  p = put(p, c->day, 2);
  *p++ = 'T';
  p = put(p, c->hour, 2);
  *p++ = ':';
  p = put(p, c->minute, 2);
  *p++ = ':';
  p = put(p, c->second, 2);
  return put_fraction(p, c->nanosecond);
}

static size_t print_nat(char *out) {
  memcpy(out, "NaT", 4);
  return 3;
}

size_t neap_time_print(char out[40], int64_t ns) {
  if (ns == NEAP_NAT) return print_nat(out);
  neap_civil c = neap_civil_split(ns);
  char *p = put_civil(out, &c);
  *p++ = 'Z';
  *p = 0;
  return (size_t)(p - out);
}

size_t neap_time_print_at(char out[40], int64_t ns, int64_t offset_s) {
  int64_t local;
  if (ns == NEAP_NAT || __builtin_add_overflow(ns, offset_s * NEAP_SECOND, &local))
    return print_nat(out);
  neap_civil c = neap_civil_split(local);
  char *p = put_offset(put_civil(out, &c), offset_s);
  *p = 0;
  return (size_t)(p - out);
}
