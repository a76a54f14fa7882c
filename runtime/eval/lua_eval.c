/* The face of metrics and calibration in Lua. A neap.sample is made once by c.sample; the metrics
 * are its methods. Names and option tables are the business of lualib. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "eval/eval.h"
#include "tensor/lua_tensor.h"

enum { POLL_ROWS = 1 << 12 }; /* each takes logarithms and exponentials */

static const char SAMPLE[] = "neap.sample", CALIBRATOR[] = "neap.calibrator";

typedef struct {
  neap_sample s;
  char where[64];        /* the public function, for messages */
  neap_curve curve;      /* these two are empty but while their parts are copied to tensors: */
  neap_reliability bins; /* should that raise, they still have an owner */
} sample;

static sample *check_sample(lua_State *L, int arg) {
  sample *s = luaL_checkudata(L, arg, SAMPLE);
  if (!s->s.k) neap_lua_raise(L, "sample was closed");
  return s;
}

/* Raise "where: message" unless st is NEAP_OK. */
static void check_in(lua_State *L, const sample *s, neap_status st) {
  if (st) neap_lua_check(L, neap_fail_in(st, "%s", s->where));
}

/* arguments ------------------------------------------------------------------------------------ */

static const double *push_series(lua_State *L, int arg, const char *where, const char *name,
                                 int64_t *n) {
  char what[96];
  snprintf(what, sizeof what, "%s: %s", where, name);
  return neap_tensor_data(neap_lua_push_series(L, arg, NEAP_F64, what, n));
}

static const double *push_optional(lua_State *L, int arg, const char *where, const char *name,
                                   int64_t *n) {
  if (!lua_isnoneornil(L, arg)) return push_series(L, arg, where, name, n);
  lua_pushnil(L);
  return NULL;
}

/* N or N x K numbers. */
static const double *push_columns(lua_State *L, int arg, const char *where, const char *name,
                                  int64_t *n, int64_t *columns) {
  char what[96], shape[128];
  snprintf(what, sizeof what, "%s: %s", where, name);
  const neap_tensor *t = neap_lua_push_as(L, arg, NEAP_F64, what);
  if (t->ndim < 1 || t->ndim > 2 || (t->ndim == 2 && t->size[1] == 0))
    neap_lua_raise(L, "%s: shape N or N x K expected, got %s", what,
                   neap_shape_text(t, shape, sizeof shape));
  *n = t->size[0];
  *columns = t->ndim == 2 ? t->size[1] : 1;
  return neap_tensor_data(t);
}

static void check_length(lua_State *L, const char *where, const char *name, int64_t n,
                         int64_t expected) {
  if (n != expected)
    neap_lua_raise(L, "%s: y has %lld rows, %s has %lld", where, (long long)expected, name,
                   (long long)n);
}

static int check_option(lua_State *L, int arg, const char *where, const char *option,
                        const char *const *names) {
  const char *given = luaL_checkstring(L, arg);
  char known[256] = "";
  for (int i = 0; names[i]; i++) {
    if (strcmp(names[i], given) == 0) return i;
    snprintf(known + strlen(known), sizeof known - strlen(known), " %s", names[i]);
  }
  return neap_lua_raise(L, "%s: %s '%s' is not one of%s", where, option, given, known);
}

/* sample --------------------------------------------------------------------------------------- */

static int l_sample(lua_State *L) {
  static const char *const kinds[] = {"auto", "scores", "labels", NULL};
  const char *where = luaL_checkstring(L, 1);
  neap_sample_spec q = {.skip_nan = lua_toboolean(L, 7), .threshold = luaL_checknumber(L, 8)};
  q.kind = (neap_guess_kind)check_option(L, 6, where, "kind", kinds);
  lua_settop(L, 8);
  int64_t rows, weights = 0, labels = 0;
  q.y = push_series(L, 2, where, "y", &q.n);
  q.p = push_columns(L, 3, where, "p", &rows, &q.columns);
  check_length(L, where, "p", rows, q.n);
  q.weight = push_optional(L, 4, where, "weights", &weights);
  if (q.weight) check_length(L, where, "weights", weights, q.n);
  q.label = push_optional(L, 5, where, "classes", &labels);
  q.labels = labels > NEAP_MAX_CLASSES ? NEAP_MAX_CLASSES + 1 : (int)labels;
  sample *s = lua_newuserdatauv(L, sizeof *s, 0);
  memset(s, 0, sizeof *s);
  luaL_setmetatable(L, SAMPLE);
  snprintf(s->where, sizeof s->where, "%s", where);
  neap_status st = neap_eval_sample(&s->s, &q);
  check_in(L, s, st);
  return neap_lua_done(L, st);
}

