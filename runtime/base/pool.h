/* pool.h — the one thread pool of the process.
 *
 * Work is cut into chunks whose bounds depend on n and grain only, never on the number of threads;
 * a caller that combines partial results in chunk order gets the same bits at any thread count.
 * Threads are created on first use, block all signals, and sleep when idle. */
#ifndef NEAP_BASE_POOL_H
#define NEAP_BASE_POOL_H

#include <stdint.h>

#include "base/status.h"

/* The body: rows begin <= i < end of chunk number chunk (from 0). Runs on any thread; must not
 * touch a lua_State. */
typedef neap_status (*neap_parallel_fn)(void *ctx, int64_t chunk, int64_t begin, int64_t end);

/* Run fn over 0 <= i < n in chunks of grain. Returns the failure of the lowest failing chunk, with
 * its message, or NEAP_EINTERRUPT when Ctrl-C was pressed between chunks. Called from inside a
 * chunk, or while another thread uses the pool, it runs serially. */
neap_status neap_parallel_for(int64_t n, int64_t grain, neap_parallel_fn fn, void *ctx);

/* Number of chunks that neap_parallel_for makes, for sizing the array of partial results. */
int64_t neap_parallel_chunks(int64_t n, int64_t grain);

/* Threads used, the caller included: neap_set_threads, else NEAP_THREADS, else the cores. */
int neap_threads(void);

/* 1 <= n <= 256; takes effect at the next call. */
neap_status neap_set_threads(int n);

/* 0 on the calling thread, 1.. on workers: an index for per-thread scratch, below neap_threads().
 */
int neap_worker(void);

/* From now on neap_parallel_for runs serially on this thread, which leaves the pool to others. */
void neap_pool_avoid(void);

#endif
