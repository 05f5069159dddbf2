/* runbell: the program. Chooses the command; each is one function (cli/commands.h). */
#include <fcntl.h>
#include <unistd.h>

#include "app/cli/commands.h"

/* Who starts us may have closed some of the first three: a socket or the database in the place of
 * one of them would be written to by every message. */
static void fill_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        (void)close(fd);
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    return cli_main(argc, argv);
}
