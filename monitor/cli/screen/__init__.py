"""The call on a terminal: a live page, or plain lines when there is no terminal."""
