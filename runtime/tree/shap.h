/* shap.h — what each feature brought to a prediction: Shapley values of trees.
 *
 * The game of a row: with the features of a set known the row goes its way at their splits, and at
 * all others it is parted in the ratio of the training rows that went left and right (Lundberg et
 * al. 2020, "path dependent"; LightGBM's predict_contrib). Counts of rows give the ratio, or where
 * a tree has none the weights of its leaves and nodes.
 *
 * For a leaf of value v below the features 1..d, let z_k be the product of the ratios at the splits
 * on k and o_k whether the row passes all of them. Then
 *   phi_k = v (o_k - z_k) integral over 0 <= t <= 1 of prod over i != k of (z_i (1 - t) + o_i t)
 * because the integral of t^s (1 - t)^(d-1-s) is s! (d-1-s)! / d!. The integrand is a polynomial of
 * degree d - 1, so ceil(d / 2) points of Gauss and Legendre give it exactly, and every term of the
 * product is positive. All leaves are summed in one walk of the tree, as in Linear TreeShap (Yu et
 * al. 2022), with the values at the points in place of their polynomials' coefficients. */
#ifndef NEAP_TREE_SHAP_H
#define NEAP_TREE_SHAP_H

#include "tree/tree.h"

/* out[N x K x (F + 1)]: for each row and raw score the share of every feature, and last what the
 * trees give when nothing is known; together the raw score. iterations = 0 uses all. Same bits at
 * any thread count and for any rows around. Trees with linear leaves, or without counts and
 * weights, are refused. */
neap_status neap_gbdt_shap(const neap_gbdt *m, const neap_tensor *x, int64_t iterations,
                           double *out);

/* out[N x K x (F + 1) x (F + 1)]: symmetric; half of the interaction of i and j stands at (i, j)
 * and at (j, i), the rest of feature i at (i, i), so that rows sum to the shares above; the last
 * row and column are 0 except for the corner. Phi_ij is
 *   v / 2 (o_i - z_i) (o_j - z_j) integral of prod over k != i, j of (z_k (1 - t) + o_k t). */
neap_status neap_gbdt_shap_interactions(const neap_gbdt *m, const neap_tensor *x,
                                        int64_t iterations, double *out);

#endif
