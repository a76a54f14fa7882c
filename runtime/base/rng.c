#include "base/rng.h"

#include <math.h>

typedef struct {
  uint32_t v[4];
} block;

static block philox(uint64_t key, uint64_t hi, uint64_t lo) {
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  block c = {{(uint32_t)lo, (uint32_t)(lo >> 32), (uint32_t)hi, (uint32_t)(hi >> 32)}};
  for (int round = 0; round < 10; round++) {
    uint64_t a = (uint64_t)0xD2511F53u * c.v[0], b = (uint64_t)0xCD9E8D57u * c.v[2];
    c = (block){{(uint32_t)(b >> 32) ^ c.v[1] ^ k0, (uint32_t)b, (uint32_t)(a >> 32) ^ c.v[3] ^ k1,
                 (uint32_t)a}};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

static double to_unit(uint64_t bits) { return (double)(bits >> 11) * 0x1p-53; }
static uint64_t low_half(block b) { return (uint64_t)b.v[1] << 32 | b.v[0]; }
static uint64_t high_half(block b) { return (uint64_t)b.v[3] << 32 | b.v[2]; }

neap_rng neap_rng_make(uint64_t seed) { return (neap_rng){.seed = seed}; }

neap_rng neap_rng_split(const neap_rng *r, const char *name, size_t length) {
  uint64_t hash = 1469598103934665603u; /* FNV-1a, then the finaliser of MurmurHash3 */
  for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)name[i]) * 1099511628211u;
  hash ^= r->stream + 0x9E3779B97F4A7C15u + (hash << 6) + (hash >> 2);
  hash = (hash ^ hash >> 33) * 0xFF51AFD7ED558CCDu;
  hash = (hash ^ hash >> 33) * 0xC4CEB9FE1A85EC53u;
  return (neap_rng){.seed = r->seed, .stream = hash ^ hash >> 33};
}

uint64_t neap_rng_bits_at(const neap_rng *r, uint64_t index) {
  return low_half(philox(r->seed, r->stream, index));
}

double neap_rng_uniform_at(const neap_rng *r, uint64_t index) {
  return to_unit(neap_rng_bits_at(r, index));
}

double neap_rng_normal_at(const neap_rng *r, uint64_t index) {
  block b = philox(r->seed, r->stream, index);
  double u = 1.0 - to_unit(low_half(b)), angle = 6.283185307179586 * to_unit(high_half(b));
  return sqrt(-2.0 * log(u)) * cos(angle);
}

uint64_t neap_rng_bits(neap_rng *r) { return neap_rng_bits_at(r, r->next++); }
double neap_rng_uniform(neap_rng *r) { return neap_rng_uniform_at(r, r->next++); }
double neap_rng_normal(neap_rng *r) { return neap_rng_normal_at(r, r->next++); }

uint64_t neap_rng_below(neap_rng *r, uint64_t n) {
  __extension__ typedef unsigned __int128 wide;
  return (uint64_t)((wide)neap_rng_bits(r) * n >> 64);
}
