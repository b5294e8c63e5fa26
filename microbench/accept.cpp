/* Admitting a connected client: accept against AcceptEx (claims B34, C27, C29, E5).
 *
 * Clients connect and leave while the clock is stopped. Each variant admits the same fixed number
 * of clients, because every connection occupies a local port for a while. */
#include "windows_bench.h"

#include <cstring>

extern "C" {
#include "common/platform.h"
}

namespace {

constexpr size_t BATCH = 16; /* clients that wait in the backlog */
constexpr int CONNECTIONS = 256;
constexpr int FIRST = 64; /* bytes that a client sends after its connect */

enum First { WITHOUT_DATA, WITH_DATA };

struct Reception {
    Listener listener;
    LPFN_ACCEPTEX accept_ex = extension<LPFN_ACCEPTEX>(listener, WSAID_ACCEPTEX);
    LPFN_DISCONNECTEX disconnect_ex = extension<LPFN_DISCONNECTEX>(listener, WSAID_DISCONNECTEX);
    Handle port{make_port()};
    OVERLAPPED overlapped = {};
    std::vector<Socket> clients{BATCH}, accepted{BATCH};
    std::vector<char> greeting = std::vector<char>(FIRST, 'g'), received;
    /* The first data, then the two addresses, each with the 16 extra bytes that AcceptEx
     * requires. */
    static constexpr DWORD ADDRESS = sizeof(sockaddr_in) + 16;
    char block[FIRST + 2 * ADDRESS] = {};

    bool ok() const {
        return listener.ok() && accept_ex && disconnect_ex &&
               CreateIoCompletionPort(reinterpret_cast<HANDLE>(static_cast<SOCKET>(listener)), port,
                                      0, 0);
    }

    /* Connects the clients of a batch, which send their first bytes if they have any. */
    bool connect(First first) {
        for (Socket &client : clients) {
            client = listener.connect_client();
            if (client == INVALID_SOCKET || (first && !send_all(client, greeting.data(), FIRST)))
                return false;
        }
        return true;
    }

    /* Checks that each client is connected to its accepted socket: a byte from there arrives here.
     * Then closes both, the client with a reset, which leaves no port in TIME_WAIT. */
    bool check_and_close() {
        bool right = true;
        for (size_t i = 0; i < BATCH; i++) {
            char byte = static_cast<char>('a' + i), came = 0;
            right &= send_all(accepted[i], &byte, 1) && receive_all(clients[i], &came, 1) &&
                     came == byte;
            linger reset = {1, 0};
            setsockopt(clients[i], SOL_SOCKET, SO_LINGER, reinterpret_cast<const char *>(&reset),
                       sizeof reset);
            clients[i].close();
            accepted[i].close();
        }
        return right;
    }

    bool packet(DWORD expected) {
        DWORD bytes;
        ULONG_PTR key;
        OVERLAPPED *which;
        return GetQueuedCompletionStatus(port, &bytes, &key, &which, DEADLINE_MS) &&
               bytes == expected;
    }

