#define _GNU_SOURCE
#include "host/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "base/alloc.h"
#include "host/host.h"

struct neap_edit {
  EditLine *el;
  History *history;
  neap_edit_completer complete;
  void *ctx;
  char prompt[128];
  char *line;
  sigset_t outside; /* signal mask of the caller, while a line is read */
  int input;        /* the terminal, opened so that reading from it never waits; else stdin */
  char ahead[512];  /* keys read before their time, from ahead_at up to ahead_end */
  size_t ahead_at, ahead_end;
};

static char *current_prompt(EditLine *el) {
  neap_edit *e;
  el_get(el, EL_CLIENTDATA, &e);
  return e->prompt;
}

static bool more_is_waiting(const neap_edit *e) {
  if (e->ahead_at < e->ahead_end) return true;
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  return poll(&input, 1, 0) > 0;
}

/* TAB: indents at the start of a line and inside pasted text, else completes. */
static unsigned char on_tab(EditLine *el, int key) {
  (void)key;
  neap_edit *e;
  el_get(el, EL_CLIENTDATA, &e);
  const LineInfo *info = el_line(el);
  size_t n = (size_t)(info->cursor - info->buffer);
  size_t blank = 0;
  while (blank < n && strchr(" \t\n", info->buffer[blank])) blank++;
  if (blank == n || more_is_waiting(e)) {
    el_insertstr(el, "  ");
    return CC_REFRESH;
  }
  char *before = neap_strndup(info->buffer, n);
  if (!before) return CC_ERROR;
  e->complete(e->ctx, e, before);
  neap_free(before);
  return CC_REDISPLAY;
}

/* One byte, waiting for it: 1, 0 at the end of the input, -1 for a Ctrl-C or a failure. SIGINT is
 * blocked but inside ppoll, so that a Ctrl-C cannot slip in between the test for it and the wait.
 * It takes back what was typed before it, so that what ppoll saw may be gone: then there is nothing
 * to read, and ppoll meets the signal. */
static int read_byte(neap_edit *e, char *byte) {
  if (e->ahead_at < e->ahead_end) {
    *byte = e->ahead[e->ahead_at++];
    return 1;
  }
  for (;;) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (ppoll(&input, 1, NULL, &e->outside) < 0)
      if (errno != EINTR || neap_host_press_waits()) return -1;
    ssize_t n = read(e->input, byte, 1);
    if (n >= 0 || errno != EAGAIN) return (int)n;
  }
}

static int read_char(EditLine *el, wchar_t *out) {
  neap_edit *e;
  el_get(el, EL_CLIENTDATA, &e);
  mbstate_t state = {0};
  for (int bytes = 0; bytes < MB_LEN_MAX; bytes++) {
    char byte;
    int n = read_byte(e, &byte);
    if (n <= 0) return n;
    if (byte == 0) byte = 4; /* what a Ctrl-D becomes that was typed before the terminal was raw */
    size_t used = mbrtowc(out, &byte, 1, &state);
    if (used == (size_t)-1) return read_char(el, out); /* not UTF-8: skipped */
    if (used != (size_t)-2) return 1;
  }
  return -1;
}

typedef struct {
  wchar_t *text; /* closed by a zero */
  size_t n, room;
} pasted;

static bool append(pasted *p, wchar_t c) {
  if (p->n + 1 >= p->room) {
    size_t room = p->room ? 2 * p->room : 1024;
    wchar_t *text = neap_realloc_array(p->text, (int64_t)room, sizeof *text);
    if (!text) return false;
    p->text = text;
    p->room = room;
  }
  p->text[p->n++] = c;
  p->text[p->n] = 0;
  return true;
}

/* What follows the mark that begins a paste, up to the one that ends it. */
static bool read_paste(EditLine *el, pasted *p) {
  static const wchar_t end[] = L"\033[201~";
  const size_t marks = sizeof end / sizeof *end - 1;
  wchar_t c, last = 0;
  while (read_char(el, &c) == 1) {
    bool pair = c == L'\n' && last == L'\r';
    last = c;
    if (!pair && !append(p, c == L'\r' ? L'\n' : c)) return false;
    if (p->n >= marks && wmemcmp(p->text + p->n - marks, end, marks) == 0) {
      p->n -= marks;
      while (p->n > 0 && p->text[p->n - 1] == L'\n') p->n--; /* the user presses Enter */
      p->text[p->n] = 0;
      return true;
    }
  }
  return false;
}

/* Pasted text goes into the line as it is, several lines and tabs included. */
static unsigned char on_paste(EditLine *el, int key) {
  (void)key;
  pasted p = {0};
  bool good = read_paste(el, &p) && (p.n == 0 || el_winsertstr(el, p.text) == 0);
  neap_free(p.text);
  return good ? CC_REFRESH : CC_ERROR;
}

/* Ask the terminal to mark the begin and the end of what is pasted. */
static void mark_pastes(bool on) {
  const char *term = getenv("TERM");
  if (!term || strcmp(term, "dumb") == 0) return;
  fputs(on ? "\033[?2004h" : "\033[?2004l", stdout);
  fflush(stdout);
}

