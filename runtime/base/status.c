#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char last[1024];

neap_status neap_fail(neap_status code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char text[sizeof last]; /* an argument may point into the old message */
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  /* printf shows the sign of a NaN, which means nothing */
  for (char *at = text; (at = strstr(at, "-nan"));) memmove(at, at + 1, strlen(at));
  memcpy(last, text, sizeof last);
  return code;
}

neap_status neap_fail_in(neap_status code, const char *format, ...) {
  char context[512], inner[sizeof last];
  memcpy(inner, last, sizeof last);
  va_list args;
  va_start(args, format);
  vsnprintf(context, sizeof context, format, args);
  va_end(args);
  return neap_fail(code, "%s: %s", context, inner);
}

const char *neap_last_error(void) { return last; }
