/* keys.h - every action, declared once: dispatch, footer, help, command line, [keys] and the man page all
 * read this table. */
#ifndef UI_KEYS_H
#define UI_KEYS_H

#include "ui/input.h"
#include "ui/ui.h"

/* id, name in [keys] and on the command line, default keys, flags, footer label, help */
#define UI_ACTIONS(X)                                                                                    \
    X(UP, "up", "Up k", UI_MOVES, N_("up"), N_("one row up"))                                            \
    X(DOWN, "down", "Down j", UI_MOVES, N_("down"), N_("one row down"))                                  \
    X(PAGE_UP, "page-up", "PgUp Ctrl-B", UI_MOVES, N_("page up"), N_("a page up"))                       \
    X(PAGE_DOWN, "page-down", "PgDn Ctrl-F", UI_MOVES, N_("page down"), N_("a page down"))               \
    X(TOP, "top", "g Home", UI_MOVES, N_("first"), N_("the first row"))                                  \
    X(BOTTOM, "bottom", "G End", UI_MOVES, N_("last"), N_("the last row"))                               \
    X(ACKNOWLEDGE, "acknowledge", "a", UI_FOOTER | UI_ACTS, N_("acknowledge"),                           \
      N_("acknowledge the selected alarm; elsewhere the most urgent one of the selected client, else of " \
         "the fleet"))                                                                                   \
    X(ACKNOWLEDGE_ALL, "acknowledge-all", "A", UI_ACTS | UI_CONFIRMS, N_("acknowledge all"),             \
      N_("acknowledge all alarms shown (asks)"))                                                         \
    X(SHELVE, "shelve", "z", UI_FOOTER | UI_ACTS, N_("shelve"),                                          \
      N_("put the alarm aside for a time (asks how long); take a shelved one back"))                     \
    X(LOAD, "alarm-load", "m", 0, N_("load of alarms"),                                                  \
      N_("the figures of ISA-18.2: rate, flood, stale and chattering alarms, where they come from"))      \
    X(NOTE, "note", "n", UI_FOOTER | UI_ACTS, N_("note"), N_("write a note on the alarm or incident"))   \
    X(RESTART_APP, "restart-app", "r", UI_FOOTER | UI_ACTS, N_("restart app"),                           \
      N_("restart the display program of the selected client; asks where that may go wrong, and for "    \
         "the marked ones"))                                                                             \
    X(REBOOT, "reboot", "R", UI_FOOTER | UI_ACTS | UI_CONFIRMS, N_("reboot"),                            \
      N_("reboot the selected or the marked clients (asks)"))                                            \
    X(SHUT_DOWN, "shut-down", "S", UI_FOOTER | UI_ACTS | UI_CONFIRMS, N_("shut down"),                   \
      N_("shut down the selected client (its name has to be typed) or the marked ones (their number)"))  \
    X(INCIDENT, "incident", "i", UI_FOOTER, N_("incident"),                                              \
      N_("the incident that the selected alarm or client belongs to"))                                   \
    X(HAND_OVER, "hand-over", "H", UI_FOOTER, N_("hand over"),                                           \
      N_("what the next shift has to know; Enter there records that it was handed over"))                \
    X(EXPORT, "export", "e", UI_FOOTER, N_("export"),                                                    \
      N_("write the incident as Markdown, or the rows of another view as CSV, into a file"))             \
    X(PAST, "past", "t", UI_FOOTER, N_("the past"),                                                      \
      N_("the whole fleet as it was at a time; Esc returns to now"))                                     \
    X(JUMP, "jump", "@", UI_FOOTER | UI_STAYS, N_("go to a time"),                                       \
      N_("history and logs up to a time; Esc returns to now"))                                           \
    X(OPEN, "open", "Enter", UI_FOOTER, N_("details"), N_("open what is selected"))                      \
    X(MARK, "mark", "Space", UI_FOOTER, N_("mark"), N_("mark the client, or unmark it"))                 \
    X(MARK_ALL, "mark-all", "*", 0, N_("mark all"), N_("mark all clients that the filter shows"))        \
    X(UNMARK, "unmark", "u", 0, N_("unmark all"), N_("take all marks away"))                             \
    X(WITHDRAW, "withdraw", "x", UI_FOOTER | UI_STAYS | UI_ACTS | UI_CONFIRMS, N_("cancel"),             \
      N_("cancel a queued command, stop a rollout (asks)"))                                              \
    X(FILTER, "filter", "/", UI_FOOTER, N_("filter"),                                                    \
      N_("filter as you type: text, state:crashed, group:vienna, ! negates; Esc clears"))                \
    X(SORT_BACK, "sort-left", "<", 0, N_("sort by the column to the left"),                              \
      N_("sort by the column to the left"))                                                              \
    X(SORT_ON, "sort-right", ">", 0, N_("sort by the column to the right"),                              \
      N_("sort by the column to the right"))                                                             \
    X(SORT_ORDER, "sort-order", "o", 0, N_("turn the order"), N_("turn the order around"))               \
    X(COPY, "copy", "y", 0, N_("copy uuid"), N_("send the uuid to the terminal's clipboard"))            \
    X(HELP, "help", "? F1", UI_FOOTER | UI_STAYS, N_("help"), N_("this help"))                           \
    X(QUIT, "quit", "q Ctrl-C", UI_FOOTER | UI_STAYS, N_("quit"),                                        \
      N_("back; from the overview: quit (asks if something would be lost)"))                             \
    X(NEXT_PANEL, "next-panel", "Tab", UI_FOOTER, N_("next panel"), N_("next panel"))                    \
    X(PREVIOUS_PANEL, "previous-panel", "Shift-Tab", 0, N_("previous panel"), N_("previous panel"))      \
    X(VIEW_OVERVIEW, "view-overview", "1", UI_VIEW, N_("overview"), N_("overview"))                      \
    X(VIEW_CLIENTS, "view-clients", "2", UI_VIEW, N_("clients"), N_("all clients"))                      \
    X(VIEW_ALARMS, "view-alarms", "3", UI_VIEW, N_("alarms"), N_("all standing alarms"))                 \
    X(VIEW_COMMANDS, "view-commands", "4", UI_VIEW, N_("commands"), N_("commands and their progress"))   \
    X(VIEW_INCIDENTS, "view-incidents", "5", UI_VIEW, N_("incidents"),                                   \
      N_("alarms that belong together, and what was done"))                                              \
    X(VIEW_HISTORY, "view-history", "6", UI_VIEW, N_("history"), N_("what happened, newest first"))      \
    X(VIEW_LOGS, "view-logs", "7", UI_VIEW, N_("logs"), N_("what devices logged, newest first"))         \
    X(VIEW_BROKER, "view-broker", "8", UI_VIEW, N_("broker"),                                            \
      N_("connection, what the broker cannot do, refusals, accounts, other consoles"))                   \
    X(AUDIT, "audit", "c", UI_FOOTER, N_("check"),                                                       \
      N_("try the running broker as \"broker check\" does; the findings are in the broker's view"))      \
    X(COMMAND_LINE, "command-line", ":", 0, N_("command line"),                                          \
      N_("every action by its name; Tab completes"))                                                     \
    X(RECONNECT, "reconnect", "Ctrl-R", 0, N_("try the broker now"),                                     \
      N_("try the broker again without waiting"))                                                        \
    X(REDRAW, "redraw", "Ctrl-L", 0, N_("redraw"), N_("draw the whole screen again"))                    \
    X(RELOAD_THEME, "reload-theme", "", 0, N_("reload the theme"), N_("read the theme file again"))      \
    X(BACK, "back", "Esc", UI_FOOTER | UI_STAYS, N_("back"), N_("back; in the overview: clear the filter"))                 \
    X(SUSPEND, "suspend", "Ctrl-Z", 0, N_("suspend"), N_("back to the shell until fg"))

#define UI_ACTION_ID(id, ...) UI_##id,
enum ui_action_id { UI_ACTIONS(UI_ACTION_ID) UI_ACTION_COUNT, UI_NO_ACTION = UI_ACTION_COUNT };
#undef UI_ACTION_ID

#define KEYS_PER_ACTION 4

struct keymap {
    int32_t key[UI_ACTION_COUNT][KEYS_PER_ACTION]; /* 0: none */
};

void keymap_init(struct keymap *k);
/* "action=key key" lines, as in [keys]. What is bound there is taken from the action that had it. */
bool keymap_bind(struct keymap *k, const char *lines, struct err *e);
enum ui_action_id keymap_find(const struct keymap *k, int32_t key);
/* The first key of an action as it is shown; "" if it has none. */
void keymap_first(const struct keymap *k, enum ui_action_id id, char out[16]);
/* All of them, "g Home"; fits 80 bytes. */
void keymap_all(const struct keymap *k, enum ui_action_id id, char out[80]);
enum ui_action_id action_find(const char *name);

#endif
