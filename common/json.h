/*
 * Writes one JSON object as one line on stdout, in a single write, so that lines of different threads never
 * mix.
 *
 *     struct json line = json_event("ready");
 *     json_u64(&line, "port", 8000);
 *     json_object(&line, "settings"); json_u64(&line, "threads", 2); json_close(&line);
 *     json_print(&line);
 *
 * A line that runs out of memory is not printed: json_print says so on stderr and returns false.
 */
#ifndef IOMODELS_JSON_H
#define IOMODELS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_FORMAT = 1, JSON_DEPTH_MAX = 8 };

struct json {
    char *text;
    size_t length, capacity;
    int depth;
    char closers[JSON_DEPTH_MAX];
    bool failed;
};

/* Starts {"event":NAME,"format":1 … */
struct json json_event(const char *event);

/* In an array the key is NULL. A NULL string is null; so is a double that is not finite. */
void json_string(struct json *, const char *key, const char *value);
void json_u64(struct json *, const char *key, uint64_t value);
void json_double(struct json *, const char *key, double value);
void json_bool(struct json *, const char *key, bool value);
void json_null(struct json *, const char *key);
void json_object(struct json *, const char *key);
void json_array(struct json *, const char *key);
void json_close(struct json *); /* the innermost object or array */

/* Ends and prints the line and frees it; false if it could not be built or written. */
bool json_print(struct json *);

/* Makes stdout carry bytes as they are written (Windows would turn \n into \r\n). Once, before the first
 * line. */
void json_start(void);

#endif
