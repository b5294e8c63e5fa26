/* Asio with callbacks: any thread that runs the io_context calls the handler of a completion.
 *
 * On Windows the io_context is a completion port, on Linux an epoll. A session has one outstanding
 * operation at a time. So no two threads are in it concurrently, and it needs no strand. The
 * handlers own the session by a shared pointer: it ends with its last operation. */
#include "asio.h"

#include <array>
#include <memory>
#include <utility>

using asio::ip::tcp;

class session : public std::enable_shared_from_this<session> {
  public:
    explicit session(tcp::socket socket) : socket_(std::move(socket)) {
    }

    void receive() {
        socket_.async_read_some(
            asio::buffer(buffer_),
            [self = shared_from_this()](const std::error_code &error, std::size_t received) {
                if (!error)
                    self->send(received);
            });
    }

  private:
    /* async_write() sends all of it. Only then is the next byte received. */
    void send(std::size_t length) {
        asio::async_write(socket_, asio::buffer(buffer_, length),
                          [self = shared_from_this()](const std::error_code &error, std::size_t) {
                              if (!error)
                                  self->receive();
                          });
    }

    tcp::socket socket_;
    std::array<char, REFERENCE_BUFFER> buffer_;
};

static void accept(tcp::acceptor &acceptor) {
    acceptor.async_accept([&acceptor](const std::error_code &error, tcp::socket socket) {
        if (error == asio::error::operation_aborted)
            return;
        std::error_code ignored; /* the client may have left */
        if (!error) {
            socket.set_option(tcp::no_delay(true), ignored);
            std::make_shared<session>(std::move(socket))->receive();
        }
        accept(acceptor);
    });
}

int main(int argc, char **argv) {
    reference options{};
    options.program = "reference_asio";
    options.framework = "Asio";
    options.version = asio_version;
    options.details = "style=callbacks";
    options.summary = "An echo server on Asio: handlers of completions.";
    options.max_threads = 1024;
    reference_options(&options, argc, argv);
    try {
        /* The hint spares a single thread most locks. */
        asio::io_context context(static_cast<int>(options.threads));
        tcp::acceptor acceptor = listen_on(context, options);
        accept(acceptor);
        return serve(context, acceptor, options);
    } catch (const std::system_error &error) {
        return reference_failed(&options, "listen", error.what());
    }
}
