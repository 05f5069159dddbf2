/* Tests of the edit distance. */
#include "base/nearest.h"

#include "base/test.h"

static void distances(void **state)
{
    static const struct {
        const char *a, *b;
        unsigned distance;
    } cases[] = {
        {"", "", 0},
        {"", "abc", 3},
        {"abc", "", 3},
        {"abc", "abc", 0},
        {"abc", "ABC", 0},
        {"egres", "egress", 1},
        {"listne", "listen", 2},
        {"kitten", "sitting", 3},
        {"flaw", "lawn", 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(nearest_distance(str_of(cases[i].a), str_of(cases[i].b)),
                         cases[i].distance);
        assert_int_equal(nearest_distance(str_of(cases[i].b), str_of(cases[i].a)),
                         cases[i].distance);
    }
}

static void long_words_are_far(void **state)
{
    char word[NEAREST_BYTES_MAX + 2];

    (void)state;
    memset(word, 'a', sizeof(word));
    assert_int_equal(nearest_distance(str_range(word, NEAREST_BYTES_MAX + 1), STR("a")),
                     NEAREST_FAR);
    assert_int_equal(nearest_distance(str_range(word, NEAREST_BYTES_MAX), STR("a")),
                     NEAREST_BYTES_MAX - 1);
}

static void guesses(void **state)
{
    static const struct {
        const char *given, *meant, *other; /* meant NULL: none of them */
    } cases[] = {
        {"rate", "rate_limit", "name"},
        {"endpoint", "endpoint_id", "object_id"},
        {"STATUS_CODE", "status", "state"},
        {"stat", "state", "status"},
        {"ratelimit", "rate_limit", "rate_burst"},
        {"lmit", "limit", "wait"},
        {"ulr", "url", "text"},
        {"client", "client_id", "client_secret"},
        {"bogus", NULL, "kind"},
        {"foo", NULL, "body"},
        {"key", NULL, "type"},
        {"x", NULL, "y"},
        {"Authorization", NULL, "headers"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str given = str_of(cases[i].given);
        unsigned other = nearest_guess(given, str_of(cases[i].other));

        if (cases[i].meant)
            assert_true(nearest_guess(given, str_of(cases[i].meant)) < other);
        else
            assert_int_equal(other, NEAREST_FAR);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST("the distance counts letters added, removed and changed", distances),
        TEST("a word is guessed by its beginning or by few letters, others are no guess", guesses),
        TEST("a word beyond the limit is far from everything", long_words_are_far),
    };

    return RUN_TESTS(tests);
}
