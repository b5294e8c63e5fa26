import sys

from iomodels.cli.main import main

sys.exit(main())
