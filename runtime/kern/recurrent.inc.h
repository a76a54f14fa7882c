/* recurrent.inc.h — the cells of recurrent.h for one dtype: T, E (vec.h's suffix), WIDTH_OF, NAME.
 * Every cell is written for the lanes [i, i + n) of one row; with a whole register of them the
 * compiler knows n. */

#define V E(vec)

static ALWAYS_INLINE V NAME(get)(const T *p, int64_t n) {
  return n == WIDTH_OF ? E(load)(p) : E(load_some)(p, n);
}
static ALWAYS_INLINE void NAME(put)(T *p, V v, int64_t n) {
  if (n == WIDTH_OF) E(store)(p, v);
  else E(store_some)(p, v, n);
}
static ALWAYS_INLINE void NAME(more)(T *p, V v, int64_t n) { NAME(put)(p, NAME(get)(p, n) + v, n); }

/* Row r of an array of rows, or of an array of pointers that may be missing. */
static ALWAYS_INLINE T *NAME(row)(void *p, int64_t r, int64_t length) {
  return p ? (T *)p + r * length : NULL;
}
static ALWAYS_INLINE T *NAME(at)(void *const *p, int64_t r) { return p ? p[r] : NULL; }
static ALWAYS_INLINE const T *NAME(from)(const void *const *p, int64_t r) {
  return p ? p[r] : NULL;
}

/* What the forward step of one row reads and writes; u: units. */
typedef struct {
  int64_t u;
  const T *a, *b, *bias;
  T *h, *c, *y, *kept;
} NAME(ahead);

static ALWAYS_INLINE V NAME(sum)(const NAME(ahead) * s, int64_t gate, int64_t i, int64_t n) {
  int64_t at = gate * s->u + i;
  return NAME(get)(s->a + at, n) + NAME(get)(s->b + at, n) + NAME(get)(s->bias + at, n);
}

static ALWAYS_INLINE void NAME(give)(const NAME(ahead) * s, V h, int64_t i, int64_t n) {
  NAME(put)(s->h + i, h, n);
  if (s->y) NAME(put)(s->y + i, h, n);
}

/* All but the last line, which waits long for its c: until all units have come so far, h holds o.
 */
static ALWAYS_INLINE void NAME(lstm_ahead)(const NAME(ahead) * s, int64_t i, int64_t n) {
  int64_t u = s->u;
  V in = E(vec_sigmoid)(NAME(sum)(s, 0, i, n)), forget = E(vec_sigmoid)(NAME(sum)(s, 1, i, n));
  V g = E(vec_tanh)(NAME(sum)(s, 2, i, n)), out = E(vec_sigmoid)(NAME(sum)(s, 3, i, n));
  V c = E(fused)(forget, NAME(get)(s->c + i, n), in * g);
  if (s->kept) {
    T *k = s->kept + i;
    NAME(put)(k, in, n);
    NAME(put)(k + u, forget, n);
    NAME(put)(k + 2 * u, g, n);
    NAME(put)(k + 3 * u, out, n);
    NAME(put)(k + 4 * u, c, n);
    NAME(put)(k + 5 * u, NAME(get)(s->h + i, n), n);
  }
  NAME(put)(s->c + i, c, n);
  NAME(put)(s->h + i, out, n);
}

static ALWAYS_INLINE void NAME(lstm_end)(const NAME(ahead) * s, int64_t i, int64_t n) {
  V out = NAME(get)(s->h + i, n);
  NAME(give)(s, out * E(vec_tanh)(NAME(get)(s->c + i, n)), i, n);
}

static ALWAYS_INLINE void NAME(gru_ahead)(const NAME(ahead) * s, int64_t i, int64_t n) {
  int64_t u = s->u;
  V r = E(vec_sigmoid)(NAME(sum)(s, 0, i, n)), z = E(vec_sigmoid)(NAME(sum)(s, 1, i, n));
  V b = NAME(get)(s->b + 2 * u + i, n) + NAME(get)(s->bias + 3 * u + i, n);
  V a = NAME(get)(s->a + 2 * u + i, n) + NAME(get)(s->bias + 2 * u + i, n);
  V g = E(vec_tanh)(E(fused)(r, b, a)), before = NAME(get)(s->h + i, n);
  if (s->kept) {
    T *k = s->kept + i;
    NAME(put)(k, r, n);
    NAME(put)(k + u, z, n);
    NAME(put)(k + 2 * u, g, n);
    NAME(put)(k + 3 * u, b, n);
    NAME(put)(k + 4 * u, before, n);
  }
  NAME(give)(s, E(fused)(z, before - g, g), i, n);
}

