/* i18n.h - gettext, from the first line. _() translates now, N_() marks for later. */
#ifndef BASE_I18N_H
#define BASE_I18N_H

#include <libintl.h>

#define _(s) gettext(s)
#define N_(s) s
#define P_(one, many, n) ngettext((one), (many), (unsigned long)(n))

/* Call once, first thing in main(). language: "" (the environment's), "en" or "de"; German works
 * under C.UTF-8 too. Translations are looked up beside the executable (build/locale), then under
 * the installed prefix. Numbers stay in the C locale. Returns true if the terminal's character set
 * is UTF-8. */
_Bool i18n_init(const char *language);
const char *i18n_translate(const char *id); /* gettext as a plain function, for translate_fn */

#endif
