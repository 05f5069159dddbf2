/* Tests of the commands, run in this process in a folder of their own: what they print, where, and
 * their exit codes. */
#include "app/cli/commands.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config.h"
#include "app/serve.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/test.h"
#include "crypto/api_key.h"
#include "io/disk.h"
#include "io/real_world.h"
#include "store/store.h"

#define WORDS_MAX 24
#define OUTPUT_BYTES_MAX (256 * KIB)
#define DEPTH_MAX 8

static char folder[64], old_folder[512];
static char out_text[OUTPUT_BYTES_MAX], err_text[OUTPUT_BYTES_MAX]; /* of the last command */
static char served[256];

/* Instead of the server: remembers what it would have been told. */
int serve_run(const struct config *config, const struct serve_source *source)
{
    (void)source;
    struct address_text text;

    snprintf(served, sizeof(served), "%.*s%s", STR_ARG(address_write(&config->listen, &text)),
             config->dev ? " dev" : "");
    return 7;
}

/* ---- a folder, and commands in it ---- */

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/runbell-cli-XXXXXX");
    return getcwd(old_folder, sizeof(old_folder)) && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static void remove_tree(const char *path, int depth)
{
    DIR *dir = depth < DEPTH_MAX ? opendir(path) : NULL;
    const struct dirent *entry;
    char inside[512];
    int len;

    while (dir && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        len = snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name);
        if (len > 0 && (size_t)len < sizeof(inside) && unlink(inside) != 0)
            remove_tree(inside, depth + 1);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(folder, 0);
    return chdir(old_folder);
}

/* Sends a stream to a file of the folder; the descriptor to give it back. */
static int redirect(FILE *stream, const char *path)
{
    int kept, file;

    fflush(stream);
    kept = dup(fileno(stream));
    file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(kept >= 0 && file >= 0);
    assert_true(dup2(file, fileno(stream)) >= 0);
    close(file);
    return kept;
}

static void give_back(FILE *stream, int kept, const char *path, char *text)
{
    FILE *file;
    size_t len;

    fflush(stream);
    assert_true(dup2(kept, fileno(stream)) >= 0);
    close(kept);
    file = fopen(path, "r");
    assert_non_null(file);
    len = fread(text, 1, OUTPUT_BYTES_MAX - 1, file);
    text[len] = '\0';
    fclose(file);
    unlink(path);
}

/* Words are separated by blanks. */
static int run(const char *line)
{
    char words[512], *rest = words, *argv[WORDS_MAX + 1] = {NULL};
    int argc = 0, code, kept_out, kept_err;

    snprintf(words, sizeof(words), "%s", line);
    while (rest && argc < WORDS_MAX)
        argv[argc++] = strsep(&rest, " ");
    kept_out = redirect(stdout, "stdout");
    kept_err = redirect(stderr, "stderr");
    code = cli_main(argc, argv);
    give_back(stderr, kept_err, "stderr", err_text);
    give_back(stdout, kept_out, "stdout", out_text);
    return code;
}

