#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

neap_status neap__file_fail(const char *operation, const char *path, int err) {
  char reason[256];
  if (strerror_r(err, reason, sizeof reason) != 0) snprintf(reason, sizeof reason, "error %d", err);
  return neap_fail(err == ENOMEM ? NEAP_ENOMEM : NEAP_EIO, "%s '%s': %s", operation, path, reason);
}

bool neap_file_exists(const char *path) {
  struct stat s;
  return stat(path, &s) == 0;
}

static int64_t nanoseconds(struct timespec t) {
  return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_nsec;
}

bool neap_file_stamp_of(neap_file_stamp *out, const char *path) {
  struct stat s;
  if (stat(path, &s) != 0) return false;
  *out = (neap_file_stamp){(int64_t)s.st_size, (int64_t)s.st_ino, nanoseconds(s.st_mtim),
                           nanoseconds(s.st_ctim)};
  return true;
}

static bool is_folder(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static neap_status make_one(const char *path) {
  if (mkdir(path, 0777) == 0) return NEAP_OK;
  int err = errno;
  return is_folder(path) ? NEAP_OK : neap__file_fail("make folder", path, err);
}

neap_status neap_folder_make(const char *path) {
  char *part = neap_strndup(path, strlen(path));
  if (!part) return NEAP_ENOMEM;
  neap_status st = NEAP_OK;
  for (char *p = part; *p && !st; p++) {
    if (*p != '/' || p == part) continue;
    *p = 0;
    st = make_one(part);
    *p = '/';
  }
  if (!st) st = make_one(part);
  neap_free(part);
  return st;
}

neap_status neap_file_remove(const char *path) {
  return remove(path) == 0 ? NEAP_OK : neap__file_fail("remove", path, errno);
}

static int remove_entry(const char *path, const struct stat *s, int type, struct FTW *at) {
  (void)s;
  (void)type;
  (void)at;
  return remove(path) == 0 || errno == ENOENT ? 0 : errno;
}

/* The last part of a path, without slashes at its end, is a name of its own. */
static bool names_something(const char *path) {
  size_t end = strlen(path), begin;
  while (end && path[end - 1] == '/') end--;
  for (begin = end; begin && path[begin - 1] != '/'; begin--) {}
  size_t n = end - begin;
  return n && !(n <= 2 && path[begin] == '.' && path[end - 1] == '.');
}

neap_status neap_folder_remove_tree(const char *path) {
  if (!names_something(path))
    return neap_fail(NEAP_EARG, "remove tree '%s': not the name of a folder", path);
  errno = 0;
  int rc = nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  if (rc == 0 || (rc < 0 && errno == ENOENT)) return NEAP_OK;
  return neap__file_fail("remove tree", path, rc > 0 ? rc : errno);
}

/* listing ----------------------------------------------------------------------------------------
 */

void neap_names_free(char **names, int64_t n) {
  for (int64_t i = 0; i < n; i++) neap_free(names[i]);
  neap_free(names);
}

static neap_status add_name(char ***names, int64_t *n, const char *name) {
  if ((*n & (*n - 1)) == 0) { /* room doubles at every power of two */
    char **grown = neap_realloc_array(*names, *n ? *n * 2 : 1, sizeof **names);
    if (!grown) return NEAP_ENOMEM;
    *names = grown;
  }
  (*names)[*n] = neap_strndup(name, strlen(name));
  if (!(*names)[*n]) return NEAP_ENOMEM;
  ++*n;
  return NEAP_OK;
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

neap_status neap_folder_list(const char *path, char ***names, int64_t *n) {
  *names = NULL;
  *n = 0;
  DIR *folder = opendir(path);
  if (!folder) return neap__file_fail("list", path, errno);
  neap_status st = NEAP_OK;
  errno = 0;
  for (struct dirent *e; !st && (e = readdir(folder)); errno = 0)
    if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) st = add_name(names, n, e->d_name);
  if (!st && errno) st = neap__file_fail("list", path, errno);
  closedir(folder);
  if (st) {
    neap_names_free(*names, *n);
    *names = NULL;
    *n = 0;
  } else if (*n) qsort(*names, (size_t)*n, sizeof **names, by_bytes);
  return st;
}

neap_status neap_folder_temporary(char **path) {
  const char *base = getenv("TMPDIR");
  if (!base || !*base) base = "/tmp";
  size_t room = strlen(base) + sizeof "/neap-XXXXXX";
  *path = neap_alloc(room);
  if (!*path) return NEAP_ENOMEM;
  snprintf(*path, room, "%s/neap-XXXXXX", base);
  if (mkdtemp(*path)) return NEAP_OK;
  neap_status st = neap__file_fail("make folder", *path, errno);
  neap_free(*path);
  *path = NULL;
  return st;
}
