/* term.h - the real program on a pseudo-terminal behind a terminal emulator (libvterm). Waits for what is on
 * the screen or for the program's idle mark, never for time to pass. */
#ifndef E2E_TERM_H
#define E2E_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct term;

struct term_options {
    int rows, cols;
    const char *term;        /* $TERM; NULL: xterm-256color */
    const char *const *env;  /* "NAME=value", NULL-terminated; NULL: none */
    bool no_input;           /* standard input is /dev/null: keys come from /dev/tty */
    bool nobodys;            /* no session's terminal: /dev/tty cannot be opened, no SIGWINCH comes */
};

/* Starts argv on a terminal of its own. Fails the test (cmocka) when it can't. */
struct term *term_start(const struct term_options *o, char *const argv[]);
void term_free(struct term *t); /* kills what still runs */
pid_t term_pid(const struct term *t);

void term_type(struct term *t, const char *keys);
void term_resize(struct term *t, int rows, int cols);
/* The screen as text, rows separated by '\n', trailing blanks removed. Valid until the next call. */
const char *term_screen(struct term *t);
/* Waits until `text` is (not) on the screen, at most `seconds`; prints the screen and fails otherwise. */
void term_expect(struct term *t, const char *text, int seconds);
void term_expect_gone(struct term *t, const char *text, int seconds);
/* Waits for the program's next idle mark: everything typed before was taken and painted. */
void term_settle(struct term *t, int seconds);
/* Takes what comes within ms; for repeating a question, not for hoping that something has happened. */
void term_wait(struct term *t, int ms);
bool term_has(struct term *t, const char *text);
size_t term_bytes(const struct term *t); /* written by the program so far */
/* The colour (palette index) of the cell where text begins; -1 default, -2 not on the screen. */
int term_colour_at(struct term *t, const char *text, bool background);
/* Waits for the end of the program; its wait status. */
int term_wait_exit(struct term *t, int seconds);
/* True if the alternate screen was left and the cursor is visible again. */
bool term_is_given_back(struct term *t);
/* The terminal's own settings (termios) are those from before the start. */
bool term_settings_restored(struct term *t);
/* Raw bytes since the start contained this? */
bool term_saw_bytes(const struct term *t, const char *bytes, size_t n);

#endif
