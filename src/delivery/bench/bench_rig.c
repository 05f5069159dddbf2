/* bench_rig.c -- see bench_rig.h. */
#include "delivery/bench/bench_rig.h"

#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/bench_outbox.h"

#define GROUP 500
#define TELL_EVERY 200000

double bench_seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct group {
    const struct bench_fill *fill;
    size_t from, count;
};

/* What is added is due at the instant of its transaction; so the instant is moved. */
static enum err apply_group(struct tx *tx, void *context)
{
    const struct group *group = context;
    const struct bench_fill *fill = group->fill;
    int64_t now_us = tx->now_us;
    enum err err = OK;
    char url[96];

    if (group->from == 0 && fill->first_due_us)
        *fill->first_due_us = now_us + fill->due_in_us;
    for (size_t i = group->from; !err && i < group->from + group->count; i++) {
        snprintf(url, sizeof(url), "%s/%zu", fill->url, fill->first_endpoint + i % fill->endpoints);
        struct outbox_event event = {.tenant = STR("t"),
                                     .kind = STR("run"),
                                     .object_id = STR("object"),
                                     .url = str_of(url),
                                     .content_type = STR("application/json"),
                                     .body = fill->body,
                                     .policy = STR("durable")};

        tx->now_us = now_us + fill->due_in_us + (int64_t)i * fill->due_spacing_us;
        err = outbox_add(tx, &event, NULL);
    }
    tx->now_us = now_us;
    return err;
}

void bench_fill(struct sender_rig *rig, const struct bench_fill *fill)
{
    for (size_t done = 0; done < fill->count;) {
        size_t left = fill->count - done;
        struct group group = {.fill = fill, .from = done, .count = left < GROUP ? left : GROUP};

        assert_int_equal(sender_rig_write(rig, apply_group, &group), OK);
        done += group.count;
        if (done % TELL_EVERY == 0 && fill->count > TELL_EVERY)
            fprintf(stderr, "\r%zu of %zu", done, fill->count);
    }
    if (fill->count > TELL_EVERY)
        fprintf(stderr, "\n");
}

static enum err apply_copy(struct tx *tx, void *context)
{
    return bench_outbox_copy(tx, context);
}

struct unindexing {
    struct bench_indexes taken;
    struct arena *arena;
};

static enum err apply_unindex(struct tx *tx, void *context)
{
    struct unindexing *unindexing = context;

    return bench_outbox_unindex(tx, &unindexing->taken, unindexing->arena);
}

static enum err apply_index(struct tx *tx, void *context)
{
    return bench_outbox_index(tx, context);
}

static void copy_up_to(struct sender_rig *rig, struct bench_copy *copy, size_t count)
{
    for (size_t done = (size_t)copy->count; done < count; done += (size_t)copy->count) {
        copy->number++;
        copy->later_us += copy->count * US_PER_MS;
        assert_int_equal(sender_rig_write(rig, apply_copy, copy), OK);
        fprintf(stderr, "\r%zu of %zu", done + (size_t)copy->count, count);
    }
    fprintf(stderr, "\n");
}

void bench_fill_much(struct sender_rig *rig, const struct bench_fill *fill, size_t template)
{
    struct unindexing indexes = {.arena = &rig->arena};
    struct bench_fill first = *fill;
    struct bench_copy copy = {.tenant = STR("t"), .first_id = 1};

    first.count = template <fill->count ? template : fill->count;
    copy.count = (int64_t)first.count;
    copy.of_endpoint = (int64_t)(first.count / fill->endpoints);
    bench_fill(rig, &first);
    if (first.count == fill->count)
        return;
    assert_int_equal(sender_rig_write(rig, apply_unindex, &indexes), OK);
    copy_up_to(rig, &copy, fill->count);
    for (size_t i = 0; i < indexes.taken.count; i++) {
        fprintf(stderr, "\rindex %zu of %zu", i + 1, indexes.taken.count);
        assert_int_equal(
            sender_rig_write(rig, apply_index, (void *)(uintptr_t)indexes.taken.made_by[i]), OK);
    }
    fprintf(stderr, "\n");
    (void)malloc_trim(0); /* making indexes sorts in memory, which is not what is measured */
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

double bench_percentile(double *values, size_t count, double share)
{
    size_t index = (size_t)((double)count * share);

    qsort(values, count, sizeof(double), compare);
    return values[index < count ? index : count - 1];
}

size_t bench_argument(int argc, char **argv, int index, size_t fallback)
{
    int64_t value = 0;

    if (argc <= index)
        return fallback;
    if (str_to_i64(str_of(argv[index]), &value) || value < 0) {
        fprintf(stderr, "%s: \"%s\" is no number\n", argv[0], argv[index]);
        exit(2);
    }
    return (size_t)value;
}

struct str bench_body(size_t bytes)
{
    char *text = mem_alloc(bytes);

    memset(text, 'x', bytes);
    return str_range(text, bytes);
}

size_t bench_rss_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long whole = 0, resident = 0;

    REQUIRE(file && fscanf(file, "%lu %lu", &whole, &resident) == 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}
