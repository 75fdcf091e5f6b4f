/* What consoles send, byte for byte as the wire format says. */
#include <string.h>

#include "core/codec.h"

#define ISO_SECONDS 19 /* "2026-04-05T08:00:00" */

/* ---- a JSON object, key by key ---- */

struct writer {
    struct buf *out;
    bool ok;
    const char *separator;
};

static void write_raw(struct writer *w, const char *bytes, size_t n)
{
    w->ok = w->ok && buf_append(w->out, bytes, n);
}

static void write_escaped(struct writer *w, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    const char plain[] = {'\\', (char)c};
    const char control[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

    if (c == '"' || c == '\\')
        write_raw(w, plain, sizeof(plain));
    else
        write_raw(w, control, sizeof(control));
}

static void write_string(struct writer *w, const char *s)
{
    write_raw(w, "\"", 1);
    while (*s) {
        size_t n = 0;
        while ((unsigned char)s[n] >= ' ' && s[n] != '"' && s[n] != '\\' && s[n] != 0x7f)
            n++;
        write_raw(w, s, n);
        s += n;
        if (*s)
            write_escaped(w, (unsigned char)*s++);
    }
    write_raw(w, "\"", 1);
}

static void put_key(struct writer *w, const char *key)
{
    write_raw(w, w->separator, 1);
    w->separator = ",";
    write_string(w, key);
    write_raw(w, ":", 1);
}

static void put_string(struct writer *w, const char *key, const char *value)
{
    put_key(w, key);
    write_string(w, value);
}

static void put_string_or_null(struct writer *w, const char *key, const char *value)
{
    put_key(w, key);
    if (value[0])
        write_string(w, value);
    else
        write_raw(w, "null", 4);
}

static void put_time(struct writer *w, const char *key, int64_t at)
{
    char iso[ISO_SIZE];

    time_iso(at, iso);
    put_string_or_null(w, key, iso);
}

/* Devices get whole seconds, the form that every strptime takes. */
static void put_time_seconds(struct writer *w, const char *key, int64_t at)
{
    char iso[ISO_SIZE];

    time_iso(at, iso);
    if (strlen(iso) > ISO_SECONDS)
        memcpy(iso + ISO_SECONDS, "Z", 2);
    put_string_or_null(w, key, iso);
}

static void put_bool(struct writer *w, const char *key, bool value)
{
    put_key(w, key);
    write_raw(w, value ? "true" : "false", value ? 4 : 5);
}

static bool finish(struct writer *w)
{
    write_raw(w, "}", 1);
    return w->ok;
}

/* ---- payloads ---- */

bool codec_encode_command(const struct command *c, const char *client_spelling, struct buf *out)
{
    struct writer w = {.out = out, .ok = true, .separator = "{"};
    const bool other = c->action == ACTION_OTHER;
    char id[UID_TEXT];

    uid_format(&c->id, id);
    put_string(&w, "schema_version", "1.0");
    put_string(&w, "command_id", id);
    put_string(&w, "client_uuid", client_spelling);
    put_string(&w, "action", other ? c->action_text.clean : actions[c->action].word);
    put_time_seconds(&w, "issued_at", c->issued_at);
    put_time_seconds(&w, "expires_at", c->expires_at);
    put_string(&w, "requested_by", c->requested_by.clean);
    put_string(&w, "reason", c->reason.clean);
    return finish(&w);
}

bool codec_encode_console_ack(const struct alarm *a, const char *action, struct text by, int64_t at,
                              struct buf *out)
{
    struct writer w = {.out = out, .ok = true, .separator = "{"};

    put_string(&w, "alarm_id", a->id);
    put_string(&w, "action", action);
    put_string(&w, "by", by.clean);
    put_time(&w, "at", at);
    put_string(&w, "raised_at", a->mark.clean);
    put_string_or_null(&w, "acknowledged_by", a->acknowledged_by.clean);
    put_time(&w, "acknowledged_at", a->acknowledged_at);
    put_time(&w, "shelved_until", a->shelved_until);
    put_string_or_null(&w, "note", a->note.clean);
    return finish(&w);
}

bool codec_encode_presence(struct text host, struct text operator_name, const char *role,
                           bool recovery, int64_t since_at, struct buf *out)
{
    struct writer w = {.out = out, .ok = true, .separator = "{"};

    put_string(&w, "host", host.clean);
    put_string(&w, "operator", operator_name.clean);
    put_string(&w, "role", role);
    put_bool(&w, "recovery", recovery);
    put_time(&w, "since", since_at);
    return finish(&w);
}
