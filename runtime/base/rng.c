#include "base/rng.h"

#include "base/deviate.h"

neap_rng_block neap_rng_block_at(const neap_rng *r, uint64_t index) {
  uint32_t k0 = (uint32_t)r->seed, k1 = (uint32_t)(r->seed >> 32);
  uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32);
  uint32_t c2 = (uint32_t)r->stream, c3 = (uint32_t)(r->stream >> 32);
  for (int round = 0; round < 10; round++) {
    uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
    c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)b;
    c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)a;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return (neap_rng_block){(uint64_t)c1 << 32 | c0, (uint64_t)c3 << 32 | c2};
}

neap_rng neap_rng_make(uint64_t seed) { return (neap_rng){.seed = seed}; }

/* The finaliser of MurmurHash3. */
static uint64_t mixed(uint64_t hash) {
  hash = (hash ^ hash >> 33) * 0xFF51AFD7ED558CCDu;
  hash = (hash ^ hash >> 33) * 0xC4CEB9FE1A85EC53u;
  return hash ^ hash >> 33;
}

neap_rng neap_rng_split(const neap_rng *r, const char *name, size_t length) {
  uint64_t hash = 1469598103934665603u; /* FNV-1a */
  for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)name[i]) * 1099511628211u;
  hash ^= r->stream + 0x9E3779B97F4A7C15u + (hash << 6) + (hash >> 2);
  return (neap_rng){.seed = r->seed, .stream = mixed(hash)};
}

neap_rng neap_rng_sub(const neap_rng *r, uint64_t k) {
  if (k == 0) return *r;
  uint64_t stream = mixed(r->stream + k * 0x9E3779B97F4A7C15u);
  return (neap_rng){.seed = r->seed, .stream = stream, .next = r->next};
}

uint64_t neap_rng_bits_at(const neap_rng *r, uint64_t index) {
  return neap_rng_block_at(r, index).low;
}

double neap_rng_uniform_at(const neap_rng *r, uint64_t index) {
  return unit_of(neap_rng_bits_at(r, index));
}

double neap_rng_normal_at(const neap_rng *r, uint64_t index) {
  neap_rng_block b = neap_rng_block_at(r, index);
  return normal_of(b.low, b.high);
}

/* The upper half of bits * n, tried again where the lower half falls below 2^64 mod n.
 * Source: Lemire, "Fast random integer generation in an interval", 2019. */
uint64_t neap_rng_below_at(const neap_rng *r, uint64_t index, uint64_t n) {
  __extension__ typedef unsigned __int128 wide;
  for (uint64_t attempt = 0;; attempt++) {
    neap_rng sub = neap_rng_sub(r, attempt);
    wide product = (wide)neap_rng_bits_at(&sub, index) * n;
    uint64_t rest = (uint64_t)product;
    if (rest >= n || rest >= -n % n) return (uint64_t)(product >> 64);
  }
}

uint64_t neap_rng_bits(neap_rng *r) { return neap_rng_bits_at(r, r->next++); }
double neap_rng_uniform(neap_rng *r) { return neap_rng_uniform_at(r, r->next++); }
double neap_rng_normal(neap_rng *r) { return neap_rng_normal_at(r, r->next++); }
uint64_t neap_rng_below(neap_rng *r, uint64_t n) { return neap_rng_below_at(r, r->next++, n); }
