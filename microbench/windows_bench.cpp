#include "windows_bench.h"

extern "C" {
#include "common/sockets.h"
}

void fail_call(benchmark::State &state, const char *call, DWORD error) {
    char text[SOCKETS_ERROR_TEXT_BYTES];
    fail(state, std::string(call) + ": " + sockets_error_text(static_cast<int>(error), text));
}

Socket make_socket() {
    Socket made(WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, nullptr, 0, WSA_FLAG_OVERLAPPED));
    BOOL on = TRUE;
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char *>(&on), sizeof on);
    return made;
}

Listener::Listener() : socket_(make_socket()) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int length = sizeof address_;
    auto *address = reinterpret_cast<sockaddr *>(&address_);
    ok_ = socket_ != INVALID_SOCKET && bind(socket_, address, length) == 0 &&
          listen(socket_, SOMAXCONN) == 0 && getsockname(socket_, address, &length) == 0;
}

void set_deadlines(SOCKET socket) {
    DWORD deadline = DEADLINE_MS;
    for (int option : {SO_RCVTIMEO, SO_SNDTIMEO})
        setsockopt(socket, SOL_SOCKET, option, reinterpret_cast<const char *>(&deadline),
                   sizeof deadline);
}

Socket Listener::connect_client() const {
    Socket client = make_socket();
    if (client != INVALID_SOCKET &&
        connect(client, reinterpret_cast<const sockaddr *>(&address_), sizeof address_) != 0)
        client.close();
    set_deadlines(client);
    return client;
}

Pair::Pair() : Pair(Listener()) {
}

Pair::Pair(const Listener &listener) {
    if (!listener.ok())
        return;
    peer = listener.connect_client();
    if (peer != INVALID_SOCKET)
        ours = Socket(accept(listener, nullptr, nullptr));
    BOOL on = TRUE;
    setsockopt(ours, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char *>(&on), sizeof on);
    set_deadlines(ours);
}

bool send_all(SOCKET socket, const char *data, size_t length) {
    while (length > 0) {
        int sent = send(socket, data, static_cast<int>(length), 0);
        if (sent <= 0)
            return false;
        data += sent;
        length -= static_cast<size_t>(sent);
    }
    return true;
}

bool receive_all(SOCKET socket, char *data, size_t length) {
    while (length > 0) {
        int received = recv(socket, data, static_cast<int>(length), 0);
        if (received <= 0)
            return false;
        data += received;
        length -= static_cast<size_t>(received);
    }
    return true;
}

bool await_bytes(SOCKET socket, size_t length) {
    ULONGLONG deadline = GetTickCount64() + DEADLINE_MS;
    for (;;) {
        u_long ready = 0;
        if (ioctlsocket(socket, FIONREAD, &ready) != 0)
            return false;
        if (ready >= length)
            return true;
        if (GetTickCount64() > deadline)
            return false;
        Sleep(0);
    }
}
