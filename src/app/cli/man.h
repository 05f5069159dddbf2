/* man.h -- the man page runbell(1), made from the table of commands. */
#ifndef APP_CLI_MAN_H
#define APP_CLI_MAN_H

#include "base/buf.h"

void man_write(struct buf *out);

#endif
