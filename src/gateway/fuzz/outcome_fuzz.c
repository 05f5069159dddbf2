/* outcome_fuzz.c -- arbitrary text as what an upstream says of runs and threads: whatever it is,
 * the webhook that is made of it is JSON. */
#include "gateway/outcome.h"
#include "gateway/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void webhook(struct arena *arena, struct str text)
{
    const struct intent intent = {.tenant = STR("t"), .run_id = STR("r"), .thread_id = STR("t")};
    const struct outcome outcome = {.run = text, .thread = text, .state = text};
    const struct json *root;
    struct buf out;

    buf_init(&out, 16 * MIB);
    outcome_write(&out, arena, &intent, &outcome, 1);
    REQUIRE(out.failed || json_parse(arena, buf_str(&out), &root, NULL) == OK);
    buf_release(&out);
}

static void rewritten(struct arena *arena, struct str text)
{
    struct rewrite rewrite = {.body = text, .intent_id = STR("i"), .makes_thread = true};
    const struct json *root;
    struct str body;

    if (json_parse(arena, text, &rewrite.root, NULL) || json_type(rewrite.root) != JSON_OBJECT ||
        rewrite_run(arena, &rewrite, &body))
        return;
    REQUIRE(json_parse(arena, body, &root, NULL) == OK);
    REQUIRE(!json_get(root, "webhook"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size), found;
    struct arena arena;
    bool ended;

    arena_init(&arena);
    found = outcome_find(&arena, text, STR("i"));
    REQUIRE(str_is_none(found) || found.len <= size);
    if (!outcome_has_ended(&arena, text, &ended))
        webhook(&arena, text);
    rewritten(&arena, text);
    arena_release(&arena);
    return 0;
}
