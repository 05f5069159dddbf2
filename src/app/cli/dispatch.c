/* Finds a command by its name. */
#include <stdio.h>

#include "app/cli/commands.h"
#include "app/nearest.h"

static void write_list(FILE *out, const char *group, const struct cli_command *commands,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        fprintf(out, "  %s %-9s %s\n", group, commands[i].name, commands[i].summary);
    fprintf(out, "\nEach says more with --help.\n");
}

static const char *nearest_command(const struct cli_command *commands, size_t count,
                                   const char *name)
{
    const char *nearest = commands[0].name;
    unsigned least = NEAREST_FAR + 1;

    for (size_t i = 0; i < count; i++) {
        unsigned distance = nearest_distance(str_of(name), str_of(commands[i].name));

        if (distance < least) {
            least = distance;
            nearest = commands[i].name;
        }
    }
    return nearest;
}

int cli_dispatch(const char *group, const struct cli_command *commands, size_t count, int argc,
                 char **argv)
{
    REQUIRE(count > 0);
    if (argc < 2) {
        write_list(stderr, group, commands, count);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        write_list(stdout, group, commands, count);
        return CLI_OK;
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "%s: there is no command \"%s\"; did you mean: %s %s?\n", group, argv[1], group,
            nearest_command(commands, count, argv[1]));
    return CLI_USAGE;
}
