/* Reading XGBoost's JSON, from text that nobody vouches for. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/number.h"
#include "tree/xgb_reader.h"

enum { MOST_GROUPS = 100000, WORDS_PER_BYTE = 256 };

/* the trees ------------------------------------------------------------------------------------ */

/* slot[t]: the place of tree t here, where the trees of an iteration, one for each group, lie side
 * by side. XGBoost keeps those of a group together that were grown at the same time. */
static neap_status place_trees(const neap__xgb_reader *r, const char *info, int32_t *slot) {
  int64_t *seen = neap_calloc_array(r->groups, sizeof *seen);
  if (!seen) return NEAP_ENOMEM;
  neap_status st = neap__xgb_integers(r, info, r->trees, "trees", 0, r->groups - 1, slot);
  for (int64_t t = 0; !st && t < r->trees; t++) {
    int64_t group = slot[t], to = seen[group]++ * r->groups + group;
    if (to >= r->trees)
      st = BAD(r, neap__xgb_item(info, t), "class %lld has more trees than others",
               (long long)group);
    else slot[t] = (int32_t)to;
  }
  neap_free(seen);
  return st;
}

static neap_status read_into(neap__xgb_reader *r, const char *trees, const int32_t *slot,
                             const double *factor) {
  int64_t t = 0;
  for (neap_json_items i = neap_json_open(trees); neap_json_next(&i); t++) {
    NEAP_TRY(neap__xgb_kind(r, i.value, NEAP_JSON_OBJECT));
    NEAP_TRY(neap__xgb_tree(r, i.value, factor ? factor[t] : 1, &r->m->tree[slot[t]]));
  }
  return NEAP_OK;
}

static neap_status read_trees(neap__xgb_reader *r) {
  const char *param = NULL, *info = NULL, *trees = NULL, *count = NULL, *parallel = NULL;
  NEAP_TRY(GATHER(r, r->model, {"gbtree_model_param", NEAP_JSON_OBJECT, true, &param},
                  {"tree_info", NEAP_JSON_ARRAY, true, &info},
                  {"trees", NEAP_JSON_ARRAY, true, &trees}));
  NEAP_TRY(GATHER(r, param, {"num_trees", NEAP_JSON_STRING, true, &count},
                  {"num_parallel_tree", NEAP_JSON_STRING, false, &parallel}));
  NEAP_TRY(neap__xgb_integer(r, count, 0, INT32_MAX, &r->trees));
  r->parallel = 1;
  NEAP_TRY(neap__xgb_optional(r, parallel, 0, INT32_MAX, &r->parallel));
  NEAP_TRY(neap__xgb_count(r, trees, r->trees, "trees"));
  if (r->trees % r->groups)
    return BAD(r, count, "%lld trees for %lld classes", (long long)r->trees, (long long)r->groups);
  if (r->drop) NEAP_TRY(neap__xgb_count(r, r->drop, r->trees, "trees"));
  int32_t *slot = neap_alloc_array(r->trees + 1, sizeof *slot);
  double *factor = r->drop ? neap_alloc_array(r->trees + 1, sizeof *factor) : NULL;
  r->m->tree = neap_calloc_array(r->trees + 1, sizeof *r->m->tree);
  neap_status st = slot && r->m->tree && (factor || !r->drop) ? NEAP_OK : NEAP_ENOMEM;
  if (!st) r->m->trees = r->m->tree_room = r->trees;
  if (!st && r->drop) st = neap__xgb_floats(r, r->drop, r->trees, false, factor);
  if (!st) st = place_trees(r, info, slot);
  if (!st) st = read_into(r, trees, slot, factor);
  neap_free(factor);
  neap_free(slot);
  return st;
}

/* the intercept -------------------------------------------------------------------------------- */

static neap_status through_link(const neap__xgb_reader *r, const char *at, bool listed, double *v) {
  static const char *const rules[] = {"be a finite float", "lie between 0 and 1", "be above 0"};
  double margin = neap__xgb_margin(r->base, listed, (float)*v);
  if (isnan(margin)) return BAD(r, at, "base_score %g must %s", *v, rules[r->base]);
  *v = margin;
  return NEAP_OK;
}

