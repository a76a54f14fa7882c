/* Steps of optimizers: all parameters with a gradient are seen as one long row, which is cut into
 * chunks of equal length wherever they fall. */
#include "nn/optim.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"

/* Elements of a chunk: some 10 microseconds of work. */
enum { CHUNK = 32768 };

typedef struct {
  neap_update_rows rows;
  neap_update_terms terms;
  neap_update_fn fn;
  size_t each;   /* bytes of an element */
  int64_t start; /* place in the long row */
  neap_optim_param *param;
} piece;

typedef struct {
  int64_t pieces, total;
  bool *done;    /* chunks */
  piece piece[]; /* [n + 1]: the last one holds only the end */
} work;

const char *const neap_optim_options[NEAP_OPTIM_OPTIONS + 1] = {
    "lr",           "momentum", "dampening", "beta1",   "beta2",    "alpha", "eps",
    "weight_decay", "nesterov", "maximize",  "amsgrad", "centered", NULL};

#define HAS(option) (1u << NEAP_OPTIM_##option)
static const struct {
  unsigned options;
  const char *state[NEAP_OPTIM_STATES];
} methods[NEAP_OPTIMS] = {
    [NEAP_OPTIM_SGD] = {HAS(LR) | HAS(MOMENTUM) | HAS(DAMPENING) | HAS(WEIGHT_DECAY) |
                            HAS(NESTEROV) | HAS(MAXIMIZE),
                        {"momentum_buffer"}},
    [NEAP_OPTIM_ADAM] = {HAS(LR) | HAS(BETA1) | HAS(BETA2) | HAS(EPS) | HAS(WEIGHT_DECAY) |
                             HAS(MAXIMIZE) | HAS(AMSGRAD),
                         {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}},
    [NEAP_OPTIM_ADAMW] = {HAS(LR) | HAS(BETA1) | HAS(BETA2) | HAS(EPS) | HAS(WEIGHT_DECAY) |
                              HAS(MAXIMIZE) | HAS(AMSGRAD),
                          {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}},
    [NEAP_OPTIM_RMSPROP] = {HAS(LR) | HAS(ALPHA) | HAS(EPS) | HAS(WEIGHT_DECAY) | HAS(MOMENTUM) |
                                HAS(CENTERED) | HAS(MAXIMIZE),
                            {"square_avg", "momentum_buffer", "grad_avg"}},
    [NEAP_OPTIM_LION] = {HAS(LR) | HAS(BETA1) | HAS(BETA2) | HAS(WEIGHT_DECAY) | HAS(MAXIMIZE),
                         {"exp_avg"}},
    [NEAP_OPTIM_EMA] = {HAS(ALPHA), {"average"}},
};

unsigned neap_optim_has(neap_optim_method method) { return methods[method].options; }

const char *neap_optim_state_name(neap_optim_method method, int k) {
  return k < NEAP_OPTIM_STATES ? methods[method].state[k] : NULL;
}

/* making --------------------------------------------------------------------------------------- */

static neap_status check_parameter(const neap_optimizer *o, neap_tensor *const *p, int64_t i) {
  char shape[128];
  const char *what = NULL;
  if (!neap_dtype_is_float(p[i]->dtype)) what = "f32 and f64 can be trained";
  else if (!neap_tensor_is_contiguous(p[i])) what = "contiguous tensors can be parameters";
  if (what)
    return neap_fail(NEAP_EARG, "%s: parameter %lld is a %s %s; only %s", o->name, (long long)i + 1,
                     what[0] == 'f' ? neap_dtype_name(p[i]->dtype) : "strided view",
                     neap_shape_text(p[i], shape, sizeof shape), what);
  if (p[i]->trace && !neap_grad_is_leaf(p[i]))
    return neap_fail(NEAP_EARG,
                     "%s: parameter %lld is the result of an operation, %s; x:detach() gives a "
                     "tensor that can be trained",
                     o->name, (long long)i + 1, neap_shape_text(p[i], shape, sizeof shape));
  for (int64_t k = 0; k < i; k++)
    if (p[k]->storage == p[i]->storage && p[k]->offset == p[i]->offset &&
        neap_tensor_numel(p[i]) > 0)
      return neap_fail(NEAP_EARG, "%s: parameter %lld is parameter %lld again", o->name,
                       (long long)i + 1, (long long)k + 1);
  return NEAP_OK;
}

