/* YAML from any bytes: no crash, every list and map closed, every text inside the buffer, and
 * memory back where it was. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "config/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool fact) {
  if (!fact) abort();
}

static void check_nodes(const neap_yaml *y) {
  int depth = 0;
  for (int64_t i = 0; i < y->count; i++) {
    const neap_yaml_node *node = &y->node[i];
    require(node->line >= 1 && node->column >= 1);
    if (node->kind == NEAP_YAML_SCALAR)
      require(node->text >= 0 && node->length >= 0 && node->text + node->length <= y->bytes);
    else depth += node->kind == NEAP_YAML_END ? -1 : 1;
    require(depth >= 0 && depth <= NEAP_YAML_DEPTH);
    require(depth > 0 || i == y->count - 1);
  }
  require(depth == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  int64_t live = neap_alloc_live();
  neap_yaml y = {0};
  neap_status st = neap_yaml_parse(&y, (const char *)data, n, "f");
  if (st) require(st == NEAP_EFORMAT && neap_last_error()[0]);
  else check_nodes(&y);
  neap_yaml_free(&y);
  require(neap_alloc_live() == live);
  return 0;
}