static ALWAYS_INLINE void NAME(rnn_ahead)(const NAME(ahead) * s, int64_t i, int64_t n, bool relu) {
  V sum = NAME(sum)(s, 0, i, n), none = E(all_of)(0);
  V h = relu ? E(choose)(E(below)(sum, none), none, sum) : E(vec_tanh)(sum);
  if (s->kept) {
    NAME(put)(s->kept + i, h, n);
    NAME(put)(s->kept + s->u + i, NAME(get)(s->h + i, n), n);
  }
  NAME(give)(s, h, i, n);
}

static ALWAYS_INLINE void NAME(some_ahead)(neap_cell cell, const NAME(ahead) * s, int64_t i,
                                           int64_t n) {
  if (cell == NEAP_LSTM) NAME(lstm_ahead)(s, i, n);
  else if (cell == NEAP_GRU) NAME(gru_ahead)(s, i, n);
  else NAME(rnn_ahead)(s, i, n, cell == NEAP_RNN_RELU);
}

static ALWAYS_INLINE void NAME(rows_ahead)(neap_cell cell, const neap_cell_step *p) {
  int64_t u = p->units, gates = neap_cell_size[cell].gates;
  for (int64_t r = 0; r < p->rows; r++) {
    NAME(ahead)
    s = {.u = u,
         .a = (const T *)p->a + r * gates * u,
         .b = (const T *)p->b + r * gates * u,
         .bias = p->bias,
         .h = NAME(row)(p->h, r, u),
         .c = NAME(row)(p->c, r, u),
         .y = NAME(at)(p->y, r),
         .kept = NAME(at)(p->kept, r)};
    int64_t i = 0;
    IVDEP for (; i + WIDTH_OF <= u; i += WIDTH_OF) NAME(some_ahead)(cell, &s, i, WIDTH_OF);
    if (i < u) NAME(some_ahead)(cell, &s, i, u - i);
    if (cell != NEAP_LSTM) continue;
    i = 0;
    IVDEP for (; i + WIDTH_OF <= u; i += WIDTH_OF) NAME(lstm_end)(&s, i, WIDTH_OF);
    if (i < u) NAME(lstm_end)(&s, i, u - i);
  }
}

/* The same backwards. */
typedef struct {
  int64_t u, next;
  const T *kept, *c_before, *dy;
  T *dh, *dc, *db, *da, *bias;
} NAME(back);

/* The gradient before gate number k: of a, and, being the same, of b. */
static ALWAYS_INLINE void NAME(give_back)(const NAME(back) * s, int64_t k, V d, int64_t i,
                                          int64_t n) {
  int64_t at = k * s->u + i;
  NAME(put)(s->db + at, d, n);
  NAME(put)(s->da + at, d, n);
  NAME(more)(s->bias + at, d, n);
}

static ALWAYS_INLINE V NAME(arriving)(const NAME(back) * s, int64_t i, int64_t n) {
  V d = NAME(get)(s->dh + i, n);
  if (s->dy) d = d + NAME(get)(s->dy + i, n);
  return d;
}

static ALWAYS_INLINE void NAME(lstm_back)(const NAME(back) * s, int64_t i, int64_t n) {
  int64_t u = s->u;
  const T *k = s->kept + i;
  V in = NAME(get)(k, n), forget = NAME(get)(k + u, n), g = NAME(get)(k + 2 * u, n);
  V out = NAME(get)(k + 3 * u, n), t = E(vec_tanh)(NAME(get)(k + 4 * u, n));
  V one = E(all_of)(1), dh = NAME(arriving)(s, i, n);
  V dc = E(fused)(dh * out, one - t * t, NAME(get)(s->dc + i, n));
  NAME(give_back)(s, 0, dc * g * (in * (one - in)), i, n);
  NAME(give_back)(s, 1, dc * NAME(get)(s->c_before + i, n) * (forget * (one - forget)), i, n);
  NAME(give_back)(s, 2, dc * in * (one - g * g), i, n);
  NAME(give_back)(s, 3, dh * t * (out * (one - out)), i, n);
  NAME(put)(s->dc + i, dc * forget, n);
}

