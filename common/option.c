#include "common/option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option *find(const struct option *const *tables, const char *name,
                                 size_t length) {
    for (; *tables; tables++)
        for (const struct option *option = *tables; option->name; option++)
            if (strlen(option->name) == length && memcmp(option->name, name, length) == 0)
                return option;
    return NULL;
}

/* The options that already have a value: a repeated option is ambiguous. */
enum { OPTIONS_MOST = 64 }; /* more than any program has */
struct seen {
    const struct option *options[OPTIONS_MOST];
    size_t count;
};

static bool see_again(struct seen *seen, const struct option *option) {
    for (size_t i = 0; i < seen->count; i++)
        if (seen->options[i] == option)
            return true;
    if (seen->count < OPTIONS_MOST)
        seen->options[seen->count++] = option;
    return false;
}

/* Accepts digits only: no sign, no blanks, no trailing text. */
static bool parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *number) {
    if (*text == '\0' || strspn(text, "0123456789") != strlen(text))
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (errno != 0 || value < min || value > max)
        return false;
    *number = (uint32_t)value;
    return true;
}

static bool parse_choice(const struct option *option, const char *value) {
    for (uint32_t i = 0; option->words[i]; i++) {
        if (strcmp(option->words[i], value) == 0) {
            *option->choice = i;
            return true;
        }
    }
    return false;
}

/* Prints one line on stderr with the allowed words of a choice. */
static void complain_choice(const char *program, const struct option *option, const char *value) {
    fprintf(stderr, "%s: --%s %s: must be one of:", program, option->name, value);
    for (const char *const *word = option->words; *word; word++)
        fprintf(stderr, " %s", *word);
    fprintf(stderr, "\n");
}

static bool assign(const char *program, const struct option *option, const char *value) {
    if (option->text) {
        *option->text = value;
        return true;
    }
    if (option->list) {
        if (option->list->count == OPTION_LIST_MAX) {
            fprintf(stderr, "%s: --%s %s: must be given at most %d times\n", program, option->name,
                    value, (int)OPTION_LIST_MAX);
            return false;
        }
        option->list->items[option->list->count++] = value;
        return true;
    }
    if (option->choice) {
        if (parse_choice(option, value))
            return true;
        complain_choice(program, option, value);
        return false;
    }
    if (parse_number(value, option->min, option->max, option->number))
        return true;
    fprintf(stderr, "%s: --%s %s: must be a whole number from %" PRIu32 " to %" PRIu32 "\n",
            program, option->name, value, option->min, option->max);
    return false;
}

/* Returns whether a text could change a terminal that prints it. In UTF-8, the control characters
 * beyond ASCII are C2 80 to C2 9F. */
static bool has_control(const char *text) {
    for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++)
        if (*byte < ' ' || *byte == 0x7f || (*byte == 0xc2 && byte[1] >= 0x80 && byte[1] <= 0x9f))
            return true;
    return false;
}

static bool are_printable(const char *program, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (has_control(argv[i])) {
            fprintf(stderr, "%s: argument %d: must not contain control characters\n", program, i);
            return false;
        }
    }
    return true;
}

enum option_outcome option_parse(const char *program, const struct option *const *tables, int argc,
                                 char **argv) {
    struct seen seen = {.count = 0};
    if (!are_printable(program, argc, argv))
        return OPTIONS_WRONG;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return OPTIONS_HELP;
        const char *name = argv[i] + 2;
        const char *equals = strchr(argv[i], '=');
        const struct option *option = NULL;
        if (strncmp(argv[i], "--", 2) == 0)
            option = find(tables, name, equals ? (size_t)(equals - name) : strlen(name));
        if (!option) {
            fprintf(stderr, "%s: %s: no such option; see --help\n", program, argv[i]);
            return OPTIONS_WRONG;
        }
        if (option->flag) {
            if (equals) {
                fprintf(stderr, "%s: %s: --%s takes no value\n", program, argv[i], option->name);
                return OPTIONS_WRONG;
            }
            *option->flag = true;
            continue;
        }
        const char *value = equals ? equals + 1 : argv[++i];
        if (!value) { /* the list of arguments ended (argv ends with NULL) */
            fprintf(stderr, "%s: --%s: needs a value; see --help\n", program, option->name);
            return OPTIONS_WRONG;
        }
        if (!option->list && see_again(&seen, option)) {
            fprintf(stderr, "%s: --%s %s: given more than once\n", program, option->name, value);
            return OPTIONS_WRONG;
        }
        if (!assign(program, option, value))
            return OPTIONS_WRONG;
    }
    return OPTIONS_PARSED;
}

static void print_allowed(const struct option *option) {
    if (option->number) {
        printf(" [%" PRIu32 "; %" PRIu32 " to %" PRIu32 " %s]", *option->number, option->min,
               option->max, option->unit);
    } else if (option->choice) {
        printf(" [%s;", option->words[*option->choice]);
        for (const char *const *word = option->words; *word; word++)
            printf(" %s", *word);
        printf("]");
    } else if (option->text) {
        printf(" [%s", *option->text ? *option->text : "");
        if (option->form)
            printf("; %s", option->form);
        printf("%s%s]", option->unit ? ", " : "", option->unit ? option->unit : "");
    } else if (option->list) {
        printf(" [%s]", option->form);
    }
}

bool option_help(const char *program, const char *summary, const struct option *const *tables) {
    printf("usage: %s [--option value]...\n%s\n\n", program, summary);
    for (; *tables; tables++) {
        for (const struct option *option = *tables; option->name; option++) {
            printf("  --%-14s %s", option->name, option->help);
            print_allowed(option);
            printf("\n");
        }
    }
    printf("  --%-14s %s\n", "help", "this text");
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    fprintf(stderr, "%s: --help: cannot be written to standard output\n", program);
    return false;
}
