/* Each block carries a 64-byte header in front of the data: its size, for the accounting.
 * Sixty-four bytes because the data behind it must stay aligned to a cache line and an AVX-512
 * register. */
#include "base/alloc.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

enum { HEADER = 64, MAX_SITES = 4096 };

static atomic_int_fast64_t live, peak;

static struct {
  bool (*call)(void *);
  void *ctx;
} reclaim;

/* Fault injection: sites that failed already, as an open-addressed set of text pointers. The lock
 * is taken only while armed. */
static atomic_bool armed;
static atomic_bool fired;
static pthread_mutex_t fault_lock = PTHREAD_MUTEX_INITIALIZER;
static const char *failed_sites[MAX_SITES];

static bool first_failure_of(const char *site) {
  uint64_t hash = 1469598103934665603u;
  for (const char *p = site; *p; p++) hash = (hash ^ (unsigned char)*p) * 1099511628211u;
  for (size_t i = 0; i < MAX_SITES; i++) {
    const char **slot = &failed_sites[(hash + i) % MAX_SITES];
    if (!*slot) {
      *slot = site;
      return true;
    }
    if (strcmp(*slot, site) == 0) return false;
  }
  return false;
}

static bool must_fail(const char *site) {
  if (!atomic_load_explicit(&armed, memory_order_relaxed)) return false;
  pthread_mutex_lock(&fault_lock);
  bool fail = atomic_load(&armed) && first_failure_of(site);
  if (fail) {
    atomic_store(&armed, false);
    atomic_store(&fired, true);
  }
  pthread_mutex_unlock(&fault_lock);
  return fail;
}

void neap_fault_arm(void) {
  atomic_store(&fired, false);
  atomic_store(&armed, true);
}

bool neap_fault_fired(void) {
  atomic_store(&armed, false);
  return atomic_load(&fired);
}

void neap_fault_reset(void) {
  pthread_mutex_lock(&fault_lock);
  memset(failed_sites, 0, sizeof failed_sites);
  pthread_mutex_unlock(&fault_lock);
}

void neap_alloc_set_reclaim(bool (*call)(void *), void *ctx) {
  reclaim.call = call;
  reclaim.ctx = ctx;
}

static void account(int64_t delta) {
  int_fast64_t now = atomic_fetch_add_explicit(&live, delta, memory_order_relaxed) + delta;
  int_fast64_t top = atomic_load_explicit(&peak, memory_order_relaxed);
  while (now > top && !atomic_compare_exchange_weak_explicit(&peak, &top, now, memory_order_relaxed,
                                                             memory_order_relaxed)) {}
}

static void *out_of_memory(size_t bytes) {
  neap_fail(NEAP_ENOMEM, "out of memory: %zu bytes", bytes);
  return NULL;
}

void *neap__alloc(size_t n, size_t size, bool zero, const char *site) {
  if (size && n > (SIZE_MAX / 2 - 2 * HEADER) / size) return out_of_memory(SIZE_MAX);
  size_t bytes = n * size;
  size_t whole = ((bytes ? bytes : 1) + HEADER + 63) / 64 * 64; /* the pointer lies inside */
  char *block = must_fail(site) ? NULL : aligned_alloc(64, whole);
  if (!block && reclaim.call && reclaim.call(reclaim.ctx)) block = aligned_alloc(64, whole);
  if (!block) return out_of_memory(bytes);
  memcpy(block, &bytes, sizeof bytes);
  account((int64_t)bytes);
  if (zero) memset(block + HEADER, 0, bytes);
  return block + HEADER;
}

void *neap__alloc_n(int64_t n, size_t size, bool zero, const char *site) {
  if (n < 0) return out_of_memory(SIZE_MAX);
  return neap__alloc((size_t)n, size, zero, site);
}

void *neap__realloc_n(void *old, int64_t n, size_t size, const char *site) {
  void *fresh = neap__alloc_n(n, size, false, site);
  if (!fresh || !old) return fresh;
  size_t had, want = (size_t)n * size;
  memcpy(&had, (char *)old - HEADER, sizeof had);
  memcpy(fresh, old, had < want ? had : want);
  neap_free(old);
  return fresh;
}

char *neap__strndup(const char *text, size_t n, const char *site) {
  char *copy = neap__alloc(n + 1, 1, false, site);
  if (!copy) return NULL;
  memcpy(copy, text, n);
  copy[n] = 0;
  return copy;
}

void neap_free(void *data) {
  if (!data) return;
  char *block = (char *)data - HEADER;
  size_t bytes;
  memcpy(&bytes, block, sizeof bytes);
  account(-(int64_t)bytes);
  free(block);
}

int64_t neap_alloc_live(void) { return atomic_load_explicit(&live, memory_order_relaxed); }
int64_t neap_alloc_peak(void) { return atomic_load_explicit(&peak, memory_order_relaxed); }