static neap_status make_work(neap_optimizer *o) {
  int64_t chunks = neap_parallel_chunks(o->total, CHUNK);
  work *w = neap_alloc(sizeof *w + (size_t)(o->n + 1) * sizeof *w->piece);
  o->work = w;
  if (!w) return NEAP_ENOMEM;
  w->done = neap_calloc_array(chunks + 1, sizeof *w->done);
  return w->done ? NEAP_OK : NEAP_ENOMEM;
}

neap_status neap_optim_init(neap_optimizer *o, const char *name, neap_optim_method method,
                            int64_t n, neap_tensor *const *p, const int *group) {
  *o = (neap_optimizer){.name = name, .method = method};
  for (int64_t i = 0; i < n; i++) NEAP_TRY(check_parameter(o, p, i));
  o->groups = n > 0 ? group[n - 1] + 1 : 0;
  o->option = neap_calloc_array(o->groups, sizeof *o->option);
  if (!o->option) return NEAP_ENOMEM;
  o->param = neap_calloc_array(n, sizeof *o->param);
  if (!o->param) return NEAP_ENOMEM;
  o->n = n;
  for (int64_t i = 0; i < n; i++) {
    o->param[i].p = p[i];
    o->param[i].group = group[i];
    o->total += neap_tensor_numel(p[i]);
    if (method == NEAP_OPTIM_EMA) NEAP_TRY(neap_tensor_clone(&o->param[i].state[0], p[i]));
  }
  return make_work(o);
}

void neap_optim_drop(neap_optimizer *o) {
  work *w = o->work;
  for (int64_t i = 0; i < o->n; i++)
    for (int k = 0; k < NEAP_OPTIM_STATES; k++) neap_tensor_drop(&o->param[i].state[k]);
  neap_free(o->param);
  neap_free(o->option);
  if (w) neap_free(w->done);
  neap_free(w);
  *o = (neap_optimizer){0};
}

neap_status neap_optim_set(neap_optimizer *o, int group, neap_optim_option option, double v) {
  static const char *const rules[] = {"finite and not negative", "at least 0 and below 1", "finite",
                                      "from 0 to 1"};
  int rule = 0;
  if (option == NEAP_OPTIM_BETA1 || option == NEAP_OPTIM_BETA2) rule = 1;
  else if (option == NEAP_OPTIM_DAMPENING) rule = 2;
  else if (option == NEAP_OPTIM_ALPHA || option >= NEAP_OPTIM_NESTEROV) rule = 3;
  bool fits = isfinite(v) && (rule == 2 || v >= 0) && (rule != 1 || v < 1) && (rule != 3 || v <= 1);
  if (!fits)
    return neap_fail(NEAP_EVALUE, "%s: %s is %g, must be %s", o->name, neap_optim_options[option],
                     v, rules[rule]);
  o->option[group][option] = v;
  return NEAP_OK;
}

/* a step --------------------------------------------------------------------------------------- */

/* b^n by squaring, which is the same on every machine. */
static double power(double b, int64_t n) {
  double v = 1;
  for (; n > 0; n /= 2, b *= b)
    if (n % 2) v *= b;
  return v;
}

/* Which loop, and which states it needs: bit k for state k. */
static neap_update choose(neap_optim_method method, const double *v, unsigned *states) {
  bool momentum = v[NEAP_OPTIM_MOMENTUM] > 0, centered = v[NEAP_OPTIM_CENTERED] > 0;
  *states = 1;
  switch (method) {
  case NEAP_OPTIM_SGD:
    *states = momentum;
    if (!momentum) return NEAP_UPDATE_SGD;
    return v[NEAP_OPTIM_NESTEROV] > 0 ? NEAP_UPDATE_SGD_NESTEROV : NEAP_UPDATE_SGD_MOMENTUM;
  case NEAP_OPTIM_RMSPROP:
    *states = 1u | (unsigned)momentum << 1 | (unsigned)centered << 2;
    if (centered) return momentum ? NEAP_UPDATE_RMSPROP_BOTH : NEAP_UPDATE_RMSPROP_CENTERED;
    return momentum ? NEAP_UPDATE_RMSPROP_MOMENTUM : NEAP_UPDATE_RMSPROP;
  case NEAP_OPTIM_LION: return NEAP_UPDATE_LION;
  case NEAP_OPTIM_EMA: return NEAP_UPDATE_AVERAGE;
  default:
    *states = v[NEAP_OPTIM_AMSGRAD] > 0 ? 7 : 3;
    return v[NEAP_OPTIM_AMSGRAD] > 0 ? NEAP_UPDATE_AMSGRAD : NEAP_UPDATE_ADAM;
  }
}

