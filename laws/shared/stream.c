#include "laws/shared/stream.h"

void stream_pair(SOCKET pair[2]) {
    DWORD timeout_ms = LAW_DEADLINE_MS;
    law_pair(pair);
    for (int i = 0; i < 2; i++)
        law_require(setsockopt(pair[i], SOL_SOCKET, SO_RCVTIMEO, (const char *)&timeout_ms,
                               sizeof timeout_ms) == 0,
                    "SO_RCVTIMEO");
}

void stream_close(SOCKET pair[2]) {
    closesocket(pair[0]);
    closesocket(pair[1]);
}

void stream_receive(SOCKET socket, char *bytes, uint32_t count) {
    while (count > 0) {
        int got = recv(socket, bytes, (int)count, 0);
        law_require(got > 0, "recv");
        bytes += got;
        count -= (uint32_t)got;
    }
}
