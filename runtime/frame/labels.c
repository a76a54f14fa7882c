/* Labels of a fixed horizon. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/interrupt.h"
#include "frame/frame.h"
#include "frame/labels.h"

enum { POLL_EVERY = 1 << 16 };

/* Positions of the maxima to come, values falling, in a ring: Lemire's streaming maximum. From the
 * end backwards, x[i + 1] enters and x[i + k + 1] leaves; a NaN keeps the k windows before it
 * missing. The ring holds at most k + 1 positions, in a power of two of places. */
static neap_status slide(int64_t n, const double *x, int64_t k, int64_t *ring, int64_t mask,
                         double *out) {
  int64_t front = 0, back = 0, nan_at = n + k; /* ring[front .. back), counted without end */
  for (int64_t i = n - 1; i >= 0; i--) {
    if (i % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    if (back > front && ring[front & mask] > i + k) front++;
    out[i] = i + k < n && nan_at > i + k ? x[ring[front & mask]] : NAN;
    if (isnan(x[i])) nan_at = i;
    else {
      while (back > front && x[ring[(back - 1) & mask]] <= x[i]) back--;
      ring[back++ & mask] = i;
    }
  }
  return NEAP_OK;
}

neap_status neap_future_max(int64_t n, const double *x, int64_t k, double *out) {
  if (k < 1) return neap_fail(NEAP_EARG, "lookforward is %lld, must be at least 1", (long long)k);
  if (k > n) k = n; /* all is missing, as for any larger horizon */
  int64_t room = 2;
  while (room < k + 1) room *= 2;
  int64_t *ring = neap_alloc_array(room, sizeof *ring);
  if (!ring) return NEAP_ENOMEM;
  neap_status st = slide(n, x, k, ring, room - 1, out);
  neap_free(ring);
  return st;
}

neap_status neap_future_best(int64_t n, const double *x, int64_t k, double *out) {
  NEAP_TRY(neap_future_max(n, x, k, out));
  for (int64_t i = 0; i < n; i++) out[i] = out[i] / x[i] - 1.0;
  return NEAP_OK;
}

void neap_exceeds(int64_t n, const double *x, double threshold, double *out) {
  for (int64_t i = 0; i < n; i++) out[i] = isnan(x[i]) ? NAN : x[i] > threshold;
}

neap_status neap_bar_ends(int64_t n, const int64_t *time, int64_t *out) {
  int64_t cadence;
  NEAP_TRY(neap_bars_cadence(&cadence, n, time));
  for (int64_t i = 0; i < n; i++)
    out[i] = time[i] == NEAP_NAT             ? NEAP_NAT
             : time[i] > INT64_MAX - cadence ? INT64_MAX
                                             : time[i] + cadence;
  return NEAP_OK;
}

void neap_known_at(int64_t n, const int64_t *ends, int64_t k, int64_t *out) {
  for (int64_t i = 0; i < n; i++) out[i] = k < n - i ? ends[i + k] : NEAP_NAT;
}

void neap_future_return(int64_t n, const double *x, int64_t k, bool logarithm, double *out) {
  for (int64_t i = 0; i < n; i++) {
    double ratio = k < n - i ? x[i + k] / x[i] : NAN;
    out[i] = logarithm ? log(ratio) : ratio - 1.0;
  }
}

static int falling(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

/* How many of the falling numbers lie above the cut: as near to `wanted` as can be with equal
 * numbers on one side and none of the sides empty; of two as near the smaller. */
static int64_t count_above(int64_t n, const double *sorted, double wanted) {
  int64_t middle = (int64_t)(wanted + 0.5);
  if (middle < 1) middle = 1;
  if (middle > n - 1) middle = n - 1;
  int64_t fewer = middle, more = middle;
  while (fewer > 0 && sorted[fewer - 1] == sorted[fewer]) fewer--;
  while (more < n && sorted[more - 1] == sorted[more]) more++;
  if (fewer == 0) return more < n ? more : middle; /* all are equal: no cut parts them */
  if (more == n) return fewer;
  return wanted - (double)fewer <= (double)more - wanted ? fewer : more;
}

neap_status neap_threshold_of_share(int64_t n, const double *x, double share, double *out) {
  if (!(share >= 0 && share <= 1))
    return neap_fail(NEAP_EARG, "auto_threshold: share is %g, must lie in [0, 1]", share);
  double *sorted = neap_alloc_array(n, sizeof *sorted);
  if (!sorted) return NEAP_ENOMEM;
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++)
    if (!isnan(x[i])) sorted[count++] = x[i];
  neap_status st = NEAP_OK;
  if (count < 2)
    st = neap_fail(NEAP_EVALUE, "auto_threshold: %lld rows have a label, at least 2 are needed",
                   (long long)count);
  else {
    qsort(sorted, (size_t)count, sizeof *sorted, falling);
    int64_t above = count_above(count, sorted, share * (double)count);
    *out = sorted[above] + 0.5 * (sorted[above - 1] - sorted[above]);
  }
  neap_free(sorted);
  return st;
}
