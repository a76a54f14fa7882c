/* clock.h — what time it is, how long things took, how much memory the process needed. */
#ifndef NEAP_BASE_CLOCK_H
#define NEAP_BASE_CLOCK_H

#include <stdint.h>

#include "base/status.h"

/* Nanoseconds since some moment; never goes back. For durations. */
int64_t neap_clock_monotonic(void);

/* Nanoseconds since 1970 UTC by the system's clock, which may be set back. For stamps. */
int64_t neap_clock_wall(void);

/* Nanoseconds of processor time that all threads of this process have used. */
int64_t neap_clock_cpu(void);

/* The most bytes of this process that were ever resident at once. */
int64_t neap_clock_peak_rss(void);

/* Sleep ns nanoseconds; NEAP_EINTERRUPT within 10 ms after Ctrl-C. */
neap_status neap_clock_sleep(int64_t ns);

#endif
