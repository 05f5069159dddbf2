/* A project folder for tests. */
#include "app/config_fixture.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/disk.h"
#include "io/real_world.h"

#define LOG_BYTES_MAX MIB
#define DEPTH_MAX 8

static void on_line(void *context, struct str line)
{
    struct project *project = context;

    buf_add(&project->log, line);
    buf_add_char(&project->log, '\n');
}

int project_open(void **state)
{
    struct project *project = MEM_NEW(struct project);

    project->world = real_world_new();
    snprintf(project->folder, sizeof(project->folder), "/tmp/runbell-config-XXXXXX");
    if (!mkdtemp(project->folder))
        return -1;
    buf_init(&project->log, LOG_BYTES_MAX);
    project->sources.disk = project->world->disk;
    project->sources.working_dir = project->folder;
    project->sources.flags = project->flags;
    log_set_sink(on_line, project);
    *state = project;
    return 0;
}

static void remove_tree(const char *folder, int depth)
{
    DIR *dir = depth < DEPTH_MAX ? opendir(folder) : NULL;
    const struct dirent *entry;
    char path[512];
    int len;

    while (dir && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        len = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (len > 0 && (size_t)len < sizeof(path) && unlink(path) != 0)
            remove_tree(path, depth + 1);
    }
    if (dir)
        closedir(dir);
    rmdir(folder);
}

int project_close(void **state)
{
    struct project *project = *state;

    log_set_sink(NULL, NULL);
    if (project->is_loaded)
        config_release(&project->config);
    remove_tree(project->folder, 0);
    buf_release(&project->log);
    real_world_free(project->world);
    mem_free(project);
    return 0;
}

void project_write(struct project *project, const char *name, const char *text)
{
    char folder[512];
    const char *slash = strrchr(name, '/');

    snprintf(folder, sizeof(folder), "%s/%.*s", project->folder, slash ? (int)(slash - name) : 0,
             name);
    assert_int_equal(project->world->disk->open_dir(project->world->disk, folder), OK);
    assert_int_equal(
        disk_write_file(project->world->disk, folder, slash ? slash + 1 : name, str_of(text)), OK);
}

void project_flag(struct project *project, const char *name, const char *value)
{
    assert_true(project->sources.flag_count < FIXTURE_FLAGS_MAX);
    project->flags[project->sources.flag_count++] = (struct config_flag){name, value};
}

enum err project_load(struct project *project, const char *json)
{
    if (project->is_loaded)
        config_release(&project->config);
    if (json)
        project_write(project, CONFIG_FILE, json);
    buf_clear(&project->log);
    project->why = STR_NONE;
    project->is_loaded = true;
    return config_load(&project->sources, &project->config, &project->why);
}

void project_assert_has(struct str text, const char *part, const char *file, int line)
{
    if (str_contains(text, str_of(part)))
        return;
    print_error("\"%.*s\" has no \"%s\"\n", STR_ARG(text), part);
    _fail(file, line);
}