static int s_close(lua_State *L) {
  sample *s = luaL_checkudata(L, 1, SAMPLE);
  neap_eval_sample_drop(&s->s);
  neap_eval_curve_drop(&s->curve);
  neap_eval_reliability_drop(&s->bins);
  return 0;
}

static int s_size(lua_State *L) {
  lua_pushinteger(L, check_sample(L, 1)->s.n);
  return 1;
}

static int s_one_class(lua_State *L) {
  lua_pushboolean(L, check_sample(L, 1)->s.one_class);
  return 1;
}

/* Whether p was read as scores, not labels. */
static int s_has_scores(lua_State *L) {
  lua_pushboolean(L, check_sample(L, 1)->s.columns > 0);
  return 1;
}

/* The classes in rising order, as i64. */
static int s_classes(lua_State *L) {
  const sample *s = check_sample(L, 1);
  neap_tensor *t = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(t, NEAP_I64, s->s.k));
  int64_t *v = neap_tensor_data(t);
  for (int c = 0; c < s->s.k; c++) v[c] = (int64_t)s->s.label[c];
  return neap_lua_done(L, NEAP_OK);
}

/* Summed weight of every class in the truth, as f64. */
static int s_support(lua_State *L) {
  const sample *s = check_sample(L, 1);
  neap_tensor *t = neap_lua_push_tensor(L);
  int64_t k = s->s.k;
  neap_lua_check(L, neap_tensor_init(t, NEAP_F64, 1, &k));
  double *v = neap_tensor_data(t);
  for (int64_t i = 0; i < s->s.n; i++) v[s->s.code[i]] += s->s.weight ? s->s.weight[i] : 1;
  return neap_lua_done(L, NEAP_OK);
}

/* guessed classes ------------------------------------------------------------------------------ */

/* Push the confusion matrix as f64. */
static const double *push_confusion(lua_State *L, const sample *s) {
  if (!s->s.guess) neap_lua_raise(L, "%s: the sample holds scores only", s->where);
  neap_tensor *t = neap_lua_push_tensor(L);
  int64_t size[2] = {s->s.k, s->s.k};
  neap_lua_check(L, neap_tensor_init(t, NEAP_F64, 2, size));
  neap_eval_confusion(&s->s, neap_tensor_data(t));
  return neap_tensor_data(t);
}

static int s_confusion(lua_State *L) {
  const sample *s = check_sample(L, 1);
  push_confusion(L, s);
  if (s->s.weight) return neap_lua_done(L, NEAP_OK);
  neap_tensor *counts = neap_lua_push_as(L, -1, NEAP_I64, s->where);
  (void)counts;
  return 1;
}

/* accuracy, balanced accuracy, mcc */
static int s_hits(lua_State *L) {
  const sample *s = check_sample(L, 1);
  const double *m = push_confusion(L, s);
  lua_pushnumber(L, neap_eval_accuracy(s->s.k, m));
  lua_pushnumber(L, neap_eval_balanced_accuracy(s->s.k, m));
  lua_pushnumber(L, neap_eval_mcc(s->s.k, m));
  return 3;
}

/* prf(average, positive|nil) -> precision, recall, f1. Average "auto" is binary for two classes,
 * else macro; positive is a label, nil the larger class. */
