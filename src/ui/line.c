/* line.c - editing a line. */
#include "ui/line.h"

#include <stdio.h>
#include <string.h>

void line_set(struct line *l, const char *text)
{
    snprintf(l->text, sizeof l->text, "%s", text);
    l->len = strlen(l->text);
}

void line_type(struct line *l, const char *bytes, size_t n)
{
    char clean[LINE_BYTES] = "";

    text_clean(clean, sizeof clean, bytes, n);
    const size_t more = strlen(clean);
    if (l->len + more >= sizeof l->text)
        return;
    memcpy(l->text + l->len, clean, more + 1);
    l->len += more;
}

static size_t encode(int32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    const size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(0xf00 >> n | c);
    return n;
}

void line_type_key(struct line *l, int32_t code)
{
    char utf8[4];

    line_type(l, utf8, encode(code, utf8));
}

void line_rub_out(struct line *l)
{
    while (l->len && ((unsigned char)l->text[--l->len] & 0xc0) == 0x80)
        ;
    l->text[l->len] = '\0';
}

struct text line_end(const struct line *l, int cells)
{
    const char *at = l->text;
    int one;

    for (int width = text_width((struct text){at}); *at && width > cells; width -= one)
        at += text_next(at, &one);
    return (struct text){at};
}
