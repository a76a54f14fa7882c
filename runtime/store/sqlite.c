/* SQLite, by libsqlite3 and its stable C interface. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/civil.h"
#include "base/interrupt.h"
#include "base/library.h"
#include "store/sql_driver.h"

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;

/* Constants of sqlite3.h, fixed by its compatibility promise. */
enum {
  SQLITE_OK = 0,
  SQLITE_INTERRUPT = 9,
  SQLITE_ROW = 100,
  SQLITE_DONE = 101,
  SQLITE_OPEN_READWRITE = 2,
  SQLITE_OPEN_CREATE = 4,
  SQLITE_INTEGER = 1,
  SQLITE_FLOAT = 2,
  SQLITE_TEXT = 3,
  SQLITE_BLOB = 4,
  MOST_WAITED = 1000, /* busy handler: 10 s in steps of 10 ms */
  OPS_PER_POLL = 4000 /* of SQLite's virtual machine: well under 1 ms */
};

/* Tells SQLite to copy a text that it binds. */
#define COPIED ((void (*)(void *))(intptr_t)-1)

static struct {
  int (*open_v2)(const char *, sqlite3 **, int, const char *);
  int (*close_v2)(sqlite3 *);
  const char *(*errmsg)(sqlite3 *);
  int (*busy_handler)(sqlite3 *, int (*)(void *, int), void *);
  void (*progress_handler)(sqlite3 *, int, int (*)(void *), void *);
  int (*get_autocommit)(sqlite3 *);
  int (*changes)(sqlite3 *);
  int (*prepare_v2)(sqlite3 *, const char *, int, sqlite3_stmt **, const char **);
  int (*finalize)(sqlite3_stmt *);
  int (*reset)(sqlite3_stmt *);
  int (*step)(sqlite3_stmt *);
  int (*bind_parameter_count)(sqlite3_stmt *);
  const char *(*bind_parameter_name)(sqlite3_stmt *, int);
  int (*bind_null)(sqlite3_stmt *, int);
  int (*bind_int64)(sqlite3_stmt *, int, long long);
  int (*bind_double)(sqlite3_stmt *, int, double);
  int (*bind_text)(sqlite3_stmt *, int, const char *, int, void (*)(void *));
  int (*column_count)(sqlite3_stmt *);
  const char *(*column_name)(sqlite3_stmt *, int);
  const char *(*column_decltype)(sqlite3_stmt *, int);
  int (*column_type)(sqlite3_stmt *, int);
  long long (*column_int64)(sqlite3_stmt *, int);
  double (*column_double)(sqlite3_stmt *, int);
  const unsigned char *(*column_text)(sqlite3_stmt *, int);
  int (*column_bytes)(sqlite3_stmt *, int);
} lib;

static neap_status need_library(void) {
  static bool there; /* only the thread of Lua comes here */
  static const neap_symbol symbols[] = {
#define SYMBOL(name) {"sqlite3_" #name, &lib.name}
      SYMBOL(open_v2),
      SYMBOL(close_v2),
      SYMBOL(errmsg),
      SYMBOL(busy_handler),
      SYMBOL(progress_handler),
      SYMBOL(get_autocommit),
      SYMBOL(changes),
      SYMBOL(prepare_v2),
      SYMBOL(finalize),
      SYMBOL(reset),
      SYMBOL(step),
      SYMBOL(bind_parameter_count),
      SYMBOL(bind_parameter_name),
      SYMBOL(bind_null),
      SYMBOL(bind_int64),
      SYMBOL(bind_double),
      SYMBOL(bind_text),
      SYMBOL(column_count),
      SYMBOL(column_name),
      SYMBOL(column_decltype),
      SYMBOL(column_type),
      SYMBOL(column_int64),
      SYMBOL(column_double),
      SYMBOL(column_text),
      SYMBOL(column_bytes),
#undef SYMBOL
  };
  if (!there)
    NEAP_TRY(neap_library_open("libsqlite3.so.0", "install the package libsqlite3-0", symbols,
                               sizeof symbols / sizeof *symbols));
  there = true;
  return NEAP_OK;
}

