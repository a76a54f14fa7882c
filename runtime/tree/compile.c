/* Compiling: from the splits of trees to the questions of segments, and a program per tree. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "tree/compiled.h"

/* questions ------------------------------------------------------------------------------------ */

static neap__question question_of(const neap__tree *t, int32_t node) {
  int decision = t->decision[node], missing = decision & NEAP__MISSING_MASK;
  neap__question q = {.feature = t->feature[node]};
  if (decision & NEAP__CATEGORICAL) {
    int32_t which = (int32_t)t->threshold[node];
    q.bits = t->cat_bits + t->cat_boundary[which];
    q.words = t->cat_boundary[which + 1] - t->cat_boundary[which];
    while (q.words > 0 && q.bits[q.words - 1] == 0) q.words--;
    q.right = !(decision & NEAP__DEFAULT_LEFT);
    return q;
  }
  q.threshold = t->threshold[node];
  q.missing = missing == NEAP__MISSING_MASK ? 0 : (uint8_t)missing;
  q.right = q.missing && !(decision & NEAP__DEFAULT_LEFT);
  return q;
}

#define ORDER(a, b)                                                                                \
  if ((a) != (b)) return (a) < (b) ? -1 : 1

/* Numbers before categories, by feature, thresholds rising. */
static int order_questions(const neap__question *a, const neap__question *b) {
  ORDER(a->bits != NULL, b->bits != NULL);
  ORDER(a->feature, b->feature);
  ORDER(a->missing, b->missing);
  ORDER(a->threshold, b->threshold);
  ORDER(a->right, b->right);
  ORDER(a->words, b->words);
  return a->bits ? memcmp(a->bits, b->bits, (size_t)a->words * sizeof *a->bits) : 0;
}

typedef struct {
  neap__question q;
  int64_t site; /* number of the node among all of the model */
} site;

static int order_sites(const void *a, const void *b) {
  const site *u = a, *v = b;
  return order_questions(&u->q, &v->q);
}

/* What the model asks, each question once, and which of them each of its nodes asks. */
typedef struct {
  const neap_gbdt *m;
  int64_t nodes, distinct, counts;
  int64_t *start; /* [trees + 1]: nodes before each tree */
  int32_t *of;    /* [nodes] */
  site *asked;    /* [distinct], rising */
  int32_t *seen;  /* [distinct]: the last segment that asks it, from 1 */
  int64_t *met;   /* [distinct]: the last count that met it */
  int32_t *local; /* [distinct]: its number in that segment */
} census;

static bool is_plain(const neap__tree *t) {
  if (t->leaves > UINT16_MAX / 2) return true;
  for (int32_t k = 0; k < t->leaves - 1; k++)
    if (!(t->decision[k] & NEAP__CATEGORICAL) && isnan(t->threshold[k])) return true;
  return false;
}

static void census_free(census *c) {
  neap_free(c->start);
  neap_free(c->of);
  neap_free(c->asked);
  neap_free(c->seen);
  neap_free(c->met);
  neap_free(c->local);
}

static void number_questions(census *c, int64_t sites) {
  qsort(c->asked, (size_t)sites, sizeof *c->asked, order_sites);
  for (int64_t i = 0; i < sites; i++) {
    bool fresh = i == 0 || order_questions(&c->asked[i].q, &c->asked[c->distinct - 1].q) != 0;
    site s = c->asked[i];
    if (fresh) c->asked[c->distinct++] = s;
    c->of[s.site] = (int32_t)(c->distinct - 1);
  }
}

static neap_status census_of(census *c, const neap_gbdt *m) {
  c->m = m;
  c->start = neap_alloc_array(m->trees + 1, sizeof *c->start);
  if (!c->start) return NEAP_ENOMEM;
  c->start[0] = 0;
  for (int64_t t = 0; t < m->trees; t++) c->start[t + 1] = c->start[t] + m->tree[t]->leaves - 1;
  c->nodes = c->start[m->trees];
  c->of = neap_alloc_array(c->nodes, sizeof *c->of);
  c->asked = neap_alloc_array(c->nodes, sizeof *c->asked);
  if (!c->of || !c->asked) return NEAP_ENOMEM;
  int64_t sites = 0;
  for (int64_t t = 0; t < m->trees; t++) {
    if (is_plain(m->tree[t])) continue;
    for (int32_t k = 0; k < m->tree[t]->leaves - 1; k++)
      c->asked[sites++] = (site){question_of(m->tree[t], k), c->start[t] + k};
  }
  number_questions(c, sites);
  c->seen = neap_calloc_array(c->distinct, sizeof *c->seen);
  c->met = neap_calloc_array(c->distinct, sizeof *c->met);
  c->local = neap_alloc_array(c->distinct, sizeof *c->local);
  return c->seen && c->met && c->local ? NEAP_OK : NEAP_ENOMEM;
}

