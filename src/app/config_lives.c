/* checkpointer.ttl and store.ttl: how long threads and items live. */
#include "app/config_priv.h"
#include "store/threads.h"

#define MINUTE_MS 60000.0
#define MINUTES_MAX (100.0 * 366 * 24 * 60)
#define SWEEP_MINUTES_MIN 0.005

/* A number of minutes, in ms. Absent or null: untouched. */
static enum err read_minutes(struct config_reader *r, const char *name, const struct json *value,
                             double min, int64_t *ms)
{
    double minutes = json_double(value, -1);

    if (json_is_absent(value))
        return OK;
    if (json_type(value) != JSON_NUMBER || minutes < min || minutes > MINUTES_MAX)
        return config_refuse(r, "%s: %s must be a number of minutes from %g to %.0f", r->file, name,
                             min, MINUTES_MAX);
    *ms = (int64_t)(minutes * MINUTE_MS);
    return OK;
}

static enum err read_object(struct config_reader *r, const char *section, const struct json **ttl)
{
    *ttl = json_get(json_get(r->root, section), "ttl");
    if (json_is_absent(*ttl) || json_type(*ttl) == JSON_OBJECT)
        return OK;
    return config_refuse(r, "%s: %s.ttl must be an object like {\"default_ttl\": 60}", r->file,
                         section);
}

static enum err read_threads(struct config_reader *r)
{
    struct thread_life *life = &r->config->thread_life;
    const struct json *ttl, *limit, *strategy;
    int64_t ttl_ms = 0;
    enum err err = read_object(r, "checkpointer", &ttl);

    if (err ||
        (err = read_minutes(r, "checkpointer.ttl.default_ttl", json_get(ttl, "default_ttl"), 0,
                            &ttl_ms)) ||
        (err = read_minutes(r, "checkpointer.ttl.sweep_interval_minutes",
                            json_get(ttl, "sweep_interval_minutes"), SWEEP_MINUTES_MIN,
                            &life->sweep_interval_ms)))
        return err;
    life->ttl_us = ttl_ms * US_PER_MS;
    limit = json_get(ttl, "sweep_limit");
    if (!json_is_absent(limit) && (!json_is_integer(limit) || json_i64(limit, 0) < 1))
        return config_refuse(r, "%s: checkpointer.ttl.sweep_limit must be a whole number from 1",
                             r->file);
    life->sweep_limit = json_i64(limit, life->sweep_limit);
    strategy = json_get(ttl, "strategy");
    if (json_is_absent(strategy) || str_eq(json_string(strategy), THREAD_DELETE))
        return OK;
    if (!str_eq(json_string(strategy), THREAD_KEEP_LATEST))
        return config_refuse(
            r, "%s: checkpointer.ttl.strategy must be \"delete\" or \"keep_latest\"", r->file);
    life->strategy = THREAD_KEEP_LATEST;
    return OK;
}

/* Expired items are gone at once for whoever reads; retention takes the rows. */
static enum err read_items(struct config_reader *r)
{
    const struct json *ttl, *refresh;
    int64_t ttl_ms = 0;
    enum err err = read_object(r, "store", &ttl);

    if (err ||
        (err = read_minutes(r, "store.ttl.default_ttl", json_get(ttl, "default_ttl"), 0, &ttl_ms)))
        return err;
    refresh = json_get(ttl, "refresh_on_read");
    if (!json_is_absent(refresh) && json_type(refresh) != JSON_BOOL)
        return config_refuse(r, "%s: store.ttl.refresh_on_read must be true or false", r->file);
    r->config->item_life = (struct item_life){.ttl_us = ttl_ms * US_PER_MS,
                                              .refresh_on_read = json_bool(refresh, true)};
    return OK;
}

enum err config_read_lives(struct config_reader *r)
{
    enum err err = read_threads(r);

    return err ? err : read_items(r);
}
