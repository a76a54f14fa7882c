/* sql_driver.h — private to store: what a kind of database must do for sql.c. */
#ifndef NEAP_STORE_SQL_DRIVER_H
#define NEAP_STORE_SQL_DRIVER_H

#include "base/text.h"
#include "store/sql.h"
#include "store/sql_rows.h"

typedef struct {
  const char *dialect;
  /* *handle is what the other functions get. */
  neap_status (*open)(void **handle, const char *url, bool create);
  void (*close)(void *handle);
  /* Run s; rows is NULL when nobody wants them, else it is filled, and named columns even without
   * rows. changed may be NULL. */
  neap_status (*run)(void *handle, const neap_sql_statement *s, neap__sql_rows *rows,
                     int64_t *changed);
  /* Append rows; table is quoted already. */
  neap_status (*insert)(void *handle, const char *table, const neap_column *columns, int64_t count);
} neap__sql_driver;

extern const neap__sql_driver neap__sqlite, neap__postgres;

/* Whether name is one of the columns that s calls times. */
bool neap__sql_is_time(const neap_sql_statement *s, const char *name);

/* Append name in double quotes, those inside doubled. */
void neap__sql_quote(neap_text *t, const char *name, size_t n);

#endif
