#include "common/throttling.h"

#ifdef _WIN32

#include <windows.h>

/* PROCESS_POWER_THROTTLING_STATE: only the headers for Windows 10 have it; we build for Windows
 * 8. */
enum { POWER_THROTTLING = 4, EXECUTION_SPEED = 1, IGNORE_TIMER_RESOLUTION = 4 };
struct power_throttling {
    ULONG version, control, state;
};

/* One call covers all: what a later call leaves out of `control` gets its default back. */
static DWORD turn_off(ULONG what) {
    typedef BOOL(WINAPI * set_information)(HANDLE, int, void *, DWORD);
    HMODULE module = LoadLibraryExW(L"kernel32.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    /* C converts function pointers only through void(*)(void). */
    void (*found)(void) =
        module ? (void (*)(void))GetProcAddress(module, "SetProcessInformation") : NULL;
    set_information set = (set_information)found;
    if (!set)
        return ERROR_CALL_NOT_IMPLEMENTED;
    struct power_throttling throttling = {.version = 1, .control = what, .state = 0};
    return set(GetCurrentProcess(), POWER_THROTTLING, &throttling, sizeof throttling)
               ? 0
               : GetLastError();
}

struct throttling throttling_off(void) {
    DWORD error = turn_off(EXECUTION_SPEED | IGNORE_TIMER_RESOLUTION);
    struct throttling errors = {.execution_error = error, .timer_error = error};
    if (error != 0)
        errors.execution_error = turn_off(EXECUTION_SPEED); /* since Windows 10 1709 */
    return errors;
}

#else

struct throttling throttling_off(void) {
    return (struct throttling){0};
}

#endif
