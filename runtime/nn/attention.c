/* Attention as a function of tensors: what is packed where, masks, and the gradient. */
#include "nn/attention.h"

#include <string.h>

#include "base/alloc.h"
#include "grad/grad.h"
#include "nn/attend.h"
#include "nn/check.h"

/* All but the inputs, as the gradient needs it again. Tensors are empty where there are none. */
typedef struct {
  neap__attention a;
  int inputs; /* 1: all packed, 2: keys and values packed, 3 */
  neap_tensor mask, hidden, lengths, lse;
} plan;

static void plan_drop(plan *p) {
  neap_tensor_drop(&p->mask);
  neap_tensor_drop(&p->hidden);
  neap_tensor_drop(&p->lengths);
  neap_tensor_drop(&p->lse);
}

static void drop_state(void *state) {
  plan_drop(state);
  neap_free(state);
}

/* Rows of input number i of the plan, from a feature on. */
static neap__rows rows_of(const neap_tensor *t, int64_t feature) {
  return (neap__rows){(char *)neap_tensor_data(t) + feature * (int64_t)neap_dtype_size(t->dtype),
                      t->stride[0], t->stride[1]};
}

static void place(neap__rows *q, neap__rows *k, neap__rows *v, const plan *p,
                  const neap_tensor *t) {
  int64_t e = p->a.heads * p->a.width;
  *q = rows_of(&t[0], 0);
  *k = p->inputs == 1 ? rows_of(&t[0], e) : rows_of(&t[1], 0);
  *v = p->inputs == 1   ? rows_of(&t[0], 2 * e)
       : p->inputs == 2 ? rows_of(&t[1], e)
                        : rows_of(&t[2], 0);
}

/* Masks as floats that are added, 0 and -inf for those of bool. */
static neap_status as_added(neap_tensor *out, const neap_tensor *mask, neap_dtype dtype) {
  neap_scalar hide, show;
  if (mask->dtype != NEAP_BOOL) return neap_tensor_as(out, mask, dtype);
  neap_scalar_f64(&hide, dtype, -1 / 0.0);
  neap_scalar_f64(&show, dtype, 0);
  return neap_tensor_where(out, mask, &hide.t, &show.t);
}

static neap_status take_mask(plan *p, const neap_tensor *mask) {
  const neap__attention *a = &p->a;
  const int64_t size[] = {a->batch, a->heads, a->queries, a->keys};
  neap_tensor added;
  char is[128], wants[128];
  bool fits = (mask->ndim == 2 || mask->ndim == 4) && mask->size[mask->ndim - 1] == a->keys;
  for (int d = 1; d < mask->ndim && fits; d++) {
    int64_t n = mask->size[mask->ndim - 1 - d];
    fits = n == size[3 - d] || n == 1;
  }
  neap_tensor full = {.ndim = 4, .size = {size[0], size[1], size[2], size[3]}};
  if (!fits)
    return neap_fail(
        NEAP_ESHAPE,
        "attention: mask %s must be [queries x keys] or [batch x heads x queries x keys]"
        " of %s, sizes but the last may be 1",
        neap_shape_text(mask, is, sizeof is), neap_shape_text(&full, wants, sizeof wants));
  if (mask->dtype != NEAP_BOOL && mask->dtype != a->dtype)
    return neap_fail(NEAP_EDTYPE, "attention: mask is %s, neither bool nor %s as q is",
                     neap_dtype_name(mask->dtype), neap_dtype_name(a->dtype));
  NEAP_TRY(as_added(&added, mask, a->dtype));
  neap_status st = neap_tensor_expand(&p->mask, &added, 4, size);
  neap_tensor_drop(&added);
  return st;
}

static neap_status take_padding(plan *p, const neap_tensor *padding) {
  char is[128];
  if (padding->dtype != NEAP_BOOL || padding->ndim != 2 || padding->size[0] != p->a.batch ||
      padding->size[1] != p->a.keys)
    return neap_fail(NEAP_ESHAPE, "attention: key padding mask %s of %s must be bool [%lldx%lld]",
                     neap_shape_text(padding, is, sizeof is), neap_dtype_name(padding->dtype),
                     (long long)p->a.batch, (long long)p->a.keys);
  return as_added(&p->hidden, padding, p->a.dtype);
}

