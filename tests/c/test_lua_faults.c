/* Short scripts for every module, run in a fresh Lua state for each allocation of the core that
 * they reach: that allocation fails, or the collector runs inside it. A script that meets a failed
 * allocation ends in a Lua error, and a closed state leaves no byte behind. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/lua_base.h"
#include "check.h"

#define BINDING(name) int luaopen_neap_c_##name(lua_State *L);
#include "host/bindings.def"
#undef BINDING

static const luaL_Reg bindings[] = {
#define BINDING(name) {"neap.c." #name, luaopen_neap_c_##name},
#include "host/bindings.def"
#undef BINDING
    {NULL, NULL},
};

/* Every script sees the public modules as globals, and a folder of its own by name. */
static const char prelude[] =
    "package.path = 'lualib/?.lua;lualib/?/init.lua'\n"
    "neap = require 'neap'\n"
    "setmetatable(_G, {__index = function(_, name) return neap[name] end})\n"
    "folder = FOLDER\n";

static const struct {
  const char *name, *code;
} scripts[] = {
    {"tensor",
     "local x = tensor.randn {40, 5, seed = 1}\n"
     "local y = (x + 1):exp():log_() * x:to 'f32' / 2 - x:t():t():abs()\n"
     "y:add_(x:slice(1, -1, 1, -1)); y[{1}] = 3; y[y:gt(0)] = -1; y:copy_(x)\n"
     "local parts = tensor.cat {x, y, tensor.stack {x[1], x[2]}}\n"
     "parts:reshape(-1):sum(); parts:sum(1); parts:mean(2); parts:std(1, {keepdim = true})\n"
     "parts:max(1); parts:argmin(2); parts:cumsum(1); parts:sort(1); parts:argsort(2)\n"
     "parts:quantile(0.5, 1); parts:reshape(-1):unique(); x:t():matmul(x); x:any(); "
     "tensor.where(x:gt(0), x, 1)\n"
     "tensor.of({1, 2, 2}, {dtype = 'i64'}):bincount(); tensor.permutation(9); "
     "x:take(tensor.of({1, "
     "3}, {dtype = 'i64'}), 1)\n"
     "tensor.arange(1, 5):searchsorted(tensor.of {2, 3}); tostring(x); x:nonzero(); x:totable()\n"
     "linalg.solve(tensor.eye(3), tensor.ones {3}); linalg.cholesky(tensor.eye(3))\n"
     "local a = tensor.randn {2, 4, 4, seed = 1}\n"
     "linalg.qr(a); linalg.svd(a, {full = true}); linalg.eigh(a); linalg.lu(a); linalg.pinv(a)\n"
     "linalg.det(a); linalg.slogdet(a); linalg.cond(a); linalg.norm(a, 'nuc'); linalg.expm(a)\n"
     "linalg.lstsq(a[1], a[2]); linalg.solve_triangular(a, a); linalg.trace(a); linalg.rank(a)\n"
     "tensor.diag(a[1]); tensor.triu(a); tensor.kron(a[1], a[1]); tensor.bmm(a[1]:unsqueeze(1), "
     "a[1]:unsqueeze(1)); tensor.einsum('bii,bij->j', a, a)\n"
     "x:rolling_std(3, 1); x:rolling_quantile(3, 0.5, 1)\n"
     "tensor.save(folder .. '/a.npy', x:t()); tensor.load(folder .. '/a.npy')\n"
     "tensor.save(folder .. '/a.npz', {x = x, y = y}, {compress = true})\n"
     "tensor.load(folder .. '/a.npz', {only = {'y'}}); tensor.load(folder .. '/a.npy', {mmap = "
     "true})\n"
     "tensor.save(folder .. '/a.safetensors', {x = x}, {metadata = {k = 'v'}})\n"
     "tensor.load(folder .. '/a.safetensors')\n"},
    {"random",
     "local p = tensor.rand {3, 5, seed = 1}\n"
     "tensor.gamma {4, 3, 5, shape = p, scale = p[1]}; tensor.beta {a = p, b = 1}\n"
     "tensor.poisson {9, rate = 20}; tensor.binomial {n = 9, p = p}\n"
     "tensor.bernoulli {9, p = 0.5, dtype = 'f32'}; tensor.student_t {2, df = 3}\n"
     "for _, replace in ipairs {true, false} do\n"
     "  for _, weights in ipairs {p[1], false} do\n"
     "    tensor.choice(tensor.arange(5), 2, {replace = replace, weights = weights or nil})\n"
     "  end\n"
     "end\n"
     "tensor.choice(1e6, 3, {replace = false})\n"
     "tensor.multinomial(50, {0.5, 0.25, 0.25}, {size = {2, 2}})\n"
     "tensor.multivariate_normal({0, 1}, {{2, 1}, {1, 2}}, {n = 3})\n"
     "tensor.multivariate_normal({0, 1}, {{1, 1}, {1, 1}}, {dtype = 'f32'})\n"},
    {"large tensors",
     "local x = tensor.randn {70000, seed = 1}\n"
     "x:sort(); x:argsort(); x:unique(); x:topk(3); x:partition(5); x:sum(); x:var(); x:max()\n"
     "local _ = x[x:gt(0)]; x:rolling_quantile(300, 0.5); x:median(); x:view(700, 100):sum(1)\n"
     "for _, dtype in ipairs {'f32', 'i64', 'i32', 'u8'} do\n"
     "  local y = (x:abs() * 50):to(dtype); y:sort(); y:argsort(); y:topk(5); y:unique() end\n"
     "x:gt(0):sort(); x:view(7, 10000):sort(2); x:view(7, 10000):partition(9, 2)\n"
     "local near = x * 1e-12 + 1; near:sort(); near:argsort(); near:to('f32'):sort()\n"},
    {"files of others",
     "for _, name in ipairs {'wide_f16', 'wide_i16_fortran', 'wide_u64', 'times', 'wide_i8'} do\n"
     "  tensor.load('tests/golden/npy/' .. name .. '.npy') end\n"
     "tensor.load 'tests/golden/archives/wide.npz'\n"
     "tensor.load 'tests/golden/archives/other.safetensors'\n"
     "for _, name in ipairs(file.list 'tests/golden/zarr') do\n"
     "  local ok, m = pcall(zarr.load, 'tests/golden/zarr/' .. name)\n"
     "  assert(ok or not m:find 'memory', m) end\n"
     "file.write(folder .. '/a.gz', ('text'):rep(90000)); file.read(folder .. '/a.gz')\n"
     "file.remove_tree(file.temporary_folder())\n"},
    {"models with everything",
     "local x = tensor.randn {90, 3, seed = 1}; local w = tensor.rand {90, seed = 2} + 0.1\n"
     "local y = (tensor.arange(0, 89) % 3):to 'i64'\n"
     "local o = {num_iterations = 2, objective = 'multiclass', weights = w,\n"
     "  feature_names = {'a', 'b', 'c'}, valid = {x, y}, metric = 'multi_logloss'}\n"
     "local m = gbdt.fit(x, y, o); o.init_model = m; gbdt.fit(x, y, o)\n"
     "m:predict_proba(x:to 'f32'); m:predict_raw(x:t():clone():t())\n"
     "gbdt.fit(x, x[{{}, 1}], {num_iterations = 2, objective = 'regression_l1', weights = w,\n"
     "  valid = {x, x[{{}, 2}]}, metric = 'l2'})\n"
     "local flat = x:clone(); flat[{{}, 2}] = 1; gbdt.fit(flat, y, {num_iterations = 1,\n"
     "  objective = 'multiclass'})\n"
     "local n = linear.fit(x, y, {standardize = true, weights = w}); n:predict_proba(x)\n"
     "local p = m:predict_proba(x); local two = (y:eq(1)):to 'i64'\n"
     "metrics.auc(two, p[{{}, 2}], {weights = w}); metrics.log_loss(y, p, {weights = w})\n"
     "metrics.auc(y, p); metrics.report(y, p); metrics.average_precision(two, p[{{}, 2}])\n"
     "local c = calibration.fit('isotonic', two, p[{{}, 2}]); c:save(folder .. '/c')\n"
     "calibration.load(folder .. '/c'):apply(p[{{}, 2}])\n"
     "local bars = market.synthetic {rows = 40}\n"
     "local mixed = bars:sort('close'); market.validate(mixed, {policy = 'drop'})\n"},
    {"zarr", "local a = zarr.create(folder .. '/a' .. os.time() .. os.clock() .. '.zarr',\n"
             "  {shape = {0, 2}, chunks = {2, 2}})\n"
             "a:append(tensor.ones {3, 2}); a:append(tensor.ones {1, 2})\n"
             "assert(zarr.open(a.path):read({2, 3}, 1):sum() == 2)\n"
             "a:write({2, 1}, tensor.zeros {2, 2}); a:read(); tostring(a)\n"},
    {"frame",
     "local f = frame.new {{'time', tensor.of({1e18 // 1, 2e18 // 1}, {dtype = 'i64'})},\n"
     "  {'close', {1, 2.5}}, {'name', {'a', 'b'}}}\n"
     "f:write_csv(folder .. '/f.csv'); local g = frame.read_csv(folder .. '/f.csv')\n"
     "assert(#g == 2); tostring(g); g.close = g.close + 1; g:head(1); g:where(g.close:gt(2))\n"
     "g:sort 'close'; g:select {'close'}\n"},
    {"market",
     "local bars = market.synthetic {rows = 60}; market.validate(bars)\n"
     "bars:write_csv(folder .. '/b.csv'); market.read_ohlcv(folder .. '/b.csv')\n"
     "labels.threshold(bars, {lookforward = 3, threshold = 0.01}); labels.forward_return(bars)\n"
     "labels.auto_threshold(bars)\n"},
    {"ta", "local bars = market.synthetic {rows = 60}\n"
           "for _, name in ipairs(require('neap.c.ta').list()) do ta[name](#ta.info(name).inputs "
           "== 1 and\n"
           "  ta.info(name).inputs[1] == 'series' and bars.close or bars) end\n"
           "local s = ta.stream('macd'); for i = 1, 40 do s:push(i) end\n"
           "for _, name in ipairs(require('neap.c.ta').list()) do ta.stream(name) end\n"
           "features.set({'rsi_14', 'sma_5_rel', {'own', function(b) return b.close "
           "end}}):compute(bars)\n"
           "local panel = market.synthetic {rows = 30, symbols = {'A', 'B'}}\n"
           "local set = features.set {'macd', 'rsi_3@4h', 'ret_1:rank', 'hour'}\n"
           "local f = set:compute(panel, {by = 'symbol', cadence = '1h'}); set:report(f)\n"
           "set:stream({by = 'symbol', cadence = '1h'}):push_all {{symbol = 'A', time = 0, close = "
           "1}}\n"},
    {"gbdt",
     "local x, y = tensor.randn {120, 3, seed = 1}, tensor.randn({120, seed = 2}):gt(0):to 'i64'\n"
     "x[1][1] = 0 / 0\n"
     "local o = {num_iterations = 3, objective = 'binary', bagging_fraction = 0.5, bagging_freq = "
     "1,\n"
     "  feature_fraction = 0.7, valid = {x, y}, metric = 'auc', early_stopping_round = 2}\n"
     "local m = gbdt.fit(x, y, o); m:predict(x); m:predict_proba(x); m:predict_leaf(x)\n"
     "m:predict_row(x[1]); m:importance(); m:save(folder .. '/m.txt'); gbdt.load(folder .. "
     "'/m.txt')\n"
     "gbdt.fit(x, y, {num_iterations = 2, objective = 'binary', init_model = m})\n"
     "gbdt.fit(x, x[{{}, 2}]:clone(), {num_iterations = 2})\n"
     "gbdt.fit(x, tensor.arange(0, 119):to 'i64' % 3, {num_iterations = 2, objective = "
     "'multiclass'})\n"},
    {"gbdt in Lua",
     "local x, y = tensor.randn {60, 3, seed = 1}, tensor.randn({60, seed = 2}):gt(0):to 'i64'\n"
     "local three = tensor.arange(0, 59):to 'i64' % 3\n"
     "local function grad(s, t, w) local p = gbdt.link(s, 'sigmoid')\n"
     "  return (p - t) * w, p * (1 - p) * w end\n"
     "local function mean(s, t) return (t - s):mean() end\n"
     "local o = {num_iterations = 2, min_data_in_leaf = 5, class_weight = 'balanced',\n"
     "  objective = {grad = grad, link = 'sigmoid', start = 0.1, renew = mean},\n"
     "  metric = {'m', function(t, p, w) return (t * p):mean() end}, valid = {x, y}}\n"
     "gbdt.fit(x, y, o)\n"
     "gbdt.fit(x, three, {num_iterations = 1, objective = {link = 'softmax', grad = function(s, "
     "t)\n"
     "  local p = gbdt.link(s, 'softmax'); return p, p end, renew = 0.5},\n"
     "  init_score = tensor.zeros {60, 3}})\n"},
    {"forest",
     "local x, y = tensor.randn {90, 3, seed = 1}, tensor.arange(0, 89):to 'i64' % 3\n"
     "x[1][1] = 0 / 0\n"
     "local o = {n_estimators = 3, oob_score = true, class_weight = 'balanced_subsample',\n"
     "  bootstrap_weights = tensor.rand {90, seed = 2}, min_samples_leaf = 2, max_samples = 0.9}\n"
     "local m = forest.fit(x, y, o); m:predict(x); m:predict_proba(x:to 'f32'); m:predict_leaf(x)\n"
     "m:proximity(x); m:importance(); m:save(folder .. '/m.safetensors')\n"
     "forest.load(folder .. '/m.safetensors')\n"
     "forest.fit(x, x[{{}, 2}], {n_estimators = 2, criterion = 'squared_error', progress = "
     "function() end})\n"},
    {"isolation",
     "local x = tensor.randn {60, 3, seed = 1}; x[1][1] = 0 / 0\n"
     "for _, extended in ipairs {false, true} do\n"
     "  local m = isolation.fit(x, {n_estimators = 3, contamination = 0.1, extended = extended})\n"
     "  m:predict(x:to 'f32'); m:score_row(x[2]); m:save(folder .. '/i.safetensors')\n"
     "  isolation.load(folder .. '/i.safetensors') end\n"},
    {"linear",
     "local x, y = tensor.randn {60, 3, seed = 1}, tensor.randn({60, seed = 2}):gt(0):to 'i64'\n"
     "local m = linear.fit(x, y); m:predict(x); m:predict_proba(x); m:decision(x)\n"
     "m:save(folder .. '/l.json'); linear.load(folder .. '/l.json')\n"
     "linear.fit(x, x[{{}, 2}], {kind = 'ridge'}):predict(x)\n"},
    {"metrics", "local y = tensor.of({0, 1, 1, 0, 1, 0}, {dtype = 'i64'})\n"
                "local p = tensor.of {0.2, 0.8, 0.6, 0.4, 0.9, 0.5}\n"
                "metrics.report(y, p); metrics.roc_curve(y, p); metrics.best_threshold(y, p); "
                "metrics.rmse(y, p); metrics.reliability(y, p)\n"
                "for _, method in ipairs {'platt', 'isotonic', 'temperature'} do\n"
                "  local c = calibration.fit(method, y, p); c:apply(p); c:apply(0.5) end\n"},
    {"backtest", "local bars = market.synthetic {rows = 60}\n"
                 "local r = backtest.run(bars, {target = function(i) return i % 7 < 3 and 1 or 0 "
                 "end, fee = 1e-3})\n"
                 "tostring(r.stats); backtest.run(bars, {target = tensor.ones {60}, fee = 0, "
                 "stop_loss = 0.01})\n"},
    {"files", "file.write(folder .. '/t', ('text'):rep(1000)); file.read(folder .. '/t'); "
              "file.list(folder)\n"
              "file.sha256(file.read(folder .. '/t')); file.exists(folder .. '/t')\n"
              "local w = require('neap.c.file').open_writer(folder .. '/w'); w:write 'a'; w = nil\n"
              "clock.print(0, 'Europe/Berlin'); clock.parse('2024-03-01 12:00', {time_zone = "
              "'America/New_York'})\n"
              "yaml.decode 'a: [1, 2, {b: c}]\\nd: text'; log.to(folder .. '/log')\n"
              "local whole = require('neap.c.log').emit('info', 'text', 'a', 1); log.to()\n"
              "assert(whole, 'out of memory')\n"
              "plot.line({1, 2, 3}):save(folder .. '/p.svg'); split.walk_forward(99, {train = 9, "
              "test = 9})\n"},
    {"freed by a finalizer",
     "local owner = setmetatable({x = tensor.ones {3}}, {__gc = function(o) o.x:free() end})\n"
     "local x = owner.x; owner = nil\n"
     "assert(x:sort(1)[1] == 1 and x:quantile(0.5) == 1)\n"},
    {"open at the end", "kept = {ta.stream 'sma', tensor.ones {4}, "
                        "require('neap.c.file').open_writer(folder .. '/k')}\n"
                        "kept[4] = gbdt.fit(tensor.randn {50, 2, seed = 1}, tensor.randn {50, seed "
                        "= 2}, {num_iterations "
                        "= 1})\n"
                        "kept[5] = setmetatable({}, {__gc = function() pcall(kept[2].add_, "
                        "kept[2], 1); tostring(kept[4]) "
                        "end})\n"},
};

