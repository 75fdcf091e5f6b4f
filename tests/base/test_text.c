/* Cleaning is a promise to everything behind it: each test feeds what a hostile sender would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <locale.h>
#include <utf8proc.h>

#include "base/text.h"

#define R   "\xef\xbf\xbd" /* U+FFFD */
#define CUT "\xe2\x80\xa6" /* U+2026 */

static const struct {
    const char *dirty, *clean;
} cases[] = {
    {"plain", "plain"},
    {"", ""},
    {"Gr\xc3\xbc\xc3\x9f dich", "Gr\xc3\xbc\xc3\x9f dich"},
    {"a\nb", "a b"},
    {"a\r\nb\t\tc", "a b c"},
    {"\x1b[31mred", R "[31mred"},
    {"a\x7f"
     "b",
     "a" R "b"},
    {"\xc2\x9b"
     "31m",
     R "31m"},                    /* C1 CSI */
    {"caf\xe9 x", "caf" R " x"},  /* Latin-1 */
    {"\xc0\xaf", R},              /* overlong */
    {"\xed\xa0\x80x", R "x"},     /* surrogate */
    {"\xf4\x90\x80\x80x", R "x"}, /* beyond U+10FFFF */
    {"x\xf0\x9f\x98", "x" R},     /* cut short */
    {"a\xe2\x80\xae"
     "b",
     "a" R "b"}, /* U+202E */
    {"a\xe2\x81\xa6"
     "b\xe2\x81\xa9",
     "a" R "b" R}, /* U+2066 U+2069 */
    {"a\xe2\x80\x8f"
     "b",
     "a" R "b"}, /* U+200F */
    {"a\xd8\x9c"
     "b",
     "a" R "b"}, /* U+061C */
    {"a\xe2\x80\x8b\xe2\x80\x8d"
     "b",
     "a" R R "b"}, /* zero width, joiner */
    {"\xef\xbb\xbf"
     "a",
     R "a"}, /* U+FEFF */
    {"a\xe2\x80\xa8"
     "b",
     "a" R "b"}, /* U+2028 */
    {"a\xf3\xa0\x81\x81"
     "b",
     "a" R "b"},                                  /* a tag */
    {"\xee\x80\x80", R},                          /* private use */
    {"\xef\xbf\xbf", R},                          /* U+FFFF */
    {"\xe3\x85\xa4", R},                          /* a filler that looks like nothing */
    {"\xe2\x9d\xa4\xef\xb8\x8f", "\xe2\x9d\xa4"}, /* heart, variation selector */
    {"\xcc\x81"
     "a",
     R "a"}, /* a mark without a base */
    {"a\xcc\x81", "a\xcc\x81"},
    {"a\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81"
     "b",
     "a\xcc\x81\xcc\x81\xcc\x81\xcc\x81"
     "b"},
};

static void test_clean_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text96 t = {"old"};

        assert_true(TEXT_SET(&t, cases[i].dirty, strlen(cases[i].dirty)));
        assert_string_equal(t.clean, cases[i].clean);
        assert_false(TEXT_SET(&t, cases[i].dirty, strlen(cases[i].dirty)));
        assert_string_equal(t.clean, cases[i].clean);
    }
}

static void test_clean_nul_inside(void **state)
{
    struct text16 t = {""};

    (void)state;
    TEXT_SET(&t, "a\0b", 3);
    assert_string_equal(t.clean, "a" R "b");
}

static void test_every_ascii_byte_at_every_place(void **state)
{
    (void)state;
    for (int b = 1; b < 256; b++) {
        for (size_t at = 0; at < 17; at++) {
            char dirty[17];
            struct text64 t = {""};

            memset(dirty, 'x', sizeof(dirty));
            dirty[at] = (char)b;
            TEXT_SET(&t, dirty, sizeof(dirty));
            if (b >= 0x20 && b < 0x7f)
                assert_memory_equal(t.clean, dirty, sizeof(dirty));
            else if (b == '\t' || b == '\n' || b == '\r')
                assert_int_equal(t.clean[at], ' ');
            else
                assert_memory_equal(t.clean + at, R, 3);
        }
    }
}

