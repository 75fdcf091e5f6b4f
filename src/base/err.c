#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

_Bool err_set(struct err *e, int code, const char *format, ...)
{
    va_list args;

    if (!e)
        return 0;
    e->code = code;
    va_start(args, format);
    if (vsnprintf(e->text, sizeof(e->text), format, args) < 0)
        e->text[0] = '\0';
    va_end(args);
    return 0;
}
