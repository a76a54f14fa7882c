/* library.h — shared libraries that are opened when they are first needed, so that start-up and
 * programs that do without them pay nothing. */
#ifndef NEAP_BASE_LIBRARY_H
#define NEAP_BASE_LIBRARY_H

#include <stddef.h>

#include "base/status.h"

/* A function to look up, and where its address goes: slot points to a function pointer. */
typedef struct {
  const char *name;
  void *slot;
} neap_symbol;

/* Open file ("libpq.so.5", or a path) and fill count slots. All signals are blocked meanwhile,
 * since libraries may start threads, which must not take ours. The library stays open. NEAP_EIO
 * when the file is absent or lacks a function, with what to do about it ("install the package
 * libpq5"); call again when that is done. */
neap_status neap_library_open(const char *file, const char *remedy, const neap_symbol *symbols,
                              size_t count);

#endif