/* The numbers of a parameter's step, its steps before this one being counted. Means that began at 0
 * are too small by the factor 1 - beta^step, which Adam makes up for. */
static neap_update_terms terms_of(neap_optim_method method, const double *v, int64_t steps) {
  bool adam = method == NEAP_OPTIM_ADAM || method == NEAP_OPTIM_ADAMW;
  bool apart = method == NEAP_OPTIM_ADAMW || method == NEAP_OPTIM_LION;
  double lr = v[NEAP_OPTIM_LR], decay = v[NEAP_OPTIM_WEIGHT_DECAY];
  neap_update_terms t = {.sign = v[NEAP_OPTIM_MAXIMIZE] > 0 ? -1 : 1,
                         .decay = apart ? 0 : decay,
                         .shrink = apart ? 1 - lr * decay : 1,
                         .rate = lr,
                         .a = v[NEAP_OPTIM_BETA1],
                         .b = v[NEAP_OPTIM_BETA2],
                         .scale = 1,
                         .eps = v[NEAP_OPTIM_EPS],
                         .keep = v[NEAP_OPTIM_MOMENTUM],
                         .fresh = 1 - v[NEAP_OPTIM_DAMPENING]};
  if (method == NEAP_OPTIM_RMSPROP || method == NEAP_OPTIM_EMA) t.a = v[NEAP_OPTIM_ALPHA];
  if (method == NEAP_OPTIM_SGD && steps == 0) t.fresh = 1; /* the first is taken undampened */
  if (adam) {
    t.rate = lr / (1 - power(t.a, steps + 1));
    t.scale = 1 / sqrt(1 - power(t.b, steps + 1));
  }
  return t;
}

/* A parameter may have been closed since, or become another. */
static neap_status check_state(const neap_optimizer *o, const neap_optim_param *q, int k) {
  const neap_tensor *s = &q->state[k];
  char a[128], b[128];
  long long number = (q - o->param) + 1;
  if (!q->p->storage) return neap_fail(NEAP_EARG, "%s: parameter %lld was closed", o->name, number);
  if (s->dtype == q->p->dtype && neap_tensor_same_shape(s, q->p)) return NEAP_OK;
  return neap_fail(NEAP_ESHAPE, "%s: parameter %lld is %s %s, its state %s %s", o->name, number,
                   neap_dtype_name(q->p->dtype), neap_shape_text(q->p, a, sizeof a),
                   neap_dtype_name(s->dtype), neap_shape_text(s, b, sizeof b));
}

static neap_status make_state(const neap_optimizer *o, neap_optim_param *q, int k) {
  neap_tensor *s = &q->state[k];
  if (s->storage) return check_state(o, q, k);
  return neap_tensor_init(s, q->p->dtype, q->p->ndim, q->p->size);
}

/* Note a parameter that is to be changed. */
static neap_status add_piece(neap_optimizer *o, neap_optim_param *q, const neap_kern *kern) {
  work *w = o->work;
  piece *now = &w->piece[w->pieces], *before = now - 1;
  const double *v = o->option[q->group];
  const neap_tensor *g = o->method == NEAP_OPTIM_EMA ? q->p : neap_grad_of(q->p);
  unsigned states;
  if (!g || !g->storage || !q->p->storage || neap_tensor_numel(q->p) == 0) return NEAP_OK;
  neap_update update = choose(o->method, v, &states);
  *now = (piece){.rows = {.p = neap_tensor_data(q->p), .g = neap_tensor_data(g)},
                 .fn = (*kern->update)[update][q->p->dtype],
                 .each = neap_dtype_size(q->p->dtype),
                 .start = w->total,
                 .param = q};
  for (int k = 0; k < NEAP_OPTIM_STATES; k++) {
    if (!(states >> k & 1)) continue;
    NEAP_TRY(make_state(o, q, k));
    now->rows.s[k] = neap_tensor_data(&q->state[k]);
  }
  bool same = w->pieces > 0 && before->param->group == q->group && before->param->steps == q->steps;
  now->terms = same ? before->terms : terms_of(o->method, v, q->steps);
  w->pieces++;
  w->total += neap_tensor_numel(q->p);
  return NEAP_OK;
}

static void *moved(void *p, int64_t n, size_t each) {
  return p ? (char *)p + (size_t)n * each : NULL;
}

static void run_piece(const piece *q, int64_t from, int64_t n) {
  neap_update_rows r = {.p = moved(q->rows.p, from, q->each),
                        .g = (const char *)q->rows.g + (size_t)from * q->each};
  for (int k = 0; k < NEAP_OPTIM_STATES; k++) r.s[k] = moved(q->rows.s[k], from, q->each);
  q->fn(n, &r, &q->terms);
}

