/* A model with some of the trees of another. */
#include <string.h>

#include "base/alloc.h"
#include "tree/model.h"

static neap_status copy_texts(char ***out, char *const *texts, int64_t n) {
  if (!texts) return NEAP_OK;
  *out = neap_calloc_array(n, sizeof **out);
  if (!*out) return NEAP_ENOMEM;
  for (int64_t i = 0; i < n; i++) {
    (*out)[i] = neap_strndup(texts[i], strlen(texts[i]));
    if (!(*out)[i]) return NEAP_ENOMEM;
  }
  return NEAP_OK;
}

static neap_status copy_text(char **out, const char *text) {
  if (!text) return NEAP_OK;
  neap_free(*out);
  *out = neap_strndup(text, strlen(text));
  return *out ? NEAP_OK : NEAP_ENOMEM;
}

/* All but the trees. */
static neap_status copy_head(neap_gbdt *c, const neap_gbdt *m) {
  c->label_index = m->label_index;
  c->average = m->average;
  for (int64_t i = 0; i < m->fact_count; i++)
    NEAP_TRY(neap_gbdt_set_fact(c, m->facts[i].name, m->facts[i].value));
  NEAP_TRY(neap__gbdt_objective(c)); /* which may stand in a fact */
  if (m->class_count) NEAP_TRY(neap__gbdt_set_classes(c, m->classes, m->class_count));
  NEAP_TRY(copy_text(&c->parameters, m->parameters));
  NEAP_TRY(copy_text(&c->pandas, m->pandas));
  NEAP_TRY(copy_texts(&c->names, m->names, m->features));
  NEAP_TRY(copy_texts(&c->infos, m->infos, m->features));
  if (!m->monotone) return NEAP_OK;
  c->monotone = neap_alloc_array(m->features, sizeof *c->monotone);
  if (!c->monotone) return NEAP_ENOMEM;
  memcpy(c->monotone, m->monotone, (size_t)m->features * sizeof *c->monotone);
  return NEAP_OK;
}

neap_status neap__gbdt_copy(neap_gbdt **out, const neap_gbdt *m, int64_t trees) {
  neap_gbdt *c;
  *out = NULL;
  NEAP_TRY(neap__gbdt_new(&c, m->features, m->objective_text, m->per_iteration));
  neap_status st = copy_head(c, m);
  for (int64_t i = 0; !st && i < trees; i++) st = neap__gbdt_append(c, neap__tree_copy(m->tree[i]));
  if (st) neap_gbdt_free(c);
  else *out = c;
  return st;
}
