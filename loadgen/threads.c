#include "loadgen/threads.h"

#include <stdlib.h>

#ifdef _WIN32

#include <process.h>
#include <windows.h>

typedef HANDLE thread_handle;
#define THREAD_RESULT unsigned __stdcall

static bool start_thread(thread_handle *thread, unsigned(__stdcall *entry)(void *), void *argument) {
    *thread = (HANDLE)_beginthreadex(NULL, 0, entry, argument, 0, NULL);
    return *thread != NULL;
}

static void join_thread(thread_handle thread) {
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

#else

#include <pthread.h>

typedef pthread_t thread_handle;
#define THREAD_RESULT void *

static bool start_thread(thread_handle *thread, void *(*entry)(void *), void *argument) {
    return pthread_create(thread, NULL, entry, argument) == 0;
}

static void join_thread(thread_handle thread) {
    pthread_join(thread, NULL);
}

#endif

struct thread {
    thread_handle handle;
    void (*work)(void *);
    void *argument;
};

struct threads {
    size_t count;
    struct thread thread[]; /* each keeps its place: the system holds its address */
};

static THREAD_RESULT enter(void *argument) {
    const struct thread *thread = argument;
    thread->work(thread->argument);
    return 0;
}

struct threads *threads_start(size_t count, void (*work)(void *), void *arguments, size_t size) {
    struct threads *threads = calloc(1, sizeof *threads + count * sizeof threads->thread[0]);
    if (!threads)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct thread *thread = &threads->thread[i];
        thread->work = work;
        thread->argument = (char *)arguments + i * size;
        if (!start_thread(&thread->handle, enter, thread)) {
            threads_join(threads);
            return NULL;
        }
        threads->count++;
    }
    return threads;
}

void threads_join(struct threads *threads) {
    for (size_t i = 0; i < threads->count; i++)
        join_thread(threads->thread[i].handle);
    free(threads);
}
