#include "tree/lua_columns.h"

#include <string.h>

/* Element i of the list at the top of the stack, as a number; the list stays. */
static double number_at(lua_State *L, const char *name, int64_t i) {
  lua_rawgeti(L, -1, i);
  if (!lua_isnumber(L, -1))
    neap_lua_raise(L, "gbdt.fit: %s: element %lld is a %s, a number is expected", name,
                   (long long)i, luaL_typename(L, -1));
  double v = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return v;
}

/* Set the flags of the features that the list at the top counts from 1. */
static void take_flags(lua_State *L, const char *name, int64_t features, bool *flag) {
  for (int64_t i = 1, n = (int64_t)lua_rawlen(L, -1); i <= n; i++) {
    double v = number_at(L, name, i);
    if (!(v >= 1 && v <= (double)features) || v != (double)(int64_t)v)
      neap_lua_raise(L, "gbdt.fit: %s: there is no feature %g, x has %lld", name, v,
                     (long long)features);
    flag[(int64_t)v - 1] = true;
  }
}

/* The list called name of the table at arg; nothing on the stack for nil. */
static bool push_list(lua_State *L, int arg, const char *name) {
  int type = lua_getfield(L, arg, name);
  if (type == LUA_TTABLE) return true;
  if (type != LUA_TNIL)
    neap_lua_raise(L, "gbdt.fit: %s must be an array, got %s", name, luaL_typename(L, -1));
  lua_pop(L, 1);
  return false;
}

/* Room that lives as long as the stack slot below the list that is on top. */
static void *room_below(lua_State *L, int64_t bytes) {
  void *room = lua_newuserdatauv(L, (size_t)bytes + 1, 0);
  memset(room, 0, (size_t)bytes + 1);
  lua_insert(L, -2);
  return room;
}

static const bool *categorical(lua_State *L, int arg, int64_t features) {
  static const char name[] = "categorical_feature";
  if (!push_list(L, arg, name)) return NULL;
  bool *flag = room_below(L, features);
  take_flags(L, name, features, flag);
  lua_pop(L, 1);
  return flag;
}

static void check_length(lua_State *L, const char *name, int64_t features) {
  int64_t n = (int64_t)lua_rawlen(L, -1);
  if (n != features)
    neap_lua_raise(L, "gbdt.fit: %s has %lld entries for %lld features", name, (long long)n,
                   (long long)features);
}

static const int8_t *monotone(lua_State *L, int arg, int64_t features) {
  static const char name[] = "monotone_constraints";
  if (!push_list(L, arg, name)) return NULL;
  check_length(L, name, features);
  int8_t *way = room_below(L, features);
  for (int64_t i = 0; i < features; i++) {
    double v = number_at(L, name, i + 1);
    if (v != -1 && v != 0 && v != 1)
      neap_lua_raise(L, "gbdt.fit: %s: entry %lld is %g, allowed are -1, 0 and 1", name,
                     (long long)i + 1, v);
    way[i] = (int8_t)v;
  }
  lua_pop(L, 1);
  return way;
}

static const double *contribution(lua_State *L, int arg, int64_t features) {
  static const char name[] = "feature_contri";
  if (!push_list(L, arg, name)) return NULL;
  check_length(L, name, features);
  double *factor = room_below(L, features * (int64_t)sizeof *factor);
  for (int64_t i = 0; i < features; i++) {
    factor[i] = number_at(L, name, i + 1);
    if (!(factor[i] >= 0 && factor[i] < 1e300))
      neap_lua_raise(L, "gbdt.fit: %s: entry %lld is %g, allowed are numbers from 0", name,
                     (long long)i + 1, factor[i]);
  }
  lua_pop(L, 1);
  return factor;
}

static const bool *groups(lua_State *L, int arg, int64_t features, int64_t *count) {
  static const char name[] = "interaction_constraints";
  if (!push_list(L, arg, name)) return NULL;
  *count = (int64_t)lua_rawlen(L, -1);
  bool *flag = room_below(L, *count * features);
  for (int64_t i = 0; i < *count; i++) {
    if (lua_rawgeti(L, -1, i + 1) != LUA_TTABLE)
      neap_lua_raise(L, "gbdt.fit: %s: entry %lld is a %s, an array of features is expected", name,
                     (long long)i + 1, luaL_typename(L, -1));
    take_flags(L, name, features, flag + i * features);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return flag;
}

const neap_gbdt_columns *neap__lua_columns(lua_State *L, int arg, int64_t features) {
  luaL_checkstack(L, 12, "gbdt.fit");
  neap_gbdt_columns *c = lua_newuserdatauv(L, sizeof *c, 0);
  *c = (neap_gbdt_columns){.categorical = NULL};
  c->categorical = categorical(L, arg, features);
  c->monotone = monotone(L, arg, features);
  c->contribution = contribution(L, arg, features);
  c->group = groups(L, arg, features, &c->group_count);
  return c;
}
