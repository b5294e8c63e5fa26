#include "laws/verdict/verdict.h"

#include <stdarg.h>
#include <stdio.h>

const char *verdict_word(enum verdict verdict) {
    static const char *const words[] = {"holds", "holds only when", "does not hold",
                                        "not testable here"};
    return words[verdict];
}

struct judgement judgement(enum verdict verdict, const char *because, const char *format, ...) {
    struct judgement made = {.verdict = verdict};
    va_list arguments;
    snprintf(made.because, sizeof made.because, "%s", because);
    va_start(arguments, format);
    vsnprintf(made.figure, sizeof made.figure, format, arguments);
    va_end(arguments);
    return made;
}
