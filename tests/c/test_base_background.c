/* The background thread: who runs what, what is taken back, forks, signals. */
#define _DEFAULT_SOURCE /* usleep */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/background.h"
#include "base/pool.h"
#include "check.h"

typedef struct {
  neap_job job;
  int runs, place;
  bool inside, blocked, alone;
} task;

static atomic_int ran;
static atomic_bool gate_open, at_gate;

static neap_status on_one_thread(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  (void)begin;
  (void)end;
  return pthread_equal(*(pthread_t *)ctx, pthread_self()) ? NEAP_OK : NEAP_EVALUE;
}

static void note(neap_job *j) {
  task *t = (task *)(void *)j;
  pthread_t self = pthread_self();
  sigset_t set;
  pthread_sigmask(SIG_SETMASK, NULL, &set);
  t->blocked = sigismember(&set, SIGINT) == 1;
  t->inside = neap_in_background();
  t->alone = neap_parallel_for(100, 1, on_one_thread, &self) == NEAP_OK;
  t->runs++;
  t->place = atomic_fetch_add(&ran, 1);
}

static void wait_at_gate(neap_job *j) {
  (void)j;
  atomic_store(&at_gate, true);
  while (!atomic_load(&gate_open)) usleep(100);
  atomic_fetch_add(&ran, 1);
}

/* The thread is inside a job until the gate opens: what is started now waits behind it. */
static void hold(neap_job *gate) {
  *gate = (neap_job){.run = wait_at_gate};
  atomic_store(&gate_open, false);
  atomic_store(&at_gate, false);
  neap_background_start(gate);
  while (!atomic_load(&at_gate)) usleep(100);
}

static int two_threads(void **state) {
  (void)state;
  atomic_store(&ran, 0);
  return neap_set_threads(2) == NEAP_OK ? 0 : -1;
}

static void jobs_run_in_turn_beside_the_pool(void **state) {
  (void)state;
  task t[20] = {0};
  for (int i = 0; i < 20; i++) {
    t[i].job.run = note;
    neap_background_start(&t[i].job);
  }
  while (atomic_load(&ran) < 20) usleep(100);
  for (int i = 0; i < 20; i++) {
    neap_background_settle(&t[i].job);
    assert_int_equal(t[i].runs, 1);
    assert_int_equal(t[i].place, i);
    assert_true(t[i].inside && t[i].blocked && t[i].alone);
  }
  assert_false(neap_in_background());
}

static void waiting_jobs_are_taken_back(void **state) {
  (void)state;
  neap_job gate;
  task t[3] = {0};
  hold(&gate);
  for (int i = 0; i < 3; i++) {
    t[i].job.run = note;
    neap_background_start(&t[i].job);
  }
  neap_background_settle(&t[1].job);
  neap_background_settle(&t[2].job);
  atomic_store(&gate_open, true);
  neap_background_settle(&gate);
  while (atomic_load(&ran) < 2) usleep(100);
  for (int i = 0; i < 3; i++) neap_background_settle(&t[i].job);
  for (int i = 0; i < 3; i++) assert_int_equal(t[i].runs, i == 0);
  neap_background_start(&t[1].job); /* idle: can start again */
  while (atomic_load(&ran) < 3) usleep(100);
  neap_background_settle(&t[1].job);
  assert_int_equal(t[1].runs, 1);
}

static void *open_gate(void *unused) {
  (void)unused;
  usleep(20000);
  atomic_store(&gate_open, true);
  return NULL;
}

static void running_jobs_are_waited_for(void **state) {
  (void)state;
  neap_job gate;
  pthread_t opener;
  hold(&gate);
  assert_int_equal(pthread_create(&opener, NULL, open_gate, NULL), 0);
  neap_background_settle(&gate);
  assert_int_equal(atomic_load(&ran), 1);
  pthread_join(opener, NULL);
}

static void one_thread_is_one(void **state) {
  (void)state;
  task t = {.job.run = note};
  assert_ok(neap_set_threads(1));
  neap_background_start(&t.job);
  assert_int_equal(t.job.state, NEAP_JOB_IDLE);
  neap_background_settle(&t.job);
  assert_int_equal(t.runs, 0);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NO_THREADS_IN_CHILDREN /* the sanitizer does not support them */
#endif
#endif

/* In the child: the job that waited is idle, and a new thread does new work. */
static int child_works(task *waiting) {
  neap_background_settle(&waiting->job);
  if (waiting->runs != 0) return 1;
#ifndef NO_THREADS_IN_CHILDREN
  task t = {.job.run = note};
  int before = atomic_load(&ran);
  neap_background_start(&t.job);
  for (int i = 0; i < 50000 && atomic_load(&ran) == before; i++) usleep(100);
  neap_background_settle(&t.job);
  if (t.runs != 1) return 3;
#endif
  return 0;
}

/* The fork waits for the gate, and not for the job behind it. */
static void forks_come_between_jobs(void **state) {
  (void)state;
  neap_job gate;
  task t = {.job.run = note};
  pthread_t opener;
  int status = -1;
  hold(&gate);
  neap_background_start(&t.job);
  assert_int_equal(pthread_create(&opener, NULL, open_gate, NULL), 0);
  pid_t child = fork();
  if (child == 0) _exit(atomic_load(&gate_open) ? child_works(&t) : 2);
  assert_true(child > 0);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  pthread_join(opener, NULL);
  while (atomic_load(&ran) < 2) usleep(100);
  neap_background_settle(&gate);
  neap_background_settle(&t.job);
  assert_int_equal(t.runs, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(jobs_run_in_turn_beside_the_pool, two_threads),
      cmocka_unit_test_setup(waiting_jobs_are_taken_back, two_threads),
      cmocka_unit_test_setup(running_jobs_are_waited_for, two_threads),
      cmocka_unit_test_setup(one_thread_is_one, two_threads),
      cmocka_unit_test_setup(forks_come_between_jobs, two_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
