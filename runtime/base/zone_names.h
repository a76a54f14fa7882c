/* zone_names.h — private to base: what a zone may have been meant to be called. */
#ifndef NEAP_BASE_ZONE_NAMES_H
#define NEAP_BASE_ZONE_NAMES_H

#include "base/status.h"

/* The name below the folder base that is nearest to wanted; "" when none is near. */
neap_status neap__zone_nearest(const char *base, const char *wanted, char found[65]);

#endif
