/* Tests of the configuration: what is read from where, and who wins. */
#include "app/config_fixture.h"
#include "app/config_priv.h"

static void defaults(void **state)
{
    struct project *project = *state;
    const struct config *config = &project->config;
    struct address_text text;

    assert_int_equal(project_load(project, NULL), OK);
    ASSERT_STR(address_write(&config->listen, &text), "127.0.0.1:8123");
    assert_false(config_listens_publicly(config));
    assert_null(config->store_url);
    assert_null(config->file);
    assert_string_equal(config->project_dir, project->folder);
    assert_true(str_ends(str_of(config->data_dir), STR("/.runbell")));
    assert_string_equal(config->python, "python3");
    assert_int_equal(config->run_timeout_ms, 3600000);
    assert_int_equal(config->runs_per_worker, 10);
    assert_int_equal(config->graphs.count, 3);
    assert_non_null(graphs_find(&config->graphs, STR("agent")));
    assert_non_null(graphs_find(&config->graphs, STR("fleet")));
    assert_non_null(graphs_find(&config->graphs, STR("script")));
    ASSERT_STR(config->file_text, "{}");
    ASSERT_STR(config->mount_prefix, "");
}

static void graphs(void **state)
{
    struct project *project = *state;
    const struct graph *graph;
    struct str init;

    project_write(project, "src/a.py", "");
    project_write(project, "b.mts", "");
    assert_int_equal(
        project_load(project,
                     "{\"graphs\": {\"agent\": \"./src/a.py:graph\", \"b\": {\"path\": "
                     "\"b.mts:default\", \"description\": \"B\"}, \"m\": \"pkg.mod:make\"}}"),
        OK);
    assert_int_equal(project->config.graphs.count, 5);
    graph = graphs_find(&project->config.graphs, STR("agent"));
    assert_int_equal(graph->kind, GRAPH_PYTHON);
    ASSERT_STR(graph->path, "./src/a.py:graph");
    ASSERT_STR(graph->description, NULL);
    graph = graphs_find(&project->config.graphs, STR("b"));
    assert_int_equal(graph->kind, GRAPH_JS);
    ASSERT_STR(graph->description, "B");
    assert_int_equal(graphs_find(&project->config.graphs, STR("m"))->kind, GRAPH_PYTHON);
    init = config_worker_init(&project->config, GRAPH_JS, STR("http://x"), &project->config.arena);
    ASSERT_HAS(init, "\"graphs\":{\"b\":{\"path\":\"b.mts:default\",\"description\":\"B\"}},"
                     "\"config\":{\"graphs\"");
    ASSERT_HAS(init, "\"server\":{\"version\":\"" RUNBELL_VERSION "\",\"url\":\"http://x\"}");
    assert_true(str_starts(init, STR("\"project_dir\":\"/")));
}

static void kinds_of_paths(void **state)
{
    static const struct {
        const char *path;
        enum graph_kind kind;
    } cases[] = {
        {"./a.py:g", GRAPH_PYTHON},  {"/abs/a.py:g", GRAPH_PYTHON}, {"pkg:g", GRAPH_PYTHON},
        {"a.b.c:g.h", GRAPH_PYTHON}, {"./a.js:g", GRAPH_JS},        {"./a.js", GRAPH_JS},
        {"./a.mjs:g", GRAPH_JS},     {"./a.cjs:g", GRAPH_JS},       {"./a.ts:g", GRAPH_JS},
        {"./a.cts:g", GRAPH_JS},     {"./a:b.js:g", GRAPH_JS},
    };
    struct project *project = *state;
    char json[200];

    project_flag(project, "dev", "true");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(json, sizeof(json), "{\"graphs\": {\"x\": \"%s\"}}", cases[i].path);
        assert_int_equal(project_load(project, json), OK);
        assert_int_equal(graphs_find(&project->config.graphs, STR("x"))->kind, cases[i].kind);
    }
}

static void precedence(void **state)
{
    static const char *const environment[] = {"RUNBELL_LISTEN=127.0.0.1:2", "RUNBELL_READERS=5",
                                              "RUNBELL_LOG_LEVEL=", "PATH=/bin", NULL};
    static const char json[] =
        "{\"runbell\": {\"listen\": \"127.0.0.1:1\", \"readers\": 4, \"log_level\": \"debug\","
        " \"net_threads\": 3, \"dev\": null}}";
    struct project *project = *state;

    assert_int_equal(project_load(project, json), OK);
    assert_int_equal(project->config.listen.port, 1);
    project->sources.environment = environment;
    assert_int_equal(project_load(project, json), OK);
    assert_int_equal(project->config.listen.port, 2);
    assert_int_equal(project->config.readers, 5);
    assert_int_equal(project->config.log_level, LOG_DEBUG);
    assert_int_equal(project->config.net_threads, 3);
    project_flag(project, "listen", "localhost:3");
    assert_int_equal(project_load(project, json), OK);
    assert_int_equal(project->config.listen.port, 3);
    assert_false(config_listens_publicly(&project->config));
}

