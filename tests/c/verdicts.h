/* Checks of verdicts on invented platforms: one where a law holds, one where it does not, and cases
 * between. What a judgement says is compared with tests/c/verdicts/NAME.txt, so that each figure is
 * the right one. IOMODELS_WRITE_GOLDEN=1 writes these files. */
#ifndef IOMODELS_VERDICTS_H
#define IOMODELS_VERDICTS_H

#include "check.h"
#include "laws/verdict/verdict.h"

#include <string.h>

#define EXPECT(expected, judgement) expect(__LINE__, expected, judgement)

/* Compares a judgement with the next line of the file, or writes that line. */
static void compare_words(int line, struct judgement made) {
    static FILE *file;
    static int number;
    char words[1024], kept[1024] = "";
    const char *writes = getenv("IOMODELS_WRITE_GOLDEN");
    if (!file)
        file = fopen(VERDICTS_FILE, writes ? "w" : "r");
    CHECK(file != NULL);
    snprintf(words, sizeof words, "%d. %s | %s | %s\n", ++number, verdict_word(made.verdict),
             made.because, made.figure);
    if (writes) {
        fputs(words, file);
        return;
    }
    if (!fgets(kept, sizeof kept, file) || strcmp(kept, words) != 0) {
        fprintf(stderr, "line %d says: %skept is: %s", line, words, kept);
        exit(EXIT_FAILURE);
    }
}

static void expect(int line, enum verdict expected, struct judgement made) {
    if (made.verdict != expected)
        fprintf(stderr, "line %d: %s, because '%s': %s\n", line, verdict_word(made.verdict),
                made.because, made.figure);
    CHECK(made.verdict == expected);
    CHECK(made.figure[0] != '\0');
    CHECK(made.verdict == HOLDS || made.verdict == DOES_NOT_HOLD || made.because[0] != '\0');
    CHECK(strlen(made.figure) + 1 < sizeof made.figure); /* nothing was truncated */
    CHECK(strlen(made.because) + 1 < sizeof made.because);
    compare_words(line, made);
}

#endif
