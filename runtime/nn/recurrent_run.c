/* The loops of recurrent layers through time: for each group of rows and each step the sums of all
 * gates by two products, then the cell (kern/recurrent.h). Backwards the cell's gradient, then one
 * product that carries it to the step before; what weights and inputs get is left to products over
 * all steps at once. */
#include "nn/recurrent_run.h"

#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"

/* Multiplications that are worth a thread; steps whose gradients of biases are added up in the
 * dtype before they go to f64; weights of the input that still are near. */
enum { SHARE = 200000, FLUSH = 32, NEAR = 1 << 19 };

static int64_t at_most(int64_t v, int64_t limit) { return v < limit ? v : limit; }
static int64_t gates_of(const neap__recurrent_plan *p) {
  return neap_cell_size[p->cell].gates * p->units;
}
static int64_t biases_of(const neap__recurrent_plan *p) {
  return neap_cell_size[p->cell].biases * p->units;
}
static int64_t kept_of(const neap__recurrent_plan *p) {
  return neap_cell_size[p->cell].kept * p->units;
}

int64_t neap__recurrent_groups(const neap__recurrent_plan *p) {
  return neap_parallel_chunks(p->batch, NEAP_ROWS);
}

int64_t neap__packed_columns(const neap_gemm *g, int64_t n) {
  return (n + g->panel - 1) / g->panel * g->panel;
}

void neap__packed_product(const neap_gemm *g, int64_t each, int64_t m, int64_t n, int64_t k,
                          void *c, const void *a, int64_t as, const void *b, bool add) {
  int64_t columns = neap__packed_columns(g, n);
  for (int64_t l = 0; l < k; l += NEAP_STRETCH)
    g->multiply(m, n, at_most(k - l, NEAP_STRETCH), c, n, (const char *)a + l * each, as, 1,
                (const char *)b + l * columns * each, 0, add || l > 0);
}

/* A few rows fill the registers of a product better together with those of later steps, and weights
 * that are far are fetched once for several steps. */
int64_t neap__recurrent_ahead(const neap__recurrent_plan *p, int64_t rows) {
  int64_t steps = NEAP_ROWS / rows;
  if (p->inputs * gates_of(p) * p->each > NEAR) steps *= 8;
  return at_most(steps, p->time);
}

/* The rows first .. first + rows of the plan, walked from the first step to the last in the
 * direction's own order; active rows have not come to their end. */
typedef struct {
  const neap__recurrent_plan *plan;
  int direction;
  int64_t first, rows, active;
} group;

static group group_of(const neap__recurrent_plan *p, int64_t unit) {
  int64_t groups = neap__recurrent_groups(p), first = unit % groups * NEAP_ROWS;
  int64_t rows = at_most(p->batch - first, NEAP_ROWS);
  return (group){p, (int)(unit / groups), first, rows, rows};
}

/* Where step s of row r of a group is: a time, and a row of what has rows for all steps. */
static int64_t time_of(const group *g, int64_t r, int64_t s) {
  return g->direction ? g->plan->length[g->first + r] - 1 - s : s;
}
static int64_t place_of(const group *g, int64_t r, int64_t s) {
  return g->plan->start[g->first + r] + time_of(g, r, s);
}
static int64_t steps_of(const group *g) { return g->plan->length[g->first]; }

/* Rows of the state [directions, batch, units] to the group's, or from there, of which width
 * elements; zeros for NULL. */
static void load_state(const group *g, char *to, const char *from) {
  int64_t row = g->plan->units * g->plan->each;
  for (int64_t r = 0; r < g->rows; r++) {
    int64_t at = (g->direction * g->plan->batch + g->plan->row[g->first + r]) * row;
    if (from) memcpy(to + r * row, from + at, (size_t)row);
    else memset(to + r * row, 0, (size_t)row);
  }
}
static void store_state(const group *g, char *to, const char *from) {
  int64_t row = g->plan->units * g->plan->each;
  for (int64_t r = 0; r < g->rows; r++)
    memcpy(to + (g->direction * g->plan->batch + g->plan->row[g->first + r]) * row, from + r * row,
           (size_t)row);
}