    /* Runs AcceptEx on `socket` until its packet arrives, and completes the socket. */
    bool accept_on(SOCKET socket, DWORD first_bytes) {
        DWORD bytes;
        overlapped = {};
        if (!accept_ex(listener, socket, block, first_bytes, ADDRESS, ADDRESS, &bytes,
                       &overlapped) &&
            WSAGetLastError() != WSA_IO_PENDING)
            return false;
        SOCKET parent = listener;
        return packet(first_bytes) &&
               setsockopt(socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                          reinterpret_cast<const char *>(&parent), sizeof parent) == 0;
    }
};

/* Returns whether `accepted` is the other end of `client`, by its port. */
bool same_connection(SOCKET accepted, SOCKET client) {
    sockaddr_in peer = {}, own = {};
    int peer_length = sizeof peer, own_length = sizeof own;
    return getpeername(accepted, reinterpret_cast<sockaddr *>(&peer), &peer_length) == 0 &&
           getsockname(client, reinterpret_cast<sockaddr *>(&own), &own_length) == 0 &&
           peer.sin_port == own.sin_port;
}

void accept_plain(benchmark::State &state, First first) {
    Reception reception;
    bool whole = reception.ok();
    char received[FIRST];
    Measured measured(state);
    while (whole && state.KeepRunningBatch(BATCH)) {
        measured.pause();
        whole &= reception.connect(first);
        measured.resume();
        for (Socket &socket : reception.accepted) {
            socket = Socket(accept(reception.listener, nullptr, nullptr));
            whole &= socket != INVALID_SOCKET && (!first || receive_all(socket, received, FIRST));
        }
        measured.pause();
        whole &= reception.check_and_close();
        measured.resume();
    }
    measured.end();
    expect(state, whole, "a client was not accepted, or its bytes did not arrive");
}

/* The socket for the client is created beforehand and counts as cost, because accept creates one
 * too. */
void accept_extended(benchmark::State &state, First first) {
    Reception reception;
    bool whole = reception.ok();
    Measured measured(state);
    while (whole && state.KeepRunningBatch(BATCH)) {
        measured.pause();
        whole &= reception.connect(first);
        measured.resume();
        for (Socket &socket : reception.accepted) {
            socket = make_socket();
            whole &= reception.accept_on(socket, first ? FIRST : 0);
        }
        measured.pause();
        whole &= !first || std::string(reception.block, FIRST) == std::string(FIRST, 'g');
        whole &= reception.check_and_close();
        measured.resume();
    }
    measured.end();
    expect(state, whole, "a client was not accepted, or its bytes did not arrive");
}

/* Returns whether a byte passes from `client` to `accepted`, and one back. Under Wine a reused
 * socket receives but never sends: AcceptEx does not undo DisconnectEx's end of sending (seen with
 * 8.0). `mute` reports that case; on Windows it is a failure. */
bool bytes_cross(SOCKET accepted, SOCKET client, char there, bool &mute) {
    char back = static_cast<char>(there + 1), came = 0;
    if (!send_all(client, &there, 1) || !receive_all(accepted, &came, 1) || came != there)
        return false;
    if (!send_all(accepted, &back, 1))
        return mute = WSAGetLastError() == WSAESHUTDOWN &&
                      std::strncmp(platform_name(), "wine-", 5) == 0;
    return receive_all(client, &came, 1) && came == back;
}

/* DisconnectEx frees the socket for the next AcceptEx: no socket is created or closed. The client
 * closes first, so that TIME_WAIT is on its side. */
void accept_reused(benchmark::State &state) {
    Reception reception;
    bool whole = reception.ok(), mute = false;
    for (Socket &socket : reception.accepted) {
        socket = make_socket();
        set_deadlines(socket);
        whole &= CreateIoCompletionPort(reinterpret_cast<HANDLE>(static_cast<SOCKET>(socket)),
                                        reception.port, 0, 0) != nullptr;
    }
    Measured measured(state);
    while (whole && state.KeepRunningBatch(BATCH)) {
        measured.pause();
        whole &= reception.connect(WITHOUT_DATA);
        measured.resume();
        for (Socket &socket : reception.accepted)
            whole &= reception.accept_on(socket, 0);
        measured.pause();
        for (size_t i = 0; i < BATCH; i++) {
            char none;
            whole &= same_connection(reception.accepted[i], reception.clients[i]) &&
                     bytes_cross(reception.accepted[i], reception.clients[i],
                                 static_cast<char>('a' + i), mute);
            reception.clients[i].close();
            /* the client's half-close arrived */
            whole &= recv(reception.accepted[i], &none, 1, 0) == 0;
        }
        measured.resume();
        for (Socket &socket : reception.accepted) {
            reception.overlapped = {};
            if (!reception.disconnect_ex(socket, &reception.overlapped, TF_REUSE_SOCKET, 0))
                whole &= WSAGetLastError() == WSA_IO_PENDING;
            whole &= reception.packet(0);
        }
    }
    measured.end();
    if (mute)
        state.SetLabel("a reused socket cannot send on " + std::string(platform_name()));
    expect(state, whole, "a client was not accepted, or its socket could not be reused");
}

} // namespace

BENCHMARK_CAPTURE(accept_plain, no_data, WITHOUT_DATA)
    ->Name("accept/accept")
    ->Iterations(CONNECTIONS)
    ->UseRealTime();
BENCHMARK_CAPTURE(accept_plain, first, WITH_DATA)
    ->Name("accept/accept_then_recv")
    ->Iterations(CONNECTIONS)
    ->UseRealTime();
BENCHMARK_CAPTURE(accept_extended, no_data, WITHOUT_DATA)
    ->Name("accept/AcceptEx")
    ->Iterations(CONNECTIONS)
    ->UseRealTime();
BENCHMARK_CAPTURE(accept_extended, first, WITH_DATA)
    ->Name("accept/AcceptEx_with_first_data")
    ->Iterations(CONNECTIONS)
    ->UseRealTime();
BENCHMARK(accept_reused)
    ->Name("accept/AcceptEx_and_DisconnectEx_reuse")
    ->Iterations(CONNECTIONS)
    ->UseRealTime();
