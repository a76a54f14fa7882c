/* sql_rows.h — private to store: columns that grow by the values of one row after another, of types
 * that a database tells value by value. */
#ifndef NEAP_STORE_SQL_ROWS_H
#define NEAP_STORE_SQL_ROWS_H

#include "frame/frame.h"

typedef struct {
  char *name;
  neap_column_kind kind; /* AUTO until the first value */
  bool is_time, is_bool; /* integers and texts mean times; 0 and 1 mean truths */
  int64_t unit;          /* ns of one tick of integer times; 0: not settled */
  int64_t count, room;
  void *data; /* f64, i64, i32 codes or bool by kind */
  char **label;
  int64_t label_count, label_room;
  int32_t *slot; /* codes by open addressing, 0 = free; slots is a power of two */
  int64_t slots;
} neap__sql_column;

typedef struct {
  neap__sql_column *columns;
  int64_t count;
} neap__sql_rows;

/* count columns without names; on failure nothing is left to drop. */
neap_status neap__sql_rows_init(neap__sql_rows *r, int64_t count);
neap_status neap__sql_rows_name(neap__sql_column *c, const char *name);

/* Append one value. Failures name column and row. */
neap_status neap__sql_rows_missing(neap__sql_column *c);
neap_status neap__sql_rows_bool(neap__sql_column *c, bool v);
neap_status neap__sql_rows_integer(neap__sql_column *c, int64_t v);
neap_status neap__sql_rows_number(neap__sql_column *c, double v);
neap_status neap__sql_rows_time(neap__sql_column *c, int64_t ns);
neap_status neap__sql_rows_text(neap__sql_column *c, const char *text, size_t n);

/* Hand the columns over; r is empty then, also on failure. */
neap_status neap__sql_rows_finish(neap__sql_rows *r, neap_table *out);

void neap__sql_rows_drop(neap__sql_rows *r);

#endif
