/* host.h — the executable: command line, script runner, prompt. */
#ifndef NEAP_HOST_HOST_H
#define NEAP_HOST_HOST_H

#include <lua.h>

/* Make require "neap.c.<name>" find the bindings linked into the executable, and require
 * "neap" the lualib beside it: of the source tree, or of the installation. */
void neap_host_preload(lua_State *L, const char *argv0);

#endif
