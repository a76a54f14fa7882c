/* Each block has a 64-byte header in front of the data. Sixty-four bytes because the data behind it
 * must stay aligned to a cache line and an AVX-512 register.
 *
 * One lock guards lists and counters. It is held for a few loads and stores, never over a call into
 * the system, so it spins; the counters change inside and cost no atomic operation of their own.
 *
 * Under AddressSanitizer nothing is kept: a pool would hide every use after free. */
#define _GNU_SOURCE
#include "base/blocks.h"

#include <malloc.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"

enum { UNIT = 64, HEADER = 64, LEAST = 128, EXACT = 16, CLASSES = 320, PAGE = 4096 };
#define LARGE       ((size_t)2 << 20) /* one huge page; from here on blocks are mappings */
#define MOST        ((size_t)1 << 47) /* what an address space can hold */
#define GOAL_FLOOR  ((int64_t)8 << 20)
#define CACHE_FLOOR ((int64_t)64 << 20)
#define SHARE_FLOOR ((int64_t)96 << 20)

typedef struct block {
  size_t bytes;   /* asked for */
  size_t touched; /* what it holds of memory, as far as we know */
  int class;
  struct block *next; /* in a free list */
} block;

_Static_assert(sizeof(block) <= HEADER, "the header must fit before the data");

static struct {
  block *first;
  uint64_t used; /* when something was last put here or taken: the oldest goes first */
} lists[CLASSES];

static atomic_flag lock = ATOMIC_FLAG_INIT;
static uint64_t now;
static atomic_int_fast64_t live, peak, cached; /* written under the lock, read anywhere */
static atomic_int_fast64_t goal = GOAL_FLOOR, share = SHARE_FLOOR;
static atomic_int_fast64_t recent; /* bytes last asked for: what is likely asked for next */

static void enter(void) {
  for (int tries = 1; atomic_flag_test_and_set_explicit(&lock, memory_order_acquire); tries++)
    if (tries % 64 == 0) sched_yield(); /* whoever is inside may have lost its core */
}

static void leave(void) { atomic_flag_clear_explicit(&lock, memory_order_release); }

static int64_t value(const atomic_int_fast64_t *counter) {
  return atomic_load_explicit(counter, memory_order_relaxed);
}

static void set(atomic_int_fast64_t *counter, int64_t v) {
  atomic_store_explicit(counter, v, memory_order_relaxed);
}

static void add(atomic_int_fast64_t *counter, int64_t delta) {
  set(counter, value(counter) + delta);
}

static void count_live(int64_t delta) {
  add(&live, delta);
  if (value(&live) > value(&peak)) set(&peak, value(&live));
}

static void count_taken(int64_t bytes) {
  count_live(bytes);
  set(&recent, bytes);
}

/* classes -------------------------------------------------------------------------------------- */

/* Sizes are counted in units beyond the smallest block, which leaves room for two headers: a tensor
 * of a power of two elements fits its class exactly. */
static int class_of(size_t bytes) {
  size_t u = bytes > UNIT ? (bytes - 1) / UNIT : 0;
  if (u <= EXACT) return (int)u;
  int shift = 60 - __builtin_clzll(u - 1);
  return 8 * shift + 1 + (int)((u - 1) >> shift);
}

static size_t class_size(int class) {
  if (class <= EXACT) return LEAST + (size_t) class * UNIT;
  int shift = (class - 9) / 8, step = (class - 9) % 8 + 9;
  return LEAST + ((size_t)step << shift) * UNIT;
}

/* the system ----------------------------------------------------------------------------------- */

static size_t mapped_size(size_t size) { return (size + PAGE - 1) / PAGE * PAGE; }

