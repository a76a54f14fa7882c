/* Times of a column of text: which way they are written is settled by the first value and then
 * kept, because 20040819 is a date in one file and a moment of August 1970 in another. */
#include <math.h>
#include <string.h>

#include "base/civil.h"
#include "base/number.h"
#include "frame/builder.h"

#define ACCEPTED                                                                                   \
  "is not a time (known: yyyy-mm-dd, yyyy-mm-dd hh:mm:ss.fff, ISO 8601 with Z or +hh:mm, "         \
  "yyyymmdd, yyyymmdd hh:mm, epoch in s, ms, us or ns; for others set time_format)"

neap_status neap__time_reader_init(neap__time_reader *r, const neap_csv_options *o) {
  static const struct {
    const char *name;
    neap__time_style style;
  } named[] = {{"yyyymmdd", NEAP__TIME_YYYYMMDD},
               {"s", NEAP__TIME_S},
               {"ms", NEAP__TIME_MS},
               {"us", NEAP__TIME_US},
               {"ns", NEAP__TIME_NS},
               {NULL, 0}};
  *r = (neap__time_reader){.zone = o->zone,
                           .ambiguous = o->ambiguous,
                           .nonexistent = o->nonexistent,
                           .forced = o->time_format != NULL};
  if (!o->time_format) return NEAP_OK;
  for (int i = 0; named[i].name; i++)
    if (strcmp(named[i].name, o->time_format) == 0) r->style = named[i].style;
  if (r->style) return NEAP_OK;
  if (!strchr(o->time_format, '%'))
    return neap_fail(NEAP_EARG,
                     "read_csv: time_format '%s' is neither yyyymmdd, s, ms, us, ns nor a pattern "
                     "like %%d.%%m.%%Y %%H:%%M",
                     o->time_format);
  r->style = NEAP__TIME_PATTERN;
  r->pattern = o->time_format;
  return NEAP_OK;
}

/* Which showing of a local time is meant that the clock shows twice: INFER takes the first until
 * the file would step back in time. *ns is the first showing. */
static const char *choose_showing(neap__time_reader *r, int64_t local, int64_t *ns) {
  if (r->ambiguous == NEAP_AMBIGUOUS_RAISE)
    return "was shown twice by the clock of its time zone (ambiguous = 'earliest', 'latest' or "
           "'infer' chooses)";
  bool later = r->ambiguous == NEAP_AMBIGUOUS_LATEST;
  if (r->ambiguous == NEAP_AMBIGUOUS_INFER) {
    if (!r->any && r->blind) r->guessed = true;
    later = r->any && *ns <= r->last;
  }
  if (later && neap_zone_resolve(r->zone, local, NEAP_ZONE_LATER, ns, NULL))
    return "is out of range";
  return NULL;
}

/* Local time to UTC. */
static const char *to_utc(neap__time_reader *r, int64_t *ns) {
  if (!r->zone) return NULL;
  int64_t local = *ns;
  neap_zone_kind kind;
  if (neap_zone_resolve(r->zone, local, NEAP_ZONE_FORWARD, ns, &kind)) return "is out of range";
  if (kind == NEAP_ZONE_GAP && r->nonexistent == NEAP_NONEXISTENT_RAISE)
    return "does not exist in its time zone, where the clock jumped ahead (nonexistent = 'forward' "
           "or 'missing' allows it)";
  if (kind == NEAP_ZONE_GAP && r->nonexistent == NEAP_NONEXISTENT_MISSING) {
    *ns = NEAP_NAT;
    return NULL;
  }
  const char *fault = kind == NEAP_ZONE_OVERLAP ? choose_showing(r, local, ns) : NULL;
  if (fault) return fault;
  r->any = true;
  r->last = *ns;
  return NULL;
}

/* digits --------------------------------------------------------------------------------------- */

static bool all_digits(const char *text, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (text[i] < '0' || text[i] > '9') return false;
  return n > 0;
}

static bool read_yyyymmdd(const char *text, size_t n, int64_t *ns) {
  if (n != 8 || !all_digits(text, n)) return false;
  if (memcmp(text, "1900", 4) < 0 || memcmp(text, "2100", 4) > 0) return false;
  bool zoned;
  return neap_time_parse(text, n, ns, &zoned);
}

/* Seconds reach 10^11 in the year 5138 and milliseconds in March 1973, and so on. */
static neap__time_style epoch_style(double v) {
  double size = fabs(v);
  if (size < 1e11) return NEAP__TIME_S;
  if (size < 1e14) return NEAP__TIME_MS;
  return size < 1e17 ? NEAP__TIME_US : NEAP__TIME_NS;
}

static int64_t unit_of(neap__time_style style) {
  switch (style) {
  case NEAP__TIME_S: return 1000000000;
  case NEAP__TIME_MS: return 1000000;
  case NEAP__TIME_US: return 1000;
  default: return 1;
  }
}

