/* background.h — one thread for work whose result is wanted later, such as reading ahead.
 *
 * Jobs run one after the other in the order they were handed in, each on this thread alone: the
 * pool stays with those who compute meanwhile. The thread is made when it is first needed, blocks
 * all signals, and sleeps when there is nothing to do. A fork waits until it is between two jobs;
 * in the child, jobs not yet begun are left to their owners. */
#ifndef NEAP_BASE_BACKGROUND_H
#define NEAP_BASE_BACKGROUND_H

#include <stdbool.h>

/* Part of what the job works on; zero it, and set run, before the first start. run must not touch
 * a lua_State; what it computes is its owner's after neap_background_settle. */
typedef struct neap_job {
  void (*run)(struct neap_job *j);
  struct neap_job *next;
  enum { NEAP_JOB_IDLE, NEAP_JOB_QUEUED, NEAP_JOB_RUNNING } state;
} neap_job;

/* Have an idle job run some time. Where neap_threads() is 1, or a thread cannot be had, it stays
 * idle: whoever needs its result must be able to do without. */
void neap_background_start(neap_job *j);

/* Make the job idle: one that waits is taken back, one that runs is waited for. */
void neap_background_settle(neap_job *j);

/* Is this the thread that jobs run on? */
bool neap_in_background(void);

#endif
