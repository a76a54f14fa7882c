/* DuckDB, by libduckdb and its C interface, for Parquet files above all. No package of Debian's has
 * it, so NEAP_DUCKDB may name the library. */
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/interrupt.h"
#include "base/library.h"
#include "store/sql_driver.h"

/* Types of duckdb.h: handles are pointers, and a result is passed by value. */
typedef void *handle;
typedef struct {
  uint64_t columns, rows, changed;
  void *data;
  char *message;
  void *internal;
} duckdb_result;

typedef union {
  struct {
    uint32_t length;
    char inlined[12];
  } small;
  struct {
    uint32_t length;
    char prefix[4];
    const char *text;
  } large;
} duckdb_string;

typedef struct {
  uint64_t lower;
  int64_t upper;
} duckdb_hugeint;

enum {
  SUCCESS = 0,
  PENDING_NOT_READY = 1,
  PENDING_ERROR = 2,
  PENDING_NO_TASKS = 3,
  BOOLEAN = 1,
  TINYINT,
  SMALLINT,
  INTEGER,
  BIGINT,
  UTINYINT,
  USMALLINT,
  UINTEGER,
  UBIGINT,
  FLOAT,
  DOUBLE,
  TIMESTAMP,
  DATE,
  HUGEINT = 16,
  VARCHAR,
  DECIMAL = 19,
  TIMESTAMP_S,
  TIMESTAMP_MS,
  TIMESTAMP_NS,
  ENUM,
  TIMESTAMP_TZ = 31,
  INLINED = 12 /* bytes of text that need no pointer */
};

static struct {
  int (*open_ext)(const char *, handle *, handle, char **);
  void (*close)(handle *);
  int (*connect)(handle, handle *);
  void (*disconnect)(handle *);
  int (*prepare)(handle, const char *, handle *);
  const char *(*prepare_error)(handle);
  void (*destroy_prepare)(handle *);
  uint64_t (*nparams)(handle);
  int (*bind_null)(handle, uint64_t);
  int (*bind_boolean)(handle, uint64_t, bool);
  int (*bind_int64)(handle, uint64_t, int64_t);
  int (*bind_double)(handle, uint64_t, double);
  int (*bind_varchar_length)(handle, uint64_t, const char *, uint64_t);
  int (*pending_prepared)(handle, handle *);
  const char *(*pending_error)(handle);
  int (*pending_execute_task)(handle);
  int (*execute_pending)(handle, duckdb_result *);
  void (*destroy_pending)(handle *);
  const char *(*result_error)(duckdb_result *);
  void (*destroy_result)(duckdb_result *);
  uint64_t (*rows_changed)(duckdb_result *);
  int (*result_return_type)(duckdb_result);
  uint64_t (*column_count)(duckdb_result *);
  const char *(*column_name)(duckdb_result *, uint64_t);
  int (*column_type)(duckdb_result *, uint64_t);
  handle (*column_logical_type)(duckdb_result *, uint64_t);
  void (*destroy_logical_type)(handle *);
  uint8_t (*decimal_scale)(handle);
  int (*decimal_internal_type)(handle);
  int (*enum_internal_type)(handle);
  char *(*enum_dictionary_value)(handle, uint64_t);
  void (*free)(void *);
  handle (*fetch_chunk)(duckdb_result);
  void (*destroy_data_chunk)(handle *);
  uint64_t (*data_chunk_get_size)(handle);
  handle (*data_chunk_get_vector)(handle, uint64_t);
  void *(*vector_get_data)(handle);
  uint64_t *(*vector_get_validity)(handle);
  int (*appender_create)(handle, const char *, const char *, handle *);
  const char *(*appender_error)(handle);
  int (*appender_add_column)(handle, const char *);
  int (*append_null)(handle);
  int (*append_bool)(handle, bool);
  int (*append_int64)(handle, int64_t);
  int (*append_double)(handle, double);
  int (*append_varchar)(handle, const char *);
  int (*appender_end_row)(handle);
  int (*appender_close)(handle);
  int (*appender_destroy)(handle *);
} lib;

