/* source.h — private to the frame module: a file as waves of text, the next one being fetched while
 * this one is read. */
#ifndef NEAP_FRAME_SOURCE_H
#define NEAP_FRAME_SOURCE_H

#include "base/file.h"

enum {
  NEAP__PAD = 64
}; /* bytes '\n' behind the text, so that scanners need not look for its end */

typedef struct {
  char *block;
  int64_t room;
  char *begin, *end; /* the text in block */
  bool eof;          /* nothing follows it */
  neap_status failed;
  char message[1024];
} neap__wave;

typedef struct {
  neap_reader *reader;
  neap__wave now, next;
} neap__source;

/* Open path and fetch the first, small wave into now, behind the byte order mark of UTF-8.
 * operation names the caller in the refusal of UTF-16. On failure nothing stays open. */
neap_status neap__source_open(neap__source *s, const char *path, const char *operation);

/* Fetch the next wave, beside a reader of this one; a failure waits for neap__source_turn. */
void neap__source_fetch(neap__source *s);

/* What was not used of this wave, from rest on, and the fetched one become now. */
neap_status neap__source_turn(neap__source *s, const char *rest);

void neap__source_close(neap__source *s);

#endif
