#define _GNU_SOURCE
#include "base/background.h"

#include <pthread.h>
#include <signal.h>

#include "base/pool.h"

static struct {
  pthread_mutex_t lock;
  pthread_cond_t wake, ended;
  neap_job *first; /* of those that wait */
  neap_job *running;
  bool started, forking;
} background = {.lock = PTHREAD_MUTEX_INITIALIZER,
                .wake = PTHREAD_COND_INITIALIZER,
                .ended = PTHREAD_COND_INITIALIZER};

static _Thread_local bool inside;

static void *work(void *unused) {
  (void)unused;
  inside = true;
  neap_pool_avoid();
  pthread_mutex_lock(&background.lock);
  for (;;) {
    while (!background.first || background.forking)
      pthread_cond_wait(&background.wake, &background.lock);
    neap_job *j = background.running = background.first;
    background.first = j->next;
    j->state = NEAP_JOB_RUNNING;
    pthread_mutex_unlock(&background.lock);
    j->run(j);
    pthread_mutex_lock(&background.lock);
    j->state = NEAP_JOB_IDLE;
    background.running = NULL;
    pthread_cond_broadcast(&background.ended);
  }
  return NULL;
}

/* Between two jobs the thread holds no lock, of the allocator for one, that a child would wait for
 * in vain. */
static void before_fork(void) {
  pthread_mutex_lock(&background.lock);
  background.forking = true;
  while (background.running) pthread_cond_wait(&background.ended, &background.lock);
}

static void in_parent(void) {
  background.forking = false;
  pthread_cond_signal(&background.wake);
  pthread_mutex_unlock(&background.lock);
}

static void in_child(void) {
  pthread_mutex_init(&background.lock, NULL);
  pthread_cond_init(&background.wake, NULL);
  pthread_cond_init(&background.ended, NULL);
  background.started = background.forking = false;
  for (neap_job *j = background.first; j; j = j->next) j->state = NEAP_JOB_IDLE;
  background.first = NULL;
}

/* With the lock held. */
static bool start_thread(void) {
  static bool fork_handlers;
  if (background.started) return true;
  if (!fork_handlers) fork_handlers = pthread_atfork(before_fork, in_parent, in_child) == 0;
  sigset_t all, old;
  pthread_t thread;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  background.started = fork_handlers && pthread_create(&thread, NULL, work, NULL) == 0;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (background.started) pthread_detach(thread);
  return background.started;
}

void neap_background_start(neap_job *j) {
  if (neap_threads() == 1) return;
  pthread_mutex_lock(&background.lock);
  if (j->state == NEAP_JOB_IDLE && start_thread()) {
    neap_job **end = &background.first;
    while (*end) end = &(*end)->next;
    *end = j;
    j->next = NULL;
    j->state = NEAP_JOB_QUEUED;
    pthread_cond_signal(&background.wake);
  }
  pthread_mutex_unlock(&background.lock);
}

void neap_background_settle(neap_job *j) {
  pthread_mutex_lock(&background.lock);
  if (j->state == NEAP_JOB_QUEUED) {
    neap_job **at = &background.first;
    while (*at != j) at = &(*at)->next;
    *at = j->next;
    j->state = NEAP_JOB_IDLE;
  }
  while (j->state == NEAP_JOB_RUNNING) pthread_cond_wait(&background.ended, &background.lock);
  pthread_mutex_unlock(&background.lock);
}

bool neap_in_background(void) { return inside; }
