/* doctor_blobs.c -- the check of the bucket for blobs: an object of its own is put, read and
 * removed.
 */
#include "app/cli/doctor.h"
#include "app/cli/output.h"
#include "blob/s3.h"

#define PROBE STR("runbell doctor was here")

struct probe {
    struct loop *loop;
    struct blob_store *store;
    struct blob_get *get;
    struct blob_key key;
    const char *failed; /* what could not be done; NULL: nothing */
    bool is_same;
};

static struct str key_of(const struct probe *probe)
{
    return str_of(probe->key.text);
}

static void on_removed(void *context, const bool *gone)
{
    struct probe *probe = context;

    if (!gone[0] && !probe->failed)
        probe->failed = "remove";
    loop_stop(probe->loop);
}

/* Whatever went wrong: it may be there. */
static void take_away(struct probe *probe)
{
    struct str key = key_of(probe);

    blob_remove(probe->store, probe->loop, &key, 1, on_removed, probe);
}

static void on_piece(void *context, enum err err, struct str bytes)
{
    struct probe *probe = context;

    probe->is_same = !err && str_eq(bytes, PROBE);
    if (!probe->is_same)
        probe->failed = "read";
    blob_get_free(probe->get);
    if (err)
        loop_stop(probe->loop);
    else
        take_away(probe);
}

static void on_put(void *context, enum err err)
{
    struct probe *probe = context;

    if (err) {
        probe->failed = "put";
        loop_stop(probe->loop);
        return;
    }
    probe->get = blob_get_new(probe->store, probe->loop, key_of(probe),
                              &(struct blob_get_events){.on_piece = on_piece, .context = probe});
    blob_get_next(probe->get);
}

static void try_object(struct probe *probe)
{
    struct blob_put *put;

    blob_key_make(loop_rng(probe->loop), &probe->key);
    put = blob_put_new(probe->store, probe->loop, key_of(probe),
                       &(struct blob_put_events){.on_done = on_put, .context = probe});
    blob_put_add(put, PROBE);
    blob_put_end(put);
    loop_run(probe->loop);
}

static void tell(struct doctor *d, const struct probe *probe)
{
    const char *bucket = d->session->config.blobs.bucket;
    struct str words = s3_words(probe->store);

    if (!probe->failed)
        doctor_telling(d, "blobs", DOCTOR_OK, "", "an object in \"%s\" was put, read and removed",
                       bucket);
    else
        doctor_telling(d, "blobs", DOCTOR_FAILED,
                       "Until then large values of traces are answered 503 and sent again",
                       "an object in \"%s\" could not be %s%s: %.*s", bucket, probe->failed,
                       strcmp(probe->failed, "remove") == 0 ? "d" : "", STR_ARG(words));
}

void doctor_blobs(struct doctor *d)
{
    const struct config *config = &d->session->config;
    /* A folder of its own: the server's may be in use. Nothing so small is spooled. */
    struct str dir = arena_printf(&d->arena, "%s/spool.doctor", config->data_dir);
    struct probe probe = {0};
    const char *why = "";

    if (!config->blobs.bucket)
        return;
    if (s3_new(d->session->world, &config->blobs, arena_cstr(&d->arena, dir), &probe.store, &why)) {
        doctor_telling(d, "blobs", DOCTOR_FAILED, "See runbell.blobs.ca_file",
                       "the certificates in %s cannot be read: %s",
                       config->blobs.ca_file ? config->blobs.ca_file : "the system's folder", why);
        return;
    }
    probe.loop = world_loop_new(d->session->world, "doctor");
    try_object(&probe);
    tell(d, &probe);
    blob_store_stop(probe.store);
    blob_store_free(probe.store);
    loop_free(probe.loop);
}
