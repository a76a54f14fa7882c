/* CRC-32 by carry-less products, where the processor has them: four blocks of 16 bytes are carried
 * over the next four at a time. Gopal et al., "Fast CRC computation for generic polynomials using
 * PCLMULQDQ", Intel 2009; the constants are x^(512 +- 32) and x^(128 +- 32) modulo zlib's
 * polynomial, in the order of bits that zlib uses. */
#include <zlib.h>

#include "tensor/archive.h"

static uint32_t by_zlib(uint32_t crc, const unsigned char *p, size_t n) {
  for (size_t k; n; p += k, n -= k) { /* zlib counts in 32 bits */
    k = n < (1u << 30) ? n : 1u << 30;
    crc = (uint32_t)crc32(crc, p, (uInt)k);
  }
  return crc;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define WITH_PRODUCTS __attribute__((target("pclmul,sse2")))

WITH_PRODUCTS static inline __m128i carried(__m128i x, __m128i far, __m128i onto) {
  __m128i low = _mm_clmulepi64_si128(x, far, 0x00), high = _mm_clmulepi64_si128(x, far, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), onto);
}

/* n: 64 at least. */
WITH_PRODUCTS static uint32_t by_products(uint32_t crc, const unsigned char *p, size_t n) {
  const __m128i far = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
  const __m128i near = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
  const __m128i *in = (const void *)p;
  __m128i x[4];
  for (int i = 0; i < 4; i++) x[i] = _mm_loadu_si128(in++);
  x[0] = _mm_xor_si128(x[0], _mm_cvtsi32_si128((int)~crc));
  for (n -= 64; n >= 64; n -= 64)
    for (int i = 0; i < 4; i++) x[i] = carried(x[i], far, _mm_loadu_si128(in++));
  for (int i = 1; i < 4; i++) x[0] = carried(x[0], near, x[i]);
  for (; n >= 16; n -= 16) x[0] = carried(x[0], near, _mm_loadu_si128(in++));
  unsigned char last[16];
  _mm_storeu_si128((__m128i *)(void *)last, x[0]);
  return by_zlib(by_zlib(0xffffffffu, last, 16), (const unsigned char *)in, n);
}

uint32_t neap__crc32(uint32_t crc, const void *data, size_t n) {
  bool fast = n >= 64 && __builtin_cpu_supports("pclmul");
  return fast ? by_products(crc, data, n) : by_zlib(crc, data, n);
}
#else
uint32_t neap__crc32(uint32_t crc, const void *data, size_t n) { return by_zlib(crc, data, n); }
#endif
