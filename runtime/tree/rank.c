/* Learning to rank: lambdarank's derivatives, and the metrics NDCG and MAP. Formulas and constants
 * are LightGBM's, but for its table of sigmoids, which here are exact. */
#include <math.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "tree/link.h"
#include "tree/metric.h"

enum { GRADES = 31 };

/* queries -------------------------------------------------------------------------------------- */

static neap_status check_sizes(const int64_t *sizes, int64_t count, int64_t rows) {
  int64_t sum = 0;
  for (int64_t k = 0; k < count; k++) {
    if (sizes[k] < 1 || sizes[k] > rows)
      return neap_fail(NEAP_EVALUE, "gbdt.fit: group %lld has %lld rows, allowed are 1 to %lld",
                       (long long)k + 1, (long long)sizes[k], (long long)rows);
    sum += sizes[k];
  }
  if (sum != rows)
    return neap_fail(NEAP_EVALUE, "gbdt.fit: the sizes in group add up to %lld, x has %lld rows",
                     (long long)sum, (long long)rows);
  return NEAP_OK;
}

static neap_status check_gains(const double *gain, int64_t gains) {
  for (int64_t i = 0; gain && i < gains; i++)
    if (!(gain[i] >= 0 && gain[i] < HUGE_VAL))
      return neap_fail(NEAP_EVALUE, "gbdt.fit: label_gain %lld is %g, allowed are numbers from 0",
                       (long long)i + 1, gain[i]);
  return NEAP_OK;
}

static neap_status check_grades(const double *grades, int64_t rows, int64_t gains) {
  for (int64_t i = 0; i < rows; i++)
    if (!(grades[i] >= 0 && grades[i] < (double)gains))
      return neap_fail(NEAP_EVALUE, "gbdt.fit: label %lld is %g, label_gain knows grades 0 to %lld",
                       (long long)i + 1, grades[i], (long long)gains - 1);
  return NEAP_OK;
}

neap_status neap__queries_open(neap__queries *q, const int64_t *sizes, int64_t count, int64_t rows,
                               const double *grades, const double *gain, int64_t gains) {
  NEAP_TRY(check_sizes(sizes, count, rows));
  NEAP_TRY(check_gains(gain, gains));
  int64_t known = gain ? gains : GRADES, longest = 0;
  NEAP_TRY(check_grades(grades, rows, known));
  for (int64_t k = 0; k < count; k++) longest = sizes[k] > longest ? sizes[k] : longest;
  neap__queries_drop(q);
  q->begin = neap_alloc_array(count + 1, sizeof *q->begin);
  q->gain = neap_alloc_array(known, sizeof *q->gain);
  q->discount = neap_alloc_array(longest, sizeof *q->discount);
  q->slope = neap_alloc_array(2 * rows, sizeof *q->slope);
  q->order = neap_alloc_array(rows, sizeof *q->order);
  if (!q->begin || !q->gain || !q->discount || !q->slope || !q->order) return NEAP_ENOMEM;
  q->count = count;
  q->gains = known;
  q->begin[0] = 0;
  for (int64_t k = 0; k < count; k++) q->begin[k + 1] = q->begin[k] + sizes[k];
  for (int64_t i = 0; i < known; i++) q->gain[i] = gain ? gain[i] : ldexp(1, (int)i) - 1;
  for (int64_t i = 0; i < longest; i++) q->discount[i] = 1 / log2(2 + (double)i);
  return NEAP_OK;
}

void neap__queries_drop(neap__queries *q) {
  neap_free(q->begin);
  neap_free(q->gain);
  neap_free(q->discount);
  neap_free(q->slope);
  neap_free(q->order);
  *q = (neap__queries){0};
}

/* order ---------------------------------------------------------------------------------------- */

static bool is_later(neap__ranked a, neap__ranked b) {
  return a.score != b.score ? a.score < b.score : a.at > b.at;
}

static void swap(neap__ranked *a, neap__ranked *b) {
  neap__ranked t = *a;
  *a = *b;
  *b = t;
}

