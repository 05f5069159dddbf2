/* sender_rig.c -- see sender_rig.h. */
#include "delivery/sender_rig.h"

#include <dirent.h>
#include <errno.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>

#include "io/real_world.h"
#include "store/fresh_rig.h"
#include "store/outbox_marks.h"
#include "store/outbox_queue.h"

#define WAIT_MS 10000
#define POLL_MS 10

const struct policy sender_rig_policy = {
    .name = "test",
    .delays_ms = {50, 50},
    .delay_count = 2,
    .retries = SCHEDULE_RETRIES(RESULT_UNREACHABLE) | SCHEDULE_RETRIES(RESULT_TLS) |
               SCHEDULE_RETRIES(RESULT_TIMEOUT) | SCHEDULE_RETRIES(RESULT_BUSY) |
               SCHEDULE_RETRIES(RESULT_SERVER_ERROR),
    .retry_after_ms_max = 5000,
    .budget = {.dns_ms = 300,
               .connect_ms = 300,
               .tls_ms = 300,
               .first_byte_ms = 300,
               .total_ms = 300,
               .body_ms = 100,
               .body_rate_min = 1},
};

void sender_rig_sleep(int64_t ms)
{
    struct timespec rest = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};

    (void)nanosleep(&rest, NULL);
}

static void on_fatal(void *context, const char *why)
{
    (void)context;
    print_error("the store died: %s\n", why);
    abort();
}

static struct keyring *keyring_of_one(void)
{
    struct keyring_keys keys = {.count = 0};

    assert_int_equal(keyring_keys_add(&keys), OK);
    return keyring_new(&keys);
}

void sender_rig_open(struct sender_rig *rig, const char *postgres_url)
{
    struct store_config store = {.reader_count = 1, .on_fatal = on_fatal};
    const char *why = "";

    memset(rig, 0, sizeof(*rig));
    arena_init(&rig->arena);
    rig->postgres_url = postgres_url;
    test_folder(rig->folder, "delivery");
    if (postgres_url)
        fresh_postgres(postgres_url);
    else
        fresh_sqlite_in(rig->folder);
    rig->world = real_world_new();
    store.world = rig->world;
    store.data_dir = rig->folder;
    store.postgres_url = postgres_url;
    store.keyring = rig->keyring = keyring_of_one();
    assert_int_equal(store_open(&store, &rig->store, &why), OK);
    rig->egress.dev = true;
    rig->config = (struct delivery_config){.world = rig->world,
                                           .store = rig->store,
                                           .egress = &rig->egress,
                                           .webhooks = &rig->webhooks,
                                           .node = STR("node-1"),
                                           .tuning = {.policy = &sender_rig_policy}};
}

void sender_rig_start(struct sender_rig *rig)
{
    const char *why = "";

    assert_int_equal(delivery_start(&rig->config, &rig->delivery, &why), OK);
}

void sender_rig_be_patient(struct sender_rig *rig, int64_t total_ms)
{
    rig->patient = sender_rig_policy;
    rig->patient.budget.first_byte_ms = rig->patient.budget.total_ms = total_ms;
    rig->patient.budget.connect_ms = total_ms;
    rig->config.tuning.policy = &rig->patient;
}

static void on_stopped(void *context)
{
    sem_post(context);
}

/* The stopped one is not freed before the store is closed; tests that start several leave that to
 * the end. */
void sender_rig_stop(struct sender_rig *rig)
{
    sem_t stopped;

    sem_init(&stopped, 0, 0);
    delivery_stop(rig->delivery, on_stopped, &stopped);
    sem_wait(&stopped);
    sem_destroy(&stopped);
}

void sender_rig_retire(struct sender_rig *rig, struct delivery *stopped)
{
    size_t i = 0;

    while (rig->retired[i])
        i++;
    rig->retired[i] = stopped;
}

/* Fails and says what is left, if something is: nobody should have put it there. */
static void remove_folder(const char *folder)
{
    static const char *const expected[] = {"runbell.db", "runbell.db-wal", "runbell.db-shm",
                                           "lock"};
    char path[TEST_PATH_BYTES];
    const struct dirent *entry;
    DIR *open_folder;

    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, expected[i]);
        unlink(path);
    }
    if (rmdir(folder) == 0)
        return;
    const char *why = strerror(errno);
    open_folder = opendir(folder);
    while (open_folder && (entry = readdir(open_folder)) != NULL)
        print_error("in %s: %s\n", folder, entry->d_name);
    if (open_folder)
        closedir(open_folder);
    fail_msg("%s: %s", folder, why);
}

void sender_rig_close(struct sender_rig *rig)
{
    if (rig->delivery)
        sender_rig_stop(rig);
    store_close(rig->store);
    delivery_free(rig->delivery);
    for (size_t i = 0; i < ARRAY_LEN(rig->retired); i++)
        delivery_free(rig->retired[i]);
    keyring_free(rig->keyring);
    real_world_free(rig->world);
    arena_release(&rig->arena);
    remove_folder(rig->folder);
}

/* ---- works that are waited for ---- */

struct waiting_work {
    struct store_work work;
    enum err (*apply)(struct tx *tx, void *context);
    void *context;
    enum err err;
    sem_t is_done;
};

static enum err waiting_apply(struct tx *tx, struct store_work *work)
{
    struct waiting_work *w = CONTAINER_OF(work, struct waiting_work, work);

    return w->apply(tx, w->context);
}

static void waiting_done(struct store_work *work, enum err err)
{
    struct waiting_work *w = CONTAINER_OF(work, struct waiting_work, work);

    w->err = err;
    sem_post(&w->is_done);
}

