/* One job at a time, claimed chunk by chunk from an atomic counter by the caller and the workers.
 * The caller claims too, so a worker that the system put to sleep never blocks progress. The job
 * lives on the caller's stack: it may return only when no worker is inside any more.
 * Idle workers spin for a few microseconds, then sleep on a condition: a neighbour process keeps
 * its cores. */
#define _GNU_SOURCE
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/interrupt.h"

enum { MAX_THREADS = 256, SPINS = 2000 };

typedef struct {
  neap_parallel_fn fn;
  void *ctx;
  int64_t n, grain, chunks;
  atomic_int_fast64_t next;
  atomic_bool stop;
  int64_t failed_chunk;
  neap_status failed;
  char message[1024];
} job;

static struct {
  pthread_mutex_t lock;
  pthread_cond_t wake, left;
  atomic_uint_fast64_t generation; /* counts jobs; workers wait for a change */
  job *current;
  int wanted;  /* threads to use, caller included; 0 = not decided yet */
  int started; /* workers alive */
  atomic_int inside;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER,
          .left = PTHREAD_COND_INITIALIZER};

static _Thread_local int worker_index;
static _Thread_local bool in_chunk;

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static void record_failure(job *j, int64_t chunk, neap_status st) {
  pthread_mutex_lock(&pool.lock);
  if (j->failed == NEAP_OK || chunk < j->failed_chunk) {
    j->failed = st;
    j->failed_chunk = chunk;
    memcpy(j->message, neap_last_error(), strlen(neap_last_error()) + 1);
  }
  pthread_mutex_unlock(&pool.lock);
  atomic_store(&j->stop, true);
}

static neap_status run_chunk(const job *j, int64_t chunk) {
  NEAP_TRY(neap_interrupt_check());
  int64_t begin = chunk * j->grain;
  int64_t end = j->n - begin < j->grain ? j->n : begin + j->grain;
  return j->fn(j->ctx, chunk, begin, end);
}

/* Chunks are claimed in rising order, so when one fails all lower ones are done or under way: the
 * lowest failure is always seen, whatever the timing. */
static void claim_chunks(job *j) {
  bool outer = in_chunk;
  in_chunk = true;
  while (!atomic_load_explicit(&j->stop, memory_order_relaxed)) {
    int64_t chunk = atomic_fetch_add(&j->next, 1);
    if (chunk >= j->chunks) break;
    neap_status st = run_chunk(j, chunk);
    if (st) record_failure(j, chunk, st);
  }
  in_chunk = outer;
}

static void wait_for_job(uint_fast64_t seen) {
  for (int i = 0; i < SPINS; i++) {
    if (atomic_load_explicit(&pool.generation, memory_order_acquire) != seen) break;
    relax();
  }
  pthread_mutex_lock(&pool.lock);
  while (atomic_load(&pool.generation) == seen) pthread_cond_wait(&pool.wake, &pool.lock);
}

static void *worker_main(void *arg) {
  worker_index = (int)(intptr_t)arg;
  uint_fast64_t seen = 0;
  for (;;) {
    wait_for_job(seen); /* returns with the lock held */
    seen = atomic_load(&pool.generation);
    job *j = worker_index < pool.wanted ? pool.current : NULL;
    if (j) atomic_fetch_add(&pool.inside, 1);
    pthread_mutex_unlock(&pool.lock);
    if (!j) continue;
    claim_chunks(j);
    pthread_mutex_lock(&pool.lock);
    if (atomic_fetch_sub(&pool.inside, 1) == 1) pthread_cond_signal(&pool.left);
    pthread_mutex_unlock(&pool.lock);
  }
  return NULL;
}

/* In a forked child the workers do not exist, and the lock may be held by a ghost: start over. */
static void forget_workers(void) {
  pthread_mutex_init(&pool.lock, NULL);
  pthread_cond_init(&pool.wake, NULL);
  pthread_cond_init(&pool.left, NULL);
  pool.started = 0;
  pool.current = NULL;
  atomic_store(&pool.inside, 0);
}

static int default_threads(void) {
  const char *text = getenv("NEAP_THREADS");
  long n = text ? strtol(text, NULL, 10) : 0;
  if (n >= 1 && n <= MAX_THREADS) return (int)n;
  cpu_set_t set;
  n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (int)n;
}

static int threads_locked(void) {
  if (!pool.wanted) pool.wanted = default_threads();
  return pool.wanted;
}

/* With the lock held: make sure wanted - 1 workers live. A thread that cannot be had is no error;
 * the work is done by those there are. */
static void start_workers(void) {
  int want = threads_locked() - 1;
  if (pool.started >= want) return;
  static bool fork_handler;
  if (!fork_handler) fork_handler = pthread_atfork(NULL, NULL, forget_workers) == 0;
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  while (pool.started < want) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, worker_main, (void *)(intptr_t)(pool.started + 1))) break;
    pthread_detach(thread);
    pool.started++;
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
}

int64_t neap_parallel_chunks(int64_t n, int64_t grain) {
  if (n <= 0) return 0;
  return (n - 1) / (grain < 1 ? 1 : grain) + 1;
}

static bool publish(job *j) {
  pthread_mutex_lock(&pool.lock);
  bool free = pool.current == NULL;
  if (free) {
    start_workers();
    pool.current = j;
    atomic_fetch_add_explicit(&pool.generation, 1, memory_order_release);
    pthread_cond_broadcast(&pool.wake);
  }
  pthread_mutex_unlock(&pool.lock);
  return free;
}

static void retire(void) {
  pthread_mutex_lock(&pool.lock);
  pool.current = NULL;
  pthread_mutex_unlock(&pool.lock);
  for (int i = 0; i < SPINS && atomic_load(&pool.inside) > 0; i++) relax();
  pthread_mutex_lock(&pool.lock);
  while (atomic_load(&pool.inside) > 0) pthread_cond_wait(&pool.left, &pool.lock);
  pthread_mutex_unlock(&pool.lock);
}

neap_status neap_parallel_for(int64_t n, int64_t grain, neap_parallel_fn fn, void *ctx) {
  if (n > 0 && n <= grain) { /* what most calls are */
    NEAP_TRY(neap_interrupt_check());
    return fn(ctx, 0, 0, n);
  }
  job j = {.fn = fn, .ctx = ctx, .n = n, .grain = grain < 1 ? 1 : grain};
  j.chunks = neap_parallel_chunks(n, grain);
  bool shared = j.chunks > 1 && !in_chunk && neap_threads() > 1 && publish(&j);
  claim_chunks(&j);
  if (shared) retire();
  return j.failed ? neap_fail(j.failed, "%s", j.message) : NEAP_OK;
}

int neap_threads(void) {
  pthread_mutex_lock(&pool.lock);
  int n = threads_locked();
  pthread_mutex_unlock(&pool.lock);
  return n;
}

neap_status neap_set_threads(int n) {
  if (n < 1 || n > MAX_THREADS)
    return neap_fail(NEAP_EARG, "set_threads: %d threads, allowed are 1 to %d", n, MAX_THREADS);
  pthread_mutex_lock(&pool.lock);
  pool.wanted = n;
  pthread_mutex_unlock(&pool.lock);
  return NEAP_OK;
}

int neap_worker(void) { return worker_index; }

void neap_pool_avoid(void) { in_chunk = true; }
