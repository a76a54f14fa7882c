#include "frame/source.h"

#include <string.h>

#include "base/alloc.h"

/* A wave begins HEAD bytes into its block: there is room for what the last one left. */
enum { FIRST = 256 << 10, WAVE = 4 << 20, HEAD = 128 << 10 };

static neap_status fill(neap__wave *w, neap_reader *reader, int64_t size) {
  if (w->room < HEAD + size + NEAP__PAD) {
    neap_free(w->block);
    w->room = 0;
    w->block = neap_alloc(HEAD + size + NEAP__PAD);
    if (!w->block) return NEAP_ENOMEM;
    w->room = HEAD + size + NEAP__PAD;
  }
  size_t got = 0;
  w->begin = w->block + HEAD;
  NEAP_TRY(neap_reader_read(reader, w->begin, (size_t)size, &got));
  w->end = w->begin + got;
  w->eof = (int64_t)got < size;
  memset(w->end, '\n', NEAP__PAD);
  return NEAP_OK;
}

/* A wave that failed holds nothing, and says so when its turn comes. */
static void fetch(neap__wave *w, neap_reader *reader, int64_t size) {
  w->failed = fill(w, reader, size);
  if (!w->failed) return;
  strcpy(w->message, neap_last_error());
  w->begin = w->end = w->block;
}

static neap_status skip_mark(neap__wave *w, const char *path, const char *operation) {
  int64_t n = w->end - w->begin;
  if (n >= 3 && memcmp(w->begin, "\xEF\xBB\xBF", 3) == 0) w->begin += 3;
  bool wide =
      n >= 2 && (memcmp(w->begin, "\xFF\xFE", 2) == 0 || memcmp(w->begin, "\xFE\xFF", 2) == 0);
  if (wide)
    return neap_fail(NEAP_EFORMAT,
                     "%s: %s is UTF-16, which is not read (iconv -f UTF-16 -t UTF-8 converts it)",
                     operation, path);
  return NEAP_OK;
}

neap_status neap__source_open(neap__source *s, const char *path, const char *operation) {
  *s = (neap__source){0};
  neap_status st = neap_reader_open(&s->reader, path);
  if (!st) st = fill(&s->now, s->reader, FIRST);
  if (!st) st = skip_mark(&s->now, path, operation);
  if (st) neap__source_close(s);
  return st;
}

void neap__source_fetch(neap__source *s) { fetch(&s->next, s->reader, WAVE); }

/* Put the n bytes at text before what w holds. */
static neap_status prepend(neap__wave *w, const char *text, size_t n) {
  if ((size_t)(w->begin - w->block) < n) {
    size_t have = (size_t)(w->end - w->begin);
    int64_t room = (int64_t)(2 * n + have) + NEAP__PAD;
    char *block = neap_alloc(room);
    if (!block) return NEAP_ENOMEM;
    memcpy(block + 2 * n, w->begin, have + NEAP__PAD);
    neap_free(w->block);
    w->block = block;
    w->room = room;
    w->begin = block + 2 * n;
    w->end = w->begin + have;
  }
  w->begin -= n;
  if (n) memcpy(w->begin, text, n);
  return NEAP_OK;
}

neap_status neap__source_turn(neap__source *s, const char *rest) {
  if (s->next.failed) return neap_fail(s->next.failed, "%s", s->next.message);
  NEAP_TRY(prepend(&s->next, rest, (size_t)(s->now.end - rest)));
  neap__wave spent = s->now;
  s->now = s->next;
  s->next = spent;
  return NEAP_OK;
}

void neap__source_close(neap__source *s) {
  neap_reader_close(s->reader);
  neap_free(s->now.block);
  neap_free(s->next.block);
  *s = (neap__source){0};
}
