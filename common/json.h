/* Writes one JSON object as one line on stdout. One write per line keeps threads' lines separate.
 *
 *     struct json line = json_event("ready");
 *     json_u64(&line, "port", 8000);
 *     json_object(&line, "settings"); json_u64(&line, "threads", 2); json_close(&line);
 *     json_print(&line);
 *
 * If memory runs out, json_print() prints an error instead of the line and returns false. */
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

/* Starts {"event":NAME,"format":1 …. */
struct json json_event(const char *event);

/* In an array the key is NULL. A NULL string becomes null, and so does a double that is not
 * finite. */
void json_string(struct json *, const char *key, const char *value);
void json_u64(struct json *, const char *key, uint64_t value);
void json_double(struct json *, const char *key, double value);
void json_bool(struct json *, const char *key, bool value);
void json_null(struct json *, const char *key);
void json_object(struct json *, const char *key);
void json_array(struct json *, const char *key);
void json_close(struct json *); /* closes the innermost object or array */

/* Ends, prints and frees the line. Returns false if it could not be built or written. */
bool json_print(struct json *);

/* Makes stdout binary (Windows would turn \n into \r\n). Call it once, before the first line. */
void json_start(void);

#endif