enum err sender_rig_write(struct sender_rig *rig, enum err (*apply)(struct tx *tx, void *context),
                          void *context)
{
    struct waiting_work w = {
        .work = {.apply = waiting_apply, .done = waiting_done}, .apply = apply, .context = context};

    sem_init(&w.is_done, 0, 0);
    store_write(rig->store, &w.work);
    sem_wait(&w.is_done);
    sem_destroy(&w.is_done);
    return w.err;
}

/* ---- adding ---- */

struct adding {
    struct outbox_event event;
    int64_t delivery_id;
};

static enum err apply_add(struct tx *tx, void *context)
{
    static const struct db_statement newest = {"test_newest",
                                               "SELECT MAX(delivery_id) FROM deliveries", NULL};
    struct adding *adding = context;
    struct db_rows rows = {0};
    enum err err = outbox_add(tx, &adding->event, NULL);

    if (!err)
        err = db_query_one(tx->db, &newest, DB_NO_ARGS, &rows);
    if (err)
        return err;
    adding->delivery_id = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

int64_t sender_rig_add_kind(struct sender_rig *rig, const char *kind, const char *url,
                            const char *body)
{
    struct adding adding = {.event = {.tenant = STR("t"),
                                      .kind = str_of(kind),
                                      .object_id = STR("object"),
                                      .url = str_of(url),
                                      .content_type = STR("application/json"),
                                      .body = str_of(body),
                                      .policy = STR("durable")}};

    assert_int_equal(sender_rig_write(rig, apply_add, &adding), OK);
    return adding.delivery_id;
}

int64_t sender_rig_add(struct sender_rig *rig, const char *url, const char *body)
{
    return sender_rig_add_kind(rig, "run", url, body);
}

/* ---- asking ---- */

struct asking {
    struct sender_rig *rig;
    int64_t delivery_id;
    enum delivery_state state;
    struct delivery_row row;
    struct attempt_row *attempts;
    size_t count;
};

static enum err apply_get(struct tx *tx, void *context)
{
    struct asking *asking = context;

    return delivery_get(tx, STR("t"), asking->delivery_id, &asking->rig->arena, &asking->row);
}

struct delivery_row sender_rig_get(struct sender_rig *rig, int64_t delivery_id)
{
    struct asking asking = {.rig = rig, .delivery_id = delivery_id};

    assert_int_equal(sender_rig_write(rig, apply_get, &asking), OK);
    return asking.row;
}

static enum err apply_attempts(struct tx *tx, void *context)
{
    struct asking *asking = context;

    return attempt_list(tx, STR("t"), asking->delivery_id, &asking->rig->arena, &asking->attempts,
                        &asking->count);
}

struct attempt_row sender_rig_attempt(struct sender_rig *rig, int64_t delivery_id, size_t index,
                                      size_t *count)
{
    struct asking asking = {.rig = rig, .delivery_id = delivery_id};

    assert_int_equal(sender_rig_write(rig, apply_attempts, &asking), OK);
    assert_true(index < asking.count);
    if (count)
        *count = asking.count;
    return asking.attempts[index];
}

static enum err apply_count(struct tx *tx, void *context)
{
    static const struct db_statement statement = {
        "test_count_state",
        "SELECT COUNT(*) FROM deliveries d" SENDING_JOIN " WHERE " SENDING_STATE " = $1", NULL};
    struct asking *asking = context;
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &statement,
                                DB_ARGS(db_text(delivery_state_name(asking->state))), &rows);

    if (err)
        return err;
    asking->count = (size_t)db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

size_t sender_rig_count(struct sender_rig *rig, enum delivery_state state)
{
    struct asking asking = {.rig = rig, .state = state};

    assert_int_equal(sender_rig_write(rig, apply_count, &asking), OK);
    return asking.count;
}

struct delivery_row sender_rig_wait(struct sender_rig *rig, int64_t delivery_id,
                                    enum delivery_state state)
{
    struct delivery_row row = {0};

    for (int64_t waited_ms = 0; waited_ms < WAIT_MS; waited_ms += POLL_MS) {
        row = sender_rig_get(rig, delivery_id);
        if (row.state == state)
            return row;
        sender_rig_sleep(POLL_MS);
    }
    print_error("delivery %d is %.*s\n", (int)delivery_id, STR_ARG(delivery_state_name(row.state)));
    fail();
    return row;
}

static enum err apply_is_done(struct tx *tx, void *context)
{
    static const struct db_statement statement = {
        "test_is_open",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM delivery_queue)"
        " OR EXISTS (SELECT 1 FROM delivery_sending)"
        " OR EXISTS (SELECT 1 FROM deliveries WHERE " MARK_HELD("") ")",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM delivery_queue)"
        " OR EXISTS (SELECT 1 FROM delivery_sending)"
        " OR EXISTS (SELECT 1 FROM deliveries WHERE " MARK_HELD_POSTGRES("") ")"};
    bool *is_done = context;
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &statement, DB_NO_ARGS, &rows);

    if (err)
        return err;
    *is_done = !db_next(&rows);
    return db_rows_end(&rows);
}

bool sender_rig_is_done(struct sender_rig *rig)
{
    bool is_done = false;

    assert_int_equal(sender_rig_write(rig, apply_is_done, &is_done), OK);
    return is_done;
}

void sender_rig_wait_all(struct sender_rig *rig)
{
    for (int64_t waited_ms = 0; waited_ms < 3 * WAIT_MS; waited_ms += POLL_MS) {
        if (sender_rig_is_done(rig))
            return;
        sender_rig_sleep(POLL_MS);
    }
    fail();
}
