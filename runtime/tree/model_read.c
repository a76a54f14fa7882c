/* Reading LightGBM's text format, from text that nobody vouches for. Every array is checked against
 * the sizes it must have, every index against the array it points into, and every tree for being
 * one; sizes are bounded by the length of the text before anything is allocated. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/text.h"
#include "tree/model.h"
#include "tree/xgb.h"

typedef struct {
  const char *text;
  size_t n;
  int64_t line;
} span;

typedef struct {
  const char *at, *end;
  int64_t line;    /* number of the line that next_line gave last */
  int64_t returns; /* lines so far that ended in \r\n */
} cursor;

#define BAD(number, ...) bad((number), __VA_ARGS__)

__attribute__((format(printf, 2, 3))) static neap_status bad(int64_t line, const char *format,
                                                             ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return neap_fail(NEAP_EFORMAT, "gbdt.load: line %lld: %s", (long long)line, text);
}

/* lines and numbers ---------------------------------------------------------------------------- */

/* The next line without its end (\n or \r\n); false at the end of the text. */
static bool next_line(cursor *c, span *line) {
  if (c->at == c->end) return false;
  const char *stop = memchr(c->at, '\n', (size_t)(c->end - c->at));
  const char *next = stop ? stop + 1 : c->end;
  if (!stop) stop = c->end;
  if (stop > c->at && stop[-1] == '\r') stop--, c->returns++;
  *line = (span){c->at, (size_t)(stop - c->at), ++c->line};
  c->at = next;
  return true;
}

static bool is(span s, const char *text) {
  return s.n == strlen(text) && memcmp(s.text, text, s.n) == 0;
}

static bool begins(span s, const char *text) {
  return s.n >= strlen(text) && memcmp(s.text, text, strlen(text)) == 0;
}

/* Cut "key=value"; false without '='. */
static bool cut(span line, span *key, span *value) {
  const char *equal = memchr(line.text, '=', line.n);
  if (!equal) return false;
  *key = (span){line.text, (size_t)(equal - line.text), line.line};
  *value = (span){equal + 1, line.n - key->n - 1, line.line};
  return true;
}

/* The next word of s, words being separated by blanks; false when none is left. */
static bool next_word(span *s, span *word) {
  while (s->n && (*s->text == ' ' || *s->text == '\t')) s->text++, s->n--;
  if (!s->n) return false;
  *word = (span){s->text, 0, s->line};
  while (s->n && *s->text != ' ' && *s->text != '\t') s->text++, s->n--, word->n++;
  return true;
}

static int64_t count_words(span s) {
  span word;
  int64_t n = 0;
  while (next_word(&s, &word)) n++;
  return n;
}

/* Exactly n numbers. */
static neap_status read_numbers(span s, const char *key, int64_t n, double *out) {
  span word;
  int64_t i = 0;
  for (; next_word(&s, &word); i++) {
    if (i == n) break;
    if (!neap_number_parse(word.text, word.n, &out[i]))
      return BAD(s.line, "%s: '%.*s' is not a number", key, (int)(word.n < 40 ? word.n : 40),
                 word.text);
  }
  if (i != n || count_words(s) > 0)
    return BAD(s.line, "%s: %s than %lld numbers", key, i < n ? "fewer" : "more", (long long)n);
  return NEAP_OK;
}

/* Exactly n integers in [low, high]. LightGBM writes counts as integers, some writers as 12.0. */
static neap_status read_integer(span word, const char *key, int64_t low, int64_t high,
                                int64_t *out) {
  double v;
  if (!neap_integer_parse(word.text, word.n, out)) {
    if (!neap_number_parse(word.text, word.n, &v) || !(fabs(v) < 0x1p53) || v != floor(v))
      return BAD(word.line, "%s: '%.*s' is not an integer", key, (int)(word.n < 40 ? word.n : 40),
                 word.text);
    *out = (int64_t)v;
  }
  if (*out < low || *out > high)
    return BAD(word.line, "%s: %lld is outside %lld to %lld", key, (long long)*out, (long long)low,
               (long long)high);
  return NEAP_OK;
}

