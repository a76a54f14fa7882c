/* civil.h — dates and times of day as people write them, to and from nanoseconds since 1970 UTC.
 *
 * The calendar is the proleptic Gregorian one, without leap seconds. int64_t nanoseconds reach from
 * 1677-09-21 to 2262-04-11; INT64_MIN stands for "not a time" (NaT). Time zones with rules are in
 * zone.h; here a time is either UTC (or carries its own offset) or local to something unnamed. */
#ifndef NEAP_BASE_CIVIL_H
#define NEAP_BASE_CIVIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEAP_NAT    INT64_MIN
#define NEAP_SECOND ((int64_t)1000000000)
#define NEAP_DAY    (86400 * NEAP_SECOND)

typedef struct {
  int64_t year;
  int month, day; /* 1..12, 1..31 */
  int hour, minute, second;
  int nanosecond;
  int weekday; /* 1 = Monday .. 7 = Sunday, as in ISO 8601 */
} neap_civil;

/* Days since 1970-01-01 of a date; day may lie outside its month (day 0 is the last of the month
 * before). |year| up to 10^15. */
int64_t neap_civil_days(int64_t year, int month, int day);

/* Days in a month, 28 to 31. */
int neap_civil_month_days(int64_t year, int month);

/* The date of a day counted from 1970-01-01, at midnight. */
neap_civil neap_civil_from_days(int64_t days);

/* The date and time of day of ns, which must not be NaT. */
neap_civil neap_civil_split(int64_t ns);

/* Nanoseconds of a date and time (weekday not looked at); false when a field is outside its range,
 * or the time outside int64_t. */
bool neap_civil_join(const neap_civil *c, int64_t *ns);

/* Read text[0..n). Understood, with year first only (03/04/2020 would be a guess):
 *   2024-03-01   2024/03/01   20240301   NaT
 *   a date, then T or a space, then 15:30  15:30:05  15:30:05.123456789  153005
 *   the same, then Z, " UTC" or an offset: +01:00 -0530 +01
 * *zoned tells whether an offset was there; if so ns is UTC, else it is the local time taken as if
 * it were UTC (neap_zone_to_utc turns it into UTC). False, nothing changed, for anything else:
 * impossible dates, more than nine digits of fraction unless zeros, times out of range. Other
 * numbers, epoch seconds among them, are not times here. */
bool neap_time_parse(const char *text, size_t n, int64_t *ns, bool *zoned);

/* 2024-03-01T15:30:05.25Z: ISO 8601 in UTC, the fraction as short as it can be and absent when
 * zero; "NaT". With a closing zero; returns the length. */
size_t neap_time_print(char out[40], int64_t ns);

/* The same for a local time offset_s seconds east of UTC: 2024-03-01T16:30:05.25+01:00. */
size_t neap_time_print_at(char out[40], int64_t ns, int64_t offset_s);

#endif
