/* The face of trees in Lua: neap.trainer runs a fit step by step, neap.gbdt is the finished model.
 * lualib/neap/gbdt.lua wraps both. */
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "tree/fingerprint.h"
#include "tree/lua_columns.h"
#include "tree/lua_tree.h"

static const char MODEL[] = NEAP__LUA_GBDT, TRAINER[] = NEAP__LUA_TRAINER, FIT[] = "gbdt.fit";

enum { ROW_OUTPUTS = 64 }; /* of predict_row on the C stack */

typedef struct {
  neap_gbdt *m;
} model_box;

static model_box *push_model(lua_State *L) {
  model_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->m = NULL;
  luaL_setmetatable(L, MODEL);
  return box;
}

static neap_gbdt *check_model(lua_State *L, int arg) {
  model_box *box = luaL_checkudata(L, arg, MODEL);
  if (!box->m) neap_lua_raise(L, "gbdt: the model was closed");
  return box->m;
}

neap_gbdt *neap__lua_check_gbdt(lua_State *L, int arg) { return check_model(L, arg); }

neap__trainer_box *neap__lua_check_trainer(lua_State *L, int arg) {
  neap__trainer_box *box = luaL_checkudata(L, arg, TRAINER);
  if (!box->t) neap_lua_raise(L, "gbdt: the trainer was closed");
  if (box->running) neap_lua_raise(L, "gbdt: the trainer is in the middle of a step");
  return box;
}

static neap_trainer *check_trainer(lua_State *L, int arg) {
  return neap__lua_check_trainer(L, arg)->t;
}

/* The series at arg, as long as x has rows; NULL for nil. */
static const double *push_rows(lua_State *L, int arg, const neap_tensor *x, const char *name) {
  return neap__lua_push_rows(L, FIT, arg, x, name);
}

/* training ------------------------------------------------------------------------------------- */

static int choice_field(lua_State *L, const char *name, const char *words) {
  const char *given = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : luaL_typename(L, -1);
  size_t n = strlen(given);
  int number = 0;
  for (const char *w = words; *w; w += strspn(w, " "), number++) {
    size_t length = strcspn(w, " ");
    if (length == n && strncmp(w, given, n) == 0) return number;
    w += length;
  }
  neap_lua_raise(L, "gbdt.fit: %s is '%s', one of these is expected: %s", name, given, words);
  return 0;
}

/* The field of options.def at the top of the stack into *o. */
static void take_field(lua_State *L, const neap_gbdt_option *r, neap_gbdt_options *o) {
  void *field = (char *)o + r->at;
  switch (r->kind) {
  case NEAP_OPTION_INTEGER: *(int64_t *)field = neap__lua_integer_field(L, FIT, r->name); break;
  case NEAP_OPTION_NUMBER: *(double *)field = neap__lua_number_field(L, FIT, r->name); break;
  case NEAP_OPTION_FLAG: *(bool *)field = neap__lua_flag_field(L, FIT, r->name); break;
  case NEAP_OPTION_CHOICE: *(int *)field = choice_field(L, r->name, r->words); break;
  }
}

/* options() -> the defaults of options.def by name */
static int l_options(lua_State *L) {
  int n;
  const neap_gbdt_option *list = neap_gbdt_option_list(&n);
  lua_createtable(L, 0, n);
  for (int i = 0; i < n; i++) {
    const neap_gbdt_option *r = &list[i];
    if (r->kind == NEAP_OPTION_INTEGER) lua_pushinteger(L, (lua_Integer)r->value);
    else if (r->kind == NEAP_OPTION_NUMBER) lua_pushnumber(L, r->value);
    else if (r->kind == NEAP_OPTION_FLAG) lua_pushboolean(L, r->value != 0);
    else lua_pushlstring(L, r->words, strcspn(r->words, " "));
    lua_setfield(L, -2, r->name);
  }
  return 1;
}

