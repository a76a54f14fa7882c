/* Ctrl-C.
 *
 * The handler raises the core's flag, which kernels poll, and arms a hook on the Lua thread that
 * runs; whichever notices first turns the flag into a Lua error and takes it down. Two things would
 * lose that error. A hook belongs to one coroutine: so resume and wrap are replaced by versions
 * that keep `running` up to date and pass a flag that is still up on to the resumer. And a pcall of
 * the user would swallow it: so pcall, xpcall and resume hand an error on when Ctrl-C was pressed
 * during the call. Since the error is thrown once and not at every instruction, __close and __gc
 * handlers run undisturbed on its way, and a pcall inside them works as ever. */
#include <errno.h>
#include <lauxlib.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "host/host.h"

static lua_State *volatile running;      /* the Lua thread that runs inside neap_host_call */
static volatile sig_atomic_t depth;      /* of neap_host_call */
static volatile sig_atomic_t arrived;    /* presses of Ctrl-C during neap_host_call, ever */
static volatile sig_atomic_t presses;    /* since the flag was last down */
static volatile sig_atomic_t idle_press; /* Ctrl-C outside neap_host_call */
static pthread_t main_thread;

static void stop(lua_State *L, lua_Debug *ar) {
  (void)ar;
  lua_sethook(L, NULL, 0, 0);
  if (!neap_interrupted()) return; /* a kernel noticed first; its error is on the way */
  neap_interrupt_clear();
  if (neap_host_where(L, 0)) lua_pushliteral(L, ": interrupted");
  else {
    lua_pushliteral(L, "");
    lua_pushliteral(L, "interrupted");
  }
  lua_concat(L, 2);
  lua_error(L);
}

