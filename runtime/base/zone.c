/* A zone file (RFC 8536) lists the moments at which the offset changed, and ends with a rule in
 * POSIX notation for the time after the last of them. The files hold everything twice, in 32 and in
 * 64 bits; only the second part is used. The rule is spelled out as moments up to the end of what
 * 64 bits of nanoseconds hold, so that asking is one search in one list. */
#include "base/zone.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/file.h"
#include "base/zone_names.h"

enum { DAY = 86400, MAX_OFFSET = 26 * 3600 };

/* When in a year the clock changes: the forms of POSIX TZ. */
typedef struct {
  enum { JULIAN, DAY_OF_YEAR, MONTH_WEEK_DAY } form;
  int day; /* J: 1..365 without leap days; plain: 0..365; M: weekday, 0 = Sunday */
  int month, week;
  int64_t time; /* of day, in seconds; may be negative or beyond a day */
} change;

typedef struct {
  bool present, has_dst;
  int64_t standard, dst; /* seconds east */
  change start, end;
} yearly;

struct neap_zone {
  struct neap_zone *next;
  char *name;
  int64_t first;    /* offset before the first transition, seconds east */
  int64_t count;    /* of transitions */
  int64_t *at;      /* their UTC seconds, rising */
  int64_t *offsets; /* from then on */
  yearly rule;      /* after the last transition of the file: extend() spells it out */
};

static int64_t floor_seconds(int64_t ns) { return ns / NEAP_SECOND - (ns % NEAP_SECOND < 0); }

/* the rule in POSIX notation ---------------------------------------------------------------------
 */

static bool take(const char **p, char wanted) {
  if (**p != wanted) return false;
  ++*p;
  return true;
}

static bool natural(const char **p, int low, int high, int *out) {
  if (**p < '0' || **p > '9') return false;
  int v = 0;
  for (; **p >= '0' && **p <= '9' && v <= high; ++*p) v = v * 10 + (**p - '0');
  *out = v;
  return v >= low && v <= high;
}

