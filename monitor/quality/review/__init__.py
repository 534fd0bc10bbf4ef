"""Was the machine right? Verdicts, cases, appeals, calibration, and what follows from them.

The calculations (`agreement`, `quality`, `appeals`) know no
database; the modules that read the store hand them plain values.
"""
