/* runbell: the program. Chooses the command; each is one function (cli/commands.h). */
#include "app/cli/commands.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
