import sys

try:
    from iomodels.cli.main import main

    code = main()
except KeyboardInterrupt:  # while the modules are loaded
    print("iomodels: interrupted", file=sys.stderr)
    code = 130
sys.exit(code)
