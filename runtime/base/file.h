/* file.h — whole files in and out, so that nothing is ever half written or half read.
 *
 * A reader sees plain, gzip and zstd files alike, told apart by their first bytes; files of several
 * gzip members or zstd frames are read through, and one that ends early is an error, never a short
 * read. A writer fills a temporary file in the folder of its target and puts it in place at commit
 * (sync, rename, sync of the folder): whoever looks sees the old file or the new one, also after a
 * crash. Messages name the operation, the path and the system's reason. Paths are UTF-8, as the
 * system takes them. No object here may be used by two threads at once. */
#ifndef NEAP_BASE_FILE_H
#define NEAP_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* reading ----------------------------------------------------------------------------------------
 */

typedef struct neap_reader neap_reader;

/* Open path. NEAP_EIO when the system refuses. */
neap_status neap_reader_open(neap_reader **out, const char *path);

/* The next n decompressed bytes into buf; *got < n only at the end of the data, where every later
 * call gives 0. NEAP_EFORMAT when compressed data are corrupt or end early, NEAP_EIO when the
 * system fails, NEAP_EINTERRUPT after Ctrl-C; the bytes before the fault are not handed out. */
neap_status neap_reader_read(neap_reader *r, void *buf, size_t n, size_t *got);

/* Bytes that reading to the end gives: of a plain file as the system states them, of a compressed
 * one guessed from the part read so far; 0 when nothing is known. */
int64_t neap_reader_size(const neap_reader *r);

/* Close and free; NULL is fine. */
void neap_reader_close(neap_reader *r);

/* The whole file, decompressed: *n bytes and a closing zero in *data, for neap_free. */
neap_status neap_file_read(const char *path, char **data, int64_t *n);

/* writing ----------------------------------------------------------------------------------------
 */

typedef struct neap_writer neap_writer;

/* Begin to write path, whose folder must exist. Names ending in .gz and .zst are compressed, with
 * the same bytes every time. An existing file keeps its contents until commit, and its permissions
 * after it; a link is replaced by the file; a device or pipe (/dev/null) is written directly. A
 * process that is killed meanwhile leaves path.<process>-<number>.tmp behind. */
neap_status neap_writer_open(neap_writer **out, const char *path);

/* Append n bytes. After a failure every later call, commit included, repeats the failure. */
neap_status neap_writer_write(neap_writer *w, const void *data, size_t n);

/* Make the file durable under its name. Frees w, whatever it returns; on failure the old file is
 * there as before and the temporary one is gone. */
neap_status neap_writer_commit(neap_writer *w);

/* Several files that are made durable together, which takes less than each by itself. Open each
 * with its temporary file in `folder`, on the same file system as path; when all is written, stage
 * hands the last bytes to the system, which begins to bring them to the disk; place then waits for
 * that and gives the file its name. It frees w, whatever it returns. Names are durable once
 * neap_folder_sync was called for the folders they are in. */
neap_status neap_writer_open_in(neap_writer **out, const char *path, const char *folder);
neap_status neap_writer_stage(neap_writer *w);
neap_status neap_writer_place(neap_writer *w);
neap_status neap_folder_sync(const char *path);

/* Forget everything written; frees w. NULL is fine. */
void neap_writer_abandon(neap_writer *w);

/* All of it at once. */
neap_status neap_file_write(const char *path, const void *data, size_t n);

/* folders and names ------------------------------------------------------------------------------
 */

/* Whether something is there, of any kind; a dangling link is not. */
bool neap_file_exists(const char *path);

/* What changes when a file is written to, replaced or shortened. Times in ns by the system's clock,
 * which for files goes in steps of some milliseconds. False when there is none. */
typedef struct {
  int64_t size, inode, modified, changed;
} neap_file_stamp;
bool neap_file_stamp_of(neap_file_stamp *out, const char *path);

/* Make the folder and those above it; one that exists is fine. */
neap_status neap_folder_make(const char *path);

/* Remove a file, a link or an empty folder. */
neap_status neap_file_remove(const char *path);

/* Remove a folder with all below it, following no links; nothing there is fine. Refuses "", "/",
 * and paths that end in "." or "..". */
neap_status neap_folder_remove_tree(const char *path);

/* The names in a folder, sorted by bytes, without . and .., for neap_names_free. */
neap_status neap_folder_list(const char *path, char ***names, int64_t *n);
void neap_names_free(char **names, int64_t n);

/* A fresh folder of our own below $TMPDIR or /tmp; its path is in *path, for neap_free. */
neap_status neap_folder_temporary(char **path);

/* faults for tests -------------------------------------------------------------------------------
 */

/* The k-th call to the system (open, write, sync, rename) that writers make from now on fails with
 * error number err, once; k = 0 disarms. The environment variable NEAP_FAULT_WRITE=k does the same
 * with ENOSPC from the first writer on, for scripts under test. */
void neap_file_fail_after(int64_t k, int err);

/* True while an armed fault has not fired. A loop over k = 1, 2, ... ends when it stays true. */
bool neap_file_fail_armed(void);

/* Private to base: NEAP_EIO with "operation 'path': reason". */
neap_status neap__file_fail(const char *operation, const char *path, int err);

#endif
