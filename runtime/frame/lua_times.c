/* Times for Lua: on the clock of a zone, from text, and rows of a stretch of time. */
#include <string.h>

#include "base/civil.h"
#include "base/interrupt.h"
#include "base/zone_array.h"
#include "frame/lua_parts.h"
#include "tensor/lua_tensor.h"

static const neap_zone *check_zone(lua_State *L, int arg) {
  const neap_zone *z = NULL;
  neap_lua_check(L, neap_zone_find(&z, neap_lua_text(L, arg, "time zone")));
  return z;
}

/* times_to_local(times, zone) -> i64 */
static int l_times_to_local(lua_State *L) {
  int64_t n;
  const neap_zone *z = check_zone(L, 2);
  const int64_t *utc = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_I64, "times", &n));
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_I64, n));
  return neap_lua_done(L, neap_zone_to_local(z, n, utc, neap_tensor_data(out)));
}

/* times_from_local(times, zone, ambiguous, nonexistent) -> i64 */
static int l_times_from_local(lua_State *L) {
  int64_t n;
  neap_ambiguous ambiguous;
  neap_nonexistent nonexistent;
  const neap_zone *z = check_zone(L, 2);
  neap_lua_clock_policies(L, 3, &ambiguous, &nonexistent);
  const int64_t *local = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_I64, "times", &n));
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_I64, n));
  return neap_lua_done(
      L, neap_zone_from_local(z, n, local, NULL, ambiguous, nonexistent, neap_tensor_data(out)));
}

static neap_time_field check_field(lua_State *L, const char *name) {
  for (int k = 0; name && k < NEAP_FIELD_COUNT; k++)
    if (strcmp(name, neap_time_field_names[k]) == 0) return (neap_time_field)k;
  neap_lua_raise(L, "time_fields: unknown field '%s'", name ? name : luaL_typename(L, -1));
  return NEAP_FIELD_YEAR;
}

/* time_fields(times, zone, names) -> array of f64 tensors in the order of names */
static int l_time_fields(lua_State *L) {
  int64_t n;
  const neap_zone *z = check_zone(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  const int64_t *utc = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_I64, "times", &n));
  double *out[NEAP_FIELD_COUNT] = {0};
  lua_newtable(L);
  for (lua_Integer i = 1, count = luaL_len(L, 3); i <= count; i++) {
    lua_geti(L, 3, i);
    neap_time_field field =
        check_field(L, lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL);
    lua_pop(L, 1);
    if (out[field]) neap_lua_raise(L, "time_fields: '%s' twice", neap_time_field_names[field]);
    neap_tensor *t = neap_lua_push_tensor(L);
    neap_lua_check(L, neap_tensor_init_1d(t, NEAP_F64, n));
    out[field] = neap_tensor_data(t);
    lua_seti(L, -2, i);
  }
  return neap_lua_done(L, neap_zone_fields(z, n, utc, out));
}

/* Element i of the table at 1 as a time; false and "" are missing. */
static void read_text(lua_State *L, int64_t i, int64_t *ns, uint8_t *zoned) {
  size_t n = 0;
  bool offset = true;
  int kind = lua_rawgeti(L, 1, i + 1);
  const char *text = kind == LUA_TSTRING ? lua_tolstring(L, -1, &n) : "";
  if (kind != LUA_TSTRING && (kind != LUA_TBOOLEAN || lua_toboolean(L, -1)))
    neap_lua_raise(L, "element %lld is a %s, text or false is expected", (long long)i + 1,
                   luaL_typename(L, -1));
  *ns = NEAP_NAT;
  if (n && !neap_time_parse(text, n, ns, &offset))
    neap_lua_raise(L, "element %lld, '%s', is not a time", (long long)i + 1, text);
  *zoned = offset;
  lua_pop(L, 1);
}

/* parse_times(texts, zone, ambiguous, nonexistent) -> i64 */
static int l_parse_times(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  neap_ambiguous ambiguous;
  neap_nonexistent nonexistent;
  const neap_zone *z = check_zone(L, 2);
  neap_lua_clock_policies(L, 3, &ambiguous, &nonexistent);
  int64_t n = (int64_t)lua_rawlen(L, 1);
  neap_tensor *marks = neap_lua_push_tensor(L), *shown = neap_lua_push_tensor(L),
              *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(marks, NEAP_U8, n));
  neap_lua_check(L, neap_tensor_init_1d(shown, NEAP_I64, n));
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_I64, n));
  int64_t *local = neap_tensor_data(shown);
  uint8_t *zoned = neap_tensor_data(marks);
  for (int64_t i = 0; i < n; i++) {
    if ((i & 0xffff) == 0) neap_lua_check(L, neap_interrupt_check());
    read_text(L, i, &local[i], &zoned[i]);
  }
  return neap_lua_done(
      L, neap_zone_from_local(z, n, local, zoned, ambiguous, nonexistent, neap_tensor_data(out)));
}

/* Rows with low <= time <= high: how many, and the first and last of them. */
static neap_status count_between(int64_t n, const int64_t *t, int64_t low, int64_t high,
                                 int64_t *count, int64_t *first, int64_t *last) {
  *count = 0;
  *first = n;
  *last = -1;
  for (int64_t i = 0; i < n; i++) {
    if ((i & 0xfffff) == 0) NEAP_TRY(neap_interrupt_check());
    if (t[i] < low || t[i] > high || t[i] == NEAP_NAT) continue;
    if (!*count) *first = i;
    *last = i;
    ++*count;
  }
  return NEAP_OK;
}

/* rows_between(times, low, high) -> count, first, last (from 1), and, unless these rows stand side
 * by side, their positions */
static int l_rows_between(lua_State *L) {
  int64_t low = luaL_checkinteger(L, 2), high = luaL_checkinteger(L, 3), n, count, first, last;
  const int64_t *t = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_I64, "times", &n));
  neap_lua_check(L, count_between(n, t, low, high, &count, &first, &last));
  lua_pushinteger(L, count);
  lua_pushinteger(L, first + 1);
  lua_pushinteger(L, last + 1);
  if (!count || count == last - first + 1) return 3;
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_I64, count));
  int64_t *at = neap_tensor_data(out);
  for (int64_t i = first; i <= last; i++)
    if (t[i] >= low && t[i] <= high && t[i] != NEAP_NAT) *at++ = i + 1;
  neap_lua_charge(L);
  return 4;
}

void neap__lua_add_times(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"times_to_local", l_times_to_local}, {"times_from_local", l_times_from_local},
      {"time_fields", l_time_fields},       {"parse_times", l_parse_times},
      {"rows_between", l_rows_between},     {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
}