static int s_prf(lua_State *L) {
  static const char *const averages[] = {"binary", "macro", "micro", "weighted", "auto", NULL};
  const sample *s = check_sample(L, 1);
  int average = check_option(L, 2, s->where, "average", averages);
  int k = s->s.k, positive = k - 1;
  if (average == 4) average = k == 2 || !lua_isnoneornil(L, 3) ? 0 : 1;
  if (average == 0 && k > 2 && lua_isnoneornil(L, 3))
    neap_lua_raise(L, "%s: %d classes have no larger one: give positive, or another average",
                   s->where, k);
  if (!lua_isnoneornil(L, 3)) {
    positive = neap_eval_label_code(k, s->s.label, luaL_checknumber(L, 3));
    if (positive < 0)
      neap_lua_raise(L, "%s: positive is %g, which is not among the classes", s->where,
                     lua_tonumber(L, 3));
  }
  const double *m = push_confusion(L, s);
  neap_prf v = neap_eval_prf(k, m, (neap_average)average, positive);
  lua_pushnumber(L, v.precision);
  lua_pushnumber(L, v.recall);
  lua_pushnumber(L, v.f1);
  return 3;
}

/* scores --------------------------------------------------------------------------------------- */

static sample *check_scores(lua_State *L) {
  sample *s = check_sample(L, 1);
  if (!s->s.columns)
    neap_lua_raise(L, "%s: p must hold probabilities or scores, not labels", s->where);
  return s;
}

static int number_of(lua_State *L, neap_status (*metric)(const neap_sample *, double *)) {
  const sample *s = check_scores(L);
  double v;
  check_in(L, s, metric(&s->s, &v));
  lua_pushnumber(L, v);
  return 1;
}

static int s_auc(lua_State *L) { return number_of(L, neap_eval_auc); }
static int s_average_precision(lua_State *L) { return number_of(L, neap_eval_average_precision); }
static int s_brier(lua_State *L) { return number_of(L, neap_eval_brier); }

static int s_log_loss(lua_State *L) {
  const sample *s = check_scores(L);
  double eps = luaL_checknumber(L, 2), v;
  if (!(eps >= 0 && eps < 0.5))
    neap_lua_raise(L, "%s: eps is %g, must lie in [0, 0.5)", s->where, eps);
  check_in(L, s, neap_eval_log_loss(&s->s, eps, &v));
  lua_pushnumber(L, v);
  return 1;
}

/* best_cut(metric) -> cut, value */
static int s_best_cut(lua_State *L) {
  static const char *const metrics[] = {"f1",  "accuracy", "balanced_accuracy",
                                        "mcc", "youden",   NULL};
  const sample *s = check_scores(L);
  neap_cut_metric metric = (neap_cut_metric)check_option(L, 2, s->where, "metric", metrics);
  double cut, value;
  check_in(L, s, neap_eval_best_cut(&s->s, metric, &cut, &value));
  lua_pushnumber(L, cut);
  lua_pushnumber(L, value);
  return 2;
}

static void push_copy(lua_State *L, int64_t n, const double *v) {
  neap_tensor *t = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(t, NEAP_F64, n));
  if (n) memcpy(neap_tensor_data(t), v, (size_t)n * sizeof *v);
}

/* curve() -> cut, weight of positives and of negatives at or above each cut (from "none" on) */
static int s_curve(lua_State *L) {
  sample *s = check_scores(L);
  neap_eval_curve_drop(&s->curve);
  check_in(L, s, neap_eval_curve(&s->s, &s->curve));
  push_copy(L, s->curve.points, s->curve.cut);
  push_copy(L, s->curve.points, s->curve.tp);
  push_copy(L, s->curve.points, s->curve.fp);
  neap_eval_curve_drop(&s->curve);
  neap_lua_charge(L);
  return 3;
}

/* reliability(bins, strategy) -> ece, mce, low, high, mean, share, count */
static int s_reliability(lua_State *L) {
  static const char *const strategies[] = {"width", "quantile", NULL};
  sample *s = check_scores(L);
  char what[96];
  snprintf(what, sizeof what, "%s: bins", s->where);
  int bins = (int)neap_lua_integer(L, 2, 1, 1000000, what);
  bool quantile = check_option(L, 3, s->where, "strategy", strategies) == 1;
  neap_eval_reliability_drop(&s->bins);
  check_in(L, s, neap_eval_reliability(&s->s, bins, quantile, &s->bins));
  lua_pushnumber(L, s->bins.ece);
  lua_pushnumber(L, s->bins.mce);
  const double *parts[] = {s->bins.low, s->bins.high, s->bins.mean, s->bins.share, s->bins.count};
  for (int i = 0; i < 5; i++) push_copy(L, bins, parts[i]);
  neap_eval_reliability_drop(&s->bins);
  neap_lua_charge(L);
  return 7;
}