static void test_cut(void **state)
{
    struct text16 t = {""};

    (void)state;
    TEXT_SET(&t, "123456789012345", 15); /* fits exactly */
    assert_string_equal(t.clean, "123456789012345");
    assert_true(TEXT_SET(&t, "1234567890123456", 16));
    assert_string_equal(t.clean, "123456789012" CUT);
    assert_false(TEXT_SET(&t, "1234567890123456", 16)); /* the same cut text is no change */
    assert_false(TEXT_SET(&t, "1234567890123999999", 19));
    /* Never inside a character: 11 bytes, then one of three that would end beyond. */
    TEXT_SET(&t,
             "12345678901\xe2\x82\xac"
             "xxxx",
             18);
    assert_string_equal(t.clean, "12345678901" CUT);
    TEXT_SET(&t, "123456789012\xe2\x82\xac", 15);
    assert_string_equal(t.clean, "123456789012\xe2\x82\xac");
    assert_false(TEXT_SET(&t, "123456789012\xe2\x82\xac", 15));
}

static void test_copy(void **state)
{
    struct text16 small = {""};
    struct text96 large = {"123456789012\xe2\x82\xac"
                           "x"};

    (void)state;
    assert_true(TEXT_COPY(&small, TEXT_OURS("short")));
    assert_false(TEXT_COPY(&small, TEXT_OURS("short")));
    assert_true(TEXT_COPY(&small, TEXT(large)));
    assert_string_equal(small.clean, "123456789012" CUT);
    assert_false(TEXT_COPY(&small, TEXT(large)));
    assert_true(TEXT_COPY(&small, TEXT_EMPTY));
    assert_string_equal(small.clean, "");
}

static bool is_clean(const char *s)
{
    utf8proc_int32_t c;

    while (*s) {
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s, -1, &c);

        if (n <= 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
            (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff)
            return false;
        s += n;
    }
    return true;
}

/* Any bytes into any size: clean, in bounds, the same when repeated and when cleaned again. */
static void test_random_bytes(void **state)
{
    uint32_t seed = 12345;
    static const char *const pieces[] = {
        "\xf0\x9f\x91\xa9", "\xe2\x80\x8d", "a",        "\xcc\x81", "\x1b[",
        "\xe4\xbd\xa0",     "\xff",         "\xe2\x80", "\n",       "zz"};

    (void)state;
    for (int round = 0; round < 200000; round++) {
        char dirty[80], guarded[72], again[72];
        size_t n = 0, size;

        seed = seed * 1664525 + 1013904223;
        while (n < (seed >> 26)) {
            const char *p = pieces[(seed >> 8) % 10];
            seed = seed * 1664525 + 1013904223;
            if (seed >> 31)
                dirty[n++] = (char)(seed >> 16);
            else
                for (; *p && n < sizeof(dirty); p++)
                    dirty[n++] = *p;
        }
        size = 4 + (seed >> 10) % 60;
        memset(guarded, 0x5a, sizeof(guarded));
        guarded[0] = '\0';
        text_clean(guarded, size, dirty, n);
        assert_true(strlen(guarded) < size);
        assert_int_equal(guarded[size], 0x5a);
        assert_true(is_clean(guarded));
        assert_false(text_clean(guarded, size, dirty, n));
        again[0] = '\0';
        text_clean(again, sizeof(again), guarded, strlen(guarded));
        assert_string_equal(again, guarded);
    }
}

static void test_contains(void **state)
{
    (void)state;
    assert_true(text_contains(TEXT_OURS("Lobby Wien"), TEXT_OURS("wIEN")));
    assert_true(text_contains(TEXT_OURS("GR\xc3\x9cN"), TEXT_OURS("gr\xc3\xbcn")));
    assert_true(text_contains(TEXT_OURS("\xce\x9f\xce\xa3"),
                              TEXT_OURS("\xce\xbf\xcf\x82"))); /* final sigma */
    assert_true(text_contains(TEXT_OURS("x"), TEXT_EMPTY));
    assert_true(text_contains(TEXT_EMPTY, TEXT_EMPTY));
    assert_false(text_contains(TEXT_OURS("lobb"), TEXT_OURS("lobby")));
    assert_false(text_contains(TEXT_OURS("gruen"), TEXT_OURS("gr\xc3\xbcn")));
}

