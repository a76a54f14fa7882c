/* Options as a list: defaults and ranges come from options.def, rules between options are here. */
#include "tree/engine.h"

static const neap_gbdt_option list[] = {
#define INTEGER(name, value, low, high)                                                            \
  {#name, NULL, NEAP_OPTION_INTEGER, offsetof(neap_gbdt_options, name), value, low, high, false},
#define NUMBER(name, value, low, high)                                                             \
  {#name, NULL, NEAP_OPTION_NUMBER, offsetof(neap_gbdt_options, name), value, low, high, false},
#define POSITIVE(name, value, low, high)                                                           \
  {#name, NULL, NEAP_OPTION_NUMBER, offsetof(neap_gbdt_options, name), value, low, high, true},
#define FLAG(name, value)                                                                          \
  {#name, NULL, NEAP_OPTION_FLAG, offsetof(neap_gbdt_options, name), value, 0, 1, false},
#define CHOICE(name, words)                                                                        \
  {#name, words, NEAP_OPTION_CHOICE, offsetof(neap_gbdt_options, name), 0, 0, 0, false},
#include "tree/options.def"
#undef INTEGER
#undef NUMBER
#undef POSITIVE
#undef FLAG
#undef CHOICE
};

const neap_gbdt_option *neap_gbdt_option_list(int *count) {
  *count = sizeof list / sizeof *list;
  return list;
}

neap_gbdt_options neap_gbdt_defaults(void) {
  neap_gbdt_options o = {.objective = NEAP_OBJECTIVE_REGRESSION};
#define INTEGER(name, value, low, high)  o.name = value;
#define NUMBER(name, value, low, high)   o.name = value;
#define POSITIVE(name, value, low, high) o.name = value;
#define FLAG(name, value)                o.name = value;
#define CHOICE(name, words)              o.name = 0;
#include "tree/options.def"
#undef INTEGER
#undef NUMBER
#undef POSITIVE
#undef FLAG
#undef CHOICE
  return o;
}

static neap_status check_range(const neap_gbdt_options *o, const neap_gbdt_option *r) {
  const char *field = (const char *)o + r->at;
  double v = 0;
  if (r->kind == NEAP_OPTION_INTEGER) v = (double)*(const int64_t *)(const void *)field;
  else if (r->kind == NEAP_OPTION_NUMBER) v = *(const double *)(const void *)field;
  else return NEAP_OK;
  if (v >= r->low && v <= r->high && !(r->open && v == r->low)) return NEAP_OK;
  return neap_fail(NEAP_EARG, "gbdt.fit: %s is %g, allowed are %s%g to %g", r->name, v,
                   r->open ? "above " : "", r->low, r->high);
}

neap_status neap__options_check(const neap_gbdt_options *o) {
  if (o->objective > NEAP_OBJECTIVE_MULTICLASS)
    return neap_fail(NEAP_EARG, "gbdt.fit: the objective can be loaded, not trained");
  if (o->is_unbalance && o->scale_pos_weight != 1)
    return neap_fail(NEAP_EARG, "gbdt.fit: is_unbalance and scale_pos_weight exclude each other");
  if (o->objective != NEAP_OBJECTIVE_BINARY && (o->is_unbalance || o->scale_pos_weight != 1))
    return neap_fail(NEAP_EARG, "gbdt.fit: is_unbalance and scale_pos_weight need objective "
                                "'binary'");
  for (size_t i = 0; i < sizeof list / sizeof *list; i++) NEAP_TRY(check_range(o, &list[i]));
  return NEAP_OK;
}
