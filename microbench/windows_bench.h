/* The parts that the benchmarks of Windows calls share: handles that close themselves, a connected
 * pair of sockets, and Windows' message for an error. */
#ifndef IOMODELS_WINDOWS_BENCH_H
#define IOMODELS_WINDOWS_BENCH_H

#include "bench.h"

#include <vector>

#include <winsock2.h>
#include <mswsock.h>
#include <windows.h>

/* The limit of every wait: an operation that takes longer has failed. */
constexpr DWORD DEADLINE_MS = 10000;

/* Calls fail() with the call's name and Windows' message for `error`. */
void fail_call(benchmark::State &state, const char *call, DWORD error);

class Handle {
  public:
    explicit Handle(HANDLE handle = nullptr)
        : handle_(handle == INVALID_HANDLE_VALUE ? nullptr : handle) {
    }
    Handle(Handle &&other) noexcept : handle_(other.handle_) {
        other.handle_ = nullptr;
    }
    Handle(const Handle &) = delete;
    Handle &operator=(const Handle &) = delete;
    Handle &operator=(Handle &&) = delete;
    ~Handle() {
        if (handle_)
            CloseHandle(handle_);
    }
    operator HANDLE() const {
        return handle_;
    }

  private:
    HANDLE handle_;
};

/* An event that resets itself after a wait. */
inline HANDLE make_event() {
    return CreateEventW(nullptr, FALSE, FALSE, nullptr);
}

inline HANDLE make_port(DWORD concurrency = 0) {
    return CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, concurrency);
}

class Socket {
  public:
    explicit Socket(SOCKET socket = INVALID_SOCKET) : socket_(socket) {
    }
    Socket(Socket &&other) noexcept : socket_(other.release()) {
    }
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;
    Socket &operator=(Socket &&other) noexcept {
        close();
        socket_ = other.release();
        return *this;
    }
    ~Socket() {
        close();
    }
    void close() {
        if (socket_ != INVALID_SOCKET)
            closesocket(release());
    }
    SOCKET release() {
        SOCKET socket = socket_;
        socket_ = INVALID_SOCKET;
        return socket;
    }
    operator SOCKET() const {
        return socket_;
    }

  private:
    SOCKET socket_;
};

/* Makes a TCP socket for overlapped I/O, without Nagle's algorithm. */
Socket make_socket();

/* Gives blocking calls on this socket a deadline. */
void set_deadlines(SOCKET socket);

/* Listens on 127.0.0.1; Windows chooses the port. */
class Listener {
  public:
    Listener();
    bool ok() const {
        return ok_;
    }
    operator SOCKET() const {
        return socket_;
    }
    Socket connect_client() const; /* INVALID_SOCKET: WSAGetLastError() gives the reason */

  private:
    Socket socket_;
    sockaddr_in address_ = {};
    bool ok_ = false;
};

/* Two ends of one connection over loopback. */
struct Pair {
    Pair();
    explicit Pair(const Listener &listener);
    bool ok() const {
        return ours != INVALID_SOCKET && peer != INVALID_SOCKET;
    }
    Socket ours, peer;
};

/* Blocks and transfers all bytes or fails. */
bool send_all(SOCKET socket, const char *data, size_t length);
bool receive_all(SOCKET socket, char *data, size_t length);

/* Waits until `length` bytes can be received without waiting: loopback on Windows delivers with a
 * small delay. */
bool await_bytes(SOCKET socket, size_t length);

/* Returns a function of mswsock.dll that a socket's provider implements, e.g. WSAID_ACCEPTEX;
 * nullptr if none. */
template <typename Function> Function extension(SOCKET socket, GUID id) {
    Function function = nullptr;
    DWORD bytes;
    if (WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &function,
                 sizeof function, &bytes, nullptr, nullptr) != 0)
        return nullptr;
    return function;
}

/* The other side of the process switch (thread.cpp): sends a `pong` for each `ping`; both are
 * inherited handles. */
int switch_partner(const char *ping, const char *pong);

#endif
