/* Servers that speak PostgreSQL's protocol, by libpq. Every wait polls for Ctrl-C. */
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/interrupt.h"
#include "base/library.h"
#include "base/number.h"
#include "store/sql_driver.h"

typedef struct PGconn PGconn;
typedef struct PGresult PGresult;
typedef struct PGcancel PGcancel;

/* Constants of libpq-fe.h and of the types' catalogue, fixed by the protocol. */
enum {
  CONNECTION_OK = 0,
  POLLING_FAILED = 0,
  POLLING_READING = 1,
  POLLING_WRITING = 2,
  POLLING_OK = 3,
  COMMAND_OK = 1,
  TUPLES_OK = 2,
  COPY_OUT = 3,
  COPY_IN = 4,
  SINGLE_TUPLE = 9,
  IDLE = 0,
  OID_BOOL = 16,
  OID_BYTEA = 17,
  OID_INT8 = 20,
  OID_INT2 = 21,
  OID_INT4 = 23,
  OID_FLOAT4 = 700,
  OID_FLOAT8 = 701,
  OID_DATE = 1082,
  OID_TIMESTAMP = 1114,
  OID_TIMESTAMPTZ = 1184,
  OID_NUMERIC = 1700,
  POLL_MS = 20,
  COPY_BYTES = 1 << 16
};

static struct {
  PGconn *(*connectStartParams)(const char *const *, const char *const *, int);
  int (*connectPoll)(PGconn *);
  int (*status)(const PGconn *);
  int (*socket)(const PGconn *);
  char *(*errorMessage)(const PGconn *);
  void (*finish)(PGconn *);
  int (*transactionStatus)(const PGconn *);
  int (*sendQuery)(PGconn *, const char *);
  int (*sendQueryParams)(PGconn *, const char *, int, const unsigned *, const char *const *,
                         const int *, const int *, int);
  int (*setSingleRowMode)(PGconn *);
  int (*consumeInput)(PGconn *);
  int (*isBusy)(PGconn *);
  PGresult *(*getResult)(PGconn *);
  int (*resultStatus)(const PGresult *);
  char *(*resultErrorMessage)(const PGresult *);
  void (*clear)(PGresult *);
  int (*ntuples)(const PGresult *);
  int (*nfields)(const PGresult *);
  char *(*fname)(const PGresult *, int);
  unsigned (*ftype)(const PGresult *, int);
  int (*getisnull)(const PGresult *, int, int);
  char *(*getvalue)(const PGresult *, int, int);
  int (*getlength)(const PGresult *, int, int);
  char *(*cmdTuples)(PGresult *);
  PGcancel *(*getCancel)(PGconn *);
  int (*cancel)(PGcancel *, char *, int);
  void (*freeCancel)(PGcancel *);
  int (*putCopyData)(PGconn *, const char *, int);
  int (*putCopyEnd)(PGconn *, const char *);
  void *(*setNoticeProcessor)(PGconn *, void (*)(void *, const char *), void *);
} lib;

static neap_status need_library(void) {
  static bool there; /* only the thread of Lua comes here */
  static const neap_symbol symbols[] = {
#define SYMBOL(name) {"PQ" #name, &lib.name}
      SYMBOL(connectStartParams),
      SYMBOL(connectPoll),
      SYMBOL(status),
      SYMBOL(socket),
      SYMBOL(errorMessage),
      SYMBOL(finish),
      SYMBOL(transactionStatus),
      SYMBOL(sendQuery),
      SYMBOL(sendQueryParams),
      SYMBOL(setSingleRowMode),
      SYMBOL(consumeInput),
      SYMBOL(isBusy),
      SYMBOL(getResult),
      SYMBOL(resultStatus),
      SYMBOL(resultErrorMessage),
      SYMBOL(clear),
      SYMBOL(ntuples),
      SYMBOL(nfields),
      SYMBOL(fname),
      SYMBOL(ftype),
      SYMBOL(getisnull),
      SYMBOL(getvalue),
      SYMBOL(getlength),
      SYMBOL(cmdTuples),
      SYMBOL(getCancel),
      SYMBOL(cancel),
      SYMBOL(freeCancel),
      SYMBOL(putCopyData),
      SYMBOL(putCopyEnd),
      SYMBOL(setNoticeProcessor),
#undef SYMBOL
  };
  if (!there)
    NEAP_TRY(neap_library_open("libpq.so.5", "install the package libpq5", symbols,
                               sizeof symbols / sizeof *symbols));
  there = true;
  return NEAP_OK;
}

