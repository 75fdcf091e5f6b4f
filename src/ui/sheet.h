/* sheet.h - lines below each other in a window that begins some lines down: details that are no
 * list. */
#ifndef UI_SHEET_H
#define UI_SHEET_H

#include "ui/desk.h"

#define SHEET_LABEL 22 /* cells of the left column */

struct sheet {
    struct paint *p;
    struct area a;
    int line, skip;
};

int sheet_line(struct sheet *s); /* y of the next line */
void sheet_heading(struct sheet *s, const char *text);
/* The value in as many lines as it needs. */
void sheet_field(struct sheet *s, const char *label, enum role role, const char *value);
/* Of a layer: keeps the scrolling within what there is, for which the frame is drawn once more, and
 * says in it that there is more. */
void sheet_end(struct sheet *s, struct area frame, int *scroll);

#endif