/* "EST" or "<+0330>". */
static bool skip_name(const char **p) {
  const char *begin = *p;
  if (take(p, '<')) {
    while (**p && **p != '>') ++*p;
    return take(p, '>');
  }
  while ((**p | 32) >= 'a' && (**p | 32) <= 'z') ++*p;
  return *p - begin >= 3;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool hours(const char **p, int64_t *seconds) {
  bool negative = take(p, '-');
  if (!negative) take(p, '+');
  int hour, minute = 0, second = 0;
  if (!natural(p, 0, 167, &hour)) return false;
  if (take(p, ':')) {
    if (!natural(p, 0, 59, &minute)) return false;
    if (take(p, ':') && !natural(p, 0, 59, &second)) return false;
  }
  *seconds = (hour * 3600 + minute * 60 + second) * (negative ? -1 : 1);
  return true;
}

static bool parse_change(const char **p, change *c) {
  c->time = 2 * 3600;
  bool ok;
  if (take(p, 'M')) {
    c->form = MONTH_WEEK_DAY;
    ok = natural(p, 1, 12, &c->month) && take(p, '.') && natural(p, 1, 5, &c->week) &&
         take(p, '.') && natural(p, 0, 6, &c->day);
  } else {
    c->form = take(p, 'J') ? JULIAN : DAY_OF_YEAR;
    ok = natural(p, c->form == JULIAN, 365, &c->day);
  }
  return ok && (!take(p, '/') || hours(p, &c->time));
}

/* "EST5EDT,M3.2.0,M11.1.0": offsets count westwards there. */
static bool parse_rule(const char *p, yearly *r) {
  if (!*p) return true; /* no rule: the last offset holds */
  r->present = true;
  if (!skip_name(&p) || !hours(&p, &r->standard)) return false;
  r->standard = -r->standard;
  if (!*p) return true;
  r->has_dst = true;
  if (!skip_name(&p)) return false;
  r->dst = r->standard + 3600;
  if (*p && *p != ',') {
    if (!hours(&p, &r->dst)) return false;
    r->dst = -r->dst;
  }
  return take(&p, ',') && parse_change(&p, &r->start) && take(&p, ',') &&
         parse_change(&p, &r->end) && !*p;
}

/* Local seconds since 1970 of a change in that year. */
static int64_t change_in(const change *c, int64_t year) {
  int64_t january = neap_civil_days(year, 1, 1);
  if (c->form == DAY_OF_YEAR) return (january + c->day) * DAY + c->time;
  if (c->form == JULIAN) {
    bool leap = neap_civil_month_days(year, 2) == 29;
    return (january + c->day - 1 + (leap && c->day >= 60)) * DAY + c->time;
  }
  int64_t first = neap_civil_days(year, c->month, 1);
  int weekday = (int)((((first + 4) % 7) + 7) % 7); /* 1970-01-01 was weekday 4 */
  int day = (c->day - weekday + 7) % 7 + 7 * (c->week - 1);
  while (day >= neap_civil_month_days(year, c->month)) day -= 7; /* week 5 means the last */
  return (first + day) * DAY + c->time;
}

/* From that moment on, unless the list is further already; of two at one moment the later counts.
 */
static void append(neap_zone *z, int64_t at, int64_t offset) {
  if (z->count && at < z->at[z->count - 1]) return;
  if (z->count && at == z->at[z->count - 1]) z->count--;
  z->at[z->count] = at;
  z->offsets[z->count++] = offset;
}

/* The changes of one year, in their order. */
static void append_year(neap_zone *z, int64_t year) {
  const yearly *r = &z->rule;
  int64_t start = change_in(&r->start, year) - r->standard;
  int64_t end = change_in(&r->end, year) - r->dst;
  if (start < end) append(z, start, r->dst);
  append(z, end, r->standard);
  if (start >= end) append(z, start, r->dst);
}

enum { FIRST_YEAR = 1677, LAST_YEAR = 2263 }; /* around the range of int64_t nanoseconds */

static void extend(neap_zone *z) {
  if (!z->rule.present) return;
  if (!z->rule.has_dst) {
    if (!z->count) z->first = z->rule.standard;
    return;
  }
  int64_t from = FIRST_YEAR;
  if (z->count) {
    int64_t last = z->at[z->count - 1];
    from = neap_civil_from_days(last / DAY - (last % DAY < 0)).year;
  } else z->first = z->rule.standard;
  for (int64_t year = from < FIRST_YEAR ? FIRST_YEAR : from; year <= LAST_YEAR; year++)
    append_year(z, year);
}

/* zone files -------------------------------------------------------------------------------------
 */

typedef struct {
  int64_t isutc, isstd, leap, time, type, chars;
} counts;

static int64_t big_endian(const unsigned char *p, int width) {
  uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;
  for (int i = 0; i < width; i++) v = v << 8 | p[i];
  return (int64_t)v;
}

/* The header at p; false when there is none. */
static bool header(const unsigned char *p, const unsigned char *end, counts *c) {
  if (end - p < 44 || memcmp(p, "TZif", 4) != 0 || p[4] < '2') return false;
  int64_t *fields[] = {&c->isutc, &c->isstd, &c->leap, &c->time, &c->type, &c->chars};
  for (int i = 0; i < 6; i++) {
    *fields[i] = big_endian(p + 20 + 4 * i, 4);
    if (*fields[i] < 0 || *fields[i] > 1000000) return false;
  }
  return c->type > 0;
}

/* Bytes of the block behind a header whose times have that width. */
static int64_t block_size(const counts *c, int width) {
  return c->time * (width + 1) + c->type * 6 + c->chars + c->leap * (width + 4) + c->isstd +
         c->isutc;
}

/* Fill the transitions from the 64-bit block at p; false when they make no sense. */
static bool read_block(neap_zone *z, const unsigned char *p, const counts *c) {
  const unsigned char *index = p + c->time * 8, *types = index + c->time;
  for (int64_t i = 0; i < c->type; i++) {
    int64_t east = big_endian(types + 6 * i, 4);
    if (east > MAX_OFFSET || east < -MAX_OFFSET) return false;
  }
  z->first = big_endian(types, 4);
  for (int64_t i = 0; i < c->time; i++) {
    if (index[i] >= c->type) return false;
    z->at[i] = big_endian(p + 8 * i, 8);
    z->offsets[i] = big_endian(types + 6 * index[i], 4);
    if (i && z->at[i] <= z->at[i - 1]) return false;
  }
  z->count = c->time;
  return true;
}

/* The text between the two line feeds at the end. */
static bool read_footer(neap_zone *z, const unsigned char *p, const unsigned char *end) {
  char text[128];
  size_t n = (size_t)(end - p);
  if (n < 2 || n - 2 >= sizeof text || p[0] != '\n' || end[-1] != '\n') return false;
  memcpy(text, p + 1, n - 2);
  text[n - 2] = 0;
  return parse_rule(text, &z->rule);
}

static neap_status read_zone(neap_zone *z, const unsigned char *p, const unsigned char *end) {
  counts c;
  const neap_status bad = NEAP_EFORMAT;
  if (!header(p, end, &c) || end - p - 44 < block_size(&c, 4))
    return neap_fail(bad, "time zone '%s': not a zone file of version 2 or later", z->name);
  p += 44 + block_size(&c, 4);
  if (!header(p, end, &c) || end - p - 44 < block_size(&c, 8))
    return neap_fail(bad, "time zone '%s': the zone file is damaged", z->name);
  if (c.leap) return neap_fail(bad, "time zone '%s': it counts leap seconds", z->name);
  int64_t room = c.time + 2 * (LAST_YEAR - FIRST_YEAR + 1);
  z->at = neap_alloc_array(room, sizeof *z->at);
  z->offsets = neap_alloc_array(room, sizeof *z->offsets);
  if (!z->at || !z->offsets) return NEAP_ENOMEM;
  if (!read_block(z, p + 44, &c) || !read_footer(z, p + 44 + block_size(&c, 8), end))
    return neap_fail(bad, "time zone '%s': the zone file is damaged", z->name);
  extend(z);
  return NEAP_OK;
}

/* Letters, digits and _ - + . / without leading / or a part that begins with a dot. */
static bool is_plain_name(const char *name) {
  static const char allowed[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+./";
  bool part_begins = true;
  for (const char *p = name; *p; p++) {
    if (part_begins && (*p == '.' || *p == '/')) return false;
    part_begins = *p == '/';
  }
  return *name && strlen(name) < 256 && name[strspn(name, allowed)] == 0 && !part_begins;
}

static neap_status unknown(const char *base, const char *name) {
  char near[65];
  NEAP_TRY(neap__zone_nearest(base, name, near));
  if (*near)
    return neap_fail(NEAP_EARG, "time zone '%s' is unknown (did you mean '%s'?)", name, near);
  return neap_fail(NEAP_EARG, "time zone '%s' is unknown (as in America/New_York, UTC or +05:30)",
                   name);
}

static neap_status load(neap_zone *z) {
  const char *base = getenv("TZDIR");
  if (!base || !*base) base = "/usr/share/zoneinfo";
  char path[4096];
  int n = snprintf(path, sizeof path, "%s/%s", base, z->name);
  if (!neap_file_exists(base))
    return neap_fail(NEAP_EARG, "time zone '%s': there is no folder %s (package tzdata)", z->name,
                     base);
  if (n >= (int)sizeof path || !is_plain_name(z->name) || !neap_file_exists(path))
    return unknown(base, z->name);
  char *data;
  int64_t size;
  neap_status st = neap_file_read(path, &data, &size);
  if (st) return neap_fail_in(st, "time zone '%s'", z->name);
  st = read_zone(z, (unsigned char *)data, (unsigned char *)data + size);
  neap_free(data);
  return st;
}

/* finding ----------------------------------------------------------------------------------------
 */

/* "UTC", "Z", "+05:30", "-0800", "+1": two-digit hours, except that one digit alone will do. */
static bool fixed_offset(const char *name, int64_t *seconds) {
  *seconds = 0;
  if (strcmp(name, "UTC") == 0 || strcmp(name, "Z") == 0) return true;
  if (*name != '+' && *name != '-') return false;
  int digits[4] = {0}, n = 0;
  for (const char *p = name + 1; *p; p++) {
    if (*p == ':' && n == 2 && p[1]) continue;
    if (*p < '0' || *p > '9' || n == 4) return false;
    digits[n++] = *p - '0';
  }
  if (n == 0 || n == 3) return false;
  int hour = n == 1 ? digits[0] : digits[0] * 10 + digits[1], minute = digits[2] * 10 + digits[3];
  *seconds = (hour * 3600 + minute * 60) * (*name == '-' ? -1 : 1);
  return hour <= 23 && minute <= 59;
}

static void zone_free(neap_zone *z) {
  if (!z) return;
  neap_free(z->name);
  neap_free(z->at);
  neap_free(z->offsets);
  neap_free(z);
}

static neap_status zone_new(neap_zone **out, const char *name) {
  neap_zone *z = neap_calloc_array(1, sizeof *z);
  if (!z) return NEAP_ENOMEM;
  z->name = neap_strndup(name, strlen(name));
  neap_status st = z->name ? NEAP_OK : NEAP_ENOMEM;
  if (!st && !fixed_offset(name, &z->first)) st = load(z);
  if (st) zone_free(z);
  else *out = z;
  return st;
}

neap_status neap_zone_find(const neap_zone **out, const char *name) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static neap_zone *known;
  neap_status st = NEAP_OK;
  pthread_mutex_lock(&lock);
  neap_zone *z = known;
  while (z && strcmp(z->name, name) != 0) z = z->next;
  if (!z) {
    st = zone_new(&z, name);
    if (!st) {
      z->next = known;
      known = z;
    }
  }
  pthread_mutex_unlock(&lock);
  *out = st ? NULL : z;
  return st;
}

const char *neap_zone_name(const neap_zone *z) { return z->name; }

/* asking -----------------------------------------------------------------------------------------
 */

/* How many transitions are at or before that moment. */
static int64_t passed(const neap_zone *z, int64_t utc) {
  int64_t low = 0, high = z->count;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (z->at[middle] <= utc) low = middle + 1;
    else high = middle;
  }
  return low;
}

