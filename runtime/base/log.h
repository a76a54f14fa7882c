/* log.h — lines about what a program does, with a level, a time and named values.
 *
 *   2024-03-01T15:30:05.250Z info  tree grown  leaves=31 loss=0.642
 *   {"time":"2024-03-01T15:30:05.250Z","level":"info","message":"tree grown","leaves":31,...}
 *
 * This is the one place from which the core may write to the user's terminal, and only because
 * somebody called it. Lines go to standard error unless told otherwise, each by a single write, so
 * that threads and processes do not mix theirs. Colour appears on a terminal only (and not when
 * NO_COLOR is set). Every function may be called from any thread. */
#ifndef NEAP_BASE_LOG_H
#define NEAP_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef enum {
  NEAP_LOG_DEBUG,
  NEAP_LOG_INFO,
  NEAP_LOG_WARN,
  NEAP_LOG_ERROR,
  NEAP_LOG_OFF /* as a threshold: nothing at all */
} neap_log_level;

/* A named value behind the text; name and text are borrowed for the call. */
typedef struct {
  const char *name;
  enum { NEAP_LOG_NUMBER, NEAP_LOG_INTEGER, NEAP_LOG_BOOL, NEAP_LOG_TEXT } type;
  double number;
  int64_t integer; /* or bool */
  const char *text;
  size_t length;
} neap_log_field;

/* Write a line when level reaches the threshold. NEAP_EIO when the destination refuses; callers
 * rarely care, since a log must not end the work it tells of. NaN and inf are null in JSON. */
neap_status neap_log(neap_log_level level, const char *text, const neap_log_field *fields, int n);

/* Lines below the threshold are dropped. The first is NEAP_LOG_INFO. */
void neap_log_set_level(neap_log_level threshold);
neap_log_level neap_log_threshold(void);

/* "debug", "info", "warn", "error", "off"; NEAP_EARG for another name. */
neap_status neap_log_parse_level(neap_log_level *out, const char *name);
const char *neap_log_level_name(neap_log_level level);

/* Lines as JSON objects. */
void neap_log_set_json(bool json);
bool neap_log_json(void);

/* Where lines go: a copy of the descriptor fd, which the caller may close, or the end of the file
 * at path, made if need be. On failure the old destination stays. */
neap_status neap_log_to_fd(int fd);
neap_status neap_log_to_file(const char *path);

#endif