static void arm(lua_State *L) {
  lua_sethook(L, stop, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

void neap_host_hook(lua_Hook hook) {
  if (!depth || neap_interrupted()) return; /* the hook of an interrupt stays */
  if (!pthread_equal(pthread_self(), main_thread)) return;
  lua_sethook(running, hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

void neap_host_unhook(lua_Hook hook) {
  if (running && lua_gethook(running) == hook) lua_sethook(running, NULL, 0, 0);
}

static void write_text(const char *text) {
  ssize_t n = write(STDERR_FILENO, text, strlen(text));
  (void)n;
}

/* The flag is still up at the second press: the main thread sits inside a C function that neither
 * polls nor returns. Its call information does not move meanwhile, so it may be read. */
static void tell_what_is_awaited(void) {
  lua_State *L = running;
  lua_Debug ar;
  const char *name = NULL;
  if (lua_getstack(L, 0, &ar) && lua_getinfo(L, "n", &ar)) name = ar.name;
  write_text("\nneap: waiting for ");
  write_text(name ? name : "a library call");
  for (int level = 0; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline <= 0) continue;
    char line[24];
    snprintf(line, sizeof line, ":%d", ar.currentline);
    write_text(", called at ");
    write_text(ar.short_src);
    write_text(line);
    break;
  }
  write_text(", to return; press Ctrl-C again to quit at once\n");
}

static void on_press(void) {
  if (!depth) {
    idle_press = 1;
    return;
  }
  presses = neap_interrupted() ? presses + 1 : 1;
  arrived = arrived + 1;
  neap_interrupt_raise();
  arm(running);
  if (presses == 2) tell_what_is_awaited();
  if (presses >= 3) _exit(NEAP_EXIT_INTERRUPTED);
}

static void on_signal(int number) {
  int saved = errno;
  if (pthread_equal(pthread_self(), main_thread)) on_press();
  else pthread_kill(main_thread, number); /* a library's thread that does not block signals */
  errno = saved;
}

void neap_host_interrupt(void) {
  if (presses < 2 || !neap_interrupted()) pthread_kill(main_thread, SIGINT);
}

bool neap_host_press_waits(void) { return idle_press; }

bool neap_host_take_press(void) {
  bool pressed = idle_press;
  idle_press = 0;
  return pressed;
}

/* Make L the running thread again after other returned to it. */
static void come_back(lua_State *L) {
  running = L;
  if (neap_interrupted()) arm(L); /* the hook was armed on the thread that just ended */
}

/* The interrupts that have become errors. One that has arrived and not yet been noticed will strike
 * inside the call that asks. */
static int settled(void) {
  int count = arrived;
  return count > 0 && neap_interrupted() ? count - 1 : count;
}

neap_host_outcome neap_host_call(lua_State *L, int nargs, int nresults) {
  lua_State *outer = running;
  bool outermost = depth == 0;
  int before = arrived;
  int base = lua_gettop(L) - nargs;
  lua_pushcfunction(L, neap_host_explain);
  lua_insert(L, base);
  running = L;
  if (outermost) neap_interrupt_clear();
  depth = depth + 1;
  int status = lua_pcall(L, nargs, nresults, base);
  depth = depth - 1;
  neap_host_outcome outcome = status == LUA_OK    ? NEAP_HOST_DONE
                              : arrived != before ? NEAP_HOST_INTERRUPTED
                                                  : NEAP_HOST_FAILED;
  if (outermost) {
    lua_sethook(L, NULL, 0, 0);
    neap_interrupt_clear();
  }
  running = outer;
  lua_remove(L, base);
  return outcome;
}

/* pcall, xpcall ----------------------------------------------------------------------------------
 */

/* What a call remembers across a yield: how many values lie below its results, and the count of
 * interrupts when it began. */
static lua_KContext remember(int below) { return (lua_KContext)settled() * 4 + below; }

static int end_pcall(lua_State *L, int status, lua_KContext began) {
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - (int)(began % 4);
  if (arrived != began / 4) return lua_error(L);
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}

static int l_pcall(lua_State *L) {
  luaL_checkany(L, 1);
  lua_KContext began = remember(0);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, began, end_pcall);
  return end_pcall(L, status, began);
}

static int l_xpcall(lua_State *L) {
  int n = lua_gettop(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_KContext began = remember(2);
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2); /* f, handler, true, f, arguments */
  return end_pcall(L, lua_pcallk(L, n - 2, LUA_MULTRET, 2, began, end_pcall), began);
}

/* coroutines -------------------------------------------------------------------------------------
 */

static lua_State *check_thread(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  return co;
}

/* Resume co with the nargs values on top of L. True: nresults values replaced them. False: the
 * error object did, and co's pending __close handlers have run if an interrupt caused it. */
static bool resume(lua_State *L, lua_State *co, int nargs, int *nresults) {
  *nresults = 1;
  if (!lua_checkstack(co, nargs)) {
    lua_pushliteral(L, "too many arguments to resume");
    return false;
  }
  int before = settled();
  lua_xmove(L, co, nargs);
  running = co;
  int status = lua_resume(co, L, nargs, nresults);
  bool good = status == LUA_OK || status == LUA_YIELD;
  if (!good && arrived != before && lua_status(co) > LUA_YIELD) lua_resetthread(co);
  come_back(L);
  if (good && !lua_checkstack(L, *nresults + 1)) {
    lua_pop(co, *nresults);
    *nresults = 1;
    lua_pushliteral(L, "too many results to resume");
    return false;
  }
  if (!good) *nresults = 1;
  lua_xmove(co, L, *nresults);
  return good;
}

static int l_resume(lua_State *L) {
  lua_State *co = check_thread(L);
  int n, before = settled();
  bool good = resume(L, co, lua_gettop(L) - 1, &n);
  if (!good && arrived != before) return lua_error(L);
  lua_pushboolean(L, good);
  lua_insert(L, -(n + 1));
  return n + 1;
}

static int wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int n, before = settled();
  if (resume(L, co, lua_gettop(L), &n)) return n;
  int status = lua_status(co);
  if (status > LUA_YIELD) {
    running = co;
    lua_resetthread(co);
    come_back(L);
    lua_pop(L, 1);
    lua_xmove(co, L, 1); /* a __close handler may have raised another error */
  }
  if (lua_type(L, -1) == LUA_TSTRING && status != LUA_ERRMEM && arrived == before) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int l_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, wrapped, 1);
  return 1;
}

/* close(co): Lua's own, with `running` on co while its handlers run. */
static int l_close(lua_State *L) {
  lua_State *co = check_thread(L);
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  running = co;
  int status = lua_pcall(L, 1, LUA_MULTRET, 0);
  come_back(L);
  if (status != LUA_OK) return lua_error(L);
  return lua_gettop(L) - 1;
}

void neap_host_interrupts(lua_State *L) {
  lua_pushcfunction(L, l_pcall);
  lua_setglobal(L, "pcall");
  lua_pushcfunction(L, l_xpcall);
  lua_setglobal(L, "xpcall");
  lua_getglobal(L, "coroutine");
  lua_pushcfunction(L, l_resume);
  lua_setfield(L, -2, "resume");
  lua_pushcfunction(L, l_wrap);
  lua_setfield(L, -2, "wrap");
  lua_getfield(L, -1, "close");
  lua_pushcclosure(L, l_close, 1);
  lua_setfield(L, -2, "close");
  lua_pop(L, 1);
  main_thread = pthread_self();
  running = L;
  struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: a blocking read ends */
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
}
