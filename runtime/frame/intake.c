#include "frame/intake.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"

enum { CHUNK = 256 << 10, MOST_BUILDERS = 1 << 16, FEW_ROWS = 2048 };

/* cutting -------------------------------------------------------------------------------------- */

/* Behind the first line end at or after p. */
static const char *line_after(const char *p, const char *end) {
  while (p < end && *p != '\n' && *p != '\r') p++;
  if (p < end) p += *p == '\r' && p + 1 < end && p[1] == '\n' ? 2 : 1;
  return p;
}

static neap_status chunk_room(neap__chunk *c, int64_t n) {
  if (n <= c->room) return NEAP_OK;
  int64_t room = c->room ? n + n / 2 : n;
  neap__builder *larger = neap_realloc_array(c->columns, room, sizeof *larger);
  if (!larger) return NEAP_ENOMEM;
  memset(larger + c->room, 0, (size_t)(room - c->room) * sizeof *larger);
  c->columns = larger;
  c->room = room;
  return NEAP_OK;
}

neap_status neap__chunk_add(const neap__intake *in, neap__chunk *c, const char *name, size_t n) {
  NEAP_TRY(chunk_room(c, c->count + 1));
  neap__builder *b = &c->columns[c->count], fresh = {.name = neap_strndup(name, n)};
  if (!fresh.name) return NEAP_ENOMEM;
  neap_status st = in->configure(in, &fresh);
  if (!st) neap__builder_begin(b, &fresh, b->stale ? b->seen : 0); /* read again as text */
  if (st) neap_free((char *)(uintptr_t)fresh.name);
  else {
    b->owns_name = true;
    c->count++;
  }
  return st;
}

/* The chunks of the text at hand; few when there are very many columns. */
static neap_status cut(neap__intake *in) {
  const neap__wave *w = &in->source.now;
  int64_t size = w->end - in->at, most = MOST_BUILDERS / (in->count + 1) + 1;
  int64_t n = size / CHUNK < 1 ? 1 : size / CHUNK;
  if (n > most) n = most;
  if (n > NEAP__CHUNKS) n = NEAP__CHUNKS;
  in->used = (int)n;
  for (int i = 0; i < in->used; i++) {
    neap__chunk *c = &in->chunk[i];
    NEAP_TRY(chunk_room(c, in->count));
    c->index = i;
    const char *from = in->at + (int64_t)i * CHUNK;
    c->stop = i + 1 == in->used ? w->end : from + CHUNK;
    c->begin = i ? line_after(from - 1, c->stop) : from;
    c->end = w->end;
    c->eof = w->eof;
    c->line = in->line;
    c->limit = in->limit - in->rows;
  }
  return NEAP_OK;
}

/* reading -------------------------------------------------------------------------------------- */

static bool any_stale(const neap__chunk *c) {
  for (int64_t i = 0; i < c->count; i++)
    if (c->columns[i].stale) return true;
  return false;
}

/* Read a chunk; once more when a column of it turned into text late. first: all rows before it have
 * been gone through. */
static neap_status read_chunk(neap__intake *in, neap__chunk *c, bool first) {
  NEAP_TRY(chunk_room(c, in->count));
  int64_t line = c->line;
  for (int64_t i = 0; i < c->room; i++) c->columns[i].stale = false;
  do {
    c->known = c->count = in->count;
    for (int64_t i = 0; i < c->known; i++) {
      neap__builder *b = &c->columns[i], *like = &in->columns[i];
      neap__builder_begin(b, like, b->stale ? b->seen : like->coming);
      b->time.blind = !first;
      b->time.any = first && like->time.any;
    }
    c->rows = 0;
    c->line = line;
    c->at = c->begin;
    NEAP_TRY(in->read(in, c));
  } while (any_stale(c));
  return NEAP_OK;
}

/* Task 0 fetches the next wave, when there is one. */
static neap_status task(void *ctx, int64_t index, int64_t begin, int64_t end) {
  (void)begin, (void)end;
  neap__intake *in = ctx;
  if (in->fetching && index == 0) {
    neap__source_fetch(&in->source);
    return NEAP_OK;
  }
  neap__chunk *c = &in->chunk[index - in->fetching];
  c->failed = read_chunk(in, c, c->index == 0);
  if (c->failed == NEAP_ENOMEM) snprintf(c->message, sizeof c->message, "%s", neap_last_error());
  return NEAP_OK;
}

/* in order ------------------------------------------------------------------------------------- */

/* Whether the chunk's column was read under an assumption that does not hold. */
static bool refuted(const neap__builder *known, const neap__builder *part) {
  if (part->skipped || known->stale) return false;
  const neap__time_reader *a = &known->time, *b = &part->time;
  if (b->guessed || (a->style && b->style && a->style != b->style)) return true;
  unsigned seen = known->coming | part->seen;
  bool text = !known->declared && neap__kind_of(seen) == NEAP_COLUMN_CATEGORY;
  return text && !neap__holds_values(neap__kind_of(known->coming), known->coming) &&
         neap__holds_values(part->kind, part->seen);
}

static bool must_read_again(const neap__intake *in, const neap__chunk *c) {
  if (c->failed || c->begin != in->at || c->rows > in->limit - in->rows) return true;
  if (c->count > c->known && c->known != in->count) return true;
  for (int64_t i = 0; i < c->known; i++)
    if (refuted(&in->columns[i], &c->columns[i])) return true;
  return false;
}

