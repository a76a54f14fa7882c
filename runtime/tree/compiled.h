/* compiled.h — inside the module: the form of a model that predicts.
 *
 * The splits of a model ask few distinct questions, since its thresholds are cuts of bins: 100
 * trees of 255 leaves on 28 features ask some 7 thousand, not 25 thousand. So a block of 512 rows
 * is first asked all of them, one bit a row, and then every tree is followed by all rows at once: a
 * row set enters a split as 512 bits and leaves it as two sets, by two logical operations. The
 * number of the leaf comes out as planes of bits, one per binary digit, and is then used to look up
 * values.
 *
 * One row alone walks the trees, many at a time. With AVX-512 its ranks among the thresholds lie in
 * registers and nodes in 32 bits, 16 trees a vector; else its answers are one byte per question, or
 * are found on the way when the model asks more than the walks will meet.
 *
 * Trees are cut into segments, consecutive ones whose questions together fit into cache. */
#ifndef NEAP_TREE_COMPILED_H
#define NEAP_TREE_COMPILED_H

#include <math.h>

#include "tree/model.h"

enum {
  NEAP__WORDS = 8, /* of 64 rows each */
  NEAP__BLOCK = 64 * NEAP__WORDS,
  NEAP__CUTS = 255,       /* thresholds of a column */
  NEAP__QUESTIONS = 8192, /* of a segment of more than one tree */
  NEAP__WALKS = 64,       /* walks that begin together */
  NEAP__PACKED = 128,     /* columns of packed nodes */
  NEAP__NO_RANK = 65535,  /* of a missing value */
  NEAP__PLANES = 12,      /* trees of up to 2^12 leaves are followed by sets of rows */
};

/* One bit per row of a block. */
typedef uint64_t neap__rows __attribute__((vector_size(8 * NEAP__WORDS)));

/* What a split asks; the answer is whether a row goes right. */
typedef struct {
  double threshold;
  const uint32_t *bits; /* categorical: the set that goes left, NULL for numbers */
  int32_t feature, words;
  uint8_t missing; /* NEAP__MISSING_ZERO, _NAN, or 0: NaN counts as 0 */
  bool right;      /* where missing values go */
} neap__question;

/* Questions to one feature, by rising thresholds (one may stand twice, once per side of missing
 * values). The answers to all of them are the rank of the value, how many thresholds it is above: a
 * number of `levels` binary digits, 0 for a missing value. */
typedef struct {
  int32_t feature, count, levels;
  uint8_t missing;
  bool sided;     /* some question sends missing values right */
  int64_t first;  /* question */
  double *sorted; /* [2^levels], +inf behind the last */
  float *narrow;  /* rounded down; level by level of a binary search: the middle one, the two middle
                     ones of the halves ...; 16 more can be read */
} neap__column;

/* The categories of a feature that any set lists: those have a mask of rows each. */
typedef struct {
  int32_t feature, codes;
  int32_t missing; /* the mask of rows without one */
  int32_t *mask;   /* [codes]: its number, -1 for a category in no set */
} neap__category;

typedef struct {
  uint16_t question, left, right; /* sets of rows: those of inner nodes, then those of leaves */
} neap__branch;

/* A node of a walk; siblings are adjacent, a leaf leads to itself and asks the question behind the
 * last, whose answer is always left. */
typedef struct {
  uint16_t question, code;
  int32_t child;
} neap__step;

/* A tree. Codes number its leaves from left to right. */
typedef struct {
  int32_t leaves, planes, root;
  bool linear;
  neap__branch *branch;  /* [leaves - 1], parents first */
  uint16_t *joined;      /* sets whose union is a plane, plane after plane */
  int32_t *joined_until; /* [planes] */
  double *value;         /* [leaves] by code */
  int32_t *leaf;         /* [leaves] by code */
} neap__program;