typedef enum { I64, I32, U32, U8 } width;

static neap_status read_integers(span s, const char *key, int64_t n, int64_t low, int64_t high,
                                 width w, void *out) {
  span word;
  int64_t i = 0, v;
  for (; i < n && next_word(&s, &word); i++) {
    NEAP_TRY(read_integer(word, key, low, high, &v));
    if (w == I64) ((int64_t *)out)[i] = v;
    else if (w == I32) ((int32_t *)out)[i] = (int32_t)v;
    else if (w == U32) ((uint32_t *)out)[i] = (uint32_t)v;
    else ((uint8_t *)out)[i] = (uint8_t)v;
  }
  if (i != n || count_words(s) > 0)
    return BAD(s.line, "%s: %s than %lld numbers", key, i < n ? "fewer" : "more", (long long)n);
  return NEAP_OK;
}

/* one tree ------------------------------------------------------------------------------------- */

enum {
  NUM_LEAVES,
  NUM_CAT,
  SPLIT_FEATURE,
  SPLIT_GAIN,
  THRESHOLD,
  DECISION_TYPE,
  LEFT_CHILD,
  RIGHT_CHILD,
  LEAF_VALUE,
  LEAF_WEIGHT,
  LEAF_COUNT,
  INTERNAL_VALUE,
  INTERNAL_WEIGHT,
  INTERNAL_COUNT,
  CAT_BOUNDARIES,
  CAT_THRESHOLD,
  IS_LINEAR,
  LEAF_CONST,
  NUM_FEATURES,
  LEAF_FEATURES,
  LEAF_COEFF,
  SHRINKAGE,
  KEYS
};

static const char *const tree_keys[KEYS] = {
    "num_leaves",    "num_cat",        "split_feature",   "split_gain",     "threshold",
    "decision_type", "left_child",     "right_child",     "leaf_value",     "leaf_weight",
    "leaf_count",    "internal_value", "internal_weight", "internal_count", "cat_boundaries",
    "cat_threshold", "is_linear",      "leaf_const",      "num_features",   "leaf_features",
    "leaf_coeff",    "shrinkage",
};

typedef struct {
  span value[KEYS]; /* text NULL: absent */
  int64_t line;     /* of "Tree=" */
  bool linear;
  int64_t leaves, cats, words, coefficients;
} block;

/* Gather the lines of a tree up to the blank line behind it. */
static neap_status gather(cursor *c, block *b) {
  span line, key, value;
  while (next_line(c, &line)) {
    if (line.n == 0) return NEAP_OK;
    if (!cut(line, &key, &value)) return BAD(line.line, "expected key=value in a tree");
    for (int k = 0; k < KEYS; k++)
      if (is(key, tree_keys[k])) {
        if (b->value[k].text) return BAD(line.line, "%s appears twice in one tree", tree_keys[k]);
        b->value[k] = value;
      }
  }
  return BAD(c->line, "the text ends inside a tree");
}

static neap_status one_integer(const block *b, int k, int64_t low, int64_t high, int64_t fallback,
                               int64_t *out) {
  *out = fallback;
  return b->value[k].text ? read_integers(b->value[k], tree_keys[k], 1, low, high, I64, out)
                          : NEAP_OK;
}

static neap_status require(const block *b, int k) {
  if (b->value[k].text) return NEAP_OK;
  return BAD(b->line, "the tree has no %s", tree_keys[k]);
}

/* Sizes, none larger than what the lines that must fill it can hold. */
static neap_status measure(block *b) {
  int64_t linear;
  NEAP_TRY(require(b, NUM_LEAVES));
  NEAP_TRY(require(b, LEAF_VALUE));
  NEAP_TRY(one_integer(b, NUM_LEAVES, 1, (int64_t)b->value[LEAF_VALUE].n, 1, &b->leaves));
  NEAP_TRY(one_integer(b, NUM_CAT, 0, b->leaves - 1, 0, &b->cats));
  NEAP_TRY(one_integer(b, IS_LINEAR, 0, 1, 0, &linear));
  b->linear = linear == 1;
  for (int k = SPLIT_FEATURE; b->leaves > 1 && k <= RIGHT_CHILD; k++)
    if (k != SPLIT_GAIN) NEAP_TRY(require(b, k));
  if (b->cats) NEAP_TRY(require(b, CAT_BOUNDARIES));
  if (b->cats) NEAP_TRY(require(b, CAT_THRESHOLD));
  for (int k = LEAF_CONST; b->linear && k <= LEAF_COEFF; k++) NEAP_TRY(require(b, k));
  b->words = b->cats ? count_words(b->value[CAT_THRESHOLD]) : 0;
  b->coefficients = b->linear ? count_words(b->value[LEAF_FEATURES]) : 0;
  return NEAP_OK;
}

