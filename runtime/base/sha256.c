#include "base/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/interrupt.h"

/* FIPS 180-4, section 4.2.2: the fractions of the cube roots of the first 64 primes. */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

static uint32_t big_endian(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The message schedule of section 6.2.2, step 1. */
static void schedule(uint32_t w[64], const uint8_t *block) {
  for (int t = 0; t < 16; t++) w[t] = big_endian(block + 4 * t);
  for (int t = 16; t < 64; t++) {
    uint32_t a = w[t - 15], b = w[t - 2];
    uint32_t s0 = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3;
    uint32_t s1 = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10;
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
}

/* One round of section 6.2.2, step 3. Instead of moving the eight variables on by one place, eight
 * calls in turn name them one place further. */
static inline void step(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f,
                        uint32_t g, uint32_t *h, uint32_t kw) {
  uint32_t t1 = *h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) + kw;
  uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));
  *d += t1;
  *h = t1 + t2;
}

static void compress(uint32_t state[8], const uint8_t *block) {
  uint32_t w[64];
  schedule(w, block);
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  for (int t = 0; t < 64; t += 8) {
    step(a, b, c, &d, e, f, g, &h, K[t] + w[t]);
    step(h, a, b, &c, d, e, f, &g, K[t + 1] + w[t + 1]);
    step(g, h, a, &b, c, d, e, &f, K[t + 2] + w[t + 2]);
    step(f, g, h, &a, b, c, d, &e, K[t + 3] + w[t + 3]);
    step(e, f, g, &h, a, b, c, &d, K[t + 4] + w[t + 4]);
    step(d, e, f, &g, h, a, b, &c, K[t + 5] + w[t + 5]);
    step(c, d, e, &f, g, h, a, &b, K[t + 6] + w[t + 6]);
    step(b, c, d, &e, f, g, h, &a, K[t + 7] + w[t + 7]);
  }
  const uint32_t s[8] = {a, b, c, d, e, f, g, h};
  for (int i = 0; i < 8; i++) state[i] += s[i];
}

void neap__sha256_blocks_plain(uint32_t state[8], const uint8_t *blocks, size_t n) {
  for (; n > 0; n--, blocks += 64) compress(state, blocks);
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

/* Leaf 7, EBX bit 29 is SHA; the shuffles need SSSE3 and SSE4.1 (leaf 1, ECX bits 9 and 19). */
static bool has_instructions(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 9 & 1) || !(c >> 19 & 1)) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b >> 29 & 1;
}

#define WITH_SHA __attribute__((target("sha,ssse3,sse4.1")))

typedef struct {
  __m128i abef, cdgh, w[4]; /* words of the state from high to low; the last 16 of the schedule */
} lane;

WITH_SHA static inline __m128i load(const void *p) { return _mm_loadu_si128(p); }

WITH_SHA static inline lane lane_of(const uint32_t state[8]) {
  __m128i low = _mm_shuffle_epi32(load(state), 0xb1),
          high = _mm_shuffle_epi32(load(state + 4), 0x1b);
  return (lane){.abef = _mm_alignr_epi8(low, high, 8), .cdgh = _mm_blend_epi16(high, low, 0xf0)};
}

WITH_SHA static inline void store_lane(uint32_t state[8], const lane *l) {
  __m128i low = _mm_shuffle_epi32(l->abef, 0x1b), high = _mm_shuffle_epi32(l->cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(low, high, 0xf0));
  _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

/* Rounds 4 t to 4 t + 3 of the block at p. */
WITH_SHA static inline void four_rounds(lane *l, int t, const uint8_t *p) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i *x = &l->w[t & 3], last = l->w[(t + 3) & 3];
  if (t < 4) {
    *x = _mm_shuffle_epi8(load(p + 16 * t), swap);
  } else {
    *x = _mm_sha256msg1_epu32(*x, l->w[(t + 1) & 3]);
    *x = _mm_add_epi32(*x, _mm_alignr_epi8(last, l->w[(t + 2) & 3], 4));
    *x = _mm_sha256msg2_epu32(*x, last);
  }
  __m128i kw = _mm_add_epi32(*x, load(K + 4 * t));
  l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, kw);
  l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(kw, 0x0e));
}

WITH_SHA static void by_instructions(uint32_t state[8], const uint8_t *p, size_t n) {
  lane a = lane_of(state);
  for (; n > 0; n--, p += 64) {
    __m128i abef = a.abef, cdgh = a.cdgh;
#pragma GCC unroll 16
    for (int t = 0; t < 16; t++) four_rounds(&a, t, p);
    a.abef = _mm_add_epi32(a.abef, abef);
    a.cdgh = _mm_add_epi32(a.cdgh, cdgh);
  }
  store_lane(state, &a);
}