static void sift(neap__ranked *a, int64_t n, int64_t i) {
  for (int64_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && is_later(a[child + 1], a[child])) child++;
    if (!is_later(a[child], a[i])) return;
    swap(&a[i], &a[child]);
  }
}

/* Rows of query number k by falling score, equal ones in the order they have, in q->order. Heap
 * sort: no order of the scores is slow, and no two rows are equal, since their places differ. */
static void sort_query(const neap__queries *q, int64_t k, const double *scores) {
  int64_t first = q->begin[k], n = q->begin[k + 1] - first;
  neap__ranked *a = q->order + first;
  for (int64_t i = 0; i < n; i++) a[i] = (neap__ranked){scores[first + i], first + i};
  for (int64_t i = n / 2; i-- > 0;) sift(a, n, i);
  for (int64_t m = n; m-- > 1;) {
    swap(&a[0], &a[m]);
    sift(a, m, 0);
  }
}

/* The largest discounted gain that the first places of query k can have. */
static double best_gain(const neap__queries *q, int64_t k, const double *grades, int64_t places) {
  int64_t n = q->begin[k + 1] - q->begin[k], place = 0;
  double sum = 0;
  if (places > n) places = n;
  for (int64_t grade = q->gains; grade-- > 0 && place < places;)
    for (int64_t i = q->begin[k]; i < q->begin[k + 1] && place < places; i++)
      if ((int64_t)grades[i] == grade) sum += q->gain[grade] * q->discount[place++];
  return sum;
}

/* lambdarank ----------------------------------------------------------------------------------- */

typedef struct {
  const neap__loss *l;
  const double *scores;
  neap__pair *pairs;
} rank_job;

/* What exchanging two rows of a query would do. */
typedef struct {
  const neap__loss *l;
  double inverse;   /* of the query's best gain */
  bool by_distance; /* lambdarank_norm: exchanges of distant scores count less */
  double sum;
} exchange;

/* The pair at places i < j: -|change of NDCG| times the derivative of log(1 + e^(-sigmoid * d)), d
 * the lead of the better row. */
static void add_pair(exchange *e, int64_t i, int64_t j, const neap__ranked *order) {
  const neap__loss *l = e->l;
  const neap__queries *q = &l->queries;
  double *g = q->slope, *h = q->slope + l->rows;
  bool ordered = l->target[order[i].at] > l->target[order[j].at];
  neap__ranked high = order[ordered ? i : j], low = order[ordered ? j : i];
  double lead = high.score - low.score, sigmoid = l->o->sigmoid;
  double gap = q->gain[(int64_t)l->target[high.at]] - q->gain[(int64_t)l->target[low.at]];
  double change = gap * (q->discount[i] - q->discount[j]) * e->inverse;
  if (e->by_distance) change /= 0.01 + fabs(lead);
  double p = neap__sigmoid(-sigmoid * lead), slope = sigmoid * change * p;
  double bend = sigmoid * sigmoid * change * p * (1 - p);
  g[high.at] -= slope;
  g[low.at] += slope;
  h[high.at] += bend;
  h[low.at] += bend;
  e->sum += 2 * slope;
}

static void rank_query(const rank_job *job, int64_t k) {
  const neap__loss *l = job->l;
  const neap__queries *q = &l->queries;
  int64_t first = q->begin[k], n = q->begin[k + 1] - first, top = l->o->lambdarank_truncation_level;
  const neap__ranked *order = q->order + first;
  sort_query(q, k, job->scores);
  double best = best_gain(q, k, l->target, top);
  bool norm = l->o->lambdarank_norm;
  exchange e = {l, best > 0 ? 1 / best : 0, norm && order[0].score != order[n - 1].score, 0};
  for (int64_t i = first; i < first + n; i++) q->slope[i] = q->slope[l->rows + i] = 0;
  for (int64_t i = 0; i + 1 < n && i < top; i++)
    for (int64_t j = i + 1; j < n; j++)
      if (l->target[order[i].at] != l->target[order[j].at]) add_pair(&e, i, j, order);
  double factor = norm && e.sum > 0 ? log2(1 + e.sum) / e.sum : 1;
  for (int64_t i = first; i < first + n; i++) {
    double w = factor * (l->weight ? (double)l->weight[i] : 1);
    job->pairs[i].real.g = (float)(q->slope[i] * w);
    job->pairs[i].real.h = (float)(q->slope[l->rows + i] * w);
  }
}

