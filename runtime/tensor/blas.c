#include "tensor/blas.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static neap__lapack functions;
static bool loaded;

/* A data pointer from dlsym into a function pointer: POSIX allows it, ISO C does not. */
static bool find(void *library, const char *name, void *fn) {
  void *symbol = dlsym(library, name);
  memcpy(fn, &symbol, sizeof symbol);
  return symbol != NULL;
}

static void *open_library(void) {
  static const char *const names[] = {"libopenblas.so.0", "libopenblas.so"};
  void *library = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++)
    library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  return library;
}

/* One thread from the start: the library's constructor would create more. The variable is for this
 * load only; child processes see what the user set. */
static void *open_single_threaded(void) {
  const char *old = getenv("OPENBLAS_NUM_THREADS");
  char *kept = old ? strdup(old) : NULL;
  unsetenv("OPENBLAS_CORETYPE");
  unsetenv("OPENBLAS_L2_SIZE");
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  sigset_t all, mask;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &mask); /* threads it may start inherit this */
  void *library = open_library();
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
  if (kept) setenv("OPENBLAS_NUM_THREADS", kept, 1);
  else unsetenv("OPENBLAS_NUM_THREADS");
  free(kept);
  return library;
}

static bool find_lapack(void *library, neap__lapack *l) {
  return find(library, "dgesv_", &l->dgesv) && find(library, "dpotrf_", &l->dpotrf) &&
         find(library, "dtrtrs_", &l->dtrtrs) && find(library, "dgetrf_", &l->dgetrf) &&
         find(library, "dgeqrf_", &l->dgeqrf) && find(library, "dorgqr_", &l->dorgqr) &&
         find(library, "dgesdd_", &l->dgesdd) && find(library, "dsyevd_", &l->dsyevd) &&
         find(library, "dgelsd_", &l->dgelsd) && find(library, "dgetrs_", &l->dgetrs) &&
         find(library, "dgetri_", &l->dgetri);
}

static void load(void) {
  const char *wish = getenv("NEAP_BLAS");
  if (wish && strcmp(wish, "none") == 0) return;
  void *library = open_single_threaded();
  void (*set_threads)(int) = NULL;
  if (!library) return;
  if (find(library, "openblas_set_num_threads", &set_threads)) set_threads(1);
  loaded = find_lapack(library, &functions);
}

const neap__lapack *neap__blas_open(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return loaded ? &functions : NULL;
}
