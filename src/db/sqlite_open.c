/* sqlite_open.c -- opening, settings and the online backup of SQLite. */
#include <threads.h>

#include "base/log.h"
#include "base/mem.h"
#include "db/gather_vfs.h"
#include "db/sqlite_priv.h"
#include "db/state.h"
#include "db/sync_vfs.h"

#define BUSY_TIMEOUT_MS 10000
#define WHY_BYTES_MAX 512
/* Of small memory that SQLite hands out again and again without a lock. */
#define LOOKASIDE_BYTES 1200
#define LOOKASIDE_SLOTS 400

/* Read once, at start; the text must outlive the connection that could not be opened. */
static char why_text[WHY_BYTES_MAX];

/* Bytewise, case-sensitive and strict, as in PostgreSQL; nothing in the file can run code. No
 * memory map: an I/O error would be a signal. */
static const char settings_common[] = "PRAGMA foreign_keys = ON;"
                                      "PRAGMA case_sensitive_like = ON;"
                                      "PRAGMA temp_store = MEMORY;"
                                      "PRAGMA cell_size_check = ON;"
                                      "PRAGMA mmap_size = 0;"
                                      "PRAGMA wal_autocheckpoint = 0;";

static const char settings_writer[] = "PRAGMA synchronous = FULL;"
                                      "PRAGMA secure_delete = FAST;"
                                      "PRAGMA journal_size_limit = 67108864;"
                                      "PRAGMA cache_size = -8192;";

static const char settings_reader[] = "PRAGMA query_only = ON;"
                                      "PRAGMA cache_size = -2048;";

static int on_wal(void *context, sqlite3 *handle, const char *name, int pages)
{
    struct sqlite *sqlite = context;

    (void)handle;
    (void)name;
    sqlite->wal_pages = pages;
    return SQLITE_OK;
}

/* QPSG: the plan of a statement hangs on its text alone. Else SQLite prepares one anew at each call
 * if its LIMIT is a parameter, or if its condition, with the right value, would allow a partial
 * index; so what such an index asks for stands literally in the text. */
static int configure(struct sqlite *sqlite)
{
    static const struct {
        int option, value;
    } switches[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
        {SQLITE_DBCONFIG_ENABLE_QPSG, 1},
    };
    int code = SQLITE_OK;

    if (!sqlite->read_only)
        code = sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_LOOKASIDE, NULL, LOOKASIDE_BYTES,
                                 LOOKASIDE_SLOTS);

    for (size_t i = 0; i < ARRAY_LEN(switches) && code == SQLITE_OK; i++)
        code = sqlite3_db_config(sqlite->handle, switches[i].option, switches[i].value, NULL);
    /* Only the writer may checkpoint, so no reader does when it happens to close last. */
    if (code == SQLITE_OK && sqlite->read_only)
        code = sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(sqlite->handle, BUSY_TIMEOUT_MS);
    if (code == SQLITE_OK)
        code = sqlite_json_add(sqlite->handle);
    if (code == SQLITE_OK)
        code = sqlite3_exec(sqlite->handle, settings_common, NULL, NULL, NULL);
    return code;
}

static int is_wal(void *context, int count, char **values, char **names)
{
    bool *wal = context;

    (void)names;
    *wal = count == 1 && str_eq(str_of(values[0]), STR("wal"));
    return 0;
}

static int configure_role(struct sqlite *sqlite)
{
    bool wal = false;
    int code;

    if (sqlite->read_only)
        return sqlite3_exec(sqlite->handle, settings_reader, NULL, NULL, NULL);
    code = sqlite3_exec(sqlite->handle, "PRAGMA journal_mode = WAL;", is_wal, &wal, NULL);
    if (code == SQLITE_OK && !wal)
        return SQLITE_CANTOPEN;
    sqlite3_wal_hook(sqlite->handle, on_wal, sqlite);
    if (code == SQLITE_OK)
        code = sqlite3_exec(sqlite->handle, settings_writer, NULL, NULL, NULL);
    return code;
}

/* Counting the bytes in use costs a lock at each allocation, and nobody asks. Refused (without
 * harm) if SQLite has begun already. */
static void configure_process(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int open_handle(const char *path, const char *vfs, bool may_create, sqlite3 **handle)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                SQLITE_OPEN_PRIVATECACHE;

    return sqlite3_open_v2(path, handle, flags | (may_create ? SQLITE_OPEN_CREATE : 0), vfs);
}

enum err db_sqlite_open(const struct db_sqlite_options *options, struct db **db, const char **why)
{
    static once_flag once = ONCE_FLAG_INIT;
    struct sqlite *sqlite = MEM_NEW(struct sqlite);
    int code;

    call_once(&once, configure_process);
    sqlite->db.ops = &sqlite_ops;
    sqlite->db.dialect = DB_SQLITE;
    sqlite->vfs = options->vfs ? options->vfs : sync_vfs_name();
    sqlite->read_only = options->read_only;
    if (!sqlite->read_only)
        sqlite->gather = gather_vfs_new(sqlite->vfs);
    code =
        open_handle(options->path, sqlite->gather ? gather_vfs_name(sqlite->gather) : sqlite->vfs,
                    !options->read_only, &sqlite->handle);
    if (code == SQLITE_OK)
        code = configure(sqlite);
    if (code == SQLITE_OK)
        code = configure_role(sqlite);
    if (code == SQLITE_OK) {
        *db = &sqlite->db;
        return OK;
    }
    snprintf(why_text, sizeof(why_text), "cannot open the database %s: %s", options->path,
             sqlite->handle ? sqlite3_errmsg(sqlite->handle) : sqlite3_errstr(code));
    *why = why_text;
    sqlite_ops.close(&sqlite->db);
    return ERR_IO;
}

const char *db_sqlite_version(void)
{
    return sqlite3_libversion();
}

/* The pages in one go: the copy is the snapshot of its first read, and a writer in WAL mode is not
 * held up. Then the log mode is taken off the copy, so that it is one file. */
static int copy_into(sqlite3 *to, sqlite3 *from)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    int code;

    if (!backup)
        return sqlite3_errcode(to);
    code = sqlite3_backup_step(backup, -1);
    if (code == SQLITE_DONE)
        code = SQLITE_OK;
    if (sqlite3_backup_finish(backup) != SQLITE_OK && code == SQLITE_OK)
        code = SQLITE_IOERR;
    if (code == SQLITE_OK)
        code = sqlite3_exec(to, "PRAGMA journal_mode = DELETE;", NULL, NULL, NULL);
    return code;
}

enum err db_sqlite_backup(struct db *db, const char *to_path)
{
    struct sqlite *sqlite = sqlite_of(db);
    sqlite3 *to = NULL;
    enum err err = OK;
    int code;

    REQUIRE(db->dialect == DB_SQLITE && !db->in_transaction);
    code = open_handle(to_path, sqlite->vfs, true, &to);
    if (code == SQLITE_OK)
        code = sqlite3_exec(to, "PRAGMA synchronous = FULL;", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = copy_into(to, sqlite->handle);
    if (code != SQLITE_OK)
        err = db_note_error(db, ERR_IO, "backup", to ? sqlite3_errmsg(to) : sqlite3_errstr(code));
    sqlite3_close(to);
    return err;
}
