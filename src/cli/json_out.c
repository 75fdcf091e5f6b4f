/* json_out.c - see json_out.h. */
#include "cli/json_out.h"

#include <inttypes.h>

#include "base/timefmt.h"

static void separate(struct json_out *j)
{
    if (j->comma)
        fputc(',', j->out);
    j->comma = true;
}

void json_begin(struct json_out *j, char bracket)
{
    separate(j);
    fputc(bracket, j->out);
    j->comma = false;
}

void json_end(struct json_out *j, char bracket)
{
    fputc(bracket, j->out);
    j->comma = true;
}

void json_line(struct json_out *j)
{
    if (j->comma)
        fputc(',', j->out);
    fputc('\n', j->out);
    j->comma = false;
}

/* Cleaned text has no control characters; they are escaped all the same, so that nothing depends on
 * it. */
static void write_string(FILE *out, const char *s)
{
    fputc('"', out);
    for (; *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            fputc('\\', out);
        if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

void json_key(struct json_out *j, const char *key)
{
    separate(j);
    write_string(j->out, key);
    fputc(':', j->out);
    j->comma = false;
}

void json_text(struct json_out *j, struct text t)
{
    separate(j);
    write_string(j->out, t.clean);
}

void json_text_or_null(struct json_out *j, struct text t)
{
    if (text_is_empty(t))
        json_null(j);
    else
        json_text(j, t);
}

void json_number(struct json_out *j, int64_t n)
{
    if (n == INT64_MIN) {
        json_null(j);
        return;
    }
    separate(j);
    fprintf(j->out, "%" PRId64, n);
}

void json_bool(struct json_out *j, bool b)
{
    separate(j);
    fputs(b ? "true" : "false", j->out);
}

void json_null(struct json_out *j)
{
    separate(j);
    fputs("null", j->out);
}

void json_time(struct json_out *j, int64_t wall_ms)
{
    char iso[ISO_SIZE];

    time_iso(wall_ms, iso);
    json_text_or_null(j, TEXT_OURS(iso));
}
