/* intake.h — private to the frame module: a text of many records read into columns on all threads.
 *
 * The text comes in waves, a wave is cut into chunks of fixed size, and each chunk is read from the
 * first line end behind its cut on, as if that were no line end in quotes. Then the chunks are gone
 * through in order: one that did not begin where the one before it ended, or whose columns assumed
 * something that earlier rows refute, is read again from what is known by then. So the result and
 * the first failure are those of reading from the top, at any number of threads. */
#ifndef NEAP_FRAME_INTAKE_H
#define NEAP_FRAME_INTAKE_H

#include "frame/builder.h"
#include "frame/source.h"

enum { NEAP__CHUNKS = 16 }; /* in a wave */

typedef struct {
  int index;
  const char *begin, *stop; /* to read: the records that begin in [begin, stop) */
  const char *end;          /* of the text at hand; eof: of the file */
  bool eof;
  int64_t line;  /* in: of the first record, when it is known; out: of what follows the last */
  int64_t limit; /* rows to read at most */
  neap__builder *columns;
  int64_t known, count; /* columns known before, and those that came to light here behind them */
  int64_t room;
  const char *at; /* out: what follows the last record read */
  int64_t rows;   /* out */
  neap_status failed;
  char message[64]; /* when memory ran out */
} neap__chunk;

typedef struct neap__intake {
  neap__source source;
  const char *at;         /* the first record not yet read, in source.now */
  int64_t line;           /* of it */
  neap__builder *columns; /* what was read so far */
  int64_t count, rows;
  int64_t limit;                 /* rows wanted */
  int64_t bytes, rows_of_others; /* read of this file, and rows of files before it */
  neap_status (*read)(struct neap__intake *in, neap__chunk *c);
  /* Columns that rows bring along: tell a builder what the user said of its name; add one to
   * columns. NULL where the columns are settled before. */
  neap_status (*configure)(const struct neap__intake *in, neap__builder *b);
  neap_status (*adopt)(struct neap__intake *in, const char *name);
  void *context; /* of these */
  neap__chunk chunk[NEAP__CHUNKS];
  int used;                        /* those of this wave */
  int64_t first_line, rows_before; /* of this wave */
  bool fetching;
} neap__intake;

/* Read the records from in->at on and append them to in->columns. */
neap_status neap__intake_run(neap__intake *in);

/* One more column of a chunk; rows read so far have no value in it. */
neap_status neap__chunk_add(const neap__intake *in, neap__chunk *c, const char *name, size_t n);

/* Free the chunks and close the source; the columns stay. */
void neap__intake_drop(neap__intake *in);

#endif