static void all_types(void **state)
{
    struct project *project = *state;
    const struct config *config = &project->config;

    assert_int_equal(
        project_load(project,
                     "{\"runbell\": {\"run_timeout_s\": 1.5, \"store\": \"postgres://u:p@h/d\","
                     " \"tls\": {\"cert\": \"c.pem\", \"key\": \"/k.pem\"}, \"python\": \"./py\","
                     " \"node\": \"node22\", \"egress\": {\"allow\": [\"10.0.0.0/8\", \"*.x.y\"]},"
                     " \"workers\": {\"python\": 2, \"js\": 3, \"runs\": 4},"
                     " \"retention\": {\"attempts_days\": 0.5, \"deliveries_days\": 0,"
                     " \"deliveries_mb\": 1.5},"
                     " \"http\": {\"body_bytes_max\": 2048}, \"listen\": \"[::]:80\","
                     " \"delivery\": {\"test_schedule_ms\": [100, 200.0]}}}"),
        OK);
    assert_int_equal(config->run_timeout_ms, 1500);
    assert_string_equal(config->store_url, "postgres://u:p@h/d");
    ASSERT_HAS(str_of(config->tls_cert), project->folder);
    assert_string_equal(config->tls_key, "/k.pem");
    assert_true(str_ends(str_of(config->python), STR("/py")) && config->python[0] == '/');
    assert_string_equal(config->node, "node22");
    assert_int_equal(config->egress_allow_count, 2);
    assert_non_null(config->egress.entries);
    assert_int_equal(
        config->python_workers * 100 + config->js_workers * 10 + config->runs_per_worker, 234);
    assert_int_equal(config->retention.attempts_us, INT64_C(43200000000));
    assert_int_equal(config->retention.deliveries_us, 0);
    assert_int_equal(config->retention.log_bytes, 1500000);
    assert_int_equal(config->http_limits.body_bytes_max, 2048);
    assert_true(config_listens_publicly(config));
    assert_int_equal(config->delivery.policy->delay_count, 2);
    assert_int_equal(config->delivery.policy->delays_ms[1], 200);
}

static void variables(void **state)
{
    static const char *const environment[] = {"RUNBELL_EGRESS_ALLOW=10.0.0.0/8, host.example:80",
                                              "RUNBELL_DELIVERY_TEST_SCHEDULE_MS=10,20,30",
                                              "BG_JOB_TIMEOUT_SECS=7",
                                              "N_JOBS_PER_WORKER=3",
                                              "RUNBELL_WORKERS_RUNS=4",
                                              "RUNBELL_DEV=1",
                                              "RUNBELL_STORE_FILE=secret",
                                              "RUNBELL_SERVICE_HOST=10.0.0.1",
                                              "RUNBELL_LISTNE=1",
                                              NULL};
    struct project *project = *state;
    const struct config *config = &project->config;

    project->sources.environment = environment;
    project_write(project, "secret", "postgres://u@h/d\n");
    assert_int_equal(project_load(project, NULL), OK);
    assert_int_equal(config->egress_allow_count, 2);
    assert_int_equal(config->delivery.policy->delay_count, 3);
    assert_int_equal(config->run_timeout_ms, 7000);
    assert_int_equal(config->runs_per_worker, 4);
    assert_true(config->dev && config->egress.dev);
    assert_string_equal(config->store_url, "postgres://u@h/d");
    ASSERT_HAS(buf_str(&project->log), "RUNBELL_LISTNE is not known and is ignored; did you mean "
                                       "RUNBELL_LISTEN?");
    assert_false(str_contains(buf_str(&project->log), STR("SERVICE_HOST")));
}

static bool has_entry(const char *const *list, const char *entry)
{
    for (size_t i = 0; list[i]; i++)
        if (strcmp(list[i], entry) == 0)
            return true;
    return false;
}

static void env_of_the_file(void **state)
{
    static const char *const environment[] = {"HOME=/root", "A=process", "RUNBELL_READERS=6",
                                              "LGW_FD=9", NULL};
    struct project *project = *state;

    project->sources.environment = environment;
    project_write(project, "conf/.env",
                  "A=file\nexport LG_WEBHOOK_T=\"s3cret\"\n"
                  "RUNBELL_READERS=7\nRUNBELL_NET_THREADS=3\n");
    assert_int_equal(project_load(project, "{\"env\": \"conf/.env\", \"webhooks\": {\"headers\": "
                                           "{\"X-A\": \"${{ env.LG_WEBHOOK_T }}\"}}}"),
                     OK);
    ASSERT_STR(project->config.webhooks.headers[0].value, "s3cret");
    assert_int_equal(project->config.readers, 6);
    assert_int_equal(project->config.net_threads, 3);
    assert_true(has_entry(project->config.worker_env, "A=file"));
    assert_true(has_entry(project->config.worker_env, "HOME=/root"));
    assert_true(has_entry(project->config.worker_env, "LGW_FD=3"));
    assert_false(has_entry(project->config.worker_env, "A=process"));
    assert_false(has_entry(project->config.worker_env, "LGW_FD=9"));
    assert_false(has_entry(project->config.worker_env, "RUNBELL_READERS=6"));
    assert_false(has_entry(project->config.worker_env, "RUNBELL_READERS=7"));

    assert_int_equal(project_load(project, "{\"env\": {\"A\": \"map\"}}"), OK);
    assert_true(has_entry(project->config.worker_env, "A=map"));
    assert_int_equal(project_load(project, "{\"env\": [\"A\", \"MISSING\"]}"), OK);
    ASSERT_HAS(buf_str(&project->log), "MISSING, which is not set");
    assert_true(has_entry(project->config.worker_env, "A=process"));
}

