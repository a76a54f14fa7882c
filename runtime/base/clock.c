#include "base/clock.h"

#include <sys/resource.h>
#include <time.h>

#include "base/interrupt.h"

enum { SECOND = 1000000000, SLICE = 10000000 };

static int64_t now(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t) != 0) return 0;
  return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

int64_t neap_clock_monotonic(void) { return now(CLOCK_MONOTONIC); }
int64_t neap_clock_wall(void) { return now(CLOCK_REALTIME); }
int64_t neap_clock_cpu(void) { return now(CLOCK_PROCESS_CPUTIME_ID); }

int64_t neap_clock_peak_rss(void) {
  struct rusage u;
  if (getrusage(RUSAGE_SELF, &u) != 0) return 0;
  return (int64_t)u.ru_maxrss * 1024;
}

neap_status neap_clock_sleep(int64_t ns) {
  int64_t begin = neap_clock_monotonic();
  for (;;) {
    NEAP_TRY(neap_interrupt_check());
    int64_t left = ns - (neap_clock_monotonic() - begin);
    if (left <= 0) return NEAP_OK;
    struct timespec t = {.tv_nsec = left < SLICE ? (long)left : SLICE};
    nanosleep(&t, NULL);
  }
}
