/* rng.h — counter-based random numbers: value i of a stream depends on (seed, stream, i) only.
 *
 * Philox 4x32-10 (Salmon, Moraes, Dror, Shaw 2011). There is no hidden global generator: every
 * function takes a neap_rng, which is three plain words that can be saved, compared and copied.
 * Parallel fills give the same bits as serial ones, and streams split by name ("fold/3") do not
 * overlap: their 64-bit stream numbers are hashes of the path of names.
 *
 * What needs more than the 128 bits of its draw (a rejected attempt tries again) takes draws of the
 * same index from substreams 1, 2, ..., so that it too advances the stream by one. */
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

/* Substream number k of r: r itself for 0, else a stream whose number is a hash of both. */
neap_rng neap_rng_sub(const neap_rng *r, uint64_t k);

/* Draw number index of the stream, whatever r->next is: a block of 128 random bits, its low half, a
 * double in [0, 1) with 53 bits, a standard normal deviate (Box-Muller from one block), an integer
 * 0 <= k < n without bias (n > 0). */
typedef struct {
  uint64_t low, high;
} neap_rng_block;
neap_rng_block neap_rng_block_at(const neap_rng *r, uint64_t index);
uint64_t neap_rng_bits_at(const neap_rng *r, uint64_t index);
double neap_rng_uniform_at(const neap_rng *r, uint64_t index);
double neap_rng_normal_at(const neap_rng *r, uint64_t index);
uint64_t neap_rng_below_at(const neap_rng *r, uint64_t index, uint64_t n);

/* The next draw; each advances r by exactly one. */
uint64_t neap_rng_bits(neap_rng *r);
double neap_rng_uniform(neap_rng *r);
double neap_rng_normal(neap_rng *r);
uint64_t neap_rng_below(neap_rng *r, uint64_t n);

#endif