/* Nothing can be collected on the threads of the pool: what fails there ends the script. */
static const char threaded[] = "large tensors";

enum { SCRIPTS = sizeof scripts / sizeof *scripts };

static char folder[] = "/tmp/neap_faults_XXXXXX";

static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(L, bindings, 0);
  lua_pop(L, 1);
  lua_pushstring(L, folder);
  lua_setglobal(L, "FOLDER");
  if (luaL_dostring(L, prelude)) fail_msg("%s", luaL_tolstring(L, -1, NULL));
  return L;
}

/* The outcome of one run in a fresh state: NULL, or the error's text in message. */
static const char *run(const char *code, bool collects, char message[512]) {
  lua_State *L = new_state();
  if (!collects) neap_alloc_set_reclaim(NULL, NULL);
  bool failed = luaL_dostring(L, code);
  if (failed) snprintf(message, 512, "%s", luaL_tolstring(L, -1, NULL));
  lua_close(L);
  return failed ? message : NULL;
}

/* Fail every allocation site that the script reaches, one a run; returns how many there were. */
static int attack(const char *name, const char *code, bool collects) {
  char text[512];
  const char *message = run(code, collects, text);
  if (message) fail_msg("%s: %s", name, message);
  message = run(code, collects, text); /* what is made once is there now */
  int64_t live = neap_alloc_live();
  neap_fault_reset();
  for (int rounds = 0;; rounds++) {
    neap_fault_arm();
    message = run(code, collects, text);
    if (!neap_fault_fired()) return rounds;
    if (collects && message) fail_msg("%s, collecting, round %d: %s", name, rounds, message);
    if (!collects && !message) fail_msg("%s: failure %d went by unseen", name, rounds);
    if (!collects && !strstr(message, "memory")) fail_msg("%s: the error was '%s'", name, message);
    if (neap_alloc_live() != live)
      fail_msg("%s: %lld bytes stayed after '%s'", name, (long long)(neap_alloc_live() - live),
               message ? message : "success");
  }
}

