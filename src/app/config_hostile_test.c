/* Tests of configurations that are wrong: each is refused with a sentence that names the file, the
 * key and the mend, and none shows a secret. */
#include <unistd.h>

#include "app/config_fixture.h"

static void files(void **state)
{
    static const struct {
        const char *json, *said;
    } cases[] = {
        {"", "langgraph.json: line 1, column 1: this is not JSON"},
        {"{\"graphs\": {", "langgraph.json: line 1, column 13: this is not JSON"},
        {"{\n  \"a\": 1,\n  b\n}", "langgraph.json: line 3, column 3: this is not JSON"},
        {"{\"a\": \"\xff\"}", "this is not JSON"},
        {"[]", "langgraph.json must be an object like {\"graphs\": {…}}, not an array"},
        {"null", "must be an object"},
        {"5", "must be an object"},
    };
    struct project *project = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(project_load(project, cases[i].json), ERR_INVALID);
        ASSERT_HAS(project->why, cases[i].said);
    }
}

static void missing_files(void **state)
{
    struct project *project = *state;

    project->sources.file = "no/such.json";
    assert_int_equal(project_load(project, NULL), ERR_INVALID);
    ASSERT_HAS(project->why, "there is no file no/such.json; give another one with --config");
    project->sources.file = NULL;
    assert_int_equal(project_load(project, "{\"env\": \".env\"}"), ERR_INVALID);
    ASSERT_HAS(project->why, "env names the file \".env\", which cannot be read");
    project_write(project, ".env", "A=1\nno\n");
    assert_int_equal(project_load(project, NULL), ERR_INVALID);
    ASSERT_HAS(project->why, ".env: line 2: a line must have the form NAME=value");
}

static void a_folder_for_a_file(void **state)
{
    struct project *project = *state;

    project_write(project, CONFIG_FILE "/x", "");
    assert_int_equal(project_load(project, NULL), ERR_INVALID);
    ASSERT_HAS(project->why, "langgraph.json cannot be read");
}

static void a_huge_file(void **state)
{
    struct project *project = *state;
    struct buf text;

    buf_init(&text, 8 * MIB);
    buf_add_cstr(&text, "{\"x\": \"");
    while (text.len < 5 * MIB)
        buf_add_cstr(&text, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    buf_add_cstr(&text, "\"}");
    assert_int_equal(project_load(project, buf_cstr(&text)), ERR_INVALID);
    ASSERT_HAS(project->why, "langgraph.json is larger than 4 MiB");
    buf_release(&text);
}

static void an_index_of_items(void **state)
{
    static const struct {
        const char *index, *said;
    } cases[] = {
        {"5", "store.index must be an object"},
        {"{}", "store.index.dims must be how many numbers"},
        {"{\"dims\": 1.5, \"embed\": \"a:b\"}", "store.index.dims must be"},
        {"{\"dims\": 16001, \"embed\": \"a:b\"}", "from 1 to 16000"},
        {"{\"dims\": 3}", "store.index.embed"},
        {"{\"dims\": 3, \"embed\": \"nothing\"}", "store.index.embed: \"nothing\" must be"},
        {"{\"dims\": 3, \"embed\": \"./none.py:f\"}", "there is no file ./none.py"},
        {"{\"dims\": 3, \"embed\": \"a:b\", \"fields\": \"x\"}", "store.index.fields must be"},
        {"{\"dims\": 3, \"embed\": \"a:b\", \"fields\": [\"\"]}", "store.index.fields must be"},
    };
    struct project *project = *state;
    char json[256];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(json, sizeof(json), "{\"store\": {\"index\": %s}}", cases[i].index);
        assert_int_equal(project_load(project, json), ERR_INVALID);
        ASSERT_HAS(project->why, cases[i].said);
    }
    assert_int_equal(project_load(project, "{\"store\": {\"index\": {\"dims\": 3, \"embed\": "
                                           "\"openai:text-embedding-3-small\"}}}"),
                     OK);
}

