/* agents_files.h -- an agent's files on this machine: a folder, or an archive. */
#ifndef APP_CLI_AGENTS_FILES_H
#define APP_CLI_AGENTS_FILES_H

#include "app/cli/session.h"
#include "format/zip.h"

/* The archive of a folder (packed; hidden files are left out) or of a file. The exit code; what is
 * to be said has been said. */
int agents_read(const struct session *session, const char *path, struct buf *archive) MUST_USE;
/* The archive's files, in the arena. */
int agents_members(const struct session *session, struct arena *arena, struct str archive,
                   struct zip_members *members) MUST_USE;
/* Them below the folder, which is made if need be. What else lies there stays. */
int agents_unpack(const struct session *session, const struct zip_members *members,
                  const char *folder) MUST_USE;
/* Into a file, or "-": standard output. */
int agents_write(const struct session *session, const char *path, struct str bytes) MUST_USE;

#endif