/* Each round waits for the one before: two chains side by side fill the waiting. */
WITH_SHA static void pair_by_instructions(uint32_t s[8], const uint8_t *p, uint32_t u[8],
                                          const uint8_t *q, size_t n) {
  lane a = lane_of(s), b = lane_of(u);
  for (; n > 0; n--, p += 64, q += 64) {
    __m128i abef = a.abef, cdgh = a.cdgh, abef2 = b.abef, cdgh2 = b.cdgh;
#pragma GCC unroll 16
    for (int t = 0; t < 16; t++) {
      four_rounds(&a, t, p);
      four_rounds(&b, t, q);
    }
    a.abef = _mm_add_epi32(a.abef, abef);
    a.cdgh = _mm_add_epi32(a.cdgh, cdgh);
    b.abef = _mm_add_epi32(b.abef, abef2);
    b.cdgh = _mm_add_epi32(b.cdgh, cdgh2);
  }
  store_lane(s, &a);
  store_lane(u, &b);
}

static bool use_instructions(void) {
  static atomic_int known; /* 1 yes, 2 no */
  int has = atomic_load_explicit(&known, memory_order_relaxed);
  if (!has) atomic_store_explicit(&known, has = has_instructions() ? 1 : 2, memory_order_relaxed);
  return has == 1;
}
#else
static bool use_instructions(void) { return false; }
static void by_instructions(uint32_t state[8], const uint8_t *p, size_t n) {
  neap__sha256_blocks_plain(state, p, n);
}
static void pair_by_instructions(uint32_t s[8], const uint8_t *p, uint32_t u[8], const uint8_t *q,
                                 size_t n) {
  neap__sha256_blocks_plain(s, p, n);
  neap__sha256_blocks_plain(u, q, n);
}
#endif

void neap__sha256_blocks(uint32_t state[8], const uint8_t *blocks, size_t n) {
  if (use_instructions()) by_instructions(state, blocks, n);
  else neap__sha256_blocks_plain(state, blocks, n);
}

void neap_sha256_pair(const void *a, const void *b, size_t n, uint8_t digest_a[32],
                      uint8_t digest_b[32]) {
  neap_sha256 h, g;
  size_t whole = use_instructions() ? n / 64 * 64 : 0;
  neap_sha256_init(&h);
  neap_sha256_init(&g);
  if (whole) pair_by_instructions(h.state, a, g.state, b, whole / 64);
  h.bytes = g.bytes = whole;
  neap_sha256_add(&h, (const uint8_t *)a + whole, n - whole);
  neap_sha256_add(&g, (const uint8_t *)b + whole, n - whole);
  neap_sha256_end(&h, digest_a);
  neap_sha256_end(&g, digest_b);
}

void neap_sha256_init(neap_sha256 *h) {
  *h = (neap_sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                               0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void neap_sha256_add(neap_sha256 *h, const void *data, size_t n) {
  const uint8_t *p = data;
  size_t filled = h->bytes % 64;
  h->bytes += n;
  if (filled + n >= 64 && filled) {
    memcpy(h->block + filled, p, 64 - filled);
    neap__sha256_blocks(h->state, h->block, 1);
    p += 64 - filled, n -= 64 - filled, filled = 0;
  }
  if (!filled) {
    neap__sha256_blocks(h->state, p, n / 64);
    p += n / 64 * 64, n %= 64;
  }
  if (n) memcpy(h->block + filled, p, n);
}

void neap_sha256_end(neap_sha256 *h, uint8_t digest[32]) {
  static const uint8_t padding[64] = {0x80};
  uint64_t bits = h->bytes * 8;
  uint8_t length[8];
  for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bits >> (56 - 8 * i));
  neap_sha256_add(h, padding, 1 + (119 - h->bytes % 64) % 64);
  neap_sha256_add(h, length, 8);
  for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(h->state[i / 4] >> (24 - 8 * (i % 4)));
}

void neap_sha256_hex(neap_sha256 *h, char text[65]) {
  uint8_t digest[32];
  neap_sha256_end(h, digest);
  for (int i = 0; i < 64; i++) text[i] = "0123456789abcdef"[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
  text[64] = 0;
}

static neap_status add_file(neap_sha256 *h, int fd, const char *path) {
  char buf[16384];
  for (;;) {
    NEAP_TRY(neap_interrupt_check());
    ssize_t n = read(fd, buf, sizeof buf);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return neap__file_fail("read", path, errno);
    if (n == 0) return NEAP_OK;
    neap_sha256_add(h, buf, (size_t)n);
  }
}

neap_status neap_sha256_file(const char *path, char text[65]) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return neap__file_fail("open", path, errno);
  neap_sha256 h;
  neap_sha256_init(&h);
  neap_status st = add_file(&h, fd, path);
  close(fd);
  if (!st) neap_sha256_hex(&h, text);
  return st;
}
