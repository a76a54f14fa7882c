/* csv.h — private to the frame module: the parts of the CSV reader. */
#ifndef NEAP_FRAME_CSV_H
#define NEAP_FRAME_CSV_H

#include "frame/builder.h"

/* How a file is written, and where a scanner stands in a piece of it. */
typedef struct {
  const char *path;
  char delimiter, comment;
  bool special[256];    /* bytes that end an unquoted field or may not stand in a text file */
  const char *at, *end; /* the next record begins at; NEAP__PAD bytes follow the end */
  bool eof;             /* the file ends there too */
  int64_t line;         /* where the current record began ... */
  int64_t line_now;     /* ... where a field of it stands, after line ends in quotes ... */
  int64_t next_line;    /* ... and where the next record begins */
  struct neap__field *fields;
  int64_t room, count; /* fields of the current record */
  char *scratch;       /* the text of a field whose quotes were doubled */
  int64_t scratch_room;
} neap__csv_scan;

typedef struct neap__field {
  const char *text;
  size_t length;
  bool quoted, doubled;
} neap__field;

typedef enum {
  NEAP__CSV_RECORD,
  NEAP__CSV_BLANK, /* an empty line or a comment went by */
  NEAP__CSV_END    /* of the piece; a record that began and goes on elsewhere is left at s->at */
} neap__csv_step;

/* Move behind the line at s->at, whatever it holds; false when the piece ends first. */
bool neap__csv_skip_line(neap__csv_scan *s);

/* The scanner for a file whose rows begin at s->at; finds the delimiter if o does not name it. */
void neap__csv_start(neap__csv_scan *s, const neap_csv_options *o);

/* Split the line or record at s->at into fields and move behind it. */
neap_status neap__csv_next(neap__csv_scan *s, neap__csv_step *step);

/* Doubled quotes of a field turned into single ones; it then lies in s->scratch. */
neap_status neap__csv_undouble(neap__csv_scan *s, neap__field *f);

/* One field at *p within the current record; *p is left at what ends it. NEAP_EFORMAT, without a
 * message, when the record needs a closer look by neap__csv_next. */
neap_status neap__csv_field(neap__csv_scan *s, const char **p, neap__field *f);

/* Whether p stands at the end of the record, and then moves *p behind it. */
bool neap__csv_line_end(const neap__csv_scan *s, const char **p);

void neap__csv_stop(neap__csv_scan *s);

#endif
