#define _GNU_SOURCE
#include "host/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"

enum { PIECE = 1 << 16, TAIL = 3 /* bytes that a character may lack at the end of a piece */ };

typedef struct message {
  struct message *next;
  neap_wire_message m;
  char text[];
} message;

typedef struct {
  int from;         /* the pipe that descriptor 1 or 2 became */
  const char *name; /* "stdout", "stderr" */
  char data[TAIL + PIECE];
  size_t n; /* bytes kept from last time: the begin of a character */
} printed;

static struct {
  pthread_mutex_t lock; /* of the queue and what follows it */
  pthread_cond_t arrived, drained;
  message *first, *last, *current;
  bool ended;
  int64_t count, stop_before;
  int64_t drains_wanted, drains_done;
  pthread_mutex_t writing; /* held while a message goes out */
  neap_text label;
  pthread_t reader, printer;
  int in, out;  /* the front end */
  int saved[3]; /* what the descriptors were */
  int poke_reader[2], poke_printer[2];
  printed printed[2];
  void (*interrupt)(void);
} wire = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .arrived = PTHREAD_COND_INITIALIZER,
          .drained = PTHREAD_COND_INITIALIZER,
          .writing = PTHREAD_MUTEX_INITIALIZER};

static void write_all(const char *data, size_t n) {
  while (n > 0) {
    ssize_t done = write(wire.out, data, n);
    if (done < 0 && errno != EINTR) return; /* nobody reads any more */
    if (done < 0) continue;
    data += done;
    n -= (size_t)done;
  }
}

/* what comes in -------------------------------------------------------------------------------- */

/* Is the member "method" of the object, or of one in the list, "interrupt"? A front end that writes
 * it with escapes is obeyed when its turn comes. */
static bool asks_to_interrupt(const char *p, const char *end) {
  while (p < end && strchr(" \t\r", *p)) p++;
  int depth = 0, wanted = p < end && *p == '[' ? 2 : 1;
  const char *name = NULL;
  bool method = false;
  for (; p < end; p++) {
    if (*p == '{' || *p == '[') depth++;
    else if (*p == '}' || *p == ']') depth--;
    else if (*p == ',' && depth == wanted) method = false;
    else if (*p == ':' && depth == wanted) method = name && strncmp(name, "\"method\"", 8) == 0;
    else if (*p == '"') {
      name = p;
      for (p++; p < end && *p != '"'; p++)
        if (*p == '\\') p++;
      if (method && depth == wanted && p - name == 10 && strncmp(name, "\"interrupt\"", 11) == 0)
        return true;
    }
  }
  return false;
}

/* Another message; text NULL: it was too long. Without memory for it the wire ends. */
static void enqueue(const char *text, size_t n) {
  message *m = neap_alloc(sizeof *m + n + 1);
  bool stop = text && asks_to_interrupt(text, text + n);
  pthread_mutex_lock(&wire.lock);
  int64_t number = ++wire.count;
  if (stop) wire.stop_before = number;
  if (m) {
    m->next = NULL;
    m->m = (neap_wire_message){text ? m->text : NULL, n, number};
    if (text) memcpy(m->text, text, n);
    m->text[n] = 0;
    *(wire.last ? &wire.last->next : &wire.first) = m;
    wire.last = m;
  } else wire.ended = true;
  pthread_cond_signal(&wire.arrived);
  pthread_mutex_unlock(&wire.lock);
  if (stop) wire.interrupt();
}

static void end_of_input(bool gone) {
  pthread_mutex_lock(&wire.lock);
  wire.ended = true;
  if (gone) wire.stop_before = INT64_MAX;
  pthread_cond_signal(&wire.arrived);
  pthread_mutex_unlock(&wire.lock);
  if (gone) wire.interrupt();
}

typedef struct {
  char *data;
  size_t n, room;
  bool too_long; /* the rest of the line is not kept */
} line;

static void add(line *l, const char *data, size_t n) {
  l->too_long |= l->n + n > NEAP_WIRE_LONGEST;
  if (l->too_long || n == 0) return;
  if (l->n + n > l->room) {
    size_t room = 2 * (l->n + n) + PIECE;
    char *grown = neap_realloc_array(l->data, (int64_t)room, 1);
    if (!grown) {
      l->too_long = true;
      return;
    }
    l->data = grown;
    l->room = room;
  }
  memcpy(l->data + l->n, data, n);
  l->n += n;
}

