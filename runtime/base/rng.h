/* rng.h — counter-based random numbers: value i of a stream depends on (seed, stream, i) only.
 *
 * Philox 4x32-10 (Salmon, Moraes, Dror, Shaw 2011). There is no hidden global generator: every
 * function takes a neap_rng, which is three plain words that can be saved, compared and copied.
 * Parallel fills give the same bits as serial ones, and streams split by name ("fold/3") do not
 * overlap: their 64-bit stream numbers are hashes of the path of names. */
#ifndef NEAP_BASE_RNG_H
#define NEAP_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint64_t seed, stream;
  uint64_t next; /* index of the next draw */
} neap_rng;

neap_rng neap_rng_make(uint64_t seed);

/* The stream called name below r; does not depend on how much was drawn from r. */
neap_rng neap_rng_split(const neap_rng *r, const char *name, size_t length);

/* Draw number index of the stream, whatever r->next is: 64 random bits, a double in [0, 1) with 53
 * bits, a standard normal deviate (Box-Muller from one block). */
uint64_t neap_rng_bits_at(const neap_rng *r, uint64_t index);
double neap_rng_uniform_at(const neap_rng *r, uint64_t index);
double neap_rng_normal_at(const neap_rng *r, uint64_t index);

/* The next draw; each advances r by exactly one. */
uint64_t neap_rng_bits(neap_rng *r);
double neap_rng_uniform(neap_rng *r);
double neap_rng_normal(neap_rng *r);

/* An integer 0 <= k < n without bias to 2^-64; n > 0. */
uint64_t neap_rng_below(neap_rng *r, uint64_t n);

#endif
