#include "base/ini.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/text.h"

#define LINE_BYTES_MAX 65536

struct reading {
    FILE *file;
    const char *path;
    ini_fn fn;
    void *user;
    struct err err;
    char section[64];  /* of the key that err is about */
    int line;          /* the one being parsed */
    bool line_is_open; /* the last chunk did not end its line: the next one belongs to it */
    bool failed;
};

/* The packaged library tells its handler no line numbers; long lines reach it in chunks. */
static char *read_line(char *str, int num, void *stream)
{
    struct reading *r = stream;
    size_t n;

    if (!fgets(str, num, r->file))
        return NULL;
    if (!r->line_is_open)
        r->line++;
    n = strlen(str);
    r->line_is_open = n && str[n - 1] != '\n';
    return str;
}

static int on_key(void *user, const char *section, const char *name, const char *value)
{
    struct reading *r = user;

    if (r->failed)
        return 1;
    r->err = (struct err){.code = EXIT_USAGE};
    if (r->fn(r->user, section, name, value, r->line, &r->err))
        return 1;
    snprintf(r->section, sizeof(r->section), "%s", section);
    r->failed = true;
    return 0;
}

/* "PATH:12: [fleet] heartbeat_timeout: …": a handler names its key "fleet.heartbeat_timeout". */
static bool fail_at_line(const struct reading *r, struct err *e)
{
    const char *text = r->err.text;
    size_t n = strlen(r->section);

    if (n && strncmp(text, r->section, n) == 0 && text[n] == '.')
        return err_set(e, r->err.code, "%s:%d: [%s] %s", r->path, r->line, r->section,
                       text + n + 1);
    return err_set(e, r->err.code, "%s:%d: %s", r->path, r->line, text);
}

/* The library's switches are global; set once more per file, always to the same. */
static void set_up_library(void)
{
    ini_use_stack = false;
    ini_allow_realloc = true;
    ini_max_line = LINE_BYTES_MAX;
    ini_allow_multiline = false;
    ini_allow_inline_comments = false;
    ini_stop_on_first_error = true;
    ini_allow_no_value = false;
    ini_allow_bom = true;
}

bool ini_read(const char *path, ini_fn fn, void *user, struct err *e)
{
    struct reading r = {.path = path, .fn = fn, .user = user};
    int bad;

    r.file = fopen(path, "re");
    if (!r.file)
        return err_set(e, EXIT_USAGE, _("%s: %s: name a file that can be read"), path,
                       strerror(errno));
    set_up_library();
    bad = ini_parse_stream(read_line, &r, on_key, &r);
    if (!bad && ferror(r.file))
        err_set(e, EXIT_USAGE, _("%s: %s: name a file that can be read"), path, strerror(errno));
    else if (r.failed)
        fail_at_line(&r, e);
    else if (bad == -2)
        err_set(e, EXIT_FAILED, _("%s: out of memory: close other programs"), path);
    else if (bad)
        err_set(e, EXIT_USAGE,
                _("%s:%d: neither a [section] nor \"key = value\": mend or remove "
                  "the line"),
                path, bad > 0 ? r.line : 0);
    bad = bad || ferror(r.file);
    fclose(r.file);
    return !bad;
}