static void finish(line *l) {
  if (l->too_long) enqueue(NULL, 0);
  else enqueue(l->data ? l->data : "", l->n);
  l->n = 0;
  l->too_long = false;
}

static void take_lines(line *l, const char *data, size_t n) {
  const char *end = data + n, *stop;
  while ((stop = memchr(data, '\n', (size_t)(end - data)))) {
    add(l, data, (size_t)(stop - data));
    finish(l);
    data = stop + 1;
  }
  add(l, data, (size_t)(end - data));
}

/* Waits for input. False: there is none to come; gone when nobody would read an answer either. */
static bool input_waits(bool *open, bool *gone) {
  struct pollfd p[3] = {{.fd = wire.poke_reader[0], .events = POLLIN},
                        {.fd = wire.out, .events = 0},
                        {.fd = *open ? wire.in : -1, .events = POLLIN}};
  while (poll(p, 3, -1) < 0)
    if (errno != EINTR) return false;
  *gone = (p[1].revents & POLLERR) != 0;
  return !p[0].revents && !*gone;
}

static void *read_input(void *unused) {
  static char piece[PIECE];
  line l = {0};
  bool open = true, gone = false;
  while (input_waits(&open, &gone)) { /* after the end, only for the front end to go */
    ssize_t n = read(wire.in, piece, sizeof piece);
    if (n > 0) take_lines(&l, piece, (size_t)n);
    else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
      if (l.n || l.too_long) finish(&l);
      end_of_input(false);
      open = false;
    }
  }
  if (gone) end_of_input(true);
  neap_free(l.data);
  return unused;
}

bool neap_wire_read(neap_wire_message *m) {
  pthread_mutex_lock(&wire.lock);
  neap_free(wire.current);
  while (!wire.first && !wire.ended) pthread_cond_wait(&wire.arrived, &wire.lock);
  wire.current = wire.first;
  if (wire.first) {
    *m = wire.first->m;
    wire.first = wire.first->next;
    if (!wire.first) wire.last = NULL;
  }
  pthread_mutex_unlock(&wire.lock);
  return wire.current != NULL;
}

bool neap_wire_stopped(int64_t number) {
  pthread_mutex_lock(&wire.lock);
  bool stopped = number < wire.stop_before;
  pthread_mutex_unlock(&wire.lock);
  return stopped;
}

/* what goes out -------------------------------------------------------------------------------- */

/* Bytes at the end that are the begin of a character of UTF-8. */
static size_t unfinished(const char *data, size_t n) {
  for (size_t back = 1; back <= TAIL && back <= n; back++) {
    unsigned char c = (unsigned char)data[n - back];
    if (c < 0x80) return 0;
    if (c >= 0xc0) return back < (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : 2u) ? back : 0;
  }
  return 0;
}

static void send_printed(const printed *p, size_t n) {
  neap_text t = {0};
  pthread_mutex_lock(&wire.writing);
  neap_text_put(&t, "{\"jsonrpc\":\"2.0\",\"method\":\"output\",\"params\":{\"id\":");
  neap_text_put(&t, wire.label.n ? wire.label.data : "null");
  neap_text_format(&t, ",\"stream\":\"%s\",\"text\":", p->name);
  neap_text_json(&t, p->data, n);
  neap_text_put(&t, "}}\n");
  if (!t.failed) write_all(t.data, t.n);
  pthread_mutex_unlock(&wire.writing);
  neap_text_drop(&t);
}

/* Send a piece of what was printed; all sends the begin of a character too. False: there is none.
 */
static bool forward(printed *p, bool all) {
  ssize_t got = read(p->from, p->data + p->n, PIECE);
  if (got <= 0 && !(all && p->n)) return false;
  size_t n = p->n + (got > 0 ? (size_t)got : 0), kept = got > 0 ? unfinished(p->data, n) : 0;
  if (n > kept) send_printed(p, n - kept);
  memmove(p->data, p->data + n - kept, kept);
  p->n = kept;
  return true;
}

