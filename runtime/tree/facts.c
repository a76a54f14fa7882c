/* What neap keeps in models beside what their formats have a place for: short texts by name. */
#include <string.h>

#include "base/alloc.h"
#include "tree/model.h"

enum { MOST_FACTS = 256, LONGEST_NAME = 64 };

/* Names that the files use for other things. */
static const char *const taken[] = {"classes", "checksum", "parameters", "objective_text",
                                    "levels"};

static bool good_name(const char *name) {
  size_t n = strlen(name);
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
    if (strcmp(name, taken[i]) == 0) return false;
  return n > 0 && n <= LONGEST_NAME &&
         strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n;
}

static neap__fact *find(const neap_gbdt *m, const char *name) {
  for (int64_t i = 0; i < m->fact_count; i++)
    if (strcmp(m->facts[i].name, name) == 0) return &m->facts[i];
  return NULL;
}

const char *neap_gbdt_fact(const neap_gbdt *m, const char *name) {
  const neap__fact *f = find(m, name);
  return f ? f->value : NULL;
}

static neap_status add(neap_gbdt *m, const char *name, char *value) {
  neap__fact *grown = neap_realloc_array(m->facts, m->fact_count + 1, sizeof *grown);
  if (grown) m->facts = grown;
  char *copy = grown ? neap_strndup(name, strlen(name)) : NULL;
  if (!copy) return NEAP_ENOMEM;
  m->facts[m->fact_count++] = (neap__fact){copy, value};
  return NEAP_OK;
}

static void discard(neap_gbdt *m, neap__fact *f) {
  neap_free(f->name);
  neap_free(f->value);
  m->fact_count--;
  memmove(f, f + 1, (size_t)(m->facts + m->fact_count - f) * sizeof *f);
}

neap_status neap_gbdt_set_fact(neap_gbdt *m, const char *name, const char *value) {
  if (!good_name(name)) return neap_fail(NEAP_EARG, "gbdt: '%s' cannot name a fact", name);
  neap__fact *old = find(m, name);
  if (!value) {
    if (old) discard(m, old);
    return NEAP_OK;
  }
  if (strpbrk(value, "\r\n"))
    return neap_fail(NEAP_EARG, "gbdt: the value of fact '%s' has more than one line", name);
  if (!old && m->fact_count == MOST_FACTS)
    return neap_fail(NEAP_EARG, "gbdt: more than %d facts", MOST_FACTS);
  char *copy = neap_strndup(value, strlen(value));
  if (!copy) return NEAP_ENOMEM;
  if (old) {
    neap_free(old->value);
    old->value = copy;
    return NEAP_OK;
  }
  neap_status st = add(m, name, copy);
  if (st) neap_free(copy);
  return st;
}

void neap__gbdt_drop_facts(neap_gbdt *m) {
  while (m->fact_count) discard(m, &m->facts[m->fact_count - 1]);
  neap_free(m->facts);
  m->facts = NULL;
}

uint64_t neap__checksum(uint64_t sum, const char *data, size_t n) {
  for (size_t i = 0; i < n; i++) sum = (sum ^ (unsigned char)data[i]) * 0x100000001b3U;
  return sum;
}
