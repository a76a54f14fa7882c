#include <pthread.h>
#include <string.h>

#include "store/store.h"

/* table[k][b]: what byte b does to the sum k bytes later, so that eight go at a time. */
static uint32_t table[8][256];

static void make_table(void) {
  for (uint32_t b = 0; b < 256; b++) {
    uint32_t c = b;
    for (int bit = 0; bit < 8; bit++) c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
    table[0][b] = c;
  }
  for (int k = 1; k < 8; k++)
    for (int b = 0; b < 256; b++)
      table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
}

uint32_t neap_crc32c_table(const void *data, size_t n) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_table);
  const unsigned char *p = data;
  uint32_t c = 0xffffffffu;
  for (; n >= 8; p += 8, n -= 8) {
    c ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    c = table[7][c & 255] ^ table[6][c >> 8 & 255] ^ table[5][c >> 16 & 255] ^ table[4][c >> 24] ^
        table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
  }
  for (; n; p++, n--) c = c >> 8 ^ table[0][(c ^ *p) & 255];
  return ~c;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t by_instruction(const unsigned char *p, size_t n) {
  uint64_t c = 0xffffffffu, word;
  for (; n >= 8; p += 8, n -= 8) {
    memcpy(&word, p, 8);
    c = _mm_crc32_u64(c, word);
  }
  for (; n; p++, n--) c = _mm_crc32_u8((uint32_t)c, *p);
  return ~(uint32_t)c;
}

uint32_t neap_crc32c(const void *data, size_t n) {
  return __builtin_cpu_supports("sse4.2") ? by_instruction(data, n) : neap_crc32c_table(data, n);
}
#else
uint32_t neap_crc32c(const void *data, size_t n) { return neap_crc32c_table(data, n); }
#endif
