/* doctor_machine.c -- the checks of this machine: clock, disk, limits, files, certificates, store.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>

#include "app/cli/doctor.h"
#include "db/state.h"
#include "http/tls.h"
#include "io/disk.h"
#include "store/checkup.h"

#define SYNCS 20
#define SLOW_SYNC_MS 20.0
#define FREE_BYTES_LOW ((uint64_t)GIB)
#define FREE_BYTES_LEAST ((uint64_t)100 * MIB)
#define GIB (MIB * 1024)
#define FILES_LOW 4096
#define FILES_LEAST 256
#define DAYS_LOW 14
#define YEAR_2024_S 1704067200
#define LATE_S 300

/* ---- clock ---- */

void doctor_clock(struct doctor *d)
{
    struct timex state = {0};
    time_t now = time(NULL);

    if (now < YEAR_2024_S)
        doctor_telling(d, "clock", DOCTOR_FAILED,
                       "Set it: receivers refuse signatures that are old",
                       "the clock says it is before 2024");
    else if (adjtimex(&state) == TIME_ERROR)
        doctor_telling(d, "clock", DOCTOR_WARNING,
                       "Receivers accept 5 minutes: let chrony or systemd-timesyncd set the clock",
                       "the system does not say that its clock is synchronised");
    else
        doctor_telling(d, "clock", DOCTOR_OK, "", "synchronised");
}

/* ---- disk ---- */

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static void sort(double *values, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && values[k] < values[k - 1]; k--) {
            double swapped = values[k];

            values[k] = values[k - 1];
            values[k - 1] = swapped;
        }
}

/* The median of some small writes, each made durable; less than 0: it cannot be written. */
static double sync_ms(struct doctor *d, const char *folder)
{
    struct disk *disk = d->session->world->disk;
    const char *path = arena_cstr(&d->arena, arena_printf(&d->arena, "%s/doctor.part", folder));
    double took[SYNCS];
    char block[4 * KIB] = {0};
    int fd = disk->create(disk, path, false);
    enum err err = fd < 0 ? ERR_IO : OK;

    for (size_t i = 0; i < SYNCS && !err; i++) {
        double began = now_ms();

        err = disk->write(disk, fd, str_range(block, sizeof(block)));
        if (!err)
            err = disk->sync(disk, fd);
        took[i] = now_ms() - began;
    }
    if (fd >= 0) {
        disk->close(disk, fd);
        (void)disk->remove(disk, path);
    }
    if (err)
        return -1;
    sort(took, SYNCS);
    return took[SYNCS / 2];
}

static void check_space(struct doctor *d, const char *folder)
{
    struct statvfs space;
    uint64_t bytes;

    if (statvfs(folder, &space) != 0) {
        doctor_telling(d, "disk", DOCTOR_FAILED, "Give another folder with --data",
                       "%s cannot be looked at", folder);
        return;
    }
    bytes = (uint64_t)space.f_bavail * space.f_frsize;
    doctor_telling(d, "disk",
                   bytes < FREE_BYTES_LEAST ? DOCTOR_FAILED
                   : bytes < FREE_BYTES_LOW ? DOCTOR_WARNING
                                            : DOCTOR_OK,
                   bytes < FREE_BYTES_LOW
                       ? "Make room, or shorten runbell.retention: a full disk stops all writing"
                       : "",
                   "%.1f GB free for %s", (double)bytes / 1e9, folder);
}

void doctor_disk(struct doctor *d)
{
    const struct config *config = &d->session->config;
    struct stat info;
    double took;

    if (stat(config->data_dir, &info) != 0) {
        doctor_telling(d, "disk", DOCTOR_OK, "", "%s does not exist yet; runbell serve makes it",
                       config->data_dir);
        return;
    }
    check_space(d, config->data_dir);
    if (config->store_url)
        return;
    took = sync_ms(d, config->data_dir);
    if (took < 0)
        doctor_telling(d, "fsync", DOCTOR_FAILED, "The user of the server must own the folder",
                       "%s cannot be written", config->data_dir);
    else
        doctor_telling(d, "fsync", took > SLOW_SYNC_MS ? DOCTOR_WARNING : DOCTOR_OK,
                       took > SLOW_SYNC_MS
                           ? "Every acknowledgement waits for one: use a faster or a local disk"
                           : "",
                       "%.2f ms for a durable write (median of %d)", took, SYNCS);
}

/* ---- limits and permissions ---- */

void doctor_files(struct doctor *d)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    doctor_telling(d, "file limit",
                   limit.rlim_cur < FILES_LEAST ? DOCTOR_FAILED
                   : limit.rlim_cur < FILES_LOW ? DOCTOR_WARNING
                                                : DOCTOR_OK,
                   limit.rlim_cur < FILES_LOW
                       ? "Each connection needs one: ulimit -n 65536, or LimitNOFILE= of systemd"
                       : "",
                   "%llu open files", (unsigned long long)limit.rlim_cur);
}

