/* secret_file.h -- where the keys stand that seal secrets in the store (crypto/keyring.h).
 *
 *   runbell.secret_key_file (RUNBELL_SECRET_KEY_FILE), else
 *   runbell-secret-key of systemd's credentials ($CREDENTIALS_DIRECTORY), else
 *   secret.key in the data folder: made at the first start, mode 0600; if others can read it, the
 *   server does not start.
 *
 * Files are replaced as a whole, so whoever reads one sees the keys of before or of after. */
#ifndef APP_SECRET_FILE_H
#define APP_SECRET_FILE_H

#include "app/config.h"
#include "crypto/keyring.h"
#include "io/disk.h"

#define SECRET_FILE "secret.key"

struct secret_file {
    struct disk *disk;
    const char *path;
    bool is_own; /* of the data folder */
};

/* The path lives in the arena. */
struct secret_file secret_file_of(const struct config *config, struct disk *disk,
                                  struct arena *arena);
/* On an error *why, in the arena, says it for a person and names the file. Wipe *keys when done.
 * ERR_NOT_FOUND: there is no file. */
enum err secret_file_read(const struct secret_file *file, struct arena *arena,
                          struct keyring_keys *keys, struct str *why) MUST_USE;
enum err secret_file_write(const struct secret_file *file, struct arena *arena,
                           const struct keyring_keys *keys, struct str *why) MUST_USE;
/* Reads it; the one of the data folder is made if it is not there. */
enum err secret_file_open(const struct secret_file *file, struct arena *arena,
                          struct keyring_keys *keys, struct str *why) MUST_USE;

/* One change at a time: reads, lets `change` work on the keys, writes. *why is then set by it. */
enum err secret_file_change(const struct secret_file *file, struct arena *arena,
                            enum err (*change)(void *context, struct keyring_keys *keys,
                                               struct arena *arena, struct str *why),
                            void *context, struct str *why) MUST_USE;

#endif
