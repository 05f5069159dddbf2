// The same program in C++: the header and its use have to be valid in both languages.
#include "vectors.c"
