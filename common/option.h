/*
 * The command line as a table: each row names an option, where its value goes, and what is allowed. The same
 * table parses argv, writes --help, and is listed by a server's --describe.
 *
 * A row has exactly one of `number`, `choice`, `text`, `list` and `flag`; what it points at holds the default
 * before parsing.
 */
#ifndef IOMODELS_OPTION_H
#define IOMODELS_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTION_LIST_MAX = 8 };

/* The values of an option that may be given several times, in their order. */
struct option_list {
    size_t count;
    const char *items[OPTION_LIST_MAX];
};

struct option {
    const char *name; /* without its dashes; NULL ends the table */
    uint32_t *number;
    uint32_t *choice; /* index of one of `words` */
    const char **text;
    struct option_list *list;
    bool *flag;
    uint32_t min, max;        /* of a number, both allowed; max also of the numbers in a text */
    const char *unit;         /* of a number, or of the numbers in a text */
    const char *const *words; /* of a choice, NULL-terminated */
    const char *form; /* of a text or of an item: what is allowed, in words; NULL: anything */
    const char *help;
};

/* The kinds of rows, and the end of a table. */
/* clang-format off */
#define OPTION_NUMBER(option, variable, least, most, in, what) \
    {.name = option, .number = &variable, .min = least, .max = most, .unit = in, .help = what}
#define OPTION_CHOICE(option, variable, names, what) \
    {.name = option, .choice = &variable, .words = names, .help = what}
#define OPTION_TEXT(option, variable, what) {.name = option, .text = &variable, .help = what}
#define OPTION_FORM(option, variable, most, in, allowed, what) \
    {.name = option, .text = &variable, .max = most, .unit = in, .form = allowed, .help = what}
#define OPTION_LIST(option, variable, allowed, what) \
    {.name = option, .list = &variable, .form = allowed, .help = what}
#define OPTION_FLAG(option, variable, what) {.name = option, .flag = &variable, .help = what}
#define OPTION_END {.name = NULL}
/* clang-format on */

enum option_outcome { OPTIONS_PARSED, OPTIONS_HELP, OPTIONS_WRONG };

/*
 * Reads "--name value" and "--name=value" against `tables` (a NULL-terminated list of tables). OPTIONS_WRONG:
 * one line on stderr has named the option, the value and what is allowed. OPTIONS_HELP: --help was asked for.
 */
enum option_outcome option_parse(const char *program, const struct option *const *tables, int argc,
                                 char **argv);

/* Prints usage and one line per option on stdout, with the values that now stand as the defaults. */
void option_help(const char *program, const char *summary, const struct option *const *tables);

#endif
