/* i18n.c - German and English from gettext, wherever the catalogs lie and whatever locales the host has. */
#include "base/i18n.h"

#include <langinfo.h>
#include <stdbool.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOMAIN "infoscreen-tui"

/* gettext translates only where LC_MESSAGES isn't C; a bare host has C.UTF-8 and no de_DE, and there LANGUAGE
 * alone decides which catalog is taken. */
static void choose_messages(const char *language)
{
    const char *lang = getenv("LC_ALL");

    if (!lang || !*lang)
        lang = getenv("LC_MESSAGES");
    if (!lang || !*lang)
        lang = getenv("LANG");
    if (language && *language)
        setenv("LANGUAGE", language, 1);
    else if (lang && strncmp(lang, "de", 2) == 0 && !getenv("LANGUAGE"))
        setenv("LANGUAGE", "de", 1); /* the locale may not be installed; the wish stands */
    const char *now = setlocale(LC_MESSAGES, NULL);
    if (!now || strcmp(now, "C") == 0 || strcmp(now, "POSIX") == 0)
        setlocale(LC_MESSAGES, "C.UTF-8");
}

/* Only a locale that is missing on this host is replaced; a wish for C stays C and gets ASCII. */
static void choose_charset(bool found)
{
    if (!found && !setlocale(LC_ALL, "C.UTF-8"))
        setlocale(LC_ALL, "C");
}

static void bind_catalogs(void)
{
    char path[4096];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 16);

    if (n > 0) {
        path[n] = '\0';
        char *slash = strrchr(path, '/');
        if (slash) {
            memcpy(slash, "/locale", sizeof "/locale");
            if (access(path, R_OK) == 0) {
                bindtextdomain(DOMAIN, path);
                return;
            }
        }
    }
    bindtextdomain(DOMAIN, PREFIX "/share/locale");
}

bool i18n_init(const char *language)
{
    const bool found = setlocale(LC_ALL, "") != NULL;

    choose_charset(found);
    choose_messages(language);
    setlocale(LC_NUMERIC, "C"); /* JSON, SQL and durations are read by programs */
    bind_catalogs();
    bind_textdomain_codeset(DOMAIN, "UTF-8");
    textdomain(DOMAIN);
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

const char *i18n_translate(const char *id)
{
    return gettext(id);
}
