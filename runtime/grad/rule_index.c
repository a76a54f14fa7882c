/* Gradients of choosing elements: masks, positions, where. */
#include "grad/rules.h"

const neap__rule neap__where_rule = {{"where", NULL, NULL}, 0};
const neap__rule neap__take_rule = {{"take", NULL, NULL}, 0};
const neap__rule neap__gather_rule = {{"gather", NULL, NULL}, 0};
const neap__rule neap__take_where_rule = {{"index", NULL, NULL}, 0};
