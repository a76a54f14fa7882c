/* neap.c.clock: clocks, and times as text. */
#include <math.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/lua_base.h"
#include "base/zone.h"

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

/* The zone named at arg; UTC when absent. */
static const neap_zone *check_zone(lua_State *L, int arg) {
  const neap_zone *z = NULL;
  const char *name = lua_isnoneornil(L, arg) ? "UTC" : neap_lua_text(L, arg, "time zone");
  neap_lua_check(L, neap_zone_find(&z, name));
  return z;
}

/* parse(text[, zone[, policy]]) -> ns, or nil when it is no time. */
static int l_parse(lua_State *L) {
  static const char *const policies[] = {"error", "earlier", "later", NULL};
  static const neap_zone_policy values[] = {NEAP_ZONE_ERROR, NEAP_ZONE_EARLIER, NEAP_ZONE_LATER};
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  const neap_zone *z = check_zone(L, 2);
  neap_zone_policy policy = values[luaL_checkoption(L, 3, "error", policies)];
  int64_t ns;
  bool zoned;
  if (!neap_time_parse(text, n, &ns, &zoned)) {
    lua_pushnil(L);
    return 1;
  }
  if (!zoned) neap_lua_check(L, neap_zone_resolve(z, ns, policy, &ns, NULL));
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