static ALWAYS_INLINE void NAME(gru_back)(const NAME(back) * s, int64_t i, int64_t n) {
  int64_t u = s->u;
  const T *k = s->kept + i;
  V r = NAME(get)(k, n), z = NAME(get)(k + u, n), g = NAME(get)(k + 2 * u, n);
  V b = NAME(get)(k + 3 * u, n), before = NAME(get)(k + 4 * u, n);
  V one = E(all_of)(1), dh = NAME(arriving)(s, i, n);
  V da = dh * (one - z) * (one - g * g), db = da * r;
  NAME(give_back)(s, 0, da * b * (r * (one - r)), i, n);
  NAME(give_back)(s, 1, dh * (before - g) * (z * (one - z)), i, n);
  NAME(put)(s->da + 2 * u + i, da, n);
  NAME(more)(s->bias + 2 * u + i, da, n);
  NAME(put)(s->db + 2 * u + i, db, n);
  NAME(put)(s->da + 3 * u + i, db, n);
  NAME(more)(s->bias + 3 * u + i, db, n);
  NAME(put)(s->dh + i, dh * z, n);
}

static ALWAYS_INLINE void NAME(rnn_back)(const NAME(back) * s, int64_t i, int64_t n, bool relu) {
  V h = NAME(get)(s->kept + i, n), none = E(all_of)(0), dh = NAME(arriving)(s, i, n);
  V d = dh * (E(all_of)(1) - h * h);
  if (relu) d = E(choose)(E(equal)(h, none), none, dh);
  NAME(give_back)(s, 0, d, i, n);
}

/* What was kept of a long sequence is far away, and too many arrays are read at once for the
 * processor to see what comes next. */
static ALWAYS_INLINE void NAME(some_back)(neap_cell cell, const NAME(back) * s, int64_t i,
                                          int64_t n) {
  if (WIDTH_OF > 1)
    for (int64_t k = 0; k < neap_cell_size[cell].kept; k++)
      __builtin_prefetch(s->kept + s->next + k * s->u + i, 0, 2);
  if (cell == NEAP_LSTM) NAME(lstm_back)(s, i, n);
  else if (cell == NEAP_GRU) NAME(gru_back)(s, i, n);
  else NAME(rnn_back)(s, i, n, cell == NEAP_RNN_RELU);
}

static ALWAYS_INLINE void NAME(rows_back)(neap_cell cell, const neap_cell_back *p) {
  int64_t u = p->units, gates = neap_cell_size[cell].gates;
  for (int64_t r = 0; r < p->rows; r++) {
    NAME(back)
    s = {.u = u,
         .next = p->next,
         .kept = NAME(from)(p->kept, r),
         .c_before = NAME(from)(p->c_before, r),
         .dy = NAME(from)(p->dy, r),
         .dh = NAME(row)(p->dh, r, u),
         .dc = NAME(row)(p->dc, r, u),
         .db = NAME(row)(p->db, r, gates * u),
         .da = NAME(at)(p->da, r),
         .bias = p->bias};
    int64_t i = 0;
    IVDEP for (; i + WIDTH_OF <= u; i += WIDTH_OF) NAME(some_back)(cell, &s, i, WIDTH_OF);
    if (i < u) NAME(some_back)(cell, &s, i, u - i);
  }
}

static void NAME(lstm_forward)(const neap_cell_step *p) { NAME(rows_ahead)(NEAP_LSTM, p); }
static void NAME(gru_forward)(const neap_cell_step *p) { NAME(rows_ahead)(NEAP_GRU, p); }
static void NAME(tanh_forward)(const neap_cell_step *p) { NAME(rows_ahead)(NEAP_RNN_TANH, p); }
static void NAME(relu_forward)(const neap_cell_step *p) { NAME(rows_ahead)(NEAP_RNN_RELU, p); }
static void NAME(lstm_backward)(const neap_cell_back *p) { NAME(rows_back)(NEAP_LSTM, p); }
static void NAME(gru_backward)(const neap_cell_back *p) { NAME(rows_back)(NEAP_GRU, p); }
static void NAME(tanh_backward)(const neap_cell_back *p) { NAME(rows_back)(NEAP_RNN_TANH, p); }
static void NAME(relu_backward)(const neap_cell_back *p) { NAME(rows_back)(NEAP_RNN_RELU, p); }

#undef V
