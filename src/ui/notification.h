/* notification.h - which escape sequence, if any, makes this terminal notify its user. */
#ifndef UI_NOTIFICATION_H
#define UI_NOTIFICATION_H

enum notification { NOTIFICATION_NONE, NOTIFICATION_OSC9, NOTIFICATION_OSC777 };

/* From notify.terminal: no, osc9, osc777, or auto: what the environment says of the terminal. */
enum notification notification_of(const char *setting);

#endif
