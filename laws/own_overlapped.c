/* Every outstanding operation needs an OVERLAPPED of its own. Two clients' receives are outstanding
 * concurrently, once with two OVERLAPPED and once with one for both. Windows writes state and
 * length of an operation there. So the client that is still silent seems to have received what the
 * other one sent. The shared OVERLAPPED stays valid until both receives are complete. */
#include "laws/law.h"
#include "laws/verdict/completions.h"

enum { ROUNDS = 20, CLIENTS = 2 };

static SOCKET pairs[CLIENTS][2];
static struct own_overlapped_seen seen = {.rounds = ROUNDS};

static void receive(SOCKET socket, char *data, DWORD length, OVERLAPPED *overlapped) {
    WSABUF buffer = {length, data};
    DWORD flags = 0;
    int result = WSARecv(socket, &buffer, 1, NULL, &flags, overlapped, NULL);
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
    seen.pended += result != 0;
}

/* Asks for a client's receive and compares with the truth; `expected` is 0 if it must still be
 * outstanding. Returns 1 for a wrong answer. */
static uint64_t wrong(int client, OVERLAPPED *overlapped, DWORD expected) {
    DWORD bytes = 0, flags;
    bool complete = WSAGetOverlappedResult(pairs[client][0], overlapped, &bytes, FALSE, &flags);
    return complete != (expected > 0) || bytes != expected;
}

/* Returns the number of wrong answers of four. */
static uint64_t receive_of_both(OVERLAPPED *overlapped[CLIENTS], HANDLE complete) {
    static char data[CLIENTS][8];
    uint64_t count = 0;
    *overlapped[0] = *overlapped[1] = (OVERLAPPED){.hEvent = complete};
    receive(pairs[0][0], data[0], sizeof data[0], overlapped[0]);
    receive(pairs[1][0], data[1], sizeof data[1], overlapped[1]);
    law_require(send(pairs[0][1], "x", 1, 0) == 1, "send");
    law_wait(complete);
    count += wrong(0, overlapped[0], 1);
    count += wrong(1, overlapped[1], 0);
    law_require(ResetEvent(complete) && send(pairs[1][1], "xyz", 3, 0) == 3, "send");
    law_wait(complete);
    count += wrong(0, overlapped[0], 1);
    count += wrong(1, overlapped[1], 3);
    return count;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "own_overlapped",
              "Every outstanding operation needs its own OVERLAPPED.");
    static OVERLAPPED own[CLIENTS];
    HANDLE complete = CreateEventW(NULL, TRUE, FALSE, NULL);
    law_require(complete != NULL, "CreateEventW");
    for (int client = 0; client < CLIENTS; client++)
        law_pair(pairs[client]);
    for (int round = 0; round < ROUNDS; round++) {
        seen.wrong_own += receive_of_both((OVERLAPPED *[]){&own[0], &own[1]}, complete);
        seen.wrong_shared += receive_of_both((OVERLAPPED *[]){&own[0], &own[0]}, complete);
        seen.answers += 4;
    }
    struct json line = law_line();
    OWN_OVERLAPPED_SEEN(LAW_SEEN)
    struct judged judged = {"D4", judge_own_overlapped(&seen)};
    return law_print(&line, &judged, 1);
}