static neap_objective objective_field(lua_State *L) {
  lua_getfield(L, 1, "objective");
  const char *name = luaL_checkstring(L, -1);
  for (int i = 0; i <= NEAP_OBJECTIVE_IDENTITY; i++)
    if (strcmp(name, neap_objective_name((neap_objective)i)) == 0) {
      lua_pop(L, 1);
      return (neap_objective)i;
    }
  neap_lua_raise(L, "gbdt.fit: unknown objective '%s'", name);
  return NEAP_OBJECTIVE_REGRESSION;
}

/* The numbers of the field "quantiles", which stay on the stack; NULL for none. */
static const double *quantiles_field(lua_State *L, int64_t *count) {
  *count = 0;
  lua_getfield(L, 1, "quantiles");
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return NULL;
  }
  luaL_checktype(L, -1, LUA_TTABLE);
  int list = lua_gettop(L);
  int64_t n = (int64_t)lua_rawlen(L, list);
  double *values = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *values, 0);
  for (int64_t i = 0; i < n; i++) {
    lua_rawgeti(L, list, i + 1);
    values[i] = neap__lua_number_field(L, FIT, "alpha");
    lua_pop(L, 1);
  }
  *count = n;
  return values;
}

static neap_custom_link link_field(lua_State *L) {
  lua_getfield(L, 1, "link");
  int link = lua_isnil(L, -1) ? 0 : choice_field(L, "link", "identity sigmoid exp softmax");
  lua_pop(L, 1);
  return (neap_custom_link)link;
}

static neap_gbdt_options check_options(lua_State *L) {
  neap_gbdt_options o = neap_gbdt_defaults();
  luaL_checktype(L, 1, LUA_TTABLE);
  o.objective = objective_field(L);
  o.quantiles = quantiles_field(L, &o.quantile_count);
  o.link = link_field(L);
  int n;
  const neap_gbdt_option *list = neap_gbdt_option_list(&n);
  for (int i = 0; i < n; i++) {
    lua_getfield(L, 1, list[i].name);
    take_field(L, &list[i], &o);
    lua_pop(L, 1);
  }
  return o;
}

/* trainer(options, x, y, weights | nil, model | nil) */
static int l_trainer(lua_State *L) {
  lua_settop(L, 5);
  neap_gbdt_options o = check_options(L);
  const neap_gbdt *init = lua_isnil(L, 5) ? NULL : check_model(L, 5);
  const neap_tensor *x = neap__lua_push_matrix(L, 2, "x");
  int first = lua_gettop(L) + 1;
  const double *y = push_rows(L, 3, x, "y"), *w = push_rows(L, 4, x, "weights");
  int last = lua_gettop(L);
  if (!y) neap_lua_raise(L, "gbdt.fit: y: tensor expected, got nil");
  if (x->ndim == 2) o.columns = neap__lua_columns(L, 1, x->size[1]);
  neap__trainer_box *box = lua_newuserdatauv(L, sizeof *box, 1);
  *box = (neap__trainer_box){0};
  luaL_setmetatable(L, TRAINER);
  neap_status st = neap_trainer_open(&box->t, &o, x, y, w, init);
  for (int i = first; i <= last; i++) /* training is long: labels as doubles go at once */
    if (luaL_callmeta(L, i, "__gc")) lua_pop(L, 1);
  neap_alloc_trim();
  return neap_lua_done(L, st);
}

/* t:add_valid(x, y, weights | nil) */
static int t_add_valid(lua_State *L) {
  lua_settop(L, 4);
  neap_trainer *t = check_trainer(L, 1);
  const neap_tensor *x = neap__lua_push_matrix(L, 2, "valid x");
  const double *y = push_rows(L, 3, x, "valid y"), *w = push_rows(L, 4, x, "valid weights");
  if (!y) neap_lua_raise(L, "gbdt.fit: valid y: tensor expected, got nil");
  neap_lua_check(L, neap_trainer_add_valid(t, x, y, w));
  return 0;
}

