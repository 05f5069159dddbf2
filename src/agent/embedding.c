/* The question store.embed and its answer (docs/worker-protocol.md). */
#include "agent/embedding.h"

#include "store/item_vectors.h"
#include "worker/frame.h"

void embedding_begin(struct embedding *e, struct arena *arena, const struct item_index *index)
{
    *e = (struct embedding){.index = index, .arena = arena};
    buf_init(&e->question, FRAME_BYTES_MAX);
    json_writer_init(&e->json, &e->question);
    json_begin_array(&e->json);
}

size_t embedding_put(struct embedding *e, struct str value, struct str paths)
{
    json_begin_object(&e->json);
    json_put_raw(&e->json, "value", value);
    if (!str_is_none(paths))
        json_put_raw(&e->json, "paths", paths);
    json_end_object(&e->json);
    return e->count++;
}

size_t embedding_query(struct embedding *e, struct str text)
{
    json_begin_object(&e->json);
    json_put_str(&e->json, "query", text);
    json_end_object(&e->json);
    return e->count++;
}

struct agent_ask embedding_ask(struct embedding *e)
{
    struct agent_ask ask = {
        .kind = ASK_STORE_EMBED,
        .language = e->index->embed.language,
        .timeout_ms = e->index->timeout_ms,
    };

    json_end_array(&e->json);
    ask.body = buf_keep(&e->question, e->arena);
    if (str_is_none(ask.body))
        ask.body = STR("[]");
    return ask;
}

static enum err wrong(struct embedding *e, struct str *why, const char *what)
{
    *why = arena_printf(e->arena, "store.index: the worker's answer has %s", what);
    return ERR_IO;
}

static enum err split(struct embedding *e, const struct json *counts, struct str floats,
                      struct str *why)
{
    size_t bytes = e->index->dims * sizeof(float), at = 0;

    e->kept = ARENA_ARRAY(e->arena, struct str, e->count + 1);
    for (size_t i = 0; i < e->count; i++) {
        int64_t count = json_i64(json_item(counts, i), -1);
        enum err err;

        if (count < 0 || (uint64_t)count > (floats.len - at) / bytes)
            return wrong(e, why, "other vectors than it says");
        err = item_vectors_pack(e->arena, str_range(floats.data + at, (size_t)count * bytes),
                                e->index->dims, &e->kept[i]);
        if (err == ERR_LIMIT) {
            *why = arena_printf(e->arena,
                                "index: the item gives %lld texts; their vectors are larger than "
                                "%d bytes together",
                                (long long)count, (int)ITEM_VECTORS_BYTES_MAX);
            return ERR_LIMIT;
        }
        if (err)
            return wrong(e, why, "a number that is not finite");
        at += (size_t)count * bytes;
    }
    return at == floats.len ? OK : wrong(e, why, "more vectors than it says");
}

enum err embedding_answer(struct embedding *e, enum err err, struct str answer, struct str floats,
                          struct str *why)
{
    const struct json *counts;

    if (err) {
        *why = arena_printf(e->arena, "store.index: %.*s", STR_ARG(answer));
        return err;
    }
    if (json_parse(e->arena, answer, &counts, NULL) || json_type(counts) != JSON_ARRAY ||
        json_count(counts) != e->count)
        return wrong(e, why, "no count for each text");
    return split(e, counts, str_is_none(floats) ? STR("") : floats, why);
}

struct str embedding_of(const struct embedding *e, size_t number)
{
    REQUIRE(number < e->count);
    return e->kept[number];
}