/* columns -------------------------------------------------------------------------------------- */

static float rounded_down(double v) {
  float f = (float)v;
  return (double)f > v ? nextafterf(f, -HUGE_VALF) : f;
}

static bool same_column(const neap__question *a, const neap__question *b) {
  return a->feature == b->feature && a->missing == b->missing;
}

/* Questions from q on that make one column. */
static int64_t column_length(const neap__segment *s, int64_t q) {
  int64_t n = 1, most = s->questions - s->sets;
  while (n < NEAP__CUTS && q + n < most && same_column(&s->question[q], &s->question[q + n])) n++;
  return n;
}

static int levels_of(int64_t count) {
  int levels = 0;
  while (count >> levels) levels++;
  return levels;
}

static void fill_column(neap__column *c, const neap__question *q) {
  int64_t room = (int64_t)1 << c->levels;
  for (int64_t i = 0; i < room; i++) c->sorted[i] = i < c->count ? q[i].threshold : HUGE_VAL;
  for (int l = 0; l < c->levels; l++) {
    int64_t apart = room >> l;
    for (int64_t p = 0; p < 1 << l; p++)
      c->narrow[(1 << l) - 1 + p] = rounded_down(c->sorted[p * apart + apart / 2 - 1]);
  }
  for (int32_t i = 0; i < c->count; i++) c->sided = c->sided || q[i].right;
}

static neap_status build_columns(neap__segment *s) {
  int64_t numbers = s->questions - s->sets, room = 0;
  for (int64_t q = 0; q < numbers; s->columns++) {
    int64_t n = column_length(s, q);
    room += (int64_t)1 << levels_of(n);
    q += n;
  }
  s->column = neap_calloc_array(s->columns, sizeof *s->column);
  s->sorted = neap_alloc_array(room, sizeof *s->sorted);
  s->narrow = neap_calloc_array(room + 16, sizeof *s->narrow);
  if (!s->column || !s->sorted || !s->narrow) return NEAP_ENOMEM;
  int64_t q = 0, at = 0;
  for (int64_t k = 0; k < s->columns; k++) {
    int64_t n = column_length(s, q);
    const neap__question *first = s->question + q;
    s->column[k] = (neap__column){.feature = first->feature,
                                  .count = (int32_t)n,
                                  .levels = levels_of(n),
                                  .missing = first->missing,
                                  .first = q,
                                  .sorted = s->sorted + at,
                                  .narrow = s->narrow + at};
    fill_column(&s->column[k], first);
    at += (int64_t)1 << s->column[k].levels;
    q += n;
  }
  return NEAP_OK;
}

/* categories ----------------------------------------------------------------------------------- */

static const neap__question *set_at(const neap__segment *s, int64_t k) {
  return s->question + s->questions - s->sets + k;
}

/* Sets from k on that are of one feature, and 32 times the words of the widest. */
static int64_t feature_length(const neap__segment *s, int64_t k, int64_t *codes) {
  int64_t n = 0;
  *codes = 0;
  for (; k + n < s->sets && set_at(s, k + n)->feature == set_at(s, k)->feature; n++)
    if (32 * (int64_t)set_at(s, k + n)->words > *codes) *codes = 32 * set_at(s, k + n)->words;
  return n;
}

static bool has(const neap__question *q, int64_t code) {
  return code / 32 < q->words && (q->bits[code / 32] >> (code % 32) & 1);
}

static int64_t set_size(const neap__question *q) {
  int64_t n = 0;
  for (int32_t w = 0; w < q->words; w++) n += __builtin_popcount(q->bits[w]);
  return n;
}

/* Sets of more categories than a block has rows are asked row by row, and list none. */
static int64_t listed_size(const neap__question *q) {
  int64_t n = set_size(q);
  return n > NEAP__BLOCK ? 0 : n + !q->right;
}

