/* hex.h -- bytes as lower-case hex digits, two for each. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include "base/base.h"

/* To `text`, which has room for 2 * count; no NUL behind them. */
void hex_write(char *text, const void *bytes, size_t count);

#endif
