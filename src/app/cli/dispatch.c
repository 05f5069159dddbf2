/* Finds a command by its name. */
#include <stdio.h>

#include "app/cli/commands.h"
#include "app/cli/remote.h"
#include "base/nearest.h"

static void write_list(FILE *out, const struct cli_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        fprintf(out, "  %s %-10s %s\n", table->group, table->commands[i].name,
                table->commands[i].summary);
    fprintf(out, "\nEach says more with --help.\n");
}

/* NULL: none is near. */
static const char *nearest_command(const struct cli_table *table, const char *name)
{
    const char *nearest = NULL;
    unsigned least = NEAREST_FAR;

    for (size_t i = 0; i < table->count; i++) {
        unsigned distance = nearest_guess(str_of(name), str_of(table->commands[i].name));

        if (distance < least) {
            least = distance;
            nearest = table->commands[i].name;
        }
    }
    return nearest;
}

static int unknown_command(const struct cli_table *table, const char *name)
{
    const char *nearest = nearest_command(table, name);

    fprintf(stderr, "%s: there is no command \"%s\"; ", table->group, name);
    if (nearest)
        fprintf(stderr, "did you mean: %s %s?\n", table->group, nearest);
    else
        fprintf(stderr, "%s --help lists those there are\n", table->group);
    return CLI_USAGE;
}

static int command_run(const struct cli_command *command, int argc, char **argv)
{
    if (command->table)
        return cli_dispatch(command->table, argc, argv);
    if (command->ask)
        return remote_main(command->args, command->ask, argc, argv);
    return command->run(argc, argv);
}

static bool is_called(const struct cli_command *command, const char *word)
{
    return strcmp(word, command->name) == 0 || (command->also && strcmp(word, command->also) == 0);
}

int cli_dispatch(const struct cli_table *table, int argc, char **argv)
{
    REQUIRE(table->count > 0);
    if (argc < 2) {
        write_list(stderr, table);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        write_list(stdout, table);
        return CLI_OK;
    }
    for (size_t i = 0; i < table->count; i++)
        if (is_called(&table->commands[i], argv[1]))
            return command_run(&table->commands[i], argc - 1, argv + 1);
    return unknown_command(table, argv[1]);
}
