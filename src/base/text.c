/* text.c - cleaning: the one door through which foreign bytes become text. Looking at clean text
 * (width, order, search) is in text_view.c. */
#include "base/text.h"

#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

/* More marks than this on one base are a prank ("zalgo") that bleeds into the neighbouring rows;
 * it is also what one cell of the screen library can hold (five characters, the base included). */
#define MARKS_MAX 4

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
static const char ellipsis[] = "\xe2\x80\xa6";    /* U+2026 */
#define ELLIPSIS_LEN (sizeof(ellipsis) - 1)

/* Writes while comparing, so that an unchanged text costs no copy and the caller learns of a change
 * without a second buffer. What would end in the last bytes is held back in `pending` until it is
 * known whether the text ends there or must give way to the ellipsis. */
struct writer {
    char *dst;
    size_t at;      /* bytes decided */
    size_t settled; /* at most this many can be decided before the end is known */
    size_t most;    /* without the NUL */
    bool changed;   /* dst differed so far: its old content is no longer there to compare with */
    bool full;
    unsigned char pending_len;
    char pending[8];
};

static void writer_init(struct writer *w, char *dst, size_t size)
{
    *w = (struct writer){
        .dst = dst,
        .settled = size - 1 - ELLIPSIS_LEN,
        .most = size - 1,
    };
}

static void writer_settle(struct writer *w, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++, w->at++) {
        if (w->changed || w->dst[w->at] != bytes[i]) {
            w->changed = true;
            w->dst[w->at] = bytes[i];
        }
    }
}

/* False once the text is known to be longer than dst: the rest needs no look. */
static bool writer_put(struct writer *w, const char *bytes, size_t n)
{
    if (!w->pending_len && w->at + n <= w->settled) {
        writer_settle(w, bytes, n);
        return true;
    }
    if (w->at + w->pending_len + n > w->most) {
        w->full = true;
        return false;
    }
    memcpy(w->pending + w->pending_len, bytes, n);
    w->pending_len = (unsigned char)(w->pending_len + n);
    return true;
}

static bool writer_end(struct writer *w)
{
    if (w->full)
        writer_settle(w, ellipsis, ELLIPSIS_LEN);
    else
        writer_settle(w, w->pending, w->pending_len);
    if (w->changed || w->dst[w->at] != '\0') {
        w->dst[w->at] = '\0';
        w->changed = true;
    }
    return w->changed;
}

/* How many of n bytes at s are printable ASCII, eight at a time. */
static size_t ascii_run(const unsigned char *s, size_t n)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        uint64_t v;

        memcpy(&v, s + i, 8);
        /* A top bit in `bad`: the byte has its own, is below 0x20 or is 0x7f. Below the first such
         * byte nothing borrows or carries, and any hit only ends the fast loop. */
        if ((v | (v - 0x20 * ones) | (v + ones)) & tops)
            break;
    }
    while (i < n && s[i] >= 0x20 && s[i] < 0x7f)
        i++;
    return i;
}

enum verdict { KEEP, MARK, DROP, REPLACE };

static bool is_jamo_tail(utf8proc_int32_t c)
{
    return (c >= 0x1160 && c <= 0x11ff) || (c >= 0xd7b0 && c <= 0xd7ff);
}

/* By general category, never by width: the tables give controls width 0. */
static enum verdict judge(utf8proc_int32_t c)
{
    const utf8proc_property_t *p = utf8proc_get_property(c);

    /* They only choose between two drawings of one character (text or emoji, skin tone), and
     * terminals disagree with wcwidth() about the cells that takes. */
    if ((c >= 0xfe00 && c <= 0xfe0f) || (c >= 0x1f3fb && c <= 0x1f3ff))
        return DROP;
    if (p->ignorable) /* zero-width, fillers, tags, soft hyphen */
        return REPLACE;
    switch (p->category) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return REPLACE;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return MARK;
    default:
        return is_jamo_tail(c) ? MARK : KEEP;
    }
}

/* The bytes of one offence: a lead byte with the continuation bytes that follow it. */
static size_t broken_length(const unsigned char *s, size_t n)
{
    size_t i = 1;

    while (i < n && i < 4 && (s[i] & 0xc0) == 0x80)
        i++;
    return i;
}

/* One character that is not printable ASCII; returns the bytes it took, *go_on false at the end. */
static size_t clean_one(struct writer *w, const unsigned char *s, size_t n, unsigned *marks,
                        bool *go_on)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t len = utf8proc_iterate(s, (utf8proc_ssize_t)n, &c);
    enum verdict v;

    if (len <= 0) {
        *marks = 0;
        *go_on = writer_put(w, replacement, sizeof(replacement) - 1);
        return broken_length(s, n);
    }
    v = judge(c);
    if (v == MARK && (w->at || w->pending_len)) {
        /* Without a base it would sit on whatever the screen shows before this text. */
        if (++*marks <= MARKS_MAX)
            *go_on = writer_put(w, (const char *)s, (size_t)len);
    } else if (v == KEEP) {
        *marks = 0;
        *go_on = writer_put(w, (const char *)s, (size_t)len);
    } else if (v != DROP) {
        *marks = 0;
        *go_on = writer_put(w, replacement, sizeof(replacement) - 1);
    }
    return (size_t)len;
}

static bool is_break(unsigned char c)
{
    return c == '\n' || c == '\r' || c == '\t';
}

static bool clean_slowly(char *dst, size_t size, const unsigned char *s, size_t n)
{
    struct writer w;
    unsigned marks = 0;
    bool go_on = true;

    writer_init(&w, dst, size);
    for (size_t i = 0; i < n && go_on;) {
        if (s[i] >= 0x20 && s[i] < 0x7f) {
            marks = 0;
            go_on = writer_put(&w, (const char *)s + i++, 1);
        } else if (is_break(s[i])) {
            marks = 0;
            while (i < n && is_break(s[i]))
                i++;
            go_on = writer_put(&w, " ", 1);
        } else {
            i += clean_one(&w, s + i, n - i, &marks, &go_on);
        }
    }
    return writer_end(&w);
}

/* n < size, and the bytes hold no NUL. */
static bool store_whole(char *dst, const char *src, size_t n)
{
    /* strncmp, not memcmp: behind its NUL dst may never have been written. */
    if (strncmp(dst, src, n) == 0 && dst[n] == '\0')
        return false;
    memcpy(dst, src, n);
    dst[n] = '\0';
    return true;
}

bool text_clean(char *dst, size_t size, const void *src, size_t len)
{
    if (len < size && ascii_run(src, len) == len)
        return store_whole(dst, src ? src : "", len);
    return clean_slowly(dst, size, src, len);
}

/* The bytes of the character at s, which is clean. */
static size_t char_length(const char *s)
{
    size_t n = 1;

    while ((s[n] & 0xc0) == 0x80)
        n++;
    return n;
}

bool text_copy(char *dst, size_t size, struct text src)
{
    size_t len = strnlen(src.clean, size);
    struct writer w;

    if (len < size)
        return store_whole(dst, src.clean, len);
    writer_init(&w, dst, size);
    for (const char *s = src.clean; *s;) {
        size_t n = char_length(s);

        if (!writer_put(&w, s, n))
            break;
        s += n;
    }
    return writer_end(&w);
}