/* A message of libpq without its line end. */
static neap_status failed(const char *what, const char *message) {
  size_t n = strlen(message);
  while (n && (message[n - 1] == '\n' || message[n - 1] == ' ')) n--;
  return neap_fail(NEAP_EIO, "sql: %s: %.*s", what, (int)n, message);
}

/* connections -----------------------------------------------------------------------------------
 */

static void keep_quiet(void *ctx, const char *notice) {
  (void)ctx;
  (void)notice;
}

/* Wait up to POLL_MS for the socket. */
static void wait_for(PGconn *db, short events) {
  struct pollfd fd = {lib.socket(db), events, 0};
  poll(&fd, 1, POLL_MS);
}

static neap_status connect_polling(PGconn *db) {
  enum { SECONDS = 15 };
  int state = POLLING_WRITING;
  for (int polls = 0; lib.status(db) != 1 /* CONNECTION_BAD */ && state != POLLING_OK; polls++) {
    if (state == POLLING_FAILED) break;
    NEAP_TRY(neap_interrupt_check());
    struct pollfd fd = {lib.socket(db), state == POLLING_READING ? POLLIN : POLLOUT, 0};
    if (poll(&fd, 1, POLL_MS) > 0) state = lib.connectPoll(db);
    if (polls > SECONDS * 1000 / POLL_MS)
      return neap_fail(NEAP_EIO, "sql: the server did not answer within %d seconds", SECONDS);
  }
  if (lib.status(db) != CONNECTION_OK)
    return failed("no connection to the server", lib.errorMessage(db));
  return NEAP_OK;
}

static neap_status pg_run(void *handle, const neap_sql_statement *s, neap__sql_rows *rows,
                          int64_t *changed);

static neap_status pg_open(void **handle, const char *url, bool create) {
  (void)create; /* a base is made by the server's owner */
  NEAP_TRY(need_library());
  static const char *const keys[] = {"client_encoding", "application_name", "dbname", NULL};
  const char *const values[] = {"UTF8", "neap", url, NULL};
  PGconn *db = lib.connectStartParams(keys, values, 1);
  if (!db) return neap_fail(NEAP_ENOMEM, "sql: out of memory for a connection");
  lib.setNoticeProcessor(db, keep_quiet, NULL);
  neap_status st = connect_polling(db);
  neap_sql_statement settings = {.text = "SET TIME ZONE 'UTC'; SET DateStyle TO 'ISO, YMD'"};
  if (!st) st = pg_run(db, &settings, NULL, NULL);
  if (st) lib.finish(db);
  else *handle = db;
  return st;
}

static void pg_close(void *handle) { lib.finish(handle); }

/* statements ------------------------------------------------------------------------------------
 */

static void ask_to_stop(PGconn *db) {
  char message[256];
  PGcancel *cancel = lib.getCancel(db);
  if (cancel) lib.cancel(cancel, message, sizeof message);
  lib.freeCancel(cancel);
}

/* The next result, NULL after the last. *stopped: Ctrl-C came, and the server was told. */
static PGresult *next_result(PGconn *db, bool *stopped) {
  while (lib.isBusy(db)) {
    if (!*stopped && neap_interrupted()) {
      ask_to_stop(db);
      *stopped = true;
    }
    wait_for(db, POLLIN);
    if (!lib.consumeInput(db)) break; /* the connection is gone: getResult tells */
  }
  return lib.getResult(db);
}