/* The one number is kept, for writing the model with the leaves that it had. */
static neap_status keep_base(neap__xgb_reader *r, const char *from, size_t n) {
  char *text = neap_strndup(from, n);
  if (!text) return NEAP_ENOMEM;
  neap_status st = neap_gbdt_set_fact(r->m, "base_score", text);
  neap_free(text);
  return st;
}

/* "5E-1", or "[1E-1,2E-1]" with one number for all or one for each group. */
static neap_status read_base(neap__xgb_reader *r, const char *string, double *base) {
  const char *p = string + 1, *end = p + neap_json_length(string);
  bool list = end - p > 1 && *p == '[' && end[-1] == ']';
  if (list) p++, end--;
  const char *first = p;
  int64_t n = 0;
  while (p < end && n < r->groups) {
    const char *comma = list ? memchr(p, ',', (size_t)(end - p)) : NULL;
    size_t length = (size_t)((comma ? comma : end) - p);
    if (!neap_number_parse(p, length, &base[n]))
      return BAD(r, string, "'%.*s' is not a number", neap__xgb_shown(length), p);
    NEAP_TRY(through_link(r, string, list, &base[n++]));
    p += length;
    if (comma && ++p == end) n = -1;
  }
  if (p < end || (n != 1 && n != r->groups))
    return BAD(r, string, "one number is expected, or one for each of %lld classes",
               (long long)r->groups);
  for (int64_t k = 1; n == 1 && k < r->groups; k++) base[k] = base[0];
  return n == 1 ? keep_base(r, first, (size_t)(end - first)) : NEAP_OK;
}

/* Into the leaves of the first iteration, which is made when there is none. */
static neap_status add_base(neap__xgb_reader *r, const double *base) {
  bool bare = r->trees == 0;
  for (int64_t k = 0; k < r->groups; k++) {
    if (bare) NEAP_TRY(neap__gbdt_append(r->m, neap__tree_new(1, 0, 0, false, 0)));
    neap__tree *t = r->m->tree[k];
    for (int32_t i = 0; i < t->leaves; i++) t->leaf_value[i] += base[k];
  }
  return NEAP_OK;
}

static neap_status read_intercept(neap__xgb_reader *r, const char *string) {
  double *base = neap_calloc_array(r->groups, sizeof *base);
  neap_status st = base ? read_base(r, string, base) : NEAP_ENOMEM;
  if (!st) st = add_base(r, base);
  neap_free(base);
  return st;
}

/* names and attributes ------------------------------------------------------------------------- */

static neap_status text_of(const neap__xgb_reader *r, const char *value, neap_text *out) {
  out->n = 0;
  NEAP_TRY(neap__xgb_kind(r, value, NEAP_JSON_STRING));
  neap_text_add(out, "", 0);
  return neap_json_string(value, out) ? NEAP_OK : NEAP_ENOMEM;
}

static neap_status read_names(neap__xgb_reader *r, neap_text *text) {
  if (!r->names || neap_json_count(r->names) == 0) return NEAP_OK;
  NEAP_TRY(neap__xgb_count(r, r->names, r->features, "features"));
  char **names = r->m->names = neap_calloc_array(r->features, sizeof *names);
  if (!names) return NEAP_ENOMEM;
  for (neap_json_items i = neap_json_open(r->names); neap_json_next(&i); names++) {
    NEAP_TRY(text_of(r, i.value, text));
    if (text->n == 0) return BAD(r, i.value, "a feature needs a name");
    *names = neap_strndup(text->data, text->n);
    if (!*names) return NEAP_ENOMEM;
    for (char *p = *names; *p; p++)
      if (strchr(" \t\r\n", *p)) *p = '_';
  }
  return NEAP_OK;
}

/* "-1 1 2": as many rising integers as there are classes. */
static neap_status read_classes(neap__xgb_reader *r, const char *value, const char *text) {
  neap_gbdt *m = r->m;
  const char *p = text;
  for (int64_t k = 0; k < m->class_count; k++) {
    size_t n = strcspn(p, " ");
    if (!neap_integer_parse(p, n, &m->classes[k]) || (k && m->classes[k] <= m->classes[k - 1]))
      return BAD(r, value, "expected %lld rising integers", (long long)m->class_count);
    p += n + (p[n] == ' ');
  }
  return *p ? BAD(r, value, "more than %lld classes", (long long)m->class_count) : NEAP_OK;
}