static void drain(int64_t number) {
  for (int i = 0; i < 2; i++) { /* one piece is all that a pipe holds; a child may print for ever */
    forward(&wire.printed[i], false);
    forward(&wire.printed[i], true);
  }
  pthread_mutex_lock(&wire.lock);
  wire.drains_done = number;
  pthread_cond_signal(&wire.drained);
  pthread_mutex_unlock(&wire.lock);
}

/* A byte on the poke pipe asks for a drain; its end, for the end. */
static void *send_prints(void *unused) {
  struct pollfd p[3] = {{.fd = wire.printed[0].from, .events = POLLIN},
                        {.fd = wire.printed[1].from, .events = POLLIN},
                        {.fd = wire.poke_printer[0], .events = POLLIN}};
  for (;;) {
    if (poll(p, 3, -1) < 0 && errno != EINTR) break;
    for (int i = 0; i < 2; i++)
      if (p[i].revents) forward(&wire.printed[i], false);
    if (!p[2].revents) continue;
    char byte;
    if (read(wire.poke_printer[0], &byte, 1) <= 0) break;
    pthread_mutex_lock(&wire.lock);
    int64_t number = wire.drains_wanted;
    pthread_mutex_unlock(&wire.lock);
    drain(number);
  }
  return unused;
}

static void wait_for_prints(void) {
  fflush(stdout);
  fflush(stderr);
  pthread_mutex_lock(&wire.lock);
  int64_t number = ++wire.drains_wanted;
  while (write(wire.poke_printer[1], "", 1) < 0 && errno == EINTR) continue;
  while (wire.drains_done < number) pthread_cond_wait(&wire.drained, &wire.lock);
  pthread_mutex_unlock(&wire.lock);
}

void neap_wire_write(const char *text, size_t n) {
  wait_for_prints();
  pthread_mutex_lock(&wire.writing);
  write_all(text, n);
  write_all("\n", 1);
  pthread_mutex_unlock(&wire.writing);
}

bool neap_wire_label(const char *id) {
  pthread_mutex_lock(&wire.writing);
  neap_text_drop(&wire.label);
  neap_text_put(&wire.label, id);
  bool good = !wire.label.failed;
  pthread_mutex_unlock(&wire.writing);
  return good;
}

/* opening and closing -------------------------------------------------------------------------- */

static bool take_over(int fd, printed *p, const char *name) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  p->from = ends[0];
  p->name = name;
  p->n = 0;
  bool good = dup2(ends[1], fd) == fd;
  close(ends[1]);
  return good;
}

static bool redirect(void) {
  fflush(stdout);
  for (int fd = 0; fd < 3; fd++) wire.saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  wire.in = wire.saved[0];
  wire.out = wire.saved[1];
  int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  bool good = wire.in >= 0 && wire.out >= 0 && nothing >= 0 && dup2(nothing, 0) == 0 &&
              pipe2(wire.poke_reader, O_CLOEXEC) == 0 && pipe2(wire.poke_printer, O_CLOEXEC) == 0 &&
              take_over(1, &wire.printed[0], "stdout") && take_over(2, &wire.printed[1], "stderr");
  if (nothing >= 0) close(nothing);
  setvbuf(stdout, NULL, _IOLBF, 0); /* a line is seen when it is written */
  return good;
}

bool neap_wire_open(void (*interrupt)(void)) {
  wire.interrupt = interrupt;
  if (!redirect()) return false;
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old); /* signals belong to the main thread */
  bool good = pthread_create(&wire.reader, NULL, read_input, NULL) == 0 &&
              pthread_create(&wire.printer, NULL, send_prints, NULL) == 0;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return good;
}

static void stop(pthread_t thread, int poke[2]) {
  close(poke[1]);
  pthread_join(thread, NULL);
  close(poke[0]);
}

void neap_wire_close(void) {
  wait_for_prints();
  stop(wire.reader, wire.poke_reader);
  stop(wire.printer, wire.poke_printer);
  for (int fd = 0; fd < 3; fd++) {
    if (wire.saved[fd] < 0) continue;
    dup2(wire.saved[fd], fd);
    close(wire.saved[fd]);
  }
  close(wire.printed[0].from);
  close(wire.printed[1].from);
  neap_free(wire.current);
  while (wire.first) {
    message *m = wire.first;
    wire.first = m->next;
    neap_free(m);
  }
  neap_text_drop(&wire.label);
}
