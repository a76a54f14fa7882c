/* neap.c.clock: clocks, and times as text. */
#include <math.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/lua_base.h"
#include "base/zone_array.h"

static int l_monotonic(lua_State *L) {
  lua_pushinteger(L, neap_clock_monotonic());
  return 1;
}

static int l_wall(lua_State *L) {
  lua_pushinteger(L, neap_clock_wall());
  return 1;
}

static int l_cpu(lua_State *L) {
  lua_pushinteger(L, neap_clock_cpu());
  return 1;
}

static int l_peak_rss(lua_State *L) {
  lua_pushinteger(L, neap_clock_peak_rss());
  return 1;
}

static int l_sleep(lua_State *L) {
  lua_Number seconds = luaL_checknumber(L, 1);
  if (!(seconds >= 0 && seconds <= 1e9))
    neap_lua_raise(L, "sleep: %g seconds, allowed are 0 to 1e9", seconds);
  neap_lua_check(L, neap_clock_sleep((int64_t)(seconds * 1e9)));
  return 0;
}

void neap_lua_clock_policies(lua_State *L, int arg, neap_ambiguous *ambiguous,
                             neap_nonexistent *nonexistent) {
  static const char *const twice[] = {"raise", "earliest", "latest", "infer", NULL};
  static const char *const never[] = {"raise", "forward", "missing", NULL};
  *ambiguous = (neap_ambiguous)luaL_checkoption(L, arg, "raise", twice);
  *nonexistent = (neap_nonexistent)luaL_checkoption(L, arg + 1, "raise", never);
}

/* The zone named at arg; UTC when absent. */
static const neap_zone *check_zone(lua_State *L, int arg) {
  const neap_zone *z = NULL;
  const char *name = lua_isnoneornil(L, arg) ? "UTC" : neap_lua_text(L, arg, "time zone");
  neap_lua_check(L, neap_zone_find(&z, name));
  return z;
}

/* parse(text[, zone[, ambiguous[, nonexistent]]]) -> ns, or nil when it is no time. */
static int l_parse(lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  const neap_zone *z = check_zone(L, 2);
  neap_ambiguous ambiguous;
  neap_nonexistent nonexistent;
  neap_lua_clock_policies(L, 3, &ambiguous, &nonexistent);
  int64_t local, ns;
  bool zoned;
  if (!neap_time_parse(text, n, &local, &zoned)) {
    lua_pushnil(L);
    return 1;
  }
  const uint8_t mark = zoned;
  neap_lua_check(L, neap_zone_from_local(z, 1, &local, &mark, ambiguous, nonexistent, &ns));
  lua_pushinteger(L, ns);
  return 1;
}

/* print(ns[, zone]) -> text. */
static int l_print(lua_State *L) {
  int64_t ns = luaL_checkinteger(L, 1);
  char text[40];
  if (lua_isnoneornil(L, 2)) neap_time_print(text, ns);
  else neap_time_print_at(text, ns, neap_zone_offset(check_zone(L, 2), ns) / NEAP_SECOND);
  lua_pushstring(L, text);
  return 1;
}

/* offset(ns, zone) -> seconds east of UTC at that moment. */
static int l_offset(lua_State *L) {
  int64_t ns = luaL_checkinteger(L, 1);
  luaL_checkstring(L, 2);
  lua_pushinteger(L, neap_zone_offset(check_zone(L, 2), ns) / NEAP_SECOND);
  return 1;
}

static const luaL_Reg functions[] = {
    {"monotonic", l_monotonic}, {"wall", l_wall},     {"cpu", l_cpu},
    {"peak_rss", l_peak_rss},   {"sleep", l_sleep},   {"parse", l_parse},
    {"print", l_print},         {"offset", l_offset}, {NULL, NULL},
};

NEAP_LUA_EXPORT int luaopen_neap_c_clock(lua_State *L);

int luaopen_neap_c_clock(lua_State *L) {
  luaL_newlib(L, functions);
  lua_pushinteger(L, NEAP_NAT);
  lua_setfield(L, -2, "nat");
  return 1;
}