/* The best iteration counts rounds from 0 there, iterations from 1 here. */
static neap_status read_best(neap__xgb_reader *r, const char *text) {
  int64_t best, all = r->m->trees / r->groups;
  char number[32];
  if (r->parallel < 1 || !neap_integer_parse(text, strlen(text), &best) || best < 0 ||
      best >= all / r->parallel)
    return NEAP_OK;
  neap_integer_print(number, (best + 1) * r->parallel);
  return neap_gbdt_set_fact(r->m, "best_iteration", number);
}

/* Lines as LightGBM's parameters section has them, none of which may end it. */
static neap_status read_parameters(neap__xgb_reader *r, const char *value, const neap_text *text) {
  bool good = text->n == 0 || text->data[text->n - 1] == '\n';
  for (const char *line = text->data; *line; line = strchr(line, '\n') + 1) {
    good = good && (*line == '[' || *line == '\n') && strncmp(line, "[neap_", 6) != 0;
    if (!good || strchr(text->data, '\r')) return BAD(r, value, "expected lines of [name: value]");
  }
  char *copy = neap_strndup(text->data, text->n);
  if (!copy) return NEAP_ENOMEM;
  neap_free(r->m->parameters);
  r->m->parameters = copy;
  return NEAP_OK;
}

static neap_status read_attribute(neap__xgb_reader *r, const neap_json_items *i, neap_text *text) {
  static const char prefix[] = "neap_";
  bool ours = strncmp(i->key + 1, prefix, sizeof prefix - 1) == 0;
  bool best = neap_json_equals(i->key, "best_iteration");
  if (!ours && !best) return NEAP_OK;
  NEAP_TRY(text_of(r, i->value, text));
  if (best) return read_best(r, text->data);
  char name[80];
  size_t n = neap_json_length(i->key) - (sizeof prefix - 1);
  if (n >= sizeof name) return BAD(r, i->key, "the name is too long");
  memcpy(name, i->key + sizeof prefix, n);
  name[n] = 0;
  static const char *const elsewhere[] = {"objective_text", "best_iteration", "base_score"};
  for (int k = 0; k < 3; k++)
    if (strcmp(name, elsewhere[k]) == 0) return NEAP_OK;
  if (strcmp(name, "classes") == 0) return read_classes(r, i->value, text->data);
  if (strcmp(name, "parameters") == 0) return read_parameters(r, i->value, text);
  if (strcmp(name, "levels") == 0) {
    if (strpbrk(text->data, "\r\n")) return BAD(r, i->value, "has more than one line");
    return neap_gbdt_set_levels(r->m, text->data, (int64_t)text->n);
  }
  neap_status st = neap_gbdt_set_fact(r->m, name, text->data);
  return st == NEAP_EARG ? BAD(r, i->key, "no fact of neap: %s", neap_last_error()) : st;
}

static neap_status read_attributes(neap__xgb_reader *r, neap_text *text) {
  if (!r->attributes) return NEAP_OK;
  for (neap_json_items i = neap_json_open(r->attributes); neap_json_next(&i);)
    NEAP_TRY(read_attribute(r, &i, text));
  return NEAP_OK;
}

/* the whole ------------------------------------------------------------------------------------ */

static neap_status find_objective(neap__xgb_reader *r, neap_text *text) {
  const char *name = NULL, *kept = NULL;
  NEAP_TRY(GATHER(r, r->objective, {"name", NEAP_JSON_STRING, true, &name}));
  const neap__xgb_objective *o = neap__xgb_objectives;
  while (o->name && !neap_json_equals(name, o->name)) o++;
  if (!o->name)
    return BAD(r, name, "objective '%.*s' is not one that neap knows",
               neap__xgb_shown(neap_json_length(name)), name + 1);
  r->base = o->base;
  if (r->attributes)
    NEAP_TRY(GATHER(r, r->attributes, {"neap_objective_text", NEAP_JSON_STRING, false, &kept}));
  if (kept) NEAP_TRY(text_of(r, kept, text));
  if (kept && strpbrk(text->data, "\r\n")) return BAD(r, kept, "has more than one line");
  if (kept) return NEAP_OK;
  neap_text_put(text, o->ours);
  if (strcmp(o->ours, "binary") == 0) neap_text_put(text, " sigmoid:1");
  if (strcmp(o->ours, "multiclass") == 0) {
    neap_text_put(text, " num_class:");
    neap_text_integer(text, r->groups);
  }
  return text->failed ? NEAP_ENOMEM : NEAP_OK;
}

