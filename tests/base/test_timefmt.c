/* Times and durations, both ways; what strptime() and timegm() would have let pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <time.h>

#include "base/timefmt.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
    const char *text;
    int64_t ms;
} isos[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2026-04-05T08:00:00Z", 1775376000000},
    {"2026-04-05T08:00:00.000000+00:00", 1775376000000},
    {"2026-04-05T10:00:00+02:00", 1775376000000},
    {"2026-04-05T10:00:00+0200", 1775376000000},
    {"2026-04-05T02:30:00-05:30", 1775376000000},
    {"2026-04-05T08:00:00", 1775376000000},
    {"2026-04-05 08:00:00+00:00", 1775376000000},
    {"2026-04-05T08:00:00.1239Z", 1775376000123},
    {"2026-04-05T08:00:00,5Z", 1775376000500},
    {"2024-02-29T00:00:00Z", 1709164800000},
    {"2000-02-29T00:00:00Z", 951782400000},
    {"1969-12-31T23:59:59.999Z", -1},
    {"0000-01-01T00:00:00Z", -62167219200000},
    {"9999-12-31T23:59:59.999Z", 253402300799999},
    {"2016-12-31T23:59:60Z", 1483228800000},
};

static void test_iso_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(isos); i++) {
        int64_t ms = 1;

        assert_true(time_parse_iso(isos[i].text, strlen(isos[i].text), &ms));
        assert_int_equal(ms, isos[i].ms);
    }
}

static void test_iso_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "x",
        "2026-02-30T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-04-05T24:00:00Z",
        "2026-04-05T08:60:00Z",
        "2026-04-05T08:00:61Z",
        "2026-04-05T08:00:00X",
        "2026-04-05T08:00:00+24:00",
        "2026-04-05T08:00:00+02:60",
        "2026-04-05T08:00:00+2",
        "2026-04-05T08:00:00.Z",
        "2026-04-05T08:00:00Z ",
        " 2026-04-05T08:00:00Z",
        "2026-04-05",
        "12026-04-05T08:00:00Z",
        "-026-04-05T08:00:00Z",
        "2026-4-5T08:00:00Z",
        "2026-04-05T08:00:00+02:",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t ms = 7;

        if (time_parse_iso(bad[i], strlen(bad[i]), &ms))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(ms, 7);
    }
    /* Only n bytes count; nothing behind them is read. */
    int64_t ms;
    assert_true(time_parse_iso("2026-04-05T08:00:00Zjunk", 20, &ms));
    assert_false(time_parse_iso("2026-04-05T08:00:00Z", 5, &ms));
}

static void test_iso_format(void **state)
{
    char out[ISO_SIZE];

    (void)state;
    time_iso(1775376000123, out);
    assert_string_equal(out, "2026-04-05T08:00:00.123Z");
    time_iso(-1, out);
    assert_string_equal(out, "1969-12-31T23:59:59.999Z");
    time_iso(-62167219200000, out);
    assert_string_equal(out, "0000-01-01T00:00:00.000Z");
    time_iso(253402300799999, out);
    assert_string_equal(out, "9999-12-31T23:59:59.999Z");
    time_iso(-62167219200001, out);
    assert_string_equal(out, "");
    time_iso(253402300800000, out);
    assert_string_equal(out, "");
    time_iso(INT64_MAX, out);
    assert_string_equal(out, "");
    time_iso(TIME_NONE, out);
    assert_string_equal(out, "");
}