/* t:metric(set, name) -> value, whether larger is better */
static int t_metric(lua_State *L) {
  neap_trainer *t = check_trainer(L, 1);
  lua_Integer set = luaL_checkinteger(L, 2);
  const char *name = luaL_checkstring(L, 3);
  double value;
  bool larger;
  neap_lua_check(
      L, neap_trainer_metric(t, set < 0 || set > 1000 ? -1 : (int)set, name, &value, &larger));
  lua_pushnumber(L, value);
  lua_pushboolean(L, larger);
  return 2;
}

static int t_iterations(lua_State *L) {
  lua_pushinteger(L, neap_trainer_iterations(check_trainer(L, 1)));
  return 1;
}

/* t:finish(iterations) -> model */
static int t_finish(lua_State *L) {
  neap_trainer *t = check_trainer(L, 1);
  lua_Integer iterations = luaL_checkinteger(L, 2);
  return neap_lua_done(L, neap_trainer_finish(t, iterations, &push_model(L)->m));
}

static int t_close(lua_State *L) {
  neap__trainer_box *box = luaL_checkudata(L, 1, TRAINER);
  if (box->running) return 0; /* closed by a function of its own objective */
  neap_trainer_free(box->t);
  box->t = NULL;
  return 0;
}

/* prediction ----------------------------------------------------------------------------------- */

static neap_predict_kind check_kind(lua_State *L, int arg) {
  static const char *const names[] = {"raw", "probability", "value", "leaf", NULL};
  return (neap_predict_kind)luaL_checkoption(L, arg, "value", names);
}

/* The tensor of sums at arg that a prediction goes on from; NULL for nil. */
static double *check_scores(lua_State *L, int arg, const neap_gbdt *m, const neap_tensor *x) {
  if (lua_isnoneornil(L, arg)) return NULL;
  const neap_tensor *t = neap_lua_check_tensor(L, arg);
  int64_t n = neap__lua_rows(x) * neap_gbdt_width(m, NEAP_PREDICT_RAW, 0);
  if (t->dtype != NEAP_F64 || !neap_tensor_is_contiguous(t) || neap_tensor_numel(t) != n)
    neap_lua_raise(L, "gbdt.predict: scores must be %lld contiguous f64 numbers", (long long)n);
  return neap_tensor_data(t);
}

/* m:predict(x, kind, iterations, start, freq, margin, scores): one dimension where a row gives one
 * number; labels and leaves as integers. freq 0: no early end; scores nil: sums begin at 0. */
static int m_predict(lua_State *L) {
  lua_settop(L, 8);
  neap_gbdt *m = check_model(L, 1);
  neap_predict_kind kind = check_kind(L, 3);
  neap_predict_options o = {.iterations = luaL_optinteger(L, 4, 0),
                            .start = luaL_optinteger(L, 5, 0),
                            .stop_freq = luaL_optinteger(L, 6, 0),
                            .stop_margin = luaL_optnumber(L, 7, 0)};
  const neap_tensor *x = neap__lua_push_matrix(L, 2, "x");
  o.scores = check_scores(L, 8, m, x);
  int64_t all = neap_gbdt_iterations(m), left = o.start < 0 || o.start > all ? all : all - o.start;
  int64_t width =
      neap_gbdt_width(m, kind, o.iterations > 0 && o.iterations < left ? o.iterations : left);
  int64_t size[2] = {neap__lua_rows(x), width};
  bool flat = width == 1 && (kind == NEAP_PREDICT_RAW || kind == NEAP_PREDICT_VALUE);
  bool whole =
      kind == NEAP_PREDICT_LEAF || (kind == NEAP_PREDICT_VALUE && neap_gbdt_is_classifier(m));
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, flat ? 1 : 2, size));
  neap_status st = neap_gbdt_predict_with(m, x, kind, &o, neap_tensor_data(out));
  if (!whole) return neap_lua_done(L, st);
  neap_lua_check(L, st);
  return neap_lua_done(L, neap_tensor_as(neap_lua_push_tensor(L), out, NEAP_I64));
}