/* True if others may do something with it. */
static bool is_open(const char *path, mode_t *mode)
{
    struct stat info;

    if (!path || stat(path, &info) != 0)
        return false;
    *mode = info.st_mode & 0777;
    return (info.st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

void doctor_permissions(struct doctor *d)
{
    const struct config *config = &d->session->config;
    const char *keyring =
        arena_cstr(&d->arena, arena_printf(&d->arena, "%s/secret.key", config->data_dir));
    const struct {
        const char *path;
        bool is_secret; /* not only others' data, but a key */
    } files[] = {{config->data_dir, false}, {config->tls_key, true}, {keyring, true}};
    mode_t mode = 0;
    bool is_well = true;

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (!is_open(files[i].path, &mode))
            continue;
        is_well = false;
        doctor_telling(d, "permissions", files[i].is_secret ? DOCTOR_FAILED : DOCTOR_WARNING,
                       files[i].is_secret ? "Nobody else may read a key: chmod 600"
                                          : "It holds everybody's data: chmod 700",
                       "%s has mode %o", files[i].path, (unsigned)mode);
    }
    if (is_well)
        doctor_telling(d, "permissions", DOCTOR_OK, "",
                       "keys and data can be read by their owner only");
}

/* ---- certificates ---- */

static void check_own(struct doctor *d, const struct config *config)
{
    struct tls_server *server = NULL;
    const char *why = "";
    int days = 0;

    if (tls_server_new(config->tls_cert, config->tls_key, &server, &why) ||
        tls_certificate_days(config->tls_cert, &days, &why)) {
        doctor_telling(d, "certificate", DOCTOR_FAILED, "Look at tls.cert and tls.key", "%s: %s",
                       config->tls_cert, why);
    } else {
        doctor_telling(d, "certificate",
                       days < 0          ? DOCTOR_FAILED
                       : days < DAYS_LOW ? DOCTOR_WARNING
                                         : DOCTOR_OK,
                       days < DAYS_LOW ? "Renew it; SIGHUP makes the server read it again" : "",
                       days < 0 ? "%s is not valid any more (%d days)" : "%s is valid for %d days",
                       config->tls_cert, days);
    }
    tls_server_free(server);
}

void doctor_certificates(struct doctor *d)
{
    const struct config *config = &d->session->config;
    struct tls_client *client = NULL;
    const char *why = "";

    if (config->tls_cert)
        check_own(d, config);
    if (tls_client_new(config->ca_file, &client, &why)) {
        doctor_telling(d, "roots", DOCTOR_FAILED,
                       "Webhooks to https need them: install ca-certificates, or set ca_file",
                       "the trusted certificates cannot be read: %s", why);
        return;
    }
    doctor_telling(d, "roots", DOCTOR_OK, "", "trusted certificates from %s",
                   config->ca_file ? config->ca_file : "the system");
    tls_client_free(client);
}

/* ---- store ---- */

static void check_backlog(struct doctor *d, const struct store_checkup *checkup)
{
    int64_t late_s =
        checkup->oldest_due_us ? (int64_t)time(NULL) - checkup->oldest_due_us / US_PER_SECOND : 0;
    bool is_late = late_s > LATE_S;

    doctor_telling(d, "backlog", is_late ? DOCTOR_WARNING : DOCTOR_OK,
                   is_late ? "Is the server running? runbell deliveries list --state due" : "",
                   "%lld webhooks due (the oldest for %lld s), %lld held, %lld given up",
                   (long long)checkup->due, (long long)(late_s > 0 ? late_s : 0),
                   (long long)checkup->held, (long long)checkup->dead);
}

void doctor_store(struct doctor *d)
{
    const struct config *config = &d->session->config;
    struct store_checkup checkup;
    const char *why = "";

    if (store_checkup(d->session->world, config->data_dir, config->store_url, &checkup, &why))
        doctor_tell(d, "store", DOCTOR_FAILED, str_of(why),
                    config->store_url ? "Look at --store and at the database"
                                      : "Look at --data; a backup can be restored");
    else if (!checkup.exists)
        doctor_telling(d, "store", DOCTOR_OK, "", "there is none yet; runbell serve makes it");
    else if (checkup.schema > checkup.schema_known)
        doctor_telling(d, "store", DOCTOR_FAILED, "Use the runbell that made it, or a newer one",
                       "it has schema %lld, this program knows %lld", (long long)checkup.schema,
                       (long long)checkup.schema_known);
    else if (checkup.schema < checkup.schema_known)
        doctor_telling(d, "store", DOCTOR_WARNING,
                       "The next start of the server brings it up to date: make a backup first",
                       "it has schema %lld of %lld", (long long)checkup.schema,
                       (long long)checkup.schema_known);
    else {
        doctor_telling(d, "store", DOCTOR_OK, "", "%s%s, schema %lld",
                       config->store_url ? "PostgreSQL" : "SQLite ",
                       config->store_url ? "" : db_sqlite_version(), (long long)checkup.schema);
        check_backlog(d, &checkup);
    }
}
