/* The examples of docs/mqtt-payload-guide.md mean what the guide says: each goes through the codec.
 * Run from the top of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "core/codec.h"

/* Of which kind an example must be, by how its topic begins and ends. */
static const struct {
    const char *part;
    enum msg_kind kind;
} kinds[] = {
    {"/heartbeat", MSG_HEARTBEAT},
    {"/health", MSG_HEALTH},
    {"/logs/", MSG_LOG},
    {"/service_failed", MSG_SERVICE_FAILED},
    {"/console/ack/", MSG_CONSOLE_ACK},
    {"/ack", MSG_ACK},
    {"/commands", MSG_COMMAND_SEEN},
    {"/group_id", MSG_GROUP},
    {"/events/", MSG_EVENT},
    {"/power/intent", MSG_INTENT},
    {"/presence/", MSG_PRESENCE},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static struct buf guide;

static int read_guide(void **state)
{
    FILE *f = fopen("docs/mqtt-payload-guide.md", "r");
    char chunk[4096];
    size_t n;
    (void)state;

    if (!f)
        return -1;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_append(&guide, chunk, n);
    fclose(f);
    return 0;
}

static int drop_guide(void **state)
{
    (void)state;
    buf_fini(&guide);
    return 0;
}

struct example {
    char topic[200];
    const char *payload;
    size_t len;
};

/* The next block that begins with fence; NULL: none. */
static const char *next_example(const char *p, const char *fence, struct example *x)
{
    const char *at = strstr(p, fence), *line, *end;

    if (!at)
        return NULL;
    at += strlen(fence);
    line = strchr(at, '\n');
    assert_non_null(line);
    snprintf(x->topic, sizeof x->topic, "%.*s", (int)(line - at), at);
    end = strstr(line, "\n```");
    assert_non_null(end);
    x->payload = line + 1;
    x->len = (size_t)(end - line - 1);
    return end + 4;
}

static enum reject decode(struct codec *c, const struct example *x, struct msg *m)
{
    const struct wire_message in = {
        .topic = x->topic, .payload = x->payload, .len = x->len, .rap = true};

    return codec_decode(c, &in, m);
}

static void test_examples_are_taken(void **state)
{
    struct codec *c = codec_new();
    struct example x;
    bool seen[KINDS] = {false};
    int n = 0;
    (void)state;

    for (const char *p = guide.data; (p = next_example(p, "```mqtt ", &x)); n++) {
        struct msg m;
        size_t i = 0;
        const enum reject why = decode(c, &x, &m);
        if (why != REJECT_NONE)
            fail_msg("%s is rejected: %s", x.topic, reject_reasons[why]);
        if (m.flags & FIELD_BAD)
            fail_msg("%s has a bad field", x.topic);
        while (i < KINDS && !strstr(x.topic, kinds[i].part))
            i++;
        assert_true(i < KINDS);
        if (m.kind != kinds[i].kind)
            fail_msg("%s is of kind %d", x.topic, (int)m.kind);
        seen[i] = true;
    }
    assert_true(n >= 14);
    for (size_t i = 0; i < KINDS; i++)
        if (!seen[i])
            fail_msg("the guide has no example for %s", kinds[i].part);
    codec_free(c);
}

static void test_rejected_examples(void **state)
{
    struct codec *c = codec_new();
    struct example x;
    int n = 0;
    (void)state;

    for (const char *p = guide.data; (p = next_example(p, "```mqtt-rejected ", &x)); n++) {
        struct msg m;
        if (decode(c, &x, &m) == REJECT_NONE)
            fail_msg("%s is taken", x.topic);
    }
    assert_true(n >= 4);
    codec_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_are_taken),
        cmocka_unit_test(test_rejected_examples),
    };
    return cmocka_run_group_tests(tests, read_guide, drop_guide);
}
