/* screen.h - the terminal itself: its modes, its bytes, its colours. The only file that knows
 * ncurses. */
#ifndef UI_SCREEN_H
#define UI_SCREEN_H

#include <stdbool.h>

#include "base/err.h"
#include "ui/cells.h"
#include "ui/notification.h"

struct screen;

struct screen_options {
    bool mouse;
    bool show_cursor;   /* always, for screen readers */
    const char *colour; /* "auto", "always", "never" */
};

struct screen *screen_open(const struct screen_options *o, struct err *e);
void screen_close(struct screen *s); /* everything as it was; NULL is legal */
int screen_fd(const struct screen *s);
void screen_size(const struct screen *s, int *rows, int *cols);
/* Than when it was last touched: SIGWINCH tells of it, but only where the terminal is the session's. */
bool screen_has_other_size(const struct screen *s);
/* The terminal has another size, or shows something else: draw everything again. */
void screen_touch(struct screen *s);
void screen_suspend(struct screen *s);
void screen_resume(struct screen *s);

/* Bytes waiting for the terminal go out as far as it takes them. True: none are left. */
bool screen_flush(struct screen *s);
/* Puts what differs from the last frame on its way. Only after screen_flush() returned true. */
void screen_paint(struct screen *s, const struct cells *c, const struct theme *t);
void screen_notify(struct screen *s, enum notification how, struct text sentence);
void screen_bell(struct screen *s);
void screen_clipboard(struct screen *s, struct text t); /* OSC 52 */
void screen_mark_idle(struct screen *s);
long screen_read(struct screen *s, void *bytes, unsigned long n); /* 0: nothing now, < 0: gone */

#endif
