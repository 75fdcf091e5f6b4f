/* What consoles send: byte for byte, and readable by our own decoder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/codec.h"

#define CLIENT "9B8D1856-ff34-4864-a726-12de072d0f77"
#define ID     "07aab032-53c2-45ef-a5a3-6aa58e9d9fae"
#define EIGHT  1775376000000 /* 2026-04-05T08:00:00Z */

static struct command sample(void)
{
    struct command c = {.action = ACTION_REBOOT_HOST, .issued_at = EIGHT + 987};

    assert_true(uid_parse(ID, strlen(ID), &c.id));
    c.expires_at = EIGHT + 987 + 240000;
    TEXT_SET(&c.requested_by, "anna", 4);
    TEXT_SET(&c.reason, "frozen", 6);
    return c;
}

static void test_command(void **state)
{
    struct command c = sample();
    struct buf out = BUF_INIT;
    (void)state;

    assert_true(codec_encode_command(&c, CLIENT, &out));
    assert_string_equal(buf_str(&out),
                        "{\"schema_version\":\"1.0\",\"command_id\":\"" ID
                        "\",\"client_uuid\":\"" CLIENT
                        "\",\"action\":\"reboot_host\",\"issued_at\":\"2026-04-05T08:00:00Z\","
                        "\"expires_at\":\"2026-04-05T08:04:00Z\",\"requested_by\":\"anna\","
                        "\"reason\":\"frozen\"}");
    buf_fini(&out);
}

static void test_escaping(void **state)
{
    static const char hard[] = "a\"b\\c/d\xc3\xa4 \xf0\x9f\x98\x80";
    struct command c = sample();
    struct buf out = BUF_INIT;
    struct msg msg;
    struct codec *codec = codec_new();
    (void)state;

    assert_non_null(codec);
    TEXT_SET(&c.reason, hard, strlen(hard));
    c.requested_by.clean[0] = '\x1b'; /* past the cleaning: still never raw on the wire */
    assert_true(codec_encode_command(&c, CLIENT, &out));
    assert_non_null(strstr(buf_str(&out), "\"reason\":\"a\\\"b\\\\c/d\xc3\xa4 "));
    assert_non_null(strstr(buf_str(&out), "\"requested_by\":\"\\u001bnna\""));
    const struct wire_message in = {
        .topic = "infoscreen/" CLIENT "/commands", .payload = out.data, .len = out.len};
    assert_int_equal(codec_decode(codec, &in, &msg), REJECT_NONE);
    assert_string_equal(msg.u.seen.command.reason.clean, c.reason.clean);
    assert_true(uid_equal(&msg.u.seen.command.id, &c.id));
    codec_free(codec);
    buf_fini(&out);
}

static void test_console_ack(void **state)
{
    struct alarm a = {.id = "client_silent-0123456789abcdef",
                      .acknowledged_at = EIGHT,
                      .shelved_until = TIME_NONE};
    struct buf out = BUF_INIT;
    (void)state;

    TEXT_SET(&a.mark, "2026-04-05T07:59:00.000Z", 24);
    TEXT_SET(&a.acknowledged_by, "anna", 4);
    assert_true(codec_encode_console_ack(&a, "acknowledge", TEXT_OURS("anna"), EIGHT, &out));
    assert_string_equal(
        buf_str(&out),
        "{\"alarm_id\":\"client_silent-0123456789abcdef\",\"action\":\"acknowledge\","
        "\"by\":\"anna\",\"at\":\"2026-04-05T08:00:00.000Z\","
        "\"raised_at\":\"2026-04-05T07:59:00.000Z\",\"acknowledged_by\":\"anna\","
        "\"acknowledged_at\":\"2026-04-05T08:00:00.000Z\",\"shelved_until\":null,"
        "\"note\":null}");
    buf_clear(&out);
    a.acknowledged_by.clean[0] = '\0';
    a.acknowledged_at = TIME_NONE;
    a.shelved_until = EIGHT;
    TEXT_SET(&a.note, "later", 5);
    assert_true(codec_encode_console_ack(&a, "shelve", TEXT_OURS("berta"), EIGHT, &out));
    assert_non_null(strstr(buf_str(&out), "\"acknowledged_by\":null,\"acknowledged_at\":null,"
                                          "\"shelved_until\":\"2026-04-05T08:00:00.000Z\","
                                          "\"note\":\"later\"}"));
    buf_fini(&out);
}

static void test_presence(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;

    assert_true(
        codec_encode_presence(TEXT_OURS("ops"), TEXT_OURS("anna"), "recorder", true, EIGHT, &out));
    assert_string_equal(buf_str(&out),
                        "{\"host\":\"ops\",\"operator\":\"anna\",\"role\":\"recorder\","
                        "\"recovery\":true,\"since\":\"2026-04-05T08:00:00.000Z\"}");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_escaping),
        cmocka_unit_test(test_console_ack),
        cmocka_unit_test(test_presence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
