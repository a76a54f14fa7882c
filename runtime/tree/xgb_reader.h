/* xgb_reader.h — inside the module: what the parts that read XGBoost's JSON share. The text is
 * checked as JSON first, so that they only meet well-formed values; then every array is checked
 * against the size it must have and every index against what it points into. */
#ifndef NEAP_TREE_XGB_READER_H
#define NEAP_TREE_XGB_READER_H

#include "base/json.h"
#include "tree/xgb.h"

typedef struct {
  neap_json json;
  neap_gbdt *m;
  int64_t features, groups, rounds, parallel, trees;
  int64_t words; /* that category sets may still take */
  neap__base base;
  const char *param, *names, *attributes, *objective, *booster, *model, *drop;
} neap__xgb_reader;

#define BAD(r, at, ...) neap_json_fail(&(r)->json, (at), __VA_ARGS__)

/* A member of an object that is asked for. */
typedef struct {
  const char *name;
  neap_json_kind kind;
  bool needed;
  const char **value; /* NULL afterwards: absent */
} neap__xgb_field;

/* Find n members; others are passed over. */
neap_status neap__xgb_gather(const neap__xgb_reader *r, const char *object,
                             const neap__xgb_field *fields, int n);

#define GATHER(r, object, ...)                                                                     \
  neap__xgb_gather(                                                                                \
      (r), (object), (const neap__xgb_field[]){__VA_ARGS__},                                       \
      (int)(sizeof((const neap__xgb_field[]){__VA_ARGS__}) / sizeof(neap__xgb_field)))

neap_status neap__xgb_kind(const neap__xgb_reader *r, const char *value, neap_json_kind kind);

/* As much of a string of n bytes as a message shows. */
int neap__xgb_shown(size_t n);

/* The integer in a string, as XGBoost writes its parameters; *out stays when an optional one is
 * NULL. */
neap_status neap__xgb_integer(const neap__xgb_reader *r, const char *string, int64_t low,
                              int64_t high, int64_t *out);
neap_status neap__xgb_optional(const neap__xgb_reader *r, const char *string, int64_t low,
                               int64_t high, int64_t *out);

/* Whether an array has n entries; what: of what there are n. */
neap_status neap__xgb_count(const neap__xgb_reader *r, const char *array, int64_t n,
                            const char *what);

/* n floats, as doubles. NaN, where it may be. */
neap_status neap__xgb_floats(const neap__xgb_reader *r, const char *array, int64_t n, bool nan,
                             double *out);

/* n integers from low to high; flags may be written as true and false. */
neap_status neap__xgb_integers(const neap__xgb_reader *r, const char *array, int64_t n,
                               const char *what, int64_t low, int64_t high, int32_t *out);

const char *neap__xgb_item(const char *array, int64_t index);

/* A tree from its object, leaves times factor. */
neap_status neap__xgb_tree(neap__xgb_reader *r, const char *object, double factor,
                           neap__tree **out);

#endif