/* A mapping that starts on a huge page; what was mapped too much to get there goes back. */
static void *map(size_t size) {
  size_t length = mapped_size(size);
  char *p = mmap(NULL, length + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return NULL;
  size_t ahead = (LARGE - (uintptr_t)p % LARGE) % LARGE;
  if (ahead) munmap(p, ahead);
  munmap(p + ahead + length, LARGE - ahead);
  madvise(p + ahead, length, MADV_HUGEPAGE); /* advice: without huge pages it works as well */
  return p + ahead;
}

#if NEAP_ALLOC_POOLED
static bool is_mapped(int class) { return class_size(class) >= LARGE; }
#else
static bool is_mapped(int class) { return class < 0; }
#endif

static block *from_system(int class, size_t bytes) {
  if (is_mapped(class)) return map(class_size(class));
  size_t size = NEAP_ALLOC_POOLED ? class_size(class) : (bytes + 2 * HEADER - 1) / UNIT * UNIT;
  return aligned_alloc(UNIT, size < LEAST ? LEAST : size);
}

static void to_system(block *b) {
  while (b) {
    block *next = b->next;
    if (is_mapped(b->class)) munmap(b, mapped_size(class_size(b->class)));
    else free(b);
    b = next;
  }
}

/* the lists, with the lock held ---------------------------------------------------------------- */

static block *pop(int class) {
  block *b = lists[class].first;
  if (!b) return NULL;
  lists[class].first = b->next;
  lists[class].used = ++now;
  add(&cached, -(int64_t)b->touched);
  return b;
}

static void push(block *b) {
  b->next = lists[b->class].first;
  lists[b->class].first = b;
  lists[b->class].used = ++now;
  add(&cached, (int64_t)b->touched);
}

static int oldest(void) {
  int found = -1;
  for (int c = 0; c < CLASSES; c++)
    if (lists[c].first && (found < 0 || lists[c].used < lists[found].used)) found = c;
  return found;
}

/* What the lists may hold: see neap_alloc_set_goal. */
static int64_t room(void) {
  int64_t left = value(&share) - value(&live),
          most = value(&live) > CACHE_FLOOR ? value(&live) : CACHE_FLOOR;
  return !NEAP_ALLOC_POOLED || left < 0 ? 0 : left < most ? left : most;
}

/* Take out what is more than most bytes, the longest unused class first, for to_system. */
static block *shed(int64_t most) {
  if (value(&cached) <= most) return NULL;
  block *out = NULL;
  int class = -1;
  while (value(&cached) > most) {
    if (class < 0 || !lists[class].first) class = oldest();
    block *b = lists[class].first;
    lists[class].first = b->next;
    add(&cached, -(int64_t)b->touched);
    b->next = out;
    out = b;
  }
  return out;
}

/* blocks --------------------------------------------------------------------------------------- */

/* The end of a mapping holds no memory until somebody writes there. */
static void note_size(block *b, size_t bytes) {
  b->bytes = bytes;
  if (is_mapped(b->class) && bytes > b->touched) b->touched = bytes;
}

static block *header_of(const void *data) {
  return (block *)(void *)((char *)(uintptr_t)data - HEADER);
}

void *neap__block_take(size_t bytes, bool *blank) {
  if (bytes > MOST) return NULL;
  int class = class_of(bytes);
  enter();
  block *b = pop(class), *spare = NULL;
  if (b) count_taken((int64_t)bytes);
  leave();
  *blank = !b && is_mapped(class); /* the system maps zeros */
  if (!b) {
    b = from_system(class, bytes);
    if (!b) return NULL;
    b->class = class;
    b->touched = is_mapped(class) ? 0 : class_size(class);
    enter();
    count_taken((int64_t)bytes);
    spare = shed(room());
    leave();
    to_system(spare);
  }
  note_size(b, bytes);
  return (char *)b + HEADER;
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* With the lock held. */
static void set_goal(int64_t bytes) {
  set(&goal, larger(bytes, GOAL_FLOOR));
  set(&share, larger(larger(value(&goal), 2 * value(&live)), SHARE_FLOOR));
}

void neap__block_give(void *data) {
  block *b = header_of(data), *spare;
  enter();
  count_live(-(int64_t)b->bytes);
  if (value(&goal) > GOAL_FLOOR && value(&goal) / 4 > value(&live)) set_goal(4 * value(&live));
  push(b);
  spare = shed(room());
  leave();
  if (spare) to_system(spare);
}

size_t neap__block_bytes(const void *data) { return header_of(data)->bytes; }

bool neap__block_resize(void *data, size_t bytes) {
  block *b = header_of(data);
  if (!NEAP_ALLOC_POOLED || bytes > MOST || class_of(bytes) != b->class) return false;
  enter();
  count_live((int64_t)bytes - (int64_t)b->bytes);
  leave();
  note_size(b, bytes);
  return true;
}

/* counters ------------------------------------------------------------------------------------- */

int64_t neap_alloc_live(void) { return value(&live); }
int64_t neap_alloc_peak(void) { return value(&peak); }
int64_t neap_alloc_cached(void) { return value(&cached); }

int64_t neap_alloc_trim(void) {
  enter();
  int64_t had = value(&cached);
  block *spare = shed(0);
  leave();
  to_system(spare);
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return had;
}

void neap_alloc_set_goal(int64_t bytes) {
  enter();
  set_goal(bytes);
  set(&recent, 0);
  block *spare = shed(room());
  leave();
  to_system(spare);
}

bool neap_alloc_past_goal(void) { return value(&live) + value(&recent) > value(&goal); }