/* connections -----------------------------------------------------------------------------------
 */

static int stop_asked(void *unused) {
  (void)unused;
  return neap_interrupted();
}

static int wait_for_lock(void *unused, int waited) {
  (void)unused;
  if (waited >= MOST_WAITED || neap_interrupted()) return 0;
  nanosleep(&(struct timespec){0, 10000000}, NULL);
  return 1;
}

/* The path in "sqlite:bars.db", "sqlite:///bars.db" or "sqlite:////tmp/bars.db". */
static const char *path_of(const char *url) {
  const char *path = url + strlen("sqlite:");
  return strncmp(path, "///", 3) == 0 ? path + 3 : path;
}

/* What SQLite says of its last failure. */
static neap_status failed(sqlite3 *db, int code, const char *what) {
  if ((code & 255) == SQLITE_INTERRUPT) {
    neap_status st = neap_interrupt_check();
    if (st) return st;
  }
  return neap_fail(NEAP_EIO, "sql: %s: %s", what, lib.errmsg(db));
}

static neap_status lite_open(void **handle, const char *url, bool create) {
  NEAP_TRY(need_library());
  sqlite3 *db = NULL;
  const char *path = path_of(url);
  int code = *path ? lib.open_v2(path, &db,
                                 SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0), NULL)
                   : 1;
  if (code != SQLITE_OK) {
    neap_status st = neap_fail(NEAP_EIO, "sql: '%s' cannot be opened: %s", path,
                               db      ? lib.errmsg(db)
                               : *path ? "out of memory"
                                       : "no path is given");
    lib.close_v2(db);
    return st;
  }
  lib.busy_handler(db, wait_for_lock, NULL);
  lib.progress_handler(db, OPS_PER_POLL, stop_asked, NULL);
  *handle = db;
  return NEAP_OK;
}

static void lite_close(void *handle) { lib.close_v2(handle); }

/* statements ------------------------------------------------------------------------------------
 */

static int bind_value(sqlite3_stmt *stmt, int at, const neap_sql_value *v) {
  switch (v->kind) {
  case NEAP_SQL_NULL: return lib.bind_null(stmt, at);
  case NEAP_SQL_BOOL:
  case NEAP_SQL_INTEGER: return lib.bind_int64(stmt, at, v->integer);
  case NEAP_SQL_NUMBER: return lib.bind_double(stmt, at, v->number);
  case NEAP_SQL_TEXT: return lib.bind_text(stmt, at, v->text, (int)v->length, NULL);
  }
  return 1;
}

/* Parameters by place, those called $7 by their number. */
static neap_status bind_values(sqlite3 *db, sqlite3_stmt *stmt, const neap_sql_statement *s) {
  int count = lib.bind_parameter_count(stmt);
  int64_t highest = 0;
  for (int at = 1; at <= count; at++) {
    const char *name = lib.bind_parameter_name(stmt, at);
    int64_t number = name && name[0] == '$' ? atoll(name + 1) : at;
    if (number < 1 || (name && name[0] != '$' && name[0] != '?'))
      return neap_fail(NEAP_EARG, "sql: parameters are written ? or $1, $2, ..., not %s", name);
    if (number > highest) highest = number;
    if (number > s->value_count) continue;
    int code = bind_value(stmt, at, &s->values[number - 1]);
    if (code != SQLITE_OK) return failed(db, code, "a parameter cannot be bound");
  }
  if (highest != s->value_count)
    return neap_fail(NEAP_EARG, "sql: the statement takes %lld parameters, got %lld",
                     (long long)highest, (long long)s->value_count);
  return NEAP_OK;
}

static bool declared_as(const char *type, const char *word) {
  size_t n = strlen(word);
  for (; type && *type; type++) {
    size_t k = 0;
    while (k < n && toupper((unsigned char)type[k]) == word[k]) k++;
    if (k == n) return true;
  }
  return false;
}

