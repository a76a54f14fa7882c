/* The tables of loops that are compiled once per instruction set, in the order of kern's tables. */
#include "kern/kern.h"
#include "tree/compiled.h"
#include "tree/engine.h"
#include "tree/shap_walk.h"

#if defined(NEAP_TREE_X86)
enum { SETS = 3 };
#define EACH(name)                                                                                 \
  { &name##_scalar, &name##_avx2, &name##_avx512 }
#else
enum { SETS = 1 };
#define EACH(name)                                                                                 \
  { &name##_scalar }
#endif

static bool runs(int i) { return i < SETS && neap_kern_at(i); }

/* The number of the set that kern runs on, which NEAP_CPU may have chosen. */
static neap_status chosen(int *number) {
  const neap_kern *kern;
  NEAP_TRY(neap_kern_select(&kern));
  *number = 0;
  for (int i = 0; runs(i); i++)
    if (neap_kern_at(i) == kern) *number = i;
  return NEAP_OK;
}

extern const neap__loops neap__loops_scalar, neap__loops_avx2, neap__loops_avx512;
extern const neap__mask_loops neap__mask_loops_scalar, neap__mask_loops_avx2,
    neap__mask_loops_avx512;
extern const neap__shap_walk neap__shap_walk_scalar, neap__shap_walk_avx2, neap__shap_walk_avx512;

static const neap__loops *const loops[SETS] = EACH(neap__loops);
static const neap__mask_loops *const mask_loops[SETS] = EACH(neap__mask_loops);
static const neap__shap_walk *const shap_walks[SETS] = EACH(neap__shap_walk);

const neap__loops *neap__loops_at(int i) { return runs(i) ? loops[i] : NULL; }
const neap__mask_loops *neap__mask_loops_at(int i) { return runs(i) ? mask_loops[i] : NULL; }
neap__shap_walk neap__shap_walk_at(int i) { return runs(i) ? *shap_walks[i] : NULL; }

neap_status neap__loops_select(const neap__loops **out) {
  int i;
  NEAP_TRY(chosen(&i));
  *out = loops[i];
  return NEAP_OK;
}

neap_status neap__mask_loops_select(const neap__mask_loops **out) {
  int i;
  NEAP_TRY(chosen(&i));
  *out = mask_loops[i];
  return NEAP_OK;
}

neap_status neap__shap_walk_select(neap__shap_walk *out) {
  int i;
  NEAP_TRY(chosen(&i));
  *out = *shap_walks[i];
  return NEAP_OK;
}
