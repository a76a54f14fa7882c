/* Recurrent layers backwards through time: for each group of rows and each step the cell's gradient
 * (kern/recurrent.h) and one product that carries it to the step before. Gradients before the gates
 * of some steps, D, make a block that still is near when the products over its rows follow:
 * dW_ih += D' x, dW_hh += D' h', dx = D W_ih. */
#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "nn/recurrent_group.h"

/* Rows of a block; elements between its rows, so that these do not compete for the same places of a
 * cache; rows of a weight in one product, of a few ms at most. */
enum { BLOCK = 256, ROOM = 16, SLICE = 512 };

/* A group on its way. The block is filled from its end, so that its rows from first on stand as
 * what was kept of them, from row place on; x has the inputs beside, and then dx. wide: elements
 * from row to row of da. panels: room for one operand. Then the state and sums of biases. */
typedef struct {
  const neap__recurrent_backward *b;
  group g;
  int64_t part, first, place, wide;
  char *da, *x, *panels;
  char *db, *dh, *dc, *bias, *zeros;
  int64_t to[BLOCK]; /* row and time, for dx */
  void *da_rows[NEAP_ROWS];
  const void *kept[NEAP_ROWS], *c_before[NEAP_ROWS], *dy[NEAP_ROWS];
} walk;

int64_t neap__recurrent_parts_of(const neap__recurrent_plan *p) {
  int64_t groups = neap__recurrent_groups(p);
  return neap_parallel_chunks(groups, neap_parallel_chunks(groups, NEAP_PARTS));
}

static bool wants_w_ih(const walk *w) { return w->b->dw_ih[w->g.direction][w->part]; }
static bool wants_w_hh(const walk *w) { return w->b->dw_hh[w->g.direction][w->part]; }

static char *kept_at(const walk *w, int64_t place) {
  const neap__recurrent_plan *p = w->b->plan;
  return (char *)w->b->kept[w->g.direction] + place * kept_of(p) * p->each;
}

/* c, m x n, += the transpose of the block's columns from from on times rows z, step apart. */
static neap_status add_weights(walk *w, char *c, int64_t m, int64_t n, int64_t from, const char *z,
                               int64_t step) {
  const neap__recurrent_plan *p = w->b->plan;
  const neap_gemm *g = &w->b->kern->gemm[p->dtype];
  int64_t rows = BLOCK - w->first;
  g->pack(rows, n, w->panels, z, step, 1);
  for (int64_t i = 0; i < m; i += SLICE) {
    NEAP_TRY(neap_interrupt_check());
    g->multiply(at_most(m - i, SLICE), n, rows, c + i * n * p->each, n,
                w->da + (w->first * w->wide + from + i) * p->each, 1, w->wide, w->panels, 0, true);
  }
  return NEAP_OK;
}

/* Rows of dW_hh: those of GRU's last gate come from the gradient of b2, behind those of a. */
static neap_status add_w_hh(walk *w) {
  const neap__recurrent_plan *p = w->b->plan;
  char *c = w->b->dw_hh[w->g.direction][w->part];
  int64_t u = p->units, first = p->cell == NEAP_GRU ? 2 * u : gates_of(p);
  const char *before = kept_at(w, w->place) + neap_cell_size[p->cell].before * u * p->each;
  NEAP_TRY(add_weights(w, c, first, u, 0, before, kept_of(p)));
  if (p->cell != NEAP_GRU) return NEAP_OK;
  return add_weights(w, c + first * u * p->each, u, u, 3 * u, before, kept_of(p));
}

static void give_x(walk *w) {
  const neap__recurrent_plan *p = w->b->plan;
  int d = w->g.direction;
  int64_t row = p->inputs * p->each;
  neap__packed_product(&w->b->kern->gemm[p->dtype], p->each, BLOCK - w->first, p->inputs,
                       gates_of(p), w->x + w->first * row, w->da + w->first * w->wide * p->each,
                       w->wide, w->b->ih[d], false);
  for (int64_t k = w->first; k < BLOCK; k++)
    memcpy(w->b->dx[d] + w->to[k] * row, w->x + k * row, (size_t)row);
}

/* Sums of the dtype to f64. */
static void give_biases(walk *w) {
  const neap__recurrent_plan *p = w->b->plan;
  int64_t n = biases_of(p);
  double *to = w->b->bias + (w->g.direction * neap__recurrent_parts_of(p) + w->part) * n;
  for (int64_t i = 0; i < n; i++)
    to[i] += p->dtype == NEAP_F64 ? ((double *)w->bias)[i] : (double)((float *)w->bias)[i];
  memset(w->bias, 0, (size_t)(n * p->each));
}

static neap_status finish_block(walk *w) {
  const neap__recurrent_plan *p = w->b->plan;
  if (wants_w_ih(w))
    NEAP_TRY(add_weights(w, w->b->dw_ih[w->g.direction][w->part], gates_of(p), p->inputs, 0,
                         w->x + w->first * p->inputs * p->each, p->inputs));
  if (wants_w_hh(w)) NEAP_TRY(add_w_hh(w));
  if (w->b->dx[w->g.direction]) give_x(w);
  give_biases(w);
  w->first = BLOCK;
  return NEAP_OK;
}

/* The active rows of step s as the next ones of the block; before: the first row that was kept of
 * the step before. */
