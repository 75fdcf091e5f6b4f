/* format.h - figures for people, as coarse as they are useful, so that a calm screen writes next to
 * nothing. What changes with time alone says so to the frame it is drawn in. */
#ifndef UI_FORMAT_H
#define UI_FORMAT_H

#include "ui/desk.h"

#define FIGURE 24

void format_age(struct paint *p, int64_t ms,
                char out[FIGURE]); /* of an alarm: "0:40" "3m" "2h05m" */
void format_span(struct paint *p, int64_t ms,
                 char out[FIGURE]); /* of what is under way: "0:41" "12:05" */
void format_beat(struct paint *p, int64_t quiet_ms, char out[FIGURE]); /* "now" "15s" "30s" "1m" */
void format_left(struct paint *p, int64_t ms, char out[FIGURE]);       /* "25 s", "2 min" */
void format_when(struct paint *p, int64_t wall_ms,
                 char out[FIGURE]);                   /* "today 13:58" "04-04 10:30" */
void format_clock(int64_t wall_ms, char out[FIGURE]); /* "14:03" */
void format_moment(const struct ui_model *m, int64_t wall_ms, char out[FIGURE]); /* "14:03:27" */
void format_number(int64_t n, char out[FIGURE]); /* NUMBER_NONE: a dash */
/* Messages a second; stays at `shown` until the truth is clearly another. */
double format_rate(double rate, double shown, char out[FIGURE]);

/* A change by time alone at now + in_ms. */
void paint_changes_in(struct paint *p, int64_t in_ms);

#endif