static void bind_keys(EditLine *el) {
  static const char *const keys[][2] = {
      {"\t", "neap-complete"},      {"\\e[3~", "ed-delete-next-char"}, {"\\e[H", "ed-move-to-beg"},
      {"\\e[F", "ed-move-to-end"},  {"\\e[1;5C", "em-next-word"},      {"\\e[1;5D", "ed-prev-word"},
      {"^R", "em-inc-search-prev"}, {"\\e[A", "ed-prev-history"},      {"\\e[B", "ed-next-history"},
      {"\\e[200~", "neap-paste"},
  };
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    el_set(el, EL_BIND, keys[i][0], keys[i][1], NULL);
}

static int open_terminal(void) {
  char name[PATH_MAX];
  if (ttyname_r(STDIN_FILENO, name, sizeof name) != 0) return STDIN_FILENO;
  int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  return fd < 0 ? STDIN_FILENO : fd;
}

neap_edit *neap_edit_open(neap_edit_completer complete, void *ctx) {
  setlocale(LC_CTYPE, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
  neap_edit *e = neap_calloc_array(1, sizeof *e);
  if (!e) return NULL;
  e->complete = complete;
  e->ctx = ctx;
  e->input = open_terminal();
  e->history = history_init();
  e->el = el_init("neap", stdin, stdout, stderr);
  if (!e->el || !e->history) {
    neap_edit_close(e);
    return NULL;
  }
  HistEvent event;
  history(e->history, &event, H_SETSIZE, 2000);
  history(e->history, &event, H_SETUNIQUE, 1);
  el_set(e->el, EL_CLIENTDATA, e);
  el_set(e->el, EL_PROMPT_ESC, current_prompt, '\1');
  el_set(e->el, EL_EDITOR, "emacs");
  el_set(e->el, EL_SIGNAL, 0); /* SIGINT is ours; it ends el_gets */
  el_set(e->el, EL_GETCFN, read_char);
  el_set(e->el, EL_HIST, history, e->history);
  el_wset(e->el, EL_ADDFN, L"neap-complete", L"complete a name", on_tab); /* el_set would leak */
  el_wset(e->el, EL_ADDFN, L"neap-paste", L"insert pasted text", on_paste);
  bind_keys(e->el);
  return e;
}

void neap_edit_close(neap_edit *e) {
  if (!e) return;
  if (e->el) el_end(e->el);
  if (e->history) history_end(e->history);
  if (e->input > STDIN_FILENO) close(e->input);
  neap_free(e->line);
  neap_free(e);
}

/* libedit must be told what takes no room on the screen: a \1 on either side of a sequence. */
static void set_prompt(neap_edit *e, const char *prompt) {
  size_t n = 0;
  while (*prompt && n + 1 < sizeof e->prompt) {
    size_t length = *prompt == '\033' ? strcspn(prompt, "m") + 1 : 1;
    int mark = length > 1;
    if (n + length + 2 >= sizeof e->prompt || length > strlen(prompt)) break;
    if (mark) e->prompt[n++] = '\1';
    memcpy(e->prompt + n, prompt, length);
    n += length;
    if (mark) e->prompt[n++] = '\1';
    prompt += length;
  }
  e->prompt[n] = 0;
}

neap_edit_event neap_edit_read(neap_edit *e, const char *prompt, const char **line) {
  set_prompt(e, prompt);
  neap_free(e->line);
  e->line = NULL;
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  pthread_sigmask(SIG_BLOCK, &interrupt, &e->outside);
  neap_host_take_press();
  el_resize(e->el);
  el_set(e->el, EL_PREP_TERM, 1); /* before the prompt shows, or a quick Ctrl-D would be lost */
  int n = 0;
  mark_pastes(true);
  const char *text = el_gets(e->el, &n);
  mark_pastes(false);
  pthread_sigmask(SIG_SETMASK, &e->outside, NULL);
  if (neap_host_take_press()) {
    el_reset(e->el);
    fputs("^C\n", stdout);
    return NEAP_EDIT_INTERRUPTED;
  }
  if (!text || n <= 0) return NEAP_EDIT_END;
  size_t size = strlen(text);
  if (size && text[size - 1] == '\n') size--;
  e->line = neap_strndup(text, size);
  *line = e->line;
  return e->line ? NEAP_EDIT_LINE : NEAP_EDIT_END;
}

void neap_edit_unread(neap_edit *e, const char *keys, size_t n) {
  e->ahead_end -= e->ahead_at;
  memmove(e->ahead, e->ahead + e->ahead_at, e->ahead_end);
  e->ahead_at = 0;
  size_t room = sizeof e->ahead - e->ahead_end;
  if (n > room) n = room;
  memcpy(e->ahead + e->ahead_end, keys, n);
  e->ahead_end += n;
}

void neap_edit_remember(neap_edit *e, const char *text) {
  HistEvent event;
  history(e->history, &event, H_ENTER, text);
}

void neap_edit_insert(neap_edit *e, const char *text) { el_insertstr(e->el, text); }

void neap_edit_show(neap_edit *e, const char *text) {
  (void)e;
  printf("\n%s\n", text);
  fflush(stdout);
}
