"""What every puller and every pusher must do, whatever its vendor: classes of tests that each is bound to.

`pullers.py` and `pushers.py` hold the tests and say what a case must offer; one module for each vendor binds them.
"""
