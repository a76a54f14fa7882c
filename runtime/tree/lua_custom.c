/* Objectives and metrics written in Lua: what a trainer asks of its functions, and what they may
 * ask of it. A function that raises ends the step, and its error passes unchanged. */
#include <string.h>

#include "tree/link.h"
#include "tree/lua_tree.h"

/* The trainer's functions run inside t_step, whose first value is the trainer. */
enum { SELF = 1 };

/* asking --------------------------------------------------------------------------------------- */

static int check_set(lua_State *L, const neap__trainer_box *box, int arg) {
  return (int)neap_lua_integer(L, arg, 0, neap_trainer_sets(box->t) - 1, "set");
}

/* t:labels(set, numbers) -> N labels as they were given, or class numbers from 0 */
static int t_labels(lua_State *L) {
  const neap__trainer_box *box = neap__lua_check_trainer(L, SELF);
  int set = check_set(L, box, 2);
  bool numbers = lua_toboolean(L, 3);
  int64_t size[1] = {neap_trainer_rows(box->t, set)};
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, 1, size));
  neap_trainer_labels(box->t, set, numbers, neap_tensor_data(out));
  return neap_lua_done(L, NEAP_OK);
}

/* t:weights(set) -> N weights, nil where none were given */
static int t_weights(lua_State *L) {
  const neap__trainer_box *box = neap__lua_check_trainer(L, SELF);
  int set = check_set(L, box, 2);
  const float *w = neap_trainer_weights(box->t, set);
  if (!w) return 0;
  int64_t size[1] = {neap_trainer_rows(box->t, set)};
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, 1, size));
  double *to = neap_tensor_data(out);
  for (int64_t i = 0; i < size[0]; i++) to[i] = (double)w[i];
  return neap_lua_done(L, NEAP_OK);
}

/* t:predictions(set) -> N, or N x K where there are several columns */
static int t_predictions(lua_State *L) {
  const neap__trainer_box *box = neap__lua_check_trainer(L, SELF);
  int set = check_set(L, box, 2);
  int64_t size[2] = {neap_trainer_rows(box->t, set), neap_trainer_columns(box->t)};
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, size[1] > 1 ? 2 : 1, size));
  return neap_lua_done(L, neap_trainer_predictions(box->t, set, neap_tensor_data(out)));
}

/* giving --------------------------------------------------------------------------------------- */

/* t:start(scores): N numbers as an array, one per column */
static int t_start(lua_State *L) {
  const neap__trainer_box *box = neap__lua_check_trainer(L, SELF);
  int64_t n;
  const neap_tensor *t = neap_lua_push_series(L, 2, NEAP_F64, "start", &n);
  if (n != neap_trainer_columns(box->t))
    neap_lua_raise(L, "gbdt.fit: objective: start has %lld numbers, %lld are expected",
                   (long long)n, (long long)neap_trainer_columns(box->t));
  neap_lua_check(L, neap_trainer_start(box->t, neap_tensor_data(t)));
  return 0;
}

/* t:queries(set, sizes, gains | nil) */
static int t_queries(lua_State *L) {
  const neap__trainer_box *box = neap__lua_check_trainer(L, SELF);
  int set = check_set(L, box, 2);
  int64_t n, gains = 0;
  lua_settop(L, 4);
  const neap_tensor *sizes = neap_lua_push_series(L, 3, NEAP_I64, "group", &n), *gain = NULL;
  if (!lua_isnil(L, 4)) gain = neap_lua_push_series(L, 4, NEAP_F64, "label_gain", &gains);
  neap_lua_check(L, neap_trainer_queries(box->t, set, neap_tensor_data(sizes), n,
                                         gain ? neap_tensor_data(gain) : NULL, gains));
  return 0;
}

/* Whether t has a row for each of n and a column for each of k; one column may be left out. */
static bool has_shape(const neap_tensor *t, int64_t n, int64_t k) {
  if (t->ndim == 1) return k == 1 && t->size[0] == n;
  return t->ndim == 2 && t->size[0] == n && t->size[1] == k;
}