static neap_status need_library(void) {
  static bool there; /* only the thread of Lua comes here */
  static const neap_symbol symbols[] = {
#define SYMBOL(name) {"duckdb_" #name, &lib.name}
      SYMBOL(open_ext),
      SYMBOL(close),
      SYMBOL(connect),
      SYMBOL(disconnect),
      SYMBOL(prepare),
      SYMBOL(prepare_error),
      SYMBOL(destroy_prepare),
      SYMBOL(nparams),
      SYMBOL(bind_null),
      SYMBOL(bind_boolean),
      SYMBOL(bind_int64),
      SYMBOL(bind_double),
      SYMBOL(bind_varchar_length),
      SYMBOL(pending_prepared),
      SYMBOL(pending_error),
      SYMBOL(pending_execute_task),
      SYMBOL(execute_pending),
      SYMBOL(destroy_pending),
      SYMBOL(result_error),
      SYMBOL(destroy_result),
      SYMBOL(rows_changed),
      SYMBOL(result_return_type),
      SYMBOL(column_count),
      SYMBOL(column_name),
      SYMBOL(column_type),
      SYMBOL(column_logical_type),
      SYMBOL(destroy_logical_type),
      SYMBOL(decimal_scale),
      SYMBOL(decimal_internal_type),
      SYMBOL(enum_internal_type),
      SYMBOL(enum_dictionary_value),
      SYMBOL(free),
      SYMBOL(fetch_chunk),
      SYMBOL(destroy_data_chunk),
      SYMBOL(data_chunk_get_size),
      SYMBOL(data_chunk_get_vector),
      SYMBOL(vector_get_data),
      SYMBOL(vector_get_validity),
      SYMBOL(appender_create),
      SYMBOL(appender_error),
      SYMBOL(appender_add_column),
      SYMBOL(append_null),
      SYMBOL(append_bool),
      SYMBOL(append_int64),
      SYMBOL(append_double),
      SYMBOL(append_varchar),
      SYMBOL(appender_end_row),
      SYMBOL(appender_close),
      SYMBOL(appender_destroy),
#undef SYMBOL
  };
  const char *path = getenv("NEAP_DUCKDB");
  if (!there)
    NEAP_TRY(neap_library_open(path && *path ? path : "libduckdb.so",
                               "install libduckdb from duckdb.org (or the npm package "
                               "@duckdb/node-bindings-linux-x64) and let NEAP_DUCKDB name the file",
                               symbols, sizeof symbols / sizeof *symbols));
  there = true;
  return NEAP_OK;
}

/* connections -----------------------------------------------------------------------------------
 */

typedef struct {
  handle base, link;
} duck;

static void duck_close(void *state) {
  duck *d = state;
  if (d->link) lib.disconnect(&d->link);
  if (d->base) lib.close(&d->base);
  neap_free(d);
}

static neap_status duck_open(void **state, const char *url, bool create) {
  (void)create; /* DuckDB makes the file that it is given */
  NEAP_TRY(need_library());
  const char *path = url + strlen("duckdb:");
  if (strncmp(path, "///", 3) == 0) path += 3;
  duck *d = neap_calloc_array(1, sizeof *d);
  if (!d) return neap_fail(NEAP_ENOMEM, "sql: out of memory for a connection");
  char *message = NULL;
  neap_status st = NEAP_OK;
  sigset_t all, old; /* its threads must not take our signals */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int opened = lib.open_ext(*path ? path : NULL, &d->base, NULL, &message);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (opened != SUCCESS)
    st = neap_fail(NEAP_EIO, "sql: '%s' cannot be opened: %s", path, message ? message : "");
  else if (lib.connect(d->base, &d->link) != SUCCESS)
    st = neap_fail(NEAP_EIO, "sql: '%s' takes no connection", path);
  if (message) lib.free(message);
  if (st) duck_close(d);
  else *state = d;
  return st;
}

/* values ----------------------------------------------------------------------------------------
 */

static int64_t integer_at(int type, const void *data, uint64_t i) {
  switch (type) {
  case TINYINT: return ((const int8_t *)data)[i];
  case SMALLINT: return ((const int16_t *)data)[i];
  case INTEGER: return ((const int32_t *)data)[i];
  case UTINYINT: return ((const uint8_t *)data)[i];
  case USMALLINT: return ((const uint16_t *)data)[i];
  case UINTEGER: return ((const uint32_t *)data)[i];
  default: return ((const int64_t *)data)[i];
  }
}

