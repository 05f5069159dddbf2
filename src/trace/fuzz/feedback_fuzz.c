/* What is taken as feedback comes out as JSON that is taken again and comes out the same. */
#include "trace/feedback_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str written(struct arena *arena, const struct feedback_draft *draft)
{
    struct json_writer json;
    struct str text;
    struct buf out;

    buf_init(&out, 64 * MIB);
    json_writer_init(&json, &out);
    feedback_json_write(&json, &draft->row, draft->project_id);
    REQUIRE(!out.failed);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_range((const char *)data, size), why, text;
    struct feedback_draft draft, again;
    struct arena arena;

    arena_init(&arena);
    if (!feedback_parse(&arena, input, &draft, &why)) {
        text = written(&arena, &draft);
        REQUIRE(!feedback_parse(&arena, text, &again, &why));
        again.row.is_root = draft.row.is_root;
        again.row.modified_us = draft.row.modified_us;
        REQUIRE(str_eq(written(&arena, &again), text));
    }
    arena_release(&arena);
    return 0;
}