/* Number the categories that a set lists, and list their numbers set by set. */
static void list_categories(neap__segment *s, neap__category *c, int64_t k, int64_t n) {
  c->missing = (int32_t)s->masks++;
  for (int32_t code = 0; code < c->codes; code++) c->mask[code] = -1;
  for (int64_t i = k; i < k + n; i++) {
    const neap__question *q = set_at(s, i);
    bool listed = listed_size(q) > 0;
    for (int32_t code = 0; listed && code < 32 * q->words; code++) {
      if (!has(q, code)) continue;
      if (c->mask[code] < 0) c->mask[code] = (int32_t)s->masks++;
      s->list[s->listed++] = c->mask[code];
    }
    if (listed && !q->right) s->list[s->listed++] = c->missing;
    s->list_until[i] = s->listed;
  }
}

static neap_status build_categories(neap__segment *s) {
  int64_t room = 0, listed = 0, codes;
  for (int64_t k = 0; k < s->sets; k += feature_length(s, k, &codes)) {
    feature_length(s, k, &codes);
    room += codes;
    s->categories++;
  }
  for (int64_t k = 0; k < s->sets; k++) listed += listed_size(set_at(s, k));
  s->category = neap_alloc_array(s->categories, sizeof *s->category);
  s->codes = neap_alloc_array(room, sizeof *s->codes);
  s->list = neap_alloc_array(listed + 1, sizeof *s->list);
  s->list_until = neap_alloc_array(s->sets, sizeof *s->list_until);
  if (!s->category || !s->codes || !s->list || !s->list_until) return NEAP_ENOMEM;
  int64_t at = 0;
  for (int64_t k = 0, c = 0; k < s->sets; c++) {
    int64_t n = feature_length(s, k, &codes);
    s->category[c] = (neap__category){
        .feature = set_at(s, k)->feature, .codes = (int32_t)codes, .mask = s->codes + at};
    list_categories(s, &s->category[c], k, n);
    at += codes;
    k += n;
  }
  return NEAP_OK;
}

/* programs ------------------------------------------------------------------------------------- */

typedef struct {
  const neap__tree *t;
  const int32_t *of, *local; /* number of the question of each node: local[of[node]] */
  int32_t *queue;            /* [2 leaves - 1]: nodes and ~leaves, breadth first */
  int32_t *lowest, *leaves;  /* [nodes]: lowest code below, and leaves below */
  int32_t *code;             /* [leaves] */
  int32_t *slot;             /* [nodes]: number of its set */
} draft;

static void drop_draft(draft *d) {
  neap_free(d->queue);
  neap_free(d->lowest);
  neap_free(d->leaves);
  neap_free(d->code);
  neap_free(d->slot);
}

static neap_status make_draft(draft *d, int64_t leaves) {
  d->queue = neap_alloc_array(2 * leaves, sizeof(int32_t));
  d->lowest = neap_alloc_array(leaves, sizeof(int32_t));
  d->leaves = neap_alloc_array(leaves, sizeof(int32_t));
  d->code = neap_alloc_array(leaves, sizeof(int32_t));
  d->slot = neap_alloc_array(leaves, sizeof(int32_t));
  return d->queue && d->lowest && d->leaves && d->code && d->slot ? NEAP_OK : NEAP_ENOMEM;
}

static int32_t leaves_of(const draft *d, int32_t child) { return child < 0 ? 1 : d->leaves[child]; }

/* Breadth first, then leaves counted upwards, then codes given out downwards. */
static void survey(draft *d) {
  const neap__tree *t = d->t;
  int32_t used = 1, inner = 0;
  d->queue[0] = t->leaves > 1 ? 0 : -1;
  for (int32_t i = 0; i < used; i++) {
    int32_t k = d->queue[i];
    if (k < 0) continue;
    d->slot[k] = inner++;
    d->queue[used++] = t->left[k];
    d->queue[used++] = t->right[k];
  }
  for (int32_t i = used; i-- > 0;) {
    int32_t k = d->queue[i];
    if (k >= 0) d->leaves[k] = leaves_of(d, t->left[k]) + leaves_of(d, t->right[k]);
  }
  if (t->leaves == 1) d->code[0] = 0;
  else d->lowest[0] = 0;
  for (int32_t i = 0; i < used; i++) {
    int32_t k = d->queue[i];
    if (k < 0) continue;
    int32_t l = t->left[k], r = t->right[k], middle = d->lowest[k] + leaves_of(d, l);
    *(l < 0 ? &d->code[~l] : &d->lowest[l]) = d->lowest[k];
    *(r < 0 ? &d->code[~r] : &d->lowest[r]) = middle;
  }
}

