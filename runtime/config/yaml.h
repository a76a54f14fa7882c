/* yaml.h — configuration files: YAML text to a tree of nodes that know their line.
 *
 * Over libyaml. One document of maps, lists and scalars. What makes YAML risky is refused with its
 * place: anchors, aliases, tags, merge keys, keys that are not scalars, more than one document,
 * more than NEAP_YAML_DEPTH levels, more than NEAP_YAML_BYTES of text. Every message begins
 * "name:line:column: ". */
#ifndef NEAP_CONFIG_YAML_H
#define NEAP_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { NEAP_YAML_DEPTH = 32, NEAP_YAML_BYTES = 16 << 20 };

typedef enum { NEAP_YAML_SCALAR, NEAP_YAML_LIST, NEAP_YAML_MAP, NEAP_YAML_END } neap_yaml_kind;

/* Nodes in the order of the text. A list is followed by its items, a map by key, value, key, value
 * and so on, each up to a NEAP_YAML_END of its own. */
typedef struct {
  neap_yaml_kind kind;
  bool quoted;          /* a scalar written with quotes or as a block: always a string */
  int32_t line, column; /* from 1 */
  int64_t text, length; /* a scalar's bytes in neap_yaml.text */
} neap_yaml_node;

typedef struct {
  neap_yaml_node *node;
  int64_t count; /* 0 when the text holds no document */
  char *text;
  int64_t bytes;
  int64_t node_room, text_room;
} neap_yaml;

/* Parse n bytes of text into *out, which must be zero. name stands for the file in messages.
 * Freeable whatever is returned. */
neap_status neap_yaml_parse(neap_yaml *out, const char *text, size_t n, const char *name);
void neap_yaml_free(neap_yaml *y);

#endif
