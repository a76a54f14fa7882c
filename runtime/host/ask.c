/* Questions to the terminal, which it answers on standard input. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "host/host.h"

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Do n bytes end in ESC [ ? digits and semicolons c? */
static bool is_told(const char *text, size_t n) {
  if (n < 4 || text[n - 1] != 'c') return false;
  size_t at = n - 1;
  while (at > 0 && strchr("0123456789;", text[at - 1])) at--;
  return at >= 3 && memcmp(text + at - 3, "\033[?", 3) == 0;
}

size_t neap_host_ask(const char *question, int patience, char *answer, size_t room) {
  struct termios before, silent;
  size_t n = 0;
  if (tcgetattr(STDIN_FILENO, &before) != 0) return 0;
  silent = before;
  silent.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* Ctrl-C stays a signal */
  silent.c_cc[VMIN] = 1;
  silent.c_cc[VTIME] = 0;
  if (tcsetattr(STDIN_FILENO, TCSADRAIN, &silent) != 0) return 0;
  size_t length = strlen(question);
  bool asked = write(STDOUT_FILENO, question, length) == (ssize_t)length;
  for (int64_t deadline = now_ms() + patience; asked && n < room && !is_told(answer, n); n++) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int64_t left = deadline - now_ms();
    if (left <= 0 || poll(&input, 1, (int)left) <= 0) break;
    if (read(STDIN_FILENO, answer + n, 1) != 1) break;
  }
  tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
  return n;
}
