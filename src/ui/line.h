/* line.h - a line that is being typed: UTF-8, cleaned; what is typed goes to its end, there is no
 * cursor within. */
#ifndef UI_LINE_H
#define UI_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

#define LINE_BYTES 256
struct line {
    char text[LINE_BYTES];
    size_t len;
};

void line_set(struct line *l, const char *text);
/* Cleaned like any other foreign text. What does not fit as a whole is left away. */
void line_type(struct line *l, const char *bytes, size_t n);
void line_type_key(struct line *l, int32_t code);
void line_rub_out(struct line *l); /* a whole character */
/* As much of its end as fits: whoever types sees what they type. */
struct text line_end(const struct line *l, int cells);

#endif
