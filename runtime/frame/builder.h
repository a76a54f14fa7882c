/* builder.h — private to the frame module: columns that grow value by value.
 *
 * Readers cut a text into chunks that are read side by side, each into builders of its own, which
 * are then appended in file order. So what a column becomes must not depend on the order in which
 * its values are seen: a builder notes the classes of values it met, and the union of the classes
 * settles the kind. */
#ifndef NEAP_FRAME_BUILDER_H
#define NEAP_FRAME_BUILDER_H

#include "frame/frame.h"

/* text[0..n) with the decimal sign and the groups of three digits that these characters separate,
 * rewritten as neap_number_parse takes it, in buffer of size bytes; the length, 0 for no number. */
size_t neap__number_rewrite(char *buffer, size_t size, const char *text, size_t n, char decimal,
                            char thousands);

/* Where a value stands, for messages. */
typedef struct {
  const char *operation, *path;
  int64_t line;
} neap__place;

/* times ---------------------------------------------------------------------------------------- */

typedef enum {
  NEAP__TIME_UNKNOWN,
  NEAP__TIME_TEXT,
  NEAP__TIME_YYYYMMDD,
  NEAP__TIME_S,
  NEAP__TIME_MS,
  NEAP__TIME_US,
  NEAP__TIME_NS,
  NEAP__TIME_PATTERN
} neap__time_style;

/* How the times of one column are written; the style is settled by its first value, and forced when
 * the user named it. */
typedef struct {
  neap__time_style style;
  bool forced;
  const char *pattern;
  const neap_zone *zone;
  neap_ambiguous ambiguous;
  neap_nonexistent nonexistent;
  bool any; /* ... of these: the local time last converted, in UTC */
  int64_t last;
  bool blind, guessed; /* earlier rows are not known; and would have been needed */
} neap__time_reader;

neap_status neap__time_reader_init(neap__time_reader *r, const neap_csv_options *o);

/* One time to UTC nanoseconds. NULL, or what is wrong with it ("is not a time ..."). */
const char *neap__time_read(neap__time_reader *r, const char *text, size_t n, int64_t *ns);

/* Text that is a date or time with separators, as an undeclared column may hold. */
bool neap__time_plausible(const char *text, size_t n);

/* labels --------------------------------------------------------------------------------------- */

typedef struct {
  uint64_t hash;
  int64_t begin;
  int32_t length;
} neap__label;

/* Distinct texts, numbered from 1 as they come. */
typedef struct {
  neap__label *label;
  int64_t count, room;
  int32_t *slot; /* open addressing over codes, 0 = free; size is a power of two */
  int64_t slots;
  char *text; /* all of them, one after the other */
  int64_t used, text_room;
} neap__labels;

/* The first byte of text that is not UTF-8, or NULL. */
const char *neap__not_utf8(const char *text, size_t n);

/* The code of a text; NEAP_EFORMAT when it is not UTF-8. */
neap_status neap__labels_code(neap__labels *d, const char *text, size_t n, int32_t *code);
void neap__labels_clear(neap__labels *d);
void neap__labels_drop(neap__labels *d);

/* columns -------------------------------------------------------------------------------------- */

/* Classes of values. A WORD is NA and the like: no value, but text in a text column. */
enum {
  NEAP__SEEN_MISSING = 1,
  NEAP__SEEN_WORD = 2,
  NEAP__SEEN_BOOL = 4,
  NEAP__SEEN_INTEGER = 8,
  NEAP__SEEN_NUMBER = 16,
  NEAP__SEEN_TIME = 32,
  NEAP__SEEN_TEXT = 64
};

typedef struct {
  const char *name;
  bool owns_name;
  neap_column_kind kind; /* how values are stored */
  unsigned seen;
  unsigned coming;         /* and those of chunks that wait to be appended */
  bool declared;           /* the user gave the kind: anything else is an error */
  bool skipped;            /* not wanted */
  bool done;               /* whole already, in a pass for the sake of other columns */
  bool stale;              /* values turned out to be text after their spelling was lost */
  char decimal, thousands; /* how numbers are written; 0: with a point, without separators */
  bool replace;            /* what is not UTF-8 */
  int64_t count, room;
  int64_t quick_room; /* what neap__builder_quick_room said last */
  void *data;
  neap__time_reader time;
  neap__labels labels;
} neap__builder;

/* What a column of these classes is stored as. */
neap_column_kind neap__kind_of(unsigned seen);

/* Turning into text would lose something. */
static inline bool neap__holds_values(neap_column_kind kind, unsigned seen) {
  return kind != NEAP_COLUMN_CATEGORY && (kind != NEAP_COLUMN_AUTO || (seen & NEAP__SEEN_WORD));
}

/* Begin again with the memory at hand: no values, what is known about the column `like`, and
 * further classes that will come. */
void neap__builder_begin(neap__builder *b, const neap__builder *like, unsigned seen);

/* Room for n values in all. */
neap_status neap__builder_reserve(neap__builder *b, int64_t n);

/* Append the value that a text spells. Failures name the place, the column and the text. */
neap_status neap__builder_add(neap__builder *b, const char *text, size_t n, const neap__place *at,
                              const neap_csv_options *o);

/* How many numbers a reader may store by itself: those of a column of numbers that has room. */
int64_t neap__builder_quick_room(const neap__builder *b);

/* Append rows without a value. */
neap_status neap__builder_add_missing(neap__builder *b, int64_t rows);

/* Store so that values of these further classes fit; may turn stale. */
neap_status neap__builder_become(neap__builder *b, unsigned seen);

/* Append all of part, whose classes b has seen. */
neap_status neap__builder_append(neap__builder *b, const neap__builder *part);

/* Forget the values; another pass brings them, with all classes known. */
void neap__builder_rewind(neap__builder *b);

void neap__builder_drop(neap__builder *b);

/* Move what was built, and a name of its own, into a column; the builder keeps nothing. */
neap_status neap__builder_finish(neap__builder *b, neap_column *out);

#endif
