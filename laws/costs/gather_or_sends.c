/* What one send of several pieces (WSABUF) saves over a send per piece. Nagle's algorithm is off,
 * as in most servers, so each send may become a packet of its own. The sends of a message are
 * timed; the peer reads between messages, on the same thread. A message of one piece is the
 * control: both ways make the same call. */
#include "laws/law.h"
#include "laws/verdict/shortcuts.h"

#include <stdio.h>

enum { PIECE = 64, PIECES = 16, GROUPS = 10, MESSAGES = 6, SIZES = 5 };
static const DWORD sizes[SIZES] = {16, 8, 4, 2, 1}; /* pieces per message */

static SOCKET pair[2];
static char pieces[PIECES][PIECE];

static void send_pieces(DWORD first, DWORD count) {
    WSABUF buffers[PIECES];
    DWORD bytes;
    for (DWORD i = 0; i < count; i++)
        buffers[i] = (WSABUF){PIECE, pieces[first + i]};
    law_require(WSASend(pair[0], buffers, count, &bytes, 0, NULL, NULL) == 0 &&
                    bytes == count * PIECE,
                "WSASend");
}

static void read_message(DWORD count) {
    char message[PIECES * PIECE];
    int left = (int)count * PIECE;
    while (left > 0) {
        int bytes = recv(pair[1], message, left, 0);
        law_require(bytes > 0, "recv");
        left -= bytes;
    }
}

/* Returns the time in the sends of MESSAGES messages. */
static uint64_t group_ns(DWORD count, bool gather) {
    uint64_t took_ns = 0;
    for (int i = 0; i < MESSAGES; i++) {
        uint64_t start_ns = clock_now_ns();
        if (gather)
            send_pieces(0, count);
        else
            for (DWORD piece = 0; piece < count; piece++)
                send_pieces(piece, 1);
        took_ns += clock_now_ns() - start_ns;
        read_message(count);
    }
    return took_ns;
}

/* The fastest group counts, because other programs only add time. */
static uint64_t messages_ns(DWORD count, bool gather) {
    uint64_t fastest_ns = UINT64_MAX;
    for (int group = 0; group < GROUPS; group++) {
        uint64_t ns = group_ns(count, gather);
        fastest_ns = ns < fastest_ns ? ns : fastest_ns;
    }
    return fastest_ns;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "gather_or_sends",
              "One send of several pieces costs less than a send for each piece.");
    law_pair(pair);
    int on = 1;
    DWORD patience_ms = LAW_DEADLINE_MS;
    law_require(setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on) == 0 &&
                    setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, (const char *)&patience_ms,
                               sizeof patience_ms) == 0,
                "setsockopt");
    uint64_t gather[SIZES][RATIO_ROUNDS], sends[SIZES][RATIO_ROUNDS];
    messages_ns(PIECES, true); /* warms up */
    for (int round = 0; round < RATIO_ROUNDS; round++)
        for (int size = 0; size < SIZES; size++) {
            gather[size][round] = messages_ns(sizes[size], true);
            sends[size][round] = messages_ns(sizes[size], false);
        }
    struct json line = law_line();
    struct judged judged[SIZES];
    char names[SIZES][2][32];
    for (int size = 0; size < SIZES; size++) {
        snprintf(names[size][0], sizeof names[size][0], "one send of %lu", sizes[size]);
        snprintf(names[size][1], sizeof names[size][1], "%lu sends", sizes[size]);
        struct shortcut_seen seen =
            shortcut_of(names[size][0], gather[size], names[size][1], sends[size], MESSAGES);
        judged[size] = (struct judged){"", judge_shortcut(&seen)};
        json_object(&line, names[size][1]);
        json_double(&line, "one_send_ns", seen.name_ns);
        json_double(&line, "sends_ns", seen.detour_ns);
        json_close(&line);
    }
    return law_print(&line, judged, SIZES - 1); /* the control is no shortcut */
}
