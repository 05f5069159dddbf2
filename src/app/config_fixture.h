/* config_fixture.h -- a project folder for tests: files in it, variables and flags, what was
 * logged. */
#ifndef APP_CONFIG_FIXTURE_H
#define APP_CONFIG_FIXTURE_H

#include "app/config.h"
#include "base/test.h"
#include "io/world.h"

#define FIXTURE_FLAGS_MAX 8

struct project {
    struct world *world;
    char folder[64];
    struct config_sources sources;
    struct config_flag flags[FIXTURE_FLAGS_MAX];
    struct config config;
    struct str why;
    struct buf log; /* all lines of the last load */
    bool is_loaded;
};

/* setup and teardown of cmocka; *state is the project. */
int project_open(void **state);
int project_close(void **state);
/* `name` may have folders in it, which are made. */
void project_write(struct project *project, const char *name, const char *text);
void project_flag(struct project *project, const char *name, const char *value);
/* Loads with `json` as langgraph.json (NULL: as it is). */
enum err project_load(struct project *project, const char *json);

#define PROJECT_TEST(sentence, function)                                                           \
    {                                                                                              \
        (sentence), (function), project_open, project_close, NULL                                  \
    }

/* `text` has `part` in it; else it is shown. */
#define ASSERT_HAS(text, part) project_assert_has((text), (part), __FILE__, __LINE__)
void project_assert_has(struct str text, const char *part, const char *file, int line);

#endif
