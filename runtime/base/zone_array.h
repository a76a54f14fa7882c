/* zone_array.h — many times on the clock of a zone: fields, local times, and back.
 *
 * Local times are nanoseconds as if the zone's clock showed UTC. NEAP_NAT stays what it is. Loops
 * ask the zone once for each stretch of one offset, so times near each other cost next to nothing.
 */
#ifndef NEAP_BASE_ZONE_ARRAY_H
#define NEAP_BASE_ZONE_ARRAY_H

#include "base/zone.h"

/* What the clock shows at each time. local may be utc. NEAP_EVALUE, with the element counted from
 * 1, when one leaves the range. */
neap_status neap_zone_to_local(const neap_zone *z, int64_t n, const int64_t *utc, int64_t *local);

/* A local time that the clock showed twice. INFER takes times as they come: those of one hour shown
 * twice stand one after the other, and where they step back the second showing begins; without such
 * a step, or with more than one, it is an error. */
typedef enum {
  NEAP_AMBIGUOUS_RAISE,
  NEAP_AMBIGUOUS_EARLIEST,
  NEAP_AMBIGUOUS_LATEST,
  NEAP_AMBIGUOUS_INFER
} neap_ambiguous;

/* A local time that the clock skipped: FORWARD is the moment of the jump, MISSING is NEAP_NAT. */
typedef enum {
  NEAP_NONEXISTENT_RAISE,
  NEAP_NONEXISTENT_FORWARD,
  NEAP_NONEXISTENT_MISSING
} neap_nonexistent;

/* The moments at which the clock showed these times. Elements with a mark in zoned (which may be
 * NULL) are UTC already. utc may not be local. NEAP_EVALUE names the element from 1, unless there
 * is one only. */
neap_status neap_zone_from_local(const neap_zone *z, int64_t n, const int64_t *local,
                                 const uint8_t *zoned, neap_ambiguous ambiguous,
                                 neap_nonexistent nonexistent, int64_t *utc);

typedef enum {
  NEAP_FIELD_YEAR,
  NEAP_FIELD_QUARTER, /* 1 to 4 */
  NEAP_FIELD_MONTH,   /* 1 to 12 */
  NEAP_FIELD_WEEK,    /* of ISO 8601, 1 to 53 */
  NEAP_FIELD_DAY,
  NEAP_FIELD_DAY_OF_YEAR, /* 1 to 366 */
  NEAP_FIELD_WEEKDAY,     /* 1 = Monday to 7 = Sunday */
  NEAP_FIELD_HOUR,
  NEAP_FIELD_MINUTE,
  NEAP_FIELD_SECOND,
  NEAP_FIELD_NANOSECOND, /* of the second */
  NEAP_FIELD_COUNT
} neap_time_field;

extern const char *const neap_time_field_names[NEAP_FIELD_COUNT];

/* Fill the arrays in out that are not NULL; NaN for NEAP_NAT. */
neap_status neap_zone_fields(const neap_zone *z, int64_t n, const int64_t *utc,
                             double *const out[NEAP_FIELD_COUNT]);

#endif