static void a_failed_allocation_is_an_error(void **state) {
  (void)state;
  for (int i = 0; i < SCRIPTS; i++)
    if (!attack(scripts[i].name, scripts[i].code, false))
      fail_msg("%s: nothing failed", scripts[i].name);
}

static void the_collector_may_run_in_any_allocation(void **state) {
  (void)state;
  for (int i = 0; i < SCRIPTS; i++)
    if (strcmp(scripts[i].name, threaded) != 0) attack(scripts[i].name, scripts[i].code, true);
}

static int l_arm(lua_State *L) {
  (void)L;
  neap_fault_arm();
  return 0;
}

static int l_fired(lua_State *L) {
  lua_pushboolean(L, neap_fault_fired());
  return 1;
}

static int l_reset(lua_State *L) {
  (void)L;
  neap_fault_reset();
  return 0;
}

static int l_live(lua_State *L) {
  lua_pushinteger(L, neap_alloc_live());
  return 1;
}

static void every_documented_function_survives_it(void **state) {
  (void)state;
  static const luaL_Reg fault[] = {
      {"arm", l_arm}, {"fired", l_fired}, {"reset", l_reset}, {"live", l_live}, {NULL, NULL}};
  lua_State *L = new_state();
  neap_alloc_set_reclaim(NULL, NULL);
  luaL_newlib(L, fault);
  lua_setglobal(L, "fault");
  bool failed = luaL_dofile(L, "tests/lua/fault_examples.lua");
  if (failed) fail_msg("%s", luaL_tolstring(L, -1, NULL));
  assert_true(lua_tointeger(L, -1) > 1000);
  lua_close(L);
}

static void a_closed_state_is_not_collected(void **state) {
  (void)state;
  char text[512];
  assert_null(run("", true, text));
  neap_fault_reset();
  neap_fault_arm();
  void *block = neap_alloc(1);
  neap_fault_fired();
  assert_null(block);
}

int main(void) {
  if (!mkdtemp(folder)) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_failed_allocation_is_an_error),
      cmocka_unit_test(the_collector_may_run_in_any_allocation),
      cmocka_unit_test(every_documented_function_survives_it),
      cmocka_unit_test(a_closed_state_is_not_collected),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  neap_folder_remove_tree(folder);
  return failed;
}
