/* i18n.c - the locale as it is found on bare machines: C.UTF-8 everywhere, de_AT almost nowhere. */
#include "base/i18n.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/place.h"

#define DOMAIN      "infoscreen-tui"
#define UTF8_LOCALE "C.UTF-8" /* part of libc on Debian: it exists where no language is installed  \
                               */

/* What the environment asks for in one category, by the rules of setlocale(); "" for nothing. */
static const char *wanted_locale(const char *category)
{
    const char *const names[] = {"LC_ALL", category, "LANG"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return value;
    }
    return "";
}

static bool is_plain(const char *locale)
{
    return !locale || !*locale || strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0;
}

/* Is "de_AT.UTF-8" or "de_AT" meant for a UTF-8 terminal? One that names another set is not. */
static bool names_utf8(const char *locale)
{
    const char *set = strchr(locale, '.');

    return !set || strncasecmp(set, ".utf-8", 6) == 0 || strncasecmp(set, ".utf8", 5) == 0;
}

static bool charset_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* A locale that is merely not installed makes setlocale() fail as a whole: everything would fall to
 * ASCII. Character type and the rest are taken one by one then. */
static void set_categories(void)
{
    const char *ctype = wanted_locale("LC_CTYPE");

    if (setlocale(LC_ALL, ""))
        return;
    setlocale(LC_TIME, "");
    setlocale(LC_COLLATE, "");
    setlocale(LC_MESSAGES, "");
    if (!setlocale(LC_CTYPE, "") && !is_plain(ctype) && names_utf8(ctype))
        setlocale(LC_CTYPE, UTF8_LOCALE);
}

/* The language of a locale name: "de" of "de_AT.UTF-8". */
static void language_of(const char *locale, char *out, size_t size)
{
    size_t n = strcspn(locale, "_.@");

    snprintf(out, size, "%.*s", (int)n, locale);
}

/* gettext looks at LANGUAGE only where LC_MESSAGES is more than C. */
static void set_language(const char *language)
{
    const char *wanted = wanted_locale("LC_MESSAGES");
    char guessed[16] = "";
    bool missing = !is_plain(wanted) && is_plain(setlocale(LC_MESSAGES, NULL));

    if (*language)
        setenv("LANGUAGE", language, 1);
    else if (missing && !getenv("LANGUAGE")) {
        language_of(wanted, guessed, sizeof(guessed));
        setenv("LANGUAGE", guessed, 1);
    }
    if ((*language || missing) && is_plain(setlocale(LC_MESSAGES, NULL)))
        setlocale(LC_MESSAGES, UTF8_LOCALE);
}

static void bind_catalogs(void)
{
    static const char *const places[] = {"/locale", "/../share/locale"};
    char path[PATH_MAX];
    bool found = false;

    for (size_t i = 0; i < sizeof places / sizeof *places && !found; i++)
        found = place_beside(places[i], path, sizeof path) && access(path, R_OK | X_OK) == 0;
    bindtextdomain(DOMAIN, found ? path : PREFIX "/share/locale");
    bind_textdomain_codeset(DOMAIN, "UTF-8");
    textdomain(DOMAIN);
}

_Bool i18n_init(const char *language)
{
    set_categories();
    set_language(language ? language : "");
    setlocale(LC_NUMERIC, "C"); /* JSON and SQL know no decimal comma */
    bind_catalogs();
    return charset_is_utf8();
}

const char *i18n_translate(const char *id)
{
    return *id ? gettext(id) : id;
}
