/* From bytes to keys, from names to keys, from the table of actions to its tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ui/keys.h"

static struct input in;

static int32_t next(int64_t at)
{
    struct key k;

    return input_next(&in, at, &k) ? k.code : 0;
}

static void feed(const char *bytes)
{
    input_take(&in, bytes, strlen(bytes), 0);
}

static void test_sequences(void **state)
{
    static const struct {
        const char *bytes;
        int32_t code;
    } rows[] = {
        {"\033[A", KEY_UP_},
        {"\033OA", KEY_UP_},
        {"\033[5~", KEY_PAGE_UP},
        {"\033[H", KEY_HOME_},
        {"\033[4~", KEY_END_},
        {"\033OP", KEY_F1},
        {"\033[11~", KEY_F1},
        {"\033[[A", KEY_F1},
        {"\033[Z", KEY_BACK_TAB},
        {"\t", KEY_TAB},
        {"\r", KEY_RETURN},
        {"\n", KEY_RETURN},
        {"\x7f", KEY_RUBOUT},
        {"\b", KEY_RUBOUT},
        {"ä", 0xe4},
        {"€", 0x20ac},
        {"\x03", KEY_CTRL('c')},
        {"\033[200~", KEY_PASTE_BEGIN},
        {"\033[<64;3;4M", KEY_WHEEL_UP},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        feed(rows[i].bytes);
        assert_int_equal(next(0), rows[i].code);
        assert_int_equal(in.n, 0);
    }
}

/* None of them may decay into letters: "A" would acknowledge everything. */
static void test_unknown_sequences_mean_nothing(void **state)
{
    static const char *const rows[] = {
        "\033[99;99u",      "\033[1;5A",    "\033[?62;c", "\033]11;rgb:00/00/00\a",
        "\033P1$r0m\033\\", "\033[<0;3;4m", "\033x",      "\033[M#!!"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        feed(rows[i]);
        assert_int_equal(next(0), 0);
        assert_int_equal(in.n, 0);
    }
}

static void test_pieces(void **state)
{
    (void)state;
    feed("\xc3");
    assert_int_equal(next(0), 0);
    feed("\xa4");
    assert_int_equal(next(0), 0xe4);
    feed("\033");
    assert_int_equal(next(ESC_WAIT_MS - 1), 0);
    assert_int_equal(input_due(&in), ESC_WAIT_MS);
    feed("[");
    assert_int_equal(next(0), 0);
    feed("A");
    assert_int_equal(next(0), KEY_UP_);
    feed("\033");
    assert_int_equal(next(ESC_WAIT_MS), KEY_ESC);
    assert_int_equal(input_due(&in), INT64_MAX);
    feed("\033[1");
    assert_int_equal(next(ESC_WAIT_MS), 0); /* a piece that never ends is no key */
    assert_int_equal(in.n, 0);
    feed("\xff\xc3(a");
    assert_int_equal(next(0), '(');
    assert_int_equal(next(0), 'a');
}

static void test_any_bytes(void **state)
{
    uint32_t seed = 7;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char bytes[16];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = (char)(seed >> 24);
            if (!(seed & 0x700))
                bytes[i] = "\033[O<;M"[seed % 6];
        }
        input_take(&in, bytes, sizeof bytes, round);
        while (next(round))
            ;
    }
    next(1 << 20);
    next(1 << 20);
    assert_true(in.n < INPUT_BYTES);
}

static void test_table_of_actions(void **state)
{
    unsigned n;
    const struct ui_action *a = ui_actions(&n);
    struct keymap k;

    (void)state;
    keymap_init(&k);
    assert_int_equal(n, UI_ACTION_COUNT);
    for (unsigned i = 0; i < n; i++) {
        assert_true(*a[i].label && *a[i].help && *a[i].name);
        assert_int_equal(action_find(a[i].name), i);
        /* every default key leads back to its action: none is taken twice */
        for (const char *p = a[i].keys; *p;) {
            const size_t len = strcspn(p, " ");
            const int32_t code = key_parse(p, len);
            char name[16];
            assert_int_not_equal(code, 0);
            assert_int_equal(keymap_find(&k, code), i);
            key_name(code, name);
            assert_int_equal(key_parse(name, strlen(name)), code);
            p += len + (p[len] == ' ');
        }
    }
}

static void test_rebinding(void **state)
{
    struct keymap k;
    struct err e = {0};
    char keys[80];

    (void)state;
    keymap_init(&k);
    assert_true(keymap_bind(&k, "acknowledge=F5 Ctrl-G\nquit=x\n", &e));
    assert_int_equal(keymap_find(&k, KEY_F5), UI_ACKNOWLEDGE);
    assert_int_equal(keymap_find(&k, KEY_CTRL('G')), UI_ACKNOWLEDGE);
    assert_int_equal(keymap_find(&k, 'a'), UI_NO_ACTION);
    assert_int_equal(keymap_find(&k, 'q'), UI_NO_ACTION);
    keymap_all(&k, UI_ACKNOWLEDGE, keys);
    assert_string_equal(keys, "F5 Ctrl-G");
    assert_true(keymap_bind(&k, "note=x\n", &e)); /* taken from quit */
    assert_int_equal(keymap_find(&k, 'x'), UI_NOTE);
    assert_false(keymap_bind(&k, "fly=x\n", &e));
    assert_non_null(strstr(e.text, "no such action"));
    assert_false(keymap_bind(&k, "note=Hyper-X\n", &e));
    assert_non_null(strstr(e.text, "Hyper-X"));
    assert_int_equal(e.code, EXIT_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_unknown_sequences_mean_nothing),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_table_of_actions),
        cmocka_unit_test(test_rebinding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