static neap_status numbers(const block *b, int k, int64_t n, double *out) {
  return b->value[k].text ? read_numbers(b->value[k], tree_keys[k], n, out) : NEAP_OK;
}

static neap_status integers(const block *b, int k, int64_t n, int64_t low, int64_t high, width w,
                            void *out) {
  return b->value[k].text ? read_integers(b->value[k], tree_keys[k], n, low, high, w, out)
                          : NEAP_OK;
}

static neap_status read_nodes(const block *b, neap__tree *t, int64_t features) {
  int64_t nodes = t->leaves - 1;
  NEAP_TRY(integers(b, SPLIT_FEATURE, nodes, 0, features - 1, I32, t->feature));
  NEAP_TRY(numbers(b, SPLIT_GAIN, nodes, t->gain));
  NEAP_TRY(numbers(b, THRESHOLD, nodes, t->threshold));
  NEAP_TRY(integers(b, DECISION_TYPE, nodes, 0, 15, U8, t->decision));
  for (int64_t k = 0; k < nodes; k++) /* LightGBM ignores the default side of categories */
    if (t->decision[k] & NEAP__CATEGORICAL) t->decision[k] &= (uint8_t)~NEAP__DEFAULT_LEFT;
  NEAP_TRY(integers(b, LEFT_CHILD, nodes, -t->leaves, nodes - 1, I32, t->left));
  NEAP_TRY(integers(b, RIGHT_CHILD, nodes, -t->leaves, nodes - 1, I32, t->right));
  NEAP_TRY(numbers(b, INTERNAL_VALUE, nodes, t->internal_value));
  NEAP_TRY(numbers(b, INTERNAL_WEIGHT, nodes, t->internal_weight));
  return integers(b, INTERNAL_COUNT, nodes, 0, INT64_MAX, I64, t->internal_count);
}

static neap_status read_leaves(const block *b, neap__tree *t) {
  NEAP_TRY(numbers(b, LEAF_VALUE, t->leaves, t->leaf_value));
  if (t->leaves == 1 && b->value[LEAF_WEIGHT].n == 0) return NEAP_OK;
  NEAP_TRY(numbers(b, LEAF_WEIGHT, t->leaves, t->leaf_weight));
  return b->value[LEAF_COUNT].n
             ? integers(b, LEAF_COUNT, t->leaves, 0, INT64_MAX, I64, t->leaf_count)
             : NEAP_OK;
}

static neap_status read_categories(const block *b, neap__tree *t) {
  if (!t->cats) return NEAP_OK;
  NEAP_TRY(integers(b, CAT_BOUNDARIES, t->cats + 1, 0, t->words, I32, t->cat_boundary));
  NEAP_TRY(integers(b, CAT_THRESHOLD, t->words, 0, UINT32_MAX, U32, t->cat_bits));
  for (int32_t i = 0; i < t->cats; i++)
    if (t->cat_boundary[i] > t->cat_boundary[i + 1])
      return BAD(b->value[CAT_BOUNDARIES].line, "cat_boundaries fall");
  return NEAP_OK;
}