static void write_config(const char *text)
{
    FILE *file = fopen("langgraph.json", "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

#define ASSERT_SAYS(text, part) assert_non_null(strstr((text), (part)))

/* ---- the program ---- */

static void words_that_are_not_understood(void **state)
{
    static const struct {
        const char *line;
        int code;
        const char *out, *err;
    } cases[] = {
        {"runbell", CLI_USAGE, "", "runbell serve"},
        {"runbell --help", CLI_OK, "Exit codes:", ""},
        {"runbell help", CLI_OK, "runbell keys", ""},
        {"runbell help help", CLI_OK, "runbell keys", ""},
        {"runbell help backup", CLI_OK, "runbell backup FILE [flags]", ""},
        {"runbell help keys", CLI_OK, "runbell keys revoke", ""},
        {"runbell help serv", CLI_USAGE, "", "did you mean: runbell serve?"},
        {"runbell help settings", CLI_OK, "  egress.allow", ""},
        {"runbell srve", CLI_USAGE, "",
         "there is no command \"srve\"; did you mean: runbell serve?"},
        {"runbell keys", CLI_USAGE, "", "runbell keys create"},
        {"runbell keys crate", CLI_USAGE, "", "did you mean: runbell keys create?"},
        {"runbell keys create --workspac x", CLI_USAGE, "", "did you mean --workspace?"},
        {"runbell keys revoke", CLI_USAGE, "", "KEY_ID is missing"},
        {"runbell backup --help", CLI_OK, "--data FOLDER", ""},
        {"runbell version", CLI_OK, "runbell " RUNBELL_VERSION "\n", ""},
        {"runbell --version", CLI_OK, "runbell " RUNBELL_VERSION "\n", ""},
        {"runbell version --json", CLI_OK, "{\"name\":\"runbell\",\"version\":\"", ""},
        {"runbell version --jsn", CLI_USAGE, "", "did you mean --json?"},
        {"runbell version --yaml", CLI_USAGE, "",
         "runbell version: --yaml is not known\nSee: runbell version --help"},
        {"runbell help keys revoke", CLI_OK, "runbell keys revoke KEY_ID [flags]", ""},
        {"runbell bogus", CLI_USAGE, "", "runbell --help lists those there are"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(run(cases[i].line), cases[i].code);
        ASSERT_SAYS(out_text, cases[i].out);
        ASSERT_SAYS(err_text, cases[i].err);
    }
}

static void serving(void **state)
{
    (void)state;
    assert_int_equal(run("runbell serve --listen 127.0.0.1:99 --dev"), 7);
    assert_string_equal(served, "127.0.0.1:99 dev");
    assert_int_equal(run("runbell serve --listen nowhere"), CLI_FAILED);
    ASSERT_SAYS(err_text, "runbell serve: --listen must be an IP address and a port");
}

/* ---- keys ---- */

static struct str key_id_in(struct arena *arena, const char *json)
{
    const struct json *root = NULL;

    assert_int_equal(json_parse(arena, str_of(json), &root, NULL), OK);
    return json_string(json_get(root, "key_id"));
}

static void a_key_is_made_listed_and_revoked(void **state)
{
    struct arena arena;
    char line[200];
    struct str id;

    (void)state;
    arena_init(&arena);
    assert_int_equal(run("runbell keys list"), CLI_FAILED);
    ASSERT_SAYS(err_text, "there is no store in ");
    assert_int_equal(run("runbell keys create"), CLI_OK);
    assert_true(api_key_is_ours(str_trim(str_of(out_text))));
    assert_int_equal(run("runbell keys create --name ci --role viewer --workspace acme,umbrella "
                         "--email ci@example.com --expires 90d --json"),
                     CLI_OK);
    id = key_id_in(&arena, out_text);
    ASSERT_SAYS(out_text,
                "\"role\":\"viewer\",\"workspaces\":[\"acme\",\"umbrella\"],\"key\":\"rbk_");
    assert_int_equal(run("runbell keys list"), CLI_OK);
    ASSERT_SAYS(out_text, "viewer    acme,umbrella ");
    ASSERT_SAYS(out_text, "admin     *  ");
    assert_null(strstr(out_text, "rbk_"));
    assert_int_equal(run("runbell keys list --json"), CLI_OK);
    ASSERT_SAYS(out_text, "\"name\":\"ci\"");
    ASSERT_SAYS(out_text, "\"email\":\"ci@example.com\"");
    snprintf(line, sizeof(line), "runbell keys rotate %.*s --json", STR_ARG(id));
    assert_int_equal(run(line), CLI_OK);
    ASSERT_SAYS(out_text, "\"name\":\"ci\",\"role\":\"viewer\"");
    id = key_id_in(&arena, out_text);
    assert_int_equal(run(line), CLI_FAILED);
    ASSERT_SAYS(err_text, "there is no key");
    snprintf(line, sizeof(line), "runbell keys revoke %.*s", STR_ARG(id));
    assert_int_equal(run(line), CLI_OK);
    assert_int_equal(run(line), CLI_FAILED);
    ASSERT_SAYS(err_text, "there is no key");
    assert_int_equal(run("runbell keys list --json"), CLI_OK);
    assert_null(strstr(out_text, "acme"));
    arena_release(&arena);
}

static void wrong_keys(void **state)
{
    char line[200];

    (void)state;
    assert_int_equal(run("runbell keys create --workspace="), CLI_FAILED);
    ASSERT_SAYS(err_text, "--workspace: must be 1 to 100 ids");
    assert_int_equal(run("runbell keys create --workspace a,*"), CLI_FAILED);
    ASSERT_SAYS(err_text, "--workspace: an id of a workspace is");
    assert_int_equal(run("runbell keys create --role boss"), CLI_FAILED);
    ASSERT_SAYS(err_text, "--role: must be admin, editor");
    assert_int_equal(run("runbell keys create --expires soon"), CLI_FAILED);
    ASSERT_SAYS(err_text, "--expires: must be a span such as 90d");
    assert_int_equal(run("runbell keys create --expires 2020-01-01"), CLI_FAILED);
    ASSERT_SAYS(err_text, "--expires: must be later than now");
    assert_int_equal(run("runbell keys create --name a\tb"), CLI_FAILED);
    assert_int_equal(run("runbell keys create"), CLI_OK);
    snprintf(line, sizeof(line), "runbell keys revoke %.44s", out_text);
    assert_int_equal(run(line), CLI_FAILED);
    ASSERT_SAYS(err_text, "this is a key; its KEY_ID is in runbell keys list");
}

static void a_locked_folder(void **state)
{
    struct world *world = real_world_new();
    int lock = -1;

    (void)state;
    assert_int_equal(run("runbell keys create"), CLI_OK);
    assert_int_equal(world->disk->lock(world->disk, ".runbell/lock", &lock), OK);
    assert_int_equal(run("runbell keys create"), CLI_FAILED);
    ASSERT_SAYS(err_text, "is in use by another runbell: stop it");
    ASSERT_SAYS(err_text, "POST /v1/keys");
    assert_int_equal(run("runbell backup b.db"), CLI_OK);
    world->disk->close(world->disk, lock);
    real_world_free(world);
}

/* ---- backup and restore ---- */

static void there_and_back(void **state)
{
    struct stat file;
    char before[KIB];

    (void)state;
    assert_int_equal(run("runbell backup b.db"), CLI_FAILED);
    ASSERT_SAYS(err_text, "holds no store");
    assert_int_equal(run("runbell keys create --name first --data a"), CLI_OK);
    assert_int_equal(run("runbell keys list --data a"), CLI_OK);
    snprintf(before, sizeof(before), "%.1000s", out_text);
    assert_int_equal(run("runbell backup b.db --data a"), CLI_OK);
    assert_int_equal(stat("b.db", &file), 0);
    assert_int_equal(file.st_mode & 077, 0);
    assert_int_equal(run("runbell backup b.db --data a"), CLI_FAILED);
    ASSERT_SAYS(err_text, "exists already");
    assert_int_equal(run("runbell restore b.db --data a"), CLI_FAILED);
    ASSERT_SAYS(err_text, "already holds a store");
    assert_int_equal(run("runbell restore b.db --data new"), CLI_OK);
    assert_int_equal(run("runbell keys list --data new"), CLI_OK);
    assert_string_equal(out_text, before);
    assert_int_equal(run("runbell restore none.db --data other"), CLI_FAILED);
    ASSERT_SAYS(err_text, "there is no file none.db");
    assert_int_equal(run("runbell backup b2.db --store postgres://h/d"), CLI_FAILED);
    ASSERT_SAYS(err_text, "pg_dump");
}

/* ---- config ---- */

static void configuration(void **state)
{
    const struct json *root = NULL;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_int_equal(run("runbell config check"), CLI_OK);
    ASSERT_SAYS(out_text, "no langgraph.json, the defaults are in force: 3 graphs");
    write_config("{\"graphs\": {\"x\": \"pkg.mod:g\"}, \"runbell\": {\"listen\": \"0.0.0.0:80\", "
                 "\"egress\": {\"allow\": [\"a\\\\\\\"b.example\"]}}}");
    assert_int_equal(run("runbell config check"), CLI_FAILED);
    ASSERT_SAYS(err_text, "langgraph.json: runbell.egress.allow");
    write_config(
        "{\"graphs\": {\"x\": {\"path\": \"pkg.mod:g\", \"description\": \"a \\\"{[:,\\\\\"}},"
        " \"runbell\": {\"listen\": \"0.0.0.0:80\"}}");
    assert_int_equal(run("runbell config check"), CLI_OK);
    ASSERT_SAYS(out_text, "langgraph.json: 4 graphs");
    ASSERT_SAYS(out_text, "(needs an API key: runbell keys create)");
    assert_int_equal(run("runbell config print"), CLI_OK);
    assert_int_equal(json_parse(&arena, str_of(out_text), &root, NULL), OK);
    ASSERT_STR(json_string(json_get(json_get(root, "runbell"), "listen")), "0.0.0.0:80");
    ASSERT_STR(json_string(json_get(json_get(json_get(root, "graphs"), "x"), "description")),
               "a \"{[:,\\");
    ASSERT_SAYS(out_text, "\n    \"egress\": {\n      \"allow\": [],\n      \"proxy\": null,\n");
    assert_int_equal(run("runbell config check --config none.json"), CLI_FAILED);
    ASSERT_SAYS(err_text, "there is no file none.json");
    arena_release(&arena);
}

#define IN_FOLDER(sentence, function)                                                              \
    {                                                                                              \
        (sentence), (function), setup, teardown, NULL                                              \
    }

int main(void)
{
    static const struct CMUnitTest tests[] = {
        IN_FOLDER("what is not understood is told with the nearest word and code 2",
                  words_that_are_not_understood),
        IN_FOLDER("serve hands its flags to the server and its code back", serving),
        IN_FOLDER("a key is made once, listed without itself, and revoked",
                  a_key_is_made_listed_and_revoked),
        IN_FOLDER("wrong names, and a key in the place of its id, are refused", wrong_keys),
        IN_FOLDER("of a running server a backup can be made, but no key", a_locked_folder),
        IN_FOLDER("a backup holds the store and never replaces anything", there_and_back),
        IN_FOLDER("the configuration is checked and printed", configuration),
    };

    return RUN_TESTS(tests);
}
