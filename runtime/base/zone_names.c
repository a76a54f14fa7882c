/* The name nearest to one that is no zone: by its letters, whole or the part behind the last slash,
 * so that "new york" finds America/New_York. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/zone_names.h"

enum { LONGEST = 64 };

static char plain(char c) {
  if (c >= 'A' && c <= 'Z') return (char)(c + 32);
  return c == ' ' || c == '-' ? '_' : c;
}

/* Edits between two texts: letters put in, left out, changed, or exchanged with the next one. */
static int distance(const char *a, const char *b) {
  int n = (int)strlen(a), m = (int)strlen(b), rows[3][LONGEST + 1];
  if (n > LONGEST || m > LONGEST) return LONGEST;
  for (int k = 0; k <= m; k++) rows[0][k] = k;
  for (int i = 1; i <= n; i++) {
    int *now = rows[i % 3], *before = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];
    now[0] = i;
    for (int k = 1; k <= m; k++) {
      char x = plain(a[i - 1]), y = plain(b[k - 1]);
      int best = before[k - 1] + (x != y);
      if (before[k] + 1 < best) best = before[k] + 1;
      if (now[k - 1] + 1 < best) best = now[k - 1] + 1;
      bool swapped = i > 1 && k > 1 && x == plain(b[k - 2]) && plain(a[i - 2]) == y;
      if (swapped && two[k - 2] + 1 < best) best = two[k - 2] + 1;
      now[k] = best;
    }
  }
  return rows[n % 3][m];
}

typedef struct {
  const char *wanted;
  int best; /* twice the distance of what was found; one more for a part of a name */
  char *found;
} search;

static void consider(search *s, const char *name) {
  const char *slash = strrchr(name, '/');
  int d = 2 * distance(s->wanted, name);
  if (slash) {
    int part = 2 * distance(s->wanted, slash + 1) + 1;
    if (part < d) d = part;
  }
  if (d >= s->best || strlen(name) > LONGEST) return;
  s->best = d;
  strcpy(s->found, name);
}

/* Zones below base/prefix. What begins with a small letter is a table, or a folder of copies. */
static neap_status walk(search *s, const char *base, const char *prefix, int depth) {
  char path[4096], **names;
  int64_t n;
  if (snprintf(path, sizeof path, "%s/%s", base, prefix) >= (int)sizeof path) return NEAP_OK;
  neap_status st = neap_folder_list(path, &names, &n);
  if (st) return st == NEAP_ENOMEM ? st : NEAP_OK; /* a file has nothing below it */
  for (int64_t i = 0; i < n && !st; i++) {
    char name[600];
    bool other = strchr(names[i], '.') || (names[i][0] >= 'a' && names[i][0] <= 'z');
    if (other || strlen(prefix) + strlen(names[i]) > 254) continue;
    snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "/" : "", names[i]);
    consider(s, name);
    if (depth < 3) st = walk(s, base, name, depth + 1);
  }
  neap_names_free(names, n);
  return st;
}

neap_status neap__zone_nearest(const char *base, const char *wanted, char found[65]) {
  int most = (int)strlen(wanted) / 3;
  search s = {.wanted = wanted, .best = 2 * (most > 1 ? most : 1) + 2, .found = found};
  *found = 0;
  return strlen(wanted) > LONGEST ? NEAP_OK : walk(&s, base, "", 0);
}