static neap_status send(PGconn *db, const neap_sql_statement *s) {
  enum { MOST = 65535 };
  if (s->value_count > MOST)
    return neap_fail(NEAP_EARG, "sql: %lld parameters, and %d is the most",
                     (long long)s->value_count, MOST);
  if (s->value_count == 0) {
    if (!lib.sendQuery(db, s->text)) return failed("not sent", lib.errorMessage(db));
    return NEAP_OK;
  }
  typedef char digits[40];
  digits *numbers = neap_alloc_array(s->value_count, sizeof *numbers);
  const char **texts = neap_calloc_array(s->value_count, sizeof *texts);
  neap_status st = numbers && texts ? NEAP_OK : neap_fail(NEAP_ENOMEM, "sql: out of memory");
  for (int64_t i = 0; !st && i < s->value_count; i++) {
    const neap_sql_value *v = &s->values[i];
    size_t n = 0;
    texts[i] = v->kind == NEAP_SQL_TEXT ? v->text : v->kind == NEAP_SQL_NULL ? NULL : numbers[i];
    if (v->kind == NEAP_SQL_INTEGER) n = neap_integer_print(numbers[i], v->integer);
    if (v->kind == NEAP_SQL_NUMBER) n = neap_number_print(numbers[i], v->number);
    if (v->kind == NEAP_SQL_BOOL) numbers[i][n++] = v->integer ? 't' : 'f';
    if (n) numbers[i][n] = 0;
  }
  if (!st && !lib.sendQueryParams(db, s->text, (int)s->value_count, NULL, texts, NULL, NULL, 0))
    st = failed("not sent", lib.errorMessage(db));
  neap_free(numbers);
  neap_free(texts);
  return st;
}

static neap_status name_columns(const PGresult *r, const neap_sql_statement *s,
                                neap__sql_rows *rows) {
  int count = lib.nfields(r);
  if (count == 0) return NEAP_OK;
  NEAP_TRY(neap__sql_rows_init(rows, count));
  for (int k = 0; k < count; k++) {
    neap__sql_column *c = &rows->columns[k];
    unsigned type = lib.ftype(r, k);
    NEAP_TRY(neap__sql_rows_name(c, lib.fname(r, k)));
    c->is_time = neap__sql_is_time(s, c->name) || type == OID_DATE || type == OID_TIMESTAMP ||
                 type == OID_TIMESTAMPTZ;
  }
  return NEAP_OK;
}

static neap_status bad_value(const neap__sql_column *c, const char *text, const char *hint) {
  return neap_fail(NEAP_EVALUE, "sql: column '%s', row %lld: '%.40s' %s", c->name,
                   (long long)c->count + 1, text, hint);
}

static neap_status take_value(neap__sql_column *c, unsigned type, const char *text, size_t n) {
  int64_t integer;
  double number;
  switch (type) {
  case OID_BOOL: return neap__sql_rows_bool(c, text[0] == 't');
  case OID_INT2:
  case OID_INT4:
  case OID_INT8:
    if (!neap_integer_parse(text, n, &integer)) return bad_value(c, text, "is no integer");
    return neap__sql_rows_integer(c, integer);
  case OID_FLOAT4:
  case OID_FLOAT8:
  case OID_NUMERIC:
    if (strcmp(text, "NaN") == 0) return neap__sql_rows_number(c, NAN);
    if (strstr(text, "Infinity"))
      return neap__sql_rows_number(c, text[0] == '-' ? -HUGE_VAL : HUGE_VAL);
    if (!neap_number_parse(text, n, &number)) return bad_value(c, text, "is no number");
    return neap__sql_rows_number(c, number);
  case OID_BYTEA: return bad_value(c, text, "is a blob; encode(column, 'hex') is text");
  default: return neap__sql_rows_text(c, text, n);
  }
}