static neap_status read_linear(const block *b, neap__tree *t, int64_t features) {
  if (!t->linear) return NEAP_OK;
  NEAP_TRY(numbers(b, LEAF_CONST, t->leaves, t->leaf_const));
  NEAP_TRY(integers(b, NUM_FEATURES, t->leaves, 0, t->coefficients, I32, t->leaf_start + 1));
  NEAP_TRY(integers(b, LEAF_FEATURES, t->coefficients, 0, features - 1, I32, t->leaf_feature));
  NEAP_TRY(numbers(b, LEAF_COEFF, t->coefficients, t->leaf_coeff));
  int64_t total = 0;
  for (int32_t i = 1; i <= t->leaves; i++) {
    total += t->leaf_start[i];
    if (total > t->coefficients) break;
    t->leaf_start[i] = (int32_t)total;
  }
  if (total != t->coefficients)
    return BAD(b->value[NUM_FEATURES].line, "num_features do not add up to %lld leaf_features",
               (long long)t->coefficients);
  return NEAP_OK;
}

/* Values that no writer gives and no prediction should meet. */
static neap_status check_values(const block *b, const neap__tree *t) {
  for (int32_t k = 0; k < t->leaves - 1; k++) {
    double v = t->threshold[k];
    if (isnan(v)) return BAD(b->value[THRESHOLD].line, "threshold of node %d is NaN", k);
    bool category = t->decision[k] & NEAP__CATEGORICAL;
    if (category && !(v >= 0 && v < t->cats && v == floor(v)))
      return BAD(b->value[THRESHOLD].line, "node %d names category set %g of %d", k, v, t->cats);
    if ((t->decision[k] & NEAP__MISSING_MASK) == NEAP__MISSING_MASK)
      return BAD(b->value[DECISION_TYPE].line, "decision_type %d of node %d is none of LightGBM's",
                 t->decision[k], k);
  }
  for (int32_t i = 0; i < t->leaves; i++)
    if (isnan(t->leaf_value[i])) return BAD(b->value[LEAF_VALUE].line, "leaf %d is NaN", i);
  return NEAP_OK;
}

/* Every node and leaf is reached from the root exactly once. */
static neap_status check_shape(const block *b, const neap__tree *t) {
  int32_t nodes = t->leaves - 1, used = 1;
  if (nodes == 0) return NEAP_OK;
  int32_t *queue = neap_alloc_array(nodes, sizeof *queue);
  bool *seen = neap_calloc_array(nodes + t->leaves, 1);
  bool whole = queue && seen;
  if (whole) queue[0] = 0;
  for (int32_t i = 0; whole && i < used; i++)
    for (int side = 0; side < 2; side++) {
      int32_t child = side ? t->right[queue[i]] : t->left[queue[i]];
      int32_t slot = child >= 0 ? child : nodes + ~child;
      if (child == 0 || seen[slot]) whole = false;
      else if (child > 0) queue[used++] = child;
      seen[slot] = true;
      if (!whole) break;
    }
  neap_status st = !queue || !seen ? NEAP_ENOMEM : NEAP_OK;
  if (!st && (!whole || used != nodes))
    st = BAD(b->value[LEFT_CHILD].line, "left_child and right_child do not form a tree");
  neap_free(seen);
  neap_free(queue);
  return st;
}

static neap_status fill_tree(const block *b, neap__tree *t, int64_t features) {
  if (t->leaves > 1) NEAP_TRY(read_nodes(b, t, features));
  NEAP_TRY(read_leaves(b, t));
  NEAP_TRY(read_categories(b, t));
  NEAP_TRY(read_linear(b, t, features));
  NEAP_TRY(numbers(b, SHRINKAGE, 1, &t->shrinkage));
  NEAP_TRY(check_values(b, t));
  return check_shape(b, t);
}

/* The tree whose "Tree=" line was the last one read. */
static neap_status read_tree(cursor *c, neap_gbdt *m) {
  block b = {.line = c->line};
  NEAP_TRY(gather(c, &b));
  NEAP_TRY(measure(&b));
  neap__tree *t = neap__tree_new(b.leaves, b.cats, b.words, b.linear, b.coefficients);
  if (!t) return NEAP_ENOMEM;
  neap_status st = fill_tree(&b, t, m->features);
  if (!st) return neap__gbdt_append(m, t);
  neap_free(t);
  return st;
}

/* the header ----------------------------------------------------------------------------------- */

