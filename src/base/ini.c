/* ini.c - libinih with its limits lifted and the lines counted. */
#include "base/ini.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"

struct reading {
    FILE *file;
    int line;        /* of the chunk read last */
    bool line_ended; /* the chunk before ended in a newline */
    ini_fn fn;
    void *user;
    struct err err;
};

/* A long line arrives in several chunks: only a new one counts. */
static char *read_chunk(char *to, int size, void *stream)
{
    struct reading *r = stream;
    char *got = fgets(to, size, r->file);

    if (!got)
        return NULL;
    if (r->line_ended)
        r->line++;
    r->line_ended = strchr(got, '\n') != NULL;
    return got;
}

static int on_key(void *user, const char *section, const char *key, const char *value)
{
    struct reading *r = user;

    if (r->err.code)
        return 0;
    return r->fn(r->user, section, key, value, r->line, &r->err);
}

bool ini_read(const char *path, ini_fn fn, void *user, struct err *e)
{
    struct reading r = {.line_ended = true, .fn = fn, .user = user};

    r.file = fopen(path, "re");
    if (!r.file)
        return err_set(e, EXIT_USAGE, "%s: %s", path, strerror(errno));
    const int bad = ini_parse_stream(read_chunk, &r, on_key, &r);
    fclose(r.file);
    if (r.err.code)
        return err_set(e, r.err.code, "%s:%d: %s", path, bad > 0 ? bad : r.line, r.err.text);
    if (bad > 0)
        return err_set(e, EXIT_USAGE, _("%s:%d: expected \"key = value\" or \"[section]\""), path, bad);
    if (bad < 0)
        return err_set(e, EXIT_FAILED, _("%s: cannot be read: out of memory"), path);
    return true;
}
