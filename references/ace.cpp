/* ACE Proactor: an acceptor makes a handler per client, and the proactor calls it on completions.
 *
 * On Windows the proactor is a completion port. A handler has one outstanding operation at a time,
 * so no two threads are in it concurrently. It owns itself: the completion that finds its client
 * gone deletes it. */
#include "reference.h"

#include <ace/Asynch_Acceptor.h>
#include <ace/INET_Addr.h>
#include <ace/Init_ACE.h>
#include <ace/Log_Msg.h>
#include <ace/Message_Block.h>
#include <ace/OS_NS_errno.h>
#include <ace/OS_NS_string.h>
#include <ace/OS_NS_sys_socket.h>
#include <ace/Proactor.h>
#include <ace/SOCK_Acceptor.h>
#include <ace/Task.h>
#include <ace/Version.h>
#include <ace/os_include/netinet/os_tcp.h>

class Echo : public ACE_Service_Handler {
  public:
    ~Echo() override {
        if (handle() != ACE_INVALID_HANDLE)
            ACE_OS::closesocket(handle());
    }

    /* The acceptor calls it; there are no bytes yet, because it accepts without a receive. */
    void open(ACE_HANDLE client, ACE_Message_Block &) override {
        const int on = 1;
        if (ACE_OS::setsockopt(client, ACE_IPPROTO_TCP, TCP_NODELAY,
                               reinterpret_cast<const char *>(&on), sizeof on) != 0 ||
            reader_.open(*this) != 0 || writer_.open(*this) != 0)
            delete this;
        else
            receive();
    }

    void handle_read_stream(const ACE_Asynch_Read_Stream::Result &result) override {
        if (!result.success() || result.bytes_transferred() == 0)
            delete this;
        else
            send();
    }

    void handle_write_stream(const ACE_Asynch_Write_Stream::Result &result) override {
        if (!result.success())
            delete this;
        else if (block_.length() > 0)
            send();
        else
            receive();
    }

  private:
    void receive() {
        block_.reset();
        if (reader_.read(block_, block_.size()) != 0)
            delete this;
    }

    void send() {
        if (writer_.write(block_, block_.length()) != 0)
            delete this;
    }

    ACE_Asynch_Read_Stream reader_;
    ACE_Asynch_Write_Stream writer_;
    ACE_Message_Block block_{REFERENCE_BUFFER};
};

/* Threads of ACE that run the proactor until end_event_loop(). */
class Workers : public ACE_Task_Base {
  public:
    int svc() override {
        return ACE_Proactor::run_event_loop();
    }
};

static const char *ace_version() {
    return ACE_VERSION;
}

static void stop(void *) {
    ACE_Proactor::end_event_loop();
}

int main(int argc, char **argv) {
    reference options{};
    options.program = "reference_ace";
    options.framework = "ACE";
    options.version = ace_version;
    options.details = "style=proactor accepts=16";
    options.summary = "An echo server on the Proactor of ACE.";
    options.max_threads = 1024;
    reference_options(&options, argc, argv);
    ACE::init();
    ACE_LOG_MSG->priority_mask(0, ACE_Log_Msg::PROCESS); /* our errors are one line each */
    ACE_INET_Addr address(static_cast<u_short>(options.port), options.host);
    ACE_Asynch_Acceptor<Echo> acceptor;
    /* No bytes with an accept, no addresses; no SO_REUSEADDR, which on Windows would allow a second
     * server on the port; 16 outstanding accepts, as in our iocp. */
    enum { ACCEPTS = 16 };
    if (acceptor.open(address, 0, false, REFERENCE_BACKLOG, 0, nullptr, false, 1, ACCEPTS) != 0)
        return reference_failed(&options, "listen", ACE_OS::strerror(ACE_OS::last_error()));
    ACE_SOCK_Acceptor listener;
    listener.set_handle(acceptor.get_handle());
    if (listener.get_local_addr(address) != 0)
        return reference_failed(&options, "ask for the port",
                                ACE_OS::strerror(ACE_OS::last_error()));
    listener.set_handle(ACE_INVALID_HANDLE); /* it stays the acceptor's */
    Workers workers;
    if (workers.activate(THR_NEW_LWP | THR_JOINABLE, static_cast<int>(options.threads)) != 0)
        return reference_failed(&options, "start threads", ACE_OS::strerror(ACE_OS::last_error()));
    if (!reference_ready(&options, address.get_port_number(), stop, nullptr))
        return 1;
    workers.wait();
    acceptor.cancel();
    return 0;
}
