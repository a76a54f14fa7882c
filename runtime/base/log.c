#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

static const char *const names[] = {"debug", "info", "warn", "error", "off"};

static atomic_int threshold = NEAP_LOG_INFO;
static atomic_bool json;

/* The destination; lock guards it and keeps lines whole. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int destination = STDERR_FILENO;

void neap_log_set_level(neap_log_level level) { atomic_store(&threshold, (int)level); }
neap_log_level neap_log_threshold(void) { return (neap_log_level)atomic_load(&threshold); }
void neap_log_set_json(bool on) { atomic_store(&json, on); }
bool neap_log_json(void) { return atomic_load(&json); }
const char *neap_log_level_name(neap_log_level level) { return names[level]; }

neap_status neap_log_parse_level(neap_log_level *out, const char *name) {
  for (int i = 0; i <= NEAP_LOG_OFF; i++)
    if (strcmp(name, names[i]) == 0) {
      *out = (neap_log_level)i;
      return NEAP_OK;
    }
  return neap_fail(NEAP_EARG, "log: unknown level '%s' (debug, info, warn, error or off)", name);
}

/* composing --------------------------------------------------------------------------------------
 */

/* The wall clock, always with three digits of fraction so that lines align. */
static void add_time(neap_text *t) {
  int64_t now = neap_clock_wall(), fraction = now % NEAP_SECOND;
  char text[40];
  size_t n = neap_time_print(text, now - fraction);
  neap_text_add(t, text, n - 1);
  neap_text_format(t, ".%03dZ", (int)(fraction / 1000000));
}

static void add_value(neap_text *t, const neap_log_field *f, bool as_json) {
  static const char special[] = " =\"\\";
  if (f->type == NEAP_LOG_INTEGER) neap_text_integer(t, f->integer);
  else if (f->type == NEAP_LOG_BOOL) neap_text_put(t, f->integer ? "true" : "false");
  else if (f->type == NEAP_LOG_NUMBER && as_json && !isfinite(f->number)) neap_text_put(t, "null");
  else if (f->type == NEAP_LOG_NUMBER) neap_text_number(t, f->number);
  else {
    bool bare = !as_json && f->length > 0;
    for (size_t i = 0; i < f->length && bare; i++) {
      unsigned char c = (unsigned char)f->text[i];
      bare = c > 32 && c < 127 && !strchr(special, c);
    }
    if (bare) neap_text_add(t, f->text, f->length);
    else neap_text_json(t, f->text, f->length);
  }
}

static void compose_json(neap_text *t, neap_log_level level, const char *text,
                         const neap_log_field *fields, int n) {
  neap_text_put(t, "{\"time\":\"");
  add_time(t);
  neap_text_format(t, "\",\"level\":\"%s\",\"message\":", names[level]);
  neap_text_json(t, text, strlen(text));
  for (int i = 0; i < n; i++) {
    neap_text_put(t, ",");
    neap_text_json(t, fields[i].name, strlen(fields[i].name));
    neap_text_put(t, ":");
    add_value(t, &fields[i], true);
  }
  neap_text_put(t, "}\n");
}

/* The text as it is, but control characters escaped: a line stays one line, and what came from a
 * file cannot command the terminal. */
static void add_message(neap_text *t, const char *text) {
  for (const char *p = text; *p; p++) {
    if (*p == '\n') neap_text_put(t, "\\n");
    else if ((unsigned char)*p < 32 || *p == 127) neap_text_format(t, "\\x%02x", (unsigned)*p);
    else neap_text_add(t, p, 1);
  }
}

static void compose_plain(neap_text *t, neap_log_level level, const char *text,
                          const neap_log_field *fields, int n, bool colour) {
  static const char *const colours[] = {"\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};
  static const char *const padded[] = {"debug", "info ", "warn ", "error"};
  add_time(t);
  neap_text_format(t, " %s%s%s ", colour ? colours[level] : "", padded[level],
                   colour ? "\x1b[0m" : "");
  add_message(t, text);
  for (int i = 0; i < n; i++) {
    neap_text_put(t, i ? " " : "  ");
    add_message(t, fields[i].name);
    neap_text_put(t, "=");
    add_value(t, &fields[i], false);
  }
  neap_text_put(t, "\n");
}

/* writing ----------------------------------------------------------------------------------------
 */

static bool has_colour(int fd) {
  const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
  return isatty(fd) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

static neap_status write_line(const char *p, size_t n) {
  while (n) {
    ssize_t k = write(destination, p, n);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) return neap__file_fail("write", "log", errno);
    p += k;
    n -= (size_t)k;
  }
  return NEAP_OK;
}

neap_status neap_log(neap_log_level level, const char *text, const neap_log_field *fields, int n) {
  if ((int)level < atomic_load_explicit(&threshold, memory_order_relaxed) || level >= NEAP_LOG_OFF)
    return NEAP_OK;
  neap_text line = {0};
  pthread_mutex_lock(&lock);
  if (neap_log_json()) compose_json(&line, level, text, fields, n);
  else compose_plain(&line, level, text, fields, n, has_colour(destination));
  neap_status st = line.failed ? NEAP_ENOMEM : write_line(line.data, line.n);
  pthread_mutex_unlock(&lock);
  neap_text_drop(&line);
  return st;
}

static void send_to(int fd) {
  pthread_mutex_lock(&lock);
  int old = destination;
  destination = fd;
  pthread_mutex_unlock(&lock);
  if (old > STDERR_FILENO) close(old);
}

neap_status neap_log_to_fd(int fd) {
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (copy < 0) return neap__file_fail("open", "log", errno);
  send_to(copy);
  return NEAP_OK;
}

neap_status neap_log_to_file(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return neap__file_fail("open", path, errno);
  neap_status st = neap_log_to_fd(fd);
  close(fd);
  return st;
}