/* m:predict_row(x) -> numbers: the probability of the second class, the value, or one probability
 * per class. Nothing is allocated when x is a plain f64 tensor and there are few classes. */
static int m_predict_row(lua_State *L) {
  const neap_gbdt *m = check_model(L, 1);
  const neap_tensor *x = neap_lua_check_tensor(L, 2);
  bool plain = x->dtype == NEAP_F64 && neap_tensor_is_contiguous(x);
  if (!plain) x = neap_lua_push_as(L, 2, NEAP_F64, "x");
  if (neap_tensor_numel(x) != neap_gbdt_features(m))
    neap_lua_raise(L, "gbdt.predict_row: x has %lld features, the model was fitted on %lld",
                   (long long)neap_tensor_numel(x), (long long)neap_gbdt_features(m));
  bool classifier = neap_gbdt_is_classifier(m);
  neap_predict_kind kind = classifier ? NEAP_PREDICT_PROBABILITY : NEAP_PREDICT_VALUE;
  int64_t width = neap_gbdt_width(m, kind, 0);
  double few[ROW_OUTPUTS], *out = few;
  if (width > ROW_OUTPUTS) out = lua_newuserdatauv(L, (size_t)width * sizeof *out, 0);
  neap_gbdt_predict_row(m, neap_tensor_data(x), kind, out);
  bool binary = classifier && neap_gbdt_width(m, NEAP_PREDICT_RAW, 0) == 1;
  luaL_checkstack(L, (int)width, "gbdt.predict_row");
  for (int64_t i = binary; i < width; i++) lua_pushnumber(L, out[i]);
  return (int)(width - binary);
}

/* looking -------------------------------------------------------------------------------------- */

static int m_features(lua_State *L) {
  lua_pushinteger(L, neap_gbdt_features(check_model(L, 1)));
  return 1;
}

static int m_iterations(lua_State *L) {
  lua_pushinteger(L, neap_gbdt_iterations(check_model(L, 1)));
  return 1;
}

/* m:leaves(tree): leaves of a tree, counted from 1; without tree, the number of trees. */
static int m_leaves(lua_State *L) {
  const neap_gbdt *m = check_model(L, 1);
  int64_t trees = neap_gbdt_trees(m);
  if (lua_isnoneornil(L, 2)) lua_pushinteger(L, trees);
  else lua_pushinteger(L, neap_gbdt_leaves(m, neap_lua_position(L, 2, trees, "tree")));
  return 1;
}

static int m_objective(lua_State *L) {
  lua_pushstring(L, neap_objective_name(neap_gbdt_objective(check_model(L, 1))));
  return 1;
}

static int m_classes(lua_State *L) {
  int64_t n;
  const int64_t *classes = neap_gbdt_classes(check_model(L, 1), &n);
  neap__lua_push_integers(L, classes, n);
  return 1;
}

static int m_feature_names(lua_State *L) {
  const neap_gbdt *m = check_model(L, 1);
  int64_t n = neap_gbdt_features(m);
  lua_createtable(L, (int)n, 0);
  for (int64_t f = 0; f < n; f++) {
    lua_pushstring(L, neap_gbdt_feature_name(m, f));
    lua_rawseti(L, -2, f + 1);
  }
  return 1;
}

