/* json.h — JSON texts (RFC 8259), checked once and then walked where they lie: for files too large
 * to be made into a tree of objects.
 *
 *   neap_json j = {.what = "gbdt.load", .text = text, .end = text + n};
 *   NEAP_TRY(neap_json_check(&j));
 *   for (neap_json_items i = neap_json_open(j.root); neap_json_next(&i);)
 *     if (neap_json_equals(i.key, "rows")) rows = neap_json_number(&j, i.value);
 *
 * A value is the place of its first byte. Nothing here allocates but neap_json_string. */
#ifndef NEAP_BASE_JSON_H
#define NEAP_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

typedef struct {
  const char *what; /* the operation, for messages */
  const char *text, *end;
  const char *root; /* set by neap_json_check */
  bool words;       /* NaN, Infinity and -Infinity are numbers, as Python and XGBoost write them */
} neap_json;

/* Whether the whole text is one object or array, by the letter: nothing behind it, no NaN or
 * Infinity unless asked for, no comments, UTF-8 and whole surrogate pairs in strings and no zero
 * byte (\u0000), and at most 64 containers in each other. NEAP_EFORMAT with the path of the fault
 * and its byte; every function below expects a text that passed. Equal keys pass: who gathers the
 * members of an object knows which may not be there twice. */
neap_status neap_json_check(neap_json *j);

/* NEAP_EFORMAT: "what: path (byte n): message", where `at` is a value or a key. Items of arrays are
 * counted from 0 in paths, as JSON's users do; bytes from 1. */
neap_status neap_json_fail(const neap_json *j, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

typedef enum {
  NEAP_JSON_OBJECT,
  NEAP_JSON_ARRAY,
  NEAP_JSON_STRING,
  NEAP_JSON_NUMBER,
  NEAP_JSON_WORD, /* true, false, null */
} neap_json_kind;

neap_json_kind neap_json_kind_of(const char *value);

/* The members of an object or the items of an array, one after the other. */
typedef struct {
  const char *key;   /* a string, as it stands in the text; NULL in arrays */
  const char *value; /* NULL before the first */
  const char *at;
  bool object;
} neap_json_items;

neap_json_items neap_json_open(const char *container);
bool neap_json_next(neap_json_items *i);

int64_t neap_json_count(const char *container);

/* Bytes between the quotes of a string, escapes and all. */
size_t neap_json_length(const char *string);

/* Whether a string is that text, written without escapes. */
bool neap_json_equals(const char *string, const char *text);

/* Append what a string says; false, nothing appended, when memory ran out. */
bool neap_json_string(const char *string, neap_text *out);

/* The double nearest to a number. */
double neap_json_number(const neap_json *j, const char *number);

#endif
