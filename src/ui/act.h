/* act.h - what each action does: one handler per action, for the table in act.c, and what the
 * handlers share. */
#ifndef UI_ACT_H
#define UI_ACT_H

#include "ui/desk.h"

typedef void act_fn(struct desk *d, const struct ui_model *m, struct intents *out);

/* act_move.c */
act_fn act_up, act_down, act_page_up, act_page_down, act_top, act_bottom, act_next_panel,
    act_previous_panel;
/* act_view.c */
act_fn act_open_selected, act_show_overview, act_show_clients, act_show_alarms, act_show_commands,
    act_show_incidents, act_show_history, act_show_logs, act_show_broker, act_help, act_back,
    act_quit;
/* act_list.c */
act_fn act_filter, act_sort_back, act_sort_on, act_sort_order, act_copy;
/* act_alarm.c */
act_fn act_acknowledge, act_acknowledge_all, act_shelve, act_load, act_note;
/* act_command.c */
act_fn act_restart_app, act_reboot, act_shut_down, act_mark, act_mark_all, act_unmark, act_withdraw;
/* act_incident.c */
act_fn act_incident, act_hand_over, act_export_view, act_past, act_jump;

/* Shared. */
struct list *act_list(struct desk *d); /* the focused one */
void act_send(struct intents *out, enum intent_kind kind);
/* Whether nothing may leave for the broker, here and now; it is said why. */
bool act_only_to_look_at(struct desk *d, const struct ui_model *m);
void act_show_view(struct desk *d, const struct ui_model *m, enum view_id view);
bool act_shows_lines(const struct desk *d); /* of the history or the logs */
bool act_has_marks(const struct desk *d);   /* the list in focus can be marked */
enum list_id act_filtered_list(const struct desk *d);
/* The incident under the cursor, also before a frame has shown the view. */
const struct incident *act_incident_here(struct desk *d, const struct ui_model *m);

#endif
