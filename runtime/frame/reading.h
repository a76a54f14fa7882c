/* reading.h — private to the frame module: what readers of CSV and of JSON lines share. */
#ifndef NEAP_FRAME_READING_H
#define NEAP_FRAME_READING_H

#include "frame/intake.h"

/* Files that become one table. A reader has it as its first member. */
typedef struct neap__reading {
  const char *operation; /* for messages */
  const neap_csv_options *options;
  const char *const *paths, *const *symbols;
  int64_t files;
  const char *path; /* the file that is read */
  int64_t *rows;    /* of each file */
  neap__intake in;
  int64_t room; /* for columns */
  /* Open r->path and leave in.at where its rows begin. */
  neap_status (*open)(struct neap__reading *r);
} neap__reading;

neap_status neap__reading_start(neap__reading *r, const char *const *paths, int64_t files,
                                const char *const *symbols, const neap_csv_options *o);

/* The column called name, or -1. */
int64_t neap__reading_find(const neap__reading *r, const char *name);

/* One more column, typed and wanted as the options say; rows read so far have no value in it. */
neap_status neap__reading_add(neap__reading *r, const char *name, size_t n);

/* Every name in the options is that of a column. */
neap_status neap__reading_check_names(const neap__reading *r);

/* Read all files, once more those columns that turned to text late, and hand over the columns. */
neap_status neap__reading_run(neap__reading *r, neap_table *out);

void neap__reading_drop(neap__reading *r);

#endif
