/* Writing a model as C: tables, and one function that walks them as model.c does. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/number.h"
#include "base/text.h"
#include "tree/model.h"

static void put_number(neap_text *b, double v) {
  char text[32];
  neap_number_print_17(text, v);
  if (isnan(v)) neap_text_put(b, "NAN");
  else if (isinf(v)) neap_text_put(b, v > 0 ? "HUGE_VAL" : "-HUGE_VAL");
  else neap_text_put(b, text);
}

/* A table of no items holds one 0, since C has no empty arrays. */
static void open_table(neap_text *b, const char *type, const char *name) {
  neap_text_format(b, "static const %s %s[] = {", type, name);
}

static void next_item(neap_text *b, int64_t *count) {
  neap_text_put(b, *count == 0 ? "\n  " : *count % 8 ? ", " : ",\n  ");
  ++*count;
}

static void close_table(neap_text *b, int64_t count) {
  neap_text_put(b, count ? "\n};\n" : "0};\n");
}

#define PUT_TABLE(b, m, type, name, n, put)                                                        \
  do {                                                                                             \
    int64_t items_ = 0;                                                                            \
    open_table(b, type, name);                                                                     \
    for (int64_t i = 0; i < (m)->trees; i++) {                                                     \
      const neap__tree *t = (m)->tree[i];                                                          \
      for (int64_t k = 0; k < (n); k++) {                                                          \
        next_item(b, &items_);                                                                     \
        put;                                                                                       \
      }                                                                                            \
    }                                                                                              \
    close_table(b, items_);                                                                        \
  } while (0)

static void put_nodes(neap_text *b, const neap_gbdt *m) {
  PUT_TABLE(b, m, "double", "threshold", t->leaves - 1, put_number(b, t->threshold[k]));
  PUT_TABLE(b, m, "int", "feature", t->leaves - 1, neap_text_integer(b, t->feature[k]));
  PUT_TABLE(b, m, "int", "left", t->leaves - 1, neap_text_integer(b, t->left[k]));
  PUT_TABLE(b, m, "int", "right", t->leaves - 1, neap_text_integer(b, t->right[k]));
  PUT_TABLE(b, m, "unsigned char", "decision", t->leaves - 1, neap_text_integer(b, t->decision[k]));
  PUT_TABLE(b, m, "double", "value", t->leaves, put_number(b, t->leaf_value[k]));
}

static void put_sets(neap_text *b, const neap_gbdt *m) {
  PUT_TABLE(b, m, "int", "set_begin", t->cats ? t->cats + 1 : 0,
            neap_text_integer(b, t->cat_boundary[k]));
  PUT_TABLE(b, m, "unsigned int", "set", t->words,
            neap_text_format(b, "%luu", (unsigned long)t->cat_bits[k]));
}

static void put_lines(neap_text *b, const neap_gbdt *m) {
  PUT_TABLE(b, m, "double", "line_start", t->linear ? t->leaves : 0,
            put_number(b, t->leaf_const[k]));
  PUT_TABLE(b, m, "int", "line_begin", t->linear ? t->leaves + 1 : 0,
            neap_text_integer(b, t->leaf_start[k]));
  PUT_TABLE(b, m, "double", "slope", t->coefficients, put_number(b, t->leaf_coeff[k]));
  PUT_TABLE(b, m, "int", "slope_feature", t->coefficients,
            neap_text_integer(b, t->leaf_feature[k]));
}

/* Where the parts of each tree begin in the tables. */
static void put_trees(neap_text *b, const neap_gbdt *m) {
  int64_t node = 0, leaf = 0, cat = 0, word = 0, line = 0, bound = 0, slope = 0;
  neap_text_put(b, "static const struct {\n  int leaves, node, leaf, set_begin, set, linear, "
                   "line_start, line_begin, slope;\n} tree[] = {\n");
  for (int64_t i = 0; i < m->trees; i++) {
    const neap__tree *t = m->tree[i];
    neap_text_format(b, "  {%d, %lld, %lld, %lld, %lld, %d, %lld, %lld, %lld},\n", t->leaves,
                     (long long)node, (long long)leaf, (long long)cat, (long long)word, t->linear,
                     (long long)line, (long long)bound, (long long)slope);
    node += t->leaves - 1;
    leaf += t->leaves;
    cat += t->cats ? t->cats + 1 : 0;
    word += t->words;
    line += t->linear ? t->leaves : 0;
    bound += t->linear ? t->leaves + 1 : 0;
    slope += t->coefficients;
  }
  if (m->trees == 0) neap_text_put(b, "  {0, 0, 0, 0, 0, 0, 0, 0, 0},\n");
  neap_text_put(b, "};\n\n");
}