/* 128 bits, which as a number are upper * 2^64 + lower. */
static neap_status take_huge(neap__sql_column *c, duckdb_hugeint v) {
  if (v.upper == 0 && v.lower <= INT64_MAX) return neap__sql_rows_integer(c, (int64_t)v.lower);
  if (v.upper == -1 && v.lower > INT64_MAX)
    return neap__sql_rows_integer(c, (int64_t)(v.lower - INT64_MAX - 1) + INT64_MIN);
  return neap__sql_rows_number(c, (double)v.upper * 18446744073709551616.0 + (double)v.lower);
}

/* Ticks of ns nanoseconds since 1970; the two infinite times are the ends of int64_t. */
static neap_status take_time(neap__sql_column *c, int64_t ticks, int64_t ns) {
  int64_t time;
  if (ticks >= INT64_MAX || ticks <= -INT64_MAX || __builtin_mul_overflow(ticks, ns, &time))
    return neap_fail(NEAP_EVALUE,
                     "sql: column '%s', row %lld: a time beyond the years 1678 to 2262", c->name,
                     (long long)c->count + 1);
  return neap__sql_rows_time(c, time);
}

static neap_status take_string(neap__sql_column *c, const duckdb_string *s) {
  const char *text = s->small.length <= INLINED ? s->small.inlined : s->large.text;
  return neap__sql_rows_text(c, text, s->small.length);
}

/* What the type of a column says beyond its number. */
typedef struct {
  int type;      /* of the values in memory */
  handle labels; /* logical type of an ENUM */
  double scale;  /* of a DECIMAL, 10^digits; 0: none */
} column_form;

static neap_status take_label(neap__sql_column *c, handle labels, uint64_t code) {
  char *text = lib.enum_dictionary_value(labels, code);
  if (!text) return neap_fail(NEAP_ENOMEM, "sql: out of memory for a text");
  neap_status st = neap__sql_rows_text(c, text, strlen(text));
  lib.free(text);
  return st;
}

static neap_status take_scaled(neap__sql_column *c, const column_form *form, const void *data,
                               uint64_t i) {
  double v;
  if (form->type == HUGEINT) {
    duckdb_hugeint huge = ((const duckdb_hugeint *)data)[i];
    v = (double)huge.upper * 18446744073709551616.0 + (double)huge.lower;
  } else {
    v = (double)integer_at(form->type, data, i);
  }
  return neap__sql_rows_number(c, v / form->scale);
}

static neap_status take_value(neap__sql_column *c, const column_form *form, const void *data,
                              uint64_t i) {
  const int64_t *wide = data;
  if (form->labels) return take_label(c, form->labels, (uint64_t)integer_at(form->type, data, i));
  if (form->scale > 0) return take_scaled(c, form, data, i);
  switch (form->type) {
  case BOOLEAN: return neap__sql_rows_bool(c, ((const bool *)data)[i]);
  case TINYINT:
  case SMALLINT:
  case INTEGER:
  case UTINYINT:
  case USMALLINT:
  case UINTEGER:
  case BIGINT: return neap__sql_rows_integer(c, integer_at(form->type, data, i));
  case UBIGINT: return take_huge(c, (duckdb_hugeint){((const uint64_t *)data)[i], 0});
  case HUGEINT: return take_huge(c, ((const duckdb_hugeint *)data)[i]);
  case FLOAT: return neap__sql_rows_number(c, (double)((const float *)data)[i]);
  case DOUBLE: return neap__sql_rows_number(c, ((const double *)data)[i]);
  case TIMESTAMP:
  case TIMESTAMP_TZ: return take_time(c, wide[i], 1000);
  case TIMESTAMP_S: return take_time(c, wide[i], 1000000000);
  case TIMESTAMP_MS: return take_time(c, wide[i], 1000000);
  case TIMESTAMP_NS: return take_time(c, wide[i], 1);
  case DATE: return take_time(c, ((const int32_t *)data)[i], 86400 * INT64_C(1000000000));
  case VARCHAR: return take_string(c, &((const duckdb_string *)data)[i]);
  default:
    return neap_fail(NEAP_EVALUE,
                     "sql: column '%s' is of a type without a column here; CAST(%s AS VARCHAR)",
                     c->name, c->name);
  }
}

/* statements ------------------------------------------------------------------------------------
 */

static bool is_time_type(int type) {
  return type == TIMESTAMP || type == DATE || (type >= TIMESTAMP_S && type <= TIMESTAMP_NS) ||
         type == TIMESTAMP_TZ;
}

