/* text_view.c - looking at clean text: its width in cells, its order, what it contains. */
#include <limits.h>
#include <string.h>
#include <utf8proc.h>
#include <wchar.h>

#include "base/text.h"

static bool is_ascii(char c)
{
    return (unsigned char)c < 0x80;
}

/* Decodes the character at s (not at the end); broken bytes, which only the program's own words can
 * hold, count as one U+FFFD each. */
static size_t char_at(const char *s, utf8proc_int32_t *c)
{
    utf8proc_ssize_t n;

    if (is_ascii(*s)) {
        *c = (unsigned char)*s;
        return 1;
    }
    n = utf8proc_iterate((const utf8proc_uint8_t *)s, -1, c);
    if (n > 0)
        return (size_t)n;
    *c = 0xfffd;
    return 1;
}

/* The C library's width, since the screen library asks it too: any other table makes columns drift.
 * What it does not know is drawn as one replacement character. */
static int char_cells(utf8proc_int32_t c)
{
    int cells;

    if (c >= 0x20 && c < 0x7f)
        return 1;
    cells = wcwidth((wchar_t)c);
    return cells < 0 ? 1 : cells;
}

bool text_is_empty(struct text t)
{
    return t.clean[0] == '\0';
}

bool text_equal(struct text a, struct text b)
{
    return strcmp(a.clean, b.clean) == 0;
}

/* ---- width ---- */

size_t text_next(const char *s, int *cells)
{
    utf8proc_int32_t c;
    size_t n;

    if (!*s) {
        *cells = 0;
        return 0;
    }
    n = char_at(s, &c);
    *cells = char_cells(c);
    while (!is_ascii(s[n])) {
        size_t more = char_at(s + n, &c);

        if (char_cells(c))
            break;
        n += more;
    }
    return n;
}

bool text_unit_shows(const char *s)
{
    utf8proc_int32_t c;

    if (is_ascii(*s))
        return true;
    char_at(s, &c);
    return wcwidth((wchar_t)c) >= 0;
}

int text_width(struct text t)
{
    int sum = 0, cells;

    for (const char *s = t.clean; *s && sum < INT_MAX - 2;) {
        if (is_ascii(s[0]) && is_ascii(s[1])) {
            s++;
            sum++;
            continue;
        }
        s += text_next(s, &cells);
        sum += cells;
    }
    return sum;
}

size_t text_fit(struct text t, int cells, int *used)
{
    utf8proc_int32_t before = 0, c, state = 0;
    size_t at = 0, border = 0;
    int sum = 0, border_sum = 0;

    while (t.clean[at]) {
        size_t n = char_at(t.clean + at, &c);

        if (!at || utf8proc_grapheme_break_stateful(before, c, &state)) {
            border = at;
            border_sum = sum;
        }
        if (sum + char_cells(c) > cells)
            break;
        sum += char_cells(c);
        at += n;
        before = c;
    }
    if (!t.clean[at]) {
        border = at;
        border_sum = sum;
    }
    *used = border_sum;
    return border;
}

/* ---- order and search ---- */

static utf8proc_int32_t fold(utf8proc_int32_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c | 0x20;
    if (c < 0x80)
        return c;
    return utf8proc_tolower(utf8proc_toupper(c)); /* over the capital: three sigmas become one */
}

/* Does what is at s begin with needle? */
static bool begins_with(const char *s, const char *needle)
{
    while (*needle) {
        utf8proc_int32_t a, b;

        if (!*s)
            return false;
        s += char_at(s, &a);
        needle += char_at(needle, &b);
        if (a != b && fold(a) != fold(b))
            return false;
    }
    return true;
}

bool text_contains(struct text t, struct text needle)
{
    const char *s = t.clean;

    if (!*needle.clean)
        return true;
    while (*s) {
        utf8proc_int32_t c;

        if (begins_with(s, needle.clean))
            return true;
        s += char_at(s, &c);
    }
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Compares the numbers at *a and *b, of any length, and steps over them. */
static int compare_numbers(const char **a, const char **b)
{
    size_t na = 0, nb = 0;
    int order;

    while (**a == '0')
        ++*a;
    while (**b == '0')
        ++*b;
    while (is_digit((*a)[na]))
        na++;
    while (is_digit((*b)[nb]))
        nb++;
    order = na != nb ? (na < nb ? -1 : 1) : memcmp(*a, *b, na);
    *a += na;
    *b += nb;
    return order;
}

int text_compare(struct text a, struct text b)
{
    const char *p = a.clean, *q = b.clean;

    while (*p && *q) {
        utf8proc_int32_t c, d;

        if (is_digit(*p) && is_digit(*q)) {
            int order = compare_numbers(&p, &q);

            if (order)
                return order;
            continue;
        }
        p += char_at(p, &c);
        q += char_at(q, &d);
        c = fold(c);
        d = fold(d);
        if (c != d)
            return c < d ? -1 : 1;
    }
    if (*p || *q)
        return *p ? 1 : -1;
    return strcmp(a.clean, b.clean); /* equal for people: still an order, so that rows never jump */
}
