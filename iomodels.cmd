@echo off
rem iomodels for Windows: finds Python, which does the rest (cmake\setup_windows.py). See: iomodels help
setlocal EnableExtensions DisableDelayedExpansion
set "PYTHON="
call :find py -3
call :find python
call :find python3
if not defined PYTHON (
    echo iomodels: needs Python 3.11 or newer, 64-bit: https://www.python.org/downloads/windows/ 1>&2
    exit /b 1
)
"%PYTHON%" -P "%~dp0cmake\setup_windows.py" %*
exit /b %ERRORLEVEL%

rem The path of Python itself: what PATH calls so may be a batch file, too old, or the Store's stand-in that only talks.
rem A 32-bit Python has no wheels of SciPy.
:find
if defined PYTHON exit /b 0
set "ASK=import sys; sys.version_info.__ge__((3, 11)) and sys.maxsize.bit_length().__ge__(63) and print(sys.executable)"
for /f "delims=" %%E in ('%* -c "%ASK%" 2^>nul') do set "PYTHON=%%E"
exit /b 0