static neap_status describe(duckdb_result *r, const neap_sql_statement *s, neap__sql_rows *rows,
                            column_form *forms) {
  uint64_t count = lib.column_count(r);
  NEAP_TRY(neap__sql_rows_init(rows, (int64_t)count));
  for (uint64_t k = 0; k < count; k++) {
    neap__sql_column *c = &rows->columns[k];
    NEAP_TRY(neap__sql_rows_name(c, lib.column_name(r, k)));
    forms[k] = (column_form){.type = lib.column_type(r, k)};
    c->is_time = neap__sql_is_time(s, c->name) || is_time_type(forms[k].type);
    if (forms[k].type != DECIMAL && forms[k].type != ENUM) continue;
    handle type = lib.column_logical_type(r, k);
    if (forms[k].type == ENUM) {
      forms[k].labels = type;
      forms[k].type = lib.enum_internal_type(type);
    } else {
      forms[k].scale = pow(10, lib.decimal_scale(type));
      forms[k].type = lib.decimal_internal_type(type);
      lib.destroy_logical_type(&type);
    }
  }
  return NEAP_OK;
}

static neap_status take_chunk(handle chunk, neap__sql_rows *rows, const column_form *forms) {
  uint64_t count = lib.data_chunk_get_size(chunk);
  for (int64_t k = 0; k < rows->count; k++) {
    handle vector = lib.data_chunk_get_vector(chunk, (uint64_t)k);
    const void *data = lib.vector_get_data(vector);
    const uint64_t *valid = lib.vector_get_validity(vector);
    neap__sql_column *c = &rows->columns[k];
    for (uint64_t i = 0; i < count; i++) {
      if (valid && !(valid[i / 64] >> i % 64 & 1)) NEAP_TRY(neap__sql_rows_missing(c));
      else NEAP_TRY(take_value(c, &forms[k], data, i));
    }
  }
  return neap_interrupt_check();
}

static neap_status take_chunks(duckdb_result *r, neap__sql_rows *rows, const column_form *forms) {
  neap_status st = NEAP_OK;
  for (handle chunk; !st && (chunk = lib.fetch_chunk(*r));) {
    st = take_chunk(chunk, rows, forms);
    lib.destroy_data_chunk(&chunk);
  }
  return st;
}

static neap_status take_result(duckdb_result *r, const neap_sql_statement *s,
                               neap__sql_rows *rows) {
  enum { ROWS_RESULT = 3 };
  if (!rows || lib.result_return_type(*r) != ROWS_RESULT) return NEAP_OK;
  uint64_t count = lib.column_count(r);
  column_form *forms = neap_calloc_array((int64_t)count, sizeof *forms);
  if (!forms) return neap_fail(NEAP_ENOMEM, "sql: out of memory for columns");
  neap_status st = describe(r, s, rows, forms);
  if (!st) st = take_chunks(r, rows, forms);
  for (uint64_t k = 0; k < count; k++)
    if (forms[k].labels) lib.destroy_logical_type(&forms[k].labels);
  neap_free(forms);
  return st;
}

/* In steps, so that Ctrl-C is seen. */
static neap_status execute(handle pending, duckdb_result *r) {
  int state;
  while ((state = lib.pending_execute_task(pending)) == PENDING_NOT_READY ||
         state == PENDING_NO_TASKS)
    NEAP_TRY(neap_interrupt_check());
  if (state == PENDING_ERROR)
    return neap_fail(NEAP_EIO, "sql: the statement failed: %s", lib.pending_error(pending));
  if (lib.execute_pending(pending, r) != SUCCESS)
    return neap_fail(NEAP_EIO, "sql: the statement failed: %s", lib.result_error(r));
  return NEAP_OK;
}

static neap_status bind_values(handle statement, const neap_sql_statement *s) {
  uint64_t takes = lib.nparams(statement);
  if (takes != (uint64_t)s->value_count)
    return neap_fail(NEAP_EARG, "sql: the statement takes %lld parameters, got %lld",
                     (long long)takes, (long long)s->value_count);
  for (uint64_t i = 1; i <= takes; i++) {
    const neap_sql_value *v = &s->values[i - 1];
    int state = SUCCESS;
    switch (v->kind) {
    case NEAP_SQL_NULL: state = lib.bind_null(statement, i); break;
    case NEAP_SQL_BOOL: state = lib.bind_boolean(statement, i, v->integer != 0); break;
    case NEAP_SQL_INTEGER: state = lib.bind_int64(statement, i, v->integer); break;
    case NEAP_SQL_NUMBER: state = lib.bind_double(statement, i, v->number); break;
    case NEAP_SQL_TEXT: state = lib.bind_varchar_length(statement, i, v->text, v->length); break;
    }
    if (state != SUCCESS)
      return neap_fail(NEAP_EARG, "sql: parameter %lld cannot be bound", (long long)i);
  }
  return NEAP_OK;
}

