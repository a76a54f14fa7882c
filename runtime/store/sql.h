/* sql.h — SQL databases: SQLite files, servers that speak PostgreSQL's protocol, and DuckDB.
 *
 * A connection runs one statement at a time and hands results over as a table of columns (frame.h).
 * The libraries, libsqlite3, libpq and libduckdb, are opened on first use. A connection belongs to
 * the thread that uses Lua. Ctrl-C stops a running statement; a lock is waited for up to ten
 * seconds. */
#ifndef NEAP_STORE_SQL_H
#define NEAP_STORE_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include "frame/frame.h"

typedef struct neap_sql neap_sql;

typedef enum {
  NEAP_SQL_NULL,
  NEAP_SQL_BOOL,
  NEAP_SQL_INTEGER,
  NEAP_SQL_NUMBER,
  NEAP_SQL_TEXT
} neap_sql_kind;

/* A parameter of a statement; text is borrowed, and ends in a zero byte. */
typedef struct {
  neap_sql_kind kind;
  int64_t integer; /* also of BOOL */
  double number;
  const char *text;
  size_t length;
} neap_sql_value;

/* Parameters take the place of $1, $2, ...; in SQLite also of ? in order. times: columns that are
 * times even where the database does not say so. */
typedef struct {
  const char *text;
  const neap_sql_value *values;
  int64_t value_count;
  const char *const *times;
  int64_t time_count;
} neap_sql_statement;

/* "sqlite:PATH", "sqlite:///PATH" (as SQLAlchemy and Optuna write it; four slashes before an
 * absolute path), "sqlite::memory:", or "postgresql://user@host:port/base?options" (postgres:// is
 * the same). A file that does not exist is an error unless create. Messages never hold a password.
 */
neap_status neap_sql_open(neap_sql **out, const char *url, bool create);

/* NULL is fine. What a transaction has not committed is undone. */
void neap_sql_close(neap_sql *db);

/* "sqlite", "postgresql" or "duckdb". */
const char *neap_sql_dialect(const neap_sql *db);

/* Run one statement and collect its rows. A column is bool, integer (i64), number (f64), time (UTC)
 * or category by what the database says, in SQLite by its values and the declared type (those with
 * DATE or TIME in it hold texts that neap_time_parse knows, BOOLEAN holds 0 and 1). NULL is NaN,
 * NaT or no text; integers and bools with NULL become numbers, which integers beyond 2^53 refuse.
 * Text and numbers in one column, blobs and infinite times are errors that name column and row. */
neap_status neap_sql_query(neap_sql *db, neap_table *out, const neap_sql_statement *s);

/* Run one statement, in SQLite without values several, and forget its rows. *changed: rows that the
 * last one inserted, updated or deleted. */
neap_status neap_sql_execute(neap_sql *db, const neap_sql_statement *s, int64_t *changed);

/* Append rows to the columns of a table by their names, all or none; NaN, NaT and missing text are
 * written as NULL. Faster than statements: one prepared INSERT, or COPY. table is quoted; one point
 * in it separates the schema. */
neap_status neap_sql_insert(neap_sql *db, const char *table, const neap_column *columns,
                            int64_t count);

#endif