static neap_status take_lengths(plan *p, const neap_tensor *lengths) {
  char is[128];
  if (lengths->ndim != 1 || lengths->size[0] != p->a.batch)
    return neap_fail(NEAP_ESHAPE, "attention: lengths %s must be [%lld], one for each sequence",
                     neap_shape_text(lengths, is, sizeof is), (long long)p->a.batch);
  NEAP_TRY(neap_tensor_as(&p->lengths, lengths, NEAP_I64));
  const int64_t *n = neap_tensor_data(&p->lengths);
  for (int64_t i = 0; i < p->a.batch; i++) {
    double given = neap_tensor_get_f64(lengths, &i);
    if (given != (double)n[i])
      return neap_fail(NEAP_EVALUE, "attention: lengths[%lld] is %g, not a whole number",
                       (long long)i + 1, given);
    if (n[i] < 1 || n[i] > p->a.keys)
      return neap_fail(NEAP_EVALUE, "attention: lengths[%lld] is %lld, not within 1 .. %lld keys",
                       (long long)i + 1, (long long)n[i], (long long)p->a.keys);
  }
  return NEAP_OK;
}

static neap_status check_shapes(plan *p, const neap_tensor *const *in,
                                const neap_attention_options *o) {
  const neap_tensor *q = in[0];
  char text[3][128] = {"", "", ""};
  for (int i = 0; i < p->inputs; i++) neap_shape_text(in[i], text[i], sizeof text[i]);
  bool fits = true;
  for (int i = 0; i < p->inputs; i++)
    fits = fits && in[i]->ndim == 3 && in[i]->size[0] == q->size[0];
  int64_t e = fits ? q->size[2] / (p->inputs == 1 ? 3 : 1) : 0;
  fits = fits && e * (p->inputs == 1 ? 3 : 1) == q->size[2];
  if (p->inputs == 2) fits = fits && in[1]->size[2] == 2 * e;
  if (p->inputs == 3)
    fits = fits && in[1]->size[2] == e && in[2]->size[2] == e && in[1]->size[1] == in[2]->size[1];
  if (!fits)
    return neap_fail(NEAP_ESHAPE,
                     "attention: shapes %s %s %s are not [batch x queries x features] and, of keys"
                     " and values, [batch x keys x features]",
                     text[0], text[1], text[2]);
  if (o->heads < 1 || e % o->heads || e == 0)
    return neap_fail(NEAP_ESHAPE, "attention: %lld features do not make %lld heads", (long long)e,
                     (long long)o->heads);
  int64_t keys = p->inputs == 1 ? q->size[1] : in[1]->size[1];
  if (keys == 0 && q->size[1] > 0)
    return neap_fail(NEAP_ESHAPE, "attention: there are no keys in %s", text[1]);
  if (!(o->dropout >= 0 && o->dropout < 1))
    return neap_fail(NEAP_EARG, "attention: dropout is %g, not within 0 .. 1", o->dropout);
  p->a = (neap__attention){.dtype = q->dtype,
                           .batch = q->size[0],
                           .heads = o->heads,
                           .queries = q->size[1],
                           .keys = keys,
                           .width = e / o->heads,
                           .causal = o->causal,
                           .dropout = o->dropout,
                           .rng = neap_rng_make(o->key)};
  return NEAP_OK;
}

/* Pointers into the plan's own tensors, wherever it lies now. */
static void settle(plan *p) {
  p->a.mask = p->mask.storage ? &p->mask : NULL;
  p->a.hidden = p->hidden.storage ? &p->hidden : NULL;
  p->a.lengths = p->lengths.storage ? neap_tensor_data(&p->lengths) : NULL;
  p->a.lse = p->lse.storage ? neap_tensor_data(&p->lse) : NULL;
}

static neap_status plan_init(plan *p, const neap_tensor *const *in,
                             const neap_attention_options *o) {
  memset(p, 0, sizeof *p);
  p->inputs = in[2] ? 3 : in[1] ? 2 : 1;
  if (in[2] && !in[1]) return neap_fail(NEAP_EARG, "attention: there is a value, and no key");
  NEAP_TRY(neap__nn_one_dtype("attention", 3, (const neap_tensor *[]){in[2], in[1], in[0]},
                              (const char *[]){"v", "k", "q"}));
  NEAP_TRY(check_shapes(p, in, o));
  if (o->mask) NEAP_TRY(take_mask(p, o->mask));
  if (o->padding) NEAP_TRY(take_padding(p, o->padding));
  if (o->lengths) NEAP_TRY(take_lengths(p, o->lengths));
  return NEAP_OK;
}