static void other_folder(void **state)
{
    struct project *project = *state;
    char expected[128];

    project_write(project, "deep/mine.json", "{\"runbell\": {\"data\": \"d\"}}");
    project_write(project, "deep/.venv/bin/python", "");
    project->sources.file = "./deep/mine.json";
    assert_int_equal(project_load(project, NULL), OK);
    snprintf(expected, sizeof(expected), "%s/deep/d", project->folder);
    assert_string_equal(project->config.data_dir, expected);
    snprintf(expected, sizeof(expected), "%s/deep/.venv/bin/python", project->folder);
    assert_string_equal(project->config.python, expected);
    project_flag(project, "data", "./x/y");
    assert_int_equal(project_load(project, NULL), OK);
    snprintf(expected, sizeof(expected), "%s/x/y", project->folder);
    assert_string_equal(project->config.data_dir, expected);
}

static void only_settings(void **state)
{
    static const char json[] = "{\"graphs\": 5, \"webhooks\": [], \"runbell\": {\"data\": \"/d\"}}";
    struct project *project = *state;

    project->sources.settings_only = true;
    assert_int_equal(project_load(project, json), OK);
    assert_string_equal(project->config.data_dir, "/d");
}

static void mount_prefix_and_webhooks(void **state)
{
    struct project *project = *state;

    assert_int_equal(project_load(project, "{\"http\": {\"mount_prefix\": \"/a/b\", "
                                           "\"disable_webhooks\": true}}"),
                     OK);
    ASSERT_STR(project->config.mount_prefix, "/a/b");
    assert_true(project->config.webhooks.is_disabled);
}

static void warnings(void **state)
{
    static const struct {
        const char *json, *said;
    } cases[] = {
        {"{\"grphs\": {}}", "grphs is not known and is ignored; did you mean graphs?"},
        {"{\"somebody_elses\": 1}", "somebody_elses is not known and is ignored\""},
        {"{\"encryption\": {\"path\": \"x\"}}", "encryption is not used by this version"},
    };
    struct project *project = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(project_load(project, cases[i].json), OK);
        ASSERT_HAS(buf_str(&project->log), cases[i].said);
    }
    assert_int_equal(project_load(project, "{\"python_version\": \"3.12\", \"dependencies\": "
                                           "[\".\"], \"auth\": null}"),
                     OK);
    assert_int_equal(project->log.len, 0);
}

static void print_shows_all_but_secrets(void **state)
{
    static const char *const environment[] = {
        "RUNBELL_SIGNING_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", NULL};
    struct project *project = *state;
    const struct json *root = NULL;
    struct arena arena;
    struct buf out;

    project->sources.environment = environment;
    project_write(project, "a.js", "");
    assert_int_equal(project_load(project, "{\"graphs\": {\"a\\\"b\": \"./a.js:g\"}, \"runbell\": "
                                           "{\"store\": \"postgres://u:hidden@h/d\"}}"),
                     OK);
    assert_int_equal(project->config.secret_count, 1);
    arena_init(&arena);
    buf_init(&out, MIB);
    config_write(&project->config, &out);
    assert_int_equal(json_parse(&arena, buf_str(&out), &root, NULL), OK);
    assert_int_equal(json_i64(json_get(json_get(root, "runbell"), "readers"), 0), 2);
    assert_non_null(json_get(json_get(json_get(root, "runbell"), "tls"), "cert"));
    assert_false(str_contains(buf_str(&out), STR("hidden")));
    assert_false(str_contains(buf_str(&out), STR("MfKQ")));
    ASSERT_HAS(buf_str(&out), "\"***\"");
    ASSERT_HAS(buf_str(&out), "\"script\":\"built in\"");
    buf_release(&out);
    arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        PROJECT_TEST("without any file the defaults are in force", defaults),
        PROJECT_TEST("graphs are read, built-in ones fill the free names", graphs),
        PROJECT_TEST("the language is told from the path", kinds_of_paths),
        PROJECT_TEST("variables override the file, flags override both", precedence),
        PROJECT_TEST("each type of setting is read from the file", all_types),
        PROJECT_TEST("settings are read from variables, typos are warned of", variables),
        PROJECT_TEST("env of the file reaches workers, templates and settings", env_of_the_file),
        PROJECT_TEST("paths in the file are meant from its folder", other_folder),
        PROJECT_TEST("tools that need the store do not stumble over graphs", only_settings),
        PROJECT_TEST("http of the file is read", mount_prefix_and_webhooks),
        PROJECT_TEST("keys that do nothing here are warned of, known ones are not", warnings),
        PROJECT_TEST("the printed configuration is JSON without secrets",
                     print_shows_all_but_secrets),
    };

    return RUN_TESTS(tests);
}
