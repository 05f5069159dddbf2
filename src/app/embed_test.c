/* Tests of the embedded worker programs. */
#include "app/embed.h"

#include "app/config_fixture.h"
#include "app/embed_priv.h"
#include "io/disk.h"

static void unpack(struct project *project, enum embed_kind kind, struct arena *arena,
                   const char **entry)
{
    const char *why = "";

    assert_int_equal(embed_unpack(project->world->disk, project->folder, kind, arena, entry, &why),
                     OK);
}

static void both_are_unpacked(void **state)
{
    struct project *project = *state;
    struct disk *disk = project->world->disk;
    const char *entry = "";
    struct arena arena;

    arena_init(&arena);
    unpack(project, EMBED_PYTHON, &arena, &entry);
    assert_true(str_ends(str_of(entry), STR("/main.py")) && disk->exists(disk, entry));
    unpack(project, EMBED_JS, &arena, &entry);
    assert_true(str_ends(str_of(entry), STR("/main.mjs")) && disk->exists(disk, entry));
    arena_release(&arena);
}

static const struct embedded_file *find(const char *name)
{
    size_t i = 0;

    while (i < embedded_js.count && strcmp(embedded_js.files[i].name, name) != 0)
        i++;
    assert_true(i < embedded_js.count);
    return &embedded_js.files[i];
}

static void damage_is_repaired(void **state)
{
    struct project *project = *state;
    const struct embedded_file *file = find(embedded_js.entry);
    const char *entry = "", *again = "";
    struct arena arena;
    struct buf found;

    arena_init(&arena);
    unpack(project, EMBED_JS, &arena, &entry);
    project_write(project, entry + strlen(project->folder) + 1, "cut");
    unpack(project, EMBED_JS, &arena, &again);
    assert_string_equal(entry, again);
    buf_init(&found, MIB);
    assert_int_equal(disk_read_file(project->world->disk, entry, &found), OK);
    assert_int_equal(found.len, file->len);
    assert_memory_equal(found.data, file->bytes, found.len);
    buf_release(&found);
    arena_release(&arena);
}

static void no_tests_inside(void **state)
{
    const struct embedded_program *const programs[] = {&embedded_python, &embedded_js};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        assert_true(programs[i]->count > 5);
        for (size_t j = 0; j < programs[i]->count; j++) {
            const struct embedded_file *file = &programs[i]->files[j];

            assert_null(strstr(file->folder, "node_modules"));
            assert_null(strstr(file->name, "test"));
            assert_null(strstr(file->name, ".md"));
        }
    }
}

static void a_file_in_the_way(void **state)
{
    struct project *project = *state;
    const char *entry = NULL, *why = "";
    struct arena arena;

    arena_init(&arena);
    project_write(project, "workers", "not a folder");
    assert_true(
        embed_unpack(project->world->disk, project->folder, EMBED_JS, &arena, &entry, &why));
    assert_null(entry);
    assert_non_null(strstr(why, "workers"));
    arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        PROJECT_TEST("both worker programs are unpacked", both_are_unpacked),
        PROJECT_TEST("a file that was changed is written again", damage_is_repaired),
        PROJECT_TEST("tests, notes and packages are not in the binary", no_tests_inside),
        PROJECT_TEST("a folder that cannot be made is an error", a_file_in_the_way),
    };

    return RUN_TESTS(tests);
}
