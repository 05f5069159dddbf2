/* sim_vfs.h -- lets SQLite keep its files on a simulated disk. */
#ifndef IO_SIM_VFS_H
#define IO_SIM_VFS_H

struct sim;

/* Registers a SQLite VFS on the simulation's disk, clock and randomness (xShm* on heap memory: one
 * process). `name` is what sqlite3_open_v2 takes; static. Unregisters with sim_vfs_remove before
 * sim_free. */
void sim_vfs_add(struct sim *sim, const char *name);
void sim_vfs_remove(const char *name);

#endif
