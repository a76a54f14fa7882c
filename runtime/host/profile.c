/* Where time goes. A timer ticks; its handler only arms a hook on the Lua thread that runs. The
 * hook notes the stack once and takes itself away, so code runs at full speed between ticks. Ticks
 * that pass inside a C function are counted, and go to it when it returns. */
#include <errno.h>
#include <lauxlib.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "host/host.h"

enum { MAX_FRAMES = 24 };

static volatile sig_atomic_t ticks; /* since the last sample */
static const char samples_key;      /* in the registry: {[stack] = ticks} */

/* "name\tplace" of a frame; place is empty for a C function. */
static void add_frame(lua_State *L, luaL_Buffer *text, lua_Debug *ar) {
  lua_getinfo(L, "nSl", ar);
  luaL_addstring(text, ar->name ? ar->name : *ar->what == 'm' ? "main chunk" : "");
  luaL_addchar(text, '\t');
  if (ar->currentline > 0) {
    lua_pushfstring(L, "%s:%d", ar->source, ar->currentline);
    luaL_addvalue(text);
  }
  luaL_addchar(text, '\n');
}

static void sample(lua_State *L, lua_Debug *event) {
  (void)event;
  lua_sethook(L, NULL, 0, 0);
  lua_Integer n = ticks;
  ticks = 0;
  if (n == 0 || !lua_checkstack(L, 12)) return;
  int top = lua_gettop(L);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &samples_key) == LUA_TTABLE) {
    lua_Debug ar;
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    for (int level = 0; level < MAX_FRAMES && lua_getstack(L, level, &ar); level++)
      add_frame(L, &text, &ar);
    luaL_pushresult(&text);
    lua_pushvalue(L, -1);
    lua_rawget(L, top + 1);
    lua_pushinteger(L, lua_tointeger(L, -1) + n);
    lua_replace(L, -2);
    lua_rawset(L, top + 1);
  }
  lua_settop(L, top);
}

static void on_tick(int number) {
  (void)number;
  int saved = errno;
  ticks = ticks + 1;
  neap_host_hook(sample);
  errno = saved;
}

static void set_timer(long microseconds) {
  struct timeval t = {.tv_sec = 0, .tv_usec = (suseconds_t)microseconds};
  struct itimerval timer = {t, t};
  setitimer(ITIMER_REAL, &timer, NULL);
}

void neap_host_profile_start(lua_State *L, int period_us) {
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &samples_key);
  struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGINT);
  sigaction(SIGALRM, &action, NULL);
  ticks = 0;
  set_timer(period_us);
}

void neap_host_profile_stop(lua_State *L) {
  set_timer(0); /* the handler stays: a tick may be on its way */
  neap_host_unhook(sample);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &samples_key);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &samples_key);
}