static uint16_t set_of(const draft *d, int32_t child) {
  return (uint16_t)(child < 0 ? d->t->leaves - 1 + d->code[~child] : d->slot[child]);
}

/* Whether all codes below have this digit. */
static bool all_have(const draft *d, int32_t child, int digit) {
  int32_t low = child < 0 ? d->code[~child] : d->lowest[child];
  int32_t last = low + leaves_of(d, child) - 1;
  return (low >> digit & 1) && low >> digit == last >> digit;
}

/* The largest subtrees whose codes all have this digit. */
static int32_t join_plane(const draft *d, int digit, uint16_t *out) {
  int32_t n = 0;
  for (int32_t k = 0; k < d->t->leaves - 1; k++) {
    if (all_have(d, k, digit)) continue;
    int32_t l = d->t->left[k], r = d->t->right[k];
    if (all_have(d, l, digit)) out[n++] = set_of(d, l);
    if (all_have(d, r, digit)) out[n++] = set_of(d, r);
  }
  return n;
}

static void write_branches(const draft *d, neap__program *p) {
  const neap__tree *t = d->t;
  for (int32_t k = 0; k < t->leaves - 1; k++)
    p->branch[d->slot[k]] =
        (neap__branch){(uint16_t)d->local[d->of[k]], set_of(d, t->left[k]), set_of(d, t->right[k])};
  for (int32_t l = 0; l < t->leaves; l++) {
    p->value[d->code[l]] = t->leaf_value[l];
    p->leaf[d->code[l]] = l;
  }
  int32_t n = 0;
  for (int digit = 0; digit < p->planes; digit++) {
    n += join_plane(d, digit, p->joined + n);
    p->joined_until[digit] = n;
  }
}

static void write_steps(const draft *d, neap__segment *s, const neap__program *p) {
  int32_t next = p->root + 1;
  for (int32_t i = 0; i < 2 * d->t->leaves - 1; i++) {
    int32_t k = d->queue[i], at = p->root + i;
    if (k < 0) {
      s->step[at] = (neap__step){(uint16_t)s->questions, (uint16_t)d->code[~k], at};
      s->result[at] = d->t->leaf_value[~k];
      continue;
    }
    s->step[at] = (neap__step){(uint16_t)d->local[d->of[k]], 0, next};
    next += 2;
  }
}

/* All arrays of a program in one block, which value starts; every digit of a code is in half of
 * the leaves at most, rounded up. */
static neap_status alloc_program(neap__program *p, int64_t leaves) {
  p->leaves = (int32_t)leaves;
  p->planes = levels_of(leaves - 1);
  int64_t joined = p->planes * ((leaves + 1) / 2);
  int64_t bytes =
      leaves * 12 + p->planes * 4 + (leaves - 1) * (int64_t)sizeof *p->branch + joined * 2;
  char *block = neap_alloc(bytes);
  if (!block) return NEAP_ENOMEM;
  p->value = (void *)block;
  p->leaf = (void *)(p->value + leaves);
  p->joined_until = p->leaf + leaves;
  p->branch = (void *)(p->joined_until + p->planes);
  p->joined = (void *)(p->branch + leaves - 1);
  return NEAP_OK;
}

static neap_status build_programs(neap__segment *s, const census *c) {
  int64_t widest = 0;
  for (int64_t i = 0; i < s->trees; i++) {
    int64_t leaves = c->m->tree[s->tree + i]->leaves;
    widest = leaves > widest ? leaves : widest;
    s->nodes += 2 * leaves - 1;
  }
  s->program = neap_calloc_array(s->trees, sizeof *s->program);
  s->step = neap_alloc_array(s->nodes, sizeof *s->step);
  s->result = neap_calloc_array(s->nodes, sizeof *s->result);
  s->root = neap_alloc_array(s->trees + NEAP__WALKS, sizeof *s->root);
  draft d = {.local = c->local};
  neap_status st =
      s->program && s->step && s->result && s->root ? make_draft(&d, widest) : NEAP_ENOMEM;
  int32_t root = 0;
  for (int64_t i = 0; !st && i < s->trees; i++) {
    neap__program *p = s->program + i;
    d.t = c->m->tree[s->tree + i];
    d.of = c->of + c->start[s->tree + i];
    st = alloc_program(p, d.t->leaves);
    if (st) break;
    p->root = root;
    p->linear = d.t->linear;
    survey(&d);
    write_branches(&d, p);
    write_steps(&d, s, p);
    s->root[i] = root;
    root += 2 * d.t->leaves - 1;
  }
  for (int64_t i = 0; !st && i < NEAP__WALKS; i++) s->root[s->trees + i] = s->root[s->trees - 1];
  drop_draft(&d);
  return st;
}