/* regression(where, y, p, weights|nil, skip_nan) -> mse, mae, mape, r2 */
static int l_regression(lua_State *L) {
  const char *where = luaL_checkstring(L, 1);
  bool skip_nan = lua_toboolean(L, 5);
  lua_settop(L, 5);
  int64_t n, rows, weights = 0;
  const double *y = push_series(L, 2, where, "y", &n), *p = push_series(L, 3, where, "p", &rows);
  check_length(L, where, "p", rows, n);
  const double *w = push_optional(L, 4, where, "weights", &weights);
  if (w) check_length(L, where, "weights", weights, n);
  neap_regression r;
  neap_status st = neap_eval_regression(n, y, p, w, skip_nan, &r);
  if (st) st = neap_fail_in(st, "%s", where);
  neap_lua_check(L, st);
  lua_pushnumber(L, r.mse);
  lua_pushnumber(L, r.mae);
  lua_pushnumber(L, r.mape);
  lua_pushnumber(L, r.r2);
  return 4;
}

/* calibrators ---------------------------------------------------------------------------------- */

static neap_calibrator *push_calibrator(lua_State *L) {
  neap_calibrator *c = lua_newuserdatauv(L, sizeof *c, 0);
  memset(c, 0, sizeof *c);
  luaL_setmetatable(L, CALIBRATOR);
  return c;
}

static neap_calibrator *check_calibrator(lua_State *L, int arg) {
  neap_calibrator *c = luaL_checkudata(L, arg, CALIBRATOR);
  if (!c->columns) neap_lua_raise(L, "calibrator was closed");
  return c;
}

static int c_close(lua_State *L) {
  neap_eval_calibrator_drop(luaL_checkudata(L, 1, CALIBRATOR));
  return 0;
}

static neap_cal_method check_method(lua_State *L, int arg, const char *where) {
  neap_cal_method method = NEAP_CAL_NONE;
  neap_status st = neap_cal_parse(&method, luaL_checkstring(L, arg));
  if (st) st = neap_fail_in(st, "%s", where);
  neap_lua_check(L, st);
  return method;
}

/* calibrate(sample, method, logit) */
static int l_calibrate(lua_State *L) {
  const sample *s = check_sample(L, 1);
  neap_cal_method method = check_method(L, 2, s->where);
  bool logit = lua_toboolean(L, 3);
  neap_calibrator *c = push_calibrator(L);
  neap_status st = neap_eval_calibrate(c, method, logit, &s->s);
  if (st) c->columns = 0;
  check_in(L, s, st);
  return neap_lua_done(L, st);
}

static neap_status copy_knots(double **out, int64_t n, const double *v) {
  *out = neap_alloc_array(n, sizeof **out);
  if (!*out) return NEAP_ENOMEM;
  memcpy(*out, v, (size_t)n * sizeof *v);
  return NEAP_OK;
}

static bool is_rising(int64_t n, const double *x) {
  for (int64_t i = 1; i < n; i++)
    if (!(x[i] > x[i - 1])) return false;
  return true;
}

/* calibrator(method, logit, columns, a, b, c, x|nil, y|nil): one that was stored. */
static int l_calibrator(lua_State *L) {
  static const char where[] = "calibration.from_table";
  neap_calibrator made = {.method = check_method(L, 1, where), .logit = lua_toboolean(L, 2)};
  made.columns =
      (int)neap_lua_integer(L, 3, 1, NEAP_MAX_CLASSES, "calibration.from_table: columns");
  for (int i = 0; i < 3; i++) made.param[i] = luaL_checknumber(L, 4 + i);
  if (made.method == NEAP_CAL_TEMPERATURE && !(made.param[0] > 0))
    neap_lua_raise(L, "%s: temperature is %g, must be positive", where, made.param[0]);
  if (made.columns > 1 && made.method != NEAP_CAL_TEMPERATURE && made.method != NEAP_CAL_NONE)
    neap_lua_raise(L, "%s: %s takes two classes", where, neap_cal_name(made.method));
  lua_settop(L, 8);
  if (made.method != NEAP_CAL_ISOTONIC) {
    *push_calibrator(L) = made;
    return 1;
  }
  int64_t n, m;
  const double *x = push_series(L, 7, where, "x", &n), *y = push_series(L, 8, where, "y", &m);
  if (n != m || n == 0 || !is_rising(n, x))
    neap_lua_raise(L, "%s: x must rise, and have as many values as y", where);
  neap_calibrator *c = push_calibrator(L);
  *c = made;
  c->knots = n;
  neap_lua_check(L, copy_knots(&c->x, n, x));
  return neap_lua_done(L, copy_knots(&c->y, n, y));
}