/* Push the numbers of the features that have the property. */
static int push_which(lua_State *L, bool (*has)(const neap_gbdt *, int64_t)) {
  const neap_gbdt *m = check_model(L, 1);
  lua_newtable(L);
  for (int64_t f = 0, n = 0; f < neap_gbdt_features(m); f++) {
    if (!has(m, f)) continue;
    lua_pushinteger(L, f + 1);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

/* m:unused_features() -> numbers of the columns that had nothing to split on in training */
static int m_unused_features(lua_State *L) { return push_which(L, neap_gbdt_is_unused); }

/* m:categorical() -> numbers of the features that were categorical in training */
static int m_categorical(lua_State *L) { return push_which(L, neap_gbdt_is_categorical); }

/* m:admit(x, "other" | "error") -> x with categories not seen replaced, or refused */
static int m_admit(lua_State *L) {
  static const char *const policies[] = {"other", "error", NULL};
  const neap_gbdt *m = check_model(L, 1);
  bool refuse = luaL_checkoption(L, 3, NULL, policies) == 1;
  const neap_tensor *x = neap__lua_push_matrix(L, 2, "x");
  neap_tensor *out = neap_lua_push_tensor(L);
  int64_t size[2] = {neap__lua_rows(x), neap_gbdt_features(m)};
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, 2, size));
  return neap_lua_done(L, neap_gbdt_admit(m, x, refuse, neap_tensor_data(out)));
}

static int m_levels(lua_State *L) {
  lua_pushstring(L, neap_gbdt_levels(check_model(L, 1)));
  return 1;
}

/* m:set_levels(json): only right after fitting. */
static int m_set_levels(lua_State *L) {
  size_t n;
  neap_gbdt *m = check_model(L, 1);
  const char *json = luaL_checklstring(L, 2, &n);
  neap_lua_check(L, neap_gbdt_set_levels(m, json, (int64_t)n));
  return 0;
}

