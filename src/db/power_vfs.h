/* power_vfs.h -- for tests: a SQLite VFS on real files for which the power can go.
 *
 * It remembers each write since the last sync of its file. When the power goes, inside of some
 * call, each of them has reached the disk, has not, or was torn at a sector, by the seed and in no
 * order; from then on every call fails. After all connections are closed, power_restore puts the
 * files into that state, and it goes on. */
#ifndef DB_POWER_VFS_H
#define DB_POWER_VFS_H

#include "base/base.h"

struct power;

struct power *power_new(const char *name, uint64_t seed); /* the name is static */
void power_free(struct power *power);
/* It goes in the `calls`th write, sync or truncation from now on; 0: not by itself. */
void power_cut_after(struct power *power, int64_t calls);
void power_cut(struct power *power);
bool power_is_off(struct power *power);
void power_restore(struct power *power);

#endif
