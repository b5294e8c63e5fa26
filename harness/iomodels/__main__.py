import sys

from iomodels.cli.commands import main

sys.exit(main())