static neap_status take_rows(const PGresult *r, neap__sql_rows *rows) {
  int count = lib.ntuples(r);
  for (int row = 0; row < count; row++)
    for (int64_t k = 0; k < rows->count; k++) {
      neap__sql_column *c = &rows->columns[k];
      if (lib.getisnull(r, row, (int)k)) NEAP_TRY(neap__sql_rows_missing(c));
      else
        NEAP_TRY(take_value(c, lib.ftype(r, (int)k), lib.getvalue(r, row, (int)k),
                            (size_t)lib.getlength(r, row, (int)k)));
    }
  return NEAP_OK;
}

static neap_status take_result(PGconn *db, PGresult *r, const neap_sql_statement *s,
                               neap__sql_rows *rows, int64_t *changed) {
  int status = lib.resultStatus(r);
  if (status == COPY_OUT || status == COPY_IN) {
    if (status == COPY_IN) lib.putCopyEnd(db, "not supported");
    return neap_fail(NEAP_EARG, "sql: COPY is not for statements");
  }
  if (status != COMMAND_OK && status != TUPLES_OK && status != SINGLE_TUPLE)
    return failed("the statement failed", lib.resultErrorMessage(r));
  if (changed && status == COMMAND_OK) *changed = atoll(lib.cmdTuples(r));
  if (!rows || status == COMMAND_OK) return NEAP_OK;
  if (!rows->columns) NEAP_TRY(name_columns(r, s, rows));
  return take_rows(r, rows);
}

/* Take all results; after a failure the rest are thrown away, so that the connection stays usable.
 */
static neap_status collect(PGconn *db, const neap_sql_statement *s, neap__sql_rows *rows,
                           int64_t *changed) {
  neap_status st = NEAP_OK;
  bool stopped = false;
  char message[512] = "";
  for (PGresult *r; (r = next_result(db, &stopped)); lib.clear(r)) {
    if (st) continue;
    st = take_result(db, r, s, rows, changed);
    if (!st) continue;
    snprintf(message, sizeof message, "%s", neap_last_error());
    ask_to_stop(db);
  }
  if (stopped) {
    neap_status interrupted = neap_interrupt_check();
    if (interrupted) return interrupted;
  }
  return st ? neap_fail(st, "%s", message) : NEAP_OK;
}

static neap_status pg_run(void *handle, const neap_sql_statement *s, neap__sql_rows *rows,
                          int64_t *changed) {
  PGconn *db = handle;
  if (changed) *changed = 0;
  NEAP_TRY(neap_interrupt_check());
  NEAP_TRY(send(db, s));
  if (rows) lib.setSingleRowMode(db);
  return collect(db, s, rows, changed);
}

/* inserting -------------------------------------------------------------------------------------
 */

static void put_escaped(neap_text *t, const char *text) {
  for (const char *p = text; *p; p++) {
    const char *at = strchr("\\\t\n\r", *p);
    static const char *const escapes[] = {"\\\\", "\\t", "\\n", "\\r"};
    if (at) neap_text_put(t, escapes[at - "\\\t\n\r"]);
    else neap_text_add(t, p, 1);
  }
}

static neap_status put_time(neap_text *t, const neap_column *c, int64_t row, int64_t ns) {
  neap_civil v = neap_civil_split(ns);
  if (v.nanosecond % 1000)
    return neap_fail(NEAP_EVALUE,
                     "sql: column '%s', row %lld: PostgreSQL keeps microseconds, this time has "
                     "nanoseconds",
                     c->name, (long long)row + 1);
  neap_text_format(t, "%04lld-%02d-%02d %02d:%02d:%02d.%06d+00", (long long)v.year, v.month, v.day,
                   v.hour, v.minute, v.second, v.nanosecond / 1000);
  return NEAP_OK;
}

