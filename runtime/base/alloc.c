/* Sizes, failures and retries; the blocks themselves come from blocks.c. */
#include "base/alloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/blocks.h"
#include "base/status.h"

enum { MAX_SITES = 4096 };

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

static bool is_armed(void) { return atomic_load_explicit(&armed, memory_order_relaxed); }

static bool must_fail(const char *site) {
  if (!is_armed()) return false;
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

bool neap_alloc_reclaim(void) { return reclaim.call && reclaim.call(reclaim.ctx); }

static void *out_of_memory(size_t bytes) {
  neap_fail(NEAP_ENOMEM, "out of memory: %zu bytes", bytes);
  return NULL;
}

/* A block, after giving back what is kept for reuse when the system refuses at first. */
static void *take(size_t bytes, bool *blank) {
  void *data = neap__block_take(bytes, blank);
  return data || !neap_alloc_trim() ? data : neap__block_take(bytes, blank);
}

void *neap__alloc(size_t n, size_t size, bool *blank, const char *site) {
  if (size && n > SIZE_MAX / 4 / size) return out_of_memory(SIZE_MAX);
  size_t bytes = n * size;
  bool unused;
  if (!blank) blank = &unused;
  void *data = must_fail(site) ? NULL : take(bytes, blank);
  if (!data && neap_alloc_reclaim()) data = take(bytes, blank);
  return data ? data : out_of_memory(bytes);
}

void *neap__alloc_n(int64_t n, size_t size, bool *blank, const char *site) {
  if (n < 0) return out_of_memory(SIZE_MAX);
  return neap__alloc((size_t)n, size, blank, site);
}

void *neap__calloc_n(int64_t n, size_t size, const char *site) {
  bool blank = false;
  void *data = neap__alloc_n(n, size, &blank, site);
  if (data && !blank) memset(data, 0, (size_t)n * size);
  return data;
}

void *neap__realloc_n(void *old, int64_t n, size_t size, const char *site) {
  size_t want = 0;
  bool fits = n >= 0 && !__builtin_mul_overflow((size_t)n, size, &want);
  if (old && fits && !is_armed() && neap__block_resize(old, want)) return old;
  void *fresh = neap__alloc_n(n, size, NULL, site);
  if (!fresh || !old) return fresh;
  size_t had = neap__block_bytes(old);
  memcpy(fresh, old, had < want ? had : want);
  neap_free(old);
  return fresh;
}

char *neap__strndup(const char *text, size_t n, const char *site) {
  char *copy = neap__alloc(n + 1, 1, NULL, site);
  if (!copy) return NULL;
  memcpy(copy, text, n);
  copy[n] = 0;
  return copy;
}

void neap_free(void *data) {
  if (data) neap__block_give(data);
}
