/* csv.h — private to the frame module: the parts of the CSV reader. */
#ifndef NEAP_FRAME_CSV_H
#define NEAP_FRAME_CSV_H

#include "base/file.h"
#include "frame/frame.h"

/* records -------------------------------------------------------------------------------------- */

typedef struct {
  const char *text; /* in the scanner's buffer, valid until the next record */
  size_t length;
  bool quoted, doubled;
} neap__field;

typedef struct {
  neap_reader *reader;
  const char *path;
  char *buffer;
  size_t capacity, begin, end; /* unread bytes are buffer[begin .. end) */
  bool eof;
  char delimiter, comment;
  bool special[256]; /* bytes that end an unquoted field or may not stand in a text file */
  neap__field *fields;
  int64_t room, count;     /* fields of the current record */
  int64_t line, next_line; /* where the current record began, and the next one begins */
} neap__csv_scan;

/* Open path, skip its byte order mark, settle the delimiter. On failure nothing stays open. */
neap_status neap__csv_open(neap__csv_scan *s, const char *path, const neap_csv_options *o);

/* Advance to the next record that is neither empty nor a comment; *got is false at the end. */
neap_status neap__csv_next(neap__csv_scan *s, bool *got);

void neap__csv_close(neap__csv_scan *s);

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
  bool any; /* ... of these: the local time last converted, in UTC */
  int64_t last;
} neap__time_reader;

neap_status neap__time_reader_init(neap__time_reader *r, const neap_csv_options *o);

/* One time to UTC nanoseconds. NULL, or what is wrong with it ("is not a time ..."). */
const char *neap__time_read(neap__time_reader *r, const char *text, size_t n, int64_t *ns);

/* Text that is a date or time with separators, as an undeclared column may hold. */
bool neap__time_plausible(const char *text, size_t n);

/* columns -------------------------------------------------------------------------------------- */

typedef struct {
  char **label;
  int64_t count, room;
  int32_t *slot; /* open addressing over codes, 0 = free; size is a power of two */
  int64_t slots;
} neap__dictionary;

/* A column while it grows. */
typedef struct {
  char *name;
  neap_column_kind kind;
  bool declared;  /* the user gave the kind: anything else is an error */
  bool skipped;   /* not wanted */
  bool saw_words; /* NA and the like stood for missing values: text in a text column */
  bool stale;     /* turned into text too late: read the file again */
  int64_t count, room;
  void *data;
  neap__time_reader time;
  neap__dictionary labels;
} neap__builder;

/* Append one field. Failures name path, line, column and value. */
neap_status neap__builder_add(neap__builder *b, const neap__field *f, const neap__csv_scan *s,
                              const neap_csv_options *o);

/* Forget the values, keep name and kind, for another pass. */
void neap__builder_rewind(neap__builder *b);

void neap__builder_drop(neap__builder *b);

/* Move what was built into a column; the builder keeps nothing. */
neap_status neap__builder_finish(neap__builder *b, neap_column *out);

#endif