/* Places begin <= i < end of the long row. */
static neap_status chunk(void *ctx, int64_t number, int64_t begin, int64_t end) {
  work *w = ctx;
  int64_t low = 0, high = w->pieces; /* the last piece that starts at or before begin */
  while (high - low > 1) {
    int64_t middle = (low + high) / 2;
    if (w->piece[middle].start <= begin) low = middle;
    else high = middle;
  }
  for (; low < w->pieces && w->piece[low].start < end; low++) {
    const piece *q = &w->piece[low];
    int64_t from = begin > q->start ? begin : q->start;
    int64_t stop = end < q[1].start ? end : q[1].start;
    run_piece(q, from - q->start, stop - from);
  }
  w->done[number] = true;
  return NEAP_OK;
}

/* The chunks that an interrupt left out, unless it came before all of them. */
static bool complete(work *w) {
  int64_t chunks = neap_parallel_chunks(w->total, CHUNK);
  bool any = false;
  for (int64_t i = 0; i < chunks; i++) any = any || w->done[i];
  for (int64_t i = 0; any && i < chunks; i++) {
    int64_t end = (i + 1) * CHUNK < w->total ? (i + 1) * CHUNK : w->total;
    if (!w->done[i]) chunk(w, i, i * CHUNK, end);
  }
  return any;
}

static neap_status run(work *w) {
  int64_t chunks = neap_parallel_chunks(w->total, CHUNK);
  if (chunks == 0) return NEAP_OK;
  memset(w->done, 0, (size_t)chunks);
  w->piece[w->pieces].start = w->total;
  neap_status st = neap_parallel_for(w->total, CHUNK, chunk, w);
  if (st && !complete(w)) return st;
  for (int64_t i = 0; i < w->pieces; i++) {
    const neap_tensor *p = w->piece[i].param->p;
    if (w->piece[i].rows.s[0]) w->piece[i].param->steps++;
    atomic_fetch_add_explicit(&p->storage->version, 1, memory_order_relaxed);
  }
  return st;
}

neap_status neap_optim_step(neap_optimizer *o) {
  const neap_kern *kern;
  work *w = o->work;
  NEAP_TRY(neap_kern_select(&kern));
  w->pieces = w->total = 0;
  for (int64_t i = 0; i < o->n; i++) NEAP_TRY(add_piece(o, &o->param[i], kern));
  return run(w);
}

void neap_optim_zero_grad(const neap_optimizer *o) {
  for (int64_t i = 0; i < o->n; i++) neap_grad_clear(o->param[i].p);
}

/* states --------------------------------------------------------------------------------------- */

neap_status neap_optim_restore(neap_optimizer *o, int64_t i, int k, const neap_tensor *t) {
  neap_optim_param *q = &o->param[i];
  neap_tensor copy = {0}, same = {0};
  char a[128], b[128];
  if (t && !neap_tensor_same_shape(t, q->p))
    return neap_fail(NEAP_ESHAPE, "%s: %s of parameter %lld is %s, the parameter %s", o->name,
                     neap_optim_state_name(o->method, k), (long long)i + 1,
                     neap_shape_text(t, a, sizeof a), neap_shape_text(q->p, b, sizeof b));
  if (t) {
    NEAP_TRY(neap_tensor_as(&same, t, q->p->dtype));
    neap_status st = neap_tensor_clone(&copy, &same);
    neap_tensor_drop(&same);
    if (st) return st;
  }
  neap_tensor_drop(&q->state[k]);
  q->state[k] = copy;
  return NEAP_OK;
}

neap_status neap_optim_swap(neap_optimizer *o) {
  for (int64_t i = 0; i < o->n; i++) NEAP_TRY(check_state(o, &o->param[i], 0));
  for (int64_t i = 0; i < o->n; i++) {
    const neap_tensor *p = o->param[i].p;
    unsigned char *a = neap_tensor_data(p), *b = neap_tensor_data(&o->param[i].state[0]);
    size_t bytes = (size_t)neap_tensor_numel(p) * neap_dtype_size(p->dtype);
    for (size_t k = 0; k < bytes; k++) {
      unsigned char c = a[k];
      a[k] = b[k];
      b[k] = c;
    }
    atomic_fetch_add_explicit(&p->storage->version, 1, memory_order_relaxed);
  }
  return NEAP_OK;
}
