/* Tables as the core hands them over, and the names of column kinds. */
#include <string.h>

#include "base/alloc.h"
#include "frame/frame.h"

static const char *const kind_names[NEAP_COLUMN_KINDS] = {"auto",   "bool", "integer",
                                                          "number", "time", "category"};

const char *neap_column_kind_name(neap_column_kind kind) { return kind_names[kind]; }

neap_status neap_column_kind_parse(neap_column_kind *out, const char *name) {
  for (int i = 0; i < NEAP_COLUMN_KINDS; i++)
    if (strcmp(kind_names[i], name) == 0) {
      *out = (neap_column_kind)i;
      return NEAP_OK;
    }
  return neap_fail(NEAP_EARG, "type '%s' is not one of auto bool integer number time category",
                   name);
}

static void column_drop(neap_column *c) {
  neap_free(c->name);
  neap_tensor_drop(&c->values);
  for (int64_t i = 0; i < c->label_count; i++) neap_free(c->labels[i]);
  neap_free(c->labels);
}

void neap_table_drop(neap_table *t) {
  for (int64_t i = 0; i < t->count; i++) column_drop(&t->columns[i]);
  neap_free(t->columns);
  *t = (neap_table){0};
}