static neap_status rank_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t k = begin; k < end; k++) rank_query(ctx, k);
  return NEAP_OK;
}

neap_status neap__rank_pairs(const neap__loss *l, const double *scores, neap__pair *pairs) {
  if (!l->queries.count)
    return neap_fail(NEAP_EARG, "gbdt.fit: objective 'lambdarank' needs the rows of each query");
  return neap_parallel_for(l->queries.count, 1, rank_chunk, &(rank_job){l, scores, pairs});
}

/* metrics -------------------------------------------------------------------------------------- */

typedef struct {
  const neap__metric_rows *r;
  int64_t places;
  double (*judge)(const neap__metric_rows *r, int64_t k, int64_t places);
  double *value; /* [queries][2]: weighted value, weight */
} judge_job;

/* Of a query without a grade worth anything 1, as in LightGBM. */
static double ndcg(const neap__metric_rows *r, int64_t k, int64_t places) {
  const neap__queries *q = &r->s->queries;
  const neap__ranked *order = q->order + q->begin[k];
  int64_t n = q->begin[k + 1] - q->begin[k];
  double best = best_gain(q, k, r->s->target, places), sum = 0;
  if (!(best > 0)) return 1;
  for (int64_t i = 0; i < n && i < places; i++)
    sum += q->gain[(int64_t)r->s->target[order[i].at]] * q->discount[i];
  return sum / best;
}

/* Mean precision at the places of the rows with a grade above 0. */
static double average_precision(const neap__metric_rows *r, int64_t k, int64_t places) {
  const neap__queries *q = &r->s->queries;
  const neap__ranked *order = q->order + q->begin[k];
  int64_t n = q->begin[k + 1] - q->begin[k], all = 0, hits = 0;
  double sum = 0;
  if (places > n) places = n;
  for (int64_t i = 0; i < n; i++) {
    bool hit = r->s->target[order[i].at] > 0;
    all += hit;
    if (!hit || i >= places) continue;
    hits++;
    sum += (double)hits / (double)(i + 1);
  }
  return all ? sum / (double)(all < places ? all : places) : 1;
}

/* A query weighs what its rows do in the mean. */
static double weight_of(const neap__metric_rows *r, int64_t k) {
  const neap__queries *q = &r->s->queries;
  double sum = 0;
  if (!r->s->weight) return 1;
  for (int64_t i = q->begin[k]; i < q->begin[k + 1]; i++) sum += (double)r->s->weight[i];
  return sum / (double)(q->begin[k + 1] - q->begin[k]);
}

static neap_status judge_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const judge_job *job = ctx;
  for (int64_t k = begin; k < end; k++) {
    sort_query(&job->r->s->queries, k, job->r->s->scores);
    double w = weight_of(job->r, k);
    job->value[2 * k] = w * job->judge(job->r, k, job->places);
    job->value[2 * k + 1] = w;
  }
  return NEAP_OK;
}

neap_status neap__metric_rank(const neap__metric_rows *r, bool map, int64_t places, double *value) {
  int64_t n = r->s->queries.count;
  if (!n) return neap_fail(NEAP_EARG, "gbdt.fit: metrics of ranking need the rows of each query");
  judge_job job = {r, places, map ? average_precision : ndcg,
                   neap_alloc_array(2 * n, sizeof(double))};
  if (!job.value) return NEAP_ENOMEM;
  neap_status st = neap_parallel_for(n, 1, judge_chunk, &job);
  double sum = 0, weights = 0;
  for (int64_t k = 0; !st && k < n; k++) {
    sum += job.value[2 * k];
    weights += job.value[2 * k + 1];
  }
  neap_free(job.value);
  *value = sum / weights;
  return st;
}
