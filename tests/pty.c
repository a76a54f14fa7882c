/* pty DIALOG COMMAND...: runs COMMAND on a pseudo-terminal and talks to it as DIALOG says.
 *
 * DIALOG is a file of lines: "send TEXT" types TEXT, where \n \t \e \\ and \xHH are understood;
 * "expect TEXT" waits until TEXT appears in the output after the last expected one, "within MS
 * TEXT" for that many milliseconds at most, "wait MS" reads nothing for so long. At its end the
 * output is read until the command ends. All output goes to stdout. Exit code: the command's, 128 +
 * signal, or 254 when an expected text does not come within 20 seconds or the time given. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_BYTES = 1 << 20, PATIENCE_MS = 20000, MISSED = 254 };

static struct {
  int fd;
  char text[OUTPUT_BYTES];
  size_t size, seen; /* what lies before seen was matched by an earlier expect */
} output;

static long now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* More output, waiting until deadline at most. False at its end. */
static bool read_some(long deadline) {
  struct pollfd p = {.fd = output.fd, .events = POLLIN};
  long left = deadline - now_ms();
  if (left <= 0 || poll(&p, 1, (int)left) <= 0) return false;
  ssize_t n = read(output.fd, output.text + output.size, sizeof output.text - 1 - output.size);
  if (n <= 0) return false; /* EIO: the other side is closed */
  output.size += (size_t)n;
  return true;
}

static bool expect(const char *text, long patience) {
  long deadline = now_ms() + patience;
  for (;;) {
    char *at = memmem(output.text + output.seen, output.size - output.seen, text, strlen(text));
    if (at) {
      output.seen = (size_t)(at - output.text) + strlen(text);
      return true;
    }
    if (!read_some(deadline)) return false;
  }
}

static void send_text(const char *text) {
  for (; *text; text++) {
    char c = *text;
    if (c == '\\' && text[1]) {
      c = *++text;
      if (c == 'n') c = '\n';
      else if (c == 't') c = '\t';
      else if (c == 'e') c = '\033';
      else if (c == 'x') {
        const char hex[3] = {text[1], text[2], 0};
        c = (char)strtol(hex, NULL, 16);
        text += 2;
      }
    }
    if (write(output.fd, &c, 1) != 1) return;
  }
}

static bool follow(const char *line) {
  long ms = PATIENCE_MS;
  int text = 7;
  if (strncmp(line, "send ", 5) == 0) send_text(line + 5);
  if (strncmp(line, "wait ", 5) == 0) poll(NULL, 0, atoi(line + 5));
  bool expected =
      strncmp(line, "expect ", 7) == 0 || sscanf(line, "within %ld %n", &ms, &text) == 1;
  if (!expected || expect(line + text, ms)) return true;
  fprintf(stderr, "pty: '%s' did not come in %ld ms\n", line + text, ms);
  return false;
}

static bool hold_dialog(FILE *dialog) {
  char line[4096];
  while (fgets(line, sizeof line, dialog)) {
    line[strcspn(line, "\n")] = 0;
    if (!follow(line)) return false;
  }
  return true;
}

/* Has this machine pseudo-terminals at all? A bare root without /dev/pts has none. */
static int probe(void) {
  int terminal, master;
  if (openpty(&master, &terminal, NULL, NULL, NULL) != 0) return 1;
  close(terminal);
  close(master);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--probe") == 0) return probe();
  FILE *dialog = argc > 2 ? fopen(argv[1], "r") : NULL;
  if (!dialog) {
    fprintf(stderr, "usage: pty DIALOG COMMAND...\n");
    return 2;
  }
  struct winsize size = {.ws_row = 40, .ws_col = 80};
  pid_t child = forkpty(&output.fd, NULL, NULL, &size);
  if (child == 0) {
    signal(SIGINT, SIG_DFL);
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  bool good = child > 0 && hold_dialog(dialog);
  while (good && read_some(now_ms() + PATIENCE_MS)) continue;
  long deadline = now_ms() + PATIENCE_MS;
  int status = 0;
  while (good && waitpid(child, &status, WNOHANG) == 0) {
    if (now_ms() > deadline) good = false;
    poll(NULL, 0, 5);
  }
  if (!good && child > 0) {
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
  }
  fclose(dialog);
  fwrite(output.text, 1, output.size, stdout);
  if (!good) return MISSED;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