/* Sums of the inputs of steps s .. s + steps for the active rows, step by step. */
static void input_sums(const neap__recurrent_forward *f, const group *g, int64_t s, int64_t steps,
                       char *x, char *a) {
  const neap__recurrent_plan *p = f->plan;
  int64_t row = p->inputs * p->each;
  char *to = x;
  for (int64_t k = 0; k < steps; k++)
    for (int64_t r = 0; r < g->active; r++, to += row) {
      int64_t last = p->length[g->first + r] - 1, t = time_of(g, r, at_most(s + k, last));
      int64_t at = p->row[g->first + r] * f->x_row + t * f->x_step;
      memcpy(to, f->x + at * p->each, (size_t)row);
    }
  neap__packed_product(&f->kern->gemm[p->dtype], p->each, steps * g->active, gates_of(p), p->inputs,
                       a, x, p->inputs, f->weights[g->direction].ih, false);
}

static void point_rows(const neap__recurrent_forward *f, const group *g, int64_t s, void **y,
                       void **kept) {
  const neap__recurrent_plan *p = f->plan;
  int d = g->direction;
  for (int64_t r = 0; r < g->active; r++) {
    int64_t at = p->row[g->first + r] * p->time + time_of(g, r, s);
    y[r] = f->y + (at * p->directions + d) * p->units * p->each;
    if (f->kept[d]) kept[r] = f->kept[d] + place_of(g, r, s) * kept_of(p) * p->each;
  }
}

/* The steps of a group: a and b get sums, h and c hold the state. */
static neap_status run_group(const neap__recurrent_forward *f, group *g, char *x, char *a, char *b,
                             char *h, char *c) {
  const neap__recurrent_plan *p = f->plan;
  void *y[NEAP_ROWS], *kept[NEAP_ROWS];
  int64_t ahead = neap__recurrent_ahead(p, g->rows), at = 0, width = 0;
  for (int64_t s = 0; s < steps_of(g); s++, at++) {
    NEAP_TRY(neap_interrupt_check());
    while (p->length[g->first + g->active - 1] <= s) g->active--;
    if (s == 0 || at == ahead) {
      input_sums(f, g, s, at_most(ahead, steps_of(g) - s), x, a);
      width = g->active;
      at = 0;
    }
    neap__packed_product(&f->kern->gemm[p->dtype], p->each, g->active, gates_of(p), p->units, b, h,
                         p->units, f->weights[g->direction].hh, false);
    point_rows(f, g, s, y, kept);
    neap_cell_step step = {.rows = g->active,
                           .units = p->units,
                           .a = a + at * width * gates_of(p) * p->each,
                           .b = b,
                           .bias = f->weights[g->direction].bias,
                           .h = h,
                           .c = c,
                           .y = y,
                           .kept = f->kept[g->direction] ? kept : NULL};
    f->kern->cells[p->cell][p->dtype].forward(&step);
  }
  return NEAP_OK;
}

static int64_t up_64(int64_t bytes) { return (bytes + 63) / 64 * 64; }

static neap_status run_unit(const neap__recurrent_forward *f, int64_t unit) {
  const neap__recurrent_plan *p = f->plan;
  group g = group_of(p, unit);
  int64_t together = neap__recurrent_ahead(p, g.rows) * g.rows;
  int64_t x = up_64(together * p->inputs * p->each), a = up_64(together * gates_of(p) * p->each);
  int64_t b = up_64(g.rows * gates_of(p) * p->each), h = up_64(g.rows * p->units * p->each);
  char *space = neap_alloc(x + a + b + 2 * h);
  if (!space) return NEAP_ENOMEM;
  char *state = space + x + a + b, *c = p->cell == NEAP_LSTM ? state + h : NULL;
  load_state(&g, state, f->h0);
  if (c) load_state(&g, c, f->c0);
  neap_status st = run_group(f, &g, space, space + x, space + x + a, state, c);
  if (!st) store_state(&g, f->h_n, state);
  if (!st && c) store_state(&g, f->c_n, c);
  neap_free(space);
  return st;
}

static neap_status run_units(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t unit = begin; unit < end; unit++) NEAP_TRY(run_unit(ctx, unit));
  return NEAP_OK;
}

/* Groups that go to a thread together. */
static int64_t grain(const neap__recurrent_plan *p) {
  double work = (double)at_most(p->batch, NEAP_ROWS) * (double)p->time * (double)gates_of(p) *
                (double)(p->units + p->inputs);
  return work >= SHARE ? 1 : (int64_t)(SHARE / work);
}

neap_status neap__recurrent_run(const neap__recurrent_forward *f) {
  int64_t units = f->plan->directions * neap__recurrent_groups(f->plan);
  return neap_parallel_for(units, grain(f->plan), run_units, (void *)f);
}