typedef struct {
  span version, num_class, per_iteration, label_index, max_feature, objective, names, infos, sizes,
      monotone;
  bool average;
} header;

static neap_status read_header(cursor *c, header *h) {
  const struct {
    const char *name;
    span *value;
  } keys[] = {
      {"version", &h->version},         {"num_class", &h->num_class},
      {"label_index", &h->label_index}, {"num_tree_per_iteration", &h->per_iteration},
      {"objective", &h->objective},     {"max_feature_idx", &h->max_feature},
      {"feature_names", &h->names},     {"feature_infos", &h->infos},
      {"tree_sizes", &h->sizes},        {"monotone_constraints", &h->monotone},
  };
  span line, key, value;
  if (!next_line(c, &line) || !is(line, "tree"))
    return BAD(1, "a LightGBM model starts with the line 'tree'");
  while (next_line(c, &line) && line.n > 0) {
    if (is(line, "average_output")) h->average = true;
    if (!cut(line, &key, &value)) continue;
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
      if (is(key, keys[k].name)) {
        if (keys[k].value->text) return BAD(line.line, "%s appears twice", keys[k].name);
        *keys[k].value = value;
      }
  }
  if (!h->version.text || !h->max_feature.text || !h->per_iteration.text)
    return BAD(c->line, "the header lacks version, max_feature_idx or num_tree_per_iteration");
  if (!is(h->version, "v4") && !is(h->version, "v3") && !is(h->version, "v2"))
    return BAD(h->version.line, "version '%.*s' is not v2, v3 or v4",
               (int)(h->version.n < 20 ? h->version.n : 20), h->version.text);
  return NEAP_OK;
}

/* n words as fresh texts. */
static neap_status read_texts(span s, const char *key, int64_t n, char ***out) {
  if (count_words(s) != n)
    return BAD(s.line, "%s has %lld entries for %lld features", key, (long long)count_words(s),
               (long long)n);
  char **texts = neap_calloc_array(n, sizeof *texts);
  if (!texts) return NEAP_ENOMEM;
  *out = texts; /* owned by the model from here on */
  span word;
  for (int64_t i = 0; next_word(&s, &word); i++) {
    texts[i] = neap_strndup(word.text, word.n);
    if (!texts[i]) return NEAP_ENOMEM;
  }
  return NEAP_OK;
}

static neap_status read_monotone(const header *h, neap_gbdt *m) {
  if (!h->monotone.text) return NEAP_OK;
  int64_t n = m->features;
  int32_t *v = neap_alloc_array(n, sizeof *v);
  m->monotone = neap_alloc_array(n, 1);
  neap_status st = v && m->monotone ? NEAP_OK : NEAP_ENOMEM;
  if (!st) st = read_integers(h->monotone, "monotone_constraints", n, -1, 1, I32, v);
  for (int64_t i = 0; !st && i < n; i++) m->monotone[i] = (int8_t)v[i];
  neap_free(v);
  return st;
}

static neap_status start_model(const header *h, neap_gbdt **out) {
  int64_t last, per, label = 0;
  NEAP_TRY(
      read_integers(h->max_feature, "max_feature_idx", 1, 0, NEAP__MAX_FEATURES - 1, I64, &last));
  NEAP_TRY(read_integers(h->per_iteration, "num_tree_per_iteration", 1, 1, 100000, I64, &per));
  if (h->label_index.text)
    NEAP_TRY(read_integers(h->label_index, "label_index", 1, 0, INT32_MAX, I64, &label));
  char *objective = neap_strndup(h->objective.text ? h->objective.text : "", h->objective.n);
  if (!objective) return NEAP_ENOMEM;
  neap_status st = neap__gbdt_new(out, last + 1, objective, per);
  if (st == NEAP_EFORMAT)
    st = neap_fail_in(st, "gbdt.load: line %lld", (long long)h->objective.line);
  neap_free(objective);
  if (st) return st;
  neap_gbdt *m = *out;
  m->label_index = label;
  m->average = h->average;
  if (h->names.text) st = read_texts(h->names, "feature_names", m->features, &m->names);
  if (!st && h->infos.text) st = read_texts(h->infos, "feature_infos", m->features, &m->infos);
  if (!st) st = read_monotone(h, m);
  return st;
}

