#include "store/sql.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "store/sql_driver.h"

struct neap_sql {
  const neap__sql_driver *driver;
  void *handle;
};

static const neap__sql_driver *driver_of(const char *url) {
  if (strncmp(url, "sqlite:", 7) == 0) return &neap__sqlite;
  if (strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0)
    return &neap__postgres;
  if (strncmp(url, "duckdb:", 7) == 0) return &neap__duckdb;
  return NULL;
}

neap_status neap_sql_open(neap_sql **out, const char *url, bool create) {
  *out = NULL;
  const neap__sql_driver *driver = driver_of(url);
  if (!driver)
    return neap_fail(
        NEAP_EARG,
        "sql: the URL must begin with sqlite:, duckdb: or postgresql://, as in sqlite:bars.db");
  neap_sql *db = neap_alloc(sizeof *db);
  if (!db) return neap_fail(NEAP_ENOMEM, "sql: out of memory for a connection");
  *db = (neap_sql){driver, NULL};
  neap_status st = driver->open(&db->handle, url, create);
  if (st) neap_free(db);
  else *out = db;
  return st;
}

void neap_sql_close(neap_sql *db) {
  if (!db) return;
  db->driver->close(db->handle);
  neap_free(db);
}

const char *neap_sql_dialect(const neap_sql *db) { return db->driver->dialect; }

neap_status neap_sql_query(neap_sql *db, neap_table *out, const neap_sql_statement *s) {
  *out = (neap_table){0};
  neap__sql_rows rows = {0};
  neap_status st = db->driver->run(db->handle, s, &rows, NULL);
  if (!st && !rows.columns)
    st = neap_fail(NEAP_EARG, "sql: the statement was run, but gives no rows; use execute");
  if (!st) return neap__sql_rows_finish(&rows, out);
  neap__sql_rows_drop(&rows);
  return st;
}

neap_status neap_sql_execute(neap_sql *db, const neap_sql_statement *s, int64_t *changed) {
  return db->driver->run(db->handle, s, NULL, changed);
}

bool neap__sql_is_time(const neap_sql_statement *s, const char *name) {
  for (int64_t i = 0; i < s->time_count; i++)
    if (strcmp(s->times[i], name) == 0) return true;
  return false;
}

void neap__sql_quote(neap_text *t, const char *name, size_t n) {
  neap_text_put(t, "\"");
  for (size_t i = 0; i < n; i++)
    neap_text_add(t, name[i] == '"' ? "\"\"" : &name[i], name[i] == '"' ? 2 : 1);
  neap_text_put(t, "\"");
}

/* As SQLAlchemy, pandas and people write it. */
int neap__sql_time_text(char out[40], int64_t ns) {
  neap_civil c = neap_civil_split(ns);
  int n = snprintf(out, 40, "%04lld-%02d-%02d %02d:%02d:%02d", (long long)c.year, c.month, c.day,
                   c.hour, c.minute, c.second);
  if (c.nanosecond) n += snprintf(out + n, 40 - (size_t)n, ".%09d", c.nanosecond);
  return n;
}

neap_status neap_sql_insert(neap_sql *db, const char *table, const neap_column *columns,
                            int64_t count) {
  const char *point = strchr(table, '.');
  char *schema = point ? neap_strndup(table, (size_t)(point - table)) : NULL;
  if (point && !schema) return neap_fail(NEAP_ENOMEM, "sql: out of memory for a name");
  neap__sql_table t = {.schema = schema, .name = point ? point + 1 : table};
  neap_text quoted = {0};
  if (schema) {
    neap__sql_quote(&quoted, schema, strlen(schema));
    neap_text_put(&quoted, ".");
  }
  neap__sql_quote(&quoted, t.name, strlen(t.name));
  t.quoted = quoted.data;
  neap_status st = quoted.failed ? neap_fail(NEAP_ENOMEM, "sql: out of memory for a name")
                                 : db->driver->insert(db->handle, &t, columns, count);
  neap_text_drop(&quoted);
  neap_free(schema);
  return st;
}
