/* timefmt.c - times and durations as text. Own arithmetic on days: timegm() and strptime() take 30
 * February, and parsing stands on the path of each message. */
#include "base/timefmt.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

struct date {
    int64_t year;
    int month, day; /* from 1 */
};

/* Days since 1970-01-01 in the Gregorian calendar; years begin in March, so that the leap day is
 * last. */
static int64_t days_from_date(struct date d)
{
    int64_t y = d.month <= 2 ? d.year - 1 : d.year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static struct date date_from_days(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t m = (5 * day_of_year + 2) / 153;
    int month = (int)(m < 10 ? m + 3 : m - 9);

    return (struct date){
        .year = year_of_era + era * 400 + (month <= 2),
        .month = month,
        .day = (int)(day_of_year - (153 * m + 2) / 5 + 1),
    };
}

static bool date_is_valid(struct date d)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (d.year % 4 == 0 && d.year % 100 != 0) || d.year % 400 == 0;

    return d.month >= 1 && d.month <= 12 && d.day >= 1 &&
           d.day <= days[d.month - 1] + (leap && d.month == 2);
}

static void put_digits(char *out, int64_t value, int digits)
{
    while (digits-- > 0) {
        out[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

void time_iso(int64_t wall_ms, char out[ISO_SIZE])
{
    int64_t days = wall_ms / DAY_MS, rest = wall_ms % DAY_MS;
    struct date d;

    out[0] = '\0';
    if (rest < 0) {
        rest += DAY_MS;
        days--;
    }
    if (wall_ms == TIME_NONE || days < -719528 || days > 2932896) /* 0000-01-01 … 9999-12-31 */
        return;
    d = date_from_days(days);
    memcpy(out, "0000-00-00T00:00:00.000Z", 25);
    put_digits(out, d.year, 4);
    put_digits(out + 5, d.month, 2);
    put_digits(out + 8, d.day, 2);
    put_digits(out + 11, rest / HOUR_MS, 2);
    put_digits(out + 14, rest / MINUTE_MS % 60, 2);
    put_digits(out + 17, rest / SECOND_MS % 60, 2);
    put_digits(out + 20, rest % SECOND_MS, 3);
}

/* ---- reading ---- */

struct cursor {
    const char *p, *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_digits(struct cursor *c, int digits, int *value)
{
    *value = 0;
    if (c->end - c->p < digits)
        return false;
    for (; digits > 0; digits--, c->p++) {
        if (!is_digit(*c->p))
            return false;
        *value = *value * 10 + (*c->p - '0');
    }
    return true;
}

static bool take_char(struct cursor *c, char wanted)
{
    if (c->p == c->end || *c->p != wanted)
        return false;
    c->p++;
    return true;
}

static bool take_either(struct cursor *c, char one, char other)
{
    return take_char(c, one) || take_char(c, other);
}

static bool take_date(struct cursor *c, struct date *d)
{
    int year;

    if (!take_digits(c, 4, &year) || !take_char(c, '-') || !take_digits(c, 2, &d->month) ||
        !take_char(c, '-') || !take_digits(c, 2, &d->day))
        return false;
    d->year = year;
    return date_is_valid(*d);
}

/* hh:mm[:ss[.fraction]] */
static bool take_clock(struct cursor *c, int64_t *ms)
{
    int hour, minute, second = 0, scale = 100;

    if (!take_digits(c, 2, &hour) || !take_char(c, ':') || !take_digits(c, 2, &minute))
        return false;
    if (take_char(c, ':') && !take_digits(c, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 60) /* 60: a leap second */
        return false;
    *ms = hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS;
    if (take_either(c, '.', ',')) {
        if (c->p == c->end || !is_digit(*c->p))
            return false;
        for (; c->p < c->end && is_digit(*c->p); c->p++, scale /= 10)
            *ms += (*c->p - '0') * scale;
    }
    return true;
}

/* Nothing, Z, ±hh, ±hhmm or ±hh:mm. */
static bool take_zone(struct cursor *c, int64_t *offset_ms)
{
    int hour, minute = 0;
    bool west;

    *offset_ms = 0;
    if (c->p == c->end || take_either(c, 'Z', 'z'))
        return true;
    west = *c->p == '-';
    if (!take_either(c, '+', '-') || !take_digits(c, 2, &hour))
        return false;
    if (c->p < c->end) {
        take_char(c, ':');
        if (!take_digits(c, 2, &minute))
            return false;
    }
    if (hour > 23 || minute > 59)
        return false;
    *offset_ms = (hour * HOUR_MS + minute * MINUTE_MS) * (west ? -1 : 1);
    return true;
}

bool time_parse_iso(const char *s, size_t n, int64_t *wall_ms)
{
    struct cursor c = {s, s + n};
    struct date d;
    int64_t ms, offset;

    if (!take_date(&c, &d) || !(take_either(&c, 'T', 't') || take_char(&c, ' ')) ||
        !take_clock(&c, &ms) || !take_zone(&c, &offset) || c.p != c.end)
        return false;
    *wall_ms = days_from_date(d) * DAY_MS + ms - offset;
    return true;
}

/* ---- local time ---- */

static bool local_from_wall(int64_t wall_ms, struct tm *tm)
{
    time_t seconds = (time_t)(wall_ms / SECOND_MS - (wall_ms % SECOND_MS < 0));

    return localtime_r(&seconds, tm) != NULL;
}

int32_t time_zone_s(int64_t wall_ms)
{
    struct tm tm;

    return local_from_wall(wall_ms, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

static bool wall_from_local(struct tm *tm, int64_t *wall_ms)
{
    time_t seconds;

    tm->tm_isdst = -1;
    tm->tm_wday = -1; /* mktime() sets it: the one sure sign of success, since -1 is also a time */
    seconds = mktime(tm);
    if (seconds == (time_t)-1 && tm->tm_wday == -1)
        return false;
    *wall_ms = (int64_t)seconds * SECOND_MS;
    return true;
}

static bool local_midnight(int64_t now_wall_ms, int days_back, int64_t *wall_ms)
{
    struct tm tm;

    if (!local_from_wall(now_wall_ms, &tm))
        return false;
    tm.tm_mday -= days_back;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    return wall_from_local(&tm, wall_ms);
}

/* "2026-04-05", "2026-04-05 08:00", "2026-04-05 08:00:30". */
static bool parse_local(const char *s, int64_t *wall_ms)
{
    struct cursor c = {s, s + strlen(s)};
    struct date d;
    struct tm tm = {0};
    int64_t ms = 0;

    if (!take_date(&c, &d))
        return false;
    if (c.p != c.end && (!take_char(&c, ' ') || !take_clock(&c, &ms) || c.p != c.end))
        return false;
    tm.tm_year = (int)d.year - 1900;
    tm.tm_mon = d.month - 1;
    tm.tm_mday = d.day;
    tm.tm_hour = (int)(ms / HOUR_MS);
    tm.tm_min = (int)(ms / MINUTE_MS % 60);
    tm.tm_sec = (int)(ms / SECOND_MS % 60);
    if (!wall_from_local(&tm, wall_ms))
        return false;
    *wall_ms += ms % SECOND_MS;
    return true;
}

/* "03:12": when it last was that late. */
static bool parse_time_of_day(const char *s, int64_t now_wall_ms, int64_t *wall_ms)
{
    struct cursor c = {s, s + strlen(s)};
    int64_t ms = 0;

    if (!take_clock(&c, &ms) || c.p != c.end)
        return false;
    for (int days_back = 0; days_back < 2; days_back++) {
        struct tm tm;
        if (!local_from_wall(now_wall_ms, &tm))
            return false;
        tm.tm_mday -= days_back;
        tm.tm_hour = (int)(ms / HOUR_MS);
        tm.tm_min = (int)(ms / MINUTE_MS % 60);
        tm.tm_sec = (int)(ms / SECOND_MS % 60);
        if (!wall_from_local(&tm, wall_ms))
            return false;
        if (*wall_ms <= now_wall_ms)
            break;
    }
    return true;
}

bool time_parse_when(const char *s, int64_t now_wall_ms, int64_t *wall_ms)
{
    int64_t ago;

    if (strcmp(s, "now") == 0) {
        *wall_ms = now_wall_ms;
        return true;
    }
    if (strcmp(s, "today") == 0)
        return local_midnight(now_wall_ms, 0, wall_ms);
    if (strcmp(s, "yesterday") == 0)
        return local_midnight(now_wall_ms, 1, wall_ms);
    if (duration_parse(s, &ago)) {
        if (__builtin_sub_overflow(now_wall_ms, ago, wall_ms))
            *wall_ms = 0;
        return true;
    }
    return parse_time_of_day(s, now_wall_ms, wall_ms) || parse_local(s, wall_ms) ||
           time_parse_iso(s, strlen(s), wall_ms);
}

void time_local(int64_t wall_ms, int64_t now_wall_ms, char out[ISO_SIZE])
{
    struct tm tm, now;

    out[0] = '\0';
    if (wall_ms == TIME_NONE || !local_from_wall(wall_ms, &tm) ||
        !local_from_wall(now_wall_ms, &now))
        return;
    if (tm.tm_year == now.tm_year && tm.tm_yday == now.tm_yday)
        strftime(out, ISO_SIZE, "%H:%M:%S", &tm);
    else if (tm.tm_year == now.tm_year)
        strftime(out, ISO_SIZE, "%m-%d %H:%M", &tm);
    else
        strftime(out, ISO_SIZE, "%Y-%m-%d", &tm);
}

void time_local_whole(int64_t wall_ms, char out[ISO_SIZE])
{
    struct tm tm;

    out[0] = '\0';
    if (wall_ms != TIME_NONE && local_from_wall(wall_ms, &tm))
        strftime(out, ISO_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
}

/* ---- durations ---- */

static const struct {
    const char *name;
    int64_t ms;
} units[] = {
    {"d", DAY_MS}, {"h", HOUR_MS}, {"m", MINUTE_MS}, {"s", SECOND_MS}, {"ms", 1},
};
#define UNITS (sizeof(units) / sizeof(units[0]))

/* A thousand years: beyond it what is counted from now has no date that could be written. */
#define DURATION_MOST (INT64_C(365250) * DAY_MS)

bool duration_parse(const char *s, int64_t *ms)
{
    int64_t value = 0;
    size_t i = 0;

    if (!is_digit(*s))
        return false;
    for (; is_digit(*s); s++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *s - '0', &value))
            return false;
    }
    if (!*s && !value) { /* "0" */
        *ms = 0;
        return true;
    }
    while (i < UNITS && strcmp(units[i].name, s) != 0)
        i++;
    return i < UNITS && !__builtin_mul_overflow(value, units[i].ms, ms) && *ms <= DURATION_MOST;
}

void duration_format(int64_t ms, char out[ISO_SIZE])
{
    size_t i = 0;

    if (!ms) {
        snprintf(out, ISO_SIZE, "0s");
        return;
    }
    while (ms % units[i].ms)
        i++;
    snprintf(out, ISO_SIZE, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
}

void age_format(int64_t ms, char out[ISO_SIZE])
{
    long long s = ms < 0 ? 0 : ms / SECOND_MS;

    if (s < 60)
        snprintf(out, ISO_SIZE, "0:%02lld", s);
    else if (s < 3600)
        snprintf(out, ISO_SIZE, "%lldm%02llds", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, ISO_SIZE, "%lldh%02lldm", s / 3600, s / 60 % 60);
    else
        snprintf(out, ISO_SIZE, "%lldd%lldh", s / 86400, s / 3600 % 24);
}

/* ---- clocks ---- */

static int64_t clock_ms(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
    return clock_ms(CLOCK_BOOTTIME);
}

int64_t clock_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}
