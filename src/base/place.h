/* place.h - where the program lies, and with it what belongs to it: beside it while it runs from where it
 * was built, else in share/ of the prefix that it was installed under, wherever that is now. */
#ifndef BASE_PLACE_H
#define BASE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

/* The program's directory with `below` behind it ("/locale"). False where that is not known or longer
 * than `size` bytes. */
bool place_beside(const char *below, char *out, size_t size);

#endif
