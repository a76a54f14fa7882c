/* text.h — a growing piece of text, for everything that is composed before it is written.
 *
 *   neap_text t = {0};  neap_text_put(&t, "n = ");  neap_text_integer(&t, n);  ...
 *   if (t.failed) return NEAP_ENOMEM;  use(t.data, t.n);  neap_text_drop(&t);
 *
 * Failure sticks: after one the calls do nothing, so that only the end must look. */
#ifndef NEAP_BASE_TEXT_H
#define NEAP_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  char *data; /* n bytes and a closing zero; NULL while empty */
  size_t n, room;
  bool failed; /* memory ran out */
} neap_text;

void neap_text_add(neap_text *t, const char *data, size_t n);
void neap_text_put(neap_text *t, const char *text);

/* printf's formats; numbers with a point go through neap_text_number, which knows no locale. */
void neap_text_format(neap_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void neap_text_number(neap_text *t, double v);
void neap_text_integer(neap_text *t, int64_t v);

/* As a JSON string with its quotes: control characters escaped, bytes that are not UTF-8 replaced
 * by U+FFFD. */
void neap_text_json(neap_text *t, const char *data, size_t n);

/* Bytes of the UTF-8 character at p, 0 when it is none: overlong forms, surrogates and numbers
 * above U+10FFFF are none (Unicode 15, table 3-7). */
size_t neap_utf8_length(const unsigned char *p, size_t n);

/* Free the memory; t is empty and usable again. */
void neap_text_drop(neap_text *t);

#endif
