/* What parses gives the same answer each time, whatever is at hand decides it: an answer that is
 * known although values are missing is the answer with all of them. The input up to the first NUL
 * is the filter, the rest the span. */
#include "format/filter_fixture.h"

#define CONJUNCTS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Times and ids of the fixture must be valid: no such members. */
static bool is_span(struct arena *arena, struct str text)
{
    static const char *const free_form[] = {"name",    "run_type", "status",   "thread_id",
                                            "error",   "tags",     "metadata", "inputs",
                                            "outputs", "feedback", "unknown",  NULL};
    const struct json *root, *value;
    struct json_iter iter;
    struct str key;

    if (json_parse(arena, text, &root, NULL) || json_type(root) != JSON_OBJECT)
        return false;
    for (iter = json_iter(root); json_next(&iter, &key, &value);) {
        if (!str_is_one_of(key, free_form))
            return false;
    }
    return true;
}

/* The parts of an `and` all hold exactly when the whole does. */
static void conjuncts_agree(struct arena *arena, struct str text, struct filter_fixture *span,
                            enum filter_answer whole)
{
    struct str parts[CONJUNCTS_MAX];
    size_t count = filter_conjuncts(arena, text, parts, CONJUNCTS_MAX);
    struct filter_error error;
    bool all = true;

    if (count == 0 || count == CONJUNCTS_MAX)
        return;
    for (size_t i = 0; i < count; i++) {
        struct filter part;

        REQUIRE(filter_parse(arena, parts[i], &part, &error) == OK);
        all = all && filter_test(&part, &filter_fixture_source, span) == FILTER_YES;
    }
    REQUIRE(all == (whole == FILTER_YES));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_range((const char *)data, size);
    size_t cut = str_find_char(input, '\0');
    struct filter_fixture span, blind;
    struct filter_error error = {0};
    struct filter filter;
    struct str text;
    struct arena arena;

    arena_init(&arena);
    if (filter_parse(&arena, str_first(input, cut), &filter, &error)) {
        REQUIRE(error.text[0] != '\0' && error.position <= cut);
        goto out;
    }
    text = str_from(input, cut + 1);
    if (!is_span(&arena, text))
        text = STR("{\"name\":\"a b\",\"metadata\":{\"a\":{\"b\":[1,\"x\",null,true]}},"
                   "\"feedback\":[{\"key\":\"k\",\"score\":0.5}],\"tags\":[\"t\"]}");
    filter_fixture_init(&span, &arena, text);
    filter_fixture_init(&blind, &arena,
                        STR("{\"unknown\":[\"name\",\"run_type\",\"status\",\"thread_id\","
                            "\"error\",\"tags\",\"metadata\",\"inputs\",\"outputs\","
                            "\"feedback\"]}"));
    if (!json_get(span.span, "unknown")) {
        enum filter_answer seen = filter_test(&filter, &filter_fixture_source, &span);
        enum filter_answer guessed = filter_test(&filter, &filter_fixture_source, &blind);

        REQUIRE(seen != FILTER_UNKNOWN);
        REQUIRE(guessed == FILTER_UNKNOWN || guessed == seen);
        conjuncts_agree(&arena, str_first(input, cut), &span, seen);
    }
out:
    arena_release(&arena);
    return 0;
}
