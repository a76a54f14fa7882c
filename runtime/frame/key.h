/* key.h — private: words of keys, and numbering them. */
#ifndef NEAP_FRAME_KEY_H
#define NEAP_FRAME_KEY_H

#include "frame/group.h"

enum { NEAP__KEY_BLOCK = 1024, NEAP__KEY_GRAIN = 1 << 15 };

/* Where words come from: a column, or (series NULL) pairs of numbers a[i] * width + b[i]. */
typedef struct {
  int64_t rows;
  const neap_series *series;
  const int32_t *a, *b;
  int64_t width, span; /* pairs: numbers in b, and all pairs */
} neap__words;

/* *word: the words of rows begin .. end (at most NEAP__KEY_BLOCK), in room or where they lie.
 * NEAP_EINDEX for a code without label. */
neap_status neap__words_read(const neap__words *w, int64_t begin, int64_t end, int64_t *room,
                             const int64_t **word);

/* The word that stands for missing; false when there is none such. */
bool neap__words_missing(const neap__words *w, int64_t *word);

/* Order-preserving words of a series of times or numbers, whole. */
neap_status neap__words_all(const neap_series *s, int64_t *out);

typedef struct {
  int64_t word;
  int32_t id; /* -1: free */
} neap__slot;

/* Different words, numbered from 0: by a table over low .. low + span, else by hashing. */
typedef struct {
  int64_t count;
  int64_t low, span;
  int32_t *table;
  neap__slot *slot;
  uint64_t mask;
  bool drop; /* the missing word has number -1 */
} neap__index;

/* Number the words of w into id: rising when sorted, else by first appearance where hashing finds
 * them, and in any order where a table does. */
neap_status neap__index_make(neap__index *out, const neap__words *w, bool sorted, bool drop,
                             int32_t *id);
void neap__index_drop(neap__index *x);

/* The numbers of other words; -1: not there. */
neap_status neap__index_find(const neap__index *x, const neap__words *w, int32_t *id);

/* The numbers of the keys of two frames, by those of the right one: in left, -1 for keys that the
 * right one lacks; in both for missing keys when drop is set. Without keys all have number 0. */
typedef struct {
  int64_t count;
  int32_t *left, *right;
} neap__sides;

neap_status neap__sides_make(neap__sides *out, int count, const neap_series *left,
                             int64_t left_rows, const neap_series *right, int64_t right_rows,
                             bool drop);
void neap__sides_drop(neap__sides *s);

/* NEAP_EARG when n rows do not fit into 32 bits. */
neap_status neap__check_rows(const char *operation, int64_t n);

#endif