static int64_t offset_after(const neap_zone *z, int64_t k) {
  return k ? z->offsets[k - 1] : z->first;
}

static int64_t offset_at(const neap_zone *z, int64_t utc) {
  return offset_after(z, passed(z, utc));
}

/* Seconds as nanoseconds, held inside the range. */
static int64_t in_ns(int64_t seconds) {
  int64_t ns;
  if (!__builtin_mul_overflow(seconds, NEAP_SECOND, &ns)) return ns;
  return seconds < 0 ? INT64_MIN : INT64_MAX;
}

neap_zone_span neap_zone_span_at(const neap_zone *z, int64_t utc_ns) {
  int64_t k = passed(z, floor_seconds(utc_ns));
  return (neap_zone_span){.begin = k ? in_ns(z->at[k - 1]) : INT64_MIN,
                          .end = k < z->count ? in_ns(z->at[k]) : INT64_MAX,
                          .offset = offset_after(z, k) * NEAP_SECOND};
}

int64_t neap_zone_offset(const neap_zone *z, int64_t utc_ns) {
  return utc_ns == NEAP_NAT ? 0 : offset_at(z, floor_seconds(utc_ns)) * NEAP_SECOND;
}

static neap_status refuse(const neap_zone *z, int64_t local_ns, const char *what) {
  char text[40];
  size_t n = neap_time_print(text, local_ns);
  return neap_fail(NEAP_EVALUE, "local time %.*s in %s %s", (int)n - 1, text, z->name, what);
}