typedef struct {
  int64_t tree, trees;
  bool plain;  /* followed as model.c does: a threshold is NaN, or there are too many leaves */
  bool masked; /* can be followed by sets of rows */
  bool ahead;  /* one row answers all questions before it walks */
  int64_t questions, columns, categories, masks, listed, nodes;
  neap__question *question;
  neap__column *column;
  double *sorted;
  float *narrow;
  neap__category *category;
  int32_t *codes;
  int32_t *list;          /* numbers of the masks of categories in each set, set after set */
  int64_t sets;           /* the last of the questions */
  int64_t *list_until;    /* [sets] */
  neap__program *program; /* [trees] */
  neap__step *step;       /* [nodes] */
  int32_t *root;          /* [trees + WALKS]: steps; the last one repeats */
  double *result;         /* [nodes]: what a leaf gives */
  /* For tables that have it, else NULL: steps in 32 bits, child - root in 16, the rank that is the
   * last to go left in 8, whether missing values do, and the column in 7; and what to search in
   * each column, [3][search_room]: feature, first of sorted, half of its room. */
  uint32_t *packed;
  int32_t *search;
  int64_t search_room;
  uint8_t *no_missing, *zero_missing; /* bit k % 8 of byte k / 8: the column's rule */
} neap__segment;

typedef struct neap__mask_loops neap__mask_loops;

struct neap__compiled {
  const neap__mask_loops *loops;
  int64_t segments, room, most_questions, most_masks, most_leaves;
  bool linear; /* some tree is */
  neap__segment *segment;
};

/* Whether a row with this value goes right. */
static inline bool neap__question_answer(const neap__question *q, double v) {
  if (q->bits) {
    if (v != v) return q->right;
    if (!(v > -1 && v < 0x1p31)) return true;
    int32_t code = (int32_t)v;
    return code / 32 >= q->words || !(q->bits[code / 32] >> (code % 32) & 1);
  }
  if (q->missing == NEAP__MISSING_ZERO ? !(fabs(v) > NEAP__ZERO) : q->missing && v != v)
    return q->right;
  return !((v != v ? 0 : v) <= q->threshold);
}

/* One row before its walks: its ranks where the segment is packed, else, where it answers ahead,
 * its answers to all questions, a byte each, and 0 for leaves. */
typedef struct {
  const double *row;
  bool missing; /* some rank is NO_RANK */
  uint16_t rank[NEAP__PACKED];
  uint8_t answer[NEAP__QUESTIONS + 64];
} neap__row;

/* Loops that differ by instruction set; all give the same bits. */
struct neap__mask_loops {
  bool packs;
  /* planes[level][word] of 64 values, f64 or f32: the digits of their ranks, the lowest first.
   * Returns which of them are missing. */
  uint64_t (*rank)(const neap__column *c, const void *values, bool f32, uint64_t *planes);
  /* masks[count]: the answers, from planes[levels]. */
  void (*spread)(const neap__column *c, const neap__rows *planes, neap__rows *masks);
  /* Follow a tree: planes of the codes of its leaves. sets has room for 2 leaves - 1. */
  void (*follow)(const neap__program *p, const neap__rows *masks, neap__rows *sets,
                 neap__rows *planes);
  /* The codes themselves: their low bytes, and their high bytes where planes > 8. */
  void (*codes)(int planes, const neap__rows *plane, uint8_t *low, uint8_t *high);
  /* raw[i] += value of the code of row i. */
  void (*add)(const neap__program *p, const uint8_t *low, const uint8_t *high, double *raw);
  /* What a row must know before it walks; the row stays where it is. */
  void (*prepare)(const neap__segment *s, const double *row, neap__row *r);
  /* leaf[i] = the step at which tree first + i of the segment ends, i < n <= WALKS; leaf has room
   * for WALKS. */
  void (*walk)(const neap__segment *s, const neap__row *r, int64_t first, int64_t n, int32_t *leaf);
};

neap_status neap__mask_loops_select(const neap__mask_loops **out);
const neap__mask_loops *neap__mask_loops_at(int i); /* as neap_kern_at */

#endif
