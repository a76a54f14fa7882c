/* Runs a fuzz target over the files named on the command line: every committed input stays a test
 * under any compiler, with or without libFuzzer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int replay(const char *path) {
  static uint8_t data[1 << 20];
  FILE *f = fopen(path, "rb");
  if (!f) {
    perror(path);
    return 1;
  }
  size_t n = fread(data, 1, sizeof data, f);
  fclose(f);
  printf("%s: %zu bytes\n", path, n);
  return LLVMFuzzerTestOneInput(data, n);
}

int main(int argc, char **argv) {
  int failed = argc < 2;
  for (int i = 1; i < argc; i++) failed |= replay(argv[i]);
  return failed;
}