/* The moment from which on the offset is `after`, among those at which a skipped local time would
 * stand by either offset. */
static int64_t jump(const neap_zone *z, int64_t local, int64_t before, int64_t after) {
  int64_t low = local - after, high = local - before; /* low is before the jump, high after it */
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    if (offset_at(z, middle) == before) low = middle;
    else high = middle;
  }
  return offset_at(z, low) == before ? high : low;
}

/* Around a local time at most two offsets matter: that of a day before and that of a day after. The
 * time is unique when just one of them leads to a moment at which it holds. */
neap_status neap_zone_resolve(const neap_zone *z, int64_t local_ns, neap_zone_policy policy,
                              int64_t *utc_ns, neap_zone_kind *kind) {
  if (kind) *kind = NEAP_ZONE_UNIQUE;
  *utc_ns = local_ns;
  if (local_ns == NEAP_NAT) return NEAP_OK;
  int64_t local = floor_seconds(local_ns);
  int64_t before = offset_at(z, local - DAY), after = offset_at(z, local + DAY);
  bool first = offset_at(z, local - before) == before,
       second = offset_at(z, local - after) == after;
  int64_t chosen = first ? before : after;
  if (before != after && first == second) {
    if (kind) *kind = first ? NEAP_ZONE_OVERLAP : NEAP_ZONE_GAP;
    if (policy == NEAP_ZONE_ERROR)
      return refuse(z, local_ns, first ? "happened twice" : "was skipped by the clock");
    if (policy == NEAP_ZONE_FORWARD && !first) {
      *utc_ns = in_ns(jump(z, local, before, after));
      return NEAP_OK;
    }
    bool larger = policy != NEAP_ZONE_LATER; /* further east is earlier in UTC */
    chosen = (before > after) == larger ? before : after;
  }
  if (__builtin_sub_overflow(local_ns, chosen * NEAP_SECOND, utc_ns) || *utc_ns == NEAP_NAT)
    return refuse(z, local_ns, "lies outside the range of times");
  return NEAP_OK;
}

neap_status neap_zone_to_utc(const neap_zone *z, int64_t local_ns, int64_t *utc_ns) {
  return neap_zone_resolve(z, local_ns, NEAP_ZONE_ERROR, utc_ns, NULL);
}
