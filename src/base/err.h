/* err.h - an error is a value: the exit code it would cause and one sentence for the operator. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* Exit codes of the command line. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_BROKER = 3,
    EXIT_NOT_FOUND = 4,
    EXIT_TIMED_OUT = 5,
    EXIT_POLICY = 6,
};

/* text reads "what is wrong: what to do", without the program's name and without a newline. */
struct err {
    int code; /* enum exit_code */
    char text[480];
};

/* Fills e (NULL is allowed); returns false always, so that `return err_set(...)` reads well.
 * Foreign text among the arguments must have been cleaned (text.h) before. */
_Bool err_set(struct err *e, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
