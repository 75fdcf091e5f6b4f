/* Identities: what is one, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/uid.h"

#define TEXT "9b8d1856-ff34-4864-a726-12de072d0f77"

static void test_both_ways(void **state)
{
    struct uid u, v;
    char out[UID_TEXT];

    (void)state;
    assert_true(uid_parse(TEXT, 36, &u));
    assert_int_equal(u.b[0], 0x9b);
    assert_int_equal(u.b[15], 0x77);
    uid_format(&u, out);
    assert_string_equal(out, TEXT);
    assert_true(uid_parse("9B8D1856-FF34-4864-A726-12DE072D0F77 and more", 36, &v));
    assert_true(uid_equal(&u, &v)); /* case is no difference */
    v.b[15] ^= 1;
    assert_false(uid_equal(&u, &v));
    /* Any hexadecimal text of the form, not only valid versions. */
    assert_true(uid_parse("00000000-0000-0000-0000-000000000000", 36, &v));
    assert_true(uid_is_zero(&v));
    assert_false(uid_is_zero(&u));
}

/* Each single character, replaced by one that does not belong there. */
static void test_every_place_counts(void **state)
{
    struct uid u = {{7}};

    (void)state;
    for (size_t i = 0; i < 36; i++) {
        static const char wrong[] = {'g', '/', ':', '@', 'G', '`', ' ', '\0', '\xff'};

        for (size_t k = 0; k < sizeof(wrong); k++) {
            char s[] = TEXT;

            s[i] = wrong[k];
            assert_false(uid_parse(s, 36, &u));
        }
        char s[] = TEXT;
        s[i] = s[i] == '-' ? '0' : '-';
        assert_false(uid_parse(s, 36, &u));
    }
    assert_false(uid_parse(TEXT, 35, &u));
    assert_false(uid_parse(TEXT "0", 37, &u));
    assert_false(uid_parse("", 0, &u));
    assert_false(uid_parse("{9b8d1856-ff34-4864-a726-12de072d0f7}", 37, &u));
    assert_int_equal(u.b[0], 7); /* untouched by what was refused */
}

static void test_random(void **state)
{
    struct uid a, b;
    char out[UID_TEXT];

    (void)state;
    uid_random(&a);
    uid_random(&b);
    assert_false(uid_equal(&a, &b));
    uid_format(&a, out);
    assert_int_equal(out[14], '4');
    assert_non_null(strchr("89ab", out[19]));
}

/* Random but for what tells them, and no other uuid is taken for one. */
static void test_probe(void **state)
{
    struct uid a, b, other;
    char out[UID_TEXT];

    (void)state;
    uid_probe(&a);
    uid_probe(&b);
    uid_random(&other);
    assert_false(uid_equal(&a, &b));
    assert_true(uid_is_probe(&a) && uid_is_probe(&b));
    assert_false(uid_is_probe(&other));
    assert_true(a.b[10] & 1); /* multicast: no network card's */
    uid_format(&a, out);
    assert_string_equal(out + 24, "6970726f6265");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_every_place_counts),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_probe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
