/* folder.h -- blobs as files: DIR/ab/abcdef….
 *
 *   put: "<key>.part" is written, synced, renamed to "<key>", its folder synced
 *
 * One thread does all file work; pieces travel to it and back as messages. */
#ifndef BLOB_FOLDER_H
#define BLOB_FOLDER_H

#include "blob/blob.h"

/* `dir` is copied; it comes to be at the first put. */
struct blob_store *blob_folder_new(struct world *world, const char *dir);

#endif
