"""Options, configuration, the graph and the command line."""

import os

# gRPC reads this when it is loaded: its fork handlers only get in the way of starting ExifTool, and say so each time.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