static neap_status name_columns(sqlite3_stmt *stmt, const neap_sql_statement *s,
                                neap__sql_rows *rows) {
  int count = lib.column_count(stmt);
  if (count == 0) return NEAP_OK;
  NEAP_TRY(neap__sql_rows_init(rows, count));
  for (int k = 0; k < count; k++) {
    neap__sql_column *c = &rows->columns[k];
    const char *type = lib.column_decltype(stmt, k), *name = lib.column_name(stmt, k);
    NEAP_TRY(neap__sql_rows_name(c, name ? name : ""));
    c->is_time =
        neap__sql_is_time(s, c->name) || declared_as(type, "DATE") || declared_as(type, "TIME");
    c->is_bool = declared_as(type, "BOOL");
  }
  return NEAP_OK;
}

static neap_status take_value(sqlite3_stmt *stmt, int k, neap__sql_column *c) {
  switch (lib.column_type(stmt, k)) {
  case SQLITE_INTEGER: return neap__sql_rows_integer(c, lib.column_int64(stmt, k));
  case SQLITE_FLOAT: return neap__sql_rows_number(c, lib.column_double(stmt, k));
  case SQLITE_TEXT: {
    const char *text = (const char *)lib.column_text(stmt, k);
    if (!text) return neap_fail(NEAP_ENOMEM, "sql: out of memory for a text");
    return neap__sql_rows_text(c, text, (size_t)lib.column_bytes(stmt, k));
  }
  case SQLITE_BLOB:
    return neap_fail(NEAP_EVALUE, "sql: column '%s' holds a blob in row %lld; hex(%s) is text",
                     c->name, (long long)c->count + 1, c->name);
  default: return neap__sql_rows_missing(c);
  }
}

static neap_status step_through(sqlite3 *db, sqlite3_stmt *stmt, neap__sql_rows *rows) {
  int code;
  neap_status st = NEAP_OK;
  int64_t done = 0;
  while (!st && (code = lib.step(stmt)) == SQLITE_ROW) {
    for (int64_t k = 0; !st && rows && k < rows->count; k++)
      st = take_value(stmt, (int)k, &rows->columns[k]);
    if (++done % 1024 == 0 && !st) st = neap_interrupt_check();
  }
  if (st || code == SQLITE_DONE) return st;
  return failed(db, code, "the statement failed");
}

/* Nothing but space, semicolons and comments. */
static bool blank(const char *text) {
  for (;;) {
    while (isspace((unsigned char)*text) || *text == ';') text++;
    if (strncmp(text, "--", 2) == 0) text += strcspn(text, "\n");
    else if (strncmp(text, "/*", 2) == 0) {
      const char *end = strstr(text + 2, "*/");
      text = end ? end + 2 : text + strlen(text);
    } else {
      return *text == 0;
    }
  }
}

static neap_status run_one(sqlite3 *db, sqlite3_stmt *stmt, const neap_sql_statement *s,
                           neap__sql_rows *rows) {
  NEAP_TRY(bind_values(db, stmt, s));
  if (rows && lib.column_count(stmt) == 0)
    return neap_fail(NEAP_EARG, "sql: the statement gives no rows; execute runs such ones");
  if (rows) NEAP_TRY(name_columns(stmt, s, rows));
  return step_through(db, stmt, rows);
}

static neap_status lite_run(void *handle, const neap_sql_statement *s, neap__sql_rows *rows,
                            int64_t *changed) {
  sqlite3 *db = handle;
  const char *text = s->text;
  if (blank(text)) return neap_fail(NEAP_EARG, "sql: the statement is empty");
  neap_status st = NEAP_OK;
  while (!st && !blank(text)) {
    sqlite3_stmt *stmt = NULL;
    const char *rest;
    int code = lib.prepare_v2(db, text, -1, &stmt, &rest);
    if (code != SQLITE_OK) return failed(db, code, "the statement is refused");
    if (!blank(rest) && (rows || s->value_count))
      st = neap_fail(NEAP_EARG, "sql: one statement at a time, but more text follows: '%.40s'",
                     rest);
    if (!st && stmt) st = run_one(db, stmt, s, rows);
    lib.finalize(stmt);
    text = rest;
  }
  if (!st && changed) *changed = lib.changes(db);
  return st;
}