static void raise_shape(lua_State *L, const char *what, const neap_tensor *t, int64_t n,
                        int64_t k) {
  char shape[128], want[64];
  if (k == 1) snprintf(want, sizeof want, "[%lld]", (long long)n);
  else snprintf(want, sizeof want, "[%lldx%lld]", (long long)n, (long long)k);
  neap_lua_raise(L, "gbdt.fit: %s has shape %s, expected %s", what,
                 neap_shape_text(t, shape, sizeof shape), want);
}

/* t:init_score(set, scores): N or N x K */
static int t_init_score(lua_State *L) {
  const neap__trainer_box *box = neap__lua_check_trainer(L, SELF);
  int set = check_set(L, box, 2);
  int64_t n = neap_trainer_rows(box->t, set), k = neap_trainer_columns(box->t);
  const neap_tensor *t = neap_lua_push_as(L, 3, NEAP_F64, "init_score");
  if (!has_shape(t, n, k)) raise_shape(L, "init_score", t, n, k);
  neap_lua_check(L, neap_trainer_init_score(box->t, set, neap_tensor_data(t)));
  return 0;
}

/* functions of an objective -------------------------------------------------------------------- */

typedef struct {
  neap__trainer_box *box;
  const double *scores;
  double *g, *h; /* of slopes */
  int64_t column, count;
  const int32_t *rows; /* of renew */
  double *value;
} request;

/* Push the functions of the trainer at SELF, the wanted one behind them. */
static void push_function(lua_State *L, const char *name) {
  lua_getiuservalue(L, SELF, 1);
  lua_getfield(L, -1, name);
}

/* The scores of all columns, as N or N x K. */
static void push_scores(lua_State *L, const request *r, int64_t n, int64_t k) {
  int64_t size[2] = {k, n};
  neap_tensor *t = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(t, NEAP_F64, k > 1 ? 2 : 1, k > 1 ? size : size + 1));
  memcpy(neap_tensor_data(t), r->scores, (size_t)(n * k) * sizeof(double));
  if (k == 1) return;
  neap_lua_check(L, neap_tensor_transpose(neap_lua_push_tensor(L), t, 0, 1));
  lua_remove(L, -2);
}

/* The tensor at arg, N or N x K, into to[K][N]. */
static void take_slopes(lua_State *L, int arg, const char *what, int64_t n, int64_t k, double *to) {
  if (!neap_lua_to_tensor(L, arg))
    neap_lua_raise(L, "gbdt.fit: objective: the %s must be a tensor, got %s", what,
                   neap_lua_kind(L, arg));
  const neap_tensor *t = neap_lua_push_as(L, arg, NEAP_F64, what);
  char name[64];
  snprintf(name, sizeof name, "objective: the %s", what);
  if (!has_shape(t, n, k)) raise_shape(L, name, t, n, k);
  const double *from = neap_tensor_data(t);
  for (int64_t i = 0; i < n; i++)
    for (int64_t c = 0; c < k; c++) to[c * n + i] = from[i * k + c];
  lua_pop(L, 1);
}

static int ask_slopes(lua_State *L) {
  const request *r = lua_touserdata(L, 2);
  int64_t n = neap_trainer_rows(r->box->t, 0), k = neap_trainer_columns(r->box->t);
  push_function(L, "slopes");
  push_scores(L, r, n, k);
  lua_call(L, 1, 2);
  int h = lua_gettop(L);
  take_slopes(L, h - 1, "gradient", n, k, r->g);
  take_slopes(L, h, "hessian", n, k, r->h);
  return 0;
}

/* renew(column, rows) -> number, rows counted from 1 */
static int ask_renew(lua_State *L) {
  const request *r = lua_touserdata(L, 2);
  push_function(L, "renew");
  lua_pushinteger(L, r->column + 1);
  neap_tensor *t = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(t, NEAP_I64, 1, &r->count));
  int64_t *to = neap_tensor_data(t);
  for (int64_t i = 0; i < r->count; i++) to[i] = r->rows[i] + 1;
  lua_call(L, 2, 1);
  if (lua_type(L, -1) != LUA_TNUMBER)
    neap_lua_raise(L, "gbdt.fit: objective: renew must give a number, got %s",
                   neap_lua_kind(L, -1));
  *r->value = lua_tonumber(L, -1);
  return 0;
}

