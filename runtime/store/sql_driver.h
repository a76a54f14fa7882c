/* sql_driver.h — private to store: what a kind of database must do for sql.c. */
#ifndef NEAP_STORE_SQL_DRIVER_H
#define NEAP_STORE_SQL_DRIVER_H

#include "base/text.h"
#include "store/sql.h"
#include "store/sql_rows.h"

/* A table as it was named, and in quotes; schema is NULL without one. */
typedef struct {
  const char *schema, *name, *quoted;
} neap__sql_table;

typedef struct {
  const char *dialect;
  /* *handle is what the other functions get. */
  neap_status (*open)(void **handle, const char *url, bool create);
  void (*close)(void *handle);
  /* Run s; rows is NULL when nobody wants them, else it is filled, and named columns even without
   * rows. changed may be NULL. */
  neap_status (*run)(void *handle, const neap_sql_statement *s, neap__sql_rows *rows,
                     int64_t *changed);
  neap_status (*insert)(void *handle, const neap__sql_table *table, const neap_column *columns,
                        int64_t count);
} neap__sql_driver;

extern const neap__sql_driver neap__sqlite, neap__postgres, neap__duckdb;

/* Whether name is one of the columns that s calls times. */
bool neap__sql_is_time(const neap_sql_statement *s, const char *name);

/* Append name in double quotes, those inside doubled. */
void neap__sql_quote(neap_text *t, const char *name, size_t n);

/* ns as "2024-03-01 15:30:00", with nine digits of a second if it has a fraction; its length. */
int neap__sql_time_text(char out[40], int64_t ns);

#endif