/* t where it lies if the features of a row are adjacent. */
static neap_status adjacent(neap_tensor *out, const neap_tensor *t) {
  if (t->size[2] > 1 && t->stride[2] != 1) return neap_tensor_clone(out, t);
  neap_tensor_alias(out, t);
  return NEAP_OK;
}

static neap_status give_all(neap_node *n, const plan *p, neap_tensor *slopes, bool done) {
  neap_status st = NEAP_OK;
  for (int i = 0; i < p->inputs; i++) {
    if (done && !st) st = neap_node_give(n, i, &slopes[i]);
    else neap_tensor_drop(&slopes[i]);
  }
  return st;
}

static neap_status attention_back(neap_node *n) {
  plan *p = neap_node_state(n);
  neap_tensor g, in[3], slopes[3] = {{0}};
  neap__attention a;
  neap__rows dq, dk, dv;
  NEAP_TRY(neap_node_dense(n, 0, &g));
  settle(p);
  a = p->a;
  neap_status st = NEAP_OK;
  for (int i = 0; i < p->inputs; i++) {
    in[i] = *neap_node_saved(n, i); /* to be looked at */
    if (!st)
      st = a.queries ? neap_tensor_init_raw(&slopes[i], a.dtype, 3, in[i].size)
                     : neap_tensor_init(&slopes[i], a.dtype, 3, in[i].size);
  }
  if (!st && a.queries) {
    place(&a.q, &a.k, &a.v, p, in);
    place(&dq, &dk, &dv, p, slopes);
    a.out = rows_of(&g, 0);
    st = neap__attend_back(&a, &dq, &dk, &dv);
  }
  neap_tensor_drop(&g);
  neap_status given = give_all(n, p, slopes, !st);
  return st ? st : given;
}

static neap_status forward(plan *p, neap_tensor *out, neap_tensor *weights, const neap_tensor *in) {
  neap__attention *a = &p->a;
  const int64_t rows[] = {a->batch, a->heads, a->queries, a->keys};
  int64_t size[] = {a->batch, a->queries, a->heads * a->width};
  NEAP_TRY(neap_tensor_init_raw(out, a->dtype, 3, size));
  NEAP_TRY(neap_tensor_init_raw(&p->lse, a->dtype, 3, rows));
  if (weights) NEAP_TRY(neap_tensor_init(weights, a->dtype, 4, rows));
  settle(p);
  place(&a->q, &a->k, &a->v, p, in);
  a->out = rows_of(out, 0);
  return a->queries ? neap__attend(a, weights ? neap_tensor_data(weights) : NULL) : NEAP_OK;
}

static neap_status record(plan *p, neap_tensor *out, const neap_tensor *const *in,
                          const neap_tensor *plain) {
  static const neap_gradient gradient = {"attention", attention_back, drop_state};
  const neap_tensor *save[] = {&plain[0], &plain[1], &plain[2]};
  if (!neap_grad_active(p->inputs, in)) return NEAP_OK;
  plan *state = neap_alloc(sizeof *state);
  if (!state) return NEAP_ENOMEM;
  *state = *p;
  memset(p, 0, sizeof *p);
  return neap_grad_record(&gradient, state->inputs, in, 1, &out, state->inputs, save, state);
}

neap_status neap_nn_attention(neap_tensor *out, neap_tensor *weights, const neap_tensor *q,
                              const neap_tensor *k, const neap_tensor *v,
                              const neap_attention_options *o) {
  const neap_tensor *in[] = {q, k, v};
  neap_tensor plain[3] = {{0}};
  plan p;
  memset(out, 0, sizeof *out);
  if (weights) memset(weights, 0, sizeof *weights);
  neap_status st = plan_init(&p, in, o);
  for (int i = 0; i < p.inputs && !st; i++) st = adjacent(&plain[i], in[i]);
  if (!st) st = forward(&p, out, weights, plain);
  if (!st) st = record(&p, out, in, plain);
  for (int i = 0; i < 3; i++) neap_tensor_drop(&plain[i]);
  plan_drop(&p);
  if (st) {
    neap_tensor_drop(out);
    if (weights) neap_tensor_drop(weights);
  }
  return st;
}
