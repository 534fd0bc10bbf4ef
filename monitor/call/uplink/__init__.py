"""An agent's machine sends its calls to the server: `monitor listen --to URL`.

Events go into a file first (`spool`), then over a WebSocket (`sender`). The
file is kept until the server has everything, whatever happens to the line or to
this machine; a later run sends what an earlier one could not.
"""
