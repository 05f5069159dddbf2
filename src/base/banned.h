/* banned.h -- names that no file of this project may use, each with what to use instead.
 *
 * Included before everything else by the build. The headers that declare the banned functions come
 * first, so that only uses are poisoned. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* str and buf instead of unbounded copies; str_to_i64 instead of atoi and strtol; base/time.h
 * instead of gmtime; base/rng.h instead of rand; io/process.h instead of system and popen. */
#pragma GCC poison strcpy strcat strncpy strtok sprintf vsprintf gets atoi atol strtol
#pragma GCC poison gmtime localtime system popen

/* OpenSSL's headers call a parameter `rand`, so this word cannot be poisoned: calling it is
 * a warning, and warnings are errors. */
int rand(void) __attribute__((deprecated("use base/rng.h")));
void srand(unsigned seed) __attribute__((deprecated("use base/rng.h")));

#endif
