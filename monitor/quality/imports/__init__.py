"""Recordings that come in: the queue, the worker, their facts."""
