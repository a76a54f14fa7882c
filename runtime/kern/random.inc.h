/* random.inc.h — Philox blocks of rng.c for many indices at once, and numbers from them. */

/* As many 64-bit lanes as a register has: PHILOX_LANES, and the product of their low halves. */
#if defined(__AVX512F__)
#define PHILOX_LANES 8
typedef uint64_t philox_word __attribute__((vector_size(64)));
static inline philox_word low_product(philox_word a, philox_word b) {
  return (philox_word)_mm512_mul_epu32((__m512i)a, (__m512i)b);
}
#elif defined(__AVX2__)
#define PHILOX_LANES 4
typedef uint64_t philox_word __attribute__((vector_size(32)));
static inline philox_word low_product(philox_word a, philox_word b) {
  return (philox_word)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}
#else
#define PHILOX_LANES 1
typedef uint64_t philox_word;
static inline philox_word low_product(philox_word a, philox_word b) {
  return (a & 0xffffffffu) * (b & 0xffffffffu);
}
#endif

static inline philox_word in_all_lanes(uint64_t v) { return (philox_word){0} + v; }

/* The four words of a counter are the low halves of the lanes of c[0..3]; what the upper halves
 * hold is of no meaning until the end. */
static inline void philox_blocks(philox_word *c, uint64_t seed) {
  const philox_word one = in_all_lanes(0xD2511F53u), two = in_all_lanes(0xCD9E8D57u);
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    philox_word a = low_product(one, c[0]), b = low_product(two, c[2]);
    c[0] = b >> 32 ^ c[1] ^ in_all_lanes(k0);
    c[1] = b;
    c[2] = a >> 32 ^ c[3] ^ in_all_lanes(k1);
    c[3] = a;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

static void random_blocks(int64_t n, uint64_t *low, uint64_t *high, const neap_rng *r,
                          uint64_t first) {
  uint64_t lanes[PHILOX_LANES];
  philox_word at, step = in_all_lanes(PHILOX_LANES);
  for (int k = 0; k < PHILOX_LANES; k++) lanes[k] = first + (uint64_t)k;
  memcpy(&at, lanes, sizeof at);
  for (int64_t i = 0; i < n; i += PHILOX_LANES, at += step) {
    philox_word c[4];
    c[0] = at;
    c[1] = c[0] >> 32;
    c[2] = in_all_lanes(r->stream);
    c[3] = c[2] >> 32;
    philox_blocks(c, r->seed);
    philox_word x = c[1] << 32 | (c[0] & 0xffffffffu), y = c[3] << 32 | (c[2] & 0xffffffffu);
    memcpy(low + i, &x, sizeof x);
    memcpy(high + i, &y, sizeof y);
  }
}

#define DEVIATE_ARGS                                                                               \
  int64_t n, double *restrict z, const uint64_t *restrict low, const uint64_t *restrict high

static void random_unit(DEVIATE_ARGS) {
  (void)high;
  for (int64_t i = 0; i < n; i++) z[i] = unit_of(low[i]);
}

static void random_short_unit(DEVIATE_ARGS) {
  (void)high;
  for (int64_t i = 0; i < n; i++) z[i] = short_unit_of(low[i]);
}

static void random_exponential(DEVIATE_ARGS) {
  (void)high;
  for (int64_t i = 0; i < n; i++) z[i] = exponential_of(low[i]);
}

static void random_normal(DEVIATE_ARGS) {
  for (int64_t i = 0; i < n; i++) z[i] = normal_of(low[i], high[i]);
}

static void random_student(DEVIATE_ARGS, const double *df, int64_t ds) {
  for (int64_t i = 0; i < n; i++) z[i] = student_of(low[i], high[i], df[i * ds]);
}

/* z += a x, rounded after each step. */
static void random_add_scaled(int64_t n, double *restrict z, double a, const double *restrict x) {
  for (int64_t i = 0; i < n; i++) z[i] = z[i] + a * x[i];
}
