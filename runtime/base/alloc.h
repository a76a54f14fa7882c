/* alloc.h — all memory of the core, counted and testable.
 *
 * Every allocation goes through these macros, so that live bytes are known (Lua's collector is
 * paced by them), sizes are overflow-checked, and tests can make each call site fail once. Memory
 * comes 64-byte aligned, ready for the widest vector registers; blocks of 2 MB and more ask for
 * huge pages. Freed blocks are kept for reuse within a bound. Every function may be called from any
 * thread. Failure returns NULL and sets the last error to "out of memory: N bytes"; callers return
 * NEAP_ENOMEM. */
#ifndef NEAP_BASE_ALLOC_H
#define NEAP_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* bytes uninitialised bytes, or NULL. neap_alloc(0) gives a unique pointer that can be freed. */
#define neap_alloc(bytes) neap__alloc((size_t)(bytes), 1, NULL, NEAP_SITE)

/* n elements of size bytes each, overflow-checked; negative n fails. */
#define neap_alloc_array(n, size) neap__alloc_n((int64_t)(n), (size), NULL, NEAP_SITE)

/* As neap_alloc_array, filled with zero bytes. */
#define neap_calloc_array(n, size) neap__calloc_n((int64_t)(n), (size), NEAP_SITE)

/* As neap_alloc_array. *blank tells that the bytes are zero already, as fresh ones of the system
 * are: for callers that fill large blocks themselves, in pieces that an interrupt can stop. */
#define neap_alloc_array_blank(n, size, blank)                                                     \
  neap__alloc_n((int64_t)(n), (size), (blank), NEAP_SITE)

/* Resize a block from neap_alloc*; on failure the old block stays valid. old may be NULL. */
#define neap_realloc_array(old, n, size) neap__realloc_n((old), (int64_t)(n), (size), NEAP_SITE)

/* A copy of n bytes of text with a closing zero. */
#define neap_strndup(text, n) neap__strndup((text), (n), NEAP_SITE)

/* Give a block back; NULL is fine. */
void neap_free(void *block);

/* Bytes asked for and not yet freed, and the most that ever was. */
int64_t neap_alloc_live(void);
int64_t neap_alloc_peak(void);

/* Bytes of freed blocks that are kept for reuse, and giving all of them back to the system, which
 * happens by itself when memory is refused; returns how many there were. */
int64_t neap_alloc_cached(void);
int64_t neap_alloc_trim(void);

/* The live bytes that are fine, 8 MB at least and at first. One more block like the last would go
 * past the goal: then garbage should be collected. Setting the goal right after a collection also
 * bounds what is kept: blocks are given back, those of the longest unused sizes first, so that
 *   live + cached <= the larger of goal, twice what was live then, and 96 MB, and
 *   cached <= live (64 MB when it is less).
 * A free that leaves less than a quarter of the goal live lowers it to four times that, since what
 * is alive is never more than what is live. */
void neap_alloc_set_goal(int64_t bytes);
bool neap_alloc_past_goal(void);

/* 0 where freed blocks are not kept: AddressSanitizer has to see each of them go. */
#if defined(__SANITIZE_ADDRESS__)
#define NEAP_ALLOC_POOLED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NEAP_ALLOC_POOLED 0
#endif
#endif
#ifndef NEAP_ALLOC_POOLED
#define NEAP_ALLOC_POOLED 1
#endif

/* Called when memory runs out, on the thread that asked; returns true when a retry makes sense.
 * The Lua binding collects garbage here. NULL removes it. */
void neap_alloc_set_reclaim(bool (*reclaim)(void *ctx), void *ctx);

/* Call it: for work that ran out of memory on threads where nothing can be collected. */
bool neap_alloc_reclaim(void);

/* Fault injection for tests. After neap_fault_arm() the first allocation from a call site that has
 * not failed before fails; neap_fault_fired() tells whether one did, and disarms. So
 *   do { neap_fault_arm(); run(); } while (neap_fault_fired());
 * fails every call site that run() reaches, one per round. neap_fault_reset() forgets all sites. */
void neap_fault_arm(void);
bool neap_fault_fired(void);
void neap_fault_reset(void);

/* Private: what the macros call. */
#define NEAP_STRING_OF(x) #x
#define NEAP_STRING(x)    NEAP_STRING_OF(x)
#define NEAP_SITE         (__FILE__ ":" NEAP_STRING(__LINE__))
void *neap__alloc(size_t n, size_t size, bool *blank, const char *site);
void *neap__alloc_n(int64_t n, size_t size, bool *blank, const char *site);
void *neap__calloc_n(int64_t n, size_t size, const char *site);
void *neap__realloc_n(void *old, int64_t n, size_t size, const char *site);
char *neap__strndup(const char *text, size_t n, const char *site);

#endif
