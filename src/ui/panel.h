/* panel.h - what the panels share: the words and signs of the nouns, and the panels that are no
 * list. */
#ifndef UI_PANEL_H
#define UI_PANEL_H

#include "ui/desk.h"
#include "ui/format.h"

/* A name for people; the first digits of the uuid where nothing is known. Borrowed from scratch or
 * core. */
struct text panel_client_name(const struct ui_model *m, const struct uid *id,
                              struct text64 *scratch);
void panel_uuid8(const struct uid *id, char out[9]);
const char *panel_state_sign(enum client_state s);
enum role panel_state_role(enum client_state s);
enum role panel_alarm_role(const struct alarm *a);
const char *panel_alarm_sign(const struct alarm *a);
const char *panel_alarm_label(const struct alarm *a);
const char *panel_alarm_guidance(const struct desk *d, const struct alarm *a); /* "" none */
bool panel_alarm_matches(const struct filter *f, const struct ui_model *m, const void *row);
void panel_alarm_what(const struct ui_model *m, const struct alarm *a, char *out, size_t size);
/* "unacknowledged", "berta 0:40 ago" */
void panel_alarm_state(struct paint *p, const struct alarm *a, char *out, size_t size);
/* How far it got, in the most words that fit `cols`; 0: in all. */
void panel_command_state(struct paint *p, const struct command *c, int cols, char *out,
                         size_t size);
void panel_rollout_state(const struct rollout *r, int cols, char *out, size_t size);
void panel_progress(const struct command *c, char *out, size_t size); /* four signs */
void panel_share(uint32_t done, uint32_t of, char *out, size_t size); /* the same four */
enum role panel_command_role(const struct command *c);
enum role panel_rollout_role(const struct rollout *r);
void panel_command_action(const struct command *c, char *out, size_t size);
/* "berta"; "berta, elsewhere" for what another console sent. */
void panel_command_by(const struct command *c, char *out, size_t size);
/* In as many lines as it needs, from y on; returns the line below. */
int panel_wrapped(struct area a, int y, enum role role, const char *clean);
/* The same from the bottom up, over what is there. */
void panel_wrapped_up(struct area a, enum role ground, enum role role, const char *clean);
enum role panel_log_role(const struct log_line *l);
void panel_words(const struct words *w, char *out, size_t size);
/* What should be shown against what is: "42", "42≠17". True where they differ. */
bool panel_event(const struct client *c, char out[FIGURE * 2]);
/* When it last lost the broker, as far as it said. */
void panel_disconnect(struct paint *p, const struct client *c, char out[FIGURE]);
/* Why a silent client's silence is no fault, for _(); NULL: it is one, or it is not silent. */
const char *panel_quiet_reason(const struct ui_model *m, const struct client *c);
bool panel_process_is_wrong(const struct client *c);

/* Header, counts, banners, bottom line. */
void panel_header_draw(struct paint *p, struct area line);
int panel_counts_draw(struct paint *p, struct area lines);  /* rows used */
int panel_banners_draw(struct paint *p, struct area lines); /* rows used, 0-3 */
void panel_footer_draw(struct paint *p, struct area line);
bool panel_message(struct paint *p, char *out, size_t size);
void panel_title(const struct desk *d, const struct ui_model *m, enum list_id id, char *out,
                 size_t size);

void panel_load_draw(struct paint *p, struct area a);
void panel_alarm_detail_draw(struct paint *p, struct area a);
void panel_client_draw(struct paint *p, struct area a);
void panel_incident_draw(struct paint *p, struct area a);         /* the layer */
void panel_incident_below_draw(struct paint *p, struct area a);   /* under the list */
void panel_handover_draw(struct paint *p, struct area a);
void panel_help_draw(struct paint *p, struct area a);
void panel_command_draw(struct paint *p, struct area a); /* all of the selected one */
int panel_broker_draw(struct paint *p, struct area a); /* above the lists; rows used */
void panel_worst_draw(
    struct paint *p, struct area a,
    bool focused); /* the alarm under the cursor, where there is no room for a list */
void panel_tiny_draw(struct paint *p, struct area a);

#endif