/* Against the C library, over 12,000 years of odd steps. */
static void test_iso_agrees_with_gmtime(void **state)
{
    (void)state;
    for (int64_t s = -62167219200; s < 253402300800; s += 86400 * 97 + 12345) {
        time_t t = (time_t)s;
        struct tm tm;
        char ours[ISO_SIZE], theirs[64];
        int64_t back;

        gmtime_r(&t, &tm);
        snprintf(theirs, sizeof(theirs), "%04d-%02d-%02dT%02d:%02d:%02d.000Z", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        time_iso(s * 1000, ours);
        assert_string_equal(ours, theirs);
        assert_true(time_parse_iso(ours, strlen(ours), &back));
        assert_int_equal(back, s * 1000);
    }
}

static void test_when(void **state)
{
    const int64_t now = 1775376000000; /* 10:00 in Vienna, summer time since a week */
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"now", 1775376000000},
        {"2h", 1775376000000 - 7200000},
        {"0", 1775376000000},
        {"today", 1775340000000},
        {"yesterday", 1775253600000},
        {"2026-04-05 08:00", 1775368800000},
        {"2026-04-05 08:00:30", 1775368830000},
        {"2026-01-05 08:00", 1767596400000},
        {"2026-04-05", 1775340000000},
        {"00:00", 1775340000000},
        {"00:00:01", 1775340001000},
        {"10:01", 1775376060000 - 86400000}, /* not yet today */
        {"2026-04-05T08:00:00Z", 1775376000000},
        {"2026-04-05T08:00:00+02:00", 1775368800000},
    };
    static const char *const bad[] = {
        "",       "tomorrow",   "2 h", "-2h", "2026-02-30", "2026-02-30 08:00", "2026-04-05 25:00",
        "08:00x", "2026-04-05 "};
    int64_t ms;

    (void)state;
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (!time_parse_when(cases[i].text, now, &ms) || ms != cases[i].ms)
            fail_msg("%s: %lld", cases[i].text, (long long)ms);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (time_parse_when(bad[i], now, &ms))
            fail_msg("taken: %s", bad[i]);
    }
}

static void test_local(void **state)
{
    const int64_t now = 1775376000000;
    char out[ISO_SIZE];

    (void)state;
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    time_local(now, now, out);
    assert_string_equal(out, "10:00:00");
    time_local(now - 86400000, now, out);
    assert_string_equal(out, "04-04 10:00");
    time_local(now - INT64_C(365) * 86400000, now, out);
    assert_string_equal(out, "2025-04-05");
    time_local(TIME_NONE, now, out);
    assert_string_equal(out, "");
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
        const char *back;
    } cases[] = {
        {"0", 0, "0s"},         {"0s", 0, "0s"},          {"00", 0, "0s"},
        {"90s", 90000, "90s"},  {"15m", 900000, "15m"},   {"60m", 3600000, "1h"},
        {"2h", 7200000, "2h"},  {"7d", 604800000, "7d"},  {"500ms", 500, "500ms"},
        {"1000ms", 1000, "1s"}, {"48h", 172800000, "2d"},
        {"365250d", INT64_C(31557600000000), "365250d"},
    };
    static const char *const bad[] = {"",
                                      "s",
                                      "90",
                                      "-1s",
                                      "+1s",
                                      " 1s",
                                      "1 s",
                                      "1s ",
                                      "1x",
                                      "1.5h",
                                      "1hm",
                                      "3 parsecs",
                                      "99999999999999999999s",
                                      "9223372036854775807d",
                                      "106751991167d",
                                      "365251d",
                                      "1H"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[ISO_SIZE];

        assert_true(duration_parse(cases[i].text, &ms));
        assert_int_equal(ms, cases[i].ms);
        duration_format(ms, out);
        assert_string_equal(out, cases[i].back);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (duration_parse(bad[i], &ms))
            fail_msg("taken: %s", bad[i]);
    }
}

static void test_ages(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {-5, "0:00"},         {4999, "0:04"},      {59999, "0:59"},
        {60000, "1m00s"},     {192000, "3m12s"},   {7500000, "2h05m"},
        {86399999, "23h59m"}, {273600000, "3d4h"}, {INT64_MAX, "106751991167d7h"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[ISO_SIZE];

        age_format(cases[i].ms, out);
        assert_string_equal(out, cases[i].text);
    }
}

static void test_clocks(void **state)
{
    int64_t a = clock_mono_ms(), b = clock_mono_ms();

    (void)state;
    assert_true(a > 0 && b >= a);
    assert_true(clock_wall_ms() > INT64_C(1700000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iso_parse),  cmocka_unit_test(test_iso_refused),
        cmocka_unit_test(test_iso_format), cmocka_unit_test(test_iso_agrees_with_gmtime),
        cmocka_unit_test(test_when),       cmocka_unit_test(test_local),
        cmocka_unit_test(test_durations),  cmocka_unit_test(test_ages),
        cmocka_unit_test(test_clocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