/* inserting -------------------------------------------------------------------------------------
 */

static neap_status command(sqlite3 *db, const char *text) {
  neap_sql_statement s = {.text = text};
  return lite_run(db, &s, NULL, NULL);
}

static int bind_cell(sqlite3_stmt *stmt, int at, const neap_column *c, int64_t row) {
  if (neap_dtype_is_float(c->values.dtype)) {
    double v = neap_tensor_get_f64(&c->values, &row);
    return isnan(v) ? lib.bind_null(stmt, at) : lib.bind_double(stmt, at, v);
  }
  int64_t v = neap_tensor_get_i64(&c->values, &row);
  if (c->kind == NEAP_COLUMN_CATEGORY) {
    if (v < 1 || v > c->label_count) return lib.bind_null(stmt, at);
    return lib.bind_text(stmt, at, c->labels[v - 1], -1, NULL);
  }
  if (c->kind != NEAP_COLUMN_TIME) return lib.bind_int64(stmt, at, v);
  char text[40];
  if (v == NEAP_NAT) return lib.bind_null(stmt, at);
  return lib.bind_text(stmt, at, text, neap__sql_time_text(text, v), COPIED);
}

static neap_status insert_rows(sqlite3 *db, sqlite3_stmt *stmt, const neap_column *columns,
                               int64_t count) {
  int64_t rows = columns[0].values.size[0];
  for (int64_t row = 0; row < rows; row++) {
    int code = SQLITE_OK;
    for (int64_t k = 0; k < count && code == SQLITE_OK; k++)
      code = bind_cell(stmt, (int)k + 1, &columns[k], row);
    if (code == SQLITE_OK) code = lib.step(stmt);
    if (code != SQLITE_DONE) return failed(db, code, "a row is refused");
    lib.reset(stmt);
    if (row % 1024 == 1023) NEAP_TRY(neap_interrupt_check());
  }
  return NEAP_OK;
}

static neap_status prepare_insert(sqlite3 *db, sqlite3_stmt **stmt, const char *table,
                                  const neap_column *columns, int64_t count) {
  neap_text text = {0};
  neap_text_format(&text, "INSERT INTO %s (", table);
  for (int64_t k = 0; k < count; k++) {
    if (k) neap_text_put(&text, ", ");
    neap__sql_quote(&text, columns[k].name, strlen(columns[k].name));
  }
  neap_text_put(&text, ") VALUES (?");
  for (int64_t k = 1; k < count; k++) neap_text_put(&text, ", ?");
  neap_text_put(&text, ")");
  neap_status st = NEAP_OK;
  if (text.failed) st = neap_fail(NEAP_ENOMEM, "sql: out of memory for a statement");
  if (!st) {
    int code = lib.prepare_v2(db, text.data, -1, stmt, NULL);
    if (code != SQLITE_OK) st = failed(db, code, "the table is refused");
  }
  neap_text_drop(&text);
  return st;
}

/* In a transaction of its own unless one is open already. */
static neap_status lite_insert(void *handle, const neap__sql_table *table,
                               const neap_column *columns, int64_t count) {
  sqlite3 *db = handle;
  bool own = lib.get_autocommit(db) != 0;
  sqlite3_stmt *stmt = NULL;
  if (own) NEAP_TRY(command(db, "BEGIN IMMEDIATE"));
  neap_status st = prepare_insert(db, &stmt, table->quoted, columns, count);
  if (!st) st = insert_rows(db, stmt, columns, count);
  lib.finalize(stmt);
  if (!st && own) st = command(db, "COMMIT");
  if (st && own && !lib.get_autocommit(db)) {
    char message[512];
    snprintf(message, sizeof message, "%s", neap_last_error());
    (void)command(db, "ROLLBACK");
    return neap_fail(st, "%s", message);
  }
  return st;
}

const neap__sql_driver neap__sqlite = {"sqlite", lite_open, lite_close, lite_run, lite_insert};