/* backwards ------------------------------------------------------------------------------------ */

typedef struct {
  void *da[NEAP_ROWS];
  const void *kept[NEAP_ROWS], *c_before[NEAP_ROWS], *dy[NEAP_ROWS];
} back_rows;

static void point_back(const neap__recurrent_backward *b, const group *g, int64_t s,
                       const char *zeros, back_rows *rows) {
  const neap__recurrent_plan *p = b->plan;
  int d = g->direction;
  int64_t row = p->units * p->each;
  for (int64_t r = 0; r < g->active; r++) {
    int64_t place = place_of(g, r, s), batch_row = p->row[g->first + r];
    rows->da[r] = b->da[d] + place * biases_of(p) * p->each;
    rows->kept[r] = b->kept[d] + place * kept_of(p) * p->each;
    if (b->dy)
      rows->dy[r] = b->dy + ((batch_row * p->time + time_of(g, r, s)) * p->directions + d) * row;
    if (p->cell != NEAP_LSTM) continue;
    if (s > 0)
      rows->c_before[r] =
          b->kept[d] + place_of(g, r, s - 1) * kept_of(p) * p->each + NEAP_LSTM_CELL * row;
    else rows->c_before[r] = b->c0 ? b->c0 + (d * p->batch + batch_row) * row : zeros;
  }
}

/* Move sums of the dtype to f64. */
static void flush(const neap__recurrent_plan *p, double *to, void *from) {
  int64_t n = biases_of(p);
  for (int64_t i = 0; i < n; i++)
    to[i] += p->dtype == NEAP_F64 ? ((double *)from)[i] : (double)((float *)from)[i];
  memset(from, 0, (size_t)(n * p->each));
}

static neap_status back_group(const neap__recurrent_backward *b, group *g, double *total, char *db,
                              char *dh, char *dc, char *bias, const char *zeros) {
  const neap__recurrent_plan *p = b->plan;
  back_rows rows;
  g->active = 0;
  for (int64_t s = steps_of(g) - 1; s >= 0; s--) {
    NEAP_TRY(neap_interrupt_check());
    while (g->active < g->rows && p->length[g->first + g->active] > s) g->active++;
    point_back(b, g, s, zeros, &rows);
    neap_cell_back step = {.rows = g->active,
                           .units = p->units,
                           .kept = rows.kept,
                           .c_before = p->cell == NEAP_LSTM ? rows.c_before : NULL,
                           .dy = b->dy ? rows.dy : NULL,
                           .dh = dh,
                           .dc = dc,
                           .db = db,
                           .da = rows.da,
                           .bias = bias};
    b->kern->cells[p->cell][p->dtype].backward(&step);
    neap__packed_product(&b->kern->gemm[p->dtype], p->each, g->active, p->units, gates_of(p), dh,
                         db, gates_of(p), b->hh[g->direction], p->cell == NEAP_GRU);
    if (s % FLUSH == 0) flush(p, total, bias);
  }
  return NEAP_OK;
}

static neap_status back_unit(const neap__recurrent_backward *b, int64_t unit) {
  const neap__recurrent_plan *p = b->plan;
  group g = group_of(p, unit);
  int64_t db = up_64(g.rows * gates_of(p) * p->each), h = up_64(g.rows * p->units * p->each);
  int64_t bias = up_64(biases_of(p) * p->each), zeros = up_64(p->units * p->each);
  char *space = neap_alloc(db + 2 * h + bias + zeros);
  if (!space) return NEAP_ENOMEM;
  char *dh = space + db, *dc = p->cell == NEAP_LSTM ? dh + h : NULL, *sums = dh + 2 * h;
  memset(sums, 0, (size_t)(bias + zeros));
  load_state(&g, dh, b->dh_n);
  if (dc) load_state(&g, dc, b->dc_n);
  neap_status st =
      back_group(b, &g, b->bias + unit * biases_of(p), space, dh, dc, sums, sums + bias);
  if (!st) store_state(&g, b->dh0, dh);
  if (!st && dc) store_state(&g, b->dc0, dc);
  neap_free(space);
  return st;
}

static neap_status back_units(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t unit = begin; unit < end; unit++) NEAP_TRY(back_unit(ctx, unit));
  return NEAP_OK;
}

neap_status neap__recurrent_run_back(const neap__recurrent_backward *b) {
  int64_t units = b->plan->directions * neap__recurrent_groups(b->plan);
  return neap_parallel_for(units, grain(b->plan), back_units, (void *)b);
}