/* What the chunk tells about a column. */
static void learn(neap__builder *known, const neap__builder *part) {
  if (part->skipped || known->stale) return;
  unsigned seen = known->coming | part->seen;
  if (!known->declared && neap__kind_of(seen) == NEAP_COLUMN_CATEGORY &&
      neap__holds_values(neap__kind_of(known->coming), seen))
    known->stale = true;
  known->coming = seen;
  if (part->time.style) known->time.style = part->time.style;
  if (part->time.any) known->time.any = true, known->time.last = part->time.last;
}

static neap_status adopt_columns(neap__intake *in, const neap__chunk *c) {
  for (int64_t i = in->count; i < c->count; i++) {
    NEAP_TRY(in->adopt(in, c->columns[i].name));
    if (in->rows) in->columns[i].coming |= NEAP__SEEN_MISSING;
  }
  return NEAP_OK;
}

static neap_status accept(neap__intake *in, neap__chunk *c) {
  if (c->failed == NEAP_ENOMEM && !neap_alloc_reclaim())
    return neap_fail(NEAP_ENOMEM, "%s", c->message);
  if (must_read_again(in, c)) {
    c->begin = in->at;
    c->line = in->line;
    c->limit = in->limit - in->rows;
    NEAP_TRY(read_chunk(in, c, true));
  } else c->line += in->line - in->first_line;
  NEAP_TRY(adopt_columns(in, c));
  for (int64_t i = 0; i < c->count; i++) learn(&in->columns[i], &c->columns[i]);
  for (int64_t i = c->count; c->rows && i < in->count; i++)
    in->columns[i].coming |= NEAP__SEEN_MISSING;
  in->bytes += c->at - in->at;
  in->at = c->at;
  in->line = c->line;
  in->rows += c->rows;
  return NEAP_OK;
}

/* Go through the chunks; one that lies behind the last record read holds nothing. */
static neap_status accept_all(neap__intake *in) {
  bool whole = true;
  in->first_line = in->line;
  in->rows_before = in->rows;
  for (int i = 0; i < in->used; i++) {
    neap__chunk *c = &in->chunk[i];
    bool wanted = whole && in->at < c->stop && in->rows < in->limit;
    if (wanted) NEAP_TRY(accept(in, c));
    else c->rows = 0;
    whole = in->at >= c->stop;
  }
  return NEAP_OK;
}

/* appending ------------------------------------------------------------------------------------ */

/* Room for all rows there will be in this file, when that can be guessed; for a block as large as a
 * file's column the part never used costs nothing. */
static int64_t room_for(const neap__intake *in) {
  int64_t size = neap_reader_size(in->source.reader), rows = in->rows - in->rows_of_others;
  if (!size || !in->bytes) return in->rows + in->rows / 2;
  double share = (double)size / (double)in->bytes;
  int64_t guess =
      in->rows_of_others + (int64_t)((double)rows * (share > 1 ? share * 1.02 : 1)) + 16;
  if (guess > in->limit && in->limit >= in->rows) return in->limit;
  return guess > in->rows ? guess : in->rows;
}

static neap_status append_column(neap__intake *in, int64_t i) {
  neap__builder *b = &in->columns[i];
  if (b->stale || b->skipped || b->done) return NEAP_OK;
  b->count = in->rows_before; /* again, when memory ran out */
  NEAP_TRY(neap__builder_become(b, b->coming));
  if (in->rows > b->room) NEAP_TRY(neap__builder_reserve(b, room_for(in)));
  for (int k = 0; k < in->used; k++) {
    const neap__chunk *c = &in->chunk[k];
    if (c->rows && i < c->count) NEAP_TRY(neap__builder_append(b, &c->columns[i]));
    else NEAP_TRY(neap__builder_add_missing(b, c->rows));
  }
  return NEAP_OK;
}

static neap_status append_columns(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t i = begin; i < end; i++) NEAP_TRY(append_column(ctx, i));
  return NEAP_OK;
}

static neap_status append(neap__intake *in) {
  int64_t grain = in->rows - in->rows_before < FEW_ROWS ? in->count : 1 + in->count / 64;
  neap_status st = neap_parallel_for(in->count, grain, append_columns, in);
  if (st != NEAP_ENOMEM || !neap_alloc_reclaim()) return st;
  return append_columns(in, 0, 0, in->count);
}

neap_status neap__intake_run(neap__intake *in) {
  for (int64_t i = 0; i < in->count; i++) in->columns[i].coming |= in->columns[i].seen;
  for (;;) {
    NEAP_TRY(cut(in));
    in->fetching = !in->source.now.eof;
    NEAP_TRY(neap_parallel_for(in->used + in->fetching, 1, task, in));
    NEAP_TRY(accept_all(in));
    NEAP_TRY(append(in));
    if (!in->fetching || in->rows >= in->limit) return NEAP_OK;
    NEAP_TRY(neap__source_turn(&in->source, in->at));
    in->at = in->source.now.begin;
  }
}

void neap__intake_drop(neap__intake *in) {
  for (int i = 0; i < NEAP__CHUNKS; i++) {
    neap__chunk *c = &in->chunk[i];
    for (int64_t k = 0; k < c->room; k++) neap__builder_drop(&c->columns[k]);
    neap_free(c->columns);
  }
  neap__source_close(&in->source);
}
