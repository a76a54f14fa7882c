/* run.inc.h — the loop over bars for one indicator: included with NAME, INPUTS and OUTPUTS set,
 * USABLE(bar) too where finite inputs are not enough. Makes NAME_run from NAME_step. The state is
 * a local copy, so that the compiler keeps it in registers. */
#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#ifndef USABLE
#define USABLE(bar) true
#endif
static void JOIN(NAME, _run)(void *state, int64_t n, const double *const *in, double *const *out) {
  JOIN(NAME, _state) s = *(JOIN(NAME, _state) *)state;
  for (int64_t i = 0; i < n; i++) {
    double bar[INPUTS], value[OUTPUTS];
    bool finite = true;
    for (int k = 0; k < INPUTS; k++) {
      bar[k] = in[k][i];
      finite &= isfinite(bar[k]) != 0;
    }
    for (int k = 0; k < OUTPUTS; k++) value[k] = NAN;
    if (finite && USABLE(bar)) JOIN(NAME, _step)(&s, bar, value);
    for (int k = 0; k < OUTPUTS; k++) out[k][i] = value[k];
  }
  *(JOIN(NAME, _state) *)state = s;
}
#undef JOIN
#undef JOIN_
#undef USABLE
#undef NAME
#undef INPUTS
#undef OUTPUTS