static const char in_set[] =
    "static int in_set(int i, int k, double v) {\n"
    "  const int *begin = set_begin + tree[i].set_begin + (int)threshold[k];\n"
    "  if (!(v > -1 && v < 2147483648.0)) return 0;\n"
    "  int code = (int)v;\n"
    "  if (code / 32 >= begin[1] - begin[0]) return 0;\n"
    "  return set[tree[i].set + begin[0] + code / 32] >> (code % 32) & 1;\n"
    "}\n\n";

static const char goes_left[] = "static int goes_left(int i, int k, double v) {\n"
                                "  (void)i;\n"
                                "  int missing = decision[k] & 12;\n";

static const char by_set[] =
    "  if (decision[k] & 1) return v != v ? (decision[k] & 2) != 0 : in_set(i, k, v);\n";

static const char by_number[] =
    "  if (v != v && missing != 8) v = 0;\n"
    "  if ((missing == 8 && v != v) || (missing == 4 && fabs(v) <= (double)1e-35F))\n"
    "    return (decision[k] & 2) != 0;\n"
    "  return v <= threshold[k];\n"
    "}\n\n";

static const char leaf_of[] = "static double leaf_of(int i, const double *x) {\n"
                              "  int at = tree[i].leaves > 1 ? 0 : -1;\n"
                              "  while (at >= 0) {\n"
                              "    int k = tree[i].node + at;\n"
                              "    at = goes_left(i, k, x[feature[k]]) ? left[k] : right[k];\n"
                              "  }\n";

static const char constant[] = "  return value[tree[i].leaf + ~at];\n}\n\n";

static const char line[] =
    "  double constant = value[tree[i].leaf + ~at];\n"
    "  if (!tree[i].linear) return constant;\n"
    "  const int *begin = line_begin + tree[i].line_begin + ~at;\n"
    "  double sum = line_start[tree[i].line_start + ~at];\n"
    "  for (int j = tree[i].slope + begin[0]; j < tree[i].slope + begin[1]; j++) {\n"
    "    double v = x[slope_feature[j]];\n"
    "    if (v != v) return constant;\n"
    "    sum += v * slope[j];\n"
    "  }\n"
    "  return sum;\n"
    "}\n\n";

/* The objective may come from a file: nothing of it may end the comment. */
static void put_comment(neap_text *b, const char *text) {
  for (; *text; text++)
    neap_text_add(b, *text == '*' || *text == '/' || *text < ' ' ? "_" : text, 1);
}

static void put_head(neap_text *b, const neap_gbdt *m) {
  neap_text_put(b, "/* Boosted trees for the objective ");
  put_comment(b, m->objective_text);
  neap_text_format(b,
                   ".\n * raw[%lld] receives the raw scores of x[%lld], where NaN is a missing "
                   "value. Compiled without\n * fused multiply-add (-ffp-contract=off) they have "
                   "the bits of neap's. */\n#include <math.h>\n\n",
                   (long long)m->per_iteration, (long long)m->features);
}

/* Only what the model needs: compilers warn of the rest. */
static void put_body(neap_text *b, const neap_gbdt *m) {
  bool sets = false, lines = false;
  for (int64_t i = 0; i < m->trees; i++) {
    sets = sets || m->tree[i]->cats > 0;
    lines = lines || m->tree[i]->linear;
  }
  put_nodes(b, m);
  if (sets) put_sets(b, m);
  if (lines) put_lines(b, m);
  put_trees(b, m);
  if (sets) neap_text_put(b, in_set);
  neap_text_put(b, goes_left);
  if (sets) neap_text_put(b, by_set);
  neap_text_put(b, by_number);
  neap_text_put(b, leaf_of);
  neap_text_put(b, lines ? line : constant);
}

neap_status neap_gbdt_to_c(const neap_gbdt *m, const char *name, char **text, int64_t *n) {
  neap_text b = {0};
  *text = NULL;
  put_head(&b, m);
  put_body(&b, m);
  neap_text_format(&b,
                   "void %s(const double *x, double *raw);\n\n"
                   "void %s(const double *x, double *raw) {\n"
                   "  for (int c = 0; c < %lld; c++) raw[c] = 0;\n"
                   "  for (int i = 0; i < %lld; i++) raw[i %% %lld] += leaf_of(i, x);\n}\n",
                   name, name, (long long)m->per_iteration, (long long)m->trees,
                   (long long)m->per_iteration);
  if (b.failed) {
    neap_text_drop(&b);
    return NEAP_ENOMEM;
  }
  *n = (int64_t)b.n;
  *text = b.data;
  return NEAP_OK;
}