/* An epoch with decimals, digit by digit: a double has too few for nanoseconds. */
static bool read_epoch(const char *text, size_t n, int64_t unit, int64_t *ns) {
  const char *point = memchr(text, '.', n);
  size_t whole = point ? (size_t)(point - text) : n;
  int64_t v, sign = text[0] == '-' ? -1 : 1;
  if (!neap_integer_parse(text, whole, &v) || (point && !all_digits(point + 1, n - whole - 1))) {
    double number;
    if (!neap_number_parse(text, n, &number) || !(fabs(number) * (double)unit < 9.2e18))
      return false;
    *ns = (int64_t)(number * (double)unit);
    return true;
  }
  if (__builtin_mul_overflow(v, unit, &v)) return false;
  for (size_t i = whole + 1; i < n; i++)
    if (__builtin_add_overflow(v, sign * (text[i] - '0') * (unit /= 10), &v)) return false;
  *ns = v;
  return v != NEAP_NAT;
}

static const char *epoch_field(const neap__time_reader *r, const char *text, size_t n,
                               int64_t *ns) {
  double v;
  if (!neap_number_parse(text, n, &v) || !isfinite(v))
    return "is not a number of seconds, ms, us "
           "or ns, as the column began";
  if (!r->forced && epoch_style(v) != r->style)
    return "is an epoch in another unit than the column began with (set time_format to s, ms, us "
           "or ns)";
  return read_epoch(text, n, unit_of(r->style), ns) ? NULL : "is a time out of range";
}

/* patterns ------------------------------------------------------------------------------------- */

/* Up to most digits at *p into *v. */
static bool take_digits(const char **p, const char *end, int most, int *v) {
  int count = 0;
  for (*v = 0; *p < end && count < most && **p >= '0' && **p <= '9'; ++*p, count++)
    *v = *v * 10 + (**p - '0');
  return count > 0;
}

static bool take_fraction(const char **p, const char *end, int *nanosecond) {
  int unit = 100000000;
  const char *from = *p;
  for (*nanosecond = 0; *p < end && **p >= '0' && **p <= '9'; ++*p, unit /= 10)
    *nanosecond += (**p - '0') * unit;
  return *p > from;
}

static bool take_year(const char **p, const char *end, int digits, int64_t *year) {
  int v;
  if (!take_digits(p, end, digits, &v)) return false;
  *year = digits == 4 ? v : v < 69 ? 2000 + v : 1900 + v; /* as POSIX strptime has it */
  return true;
}

static bool take(char conversion, const char **p, const char *end, neap_civil *t) {
  switch (conversion) {
  case 'Y': return take_year(p, end, 4, &t->year);
  case 'y': return take_year(p, end, 2, &t->year);
  case 'm': return take_digits(p, end, 2, &t->month);
  case 'd': return take_digits(p, end, 2, &t->day);
  case 'H': return take_digits(p, end, 2, &t->hour);
  case 'M': return take_digits(p, end, 2, &t->minute);
  case 'S': return take_digits(p, end, 2, &t->second);
  case 'f': return take_fraction(p, end, &t->nanosecond);
  case '%': return *p < end && *(*p)++ == '%';
  default: return false;
  }
}

static bool read_pattern(const char *pattern, const char *text, size_t n, int64_t *ns) {
  neap_civil t = {.year = 1970, .month = 1, .day = 1};
  const char *end = text + n;
  for (const char *f = pattern; *f; f++) {
    if (*f == '%' && f[1]) {
      if (!take(*++f, &text, end, &t)) return false;
    } else if (text == end || *text++ != *f) return false;
  }
  return text == end && neap_civil_join(&t, ns);
}

/* ---------------------------------------------------------------------------------------------- */

bool neap__time_plausible(const char *text, size_t n) {
  int64_t ns;
  bool zoned;
  if (n < 8 || n > 40 || text[0] < '0' || text[0] > '9' || all_digits(text, n)) return false;
  return neap_time_parse(text, n, &ns, &zoned);
}

static neap__time_style settle(const char *text, size_t n) {
  int64_t ns;
  double v;
  if (read_yyyymmdd(text, n, &ns)) return NEAP__TIME_YYYYMMDD;
  if (neap_number_parse(text, n, &v)) return epoch_style(v);
  return NEAP__TIME_TEXT;
}

const char *neap__time_read(neap__time_reader *r, const char *text, size_t n, int64_t *ns) {
  bool zoned = false;
  if (r->style == NEAP__TIME_UNKNOWN) r->style = settle(text, n);
  switch (r->style) {
  case NEAP__TIME_TEXT:
    if (!neap_time_parse(text, n, ns, &zoned)) return ACCEPTED;
    return zoned ? NULL : to_utc(r, ns);
  case NEAP__TIME_YYYYMMDD:
    return read_yyyymmdd(text, n, ns) ? to_utc(r, ns) : "is not a date yyyymmdd of 1900 to 2100";
  case NEAP__TIME_PATTERN:
    return read_pattern(r->pattern, text, n, ns) ? to_utc(r, ns) : "does not match time_format";
  default: return epoch_field(r, text, n, ns);
  }
}