/* Run ask in a protected call, so that nothing unwinds through the core. */
static neap_status protect(const request *r, lua_CFunction ask) {
  lua_State *L = r->box->running;
  if (!lua_checkstack(L, 8)) return neap_fail(NEAP_ENOMEM, "gbdt.fit: the stack is full");
  lua_pushcfunction(L, ask);
  lua_pushvalue(L, SELF);
  lua_pushlightuserdata(L, (void *)(uintptr_t)r);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK) return NEAP_OK;
  r->box->raised = true;
  return neap_fail(NEAP_EARG, "gbdt.fit: objective: its function raised");
}

static neap_status slopes(void *ctx, const double *scores, double *g, double *h) {
  return protect(&(request){.box = ctx, .scores = scores, .g = g, .h = h}, ask_slopes);
}

static neap_status renew(void *ctx, int64_t column, const int32_t *rows, int64_t n, double *value) {
  return protect(&(request){.box = ctx, .column = column, .rows = rows, .count = n, .value = value},
                 ask_renew);
}

/* t:custom{ slopes = fn(scores) -> g, h, renew = fn(column, rows) -> number, or a share } */
static int t_custom(lua_State *L) {
  neap__trainer_box *box = neap__lua_check_trainer(L, SELF);
  neap_gbdt_custom custom = {.ctx = box, .slopes = slopes};
  luaL_checktype(L, 2, LUA_TTABLE);
  int kind = lua_getfield(L, 2, "renew");
  if (kind == LUA_TFUNCTION) custom.renew = renew;
  else if (kind == LUA_TNUMBER) custom.alpha = lua_tonumber(L, -1);
  lua_settop(L, 2);
  lua_setiuservalue(L, SELF, 1);
  neap_lua_check(L, neap_trainer_custom(box->t, &custom));
  return 0;
}

/* t:step() -> whether a split was found */
static int t_step(lua_State *L) {
  neap__trainer_box *box = neap__lua_check_trainer(L, SELF);
  bool grew;
  lua_settop(L, 1);
  box->running = L;
  neap_status st = neap_trainer_step(box->t, &grew);
  bool raised = box->raised;
  box->running = NULL;
  box->raised = false;
  if (raised) return lua_error(L); /* the function's own, left on the stack */
  neap_lua_check(L, st);
  lua_pushboolean(L, grew);
  return 1;
}

/* links ---------------------------------------------------------------------------------------- */

static double one(double v, int link) { return link == 0 ? neap__sigmoid(v) : neap__exp(v); }

/* link(scores, "sigmoid" | "exp" | "softmax") -> a fresh tensor, with the bits of the objectives */
int neap__lua_link(lua_State *L) {
  static const char *const names[] = {"sigmoid", "exp", "softmax", NULL};
  int link = luaL_checkoption(L, 2, NULL, names);
  const neap_tensor *t = neap_lua_push_as(L, 1, NEAP_F64, "scores");
  neap_tensor *out = neap_lua_push_tensor(L);
  if (link == 2 && t->ndim != 2) neap_lua_raise(L, "gbdt.link: softmax needs N x K scores");
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, t->ndim, t->size));
  const double *from = neap_tensor_data(t);
  double *to = neap_tensor_data(out);
  int64_t n = neap_tensor_numel(t), k = link == 2 ? t->size[1] : 1;
  if (link == 2)
    for (int64_t i = 0; k > 0 && i < n; i += k) neap__softmax(k, from + i, to + i);
  else
    for (int64_t i = 0; i < n; i++) to[i] = one(from[i], link);
  return neap_lua_done(L, NEAP_OK);
}

static const luaL_Reg methods[] = {
    {"step", t_step},       {"custom", t_custom},
    {"start", t_start},     {"init_score", t_init_score},
    {"queries", t_queries}, {"labels", t_labels},
    {"weights", t_weights}, {"predictions", t_predictions},
    {NULL, NULL},
};

void neap__lua_add_custom(lua_State *L) {
  neap_lua_class(L, NEAP__LUA_TRAINER, methods);
  lua_pop(L, 1);
}
