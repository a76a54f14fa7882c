#include "base/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

neap_status neap_library_open(const char *file, const char *remedy, const neap_symbol *symbols,
                              size_t count) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (!handle) return neap_fail(NEAP_EIO, "%s cannot be opened; %s", file, remedy);
  for (size_t i = 0; i < count; i++) {
    void *address = dlsym(handle, symbols[i].name);
    if (!address)
      return neap_fail(NEAP_EIO, "%s has no function %s; %s of a newer release", file,
                       symbols[i].name, remedy);
    memcpy(symbols[i].slot, &address, sizeof address);
  }
  return NEAP_OK;
}
