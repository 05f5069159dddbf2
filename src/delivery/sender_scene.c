/* sender_scene.c -- see sender_scene.h. */
#include "delivery/sender_scene.h"

#include <semaphore.h>

#include "base/mem.h"
#include "delivery/sender_priv.h"
#include "store/fresh_rig.h"

static int setup(void **state)
{
    struct scene *scene = test_calloc(1, sizeof(*scene));

    sender_rig_open(&scene->rig, fresh_postgres_url());
    inbox_open(&scene->inbox, scene->rig.world);
    inbox_url(&scene->inbox, "/hook?token=1", scene->url, sizeof(scene->url));
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    inbox_close(&scene->inbox);
    sender_rig_close(&scene->rig);
    test_free(scene);
    return 0;
}

int scene_run(const struct CMUnitTest *tests, size_t count)
{
    return fresh_run_tests(tests, count, setup, teardown);
}

/* ---- adding and asking ---- */

struct adding {
    struct outbox_event event;
    int64_t delivery_id;
};

static enum err apply_add(struct tx *tx, void *context)
{
    struct adding *adding = context;

    return outbox_add_one(tx, &adding->event, &adding->delivery_id);
}

int64_t scene_add(struct scene *scene, struct outbox_event event)
{
    struct adding adding = {.event = event};
    struct outbox_event *told = &adding.event;

    told->tenant = told->tenant.data ? told->tenant : STR("t");
    told->kind = told->kind.data ? told->kind : STR("run");
    told->object_id = STR("object");
    told->url = told->url.data ? told->url : str_of(scene->url);
    told->content_type = STR("application/json");
    told->body = told->body.data ? told->body : STR("{}");
    told->policy = STR("durable");
    assert_int_equal(sender_rig_write(&scene->rig, apply_add, &adding), OK);
    return adding.delivery_id;
}

static enum err apply_make(struct tx *tx, void *context)
{
    return endpoint_add(tx, context);
}

void scene_make_endpoint(struct scene *scene, struct endpoint_row told)
{
    told.tenant = STR("t");
    told.kind = STR("run");
    told.url = str_of(scene->url);
    assert_int_equal(sender_rig_write(&scene->rig, apply_make, &told), OK);
}

struct asking {
    struct scene *scene;
    struct str endpoint_id;
    struct endpoint_row row;
};

static enum err apply_get(struct tx *tx, void *context)
{
    struct asking *asking = context;

    return endpoint_get(tx, STR("t"), asking->endpoint_id, &asking->scene->rig.arena, &asking->row);
}

struct endpoint_row scene_endpoint_of(struct scene *scene, int64_t delivery_id)
{
    struct asking asking = {.scene = scene,
                            .endpoint_id = sender_rig_get(&scene->rig, delivery_id).endpoint_id};

    assert_int_equal(sender_rig_write(&scene->rig, apply_get, &asking), OK);
    return asking.row;
}

/* It is made if there is none yet. */
static enum err apply_secret(struct tx *tx, void *context)
{
    struct endpoint_row endpoint = {.tenant = STR("t"), .kind = STR("run")};
    struct secret_owner owner;
    const void *const *both = context;
    enum err err;

    endpoint.url = str_of(both[0]);
    err = endpoint_add(tx, &endpoint);
    if (err && err != ERR_CONFLICT)
        return err;
    owner = (struct secret_owner){endpoint.tenant, endpoint.endpoint_id};
    return secret_put(tx, &owner, both[1]);
}

void scene_put_secret(struct scene *scene, const struct secret *secret)
{
    const void *both[] = {scene->url, secret};

    assert_int_equal(sender_rig_write(&scene->rig, apply_secret, both), OK);
}

/* ---- the sender ---- */

void scene_retire(struct scene *scene)
{
    sender_rig_stop(&scene->rig);
    sender_rig_retire(&scene->rig, scene->rig.delivery);
    scene->rig.delivery = NULL;
}

struct looking {
    struct message message;
    struct delivery *delivery;
    void (*look)(struct delivery *delivery, void *context);
    void *context;
    sem_t is_done;
};

static void on_look(struct message *message)
{
    struct looking *looking = CONTAINER_OF(message, struct looking, message);

    looking->look(looking->delivery, looking->context);
    sem_post(&looking->is_done);
}

void scene_look(struct scene *scene, void (*look)(struct delivery *delivery, void *context),
                void *context)
{
    struct looking looking = {.message = {NULL, on_look},
                              .delivery = scene->rig.delivery,
                              .look = look,
                              .context = context};

    sem_init(&looking.is_done, 0, 0);
    loop_post(looking.delivery->loop, &looking.message);
    sem_wait(&looking.is_done);
    sem_destroy(&looking.is_done);
}

/* ---- a store that is slow ---- */

struct jam {
    struct store_work work;
    struct store *store;
    int64_t each_ms;
    atomic_bool is_ending;
    sem_t has_ended;
};

static enum err jam_apply(struct tx *tx, struct store_work *work)
{
    (void)tx;
    sender_rig_sleep(CONTAINER_OF(work, struct jam, work)->each_ms);
    return OK;
}

/* On the writer's thread: so the next group has it too. */
static void jam_done(struct store_work *work, enum err err)
{
    struct jam *jam = CONTAINER_OF(work, struct jam, work);

    REQUIRE(!err);
    if (atomic_load(&jam->is_ending))
        sem_post(&jam->has_ended);
    else
        store_write(jam->store, work);
}

struct jam *scene_jam(struct scene *scene, int64_t each_ms)
{
    struct jam *jam = MEM_NEW(struct jam);

    jam->work = (struct store_work){.apply = jam_apply, .done = jam_done};
    jam->store = scene->rig.store;
    jam->each_ms = each_ms;
    sem_init(&jam->has_ended, 0, 0);
    store_write(jam->store, &jam->work);
    return jam;
}

void jam_end(struct jam *jam)
{
    atomic_store(&jam->is_ending, true);
    sem_wait(&jam->has_ended);
    sem_destroy(&jam->has_ended);
    mem_free(jam);
}