static neap_status duck_run(void *state, const neap_sql_statement *s, neap__sql_rows *rows,
                            int64_t *changed) {
  duck *d = state;
  handle statement = NULL, pending = NULL;
  duckdb_result r = {0};
  neap_status st = NEAP_OK;
  if (lib.prepare(d->link, s->text, &statement) != SUCCESS)
    st = neap_fail(NEAP_EIO, "sql: the statement is refused: %s", lib.prepare_error(statement));
  if (!st) st = bind_values(statement, s);
  if (!st && lib.pending_prepared(statement, &pending) != SUCCESS)
    st = neap_fail(NEAP_EIO, "sql: the statement failed: %s", lib.pending_error(pending));
  if (!st) st = execute(pending, &r);
  if (!st) st = take_result(&r, s, rows);
  if (!st && changed) *changed = (int64_t)lib.rows_changed(&r);
  lib.destroy_result(&r);
  if (pending) lib.destroy_pending(&pending);
  lib.destroy_prepare(&statement);
  return st;
}

/* inserting -------------------------------------------------------------------------------------
 */

static int append_cell(handle app, const neap_column *c, int64_t row) {
  if (neap_dtype_is_float(c->values.dtype)) {
    double v = neap_tensor_get_f64(&c->values, &row);
    return isnan(v) ? lib.append_null(app) : lib.append_double(app, v);
  }
  int64_t v = neap_tensor_get_i64(&c->values, &row);
  if (c->kind == NEAP_COLUMN_CATEGORY)
    return v < 1 || v > c->label_count ? lib.append_null(app)
                                       : lib.append_varchar(app, c->labels[v - 1]);
  if (c->kind == NEAP_COLUMN_TIME) {
    char text[40];
    if (v == NEAP_NAT) return lib.append_null(app);
    neap__sql_time_text(text, v);
    return lib.append_varchar(app, text);
  }
  if (c->values.dtype == NEAP_BOOL) return lib.append_bool(app, v != 0);
  return lib.append_int64(app, v);
}

static neap_status append_rows(handle app, const neap_column *columns, int64_t count) {
  int64_t rows = columns[0].values.size[0];
  for (int64_t k = 0; k < count; k++)
    if (lib.appender_add_column(app, columns[k].name) != SUCCESS)
      return neap_fail(NEAP_EIO, "sql: the table is refused: %s", lib.appender_error(app));
  for (int64_t row = 0; row < rows; row++) {
    int state = SUCCESS;
    for (int64_t k = 0; k < count && state == SUCCESS; k++)
      state = append_cell(app, &columns[k], row);
    if (state == SUCCESS) state = lib.appender_end_row(app);
    if (state != SUCCESS)
      return neap_fail(NEAP_EIO, "sql: row %lld is refused: %s", (long long)row + 1,
                       lib.appender_error(app));
    if (row % 1024 == 1023) NEAP_TRY(neap_interrupt_check());
  }
  if (lib.appender_close(app) != SUCCESS)
    return neap_fail(NEAP_EIO, "sql: the rows are refused: %s", lib.appender_error(app));
  return NEAP_OK;
}

/* The caller's transaction makes it all or nothing. */
static neap_status duck_insert(void *state, const neap__sql_table *table,
                               const neap_column *columns, int64_t count) {
  duck *d = state;
  handle app = NULL;
  neap_status st = NEAP_OK;
  if (lib.appender_create(d->link, table->schema, table->name, &app) != SUCCESS)
    st = neap_fail(NEAP_EIO, "sql: the table is refused: %s", lib.appender_error(app));
  if (!st) st = append_rows(app, columns, count);
  lib.appender_destroy(&app);
  return st;
}

const neap__sql_driver neap__duckdb = {"duckdb", duck_open, duck_close, duck_run, duck_insert};