/* packing -------------------------------------------------------------------------------------- */

static uint32_t pack_step(const neap__segment *s, const neap__step *step, int32_t root,
                          const uint8_t *column) {
  uint32_t child = (uint32_t)(step->child - root);
  if (step->question == s->questions) return child | 255u << 16 | 1u << 24;
  const neap__column *c = &s->column[column[step->question]];
  uint32_t cut = (uint32_t)(step->question - c->first);
  bool left = !s->question[step->question].right;
  return child | cut << 16 | (uint32_t)left << 24 | (uint32_t)column[step->question] << 25;
}

static void pack_columns(neap__segment *s) {
  int64_t room = s->search_room;
  for (int64_t k = 0; k < s->columns; k++) {
    const neap__column *c = &s->column[k];
    s->search[k] = c->feature;
    s->search[room + k] = (int32_t)(c->sorted - s->sorted);
    s->search[2 * room + k] = 1 << (c->levels - 1);
    uint8_t bit = (uint8_t)(1 << (k % 8));
    if (c->missing == 0) s->no_missing[k / 8] |= bit;
    if (c->missing == NEAP__MISSING_ZERO) s->zero_missing[k / 8] |= bit;
  }
}

static neap_status pack(neap__segment *s) {
  s->search_room = (s->columns + 7) / 8 * 8;
  uint8_t *column = neap_alloc_array(s->questions, 1);
  s->packed = neap_alloc_array(s->nodes, sizeof *s->packed);
  s->search = neap_calloc_array(3 * s->search_room, sizeof *s->search);
  s->no_missing = neap_calloc_array(s->search_room / 8, 1);
  s->zero_missing = neap_calloc_array(s->search_room / 8, 1);
  bool there = column && s->packed && s->search && s->no_missing && s->zero_missing;
  if (there) {
    for (int64_t k = 0; k < s->columns; k++)
      memset(column + s->column[k].first, (int)k, (size_t)s->column[k].count);
    pack_columns(s);
    for (int64_t i = 0; i < s->trees; i++)
      for (int32_t at = s->root[i]; at < s->root[i] + 2 * s->program[i].leaves - 1; at++)
        s->packed[at] = pack_step(s, &s->step[at], s->root[i], column);
  }
  neap_free(column);
  return there ? NEAP_OK : NEAP_ENOMEM;
}

/* segments ------------------------------------------------------------------------------------- */

static void collect_questions(neap__segment *s, const census *c, int32_t number) {
  int64_t n = 0;
  for (int64_t i = 0; i < c->distinct; i++) {
    if (c->seen[i] != number) continue;
    c->local[i] = (int32_t)n;
    s->question[n++] = c->asked[i].q;
    s->sets += c->asked[i].q.bits != NULL;
  }
}

/* Expected splits on the way of one row through all trees: what a walk meets, where the answers
 * ahead cost a search per column. */
static double meetings(const neap__segment *s) {
  double sum = 0;
  for (int64_t i = 0; i < s->trees; i++) sum += 1.25 * log2(s->program[i].leaves);
  return sum;
}

static neap_status build_segment(neap__segment *s, const census *c, int32_t number,
                                 const neap__mask_loops *loops) {
  if (s->plain) return NEAP_OK;
  s->question = neap_alloc_array(s->questions + 1, sizeof *s->question);
  if (!s->question) return NEAP_ENOMEM;
  collect_questions(s, c, number);
  s->question[s->questions] = (neap__question){.threshold = HUGE_VAL, .missing = NEAP__MISSING_NAN};
  NEAP_TRY(build_columns(s));
  NEAP_TRY(build_categories(s));
  NEAP_TRY(build_programs(s, c));
  s->masked = s->questions <= NEAP__QUESTIONS;
  for (int64_t i = 0; i < s->trees; i++)
    s->masked = s->masked && s->program[i].planes <= NEAP__PLANES;
  s->ahead = s->questions <= NEAP__QUESTIONS &&
             (double)(8 * s->columns + s->questions / 16 + 4 * s->sets) < meetings(s);
  /* packed leaves look at the rank of the first column, which must be one */
  bool packs = loops->packs && s->columns > 0 && s->columns <= NEAP__PACKED && s->sets == 0;
  return packs ? pack(s) : NEAP_OK;
}