/* whole models --------------------------------------------------------------------------------- */

/* tree_sizes, where given, must say the bytes of each tree: LightGBM finds the trees by them. A
 * text whose lines were made to end in \r\n keeps the sizes that it had before: returns fewer. */
static neap_status check_size(span *sizes, int64_t tree, int64_t bytes, int64_t returns) {
  span word;
  int64_t said;
  if (!sizes->text) return NEAP_OK;
  if (!next_word(sizes, &word))
    return BAD(sizes->line, "tree_sizes has %lld entries and the text more trees", (long long)tree);
  NEAP_TRY(read_integer(word, "tree_sizes", 0, INT64_MAX, &said));
  if (said != bytes && said != bytes - returns)
    return BAD(sizes->line, "tree_sizes gives tree %lld %lld bytes, it has %lld", (long long)tree,
               (long long)said, (long long)bytes);
  return NEAP_OK;
}

static neap_status read_trees(cursor *c, neap_gbdt *m, span sizes) {
  span line = {0}, word;
  const char *start = NULL;
  int64_t returns = c->returns;
  while (next_line(c, &line)) {
    bool end = is(line, "end of trees");
    if (!end && !begins(line, "Tree=")) {
      if (line.n) return BAD(line.line, "expected 'Tree=' or 'end of trees'");
      continue;
    }
    const char *stop = line.text + line.n;
    int64_t before = c->returns - (stop < c->end && *stop == '\r');
    if (start) NEAP_TRY(check_size(&sizes, m->trees - 1, line.text - start, before - returns));
    if (end) break;
    start = line.text;
    returns = before;
    int64_t number;
    word = (span){line.text + 5, line.n - 5, line.line};
    NEAP_TRY(read_integer(word, "Tree", m->trees, m->trees, &number));
    NEAP_TRY(read_tree(c, m));
    NEAP_TRY(neap_interrupt_check());
  }
  if (!is(line, "end of trees")) return BAD(c->line, "the text ends before 'end of trees'");
  if (sizes.text && next_word(&sizes, &word))
    return BAD(sizes.line, "tree_sizes has more entries than the %lld trees", (long long)m->trees);
  if (m->trees % m->per_iteration)
    return BAD(line.line, "%lld trees with %lld per iteration", (long long)m->trees,
               (long long)m->per_iteration);
  return NEAP_OK;
}

static const char checksum[] = "[neap_checksum: ";

/* The labels that LightGBM's format has no place for. */
static neap_status read_classes(neap_gbdt *m, span list) {
  if (!m->class_count) return BAD(list.line, "classes in a model that is no classifier");
  NEAP_TRY(
      read_integers(list, "neap_classes", m->class_count, INT64_MIN, INT64_MAX, I64, m->classes));
  for (int64_t k = 1; k < m->class_count; k++)
    if (m->classes[k] <= m->classes[k - 1]) return BAD(list.line, "neap_classes do not rise");
  return NEAP_OK;
}

/* Cut "[neap_name: value]"; false when the line is none. */
static bool cut_fact(span line, span *name, span *value) {
  static const char prefix[] = "[neap_";
  if (!begins(line, prefix) || line.text[line.n - 1] != ']') return false;
  const char *start = line.text + sizeof prefix - 1, *end = line.text + line.n - 1;
  const char *colon = memchr(start, ':', (size_t)(end - start));
  if (!colon || colon + 1 >= end || colon[1] != ' ') return false;
  *name = (span){start, (size_t)(colon - start), line.line};
  *value = (span){colon + 2, (size_t)(end - colon - 2), line.line};
  return true;
}

static neap_status read_fact(neap_gbdt *m, span name, span value) {
  if (is(name, "classes")) return read_classes(m, value);
  char *key = neap_strndup(name.text, name.n), *text = neap_strndup(value.text, value.n);
  neap_status st = key && text ? NEAP_OK : NEAP_ENOMEM;
  if (!st) st = neap_gbdt_set_fact(m, key, text);
  if (st == NEAP_EARG) st = BAD(name.line, "no fact of neap: %s", neap_last_error());
  neap_free(text);
  neap_free(key);
  return st;
}