static void point_rows(walk *w, int64_t s, int64_t before) {
  const neap__recurrent_backward *b = w->b;
  const neap__recurrent_plan *p = b->plan;
  int d = w->g.direction;
  int64_t row = p->units * p->each, input = p->inputs * p->each, k = w->first;
  for (int64_t r = 0; r < w->g.active; r++, k++) {
    int64_t number = p->row[w->g.first + r], t = time_of(&w->g, r, s);
    w->to[k] = number * p->time + t;
    w->da_rows[r] = w->da + k * w->wide * p->each;
    w->kept[r] = kept_at(w, w->place + r);
    if (b->dy) w->dy[r] = b->dy + (w->to[k] * p->directions + d) * row;
    if (wants_w_ih(w))
      memcpy(w->x + k * input, b->x + (number * b->x_row + t * b->x_step) * p->each, (size_t)input);
    if (p->cell != NEAP_LSTM) continue;
    if (s > 0) w->c_before[r] = kept_at(w, before + r) + NEAP_LSTM_CELL * row;
    else w->c_before[r] = b->c0 ? b->c0 + (d * p->batch + number) * row : w->zeros;
  }
}

/* How many rows of a group have a step s, those with one more being active. */
static int64_t active_at(const group *g, int64_t s) {
  int64_t n = g->active;
  while (n < g->rows && g->plan->length[g->first + n] > s) n++;
  return n;
}

static neap_status walk_back(walk *w) {
  const neap__recurrent_backward *b = w->b;
  const neap__recurrent_plan *p = b->plan;
  group *g = &w->g;
  int64_t last = g->first + g->rows - 1;
  w->place = p->start[last] + p->length[last];
  g->active = 0;
  for (int64_t s = steps_of(g) - 1; s >= 0; s--) {
    NEAP_TRY(neap_interrupt_check());
    g->active = active_at(g, s);
    if (w->first < g->active) NEAP_TRY(finish_block(w));
    w->first -= g->active;
    w->place -= g->active;
    point_rows(w, s, w->place - active_at(g, s - 1));
    neap_cell_back step = {.rows = g->active,
                           .units = p->units,
                           .kept = w->kept,
                           .next = s > 0 ? -active_at(g, s - 1) * kept_of(p) : 0,
                           .c_before = p->cell == NEAP_LSTM ? w->c_before : NULL,
                           .dy = b->dy ? w->dy : NULL,
                           .dh = w->dh,
                           .dc = w->dc,
                           .db = w->db,
                           .da = w->da_rows,
                           .bias = w->bias};
    b->kern->cells[p->cell][p->dtype].backward(&step);
    neap__packed_product(&b->kern->gemm[p->dtype], p->each, g->active, p->units, gates_of(p), w->dh,
                         w->db, gates_of(p), b->hh[g->direction], p->cell == NEAP_GRU);
  }
  return finish_block(w);
}

static neap_status run_group(walk *w) {
  const neap__recurrent_backward *b = w->b;
  bool lstm = b->plan->cell == NEAP_LSTM;
  load_state(&w->g, w->dh, b->dh_n);
  if (lstm) load_state(&w->g, w->dc, b->dc_n);
  NEAP_TRY(walk_back(w));
  store_state(&w->g, b->dh0, w->dh);
  if (lstm) store_state(&w->g, b->dc0, w->dc);
  return NEAP_OK;
}

/* Scratch for the groups of a part: zeros at its end. */
static char *make_room(walk *w) {
  const neap__recurrent_plan *p = w->b->plan;
  const neap_gemm *g = &w->b->kern->gemm[p->dtype];
  int64_t broad = neap__packed_columns(g, p->inputs > p->units ? p->inputs : p->units);
  w->wide = biases_of(p) + ROOM;
  w->first = BLOCK;
  int64_t da = up_64(BLOCK * w->wide * p->each), x = up_64(BLOCK * p->inputs * p->each);
  int64_t panels = up_64(BLOCK * broad * p->each), db = up_64(NEAP_ROWS * gates_of(p) * p->each);
  int64_t state = up_64(NEAP_ROWS * p->units * p->each), bias = up_64(biases_of(p) * p->each);
  int64_t zeros = up_64(p->units * p->each);
  char *room = neap_alloc(da + x + panels + db + 2 * state + bias + zeros);
  if (!room) return NULL;
  w->da = room;
  w->x = w->da + da;
  w->panels = w->x + x;
  w->db = w->panels + panels;
  w->dh = w->db + db;
  w->dc = w->dh + state;
  w->bias = w->dc + state;
  w->zeros = w->bias + bias;
  memset(w->bias, 0, (size_t)(bias + zeros));
  return room;
}

static neap_status run_part(const neap__recurrent_backward *b, int64_t unit) {
  int64_t groups = neap__recurrent_groups(b->plan), parts = neap__recurrent_parts_of(b->plan);
  int64_t each = neap_parallel_chunks(groups, parts), first = unit % parts * each;
  walk w = {.b = b, .part = unit % parts};
  char *room = make_room(&w);
  neap_status st = room ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t k = first; k < at_most(first + each, groups) && !st; k++) {
    w.g = group_of(b->plan, (int)(unit / parts), k);
    st = run_group(&w);
  }
  neap_free(room);
  return st;
}

static neap_status run_parts(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t unit = begin; unit < end; unit++) NEAP_TRY(run_part(ctx, unit));
  return NEAP_OK;
}

neap_status neap__recurrent_run_back(const neap__recurrent_backward *b) {
  int64_t parts = neap__recurrent_parts_of(b->plan), groups = neap__recurrent_groups(b->plan);
  if (parts == 0) return NEAP_OK;
  return neap_parallel_for(b->plan->directions * parts,
                           neap__recurrent_grain(b->plan, groups / parts), run_parts, (void *)b);
}
