/* WSARecv and WSASend start a transfer and return; the kernel does it. Three cases:
 * - A receive without data is outstanding until the peer sends.
 * - A send with a free send buffer completes inside the call: the kernel has copied the data.
 * - A send with a full send buffer is outstanding until the peer reads. The buffer belongs to
 *   Windows until then.
 * This thread also plays the peer. So it proves that no call of the sender moves the data. */
#include "laws/law.h"
#include "laws/verdict/transfers.h"

enum { ROUNDS = 10, PAUSE_MS = 10, PIECE = 65536, MOST_SENDS = 1024 };

static SOCKET pair[2];
static OVERLAPPED overlapped;
static struct kernel_transfers_seen seen = {.operations = ROUNDS};
static char out[PIECE], in[PIECE];

/* Starts an operation of pair[0]. Returns whether it is outstanding, and the time in the call. */
static bool start(bool send_it, DWORD length, uint64_t *call_ns) {
    WSABUF buffer = {length, send_it ? out : in};
    DWORD flags = 0;
    overlapped = (OVERLAPPED){.hEvent = overlapped.hEvent};
    uint64_t start_ns = clock_now_ns();
    int result = send_it ? WSASend(pair[0], &buffer, 1, NULL, 0, &overlapped, NULL)
                         : WSARecv(pair[0], &buffer, 1, NULL, &flags, &overlapped, NULL);
    *call_ns = clock_now_ns() - start_ns;
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv or WSASend");
    seen.bytes_sent += send_it ? length : 0;
    return result != 0;
}

static bool complete(DWORD wait_ms) {
    return WaitForSingleObject(overlapped.hEvent, wait_ms) == WAIT_OBJECT_0;
}

static void finish(DWORD length) {
    DWORD bytes, flags;
    law_wait(overlapped.hEvent);
    law_require(WSAGetOverlappedResult(pair[0], &overlapped, &bytes, FALSE, &flags) &&
                    bytes == length,
                "WSAGetOverlappedResult");
}

/* The peer reads until nothing of what was sent is missing, or nothing comes in time. */
static void read_all(void) {
    while (seen.bytes_arrived < seen.bytes_sent) {
        int bytes = recv(pair[1], in, sizeof in, 0);
        if (bytes <= 0)
            return;
        seen.bytes_arrived += (uint64_t)bytes;
    }
}

static void receive(uint64_t *call_ns, uint64_t *completion_ns) {
    uint64_t start_ns = clock_now_ns();
    seen.receives_pended += start(false, 1, call_ns);
    Sleep(PAUSE_MS); /* other work */
    law_require(send(pair[1], "x", 1, 0) == 1, "send");
    finish(1);
    *completion_ns = clock_now_ns() - start_ns;
}

static void send_with_free_buffer(uint64_t *call_ns) {
    seen.free_inline += !start(true, 1, call_ns);
    read_all();
    finish(1);
}

static void send_with_full_buffer(uint64_t *call_ns, uint64_t *completion_ns) {
    uint64_t start_ns = 0;
    bool full = false;
    for (int sends = 0; !full && sends < MOST_SENDS; sends++) {
        start_ns = clock_now_ns();
        /* a pending send that completes without the peer only found the kernel busy */
        full = start(true, PIECE, call_ns) && !complete(PAUSE_MS);
        if (!full)
            finish(PIECE);
    }
    seen.full_pended += full;
    seen.full_early += full && complete(0);
    read_all();
    finish(PIECE);
    *completion_ns = clock_now_ns() - start_ns;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "kernel_transfers",
              "WSASend and WSARecv return immediately; the kernel does the transfer.");
    int small = PIECE;
    DWORD patience_ms = LAW_DEADLINE_MS;
    overlapped.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    law_pair(pair);
    law_require(overlapped.hEvent != NULL &&
                    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, (char *)&small, sizeof small) == 0 &&
                    setsockopt(pair[1], SOL_SOCKET, SO_RCVBUF, (char *)&small, sizeof small) == 0 &&
                    setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, (char *)&patience_ms,
                               sizeof patience_ms) == 0,
                "setsockopt");
    uint64_t receive_call_ns[ROUNDS], receive_ns[ROUNDS], free_call_ns[ROUNDS];
    uint64_t full_call_ns[ROUNDS], full_ns[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        receive(&receive_call_ns[i], &receive_ns[i]);
        send_with_free_buffer(&free_call_ns[i]);
        send_with_full_buffer(&full_call_ns[i], &full_ns[i]);
    }
    seen.receive_call_ns = law_median(receive_call_ns, ROUNDS);
    seen.receive_ns = law_median(receive_ns, ROUNDS);
    seen.free_call_ns = law_median(free_call_ns, ROUNDS);
    seen.full_call_ns = law_median(full_call_ns, ROUNDS);
    seen.full_ns = law_median(full_ns, ROUNDS);
    struct json line = law_line();
    KERNEL_TRANSFERS_SEEN(LAW_SEEN)
    struct judged judged = {"B15", judge_kernel_transfers(&seen)};
    return law_print(&line, &judged, 1);
}
