/* A port is a queue: packets leave it in the order of posting. One thread posts, one takes. */
#include "laws/law.h"
#include "laws/verdict/packets.h"

enum { PACKETS = 1000 };

int main(int argc, char **argv) {
    law_start(argc, argv, "fifo_packets", "Packets leave a port in the order of posting.");
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    law_require(port != NULL, "CreateIoCompletionPort");
    for (ULONG_PTR packet = 1; packet <= PACKETS; packet++)
        law_require(PostQueuedCompletionStatus(port, 0, packet, NULL),
                    "PostQueuedCompletionStatus");
    struct fifo_packets_seen seen = {.packets = PACKETS, .missing = PACKETS};
    ULONG_PTR before = 0, packet;
    DWORD bytes;
    OVERLAPPED *overlapped;
    while (GetQueuedCompletionStatus(port, &bytes, &packet, &overlapped, 0)) {
        seen.missing--;
        seen.out_of_order += packet != before + 1;
        before = packet;
    }
    struct json line = law_line();
    FIFO_PACKETS_SEEN(LAW_SEEN)
    struct judged judged = {"B17", judge_fifo_packets(&seen)};
    return law_print(&line, &judged, 1);
}
