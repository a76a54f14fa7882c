/* Random tensors in Lua: positional, with a generator every time. */
#include "tensor/lua_parts.h"

/* rand(sizes, dtype, rng), randn(...) */
static int l_rand(lua_State *L) {
  int64_t size[NEAP_MAX_DIMS];
  int ndim = neap__lua_sizes(L, 1, size);
  neap_dtype dtype = neap__lua_dtype(L, 2, NEAP_F64);
  neap_rng *r = neap_lua_check_rng(L, 3);
  return neap_lua_done(L, neap_tensor_rand(neap_lua_push_tensor(L), dtype, ndim, size, r));
}

static int l_randn(lua_State *L) {
  int64_t size[NEAP_MAX_DIMS];
  int ndim = neap__lua_sizes(L, 1, size);
  neap_dtype dtype = neap__lua_dtype(L, 2, NEAP_F64);
  neap_rng *r = neap_lua_check_rng(L, 3);
  return neap_lua_done(L, neap_tensor_randn(neap_lua_push_tensor(L), dtype, ndim, size, r));
}

/* randint(sizes, low, high, rng) */
static int l_randint(lua_State *L) {
  int64_t size[NEAP_MAX_DIMS];
  int ndim = neap__lua_sizes(L, 1, size);
  int64_t low = neap_lua_whole(L, 2), high = neap_lua_whole(L, 3);
  neap_rng *r = neap_lua_check_rng(L, 4);
  return neap_lua_done(L, neap_tensor_randint(neap_lua_push_tensor(L), low, high, ndim, size, r));
}

/* permutation(n, rng) */
static int l_permutation(lua_State *L) {
  int64_t n = neap_lua_whole(L, 1);
  neap_rng *r = neap_lua_check_rng(L, 2);
  return neap_lua_done(L, neap_tensor_permutation(neap_lua_push_tensor(L), n, 1, r));
}

/* The names in the order of neap_distribution. */
static const char *const distribution_names[] = {"bernoulli", "exponential", "gamma",    "beta",
                                                 "student_t", "poisson",     "binomial", NULL};

/* The parameter at arg: a tensor, or a number kept in *s; NULL when there is none. */
static const neap_tensor *parameter(lua_State *L, int arg, neap_scalar *s) {
  if (lua_isnoneornil(L, arg)) return NULL;
  if (neap_lua_to_tensor(L, arg)) return neap_lua_check_tensor(L, arg);
  if (lua_type(L, arg) != LUA_TNUMBER) neap_lua_expected(L, arg, "a number or a tensor");
  neap_scalar_f64(s, NEAP_F64, lua_tonumber(L, arg));
  return &s->t;
}

/* random(name, sizes or nil, dtype, rng, a, b): a and b numbers or tensors */
static int l_random(lua_State *L) {
  neap_distribution kind = (neap_distribution)luaL_checkoption(L, 1, NULL, distribution_names);
  int64_t size[NEAP_MAX_DIMS];
  int ndim = lua_isnil(L, 2) ? -1 : neap__lua_sizes(L, 2, size);
  neap_dtype dtype = neap__lua_dtype(L, 3, NEAP_F64);
  neap_rng *r = neap_lua_check_rng(L, 4);
  neap_scalar sa, sb;
  bool two = kind == NEAP_GAMMA || kind == NEAP_BETA || kind == NEAP_BINOMIAL;
  const neap_tensor *a = parameter(L, 5, &sa), *b = two ? parameter(L, 6, &sb) : NULL;
  if (!a || (two && !b)) return neap_lua_expected(L, a ? 6 : 5, "a number or a tensor");
  neap_tensor *out = neap_lua_push_tensor(L);
  return neap_lua_done(L, neap_tensor_random(out, kind, dtype, ndim, size, a, b, r));
}

/* sample(n, k, rng) */
static int l_sample(lua_State *L) {
  int64_t n = neap_lua_whole(L, 1), k = neap_lua_whole(L, 2);
  neap_rng *r = neap_lua_check_rng(L, 3);
  return neap_lua_done(L, neap_tensor_sample(neap_lua_push_tensor(L), n, k, 1, r));
}

/* sample_weighted(weights, k, replace, rng) */
static int l_sample_weighted(lua_State *L) {
  const neap_tensor *w = neap_lua_check_tensor(L, 1);
  int64_t k = neap_lua_whole(L, 2);
  bool replace = lua_toboolean(L, 3);
  neap_rng *r = neap_lua_check_rng(L, 4);
  neap_tensor *out = neap_lua_push_tensor(L);
  return neap_lua_done(L, neap_tensor_sample_weighted(out, w, k, replace, 1, r));
}

/* multinomial(trials, p, sizes, rng) */
static int l_multinomial(lua_State *L) {
  int64_t size[NEAP_MAX_DIMS], trials = neap_lua_whole(L, 1);
  const neap_tensor *p = neap_lua_check_tensor(L, 2);
  int ndim = neap__lua_sizes(L, 3, size);
  neap_rng *r = neap_lua_check_rng(L, 4);
  neap_tensor *out = neap_lua_push_tensor(L);
  return neap_lua_done(L, neap_tensor_multinomial(out, trials, p, ndim, size, r));
}

/* multivariate_normal(mean, cov, rows, rng) */
static int l_multivariate_normal(lua_State *L) {
  const neap_tensor *mean = neap_lua_check_tensor(L, 1), *cov = neap_lua_check_tensor(L, 2);
  int64_t rows = neap_lua_whole(L, 3);
  neap_rng *r = neap_lua_check_rng(L, 4);
  neap_tensor *out = neap_lua_push_tensor(L);
  return neap_lua_done(L, neap_tensor_multivariate_normal(out, mean, cov, rows, r));
}

void neap__lua_add_random(lua_State *L) {
  static const luaL_Reg functions[] = {{"rand", l_rand},
                                       {"randn", l_randn},
                                       {"randint", l_randint},
                                       {"permutation", l_permutation},
                                       {"random", l_random},
                                       {"sample", l_sample},
                                       {"sample_weighted", l_sample_weighted},
                                       {"multinomial", l_multinomial},
                                       {"multivariate_normal", l_multivariate_normal},
                                       {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
