/* The thread pool takes four kinds of work: a callback, a timer, a wait for an object, an I/O
 * completion. */
#include "laws/law.h"
#include "laws/verdict/threads_and_pool.h"

enum { ASKED = 30 };

static HANDLE done, object, file;
static volatile LONG ran;

static void finished(void) {
    InterlockedIncrement(&ran);
    SetEvent(done);
}

static void CALLBACK on_work(PTP_CALLBACK_INSTANCE instance, void *context, PTP_WORK work) {
    (void)instance, (void)context, (void)work;
    finished();
}

static void CALLBACK on_timer(PTP_CALLBACK_INSTANCE instance, void *context, PTP_TIMER timer) {
    (void)instance, (void)context, (void)timer;
    finished();
}

static void CALLBACK on_wait(PTP_CALLBACK_INSTANCE instance, void *context, PTP_WAIT wait,
                             TP_WAIT_RESULT result) {
    (void)instance, (void)context, (void)wait, (void)result;
    finished();
}

static void CALLBACK on_io(PTP_CALLBACK_INSTANCE instance, void *context, void *overlapped,
                           ULONG error, ULONG_PTR bytes, PTP_IO io) {
    (void)instance, (void)context, (void)overlapped, (void)error, (void)bytes, (void)io;
    finished();
}

static void submit_work(void *work) {
    SubmitThreadpoolWork(work);
}

static void set_timer(void *timer) {
    FILETIME now = {0, 0}; /* a relative time of 0 */
    SetThreadpoolTimer(timer, &now, 0, 0);
}

static void set_wait(void *wait) {
    SetThreadpoolWait(wait, object, NULL);
    SetEvent(object);
}

static void start_io(void *io) {
    static OVERLAPPED overlapped;
    overlapped = (OVERLAPPED){0};
    StartThreadpoolIo(io);
    law_require(WriteFile(file, "x", 1, NULL, &overlapped) || GetLastError() == ERROR_IO_PENDING,
                "WriteFile");
}

/* Returns the number of callbacks that ran, and the median time from submit to callback. */
static uint64_t ask(void (*submit)(void *), void *object_of_pool, uint64_t *median_ns) {
    uint64_t took_ns[ASKED];
    law_require(object_of_pool != NULL, "CreateThreadpoolWork, Timer, Wait or Io");
    ran = 0;
    for (int i = 0; i < ASKED; i++) {
        uint64_t start_ns = clock_now_ns();
        submit(object_of_pool);
        WaitForSingleObject(done, LAW_DEADLINE_MS / ASKED);
        took_ns[i] = clock_now_ns() - start_ns;
    }
    *median_ns = law_median(took_ns, ASKED);
    return (uint64_t)ran;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "pool_work_kinds",
              "The thread pool takes four kinds of work: callback, timer, wait, I/O.");
    wchar_t folder[MAX_PATH], path[MAX_PATH];
    law_require(GetTempPathW(MAX_PATH, folder) > 0 && GetTempFileNameW(folder, L"law", 0, path) > 0,
                "GetTempFileNameW");
    file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS,
                       FILE_FLAG_OVERLAPPED | FILE_FLAG_DELETE_ON_CLOSE, NULL);
    done = CreateEventW(NULL, FALSE, FALSE, NULL);
    object = CreateEventW(NULL, FALSE, FALSE, NULL);
    law_require(file != INVALID_HANDLE_VALUE && done && object, "CreateFileW");
    struct pool_work_kinds_seen seen = {.asked = ASKED};
    seen.work = ask(submit_work, CreateThreadpoolWork(on_work, NULL, NULL), &seen.work_ns);
    seen.timer = ask(set_timer, CreateThreadpoolTimer(on_timer, NULL, NULL), &seen.timer_ns);
    seen.wait = ask(set_wait, CreateThreadpoolWait(on_wait, NULL, NULL), &seen.wait_ns);
    seen.io = ask(start_io, CreateThreadpoolIo(file, on_io, NULL, NULL), &seen.io_ns);
    CloseHandle(file);
    struct json line = law_line();
    POOL_WORK_KINDS_SEEN(LAW_SEEN)
    struct judged judged = {"C23", judge_pool_work_kinds(&seen)};
    return law_print(&line, &judged, 1);
}
