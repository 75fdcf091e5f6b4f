/* cells.h - the plain cell array that panels draw into: text and role per cell. The terminal is
 * painted from it, the tests print it. */
#ifndef UI_CELLS_H
#define UI_CELLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "ui/theme.h"

#define CELL_BYTES 22 /* a base and four marks, and NUL */

/* All bytes are set, so that rows can be compared as memory. */
struct cell {
    char text[CELL_BYTES]; /* one grapheme; "" is the right half of a wide one */
    uint8_t role;
    uint8_t width;
};

struct cells {
    int rows, cols;
    bool ascii;
    struct cell *cell;      /* rows * cols; owned */
    int cursor_y, cursor_x; /* the hardware cursor */
    bool cursor_shown;
};

bool cells_resize(struct cells *c, int rows, int cols); /* false: no memory, unchanged */
void cells_fini(struct cells *c);
void cells_clear(struct cells *c);

/* A rectangle to draw in; what lies outside is cut off. By value. */
struct area {
    struct cells *cells;
    int y, x, rows, cols;
};
struct area area_all(struct cells *c);
struct area area_sub(struct area a, int y, int x, int rows, int cols);

/* Puts t at y, x in at most `most` cells (-1: to the border), ended by an ellipsis where it doesn't
 * fit. Returns the cells used. */
int area_text(struct area a, int y, int x, int most, enum role role, struct text t);
int area_text_right(struct area a, int y, int x, int most, enum role role, struct text t);
/* Our own formatted words. */
int area_printf(struct area a, int y, int x, enum role role, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void area_fill(struct area a, int y, int x, int cols, enum role role); /* blanks */
void area_role(struct area a, int y, int x, int cols, enum role role); /* keeps the text */
/* A frame around the area with a title in its top line; returns the inside. */
struct area area_frame(struct area a, bool heavy, enum role border, enum role title_role,
                       struct text title);
void area_cursor(struct area a, int y, int x, bool shown);

#endif