static void our_keys(void **state)
{
    static const struct {
        const char *ours, *said;
    } cases[] = {
        {"5", "langgraph.json: runbell must be an object, not a number"},
        {"{\"egres\": {}}", "runbell.egres is not known; did you mean runbell.egress?"},
        {"{\"listne\": \"x\"}", "runbell.listne is not known; did you mean runbell.listen?"},
        {"{\"allow\": []}", "did you mean runbell.egress.allow?"},
        {"{\"egress\": {\"alow\": []}}", "runbell.egress.alow is not known; did you mean "
                                         "runbell.egress.allow?"},
        {"{\"egress\": []}", "runbell.egress must be an object, not an array"},
        {"{\"egress\": {\"allow\": \"x\"}}", "runbell.egress.allow must be a list, not a string"},
        {"{\"egress\": {\"allow\": [5]}}", "must be a list of strings, not with a number in it"},
        {"{\"egress\": {\"allow\": [\"10.0.0.0/99\"]}}", "runbell.egress.allow: \"10.0.0.0/99\": "},
        {"{\"readers\": \"4\"}", "runbell.readers must be a number, not a string"},
        {"{\"readers\": 0}", "runbell.readers must be a whole number from 1 to 64, not 0"},
        {"{\"readers\": 65}", "from 1 to 64, not 65"},
        {"{\"readers\": 1.5}", "a whole number from 1 to 64, not 1.5"},
        {"{\"readers\": -1e300}", "from 1 to 64"},
        {"{\"readers\": true}", "must be a number, not"},
        {"{\"dev\": 1}", "runbell.dev must be true or false, not a number"},
        {"{\"log_level\": \"loud\"}", "runbell.log_level must be debug, info, warn or error"},
        {"{\"python\": \"\"}", "runbell.python must not be empty"},
        {"{\"python\": \"a\\u0000b\"}", "must not have a NUL"},
        {"{\"store\": \"mysql://x\"}", "runbell.store must be postgres://"},
        {"{\"listen\": \"8123\"}", "runbell.listen must be an IP address and a port"},
        {"{\"listen\": \"127.0.0.1:99999\"}", "not \"127.0.0.1:99999\""},
        {"{\"listen\": \"127.0.0.1:-1\"}", "must be an IP address and a port"},
        {"{\"listen\": \"example.com:80\"}", "must be an IP address and a port"},
        {"{\"listen\": \"\"}", "must be an IP address and a port"},
        {"{\"tls\": {\"cert\": \"c\"}}", "tls.cert is set and tls.key is not; HTTPS needs both"},
        {"{\"signing_secret\": \"hunter2\"}", "runbell.signing_secret is not a signing secret: "},
        {"{\"signing_secret\": 5}", "runbell.signing_secret must be a list, not a number"},
        {"{\"delivery\": {\"test_schedule_ms\": [-1]}}", "must be a number from 0 to 86400000"},
        {"{\"\": 1}", "is not known; did you mean"},
    };
    struct project *project = *state;
    char json[256];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(json, sizeof(json), "{\"runbell\": %s}", cases[i].ours);
        assert_int_equal(project_load(project, json), ERR_INVALID);
        ASSERT_HAS(project->why, cases[i].said);
        assert_false(str_contains(project->why, STR("hunter2")));
    }
}

static void other_keys(void **state)
{
    static const struct {
        const char *json, *said;
    } cases[] = {
        {"{\"graphs\": []}", "langgraph.json: graphs must be an object like"},
        {"{\"graphs\": {\"x\": 5}}", "graphs.x must be \"./file.py:export\" or an object"},
        {"{\"graphs\": {\"x\": {}}}", "graphs.x has no \"path\"; add"},
        {"{\"graphs\": {\"x\": {\"path\": []}}}", "graphs.x must be"},
        {"{\"graphs\": {\"x\": {\"path\": \"a.b:c\", \"description\": 1}}}",
         "graphs.x.description must be a string, not a number"},
        {"{\"graphs\": {\"x\": \"./a.rb:g\"}}", "graphs.x: \"./a.rb:g\" must be ./file.py:export"},
        {"{\"graphs\": {\"x\": \"./a.py\"}}", "must be ./file.py:export"},
        {"{\"graphs\": {\"x\": \"./a.py:\"}}", "must be ./file.py:export"},
        {"{\"graphs\": {\"x\": \"./a.js:\"}}", "must be ./file.py:export"},
        {"{\"graphs\": {\"x\": \":g\"}}", "must be ./file.py:export"},
        {"{\"graphs\": {\"x\": \"\"}}", "must be ./file.py:export"},
        {"{\"graphs\": {\"x\": \"a..b:g\"}}", "must be ./file.py:export"},
        {"{\"graphs\": {\"x\": \"./missing.py:graph\"}}",
         "graphs.x: there is no file ./missing.py in "},
        {"{\"graphs\": {\"\": \"a:b\"}}", "the name of a graph must have 1 to 128 bytes"},
        {"{\"graphs\": {\"x\": \"a:b\", \"x\": \"a:b\"}}", "graphs.x stands there twice"},
        {"{\"env\": 5}", "env must be the path of a .env file, an object of variables, or a list"},
        {"{\"env\": {\"A\": 5}}", "env.A must be a string, not a number; put it in quotes"},
        {"{\"env\": {\"A B\": \"x\"}}", "\"A B\" cannot be the name of a variable"},
        {"{\"env\": {\"A\": \"x\\u0000\"}}", "env.A must not have a NUL"},
        {"{\"env\": [5]}", "entry 1 is none"},
        {"{\"env\": \"\"}", "cannot be read"},
        {"{\"webhooks\": 5}", "langgraph.json: webhooks"},
        {"{\"webhooks\": {\"headers\": {\"X\": \"${{ env.LG_WEBHOOK_NO }}\"}}}", "LG_WEBHOOK_NO"},
        {"{\"http\": {\"mount_prefix\": \"x\"}}", "http.mount_prefix must be a path such as"},
        {"{\"http\": {\"mount_prefix\": \"/x/\"}}", "http.mount_prefix must be a path such as"},
        {"{\"http\": {\"mount_prefix\": \"/\"}}", "http.mount_prefix must be a path such as"},
        {"{\"http\": {\"mount_prefix\": \"/a//b\"}}", "http.mount_prefix must be a path such as"},
        {"{\"http\": {\"mount_prefix\": \"/a b\"}}", "http.mount_prefix must be a path such as"},
        {"{\"http\": {\"mount_prefix\": 1}}", "http.mount_prefix must be a path such as"},
    };
    struct project *project = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(project_load(project, cases[i].json), ERR_INVALID);
        ASSERT_HAS(project->why, cases[i].said);
    }
}