static void test_compare(void **state)
{
    static const char *const order[] = {
        "",         "10",       "A1",
        "lobby",    "lobby-2",  "Lobby-9",
        "lobby-9b", "lobby-10", "lobby-123456789012345678901234567890",
        "LOBBYX"};
    const size_t n = sizeof(order) / sizeof(order[0]);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            int got = text_compare(TEXT_OURS(order[i]), TEXT_OURS(order[j]));

            assert_int_equal((got > 0) - (got < 0), (i > j) - (i < j));
        }
    }
    assert_true(text_compare(TEXT_OURS("a01"), TEXT_OURS("a1")) != 0);
    assert_true(text_compare(TEXT_OURS("\xc3\x84"
                                       "b"),
                             TEXT_OURS("\xc3\xa4"
                                       "c")) < 0);
}

static void test_width(void **state)
{
    int cells, used;

    (void)state;
    assert_int_equal(text_width(TEXT_OURS("plain")), 5);
    assert_int_equal(text_width(TEXT_OURS("\xe4\xbd\xa0\xe5\xa5\xbd")), 4);
    assert_int_equal(text_width(TEXT_OURS("e\xcc\x81x")), 2);
    assert_int_equal(text_next("e\xcc\x81x", &cells), 3);
    assert_int_equal(cells, 1);
    assert_int_equal(text_next("\xe4\xbd\xa0x", &cells), 3);
    assert_int_equal(cells, 2);
    assert_int_equal(text_next("", &cells), 0);
    assert_int_equal(cells, 0);
    assert_int_equal(text_fit(TEXT_OURS("a\xe4\xbd\xa0"
                                        "b"),
                              2, &used),
                     1); /* no half of a wide one */
    assert_int_equal(used, 1);
    assert_int_equal(text_fit(TEXT_OURS("a\xe4\xbd\xa0"
                                        "b"),
                              3, &used),
                     4);
    assert_int_equal(used, 3);
    assert_int_equal(text_fit(TEXT_OURS("ab"), 9, &used), 2);
    assert_int_equal(used, 2);
    assert_int_equal(text_fit(TEXT_OURS("ab"), 0, &used), 0);
    /* The mark goes with its base; a flag is not cut in two. */
    assert_int_equal(text_fit(TEXT_OURS("e\xcc\x81x"), 1, &used), 3);
    assert_int_equal(text_fit(TEXT_OURS("\xf0\x9f\x87\xa6\xf0\x9f\x87\xb9"), 1, &used), 0);
    assert_true(text_unit_shows("\xe4\xbd\xa0"));
    assert_false(text_unit_shows("\xee\x80\x80") && text_unit_shows("\xf4\x8f\xbf\xbf"));
}

/* In the C locale nothing beyond ASCII can be shown: one cell each, and the screen is told. */
static void test_width_c_locale(void **state)
{
    int cells;

    (void)state;
    setlocale(LC_CTYPE, "C");
    assert_false(text_unit_shows("\xc3\xa4"));
    assert_true(text_unit_shows("a"));
    assert_int_equal(text_next("\xc3\xa4", &cells), 2);
    assert_int_equal(cells, 1);
    setlocale(LC_CTYPE, "C.UTF-8");
}

/* Cleaning stands on the path of each message. The bound is loose, for slow and sanitised machines;
 * the figure is printed. */
static void test_speed(void **state)
{
    struct text40 t = {""};
    struct timespec a, b;
    const int rounds = 2000000;
    volatile int changed = 0;
    double ns;

    (void)state;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < rounds; i++)
        changed += TEXT_SET(&t, "display_manager1", 16);
    clock_gettime(CLOCK_MONOTONIC, &b);
    ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / rounds;
    print_message("text_clean, 16 bytes of ASCII, unchanged: %.1f ns\n", ns);
    assert_int_equal(changed, 1);
    assert_true(ns < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean_cases),
        cmocka_unit_test(test_clean_nul_inside),
        cmocka_unit_test(test_every_ascii_byte_at_every_place),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_contains),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_width_c_locale),
        cmocka_unit_test(test_speed),
    };

    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
