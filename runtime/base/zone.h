/* zone.h — time zones by name, from the system's own files.
 *
 * A zone tells the offset from UTC at any moment. Local times are the hard direction: in the hour
 * that is skipped in spring no moment has them, in the hour repeated in autumn two have; the caller
 * says what then. Zones are read once, shared by all threads and never freed. */
#ifndef NEAP_BASE_ZONE_H
#define NEAP_BASE_ZONE_H

#include <stdint.h>

#include "base/status.h"

typedef struct neap_zone neap_zone;

/* The zone called name: "UTC", an offset as "+05:30" or "-0800", or a name of the time zone
 * database as "America/New_York", read below $TZDIR or /usr/share/zoneinfo. NEAP_EARG for an
 * unknown name, NEAP_EFORMAT for a broken file; the message names the zone. */
neap_status neap_zone_find(const neap_zone **out, const char *name);

/* The name it was found by. */
const char *neap_zone_name(const neap_zone *z);

/* Nanoseconds to add to UTC to get local time at that moment. */
int64_t neap_zone_offset(const neap_zone *z, int64_t utc_ns);

/* The time around a moment in which the offset stays what it is: begin <= utc < end, INT64_MIN and
 * INT64_MAX where it has no end. For loops that ask about many times near each other. */
typedef struct {
  int64_t begin, end, offset;
} neap_zone_span;
neap_zone_span neap_zone_span_at(const neap_zone *z, int64_t utc_ns);

typedef enum {
  NEAP_ZONE_UNIQUE,
  NEAP_ZONE_GAP,     /* the clock jumped over this local time */
  NEAP_ZONE_OVERLAP, /* it showed this local time twice */
} neap_zone_kind;

typedef enum {
  NEAP_ZONE_ERROR,   /* NEAP_EVALUE for a gap or overlap */
  NEAP_ZONE_EARLIER, /* overlap: the first of the two; gap: by the offset after the jump */
  NEAP_ZONE_LATER,   /* overlap: the second; gap: by the offset before the jump */
  NEAP_ZONE_FORWARD, /* overlap: the first; gap: the moment of the jump */
} neap_zone_policy;

/* The UTC time of a local time; *kind, unless NULL, tells what it was. NaT stays NaT. NEAP_EVALUE
 * when the policy forbids it, or when the result leaves the range. */
neap_status neap_zone_resolve(const neap_zone *z, int64_t local_ns, neap_zone_policy policy,
                              int64_t *utc_ns, neap_zone_kind *kind);

/* neap_zone_resolve under NEAP_ZONE_ERROR. */
neap_status neap_zone_to_utc(const neap_zone *z, int64_t local_ns, int64_t *utc_ns);

#endif