static void with_dev_a_missing_graph_is_the_workers_matter(void **state)
{
    struct project *project = *state;

    project_flag(project, "dev", "true");
    assert_int_equal(project_load(project, "{\"graphs\": {\"x\": \"./missing.py:graph\"}}"), OK);
}

static void wrong_variables(void **state)
{
    static const struct {
        const char *variable, *said;
    } cases[] = {
        {"RUNBELL_LISTEN=x", "RUNBELL_LISTEN must be an IP address and a port"},
        {"RUNBELL_READERS=four", "RUNBELL_READERS must be a number"},
        {"RUNBELL_READERS=nan", "RUNBELL_READERS must be a"},
        {"RUNBELL_DEV=maybe", "RUNBELL_DEV must be true or false"},
        {"RUNBELL_EGRESS_ALLOW=1.2.3.4/50", "RUNBELL_EGRESS_ALLOW: \"1.2.3.4/50\": "},
        {"RUNBELL_STORE_FILE=none", "RUNBELL_STORE_FILE names the file none, which cannot be read"},
        {"RUNBELL_SIGNING_SECRET=hunter2", "RUNBELL_SIGNING_SECRET is not a signing secret: "},
        {"BG_JOB_TIMEOUT_SECS=0", "BG_JOB_TIMEOUT_SECS must be a number from 1 to 31536000, not 0"},
        {"RUNBELL_TLS_CERT=c", "tls.cert is set and tls.key is not"},
    };
    struct project *project = *state;
    static const char *environment[2];

    project->sources.environment = environment;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        environment[0] = cases[i].variable;
        assert_int_equal(project_load(project, NULL), ERR_INVALID);
        ASSERT_HAS(project->why, cases[i].said);
        assert_false(str_contains(project->why, STR("hunter2")));
    }
}

static void wrong_flags(void **state)
{
    static const struct {
        const char *name, *value, *said;
    } cases[] = {
        {"listen", "nowhere", "--listen must be an IP address and a port"},
        {"log_level", "loud", "--log-level must be debug, info, warn or error"},
        {"tls.cret", "x", "--tls-cret is not known; did you mean --tls-cert?"},
        {"data", "", "--data must not be empty"},
    };
    struct project *project = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        project->sources.flag_count = 0;
        project_flag(project, cases[i].name, cases[i].value);
        assert_int_equal(project_load(project, NULL), ERR_INVALID);
        ASSERT_HAS(project->why, cases[i].said);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        PROJECT_TEST("a file that is no JSON object is refused with line and column", files),
        PROJECT_TEST("files that are missing are named", missing_files),
        PROJECT_TEST("a folder in the place of the file is refused", a_folder_for_a_file),
        PROJECT_TEST("a file beyond the limit is refused", a_huge_file),
        PROJECT_TEST("an index of items is checked (issue 4)", an_index_of_items),
        PROJECT_TEST("our own keys are checked by name, type and range", our_keys),
        PROJECT_TEST("the keys we read of others are checked", other_keys),
        PROJECT_TEST("with --dev a missing graph is left to the worker",
                     with_dev_a_missing_graph_is_the_workers_matter),
        PROJECT_TEST("wrong variables are named, secrets are not shown", wrong_variables),
        PROJECT_TEST("wrong flags are named as they were written", wrong_flags),
    };

    return RUN_TESTS(tests);
}