static neap_status put_cell(neap_text *t, const neap_column *c, int64_t row) {
  char digits[32];
  if (neap_dtype_is_float(c->values.dtype)) {
    double v = neap_tensor_get_f64(&c->values, &row);
    if (isnan(v)) neap_text_put(t, "\\N");
    else if (isinf(v)) neap_text_put(t, v < 0 ? "-Infinity" : "Infinity");
    else neap_text_add(t, digits, neap_number_print(digits, v));
    return NEAP_OK;
  }
  int64_t v = neap_tensor_get_i64(&c->values, &row);
  bool category = c->kind == NEAP_COLUMN_CATEGORY, time = c->kind == NEAP_COLUMN_TIME;
  if ((category && (v < 1 || v > c->label_count)) || (time && v == NEAP_NAT))
    neap_text_put(t, "\\N");
  else if (category) put_escaped(t, c->labels[v - 1]);
  else if (time) return put_time(t, c, row, v);
  else if (c->values.dtype == NEAP_BOOL) neap_text_put(t, v ? "t" : "f");
  else neap_text_add(t, digits, neap_integer_print(digits, v));
  return NEAP_OK;
}

static neap_status flush(PGconn *db, neap_text *t) {
  if (t->failed) return neap_fail(NEAP_ENOMEM, "sql: out of memory for rows");
  if (t->n && lib.putCopyData(db, t->data, (int)t->n) != 1)
    return failed("rows are not sent", lib.errorMessage(db));
  t->n = 0;
  return neap_interrupt_check();
}

static neap_status put_rows(PGconn *db, neap_text *t, const neap_column *columns, int64_t count) {
  int64_t rows = columns[0].values.size[0];
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t k = 0; k < count; k++) {
      if (k) neap_text_put(t, "\t");
      NEAP_TRY(put_cell(t, &columns[k], row));
    }
    neap_text_put(t, "\n");
    if (t->n > COPY_BYTES) NEAP_TRY(flush(db, t));
  }
  return flush(db, t);
}

static neap_status start_copy(PGconn *db, const char *table, const neap_column *columns,
                              int64_t count) {
  neap_text text = {0};
  neap_text_format(&text, "COPY %s (", table);
  for (int64_t k = 0; k < count; k++) {
    if (k) neap_text_put(&text, ", ");
    neap__sql_quote(&text, columns[k].name, strlen(columns[k].name));
  }
  neap_text_put(&text, ") FROM STDIN");
  neap_sql_statement s = {.text = text.data};
  neap_status st = text.failed ? neap_fail(NEAP_ENOMEM, "sql: out of memory") : send(db, &s);
  neap_text_drop(&text);
  if (st) return st;
  bool stopped = false;
  PGresult *r = next_result(db, &stopped);
  if (r && lib.resultStatus(r) == COPY_IN) {
    lib.clear(r);
    return NEAP_OK;
  }
  st = r ? failed("the table is refused", lib.resultErrorMessage(r))
         : failed("the table is refused", lib.errorMessage(db));
  lib.clear(r);
  while ((r = next_result(db, &stopped))) lib.clear(r);
  return st;
}

/* COPY is one statement: all its rows or none. */
static neap_status pg_insert(void *handle, const neap__sql_table *table, const neap_column *columns,
                             int64_t count) {
  PGconn *db = handle;
  NEAP_TRY(start_copy(db, table->quoted, columns, count));
  neap_text rows = {0};
  neap_status st = put_rows(db, &rows, columns, count);
  neap_text_drop(&rows);
  char message[512];
  if (st) snprintf(message, sizeof message, "%s", neap_last_error());
  lib.putCopyEnd(db, st ? "stopped by the client" : NULL);
  neap_sql_statement none = {0};
  neap_status end = collect(db, &none, NULL, NULL);
  return st ? neap_fail(st, "%s", message) : end;
}

const neap__sql_driver neap__postgres = {"postgresql", pg_open, pg_close, pg_run, pg_insert};
