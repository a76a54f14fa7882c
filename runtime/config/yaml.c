#include "config/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/alloc.h"

typedef struct {
  neap_yaml *out;
  const char *name;
  yaml_parser_t parser;
  int depth;
  bool is_map[NEAP_YAML_DEPTH];
  bool at_key[NEAP_YAML_DEPTH]; /* the next node of this map is a key */
} reading;

static neap_status fail_at(const reading *r, yaml_mark_t mark, const char *what) {
  return neap_fail(NEAP_EFORMAT, "%s:%zu:%zu: %s", r->name, mark.line + 1, mark.column + 1, what);
}

static neap_status parser_failed(const reading *r) {
  const yaml_parser_t *p = &r->parser;
  if (p->error == YAML_MEMORY_ERROR) return neap_fail(NEAP_ENOMEM, "%s: out of memory", r->name);
  const char *problem = p->problem ? p->problem : "not YAML";
  if (p->error == YAML_READER_ERROR)
    return neap_fail(NEAP_EFORMAT, "%s: byte %zu: %s", r->name, p->problem_offset + 1, problem);
  return fail_at(r, p->problem_mark, problem);
}

/* Room for one more element of size bytes in a growing array. */
static neap_status grow(void **array, int64_t *room, int64_t needed, size_t size) {
  if (needed <= *room) return NEAP_OK;
  int64_t more = needed > 32 ? 2 * needed : 64;
  void *bigger = neap_realloc_array(*array, more, size);
  if (!bigger) return NEAP_ENOMEM;
  *array = bigger;
  *room = more;
  return NEAP_OK;
}

static neap_status add_node(reading *r, neap_yaml_kind kind, yaml_mark_t mark) {
  neap_yaml *y = r->out;
  void *nodes = y->node;
  neap_status st = grow(&nodes, &y->node_room, y->count + 1, sizeof *y->node);
  y->node = nodes;
  if (!st)
    y->node[y->count++] = (neap_yaml_node){
        .kind = kind, .line = (int32_t)mark.line + 1, .column = (int32_t)mark.column + 1};
  return st;
}

static neap_status add_text(reading *r, const char *text, size_t n) {
  neap_yaml *y = r->out;
  void *bytes = y->text;
  neap_status st = grow(&bytes, &y->text_room, y->bytes + (int64_t)n, 1);
  y->text = bytes;
  if (st) return st;
  y->node[y->count - 1].text = y->bytes;
  y->node[y->count - 1].length = (int64_t)n;
  if (n) memcpy(y->text + y->bytes, text, n);
  y->bytes += (int64_t)n;
  return NEAP_OK;
}

/* A node begins: inside a map, keys and values alternate. */
static neap_status begin_node(reading *r, const yaml_event_t *e, const unsigned char *anchor,
                              const unsigned char *tag) {
  if (anchor) return fail_at(r, e->start_mark, "anchors (&name) are not supported");
  if (tag) return fail_at(r, e->start_mark, "tags (!name) are not supported");
  if (r->depth == 0 || !r->is_map[r->depth - 1]) return NEAP_OK;
  bool key = r->at_key[r->depth - 1];
  r->at_key[r->depth - 1] = !key;
  if (key && e->type != YAML_SCALAR_EVENT)
    return fail_at(r, e->start_mark, "a key must be plain text");
  return NEAP_OK;
}

static neap_status on_scalar(reading *r, const yaml_event_t *e) {
  bool key = r->depth && r->is_map[r->depth - 1] && r->at_key[r->depth - 1];
  NEAP_TRY(begin_node(r, e, e->data.scalar.anchor, e->data.scalar.tag));
  const char *text = (const char *)e->data.scalar.value;
  bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  if (key && plain && strcmp(text, "<<") == 0)
    return fail_at(r, e->start_mark, "merge keys (<<) are not supported");
  NEAP_TRY(add_node(r, NEAP_YAML_SCALAR, e->start_mark));
  r->out->node[r->out->count - 1].quoted = !plain;
  return add_text(r, text, e->data.scalar.length);
}

static neap_status on_start(reading *r, const yaml_event_t *e, bool map,
                            const unsigned char *anchor, const unsigned char *tag) {
  NEAP_TRY(begin_node(r, e, anchor, tag));
  if (r->depth == NEAP_YAML_DEPTH) return fail_at(r, e->start_mark, "nested too deeply");
  r->is_map[r->depth] = map;
  r->at_key[r->depth] = map;
  r->depth++;
  return add_node(r, map ? NEAP_YAML_MAP : NEAP_YAML_LIST, e->start_mark);
}

static neap_status on_event(reading *r, const yaml_event_t *e) {
  switch (e->type) {
  case YAML_DOCUMENT_START_EVENT:
    return r->out->count ? fail_at(r, e->start_mark, "a second document begins here") : NEAP_OK;
  case YAML_SCALAR_EVENT: return on_scalar(r, e);
  case YAML_SEQUENCE_START_EVENT:
    return on_start(r, e, false, e->data.sequence_start.anchor, e->data.sequence_start.tag);
  case YAML_MAPPING_START_EVENT:
    return on_start(r, e, true, e->data.mapping_start.anchor, e->data.mapping_start.tag);
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT: r->depth--; return add_node(r, NEAP_YAML_END, e->start_mark);
  case YAML_ALIAS_EVENT: return fail_at(r, e->start_mark, "aliases (*name) are not supported");
  default: return NEAP_OK;
  }
}

neap_status neap_yaml_parse(neap_yaml *out, const char *text, size_t n, const char *name) {
  reading r = {.out = out, .name = name};
  if (n > NEAP_YAML_BYTES)
    return neap_fail(NEAP_EFORMAT, "%s: %zu bytes, allowed are %d", name, n, NEAP_YAML_BYTES);
  if (!yaml_parser_initialize(&r.parser)) return neap_fail(NEAP_ENOMEM, "%s: out of memory", name);
  yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
  neap_status st = NEAP_OK;
  bool end = false;
  while (!st && !end) {
    yaml_event_t event;
    if (!yaml_parser_parse(&r.parser, &event)) {
      st = parser_failed(&r);
      break;
    }
    st = on_event(&r, &event);
    end = event.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&event);
  }
  yaml_parser_delete(&r.parser);
  return st;
}

void neap_yaml_free(neap_yaml *y) {
  neap_free(y->node);
  neap_free(y->text);
  *y = (neap_yaml){0};
}
