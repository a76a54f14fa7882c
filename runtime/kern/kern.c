/* Which table to use, and how partial folds join. */
#include "kern/kern.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

extern const neap_kern neap__kern_scalar;
#if defined(NEAP_KERN_X86)
extern const neap_kern neap__kern_avx2, neap__kern_avx512;

/* x86-64-v3 and -v4, feature by feature: clang 14 does not know the levels by name. */
static bool has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static bool has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
#endif

const neap_kern *neap_kern_at(int i) {
  if (i == 0) return &neap__kern_scalar;
#if defined(NEAP_KERN_X86)
  if (i == 1 && has_avx2()) return &neap__kern_avx2;
  if (i == 2 && has_avx512()) return &neap__kern_avx512;
#endif
  return NULL;
}

static const neap_kern *best(void) {
  const neap_kern *found = neap_kern_at(0);
  for (int i = 1; neap_kern_at(i); i++) found = neap_kern_at(i);
  return found;
}

static neap_status named(const neap_kern **out, const char *name) {
  for (int i = 0; neap_kern_at(i); i++)
    if (strcmp(neap_kern_at(i)->name, name) == 0) {
      *out = neap_kern_at(i);
      return NEAP_OK;
    }
  bool known = strcmp(name, "avx2") == 0 || strcmp(name, "avx512") == 0;
  return neap_fail(NEAP_EARG,
                   known ? "NEAP_CPU=%s: this processor lacks it; its best is %s"
                         : "NEAP_CPU=%s: not one of scalar avx2 avx512; the best here is %s",
                   name, best()->name);
}

neap_status neap_kern_select(const neap_kern **out) {
  static _Atomic(const neap_kern *) chosen;
  *out = atomic_load_explicit(&chosen, memory_order_acquire);
  if (*out) return NEAP_OK;
  const char *wish = getenv("NEAP_CPU");
  if (wish && wish[0]) NEAP_TRY(named(out, wish));
  else *out = best();
  atomic_store_explicit(&chosen, *out, memory_order_release);
  return NEAP_OK;
}

static bool better(neap_fold_op op, neap_dtype dtype, const neap_acc *old, const neap_acc *new) {
  if (old->at < 0 || new->at < 0) return old->at < 0;
  bool low = op == NEAP_FOLD_argmin;
  if (dtype > NEAP_F32) return low ? new->i < old->i : new->i > old->i;
  if (old->f != old->f) return false;
  return new->f != new->f || (low ? new->f < old->f : new->f > old->f);
}

void neap_kern_merge(neap_fold_op op, neap_dtype dtype, neap_acc *into, const neap_acc *next) {
  switch (op) {
  case NEAP_FOLD_sum:
  case NEAP_FOLD_dev:
  case NEAP_FOLD_sumabs:
    into->f += next->f;
    into->g += next->g;
    into->i = (int64_t)((uint64_t)into->i + (uint64_t)next->i);
    break;
  case NEAP_FOLD_prod:
    into->f *= next->f;
    into->i = (int64_t)((uint64_t)into->i * (uint64_t)next->i);
    break;
  case NEAP_FOLD_maxabs:
    if (next->f > into->f || next->f != next->f) into->f = next->f;
    break;
  case NEAP_FOLD_any: into->i |= next->i; break;
  case NEAP_FOLD_all: into->i &= next->i; break;
  default:
    if (better(op, dtype, into, next)) *into = *next;
  }
}

const char *const neap_rolling_names[NEAP_ROLLINGS + 1] = {
    "sum", "mean",  "std",  "var",   "cov",      "corr", "skew",   "kurt", "min",
    "max", "first", "last", "count", "quantile", "rank", "median", NULL};

const char *const neap_binary_names[NEAP_OP_COUNT] = {
#define BINARY(name, dtypes) #name,
#include "kern/ops.def"
};
const char *const neap_compare_names[NEAP_CMP_COUNT] = {
#define COMPARE(name, dtypes) #name,
#include "kern/ops.def"
};
const char *const neap_unary_names[NEAP_MAP_COUNT] = {
#define UNARY(name, dtypes, result) #name,
#include "kern/ops.def"
};

bool neap_unary_is_test(neap_unary_op op) {
  static const enum {
    KEEP,
    TEST
  } result[NEAP_MAP_COUNT] = {
#define UNARY(name, dtypes, gives) gives,
#include "kern/ops.def"
  };
  return result[op] == TEST;
}