/* m:set_feature_names(names): only right after fitting, before anybody else holds the model. */
static int m_set_feature_names(lua_State *L) {
  neap_gbdt *m = check_model(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  int64_t n = neap_gbdt_features(m), given = (int64_t)lua_rawlen(L, 2);
  if (given != n)
    neap_lua_raise(L, "gbdt.fit: %lld feature names for %lld features", (long long)given,
                   (long long)n);
  const char **names = lua_newuserdatauv(L, (size_t)n * sizeof *names, 0);
  for (int64_t f = 0; f < n; f++) {
    lua_rawgeti(L, 2, f + 1);
    if (lua_type(L, -1) != LUA_TSTRING)
      neap_lua_raise(L, "gbdt.fit: feature name %lld is a %s", (long long)f + 1,
                     luaL_typename(L, -1));
    names[f] = lua_tostring(L, -1); /* the table keeps it alive */
    if (!*names[f]) neap_lua_raise(L, "gbdt.fit: feature name %lld is empty", (long long)f + 1);
    lua_pop(L, 1);
  }
  neap_lua_check(L, neap_gbdt_set_feature_names(m, names));
  return 0;
}

/* m:importance("gain" | "split") -> numbers in the order of the features */
static int m_importance(lua_State *L) {
  static const char *const kinds[] = {"gain", "split", NULL};
  const neap_gbdt *m = check_model(L, 1);
  bool gain = luaL_checkoption(L, 2, "gain", kinds) == 0;
  int64_t n = neap_gbdt_features(m);
  double *v = lua_newuserdatauv(L, (size_t)n * sizeof *v, 0);
  neap_gbdt_importance(m, gain, v);
  neap__lua_push_numbers(L, v, n);
  return 1;
}

/* files ---------------------------------------------------------------------------------------- */

/* Text that the core allocated, as a Lua string. The shell frees it when pushing raises. */
typedef struct {
  char *text;
} text_box;

static void release(text_box *box) {
  neap_free(box->text);
  box->text = NULL;
}

static int text_gc(lua_State *L) {
  release(lua_touserdata(L, 1));
  return 0;
}

static text_box *push_text_box(lua_State *L) {
  text_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->text = NULL;
  if (luaL_newmetatable(L, "neap.tree.text")) {
    lua_pushcfunction(L, text_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return box;
}

/* Its n bytes as a string. */
static int push_released(lua_State *L, text_box *box, int64_t n) {
  lua_pushlstring(L, box->text, (size_t)n);
  release(box);
  return 1;
}

static neap_status write_model(const neap_gbdt *m, bool json, const char *parameters, text_box *box,
                               int64_t *n) {
  return json ? neap_gbdt_write_json(m, parameters, &box->text, n)
              : neap_gbdt_write(m, parameters, &box->text, n);
}

/* m:text(parameters, json) -> string */
static int m_text(lua_State *L) {
  const neap_gbdt *m = check_model(L, 1);
  const char *parameters = luaL_optstring(L, 2, "");
  bool json = lua_toboolean(L, 3);
  text_box *box = push_text_box(L);
  int64_t n;
  neap_lua_check(L, write_model(m, json, parameters, box, &n));
  return push_released(L, box, n);
}

/* m:to_c(name) -> string */
static int m_to_c(lua_State *L) {
  const neap_gbdt *m = check_model(L, 1);
  const char *name = luaL_checkstring(L, 2);
  text_box *box = push_text_box(L);
  int64_t n;
  neap_lua_check(L, neap_gbdt_to_c(m, name, &box->text, &n));
  return push_released(L, box, n);
}

/* m:save(path, parameters, json) */
static int m_save(lua_State *L) {
  const neap_gbdt *m = check_model(L, 1);
  const char *path = neap_lua_text(L, 2, "path"), *parameters = luaL_optstring(L, 3, "");
  bool json = lua_toboolean(L, 4);
  text_box *box = push_text_box(L);
  int64_t n;
  neap_lua_check(L, write_model(m, json, parameters, box, &n));
  neap_status st = neap_file_write(path, box->text, (size_t)n);
  release(box);
  neap_lua_check(L, st);
  return 0;
}

static int m_parameters(lua_State *L) {
  lua_pushstring(L, neap_gbdt_parameters(check_model(L, 1)));
  return 1;
}

/* m:fact(name) -> text | nil */
static int m_fact(lua_State *L) {
  lua_pushstring(L, neap_gbdt_fact(check_model(L, 1), luaL_checkstring(L, 2)));
  return 1;
}

/* m:set_fact(name, text | nil): only right after fitting, before anybody else holds the model. */
static int m_set_fact(lua_State *L) {
  neap_gbdt *m = check_model(L, 1);
  neap_lua_check(L, neap_gbdt_set_fact(m, luaL_checkstring(L, 2), luaL_optstring(L, 3, NULL)));
  return 0;
}

/* parse(text) -> model */
static int l_parse(lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  return neap_lua_done(L, neap_gbdt_parse(&push_model(L)->m, text, (int64_t)n));
}

/* load(path) -> model */
static int l_load(lua_State *L) {
  const char *path = neap_lua_text(L, 1, "path");
  text_box *box = push_text_box(L);
  model_box *model = push_model(L);
  int64_t n = 0;
  neap_lua_check(L, neap_file_read(path, &box->text, &n));
  neap_status st = neap_gbdt_parse(&model->m, box->text, n);
  if (st) st = neap_fail_in(st, "%s", path);
  release(box);
  return neap_lua_done(L, st);
}

static int m_close(lua_State *L) {
  model_box *box = luaL_checkudata(L, 1, MODEL);
  neap_gbdt_free(box->m);
  box->m = NULL;
  return 0;
}

static const luaL_Reg model_methods[] = {
    {"predict", m_predict},
    {"predict_row", m_predict_row},
    {"features", m_features},
    {"iterations", m_iterations},
    {"leaves", m_leaves},
    {"objective", m_objective},
    {"classes", m_classes},
    {"feature_names", m_feature_names},
    {"unused_features", m_unused_features},
    {"set_feature_names", m_set_feature_names},
    {"categorical", m_categorical},
    {"admit", m_admit},
    {"levels", m_levels},
    {"set_levels", m_set_levels},
    {"importance", m_importance},
    {"text", m_text},
    {"to_c", m_to_c},
    {"save", m_save},
    {"parameters", m_parameters},
    {"fact", m_fact},
    {"set_fact", m_set_fact},
    {"__gc", m_close},
    {NULL, NULL},
};

static const luaL_Reg trainer_methods[] = {
    {"add_valid", t_add_valid}, {"metric", t_metric}, {"iterations", t_iterations},
    {"finish", t_finish},       {"__gc", t_close},    {NULL, NULL},
};

/* refit(options, x, y, weights | nil, model, decay) -> model */
static int l_refit(lua_State *L) {
  lua_settop(L, 6);
  neap_gbdt_options o = check_options(L);
  const neap_gbdt *m = check_model(L, 5);
  double decay = luaL_checknumber(L, 6);
  const neap_tensor *x = neap__lua_push_matrix(L, 2, "x");
  const double *y = push_rows(L, 3, x, "y"), *w = push_rows(L, 4, x, "weights");
  if (!y) neap_lua_raise(L, "gbdt.refit: y: tensor expected, got nil");
  return neap_lua_done(L, neap_gbdt_refit(&push_model(L)->m, m, &o, x, y, w, decay));
}

/* fingerprint(x, y, weights | nil) -> 64 hexadecimal digits */
static int l_fingerprint(lua_State *L) {
  char text[65];
  lua_settop(L, 3);
  const neap_tensor *x = neap__lua_push_matrix(L, 1, "x");
  const double *y = push_rows(L, 2, x, "y"), *w = push_rows(L, 3, x, "weights");
  if (!y) neap_lua_raise(L, "gbdt.fit: y: tensor expected, got nil");
  neap_lua_check(L, neap_gbdt_fingerprint(x, y, w, text));
  lua_pushstring(L, text);
  return 1;
}

/* memory(options, shape) -> bytes by part; shape: the fields of neap_gbdt_shape */
static int l_memory(lua_State *L) {
  static const char *const names[] = {"rows",       "features", "columns", "iterations",
                                      "valid_rows", "ordered",  "encoded"};
  lua_settop(L, 2);
  neap_gbdt_options o = check_options(L);
  int64_t v[7];
  for (int i = 0; i < 7; i++) {
    lua_getfield(L, 2, names[i]);
    v[i] = neap__lua_integer_field(L, FIT, names[i]);
  }
  lua_getfield(L, 2, "weighted");
  neap_gbdt_shape s = {v[0], v[1], v[2], v[3], v[4], v[5], v[6], lua_toboolean(L, -1)};
  neap_gbdt_memory m;
  neap_gbdt_memory_of(&o, &s, &m);
  const struct {
    const char *name;
    int64_t bytes;
  } parts[] = {{"bins", m.bins},           {"scores", m.scores},
               {"gradients", m.gradients}, {"histograms", m.histograms},
               {"trees", m.trees},         {"valid", m.valid},
               {"passing", m.passing},     {"total", m.peak}};
  lua_createtable(L, 0, 8);
  for (int i = 0; i < 8; i++) {
    lua_pushinteger(L, parts[i].bytes);
    lua_setfield(L, -2, parts[i].name);
  }
  return 1;
}

static const luaL_Reg functions[] = {
    {"options", l_options},   {"trainer", l_trainer}, {"parse", l_parse},
    {"load", l_load},         {"refit", l_refit},     {"fingerprint", l_fingerprint},
    {"link", neap__lua_link}, {"memory", l_memory},   {NULL, NULL},
};

NEAP_LUA_EXPORT int luaopen_neap_c_tree(lua_State *L);

int luaopen_neap_c_tree(lua_State *L) {
  neap_lua_class(L, MODEL, model_methods);
  neap_lua_class(L, TRAINER, trainer_methods);
  neap__lua_add_custom(L);
  neap__lua_add_explain(L);
  luaL_newlib(L, functions);
  return 1;
}
