/* rescue.h - the terminal given back when the program dies in a way that nobody foresaw. */
#ifndef UI_RESCUE_H
#define UI_RESCUE_H

#include <stddef.h>
#include <termios.h>

/* From now on a fatal signal writes `bytes` to the terminal and restores its settings, then ends
 * the program as it would have ended. One terminal at a time. */
void rescue_arm(int tty, const struct termios *before, const char *bytes, size_t n);
void rescue_disarm(void);
void rescue_now(void); /* async-signal-safe; does nothing unless armed */

#endif
