/* Buffers, errors, digests, random bytes, stored sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/words.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void test_buf(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    assert_string_equal(buf_str(&b), "");
    assert_true(buf_puts(&b, "a"));
    assert_true(buf_putc(&b, 'b'));
    assert_true(buf_append(&b, "c\0d", 3));
    assert_true(buf_printf(&b, "-%d-%s", 42, "x"));
    assert_int_equal(b.len, 10);
    assert_memory_equal(b.data, "abc\0d-42-x", 11);
    buf_clear(&b);
    assert_string_equal(buf_str(&b), "");
    for (int i = 0; i < 10000; i++)
        assert_true(buf_printf(&b, "%04d", i));
    assert_int_equal(b.len, 40000);
    assert_memory_equal(b.data + 4 * 1234, "1234", 4);
    /* What cannot be had fails, stays failed and leaves the rest as it was. */
    assert_false(buf_append(&b, "x", SIZE_MAX / 2));
    assert_true(b.failed);
    assert_false(buf_putc(&b, 'x'));
    assert_int_equal(b.len, 40000);
    buf_clear(&b);
    assert_true(buf_putc(&b, 'x'));
    buf_fini(&b);
    assert_null(b.data);
}

static void test_err(void **state)
{
    struct err e;
    char longer[1000];

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_false(err_set(&e, EXIT_BROKER, "%s: %d", "what", 7));
    assert_int_equal(e.code, EXIT_BROKER);
    assert_string_equal(e.text, "what: 7");
    assert_false(err_set(&e, EXIT_USAGE, "%s", longer));
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    assert_false(err_set(NULL, EXIT_USAGE, "nobody listens"));
}

static void test_sha256(void **state)
{
    char hex[SHA256_HEX];

    (void)state;
    hash_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_random(void **state)
{
    char a[2 * 40 + 1], b[2 * 40 + 1];

    (void)state;
    random_hex(a, 40);
    random_hex(b, 40);
    assert_int_equal(strlen(a), 80);
    assert_int_equal(strspn(a, "0123456789abcdef"), 80);
    assert_string_not_equal(a, b);
}

static const char *german(const char *id)
{
    if (strcmp(id, "{1} failed on {2}") == 0)
        return "Auf {2} fiel {1} aus";
    return *id ? id : "header";
}

static void test_words_render(void **state)
{
    struct words w = {.id = "{1} failed on {2}", .arg = {{"a.service"}, {"lobby"}}};
    struct text160 t = {""};
    struct text16 small = {""};

    (void)state;
    WORDS_RENDER(&w, NULL, &t);
    assert_string_equal(t.clean, "a.service failed on lobby");
    WORDS_RENDER(&w, german, &t);
    assert_string_equal(t.clean, "Auf lobby fiel a.service aus");
    WORDS_RENDER(&w, NULL, &small);
    assert_string_equal(small.clean, "a.service fa\xe2\x80\xa6");
    w.id = NULL;
    WORDS_RENDER(&w, german, &t);
    assert_string_equal(t.clean, "");
    w.id = "";
    WORDS_RENDER(&w, german, &t);
    assert_string_equal(t.clean, "");
}

/* An argument is never a form of its own. */
static void test_words_argument_with_braces(void **state)
{
    struct words w = {.id = "{1} {4} {x}", .arg = {{"{2}"}, {"secret"}}};
    struct text160 t = {""};

    (void)state;
    WORDS_RENDER(&w, NULL, &t);
    assert_string_equal(t.clean, "{2} {4} {x}");
}

static void test_words_packed(void **state)
{
    static const struct words cases[] = {
        {.id = "{1} failed on {2}", .arg = {{"a.service"}, {"lobby"}}},
        {.id = "{1} failed on {2}", .arg = {{""}, {"lobby"}}},
        {.id = "{1} failed on {2}"},
        {.id = "no arguments"},
        {.id = "{1}{2}{3}", .arg = {{"a"}, {"b"}, {"c"}}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char packed[WORDS_PACKED];
        struct text160 direct = {""}, flat = {""}, back = {""};
        struct words w;

        size_t n = words_pack(&cases[i], packed, sizeof(packed));

        assert_int_equal(n, strlen(packed));
        WORDS_RENDER(&cases[i], german, &direct);
        words_render_packed(packed, german, flat.clean, sizeof(flat.clean));
        assert_string_equal(flat.clean, direct.clean);
        words_unpack(packed, &w);
        assert_string_equal(w.id, cases[i].id);
        WORDS_RENDER(&w, german, &back);
        assert_string_equal(back.clean, direct.clean);
    }
}

static void test_words_packed_hostile(void **state)
{
    struct text160 t = {""};
    struct words w;
    char long_form[4000], small[8];

    (void)state;
    words_render_packed("from {1} an older\x1b[31m version", german, t.clean, sizeof(t.clean));
    assert_string_equal(t.clean, "from {1} an older\xef\xbf\xbd[31m version");
    words_render_packed("{1}\x1f\x1b[0m\x1f\x1f\x1f\x1f", NULL, t.clean, sizeof(t.clean));
    assert_string_equal(t.clean, "\xef\xbf\xbd[0m");
    words_render_packed("", german, t.clean, sizeof(t.clean));
    assert_string_equal(t.clean, "");
    memset(long_form, 'x', sizeof(long_form) - 1);
    long_form[sizeof(long_form) - 1] = '\0';
    long_form[100] = '\x1f';
    words_render_packed(long_form, NULL, t.clean, sizeof(t.clean));
    assert_int_equal(strlen(t.clean), 100);
    words_unpack("", &w);
    assert_null(w.id);
    w = (struct words){.id = "longer than eight"};
    assert_true(words_pack(&w, small, sizeof(small)) < sizeof(small));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf),          cmocka_unit_test(test_err),
        cmocka_unit_test(test_sha256),       cmocka_unit_test(test_random),
        cmocka_unit_test(test_words_render), cmocka_unit_test(test_words_argument_with_braces),
        cmocka_unit_test(test_words_packed), cmocka_unit_test(test_words_packed_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