/* The lines between "parameters:" and "end of parameters". */
static neap_status read_parameters(cursor *c, neap_gbdt *m) {
  span line, name, value;
  neap_text kept = {0};
  neap_status st = NEAP_OK;
  while (next_line(c, &line) && !is(line, "parameters:")) continue;
  if (c->at == c->end) return NEAP_OK;
  bool ended = false;
  while (!st && !ended && next_line(c, &line)) {
    ended = is(line, "end of parameters");
    if (ended) break;
    if (begins(line, checksum)) continue;
    if (cut_fact(line, &name, &value)) st = read_fact(m, name, value);
    else {
      neap_text_add(&kept, line.text, line.n);
      neap_text_put(&kept, "\n");
    }
  }
  if (!st && !ended) st = BAD(c->line, "the text ends before 'end of parameters'");
  if (!st && kept.failed) st = NEAP_ENOMEM;
  if (!st && kept.data) {
    neap_free(m->parameters);
    m->parameters = kept.data;
    kept.data = NULL;
  }
  neap_text_drop(&kept);
  return st;
}

/* What Python appends: the categories of pandas' columns. */
static neap_status read_pandas(cursor *c, neap_gbdt *m) {
  static const char prefix[] = "pandas_categorical:";
  span line;
  while (next_line(c, &line))
    if (begins(line, prefix)) {
      neap_free(m->pandas);
      m->pandas = neap_strndup(line.text + sizeof prefix - 1, line.n - (sizeof prefix - 1));
      if (!m->pandas) return NEAP_ENOMEM;
    }
  return NEAP_OK;
}

/* neap's checksum is that of all other lines, each ended by \n. Looked for everywhere, so that it
 * speaks also where the lines around it were damaged. */
static neap_status check_sum(const char *text, int64_t n) {
  cursor c = {.at = text, .end = text + n};
  span line, said = {0};
  uint64_t sum = NEAP__CHECKSUM_START;
  while (next_line(&c, &line))
    if (begins(line, checksum)) said = line;
    else {
      sum = neap__checksum(sum, line.text, line.n);
      sum = neap__checksum(sum, "\n", 1);
    }
  char want[48];
  snprintf(want, sizeof want, "%s%016llx]", checksum, (unsigned long long)sum);
  if (!said.text || is(said, want)) return NEAP_OK;
  return BAD(said.line,
             "the text has another checksum than neap gave it: it was changed since; without this "
             "line it is read as it is");
}

/* Zero bytes are no text, and would cut what is kept of it. */
static neap_status check_zeros(const char *text, int64_t n) {
  const char *zero = n ? memchr(text, 0, (size_t)n) : NULL;
  int64_t line = 1;
  for (const char *p = text; zero && p < zero; p++) line += *p == '\n';
  return zero ? BAD(line, "a zero byte: this is no text") : NEAP_OK;
}

static bool is_json(const char *text, int64_t n) {
  int64_t at = 0;
  while (at < n && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r'))
    at++;
  return at < n && text[at] == '{';
}

neap_status neap_gbdt_parse(neap_gbdt **out, const char *text, int64_t n) {
  if (is_json(text, n)) return neap__gbdt_parse_json(out, text, n);
  cursor c = {.at = text, .end = text + n};
  header h = {0};
  neap_gbdt *m = NULL;
  *out = NULL;
  neap_status st = check_zeros(text, n);
  if (!st) st = read_header(&c, &h);
  if (!st) st = start_model(&h, &m);
  if (!st) st = read_trees(&c, m, h.sizes);
  if (!st) st = read_parameters(&c, m);
  if (!st) st = read_pandas(&c, m);
  if (!st) st = check_sum(text, n);
  if (!st) st = neap__gbdt_objective(m); /* again: a fact may say more than the header */
  if (!st) st = neap__gbdt_compile(m);
  if (!st) *out = m;
  else neap_gbdt_free(m);
  return st;
}
