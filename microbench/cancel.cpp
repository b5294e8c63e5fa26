/* CancelIoEx of one outstanding receive, while many others are outstanding on the same socket or
 * each on a socket of its own. The kernel may have to search for the one.
 *
 * The sockets are UDP: a receive stays outstanding without a peer. Taking the packet of a cancelled
 * receive and starting the next one happen while the clock is stopped. */
#include "windows_bench.h"

namespace {

struct Receive {
    SOCKET socket = INVALID_SOCKET;
    OVERLAPPED overlapped = {};
    char byte = 0;

    bool start() {
        WSABUF buffer = {1, &byte};
        DWORD flags = 0;
        overlapped = {};
        return WSARecvFrom(socket, &buffer, 1, nullptr, &flags, nullptr, nullptr, &overlapped,
                           nullptr) == SOCKET_ERROR &&
               WSAGetLastError() == WSA_IO_PENDING;
    }
};

Socket bound_socket(HANDLE port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Socket made(WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, nullptr, 0, WSA_FLAG_OVERLAPPED));
    if (made == INVALID_SOCKET ||
        bind(made, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0 ||
        !CreateIoCompletionPort(reinterpret_cast<HANDLE>(static_cast<SOCKET>(made)), port, 0, 0))
        made.close();
    return made;
}

/* Takes a packet, which must be that of the cancelled receive. */
bool taken(HANDLE port, const Receive &receive) {
    DWORD bytes;
    ULONG_PTR key;
    OVERLAPPED *which = nullptr;
    return !GetQueuedCompletionStatus(port, &bytes, &key, &which, DEADLINE_MS) &&
           which == &receive.overlapped && GetLastError() == ERROR_OPERATION_ABORTED;
}

void cancel(benchmark::State &state, bool one_socket) {
    auto count = static_cast<size_t>(state.range(0));
    Handle port(make_port());
    std::vector<Socket> sockets;
    std::vector<Receive> receives(count); /* before the sockets end, all must be cancelled */
    bool whole = port != nullptr;
    for (size_t i = 0; whole && i < count; i++) {
        if (i == 0 || !one_socket)
            sockets.push_back(bound_socket(port));
        receives[i].socket = sockets.back();
        whole = sockets.back() != INVALID_SOCKET && receives[i].start();
    }
    size_t turn = 0;
    Measured measured(state);
    while (whole && state.KeepRunning()) {
        Receive &one = receives[turn++ % count];
        whole &= CancelIoEx(reinterpret_cast<HANDLE>(one.socket), &one.overlapped) != FALSE;
        measured.pause();
        whole = whole && taken(port, one) && one.start();
        measured.resume();
    }
    measured.end();
    expect(state, whole, "a receive was not outstanding, or could not be cancelled alone");
    for (const Socket &socket : sockets)
        CancelIoEx(reinterpret_cast<HANDLE>(static_cast<SOCKET>(socket)), nullptr);
    for (size_t left = count; whole && left > 0; left--) {
        DWORD bytes;
        ULONG_PTR key;
        OVERLAPPED *which;
        GetQueuedCompletionStatus(port, &bytes, &key, &which, DEADLINE_MS);
    }
}

} // namespace

BENCHMARK_CAPTURE(cancel, one, true)
    ->Name("cancel/one_socket")
    ->ArgName("outstanding")
    ->RangeMultiplier(10)
    ->Range(1, 10000)
    ->UseRealTime();
BENCHMARK_CAPTURE(cancel, many, false)
    ->Name("cancel/many_sockets")
    ->ArgName("outstanding")
    ->RangeMultiplier(10)
    ->Range(1, 1000)
    ->UseRealTime();