/* Questions of a tree that the segment with that number does not ask yet. */
static int64_t fresh_questions(census *c, int64_t tree, int32_t number) {
  int64_t fresh = 0;
  c->counts++;
  for (int64_t i = c->start[tree]; i < c->start[tree + 1]; i++) {
    int32_t q = c->of[i];
    if (c->seen[q] == number || c->met[q] == c->counts) continue;
    c->met[q] = c->counts;
    fresh++;
  }
  return fresh;
}

static neap_status add_segment(struct neap__compiled *p, neap__segment *s, const census *c) {
  if (p->segments == p->room) {
    int64_t room = p->room ? 2 * p->room : 4;
    neap__segment *grown = neap_realloc_array(p->segment, room, sizeof *grown);
    if (!grown) return NEAP_ENOMEM;
    p->segment = grown;
    p->room = room;
  }
  neap__segment *kept = &p->segment[p->segments];
  *kept = *s;
  p->segments++;
  NEAP_TRY(build_segment(kept, c, (int32_t)p->segments, p->loops));
  if (!kept->masked) return NEAP_OK;
  p->most_questions = kept->questions > p->most_questions ? kept->questions : p->most_questions;
  p->most_masks = kept->masks > p->most_masks ? kept->masks : p->most_masks;
  for (int64_t i = 0; i < kept->trees; i++)
    if (kept->program[i].leaves > p->most_leaves) p->most_leaves = kept->program[i].leaves;
  return NEAP_OK;
}

/* Whether a tree is better begun in a new segment. */
static bool closes(const neap__segment *s, int64_t fresh, bool plain) {
  return s->trees > 0 && (plain != s->plain || s->questions + fresh > NEAP__QUESTIONS);
}

static neap_status cut_segments(struct neap__compiled *p, census *c) {
  neap__segment s = {0};
  for (int64_t t = 0; t < c->m->trees; t++) {
    bool plain = is_plain(c->m->tree[t]);
    int64_t fresh = plain ? 0 : fresh_questions(c, t, (int32_t)p->segments + 1);
    if (closes(&s, fresh, plain)) {
      NEAP_TRY(add_segment(p, &s, c));
      s = (neap__segment){.tree = t};
      fresh = plain ? 0 : fresh_questions(c, t, (int32_t)p->segments + 1);
    }
    s.plain = plain;
    s.trees++;
    s.questions += fresh;
    for (int64_t i = c->start[t]; !plain && i < c->start[t + 1]; i++)
      c->seen[c->of[i]] = (int32_t)p->segments + 1;
  }
  return s.trees > 0 ? add_segment(p, &s, c) : NEAP_OK;
}

void neap__compiled_free(struct neap__compiled *p) {
  for (int64_t k = 0; p && k < p->segments; k++) {
    neap__segment *s = &p->segment[k];
    for (int64_t i = 0; s->program && i < s->trees; i++) neap_free(s->program[i].value);
    neap_free(s->question);
    neap_free(s->column);
    neap_free(s->sorted);
    neap_free(s->narrow);
    neap_free(s->category);
    neap_free(s->codes);
    neap_free(s->list);
    neap_free(s->list_until);
    neap_free(s->program);
    neap_free(s->step);
    neap_free(s->result);
    neap_free(s->root);
    neap_free(s->packed);
    neap_free(s->search);
    neap_free(s->no_missing);
    neap_free(s->zero_missing);
  }
  if (p) neap_free(p->segment);
  neap_free(p);
}

neap_status neap__gbdt_compile(neap_gbdt *m) {
  struct neap__compiled *p = neap_calloc_array(1, sizeof *p);
  if (!p) return NEAP_ENOMEM;
  for (int64_t t = 0; t < m->trees; t++) p->linear = p->linear || m->tree[t]->linear;
  census c = {0};
  neap_status st = census_of(&c, m);
  if (!st) st = neap__mask_loops_select(&p->loops);
  if (!st) st = cut_segments(p, &c);
  census_free(&c);
  if (st) neap__compiled_free(p);
  else m->compiled = p;
  return st;
}
