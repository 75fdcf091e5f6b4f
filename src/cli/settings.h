/* settings.h - option > environment > configuration file > default, for every key, from one table.
 */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "cli/call.h"

/* Fills call->globals (not the password). */
bool settings_load(struct call *call, struct err *e);
/* MQTT_PASSWORD, MQTT_PASSWORD_FILE, broker.password_file, $CREDENTIALS_DIRECTORY/mqtt-password. */
bool settings_load_password(struct call *call, struct err *e);

/* $XDG_<variable>_HOME/infoscreen-tui/<file>, else ~/<fallback>/…; relative values are ignored. */
bool settings_xdg_path(const char *variable, const char *fallback, const char *file, char *out,
                       size_t size);

#endif
