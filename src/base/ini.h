/* ini.h - INI files with the line each key stands on (libinih underneath). One rule for values: as
 * they stand, trimmed; no quoting, no inline comments, no continuation lines. */
#ifndef BASE_INI_H
#define BASE_INI_H

#include <stdbool.h>

#include "base/err.h"

/* Returns false (with e filled, but without the place) to report a bad line. */
typedef bool (*ini_fn)(void *user, const char *section, const char *key, const char *value,
                       int line, struct err *e);

/* Reads path, calls fn for each key. The first error stops it and reads
 * "PATH:12: [fleet] heartbeat_timeout: …". A file that doesn't open: EXIT_USAGE with errno's words. */
bool ini_read(const char *path, ini_fn fn, void *user, struct err *e);

#endif