/* Trees lie under "model", those of dart under "gbtree" beside their weights. */
static neap_status find_model(neap__xgb_reader *r) {
  const char *name = NULL, *inner = NULL, *object = r->booster;
  NEAP_TRY(GATHER(r, object, {"name", NEAP_JSON_STRING, true, &name}));
  bool dart = neap_json_equals(name, "dart");
  if (!dart && !neap_json_equals(name, "gbtree"))
    return BAD(r, name, "booster '%.*s' is not gbtree or dart",
               neap__xgb_shown(neap_json_length(name)), name + 1);
  if (dart) {
    NEAP_TRY(GATHER(r, object, {"gbtree", NEAP_JSON_OBJECT, true, &inner},
                    {"weight_drop", NEAP_JSON_ARRAY, true, &r->drop}));
    object = inner;
  }
  return GATHER(r, object, {"model", NEAP_JSON_OBJECT, true, &r->model});
}

static neap_status read_learner(neap__xgb_reader *r, neap_text *text) {
  const char *learner = NULL, *base = NULL, *classes = NULL, *features = NULL, *targets = NULL;
  int64_t several = 0;
  NEAP_TRY(GATHER(r, r->json.root, {"learner", NEAP_JSON_OBJECT, true, &learner}));
  NEAP_TRY(GATHER(r, learner, {"learner_model_param", NEAP_JSON_OBJECT, true, &r->param},
                  {"objective", NEAP_JSON_OBJECT, true, &r->objective},
                  {"gradient_booster", NEAP_JSON_OBJECT, true, &r->booster},
                  {"attributes", NEAP_JSON_OBJECT, false, &r->attributes},
                  {"feature_names", NEAP_JSON_ARRAY, false, &r->names}));
  NEAP_TRY(GATHER(r, r->param, {"base_score", NEAP_JSON_STRING, true, &base},
                  {"num_class", NEAP_JSON_STRING, false, &classes},
                  {"num_feature", NEAP_JSON_STRING, true, &features},
                  {"num_target", NEAP_JSON_STRING, false, &targets}));
  NEAP_TRY(neap__xgb_integer(r, features, 1, NEAP__MAX_FEATURES, &r->features));
  NEAP_TRY(neap__xgb_optional(r, targets, 0, MOST_GROUPS, &several));
  NEAP_TRY(neap__xgb_optional(r, classes, 0, MOST_GROUPS, &r->groups));
  if (several > r->groups) r->groups = several;
  if (r->groups < 1) r->groups = 1;
  NEAP_TRY(find_objective(r, text));
  neap_status st = neap__gbdt_new(&r->m, r->features, text->data, r->groups);
  if (st == NEAP_EFORMAT) st = BAD(r, r->objective, "%s", neap_last_error());
  if (!st) st = find_model(r);
  if (!st) st = read_trees(r);
  if (!st) st = read_intercept(r, base);
  if (!st) st = read_names(r, text);
  if (!st) st = read_attributes(r, text);
  return st;
}

neap_status neap__gbdt_parse_json(neap_gbdt **out, const char *text, int64_t n) {
  neap__xgb_reader r = {.json = {.what = "gbdt.load", .text = text, .end = text + n, .words = true},
                        .words = 4096 + WORDS_PER_BYTE * n};
  neap_text scratch = {0};
  *out = NULL;
  neap_status st = neap_json_check(&r.json);
  if (!st) st = read_learner(&r, &scratch);
  if (!st) st = neap__gbdt_objective(r.m); /* again: a fact may say more than the name */
  if (!st) st = neap__gbdt_compile(r.m);
  neap_text_drop(&scratch);
  if (!st) *out = r.m;
  else neap_gbdt_free(r.m);
  return st;
}