static int apply_tensor(lua_State *L, const neap_calibrator *c) {
  static const char where[] = "calibrator:apply";
  int64_t n, columns;
  const double *p = push_columns(L, 2, where, "p", &n, &columns);
  bool pair = c->columns == 1 && columns == 2;
  if (columns != c->columns && !pair)
    neap_lua_raise(L, "%s: p has %lld columns, the calibrator was fitted on %d", where,
                   (long long)columns, c->columns);
  int64_t size[2] = {n, columns};
  neap_tensor *out = neap_lua_push_tensor(L);
  const neap_tensor *in = neap_lua_check_tensor(L, -2);
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, in->ndim, size));
  double *q = neap_tensor_data(out);
  if (!pair) return neap_lua_done(L, neap_eval_apply_rows(c, n, p, q));
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL_ROWS == 0) neap_lua_check(L, neap_interrupt_check());
    q[2 * i + 1] = neap_eval_apply(c, p[2 * i + 1]);
    q[2 * i] = 1 - q[2 * i + 1];
  }
  return neap_lua_done(L, NEAP_OK);
}

/* apply(number) -> number, apply(tensor) -> tensor of the same shape */
static int c_apply(lua_State *L) {
  const neap_calibrator *c = check_calibrator(L, 1);
  if (lua_type(L, 2) != LUA_TNUMBER) return apply_tensor(L, c);
  if (c->columns > 1)
    neap_lua_raise(L, "calibrator:apply: %d probabilities a row expected, got a number",
                   c->columns);
  lua_pushnumber(L, neap_eval_apply(c, lua_tonumber(L, 2)));
  return 1;
}

/* state() -> method, logit, columns, a, b, c, x|nil, y|nil: what l_calibrator takes. */
static int c_state(lua_State *L) {
  const neap_calibrator *c = check_calibrator(L, 1);
  lua_pushstring(L, neap_cal_name(c->method));
  lua_pushboolean(L, c->logit);
  lua_pushinteger(L, c->columns);
  for (int i = 0; i < 3; i++) lua_pushnumber(L, c->param[i]);
  if (!c->knots) return 6;
  push_copy(L, c->knots, c->x);
  push_copy(L, c->knots, c->y);
  return 8;
}

/* registration --------------------------------------------------------------------------------- */

static const luaL_Reg sample_methods[] = {
    {"size", s_size},
    {"one_class", s_one_class},
    {"has_scores", s_has_scores},
    {"classes", s_classes},
    {"support", s_support},
    {"confusion", s_confusion},
    {"hits", s_hits},
    {"prf", s_prf},
    {"auc", s_auc},
    {"average_precision", s_average_precision},
    {"log_loss", s_log_loss},
    {"brier", s_brier},
    {"best_cut", s_best_cut},
    {"curve", s_curve},
    {"reliability", s_reliability},
    {"__gc", s_close},
    {NULL, NULL},
};

static const luaL_Reg calibrator_methods[] = {
    {"apply", c_apply}, {"state", c_state}, {"__gc", c_close}, {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"sample", l_sample},
    {"regression", l_regression},
    {"calibrate", l_calibrate},
    {"calibrator", l_calibrator},
    {NULL, NULL},
};

NEAP_LUA_EXPORT int luaopen_neap_c_eval(lua_State *L);

int luaopen_neap_c_eval(lua_State *L) {
  neap_lua_class(L, SAMPLE, sample_methods);
  neap_lua_class(L, CALIBRATOR, calibrator_methods);
  luaL_newlib(L, functions);
  return 1;
}
