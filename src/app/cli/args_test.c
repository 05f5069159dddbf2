/* Tests of the command line's grammar and of the help text. */
#include "app/cli/args.h"

#include "base/test.h"

#define WORDS_MAX 8

static const struct arg_flag flags[] = {
    {"listen", "ADDRESS", "where", "listen"},
    {"dev", NULL, "on or off", "dev"},
};

static const struct arg_command command = {
    .name = "runbell try",
    .operands = "FILE",
    .summary = "Tries it.",
    .more = "More.",
    .operand_count = 1,
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

/* Words are separated by blanks; the first is the command's own. */
static enum args_outcome parse(char *line, struct args *args, struct buf *text)
{
    char *argv[WORDS_MAX];
    int argc = 0;

    while (line && argc < WORDS_MAX)
        argv[argc++] = strsep(&line, " ");
    return args_parse(&command, argc, argv, args, text);
}

static void lines(void **state)
{
    static const struct {
        const char *line;
        enum args_outcome outcome;
        const char *listen, *dev, *operand;
        const char *said;
    } cases[] = {
        {"try f", ARGS_OK, NULL, NULL, "f", NULL},
        {"try --listen a f", ARGS_OK, "a", NULL, "f", NULL},
        {"try f --listen=a --dev", ARGS_OK, "a", "true", "f", NULL},
        {"try --listen a --listen b f", ARGS_OK, "b", NULL, "f", NULL},
        {"try --listen= f", ARGS_OK, "", NULL, "f", NULL},
        {"try --listen -1 f", ARGS_OK, "-1", NULL, "f", NULL},
        {"try -- --dev", ARGS_OK, NULL, NULL, "--dev", NULL},
        {"try -", ARGS_OK, NULL, NULL, "-", NULL},
        {"try", ARGS_WRONG, NULL, NULL, NULL, "runbell try: FILE is missing"},
        {"try f g", ARGS_WRONG, NULL, NULL, NULL, "there is nothing to do with \"g\""},
        {"try --lisen a f", ARGS_WRONG, NULL, NULL, NULL,
         "runbell try: --lisen is not known; did you mean --listen?\nSee: runbell try --help"},
        {"try -d f", ARGS_WRONG, NULL, NULL, NULL, "--d is not known; did you mean --dev?"},
        {"try f --listen", ARGS_WRONG, NULL, NULL, NULL,
         "--listen needs a value: --listen ADDRESS"},
        {"try --listen --dev f", ARGS_WRONG, NULL, NULL, NULL, "--listen needs a value"},
        {"try --dev=1 f", ARGS_WRONG, NULL, NULL, NULL, "--dev takes no value"},
        {"try --help", ARGS_HELP, NULL, NULL, NULL, "runbell try FILE [flags]"},
        {"try f -h --wrong", ARGS_HELP, NULL, NULL, NULL, "--listen ADDRESS      where\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct args args;
        struct buf text;
        char line[100];

        snprintf(line, sizeof(line), "%s", cases[i].line);
        buf_init(&text, ARGS_TEXT_BYTES_MAX);
        assert_int_equal(parse(line, &args, &text), cases[i].outcome);
        if (cases[i].said) {
            assert_non_null(strstr(buf_cstr(&text), cases[i].said));
        } else {
            ASSERT_STR(str_of(args_value(&command, &args, "listen")), cases[i].listen);
            ASSERT_STR(str_of(args_value(&command, &args, "dev")), cases[i].dev);
            ASSERT_STR(str_of(args.operands[0]), cases[i].operand);
            assert_int_equal(text.len, 0);
        }
        buf_release(&text);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST("flags and operands are read; what is wrong is said with its mend", lines),
    };

    return RUN_TESTS(tests);
}
